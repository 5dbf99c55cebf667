"""The width dial: value to click and type, step and Play, a log track painted with the width map, ∞ at its end.

The track's steps are the grid of `tpapp.state.grid` (equal steps in log n),
then ∞, where the limit stands alone. Any whole number may be typed.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from contextlib import nullcontext

import panel as pn

from tpapp import theme
from tpapp.player import Player
from tpapp.state import State, grid, parse_width
from tpapp.widgets import dress, html, row

INFINITY = ('<div class="tp-inf" aria-hidden="true"><svg viewBox="0 0 18 9" fill="none" stroke="currentColor" '
            'stroke-width="1.6"><path d="M9 4.5C7.2 2 5.7 1 4.4 1a3.5 3.5 0 0 0 0 7C5.7 8 7.2 7 9 4.5s3.3-3.5 '
            '4.6-3.5a3.5 3.5 0 0 1 0 7C12.3 8 10.8 7 9 4.5Z"/></svg></div>')
TICKS = (8, 100, 1_000, 10_000, 100_000, 1_000_000)


def spoken(n: float) -> str:
    """A width as text: ``4,096`` or ``∞``."""
    return "∞" if n == math.inf else f"{int(n):,}"


class Transport(Player, pn.viewable.Viewer):
    """What every dial has: the value to type, step back, Play, step on, and a track.

    A dial has `state`, `value`, `slider` and `track`, and is a `Player`.

    Parameters
    ----------
    state : State
    complain : callable
        Called with words when what was typed means nothing here or had to be cut.
    together : callable
        Makes a context in which changes reach the browser as one message.
    """

    def __init__(self, state: State, complain: Callable[[str], None] = print, together=nullcontext, **params):
        super().__init__(**params)
        self.state, self.complain = state, complain
        self._moving = False
        self.arm(together, kind="solid", css_classes=["tp-play"])
        self.transport = row(self.back, self.play, self.on, parts=("transport",), sizing_mode=None)

    def __panel__(self):
        return row(self.value, self.transport, self.track, parts=("dialrow",), css_classes=["tp-dial"])


class Dial(Transport):
    """The dial of a State's `width`: a `Width` parameter of that name. Parameters as `Transport`."""

    def __init__(self, state: State, complain: Callable[[str], None] = print, together=nullcontext, **params):
        super().__init__(state, complain, together, **params)
        self.low = state.param.width.low
        self.grid = grid(self.low)
        self._build()
        state.param.watch(lambda event: self._show(), "width")
        self._show()

    # -- what keys and buttons do ------------------------------------------------------------------------------

    def step(self, steps: int) -> None:
        """Go to the next width of the grid (ends at ∞ and at the narrowest)."""
        stops = (*self.grid, math.inf)
        n = self.state.width
        place = bisect.bisect_right(stops, n) if steps > 0 else bisect.bisect_left(stops, n) - 1
        place += steps - 1 if steps > 0 else steps + 1
        self.state.width = stops[max(0, min(len(stops) - 1, place))]

    def at_end(self) -> bool:
        return self.state.width >= self.grid[-1]

    def rewind(self) -> None:
        self.state.width = self.grid[0]

    # -- what it looks like ------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.value = dress(pn.widgets.TextInput(label="Width", css_classes=["tp-value"]), "value", fill=False)
        self.value.param.watch(self._typed, "value")
        self.slider = pn.widgets.IntSlider(
            label="Width, from narrow to the limit", start=0, end=len(self.grid), tooltips=False, show_value=False,
            css_classes=["tp-dial-slider"])
        dress(self.slider, "dial")
        self.slider.param.watch(self._dragged, "value")
        last = 100 * (len(self.grid) - 1) / len(self.grid)
        self.track = row(self.slider, html(self._ticks(), "ticks"), parts=("track",), styles={
            "--tp-track": f"linear-gradient(to right, {theme.width_track_css(self.grid)})",
            "--tp-last": f"{last:.3f}%"})

    def _ticks(self) -> str:
        steps, first = len(self.grid), math.log2(self.low)
        marks = sorted({self.low, *(n for n in TICKS if n >= 4 * self.low)})
        place = {n: 100 * min(math.log2(n) - first, steps - 1) / steps for n in marks}
        spans = [f'<span style="left:{place[n]:.2f}%"><b>{n:,}</b><i>{_short(n)}</i></span>' for n in marks]
        ticks = f'<div class="tp-ticks" aria-hidden="true">{"".join(spans)}</div>'
        return ticks + INFINITY

    def _show(self) -> None:
        n = self.state.width
        text = spoken(n)
        if self.value.value != text:
            self.value.value = text
        place = len(self.grid) if n == math.inf else self._nearest(n)
        self._moving = True
        try:
            words = "infinite: the limit alone" if n == math.inf else f"n = {text}"
            self.slider.param.update(value=place, styles={"--tp-thumb": theme.width_css(n), "--tp-words": f"'{words}'"})
        finally:
            self._moving = False

    def _nearest(self, n: float) -> int:
        return min(range(len(self.grid)), key=lambda i: abs(math.log(self.grid[i] / n)))

    def _dragged(self, event) -> None:
        if not self._moving:
            with self.together():
                self.stop()
                self.state.width = (*self.grid, math.inf)[event.new]

    def _typed(self, event) -> None:
        if event.new == spoken(self.state.width):
            return
        try:
            width, words = parse_width(event.new, self.low)
        except ValueError as error:
            self.complain(str(error))
            self.value.value = spoken(self.state.width)
            return
        with self.together():
            self.stop()
            self.state.width = width
            self.value.value = spoken(width)
        if words:
            self.complain(words)


def _short(n: int) -> str:
    return f"{n // 1_000_000}M" if n >= 1_000_000 else f"{n // 1_000}k" if n >= 1_000 else str(n)
