"""The Averages lab: sums settle, their fluctuations turn Gaussian, unless tails are heavy or terms conspire."""

from __future__ import annotations

import math

from tpapp.average_results import DistanceRequest, PathsRequest, SumsRequest
from tpapp.cards import Cards
from tpapp.compute import averages as compute
from tpapp.compute.averages_code import code
from tpapp.compute.averages_distance import distances
from tpapp.flow import FRAME
from tpapp.labs import averages_words as words
from tpapp.labs.averages_dial import TermsDial
from tpapp.labs.averages_state import GLYPHS, NAMES, NEXT, PRESETS, AveragesState
from tpapp.page import Page, Request, finite, note, section
from tpapp.plots import averages_table, table
from tpapp.plots.averages_normal import NormalDistancePlot, QuantilePlot
from tpapp.plots.averages_paths import RunningPlot, SumsPlot
from tpapp.widgets import button, column, html, row, seed_field

CONSPIRACY = "Each term copies one leader with probability √ρ, else it is drawn for itself. Every term keeps its law."
RATES = "How fast its sums turn normal."
PAIRS = """
.bk-btn-group { grid-template-columns: repeat(2, minmax(0, 1fr)) !important; }
.bk-btn-group > .bk-btn { padding: 36px 6px 6px 10px !important; }
.bk-btn-group > .bk-btn::after { left: 10px !important; top: 7px !important; }
"""


