"""Laws of functions on the circle: a band of two standard deviations, the mean, samples, data, networks."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import Plot, finite, fixed_ticks

PLACES, NAMES = [-np.pi, -np.pi / 2, 0.0, np.pi / 2, np.pi], ["−π", "−π/2", "0", "π/2", "π"]


class FunctionsPlot(Plot):
    """A Gaussian law of functions: band mean ± 2 sd, samples as thin lines; networks of one width in its colour."""

    def __init__(self, title: str, *, name: str, theme: str = "light", projector: bool = False, height: int = 238):
        super().__init__(title, name=name, theme=theme, projector=projector)
        self.width, self._law, self._samples, self._nets = 8.0, None, None, None
        self.band = ColumnDataSource({"x": [], "low": [], "high": []})
        self.mean, self.truth, self.dots = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        self.samples, self.nets = (ColumnDataSource({"xs": [], "ys": []}) for _ in range(2))
        fig = self.axes(height=height, x_range=Range1d(-np.pi, np.pi), y_range=Range1d(-3, 3), x_label="angle a",
                        y_label="f")  # fmt: skip
        fixed_ticks(fig.xaxis[0], PLACES, NAMES)
        area = fig.varea("x", "low", "high", source=self.band, fill_alpha=0.16)
        self.paint(area.glyph, fill_color="ink3")
        drawn = fig.multi_line("xs", "ys", source=self.samples)
        self.paint(drawn.glyph, line_color="ink3", line_width=lambda s: s.line(1))
        nets = fig.multi_line("xs", "ys", source=self.nets)
        self.paint(nets.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.5))
        truth = fig.line("x", "y", source=self.truth)
        self.paint(truth.glyph, line_color="kernel", line_width=lambda s: s.line(1.5))
        self.theory(fig, self.mean)
        dots = fig.scatter("x", "y", source=self.dots, size=8, line_width=1.5, level="overlay")
        self.paint(dots.glyph, fill_color="ink", line_color="surface")
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update(self, angles, mean, sd, samples, *, truth=None, at=None, y=None, reach: float | None = None) -> None:
        """The law on `angles` (M,): `mean`, `sd` (M,), `samples` (draws, M); the function to learn and its data."""
        angles, mean, sd = np.asarray(angles), finite("The mean", mean), finite("The standard deviation", sd)
        samples = finite("The samples", samples)
        self._law, self._samples = np.stack([angles, mean, sd]), samples
        self.band.data = {"x": angles, "low": mean - 2 * sd, "high": mean + 2 * sd}
        self.mean.data = {"x": angles, "y": mean}
        self.samples.data = {"xs": [angles] * len(samples), "ys": list(samples)}
        self.truth.data = {"x": [], "y": []} if truth is None else {"x": angles, "y": finite("The function", truth)}
        self.dots.data = {"x": [], "y": []} if at is None else {"x": np.asarray(at), "y": finite("The data", y)}
        reach = 1.1 * reach if reach else 1.2 * float(np.abs([mean - 2 * sd, mean + 2 * sd]).max())
        self.fig.y_range.update(start=-reach, end=1.25 * reach)
        self._relabel()

    def update_networks(self, angles, f, width: float) -> None:
        """Networks of finite width, `f` (draws, M); None takes them away."""
        self.width, self._nets = width, None if f is None else finite("The networks’ functions", f)
        self.nets.data = {"xs": [], "ys": []} if f is None else {"xs": [angles] * len(f), "ys": list(f)}
        self.repaint()
        self._relabel()

    def clear(self) -> None:
        """Nothing but axes."""
        self._law = self._samples = self._nets = None
        self.band.data = {"x": [], "low": [], "high": []}
        self.mean.data = self.truth.data = self.dots.data = {"x": [], "y": []}
        self.samples.data = self.nets.data = {"xs": [], "ys": []}
        self._relabel()

    def _relabel(self) -> None:
        if self._law is None:
            self.corner(self.text, self.fig, [])
            return
        rows = [("mean ± 2 s.d.", self.style.token("ink"))]
        if len(self.truth.data["x"]):
            rows.append(("function", self.style.token("kernel")))
        if self._nets is not None:
            rows.append((f"n = {fmt.width(self.width)}", self.style.width_text(self.width)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def data(self) -> dict[str, np.ndarray]:
        if self._law is None:
            return {}
        angles, mean, sd = self._law
        out = {"angle": angles, "mean": mean, "sd": sd, "samples": self._samples}
        if len(self.truth.data["x"]):
            out["function"] = np.asarray(self.truth.data["y"])
        if len(self.dots.data["x"]):
            out |= {"data_angle": np.asarray(self.dots.data["x"]), "data": np.asarray(self.dots.data["y"])}
        return out | ({} if self._nets is None else {"networks": self._nets})
