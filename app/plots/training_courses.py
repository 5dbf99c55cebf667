"""Something over the steps of training, one line a machine, with the moment on show as a line to drag."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.events import Pan, PanEnd, Tap
from bokeh.models import ColumnDataSource, CustomJS, FixedTicker, LinearScale, Range1d

from tpapp.plots.base import DASH, POWER_TICKS, Plot, finite, fixed_ticks, write
from tpapp.plots.training_machine import colour, label_colour, log_ticks

ORDER = ("network", "kernel", "feature")
GAP = 0.04  # s between two moments of a drag
ROOM = 1.62  # of the steps: where the names stand
FOLLOW = "const {x} = cb_obj; here.data = {...here.data, x: [Math.min(Math.max(x, 0), end.tags[0])]}"


class CoursePlot(Plot):
    """`read(machine)` gives (steps, values); `on_step(step)` is called where a visitor points or drags to."""

    def __init__(self, title: str, name: str, read: Callable[[Any], tuple[np.ndarray, np.ndarray]], *,
                 log: bool = False, on_step: Callable[[float], None] | None = None, theme: str = "light",
                 projector: bool = False, height: int = 144):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self._read, self._log, self._on_step, self._last = read, log, on_step, 0.0
        self._machines: dict[str, Any] = {}
        self._width = 64.0
        fig = self.axes(height=height, x_range=Range1d(0, 1), y_range=Range1d(0.01 if log else 0, 1), x_label="step",
                        y_axis_type="log" if log else "linear")  # fmt: skip
        if log:
            fig.yaxis[0].ticker = fig.ygrid[0].ticker = FixedTicker(ticks=[])
            fig.yaxis[0].formatter = POWER_TICKS.clone()
        else:
            fig.yaxis[0].ticker.desired_num_ticks = 4
        self.here = ColumnDataSource({"x": [0]})
        here = fig.vspan(x="x", source=self.here)
        self.paint(here.glyph, line_color="ink3", line_width=lambda s: s.line(1.5))
        self.lines = {name: ColumnDataSource({"x": [], "y": []}) for name in ORDER}
        for name, source in self.lines.items():
            dash = "solid" if name == "network" else DASH
            line = fig.line("x", "y", source=source, line_join="round", line_dash=dash)
            self.paint(line.glyph, line_color=lambda s, name=name: colour(s, name, self._width),
                       line_width=lambda s: s.line(2))  # fmt: skip
        fig.extra_y_ranges = {"names": Range1d(0, 1)}  # names stay where they are as the axis changes
        fig.extra_y_scales = {"names": LinearScale()}
        fig.min_border_top = 10
        self.text = self.labels(fig, text_align="left", text_baseline="middle")
        for names in fig.renderers[-2:]:
            names.y_range_name = "names"
        self._hand(fig)
        self.build(fig)

    def _hand(self, fig: Any) -> None:
        if self._on_step is None:
            return
        self.end = ColumnDataSource(tags=[1])
        follow = CustomJS(args={"here": self.here, "end": self.end}, code=FOLLOW)
        for kind in (Tap, Pan):
            fig.js_on_event(kind, follow)
            fig.on_event(kind, lambda event, done=kind is Tap: self._pointed(event, done))
        fig.on_event(PanEnd, lambda event: self._pointed(event, True))

    def _pointed(self, event: Any, done: bool) -> None:
        if event.x is not None and (done or time.monotonic() - self._last > GAP):
            self._on_step(float(event.x))
            self._last = time.monotonic()

    def update(self, machines: dict[str, Any], steps: int, *, fit: bool = True) -> None:
        """Draw `Machine`s by their names."""
        self._machines = {name: machines[name] for name in ORDER if machines.get(name) is not None}
        if "network" in self._machines:
            self._width = self._machines["network"].width
        self.fig.x_range.end = steps * ROOM
        if self._on_step is not None and self.end.tags != [steps]:
            self.end.tags = [steps]
        fixed_ticks(self.fig.xaxis[0], [0, steps // 2, steps], ["0", str(steps // 2), str(steps)])
        for name, source in self.lines.items():
            x, y = self._values(name)
            source.data = {"x": x, "y": y}
        if fit:
            self._fit()
        self.repaint()
        self._label()

    def _values(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        if name not in self._machines:
            return np.zeros(0), np.zeros(0)
        x, y = self._read(self._machines[name])
        y = finite(self.title, y)
        return x, np.maximum(y, 1e-12) if self._log else y

    def _fit(self) -> None:
        rows = [self._values(name)[1] for name in self._machines]
        if not rows:
            return
        values = np.concatenate(rows)
        if self._log:
            top = 30 * max(float(row[0]) for row in rows)
            values = np.clip(values, 1e-9, top)
            low, high = float(values.min()) / 1.5, float(values.max()) * 1.5
            self.fig.y_range.update(start=low, end=high)
            self.fig.yaxis[0].ticker.ticks = log_ticks(low, high)
        else:
            high = float(np.clip(values.max(), 1e-3, 5.0))
            self.fig.y_range.update(start=min(0.0, float(values.min())), end=1.08 * high)

    def moment(self, step: float) -> None:
        """Where the line of the present stands."""
        if list(self.here.data["x"]) != [step]:
            self.here.data = {"x": [step]}

    def _label(self) -> None:
        style, rows = self.style, []
        for name, machine in self._machines.items() if not style.projector else ():  # not the figure to project
            x, y = self._values(name)
            text = f"{name} ✕" if machine.diverged is not None else name
            rows.append((float(x[-1]), float(y[-1]), text, label_colour(style, name, self._width)))
        start, end = self.fig.y_range.start, self.fig.y_range.end
        place = [math.log(max(y, start) / start) / math.log(end / start) if self._log else (y - start) / (end - start)
                 for _, y, _, _ in rows]  # fmt: skip
        moved = _apart([min(max(y, 0.0), 1.0) for y in place], style.px(15) / max(self.fig.height - 52, 40))
        write(self.text, {
            "x": [self.fig.x_range.end / ROOM] * len(rows), "y": moved, "text": [text for _, _, text, _ in rows],
            "colour": [c for *_, c in rows], "dx": [style.px(6)] * len(rows), "dy": [0] * len(rows),
        })  # fmt: skip
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._label()

    def data(self) -> dict[str, np.ndarray]:
        found = {}
        for name in self._machines:
            x, y = self._values(name)
            found |= {f"{name}_step": np.asarray(x), name: y}
        return found


def _apart(places: list[float], gap: float) -> list[float]:
    """Places at least `gap` apart, in the same order, half a gap inside [0, 1]."""
    found = [0.0] * len(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    last = -gap / 2
    for k in order:
        last = found[k] = max(min(places[k], 1 - gap / 2), last + gap)
    above = 1 + gap / 2
    for k in reversed(order):
        above = found[k] = min(found[k], above - gap)
    return found