class AveragesLab(Page):
    """Sums settle and their fluctuations turn Gaussian, unless tails are heavy or terms conspire."""

    slug, title, glyph = "averages", "Averages", "averages"
    State = AveragesState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        style = {"theme": self.theme}
        self.mean_paths = RunningPlot("Sum / N", name="averages-mean-paths", label="S / N", **style)
        self.scaled_paths = RunningPlot("Fluctuations", name="averages-scaled-paths", label="Z", **style)
        self.means = SumsPlot("Law of Sum / N", name="averages-means", label="S / N", **style)
        self.scaled = SumsPlot("Law of the fluctuations", name="averages-scaled", label="Z", **style)
        self.quantiles, self.distance = QuantilePlot(**style), NormalDistancePlot(**style)
        self.plots = [self.mean_paths, self.scaled_paths, self.means, self.scaled, self.quantiles, self.distance]
        self.cards = Cards("Law of one term", GLYPHS, lambda kind: setattr(self.state, "terms", kind))
        self.cards.group.stylesheets = [*self.cards.group.stylesheets, PAIRS]
        self.moments, self._rows, self._behind = html(""), None, False
        self.moments.stylesheets = [*self.moments.stylesheets, table.CSS]

    def controls(self):
        self.nu = self.control("nu")
        seed = seed_field(self.state.param.seed)
        again = button("Draw again", on_click=lambda event: self._next_seed())
        again.styles = {"align-self": "flex-end"}
        return [
            column(self.cards, note(RATES), self.nu, parts=("group",)),
            section("Conspiracy", self.control("rho"), note(CONSPIRACY), aside="terms push together"),
            section("Draws", self.control("draws", segmented=True), row(seed, again, parts=("figure-row",)),
                    aside="repetitions of the sum"),  # fmt: skip
        ]

    def figures(self):
        return [[self.mean_paths.view, self.scaled_paths.view], [self.means.view, self.scaled.view],
                [self.quantiles.view, self.distance.view]]  # fmt: skip

    def beside(self):
        return [self.moments]

    def hero(self):
        return TermsDial(self.state, self.complain, self.together)

    def _frame(self):
        root = super()._frame()
        self.reading.toggle_code()  # shut at first: figures and questions fit a screen
        return root

    def _next_seed(self) -> None:
        self.state.seed = (self.state.seed + 1) % 1_000_000

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        nu = self._nu(s)
        self._show_state(s)
        law = ("averages-law", s.terms, nu, s.rho)
        yield Request("law", law, lambda progress: self._law(s), self._show_law, quick=True)
        if finite(s):
            sums = SumsRequest(s.terms, s.width, s.draws, s.seed, nu, s.rho)
            yield Request("sums", sums, lambda progress: compute.draw(sums, progress), self._show_sums,
                          compute.quick(sums), "the histogram of the sums")  # fmt: skip
        else:
            yield Request("alone", ("averages-alone", s.terms), lambda progress: compute.normal_powers(),
                          lambda rows: self._show_moments(rows, math.inf), quick=True)  # fmt: skip
        paths = PathsRequest(s.terms, s.seed, nu, s.rho)
        yield Request("paths", paths, lambda progress: compute.paths(paths, progress), self._show_paths,
                      compute.quick(paths), "the running sums")  # fmt: skip
        far = DistanceRequest(s.terms, s.seed, nu, s.rho)
        yield Request("distance", far, lambda progress: distances(far, progress), self.distance.update,
                      label="the distance to the normal")  # fmt: skip

    @staticmethod
    def _nu(s) -> float:
        return s.nu if s.terms == "student" else 3.0

    def _law(self, s):
        return compute.law(s.terms, self._nu(s), s.rho)

    def _show_state(self, s) -> None:
        """What follows from the state alone."""
        self.nu.visible = s.terms == "student"
        self.cards.show(s.terms, {kind: (name, self._word(kind, s)) for kind, name in NAMES.items()})
        self._soon_behind()

    @staticmethod
    def _word(kind: str, s) -> str:
        """A card's second line: how fast its sums become normal."""
        info = compute.law(kind, s.nu if kind == "student" else 3.0, 0.0)
        if info.rate is None:
            return "no mean" if math.isnan(info.mean) else "no variance"
        rates = {-1.0: "like 1/N", -0.5: "like 1/√N"}
        return rates.get(info.rate, f"like N^{info.rate:.2g}".replace("-", "−"))

    def _show_law(self, info) -> None:
        name = "limit: Cauchy again" if math.isnan(info.mean) else "limit"
        name = f"limit: {info.mean:g}" if info.settles else name
        self.means.update_limit(info.limit_x, info.limit_y, info.places, name, info.low, info.high)
        x = compute.normal_grid()
        words_ = "limit: normal" if info.normal else "normal: not the limit"
        self.scaled.update_limit(*x, (), words_, -compute.REACH, compute.REACH, holds=info.normal)
        self.quantiles.update_limit(info.normal)

    def _show_sums(self, result) -> None:
        self.scaled.update(result.scaled, result.request.n)
        self.means.update(result.means, result.request.n)
        self._soon_behind()

    def _soon_behind(self) -> None:
        """The rest a frame later: the histograms under the visitor's hand are not drawn behind it."""
        if not self._behind:
            self._behind = True
            self.flow.jobs.loop.later(self._show_behind, FRAME)

    def _show_behind(self) -> None:
        """Marks at N, quantiles and moments."""
        self._behind = False
        result, n = self.result("sums"), self.state.width
        with self.together():
            for plot in (self.mean_paths, self.scaled_paths, self.distance):
                plot.current(n)
            if result is not None:
                self.quantiles.update(result.qq, result.request.n)
                self._show_moments(result.moments, result.request.n)

    def _show_paths(self, result) -> None:
        r = result.request
        info = compute.law(r.kind, r.nu, r.rho)
        n, (near, far), reach = result.counts, result.reach, compute.REACH
        self.mean_paths.update(n, result.means, info.centre, near, info.low, info.high, info.settles)
        self.scaled_paths.update(n, result.scaled, 0.0, far, -reach, reach, False)

    def _show_moments(self, rows, n: float) -> None:
        self._rows = rows, n
        head = '<h3 class="tp-title">Moments <small>E Z<sup>k</sup>, beside (k − 1)!!</small></h3>'
        self.moments.object = head + averages_table.powers(rows, n, self.theme)

    def _show_words(self) -> None:
        s = self.state.snapshot()
        texts = words.captions(s, self._law(s), self.result("sums"))
        with self.together():
            for name, (title, caption) in texts.items():
                getattr(self, name).describe(title, caption)
        super()._show_words()

    def clear(self, slot):
        if slot == "sums":
            self.means.update(None, math.inf)
            self.scaled.update(None, math.inf)
            self.quantiles.update(None, math.inf)

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        if self._rows is not None:
            self._show_moments(*self._rows)

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(s, self._law(s))

    def formula(self, s):
        return words.formula(s, self._law(s))

    def numbers(self, s):
        variance = compute.variance_of_mean(s.terms, s.width, self._nu(s), s.rho)
        return words.numbers(s, self._law(s), self.result("sums"), self.result("distance"), variance)

    def status(self, s):
        return f"{s.draws:,} draws" if finite(s) else "the limit alone"

    def code(self, s):
        return code(s, self.result("sums"))

    def data(self):
        rows = () if self._rows is None else self._rows[0]
        names = ("k", "measured", "error", "exact", "normal")
        known = [name for name in names if all(math.isfinite(getattr(row, name)) for row in rows)]
        return super().data() | {f"moments.{name}": [getattr(row, name) for row in rows] for name in known if rows}

    def ask_next(self, s):
        return [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]
