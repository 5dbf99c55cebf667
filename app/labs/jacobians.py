"""The Jacobians lab: depth and nonlinearity shape the singular values."""

from __future__ import annotations

import numpy as np

from tpapp.compute import jacobians as compute
from tpapp.compute import jacobians_code
from tpapp.jacobian_results import WORDS, DrawsRequest, NetRequest
from tpapp.labs import jacobians_words as words
from tpapp.labs.jacobians_state import NEXT, PRESETS, JacobiansState
from tpapp.page import Number, Page, Request, finite, note, section
from tpapp.plots import format as fmt
from tpapp.plots import table
from tpapp.plots.jacobian_gradients import GradientPlot
from tpapp.plots.jacobian_plane import SHADES, ChaosPlane
from tpapp.plots.jacobian_singular import SingularPlot
from tpapp.plots.jacobian_words import MixedMoments
from tpapp.widgets import button, column, html, row, seed_field

HEIGHT, LOW = 288, 244
GHOST, GHOST_DRAWS = 32, 16  # the narrow networks that stay for comparison
SNAP = 0.02  # of the plane's size: within it a hand means the edge of chaos
OTHER_NETWORK, NARROW = 0.25, 0.6  # s that the hand rests before other networks are drawn: their law comes first
DIGITS = 4  # of sigma that a hand sets


