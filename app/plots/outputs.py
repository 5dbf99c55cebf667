"""Outputs of many networks: a histogram beside the limit's density, and two outputs with the limit's ellipses."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from tpapp import colours
from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, square, staircase, write

REACH = 3.6  # half the histogram's range, in standard deviations of the limit
MASSES = (0.5, 0.9)


def bins_for(draws: int, most: int = 48) -> int:
    """An odd number of bins that suits so many draws: about 2 draws^(1/3) over the central range."""
    return int(min(most, max(11, 2.6 * max(draws, 1) ** (1 / 3)))) // 2 * 2 + 1


def histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Density in each bin; what lies outside the edges counts in the denominator."""
    counts = np.histogram(values, bins=edges)[0]
    return counts / (max(len(values), 1) * np.diff(edges))


class OutputHistogram(Plot):
    """f(x) over many networks: the width's histogram, a narrow ghost as a step line, the limit dashed."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 330):
        super().__init__("Output at <i>x</i>", name="outputs", theme=theme, projector=projector)
        self.width, self.ghost_width = 0.0, 0.0
        self._values, self._ghost, self._sd = np.zeros(0), np.zeros(0), 0.0
        self.main, self.ghost, self.limit = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        fig = self.axes(height=height, x_range=Range1d(-3, 3), y_range=Range1d(0, 0.6), x_label="f(x)")
        fig.xaxis.axis_label_text_font_style = "italic"
        area = fig.varea("x", 0, "y", source=self.main)
        line = fig.line("x", "y", source=self.main, line_join="miter")
        step = fig.line("x", "y", source=self.ghost)
        self.paint(area.glyph, fill_color=lambda s: s.width(self.width), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.25))
        self.paint(step.glyph, line_color=lambda s: s.width(self.ghost_width), line_width=lambda s: s.line(1.5))
        self.theory(fig, self.limit)
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, variance: float) -> None:
        """The limit N(0, variance) alone: sets the axes, clears the histograms."""
        variance = float(finite("The limit's variance", variance))
        self._sd = np.sqrt(max(variance, 0.0))
        sd = self._sd or 1e-12
        x = np.linspace(-REACH, REACH, 201) * sd
        pdf = np.exp(-0.5 * (x / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        self.fig.x_range.update(start=-REACH * sd, end=REACH * sd)
        self.fig.y_range.end = 1.28 * pdf.max()
        self.limit.data = {"x": x, "y": pdf}
        self._values = self._ghost = np.zeros(0)
        self.main.data = self.ghost.data = {"x": [], "y": []}
        self._relabel()

    def update(self, values: np.ndarray, width: float, *, done: bool = True) -> None:
        """The histogram of `values` (m,) at `width`; the axes stay frozen until `done`."""
        self.width = width
        self._values = finite("The outputs", values)
        self._draw(self.main, self._values)
        if done:
            self._fit()
        self.repaint()
        self._relabel()

    def update_ghost(self, values: np.ndarray, width: float) -> None:
        """The narrow width that stays for comparison; an empty array removes it."""
        self.ghost_width = width
        self._ghost = finite("The outputs", values)
        self._draw(self.ghost, self._ghost)
        self._fit()
        self.repaint()
        self._relabel()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _edges(self, count: int) -> np.ndarray:
        return np.linspace(-REACH, REACH, bins_for(count) + 1) * (self._sd or 1e-12)

    def _draw(self, source: ColumnDataSource, values: np.ndarray) -> None:
        if not len(values):
            source.data = {"x": [], "y": []}
            return
        edges = self._edges(len(values))
        x, y = staircase(edges, histogram(values, edges))
        source.data = {"x": x, "y": y}

    def _fit(self) -> None:
        """Room for the highest bin, in steps, so that redraws do not make the axis tremble."""
        peak = max([max(s.data["y"]) for s in (self.main, self.ghost) if len(s.data["y"])], default=0.0)
        base = max(self.limit.data["y"], default=0.0)
        if base:
            self.fig.y_range.end = base * max(1.28, np.ceil(10 * peak / base * 1.04) / 10)

    def _relabel(self) -> None:
        rows = [("limit", self.style.token("ink"))]
        if len(self._values):
            rows.append((f"n = {fmt.width(self.width)}", self.style.width_text(self.width)))
        if len(self._ghost):
            rows.append((f"n = {fmt.width(self.ghost_width)}", self.style.width_text(self.ghost_width)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        out = {"limit_x": np.asarray(self.limit.data["x"]), "limit_density": np.asarray(self.limit.data["y"])}
        for name, values in (("outputs", self._values), ("narrow_outputs", self._ghost)):
            if len(values):
                edges = self._edges(len(values))
                out |= {name: values, f"{name}_edges": edges, f"{name}_density": histogram(values, edges)}
        return out


def ellipse(covariance: np.ndarray, mass: float, points: int = 121) -> np.ndarray:
    """(2, points): the ellipse that holds `mass` of N(0, covariance), r^2 = -2 log(1 - mass); a line where singular."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, points)
    radius = np.sqrt(-2 * np.log1p(-mass))
    return vectors @ (radius * np.sqrt(np.maximum(values, 0))[:, None] * np.stack([np.cos(angle), np.sin(angle)]))


