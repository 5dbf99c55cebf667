"""The function that a machine has learnt so far: a line over a variable, or outputs at inputs, beside the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d

from tpapp.plots.base import finite, fixed_ticks
from tpapp.plots.training_machine import MachinePlot

OTHERS = 7  # networks besides the first


class OutputsPlot(MachinePlot):
    """f_t of a machine: its own line (or dots), the start in grey, the target dotted, what is trained on as rings."""

    def __init__(self, of: str, *, height: int = 156, **style):
        super().__init__(of, "function", **style)
        self._scene, self._others = None, ()
        fig = self.axes(height=height, x_range=Range1d(-2, 2), y_range=Range1d(-2, 2))
        fig.yaxis[0].ticker.desired_num_ticks = 4
        sources = {name: ColumnDataSource({"x": [], "y": []}) for name in ("truth", "start", "line", "data")}
        self.sources = sources
        self.band = ColumnDataSource({"x": [], "low": [], "high": []})
        self.others = ColumnDataSource({"xs": [], "ys": []})
        self.dots = ColumnDataSource({name: [] for name in ("x", "y", "full", "name", "words")})
        area = fig.varea("x", "low", "high", source=self.band, fill_alpha=0.16)
        self.paint(area.glyph, fill_color=self.own)
        truth = fig.line("x", "y", source=sources["truth"], line_dash=[1, 4], line_cap="round")
        self.paint(truth.glyph, line_color="ink3", line_width=lambda s: s.line(2))
        start = fig.line("x", "y", source=sources["start"])
        self.paint(start.glyph, line_color="ink3", line_width=lambda s: s.line(1), line_alpha=lambda s: 0.6)
        thin = fig.multi_line("xs", "ys", source=self.others, line_alpha=0.35)
        self.paint(thin.glyph, line_color=self.own, line_width=lambda s: s.line(1))
        line = fig.line("x", "y", source=sources["line"], line_dash=self.dash, line_join="round")
        self.paint(line.glyph, line_color=self.own, line_width=lambda s: s.line(2))
        spots = fig.scatter("x", "y", source=self.dots, line_width=1.25, fill_alpha="full")
        self.paint(spots.glyph, fill_color=self.own, line_color=self.own, size=lambda s: s.px(6))
        rings = fig.scatter("x", "y", source=sources["data"], line_width=1.5)
        self.paint(rings.glyph, fill_color="surface", line_color="ink", size=lambda s: s.px(7))
        hover = HoverTool(renderers=[spots], tooltips=[("", "@name"), ("f", "@words")])
        fig.add_tools(hover)
        fig.toolbar_location = None
        self.build(fig)

    def scene(self, scene: Any) -> None:
        """Another task: axes, target, what is trained on."""
        if scene is self._scene:
            return
        self._scene, self._machine = scene, None
        room = 0.04 * np.ptp(scene.x)
        self.fig.x_range.update(start=float(scene.x.min() - room), end=float(scene.x.max() + room))
        reach = 1.75 * float(np.abs(scene.y).max())
        self.fig.y_range.update(start=-reach, end=reach)
        self.fig.xaxis[0].axis_label = scene.words
        low, high = scene.x.min(), scene.x.max()
        ticks = scene.ticks or tuple((float(k), f"{k}".replace("-", "−")) for k in range(-9, 10) if low <= k <= high)
        fixed_ticks(self.fig.xaxis[0], [place for place, _ in ticks], [text for _, text in ticks])
        self.sources["truth"].data = {"x": scene.truth[0], "y": scene.truth[1]}
        line = scene.kind == "line"
        trained = slice(scene.count if line else 0)
        self.sources["data"].data = {"x": scene.x[trained], "y": scene.y[trained]}
        self.update(None)

    def update(self, machine: Any, moment: int = 0, others: tuple = ()) -> None:
        """Draw a `Machine` at a moment; `others` are outputs (A, N) of more networks."""
        self._take(machine, moment)
        self._others = others
        scene = self._scene
        line = scene.kind == "line" and machine is not None
        shown = slice(scene.count, None)
        x = scene.x[shown]
        f = finite("The outputs", machine.f) if machine is not None else None
        self.sources["line"].data = {"x": x, "y": f[self.frame][shown]} if line else {"x": [], "y": []}
        self.sources["start"].data = {"x": x, "y": f[0][shown]} if line else {"x": [], "y": []}
        more = [row[self.frame][shown] for row in others[:OTHERS]] if line else []
        self.others.data = {"xs": [x] * len(more), "ys": more}
        self._band(machine, x, shown)
        self._spots(machine, f)
        self.repaint()
        self.push()

    def _band(self, machine: Any, x: np.ndarray, shown: slice) -> None:
        known = machine is not None and self._scene.kind == "line" and machine.sd.any()
        if not known:
            self.band.data = {"x": [], "low": [], "high": []}
            return
        mean, sd = machine.f[self.frame][shown], machine.sd[self.frame][shown]
        self.band.data = {"x": x, "low": mean - 2 * sd, "high": mean + 2 * sd}

    def _spots(self, machine: Any, f: np.ndarray | None) -> None:
        scene = self._scene
        if machine is None or scene.kind == "line":
            self.dots.data = {name: [] for name in self.dots.data}
            return
        y, count = f[self.frame], len(scene.x)
        new = np.arange(count) >= scene.count
        names = scene.labels or tuple("" for _ in range(count))
        self.dots.data = {
            "x": scene.x, "y": y, "full": np.where(new, 0.85, 0.0),
            "name": [f"{name} ({'new' if fresh else 'trained on'})" for name, fresh in zip(names, new)],
            "words": [f"{value:.2f}, target {want:.2f}".replace("-", "−") for value, want in zip(y, scene.y)],
        }  # fmt: skip

    def data(self) -> dict[str, np.ndarray]:
        if self._machine is None:
            return {}
        return {"place": self._scene.x, "target": self._scene.y, "step": self._machine.frames, "f": self._machine.f}
