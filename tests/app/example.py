"""Two tiny labs that exercise everything a frame does; the browser tests serve them."""

from __future__ import annotations

import math
import time

import numpy as np
import param
from bokeh.models import ColumnDataSource, Range1d

from tpapp.page import Number, Page, Preset, Request, State, Width, finite, note, section
from tpapp.plots import Plot
from tpcore.errors import Misuse


class MeansState(State):
    width = Width(4096, low=8)
    draws = param.Integer(200, bounds=(10, 2000), label="Draws")
    scale = param.Number(1.0, bounds=(0.1, 3.0), label="Scale σ", step=0.1)
    law = param.Selector(objects=["normal", "uniform"], default="normal", label="Law")
    slow = param.Boolean(False, label="Slow")
    forbidden = param.Boolean(False, label="Ask for the impossible", precedence=-1)
    late = param.Boolean(False, label="Say a word a second after the start")


class DensityPlot(Plot):
    """Bars of means, and the limit's density."""

    def __init__(self, number):
        super().__init__(f"Density {number}", "over all draws", name=f"density{number}")
        self.bars, self.limit = ColumnDataSource({"x": [], "top": []}), ColumnDataSource({"x": [], "y": []})
        fig = self.axes(height=300, x_range=Range1d(-4, 4), y_range=Range1d(0, 0.6), x_label="mean")
        bars = fig.vbar(x="x", top="top", width=0.2, source=self.bars)
        self.paint(bars.glyph, fill_color="trivial-fill", line_color="trivial")
        self.theory(fig, self.limit)
        self.build(fig)

    def data(self):
        return {"x": np.asarray(self.limit.data["x"]), "limit": np.asarray(self.limit.data["y"])}


class MeansLab(Page):
    """Means of n numbers."""

    slug, title, glyph = "means", "Means", "averages"
    State = MeansState
    presets = {
        "normal": Preset("Normal numbers"),
        "uniform": Preset("Uniform numbers", {"law": "uniform"}, question="What if they are uniform?"),
        "slow": Preset("Slow", {"slow": True, "width": 1024}, question="What takes long?"),
    }

    def build(self):
        self.plots = [DensityPlot(i) for i in range(3)]

    def controls(self):
        self.word = note("more draws, smoother bars")
        return [
            section("Numbers", self.control("law", segmented=True), self.control("scale"), aside="iid"),
            section("Draws", *map(self.control, ("draws", "slow", "forbidden")), self.word),
        ]

    def start(self):
        super().start()
        if self.state.late:
            self.flow.jobs.loop.later(lambda: setattr(self.word, "object", "<p>A late word.</p>"), 1.0)

    def figures(self):
        return [[plot.view for plot in self.plots]]

    def requests(self, s):
        if s.forbidden:
            raise Misuse("The impossible needs 3 TB", "2 cores", "Try n = 1,000")
        yield Request("limit", ("limit", s.scale), lambda progress: self._limit(s), self.show_limit, quick=True)
        if finite(s):
            yield Request("finite", s, lambda progress: self._finite(s, progress), self.show_finite)

    @staticmethod
    def _limit(s):
        x = np.linspace(-4, 4, 101)
        return x, np.exp(-x * x / 2 / s.scale**2) / math.sqrt(2 * math.pi) / s.scale

    @staticmethod
    def _finite(s, progress):
        rng, chunks = np.random.default_rng(0), 600 if s.slow else 4
        progress.start(chunks)
        counts = np.zeros(40)
        for i in range(chunks):
            time.sleep(0.1 if s.slow else 0.005)
            counts += np.histogram(s.scale * rng.standard_normal(s.draws), np.linspace(-4, 4, 41))[0]
            progress.tick()
            yield counts / counts.sum() / 0.2

    def show_limit(self, result):
        for plot in self.plots:
            plot.limit.data = {"x": result[0], "y": result[1]}

    def show_finite(self, result):
        for plot in self.plots:
            plot.bars.data = {"x": np.linspace(-3.9, 3.9, 40), "top": result}

    def clear(self, slot):
        self.show_finite(np.zeros(40))

    def claim(self, s):
        return "A mean of many numbers is nearly Gaussian." if finite(s) else "The limit is Gaussian."

    def formula(self, s):
        return r"$\frac{1}{\sqrt n}\sum_{i=1}^n \xi_i \;\to\; \mathcal N(0, \sigma^2)$"

    def numbers(self, s):
        variance = Number("Variance", s.scale**2, 0.0123)
        return [Number("Width n", s.width), Number("Draws", s.draws), variance, Number("Method", "closed form")]

    def code(self, s):
        return f"import numpy as np\n\nn = {s.width}  # width\nprint('mean', np.mean([{s.scale}] * 10))\n"

    def status(self, s):
        return f"{s.draws:,} draws" if finite(s) else "the limit alone"


class SumsLab(MeansLab):
    """The second page."""

    slug, title, glyph = "sums", "Sums", "matrices"
    presets = MeansLab.presets
