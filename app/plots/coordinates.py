"""The coordinates of one vector: a histogram over the density of Z, point masses as stems, the naive rule dotted."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, staircase

DOTS = [0, 4]
NAIVE_LABEL, LIMIT_LABEL = "naive rule", "Z, the limit"


def bins_for(count: int, most: int = 56) -> int:
    """An odd number of bins that suits so many coordinates."""
    return int(min(most, max(9, 2.2 * max(count, 1) ** (1 / 3)))) // 2 * 2 + 1


def span(limit: tuple[float, float], naive: tuple[float, float]) -> tuple[float, float]:
    """The limit's range, and as much of the naive rule's as does not push the limit's aside."""
    (low, high), (a, b) = limit, naive
    room = 0.5 * (high - low)
    return max(min(low, a), low - room), min(max(high, b), high + room)


class CoordinatesPlot(Plot):
    """A width's histogram with area 1 (its point masses apart, as solid stems), the limit dashed and last."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 300):
        super().__init__("Coordinates against Z", name="coordinates", theme=theme, projector=projector)
        self.width, self._values, self._limit, self._naive = 0.0, np.zeros(0), None, None
        names = ("main", "naive", "limit", "stems", "naive_stems", "limit_stems")
        made = {name: ColumnDataSource({"x": [], "y": []}) for name in names}
        self.main, self.naive, self.limit, self.stems, self.naive_stems, self.limit_stems = made.values()
        fig = self.axes(height=height, x_range=Range1d(-3, 3), y_range=Range1d(0, 0.6), x_label="one coordinate")
        area = fig.varea("x", 0, "y", source=self.main)
        line = fig.line("x", "y", source=self.main, line_join="miter")
        self.paint(area.glyph, fill_color=lambda s: s.width(self.width), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.25))
        stem = fig.segment("x", 0, "x", "y", source=self.stems)
        self.paint(stem.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(7),
                   line_alpha=lambda s: 0.45)  # fmt: skip
        self._rule(fig, self.naive, self.naive_stems)
        self.theory(fig, self.limit)
        stem = fig.segment("x", 0, "x", "y", source=self.limit_stems, line_dash=DASH, level="overlay")
        head = fig.scatter("x", "y", source=self.limit_stems, size=8, level="overlay")
        self.paint(stem.glyph, line_color="ink", line_width=lambda s: s.line(2))
        self.paint(head.glyph, fill_color="ink", line_color="surface", size=lambda s: s.line(8))
        self.text = self.labels(fig, text_align="right")
        self.masses = [self.labels(fig, text_align=side) for side in ("left", "right")]
        self.build(fig)

    def _rule(self, fig, curve: ColumnDataSource, stems: ColumnDataSource) -> None:
        """The naive rule: round dots in ink3."""
        line = fig.line("x", "y", source=curve, line_dash=DOTS, line_cap="round")
        stem = fig.segment("x", 0, "x", "y", source=stems, line_dash=DOTS, line_cap="round")
        for part in (line, stem):
            self.paint(part.glyph, line_color="ink3", line_width=lambda s: s.line(2))

    def update_limit(self, limit, naive=None, name: str = "") -> None:
        """A `Density` and the naive rule's (None where there is none): sets the axes. None empties the figure."""
        self._limit, self._naive = limit, naive
        for density, curve in ((limit, self.limit), (naive, self.naive)):
            shown = density is not None and len(density.x)
            curve.data = {"x": density.x, "y": finite("The density", density.pdf)} if shown else {"x": [], "y": []}
        if name:
            self.fig.xaxis.axis_label = f"{name}, one coordinate"
        if limit is not None:
            self._span()
        self._draw()

    def update(self, values: np.ndarray, width: float, name: str = "") -> None:
        """The coordinates of one draw; an empty array takes them away."""
        self.width = width
        self._values = finite("The coordinates", values)
        if name:
            self.fig.xaxis.axis_label = f"{name}, one coordinate"
        if self._limit is None and len(self._values):
            low, high = np.quantile(self._values, [0.002, 0.998])
            room = 0.15 * (high - low) or 1.0
            self.fig.x_range.update(start=float(low - room), end=float(high + room))
        self._draw()
        self.repaint()

    def _span(self) -> None:
        """The range on show."""
        low, high = span(self._limit.span, self._limit.span if self._naive is None else self._naive.span)
        self.fig.x_range.update(start=low, end=high)

    @property
    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return () if self._limit is None else self._limit.atoms

    def _split(self) -> tuple[np.ndarray, list[tuple[float, float]]]:
        """Coordinates that stand alone, and the shares of values that repeat: a draw's own point masses."""
        if not self._atoms or not len(self._values):
            return self._values, []
        found, inverse, counts = np.unique(self._values, return_inverse=True, return_counts=True)
        many = np.flatnonzero(counts > 1)
        shares = [(float(found[k]), counts[k] / len(self._values)) for k in many[np.argsort(-counts[many])][:12]]
        return self._values[counts[inverse] == 1], shares

    def _edges(self) -> np.ndarray:
        low, high = self.fig.x_range.start, self.fig.x_range.end
        if self._limit is not None and len(self._limit.x):
            low, high = (float(v) for v in (self._limit.x[0], self._limit.x[-1]))
        return np.linspace(low, high, bins_for(len(self._values)) + 1)

    def _heights(self) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
        """Edges, densities of the coordinates off the point masses, and shares on them."""
        rest, shares = self._split()
        edges = self._edges()
        step = edges[1] - edges[0]
        if len(rest):  # bins beyond the limit's own range, for coordinates that lie there
            gaps = (edges[0] - rest.min(), rest.max() - edges[-1])
            low, high = (min(12, int(np.ceil(max(0.0, gap) / step))) for gap in gaps)
            edges = edges[0] + step * np.arange(-low, len(edges) + high)
        counts = np.histogram(rest, edges)[0]
        return edges, counts / (max(len(self._values), 1) * step), shares

    def _draw(self) -> None:
        """Everything from what is held: bars, stems, the vertical range, words."""
        empty = {"x": [], "y": []}
        bars, shares = np.zeros(0), []
        if len(self._values):
            edges, bars, shares = self._heights()
            x, y = staircase(edges, bars)
            self.main.data = {"x": x, "y": y} if bars.any() else empty
        else:
            self.main.data = empty
        drawn = [density for density in (self._limit, self._naive) if density is not None and len(density.pdf)]
        curves = [float(np.quantile(density.pdf, 0.995)) for density in drawn]
        limit = curves[0] if curves else 0.0
        naive = min(curves[1], 1.6 * limit) if len(curves) > 1 else 0.0
        peak = float(bars.max(initial=0.0))
        peak = min(peak, 1.9 * limit) if limit else peak
        top = max(limit, naive, peak) or 1.0
        end = float(np.ceil(1.16 * top / limit * 10) / 10 * limit) if limit else 1.2 * top
        self.fig.y_range.end = end
        self.fig.yaxis.visible = self.fig.ygrid.visible = bool(curves) or peak > 0
        scale = 0.8 * end
        for source, stems in ((self.stems, shares), (self.limit_stems, self._atoms),
                              (self.naive_stems, () if self._naive is None else self._naive.atoms)):  # fmt: skip
            if stems or len(source.data["x"]):
                source.data = {"x": [x for x, _ in stems], "y": [scale * mass for _, mass in stems]}
        self._relabel(scale)

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel(0.8 * self.fig.y_range.end)

    def _relabel(self, scale: float) -> None:
        rows = [(LIMIT_LABEL, self.style.token("ink"))] if self._limit is not None else []
        if len(self._values):
            rows.append((f"n = {fmt.width(self.width)}", self.style.width_text(self.width)))
        if self._naive is not None:
            rows.append((NAIVE_LABEL, self.style.token("ink3")))
        self.corner(self.text, self.fig, rows)
        atoms = sorted(self._atoms, key=lambda atom: -atom[1])[:3]
        middle, ink = (self.fig.x_range.start + self.fig.x_range.end) / 2, self.style.token("ink")
        for side, source in enumerate(self.masses):  # words run from a stem to the farther edge
            here = [atom for atom in atoms if (atom[0] > middle) == bool(side)]
            if not here and not len(source.data["x"]):
                continue
            source.data = {
                "x": [x for x, _ in here], "y": [scale * mass for _, mass in here], "colour": [ink] * len(here),
                "text": [f"mass {mass:.2f}" for _, mass in here],
                "dx": [-8 if side else 8] * len(here), "dy": [-4] * len(here),
            }  # fmt: skip
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        out: dict[str, np.ndarray] = {}
        for name, density in (("limit", self._limit), ("naive", self._naive)):
            if density is not None:
                out |= {f"{name}_x": np.asarray(density.x), f"{name}_density": np.asarray(density.pdf)}
                if density.atoms:
                    out |= {f"{name}_atoms": np.array(density.atoms)}
        if len(self._values):
            edges, bars, _ = self._heights()
            out |= {"coordinates": self._values, "edges": edges, "density": bars}
        return {name: array for name, array in out.items() if len(array)}
