"""A measured density in bins beside named laws: spacings of eigenvalues, largest eigenvalues."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import Plot, finite, staircase


class SampleDensity(Plot):
    """A `Sample`: bars in the width's colour, the law dashed, what is not the law as grey dots."""

    def __init__(self, title: str, x_label: str, *, name: str, theme: str = "light", projector: bool = False,
                 height: int = 170):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self._result, self.width = None, 8.0
        self.bars, self.limit, self.other = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        fig = self.axes(height=height, x_range=Range1d(0, 4), y_range=Range1d(0, 1), x_label=x_label)
        area = fig.varea("x", 0, "y", source=self.bars)
        line = fig.line("x", "y", source=self.bars, line_join="miter")
        self.paint(area.glyph, fill_color=lambda s: s.width(self.width), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.25))
        dots = fig.line("x", "y", source=self.other, line_dash=[0, 4], line_cap="round")
        self.paint(dots.glyph, line_color="ink3", line_width=lambda s: s.line(2))
        self.theory(fig, self.limit)
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update(self, result) -> None:
        """A `Sample`; None clears the figure."""
        self._result = result
        empty = {"x": [], "y": []}
        if result is None:
            for source in (self.bars, self.limit, self.other):
                source.data = empty
        else:
            self.width = result.n
            x, y = staircase(result.edges, finite("The histogram", result.density))
            self.bars.data = {"x": x, "y": y}
            for source, role in ((self.limit, "theory"), (self.other, "other")):
                found = [c for c in result.curves if c.role == role]
                source.data = {"x": found[0].x, "y": finite(found[0].name, found[0].y)} if found else empty
            self.fig.x_range.update(start=float(result.edges[0]), end=float(result.edges[-1]))
            peaks = [max(result.density), *(max(c.y) for c in result.curves if c.role == "theory")]
            self.fig.y_range.end = 1.2 * float(max(peaks)) or 1.0
        self.repaint()
        self._relabel()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _relabel(self) -> None:
        rows, r = [], self._result
        if r is not None:
            rows = [(c.name, self.style.token("ink" if c.role == "theory" else "ink3")) for c in r.curves]
            rows.append((f"n = {fmt.width(r.n)}", self.style.width_text(r.n)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        r = self._result
        if r is None:
            return {}
        out = {"edges": r.edges, "density": r.density, "values": r.values}
        for c in r.curves:
            out |= {f"{c.role}_x": c.x, f"{c.role}_density": c.y}
        return out