class JacobiansLab(Page):
    """Depth and nonlinearity shape the singular values of a network's Jacobian."""

    slug, title, glyph = "jacobians", "Jacobians", "jacobians"
    State = JacobiansState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        self.singular = SingularPlot(theme=self.theme, height=HEIGHT)
        self.plane = ChaosPlane(theme=self.theme, height=HEIGHT, on_point=self._picked)
        self.gradients = GradientPlot(theme=self.theme, height=LOW)
        self.words = MixedMoments(theme=self.theme, height=LOW)
        self.plots = [self.singular, self.plane, self.gradients, self.words]
        self.mixed = html("")
        self.mixed.stylesheets = [*self.mixed.stylesheets, table.CSS, words.CSS]
        self.gradients.describe(None, "mean square of ∂x<sup>l</sup>/∂x<sup>0</sup>; dots: mean ± 2 s.e.")
        words_of = "A = D²<sub>L</sub>, B = W<sub>L</sub>D²<sub>L−1</sub>Wᵀ<sub>L</sub>"
        self.words.describe(None, f"words in {words_of} of mean 1; ± 2 s.e.")
        self._drawn = self._narrow = None

    def controls(self):
        self.q0 = self.control("q0")
        seed = seed_field(self.state.param.seed)
        again = button("Draw again", on_click=lambda event: self._next_seed())
        again.styles = {"align-self": "flex-end"}
        self.links = note(f"Sparse: {compute.LINKS} links a neuron.")
        return [
            section("Network", self.control("phi"), self.control("depth"), aside="no readout"),
            section("Weights", self.control("weights", segmented=True), self.links,
                    self.control("sigma_w", format="0.000"), self.control("sigma_b", format="0.000")),
            section("Input", self.control("start", segmented=True), self.q0, aside="where variances start"),
            section("Networks", self.control("draws", segmented=True), row(seed, again, parts=("figure-row",)),
                    aside="independent draws"),
            section("Figures", self.control("axis", segmented=True), self.control("shade", segmented=True),
                    aside="axis; colour of the plane"),
        ]  # fmt: skip

    def figures(self):
        return [[self.singular.view, self.plane.view], [self.gradients.view, self.words.view]]

    def beside(self):
        return [column(self.mixed, parts=("group",))]

    def _frame(self):
        root = super()._frame()
        self.reading.toggle_code()  # shut at first: the numbers fit a screen
        return root

    def _next_seed(self) -> None:
        self.state.seed = (self.state.seed + 1) % 1_000_000

    def _picked(self, sigma_w: float, sigma_b: float) -> None:
        s = self.state.snapshot()
        w, b = compute.pick(s.phi, sigma_w, sigma_b, SNAP)
        low, high = self.state.param.sigma_w.bounds
        chosen = {"sigma_w": round(min(max(w, low), high), DIGITS), "sigma_b": round(b, DIGITS)}
        with self.together():
            if all(getattr(s, name) == value for name, value in chosen.items()):
                self.plane.point(s.sigma_w, s.sigma_b)  # the browser has moved the marker already
            self.state.param.update(**chosen)

    # -- state -> requests -> figures --------------------------------------------------------------------------

    @staticmethod
    def net(s) -> NetRequest:
        """The snapshot's network."""
        return NetRequest(s.depth, s.phi, s.sigma_w, s.sigma_b, s.weights, s.q0 if s.start == "chosen" else None)

    def _asked(self, s) -> DrawsRequest | None:
        """The networks that a snapshot has drawn: none at infinite width, and none that do not fit."""
        r = self.net(s)
        return DrawsRequest(r, s.width, s.draws, s.seed) if finite(s) and s.width <= compute.fits(r, s.draws) else None

    def requests(self, s):
        r = self.net(s)
        self.q0.visible = s.start == "chosen"
        self.links.visible = s.weights == "sparse"
        self.plane.point(s.sigma_w, s.sigma_b)
        yield Request("plane", (s.phi, s.shade), lambda progress: compute.plane(s.phi), self._show_plane, quick=True)
        compute.point(r)  # refuses what has no fixed point
        asked = self._asked(s)
        if self.dial.playing and min((w for w in self.dial.grid if w > s.width), default=0) > compute.fits(r, s.draws):
            self.dial.stop()  # here, not where nothing is drawn any more
        yield Request("law", ("law", r, s.axis), lambda progress: compute.law(r), self._show_law,
                      quick=compute.law_is_quick(r), label="the law of free probability")  # fmt: skip
        yield Request("point", r, lambda progress: compute.point(r), self._show_point, quick=True)
        if asked is None and finite(s):
            self.complain(words.too_wide(r, s.width, s.draws, compute.fits(r, s.draws)))
        if asked is not None:
            draw, quick = (lambda progress: compute.draws(asked, progress)), compute.quick(asked)
            moved = not quick and self._drawn is not None and self._drawn.request.net != r
            yield Request("draws", ("draws", asked, s.axis), draw, self._show_draws, quick, "the networks",
                          rest=OTHER_NETWORK if moved else 0.0)  # fmt: skip
        if asked is not None and s.width > GHOST and s.weights != "sparse":
            ghost = DrawsRequest(r, GHOST, GHOST_DRAWS, s.seed)
            yield Request("ghost", ("ghost", ghost, s.axis), lambda progress: compute.draws(ghost, progress),
                          self._show_ghost, label="the narrow networks", rest=NARROW)

    def _show_plane(self, plane) -> None:
        s = self.state.snapshot()
        self.plane.update(plane, s.shade)
        self.plane.point(s.sigma_w, s.sigma_b)
        colour = f"colour: {SHADES[s.shade]}, lines: χ₁" if s.shade == "q" else "green: order, brown: chaos"
        self.plane.describe(None, f"{colour}; click or drag the point")

    def _show_point(self, known) -> None:
        self.gradients.update_limit(known.sizes, known.request.weights != "sparse")
        if known.request.weights != "sparse":
            self.words.update_limit(WORDS, *compute.free_words(known.request))
        self._show_table()

    def _show_law(self, law) -> None:
        self.singular.update_law(law, self.state.axis == "log")
        self._fill()

    def _show_draws(self, result) -> None:
        self._drawn = result
        n = result.request.n
        if result.request.net.weights == "sparse":
            self.words.update_limit(WORDS, result.free, result.commuting)
        self.gradients.update(result.sizes, n, result.done)
        self.words.update(result.words, n)
        self._fill()
        self._show_table()

    def _show_ghost(self, result) -> None:
        self._narrow = result
        self._fill()

    def _fill(self) -> None:
        """The histograms of what has come, on the axis of the law on show."""
        law, log = self.result("law"), self.state.axis == "log"
        if law is None:
            return
        for result, update in ((self._drawn, self.singular.update), (self._narrow, self.singular.update_ghost)):
            update(None if result is None else compute.histogram(result.singular, law.window, log))
        self.singular.describe(None, self._caption(law))

    def _caption(self, law) -> str:
        result = self._drawn
        if result is None:
            return self._alone()
        m = len(result.singular)
        many = f"n = {result.request.n:,}, {m:,} network{'s' * (m > 1)}"
        shown = compute.histogram(result.singular, law.window, self.state.axis == "log")
        dead = any(at == 0 for at, mass in law.atoms)  # else they are only too small for floats
        parts = ((shown.zero * dead, "are 0"), (shown.left + shown.zero * (not dead), "lie further left"))
        beyond = [f"{100 * count / result.singular.size:.0f} % {words}" for count, words in parts
                  if count >= 0.005 * result.singular.size]  # fmt: skip
        return ", ".join([many, *beyond])

    def _alone(self) -> str:
        s = self.state.snapshot()
        too_wide = finite(s) and self._asked(s) is None
        return f"the limit alone: n = {s.width:,} does not fit" if too_wide else "the limit alone: n is infinite"

    def _show_table(self) -> None:
        known, result = self.result("point"), self._drawn
        if known is None:
            return
        fits = result is not None and result.request.net == known.request
        if known.request.weights == "sparse" and not fits:
            return
        free = result.free if fits else compute.free_words(known.request)[0]
        seen = self.words.means() if fits and self.words.drawn else None
        n = result.request.n if fits else float("inf")
        head = '<h3 class="tp-title">Free independence <small>τ = tr / n</small></h3>'
        self.mixed.object = head + words.table(free, seen, n, self.theme)

    def clear(self, slot):
        if slot == "ghost":
            self._narrow = None
            self.singular.update_ghost(None)
        if slot == "draws":
            self._drawn = None
            self.singular.update(None)
            self.gradients.update(None, 8)
            self.words.update(None, 8)
            self._show_table()
            self.singular.describe(None, self._alone())

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        self.singular.fig.height = 420 if projector else HEIGHT
        self._show_table()

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(compute.point(self.net(s)))

    def formula(self, s):
        return words.formula(compute.point(self.net(s)), self.projector)

    def numbers(self, s):
        known, law, result = compute.point(self.net(s)), self.result("law"), self.result("draws")
        q = "none" if np.isinf(known.q) else fmt.power(known.q, 3)
        aside = "slopes ignore it" if known.homogeneous else ""
        lines = [Number("Fixed point q*", q, note=aside), Number("χ₁ there", fmt.power(known.chi, 4))]
        if result is not None:
            mean = (result.singular**2).mean(axis=1)
            error = mean.std(ddof=1) / np.sqrt(len(mean)) if len(mean) > 1 else None
            label = f"Mean of s², limit {self._short(known.mean)}"
            lines.append(Number(label, *self._measured(float(mean.mean()), error)))
        else:
            lines.append(Number("Mean of s²", fmt.power(known.mean, 3)))
            lines.append(Number("Variance of s²", fmt.power(known.variance, 3)))
        if law is not None and law.holds:
            top = fmt.power(law.top, 3)
            lines.append(Number("Largest s", top) if result is None else
                         Number(f"Largest s, limit {top}", fmt.power(float(result.singular.max()), 3)))  # fmt: skip
        gap = compute.gap(result.singular, law) if result is not None and law is not None else None
        if gap is not None:
            lines.append(Number("Largest CDF gap", fmt.power(gap, 2)))
        if law is not None:
            lines.append(Number("Method", law.method))
        return lines

    @staticmethod
    def _short(value: float) -> str:
        return fmt.power(float(f"{value:.2g}"), 2) if abs(value - 1) > 0.005 else "1"

    @staticmethod
    def _measured(value: float, error: float | None):
        return (value, error) if error is not None and 1e-3 < abs(value) < 1e4 else (fmt.power(value, 3), None)

    def status(self, s):
        if self._asked(s) is None:
            return "the limit alone"
        return f"{s.draws} networks" if s.draws > 1 else "1 network"

    def code(self, s):
        return jacobians_code.code(self._asked(s) or self.net(s))

    def data(self):
        result = self._drawn
        out = super().data()
        return out if result is None else out | {"singular_values": np.ravel(result.singular)}

    def ask_next(self, s):
        chips = [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]
        r = self.net(s)
        if not compute.has_start(r):
            chips.insert(0, ("Start at q⁰ = 1", lambda: setattr(self.state, "start", "chosen")))
        elif finite(s) and s.width > compute.fits(r, s.draws):
            fits = compute.fits(r, s.draws)
            chips.insert(0, (f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits)))
        return chips
