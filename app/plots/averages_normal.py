"""How normal sums are: quantiles against the normal's, and the distance to it against N."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LogTicker, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, POWER_TICKS, Plot, finite, fixed_ticks, write
from tpapp.plots.eigenvalues import TENS

REACH = 4.4
BLOCK = 24


class QuantilePlot(Plot):
    """Quantiles of the standardized sums as dots, the diagonal dashed, two standard errors as a band."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 165):
        super().__init__("Quantiles against the normal’s", name="averages-quantiles", theme=theme, projector=projector)
        self.width, self.holds, self._qq = 1.0, True, None
        self.points = ColumnDataSource({"x": [], "y": []})
        self.band = ColumnDataSource({"x": [], "low": [], "high": []})
        self.line = ColumnDataSource({"x": [-REACH, REACH], "y": [-REACH, REACH]})
        fig = self.axes(height=height, x_range=Range1d(-REACH, REACH), y_range=Range1d(-REACH, REACH),
                        x_label="quantile of the normal", y_label="of the sums")  # fmt: skip
        fixed_ticks(fig.xaxis[0], [-4, -2, 0, 2, 4])
        fixed_ticks(fig.yaxis[0], [-4, -2, 0, 2, 4])
        band = fig.varea("x", "low", "high", source=self.band, fill_alpha=0.18)
        self.paint(band.glyph, fill_color="ink3")
        line = self.theory(fig, self.line)
        self.paint(line.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                   line_dash=lambda s: DASH if self.holds else [0, 4],
                   line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        dots = fig.scatter("x", "y", source=self.points, level="overlay", line_color=None)
        self.paint(dots.glyph, fill_color=lambda s: s.width(self.width), size=lambda s: s.line(5))
        self.text = self.labels(fig, text_align="left")
        self.build(fig)

    def update_limit(self, holds: bool) -> None:
        """Whether the sums turn normal; if not, the diagonal is grey dots."""
        self.holds = holds
        self.repaint()
        self._relabel()

    def update(self, qq, n: float) -> None:
        """(3, Q): normal quantiles, measured ones (on the edge if beyond), two standard errors; None clears it."""
        self.width, self._qq = n, qq
        if qq is None:
            self.points.data, self.band.data = {"x": [], "y": []}, {"x": [], "low": [], "high": []}
        else:
            x, y, error = finite("The quantiles", qq)
            edge = REACH - 0.1
            self.points.data = {"x": x, "y": np.clip(y, -edge, edge)}
            self.band.data = {"x": x, "low": np.maximum(x - error, -REACH), "high": np.minimum(x + error, REACH)}
        self.repaint()
        self._relabel()

    def _relabel(self) -> None:
        words, token = ("limit: normal", "ink") if self.holds else ("normal: not the limit", "ink3")
        rows = [(words, self.style.token(token))]
        if self._qq is not None:
            rows.append((f"N = {fmt.width(self.width)}", self.style.width_text(self.width)))
        step = self.style.px(18)
        write(self.text, {
            "x": [-REACH] * len(rows), "y": [REACH] * len(rows), "text": [text for text, _ in rows],
            "colour": [colour for _, colour in rows], "dx": [6] * len(rows),
            "dy": [self.style.px(14) + step * k for k in range(len(rows))],
        })  # fmt: skip
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def data(self) -> dict[str, np.ndarray]:
        return {} if self._qq is None else dict(zip(("normal", "sums", "two_standard_errors"), np.asarray(self._qq)))


class NormalDistancePlot(Plot):
    """sup |F_N - Phi|: of the law dashed, its bound grey, of the draws as dots, their noise dotted."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 165):
        super().__init__("Distance to the normal", name="averages-distance", theme=theme, projector=projector)
        self._current, self._result = float("nan"), None
        columns = ("x", "y", "low", "high", "colour", "size", "ring", "ring_width", "n", "words")
        self.points = ColumnDataSource({name: [] for name in columns})
        self.exact, self.bound, self.noise = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        fig = self.axes(height=height, x_range=Range1d(0.8, 2e6), y_range=Range1d(1e-4, 1.5), x_axis_type="log",
                        y_axis_type="log", x_label="number of terms N", y_label="sup |F − Φ|")  # fmt: skip
        fixed_ticks(fig.xaxis[0], [1, 100, 10_000, 1_000_000])
        fig.yaxis[0].ticker = fig.ygrid[0].ticker = LogTicker(desired_num_ticks=4, mantissas=[1], num_minor_ticks=0)
        fig.xaxis[0].formatter, fig.yaxis[0].formatter = POWER_TICKS.clone(), TENS.clone()
        for source, dash in ((self.bound, "solid"), (self.noise, [2, 3])):
            line = fig.line("x", "y", source=source, line_dash=dash)
            self.paint(line.glyph, line_color="control", line_width=lambda s: s.line(1.25))
        fig.segment("x", "low", "x", "high", source=self.points, line_color="colour", line_width=1.5)
        self.theory(fig, self.exact)
        dots = fig.scatter("x", "y", source=self.points, size="size", fill_color="colour", line_color="ring",
                           line_width="ring_width", level="overlay")  # fmt: skip
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[("N", "@n"), ("distance", "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update(self, result) -> None:
        """`Distances`; None empties the figure."""
        self._result = result
        empty = {"x": [], "y": []}
        if result is None:
            self.exact.data = self.bound.data = self.noise.data = empty
            write(self.points, {name: [] for name in self.points.data}, BLOCK)
            return self._relabel()
        exact, bound = finite("The distance", result.exact), np.asarray(result.bound)
        x = np.asarray(result.counts, float)
        self.exact.data = {"x": x, "y": exact} if len(exact) else empty
        known = len(bound) and np.isfinite(bound).all()
        self.bound.data = {"x": x, "y": bound} if known else empty
        self.noise.data = {"x": [0.8, 2e6], "y": [result.noise] * 2}
        low = min([result.noise, *exact.tolist()[-1:]])
        self.fig.y_range.update(start=10.0 ** np.floor(np.log10(0.7 * low)), end=2.0)
        return self._dots()

    def current(self, n: float) -> None:
        """Ring the point of N, if there is one."""
        self._current = n
        if self._result is not None:
            self._dots()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self.current(self._current)

    def _dots(self) -> None:
        r, style = self._result, self.style
        here = np.asarray(r.seen) == self._current
        y = finite("The distance of the draws", r.measured)
        write(self.points, {
            "x": [float(n) for n in r.seen], "y": y.tolist(),
            "low": np.maximum(y - 2 * r.noise_error, 0.02 * y).tolist(), "high": (y + 2 * r.noise_error).tolist(),
            "colour": [style.width(n) for n in r.seen],
            "size": (np.where(here, 12, 8) * (1.4 if style.projector else 1)).tolist(),
            "ring": [style.token("ink" if h else "surface") for h in here],
            "ring_width": np.where(here, 2.0, 0.75).tolist(), "n": [fmt.width(n) for n in r.seen],
            "words": [f"{fmt.power(v)} ± {fmt.power(2 * r.noise_error)}" for v in y],
        }, BLOCK)  # fmt: skip
        self._relabel()

    def _relabel(self) -> None:
        r, rows = self._result, []
        if r is not None and np.isfinite(r.slope):
            rows.append((f"slope {fmt.minus(f'{r.slope:.2f}')}", self.style.token("ink")))
            if len(self.bound.data["x"]):
                rows.append(("grey: Berry–Esseen bound", self.style.token("ink3")))
        self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        r = self._result
        if r is None:
            return {}
        out = {"N": r.seen, "measured": r.measured}
        return out | ({"law_N": r.counts, "law": r.exact} if len(r.exact) else {})
