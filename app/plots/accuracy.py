"""Accuracy of kernel regression against training size."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d

from tpapp.plots.base import DASH, POWER_TICKS, Plot, finite, fixed_ticks, write

BLOCK = 64
RULES = {"nngp": ("GP of the NNGP", "ink", "circle", 0.985), "ntk": ("trained, by the NTK", "kernel", "square", 1.015)}


class AccuracyPlot(Plot):
    """Share of test inputs read rightly, mean and standard deviation over random training sets, for two rules."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 238):
        super().__init__("Accuracy against training size", name="accuracy", theme=theme, projector=projector)
        self._result = None
        self.lines = {rule: ColumnDataSource({"x": [], "y": []}) for rule in RULES}
        columns = ("x", "y", "low", "high", "colour", "marker", "size", "words")
        self.points = ColumnDataSource({name: [] for name in columns})
        fig = self.axes(height=height, x_range=Range1d(8, 1250), y_range=Range1d(0, 100), x_label="training inputs",
                        y_label="% right", x_axis_type="log")  # fmt: skip
        fig.xaxis[0].formatter = POWER_TICKS.clone()
        for rule, source in self.lines.items():
            line = fig.line("x", "y", source=source, line_dash=DASH)
            self.paint(line.glyph, line_color=RULES[rule][1], line_width=lambda s: s.line(2))
        fig.segment("x", "low", "x", "high", source=self.points, line_color="colour", line_width=1.5)
        dots = fig.scatter("x", "y", source=self.points, size=7, marker="marker", color="colour")
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[("training inputs", "@size"), ("right", "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="right", text_baseline="bottom")
        self.build(fig)

    def update(self, result) -> None:
        """An `Accuracy`; None empties the figure."""
        self._result = result
        if result is not None:
            x = result.sizes
            rows = [100 * finite("The accuracy", rows) for rows in result.correct.values()]
            low = min((float(share.min()) for share in rows), default=0.0)
            self.fig.x_range.update(start=0.8 * float(x[0]), end=1.25 * float(x[-1]))
            self.fig.y_range.update(start=max(0.0, 10 * np.floor((low - 5) / 10)), end=102.0)
            fixed_ticks(self.fig.xaxis[0], [float(n) for n in x if str(n).rstrip("0") in ("1", "2", "5") or len(x) < 9])
        self._draw()

    def _draw(self) -> None:
        r, rows, told = self._result, {k: [] for k in self.points.data}, []
        for rule, source in self.lines.items():
            found = None if r is None else r.correct.get(rule)
            if found is None or not len(found):
                source.data = {"x": [], "y": []}
                continue
            name, token, marker, aside = RULES[rule]
            colour, mean, sd = self.style.token(token), 100 * found.mean(axis=0), 100 * found.std(axis=0)
            source.data = {"x": r.sizes, "y": mean}
            rows["x"] += (aside * r.sizes).tolist()
            rows["size"] += [f"{n:,}" for n in r.sizes]
            rows["y"] += mean.tolist()
            rows["low"] += (mean - sd).tolist()
            rows["high"] += np.minimum(mean + sd, 100.0).tolist()
            rows["colour"] += [colour] * len(mean)
            rows["marker"] += [marker] * len(mean)
            rows["words"] += [f"{m:.1f} ± {s:.1f} %" for m, s in zip(mean, sd)]
            told.append((f"{name}: {mean[-1]:.1f} %", colour))
        write(self.points, rows, BLOCK)
        step, fig = self.style.px(18), self.fig
        write(self.text, {
            "x": [fig.x_range.end] * len(told), "y": [fig.y_range.start] * len(told), "text": [t for t, _ in told],
            "colour": [c for _, c in told], "dx": [-4] * len(told),
            "dy": [-self.style.px(4) - step * (len(told) - 1 - k) for k in range(len(told))],
        })  # fmt: skip
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._draw()

    def data(self) -> dict[str, np.ndarray]:
        if self._result is None:
            return {}
        return {"size": self._result.sizes, **{rule: rows for rule, rows in self._result.correct.items()}}


__all__ = ["AccuracyPlot"]
