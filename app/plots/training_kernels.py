"""A machine's kernel before and after: one heatmap, the start below its diagonal, the present above."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColorBar, ColumnDataSource, LinearColorMapper, Range1d

from tpapp.colours import VALUES
from tpapp.plots.base import FONT, NUMBER_TICKS, finite, fixed_ticks, square
from tpapp.plots.training_machine import MachinePlot


COLUMN = "max(calc(33.4% - 14px), 150px)"  # where one of three is away, the others do not grow


class KernelPlot(MachinePlot):
    """The kernel on inputs sorted by place or by target; a still kernel is a symmetric picture."""

    def __init__(self, of: str, *, height: int = 220, bar: bool = False, **style):
        super().__init__(of, "kernel", **style)
        self._scene, self._kind = None, "features"
        self.mapper = LinearColorMapper(palette=list(VALUES), low=0, high=1)
        self.image = ColumnDataSource({"image": [], "size": []})
        self.split = ColumnDataSource({"x": [], "y": []})
        self.side = Range1d(0, 1)
        fig = self.axes(height=height, x_range=self.side, y_range=self.side)
        fig.grid.visible = fig.xaxis.visible = fig.yaxis.visible = False
        fig.image("image", x=0, y=0, dw="size", dh="size", source=self.image, color_mapper=self.mapper)
        diagonal = fig.line("x", "y", source=self.split)
        self.paint(diagonal.glyph, line_color="surface", line_width=lambda s: s.line(2))
        for axis in (fig.xaxis[0], fig.yaxis[0]):
            fixed_ticks(axis, [])
        self._bar(fig)
        self.text = self.labels(fig, text_align="left")
        square(fig, 240)
        self.build(fig)
        self.view.styles = {"max-width": COLUMN}

    def _bar(self, fig: Any) -> None:
        bar = ColorBar(color_mapper=self.mapper, width=8, padding=4, margin=0, label_standoff=4, bar_line_color=None,
                       border_line_color=None, ticker=BasicTicker(desired_num_ticks=4), major_tick_line_color=None,
                       major_label_text_font=FONT, formatter=NUMBER_TICKS.clone())  # fmt: skip
        self.paint(bar, background_fill_color="surface", major_label_text_color="ink3",
                   major_label_text_font_size=lambda s: s.text(12))  # fmt: skip
        fig.add_layout(bar, "right")

    def scene(self, scene: Any) -> None:
        """Another task."""
        if scene is not self._scene:
            self._scene, self.side.end = scene, len(scene.order)
            self.update(None)

    def scale(self, low: float, high: float) -> None:
        """The range of colours, the same for all machines."""
        room = 1e-9 + 1e-6 * abs(high) if high <= low else 0.0
        self.mapper.update(low=low - room, high=high + room)

    def update(self, machine: Any, moment: int = 0, kind: str = "features") -> None:
        """Draw a `Machine` at a moment; `kind` is "features" or "tangent"."""
        self._take(machine, moment)
        self._kind = kind
        if machine is None:
            self.image.data, self.split.data = {"image": [], "size": []}, {"x": [], "y": []}
        else:
            K, order = finite("The kernel", machine.kernels[kind]), self._scene.order
            start, now = (K[k][np.ix_(order, order)] for k in (0, self.frame))
            row, column = np.indices(start.shape)
            both = np.where(row > column, now, start)  # rows grow upward: the present above the diagonal
            size = len(order)
            self.image.data = {"image": [both.astype(np.float32)], "size": [size]}
            self.split.data = {"x": [0, size], "y": [0, size]}
        self._label()
        self.push()

    def _label(self) -> None:
        size = self.side.end if self._machine is not None else 0
        ink = self.style.token("ink")
        rows = [(0.03, 0.88, "now"), (0.68, 0.03, "start")] if size else []
        self.text.data = {
            "x": [size * x for x, _, _ in rows], "y": [size * y for _, y, _ in rows], "text": [t for *_, t in rows],
            "colour": [ink] * len(rows), "dx": [0] * len(rows), "dy": [0] * len(rows),
        }  # fmt: skip

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._label()

    def data(self) -> dict[str, np.ndarray]:
        if self._machine is None:
            return {}
        K, order = self._machine.kernels[self._kind], self._scene.order
        return {name: K[k][np.ix_(order, order)] for name, k in (("start", 0), ("now", self.frame))}


def scale(machines: list[Any], kind: str, order: np.ndarray) -> tuple[float, float]:
    """The range of the kernels of all machines at all steps, without the largest hundredth."""
    every = np.concatenate([one.kernels[kind][one.bounded][:, order][:, :, order].ravel() for one in machines])
    low, high = np.quantile(every, [0.005, 0.995])
    return float(low), float(high)
