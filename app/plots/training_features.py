"""Features over time: principal components of x^L at all steps, one dot an input, from where it started."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots.base import finite
from tpapp.plots.training_machine import MachinePlot


class FeaturesPlot(MachinePlot):
    """Dots where the features are, filled where the target is positive; trails from where they were, in grey."""

    def __init__(self, of: str, *, height: int = 138, **style):
        super().__init__(of, "features", **style)
        self._scene = None
        fig = self.axes(height=height, x_range=Range1d(-1, 1), y_range=Range1d(-1, 1))
        fig.yaxis[0].ticker.desired_num_ticks, fig.xaxis[0].ticker.desired_num_ticks = 4, 4
        self.chain, self.ghost = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        self.start = ColumnDataSource({"x": [], "y": []})
        self.trails = ColumnDataSource({"xs": [], "ys": []})
        self.dots = ColumnDataSource({"x": [], "y": [], "full": []})
        ghost = fig.line("x", "y", source=self.ghost)
        self.paint(ghost.glyph, line_color="ink3", line_width=lambda s: s.line(1))
        begun = fig.scatter("x", "y", source=self.start, line_color=None, fill_alpha=0.7)
        self.paint(begun.glyph, fill_color="ink3", size=lambda s: s.px(3))
        trails = fig.multi_line("xs", "ys", source=self.trails, line_alpha=0.35)
        self.paint(trails.glyph, line_color=self.own, line_width=lambda s: s.line(1))
        chain = fig.line("x", "y", source=self.chain, line_join="round")
        self.paint(chain.glyph, line_color=self.own, line_width=lambda s: s.line(1.5))
        for colour, alpha in (("surface", 1.0), (None, "full")):
            dots = fig.scatter("x", "y", source=self.dots, fill_alpha=alpha, line_width=1.25)
            self.paint(dots.glyph, fill_color=colour or self.own, line_color=self.own, size=lambda s: s.px(6))
        self.build(fig)

    def scene(self, scene: Any) -> None:
        """Another task."""
        if scene is not self._scene:
            self._scene = scene
            self.update(None)

    def reach(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """The ranges of both axes, the same for all machines."""
        self.fig.x_range.update(start=x[0], end=x[1])
        self.fig.y_range.update(start=y[0], end=y[1])

    def update(self, machine: Any, moment: int = 0) -> None:
        """Draw a `Machine` at a moment."""
        self._take(machine, moment)
        empty = {"x": [], "y": []}
        if machine is None:
            self.dots.data = empty | {"full": []}
            self.chain.data = self.ghost.data = self.start.data = empty
            self.trails.data = {"xs": [], "ys": []}
        else:
            self._draw(finite("The features", machine.points))
        self.repaint()
        self.push()

    def _draw(self, points: np.ndarray) -> None:
        scene, now = self._scene, self.frame
        line = scene.kind == "line"
        rows = np.arange(scene.count)
        path = points[: now + 1]
        self.dots.data = {"x": path[-1, rows, 0], "y": path[-1, rows, 1], "full": np.where(scene.y[rows] > 0, 0.9, 0.0)}
        self.start.data = {"x": points[0, rows, 0], "y": points[0, rows, 1]}
        self.trails.data = {"xs": list(path[:, rows, 0].T), "ys": list(path[:, rows, 1].T)}
        along = scene.order if line else rows[:0]
        self.chain.data = {"x": path[-1, along, 0], "y": path[-1, along, 1]}
        self.ghost.data = {"x": points[0, along, 0], "y": points[0, along, 1]}

    def data(self) -> dict[str, np.ndarray]:
        if self._machine is None:
            return {}
        return {"step": self._machine.frames, "component1": self._machine.points[..., 0],
                "component2": self._machine.points[..., 1]}  # fmt: skip


def ranges(machines: list[Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges that hold the features of all machines at all steps."""
    every = np.concatenate([one.points[one.bounded].reshape(-1, 2) for one in machines])
    found = []
    for low, high in zip(every.min(axis=0), every.max(axis=0)):
        room = 0.08 * max(high - low, 1e-3)
        found.append((float(low - room), float(high + room)))
    return tuple(found)
