"""A point in a figure that a hand moves: by a click, or by a drag with the point under it in the browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bokeh.events import Pan, PanEnd, Tap
from bokeh.models import ColumnDataSource, CustomJS

GAP = 0.04  # s between two places of a drag that are answered
# The point follows the hand at once; Python says where it snaps.
FOLLOW = """
const {x, y} = cb_obj
if (x >= fig.x_range.start && x <= fig.x_range.end && y >= fig.y_range.start && y <= fig.y_range.end)
  here.data = {...here.data, x: [x], y: [y]}
"""


class Hand:
    """Calls ``on_point(x, y, done)`` with places within the figure's ranges; `done` at a click and at a drag's end.

    Parameters
    ----------
    fig : bokeh figure
    here : ColumnDataSource
        The point, its columns x and y.
    on_point : callable
    """

    def __init__(self, fig: Any, here: ColumnDataSource, on_point: Callable[[float, float, bool], None]):
        self._fig, self._on_point, self._last = fig, on_point, 0.0
        follow = CustomJS(args={"fig": fig, "here": here}, code=FOLLOW)
        for kind in (Tap, Pan):
            fig.js_on_event(kind, follow)
        for kind, done in ((Tap, True), (Pan, False), (PanEnd, True)):
            fig.on_event(kind, lambda event, done=done: self.pointed(event, done))

    def pointed(self, event: Any, done: bool) -> None:
        """A hand is at the place of an event."""
        if event.x is None or event.y is None or (not done and time.monotonic() - self._last < GAP):
            return
        x = min(max(event.x, self._fig.x_range.start), self._fig.x_range.end)
        y = min(max(event.y, self._fig.y_range.start), self._fig.y_range.end)
        self._on_point(x, y, done)
        self._last = time.monotonic()
