"""Running sums of many repetitions against N: divided by N they settle, divided by sqrt N they keep their spread."""

from __future__ import annotations

import numpy as np
from bokeh.models import BoxAnnotation, ColumnDataSource, Range1d, Span

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, POWER_TICKS, Plot, finite, fixed_ticks

END = 1.15e6


class RunningPlot(Plot):
    """One line a repetition in the colour of N; what comes after N is veiled; theory dashed."""

    def __init__(self, title: str, *, name: str, label: str, theme: str = "light", projector: bool = False,
                 height: int = 165):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self.width = 1.0
        self._paths = None
        self.lines = ColumnDataSource({"xs": [], "ys": []})
        self.upper, self.lower = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        fig = self.axes(height=height, x_range=Range1d(0.9, END), y_range=Range1d(-1, 1), x_label="number of terms N",
                        y_label=label, x_axis_type="log")  # fmt: skip
        fixed_ticks(fig.xaxis[0], [1, 100, 10_000, 1_000_000])
        fig.xaxis[0].formatter = POWER_TICKS.clone()
        fig.yaxis[0].ticker.desired_num_ticks = 4
        lines = fig.multi_line("xs", "ys", source=self.lines, line_join="round")
        lines.glyph.line_alpha = 0.55
        self.paint(lines.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1))
        self.veil = BoxAnnotation(left=1.0, fill_alpha=0.8, line_color=None, level="glyph")
        self.paint(self.veil, fill_color="surface")
        fig.add_layout(self.veil)
        self.mark = Span(dimension="height", location=1.0, level="overlay")
        self.paint(self.mark, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.5))
        fig.add_layout(self.mark)
        self.centre = Span(dimension="width", location=0.0, level="overlay", line_dash=DASH, visible=False)
        self.paint(self.centre, line_color="ink", line_width=lambda s: s.line(2))
        fig.add_layout(self.centre)
        for source in (self.upper, self.lower):
            band = fig.line("x", "y", source=source, line_dash=[2, 3], level="overlay")
            self.paint(band.glyph, line_color="ink", line_width=lambda s: s.line(1.25))
        self.build(fig)

    def update(self, counts, values, centre: float, reach, low: float, high: float, settles: bool) -> None:
        """Paths `values` (P, C) at `counts`, the band centre +- reach, the range to show, whether there is a limit."""
        values = finite("The running sums", values)
        self._paths = np.asarray(counts), values
        room = 20 * (high - low)
        shown = np.clip(values, low - room, high + room).astype(np.float32)
        self.lines.data = {"xs": [np.asarray(counts, np.float32)] * len(shown), "ys": list(shown)}
        self.fig.y_range.update(start=low, end=high)
        for source, sign in ((self.upper, 1), (self.lower, -1)):
            edge = centre + sign * np.asarray(reach, float)
            inside = np.isfinite(edge) & (edge > low) & (edge < high)
            source.data = {"x": np.asarray(counts, float)[inside], "y": edge[inside]}
        self.centre.update(location=float(centre), visible=settles)
        self.push()

    def current(self, n: float) -> None:
        """Move the mark to N; infinity shows all."""
        self.width = n
        place = min(float(n), END)
        self.veil.left = place
        self.mark.update(location=place, visible=bool(n < END))
        self.repaint()
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        return {} if self._paths is None else {"N": self._paths[0], "paths": self._paths[1]}


class SumsPlot(Plot):
    """A histogram of sums in the colour of N, and what they tend to, dashed: a curve or single places."""

    def __init__(self, title: str, *, name: str, label: str, theme: str = "light", projector: bool = False,
                 height: int = 165):  # fmt: skip
        super().__init__(title, name=name, theme=theme, projector=projector)
        self.width, self.holds, self._range = 1.0, True, (-1.0, 1.0)
        self._bars, self._limit, self._words = None, (np.zeros(0), np.zeros(0), ()), ""
        self.main, self.curve = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        self.places = ColumnDataSource({"x": [], "top": []})
        fig = self.axes(height=height, x_range=Range1d(-1, 1), y_range=Range1d(0, 1), x_label=label)
        fig.yaxis[0].ticker.desired_num_ticks = 4
        area = fig.varea("x", 0, "y", source=self.main)
        line = fig.line("x", "y", source=self.main, line_join="miter")
        self.paint(area.glyph, fill_color=lambda s: s.width(self.width), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.25))
        stems = fig.segment("x", 0, "x", "top", source=self.places, level="overlay", line_dash=DASH)
        self.paint(stems.glyph, line_color="ink", line_width=lambda s: s.line(2))
        curve = self.theory(fig, self.curve)
        self.paint(curve.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                   line_dash=lambda s: DASH if self.holds else [0, 4],
                   line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, x, y, places, words: str, low: float, high: float, holds: bool = True) -> None:
        """A density y at x, single `places`, what to call them; `holds` False: grey dots, no limit."""
        self._limit, self._words, self.holds = (np.asarray(x), finite("The limit", y), tuple(places)), words, holds
        self.curve.data = {"x": self._limit[0], "y": self._limit[1]}
        self._range = low, high
        self.fig.x_range.update(start=low, end=high)
        self.repaint()
        self._fit()

    def update(self, bars, n: float) -> None:
        """`Bars`; None clears them. Where there is no limit the range is theirs."""
        self._bars, self.width = bars, n
        if not self.holds:
            low, high = self._range if bars is None else (float(bars.edges[0]), float(bars.edges[-1]))
            self.fig.x_range.update(start=low, end=high)
        if bars is None:
            self.main.data = {"x": [], "y": []}
        else:
            density = finite("The histogram", bars.density)
            self.main.data = {"x": np.repeat(bars.edges, 2), "y": np.concatenate([[0.0], np.repeat(density, 2), [0.0]])}
        self.repaint()
        self._fit()

    def _fit(self) -> None:
        """Room for the bars or the curve, whichever is higher, in steps; then the labels."""
        sources = (self.main, self.curve) if self.holds or self._bars is None else (self.main,)
        peaks = [float(np.max(source.data["y"])) for source in sources if len(source.data["y"])]
        peak = max([p for p in peaks if p > 0], default=1.0)
        unit = 10.0 ** np.floor(np.log10(peak)) / 10
        start, end = self.fig.x_range.start, self.fig.x_range.end
        under = 0.0  # the highest of what stands under the labels
        for source in sources:
            x, y = np.asarray(source.data["x"], float), np.asarray(source.data["y"], float)
            under = max(under, float(np.max(y[(x > end - 0.4 * (end - start)) & (x <= end)], initial=0.0)))
        self.fig.y_range.end = float(np.ceil(max(1.3 * peak, 1.65 * under) / unit) * unit)
        places = self._limit[2]
        self.places.data = {"x": list(places), "top": [self.fig.y_range.end] * len(places)}
        self._relabel()

    def _relabel(self) -> None:
        rows = []
        if self._words:
            rows.append((self._words, self.style.token("ink" if self.holds else "ink3")))
        if self._bars is not None:
            rows.append((f"N = {fmt.width(self.width)}", self.style.width_text(self.width)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def data(self) -> dict[str, np.ndarray]:
        x, y, places = self._limit
        out = {"limit_x": x, "limit_density": y} if len(x) else {}
        out |= {"limit_places": np.array(places)} if places else {}
        if self._bars is not None:
            out |= {name: getattr(self._bars, name) for name in ("edges", "counts", "density")}
        return out