class OutputDensity(Plot):
    """(f(x), f(x')) over many networks as a 2-D histogram in the width's colour, with the limit's ellipses."""

    CELLS = 44

    def __init__(self, *, theme: str = "light", projector: bool = False):
        super().__init__("Outputs at <i>x</i> and <i>x′</i>", "f(x′) against f(x), limit ellipses", name="density",
                         theme=theme, projector=projector)  # fmt: skip
        self.width, self._points, self._covariance = 0.0, np.zeros((0, 2)), np.eye(2)
        self.image = ColumnDataSource({"image": [], "x": [], "size": []})
        self.limit = ColumnDataSource({"xs": [], "ys": []})
        fig = self.axes(height=238, x_range=Range1d(-3, 3), y_range=Range1d(-3, 3), x_label="f(x)")
        fig.xaxis.axis_label_text_font_style = "italic"
        fig.ygrid.visible = False
        fig.min_border_left = 28
        self.mapper = LinearColorMapper(low=0, high=1)
        self.paint(self.mapper, palette=lambda s: list(colours.width_ramp(self.width, s.theme)))
        fig.image("image", x="x", y="x", dw="size", dh="size", source=self.image, color_mapper=self.mapper)
        curve = fig.multi_line("xs", "ys", source=self.limit, line_dash=DASH, level="overlay")
        self.paint(curve.glyph, line_color="ink", line_width=lambda s: s.line(1.5))
        self.text = self.labels(fig, text_align="center")
        square(fig)
        self.build(fig)

    def update_limit(self, covariance: np.ndarray) -> None:
        """The limit's ellipses alone: sets the axes, clears the density."""
        self._covariance = covariance = finite("The limit's covariance", covariance)
        reach = 3.4 * np.sqrt(max(float(np.diag(covariance).max()), 1e-24))
        for axis in (self.fig.x_range, self.fig.y_range):
            axis.update(start=-reach, end=reach)
        rings = [ellipse(covariance, mass) for mass in MASSES]
        self.limit.data = {"xs": [ring[0] for ring in rings], "ys": [ring[1] for ring in rings]}
        self._points = np.zeros((0, 2))
        self.image.data = {"image": [], "x": [], "size": []}
        self._relabel()
        self.push()

    def update(self, points: np.ndarray, width: float) -> None:
        """The 2-D histogram of `points` (m, 2) at `width`."""
        self.width = width
        self._points = finite("The outputs", points)
        counts, edges = self._counts()
        shown = counts.T.astype(np.float32)
        self.mapper.high = max(float(np.quantile(shown[shown > 0], 0.99)) if (shown > 0).any() else 1.0, 1.0)
        self.image.data = {"image": [shown], "x": [edges[0]], "size": [edges[-1] - edges[0]]}
        self.repaint()
        self.push()

    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        edges = np.linspace(self.fig.x_range.start, self.fig.x_range.end, self.CELLS + 1)
        return np.histogram2d(self._points[:, 0], self._points[:, 1], bins=(edges, edges))[0], edges

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _relabel(self) -> None:
        tops = [(xs[k], ys[k]) for xs, ys in zip(self.limit.data["xs"], self.limit.data["ys"]) for k in [np.argmax(ys)]]
        ink = self.style.token("ink")
        write(self.text, {
            "x": [x for x, _ in tops], "y": [y for _, y in tops],
            "text": [f"{100 * m:.0f} %" for m in MASSES][: len(tops)],
            "colour": [ink] * len(tops), "dx": [0] * len(tops), "dy": [-3] * len(tops),
        })  # fmt: skip

    def data(self) -> dict[str, np.ndarray]:
        out = {"limit_covariance": self._covariance}
        if len(self._points):
            counts, edges = self._counts()
            out |= {"pairs": self._points, "density_counts": counts, "density_edges": edges}
        return out
