"""The Matrices lab: eigenvalues of a big random matrix beside their law."""

from __future__ import annotations

from tpapp.compute import matrices as compute
from tpapp.compute import matrices_lower as lower
from tpapp.labs import matrices_words as words
from tpapp.labs.matrices_controls import MatrixControls
from tpapp.labs.matrices_state import NEXT, PRESETS, MatricesState, given, kind, request
from tpapp.labs.matrices_tabs import Lower
from tpapp.matrix_results import DEFAULTS
from tpapp.page import Number, Page, Request, finite
from tpapp.plots import SpectrumPlot, pairings, table
from tpapp.plots import format as fmt
from tpapp.plots.plane import PlanePlot
from tpapp.widgets import column, html, row, share

HEIGHT = 232
GHOST = 64  # the narrow matrix that stays for comparison


class MatricesLab(Page):
    """Eigenvalues of a big random matrix are not random."""

    slug, title, glyph = "matrices", "Matrices", "matrices"
    State = MatricesState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        self.spectrum = SpectrumPlot(theme=self.theme, height=HEIGHT)
        self.plane: PlanePlot | None = None
        self.knobs = MatrixControls(self)
        self.cards, self.nu = self.knobs.cards, self.knobs.knobs["nu"]
        self.lower = Lower(self)
        motion = self.lower.tab
        self.motion, self.move, self.once = motion.plot, motion.move, motion.once
        self.always, self._rows = [self.spectrum], None
        self.plots = [*self.always, *motion.plots]
        self.top = row(share(self.spectrum.view, 2), parts=("figures",))
        self.moments = html("")
        self.moments.stylesheets = [*self.moments.stylesheets, table.CSS]
        self.pairs = html("")
        self.pairs.stylesheets = [*self.pairs.stylesheets, pairings.CSS]

    def controls(self):
        return self.knobs.sections()

    def figures(self):
        upper = column(self.top, self.cards, parts=("group",))
        return [[upper], [self.lower.view]]

    def beside(self):
        return [column(self.moments, self.pairs, parts=("group",))]

    def _frame(self):
        root = super()._frame()
        self.reading.toggle_code()  # shut at first: figures and questions fit a screen
        return root

    def draw_again(self) -> None:
        """Other matrices: the next seed."""
        self.state.seed = (self.state.seed + 1) % 1_000_000

    def _show_plane(self, wanted: bool) -> None:
        """The complex plane beside the histogram, for matrices without symmetry."""
        if wanted == (len(self.top.objects) == 2):
            return
        if wanted and self.plane is None:
            self.plane = PlanePlot(theme=self.theme, projector=self.projector, height=HEIGHT)
            self.plane.view.styles = {"min-width": "min(240px, 100%)"}
            self.spectrum.view.styles = {"flex": "2 1 280px", "min-width": "min(280px, 100%)"}
        if wanted:
            self.plane.restyle(self.theme, self.projector)
        self.always = [*([self.plane] if wanted else []), self.spectrum]
        self.plots = [*self.always, *self.lower.tab.plots]
        self.top.objects = [self.plane.view, self.spectrum.view] if wanted else [self.spectrum.view]

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        self.knobs.show(s)
        self.pairs.object = pairings.drawing(compute.pairings(s.pairs))
        self.lower.show(s.figures)
        self._show_plane(s.ensemble == "iid")
        name, more = kind(s), given(s)
        spectrum = request(s) if finite(s) else None
        if spectrum is not None:
            self._check(s, spectrum)
        key = name, tuple(more.items())
        yield Request("law", ("law", *key), lambda progress: self._law(s), self._show_law, quick=True)
        if spectrum is not None:
            yield Request("spectrum", spectrum, lambda progress: compute.spectrum(spectrum, progress),
                          self._show_spectrum, compute.quick(spectrum), "the histogram of the eigenvalues")  # fmt: skip
        if spectrum is not None and s.width > GHOST and not words.breaks(s):
            ghost = request(s, GHOST, 1)
            yield Request("ghost", ghost, lambda progress: compute.spectrum(ghost, progress),
                          self.spectrum.update_ghost, quick=True)  # fmt: skip
        if spectrum is None:
            yield Request("alone", ("alone", *key), lambda progress: compute.limit_moments(name, **more),
                          self._show_alone, quick=True)  # fmt: skip
        yield from self.lower.tab.requests(s)

    def _check(self, s, spectrum) -> None:
        """Refuse what does not fit; Play stops before it."""
        wider = min((w for w in self.dial.grid if w > s.width), default=0)
        if self.dial.playing and wider > compute.fits(spectrum.kind, s.draws, **given(s)):
            self.dial.stop()  # here, not at a refusal
        compute.check(spectrum)

    @staticmethod
    def _law(s):
        return compute.shown_law(kind(s), DEFAULTS | given(s))

    def _show_law(self, result) -> None:
        self.spectrum.update_law(*result)

    def _show_spectrum(self, result) -> None:
        self.spectrum.update(result)
        r, heavy = result.request, result.gap is None
        law = self.flow.results["law"]
        title = {"modulus |λ|": "Moduli of the eigenvalues", "singular value s": "Singular values"}
        said = words.caption(result, heavy, law[1], f"the {law[0].name}" if law[0].name[0].islower() else law[0].name)
        self.spectrum.describe(title.get(law[0].variable, "Eigenvalues"), said)
        if self.plane is not None and result.points is not None:
            self.plane.update(result, not heavy, law[0].outlier)
            line = "dots" if heavy else "dashed"
            self.plane.describe(caption=f"{len(result.points):,} eigenvalues; {line}: the unit circle")
        if result.moments:
            self._show_moments(result.moments, r.n)

    def _show_alone(self, moments) -> None:
        self.spectrum.describe("Eigenvalues", "the limit alone: the density of the eigenvalues when n is infinite")
        if self.plane is not None:
            self.plane.update(None, not words.breaks(self.state))
        self._show_moments(moments, float("inf"))

    def _show_moments(self, rows, n: float) -> None:
        self._rows = rows, n
        name, what = words.table_words(self.state)
        head = f'<h3 class="tp-title">Moments <small>{what}</small></h3>'
        self.moments.object = head + table.moments(rows, n, self.theme, name, words.order(self.state.ensemble))

    def clear(self, slot):
        if slot == "ghost":
            self.spectrum.update_ghost(None)
        if slot == "spectrum":
            self.spectrum.update(None)
        for tab in self.lower.made.values():
            if slot.startswith(tab.key):
                tab.clear(slot)

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        self.lower.tab.restyle(theme, projector)
        self.spectrum.fig.height = 420 if projector else HEIGHT
        if self._rows is not None:
            self._show_moments(*self._rows)
        self.reading.formula.object = self.formula(self.state.snapshot())

    def leave(self):
        self.lower.tab.leave()
        super().leave()

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(s, self._threshold(s))

    def formula(self, s):
        return words.formula(s, self._threshold(s))

    @staticmethod
    def _threshold(s) -> float | None:
        return lower.threshold(kind(s), given(s))

    def numbers(self, s):
        more = list(self.lower.tab.numbers(s))
        if not finite(s):
            breaks = words.breaks(s)
            return [Number("Width n", "∞"), Number("Method", "no closed form" if breaks else "closed form"), *more]
        r = self.result("spectrum")
        if r is None:
            return [Number("Width n", s.width), Number("Draws", s.draws), *more]
        n = r.request.n
        lines = [Number("Width n", n), Number("Draws", r.draws)]
        if r.gap is not None:
            rate = f"= {r.gap * n:.1f} / n" if r.draws == 1 else ""
            lines.append(Number("Largest CDF gap", fmt.power(r.gap, 2), note=rate))
        lines += self._spiked(s, r)
        if r.outside or r.gap is None:
            end = f"±{r.reach:g}" if r.start < -1 else f"{r.reach:.3g}"
            lines.append(Number(f"Beyond {end}", r.outside, note=f"of {r.total:,}"))
        return [*lines, Number("Time", fmt.seconds(r.seconds)), Number("Method", r.method), *more]

    def _spiked(self, s, r) -> list[Number]:
        """Where the spike's eigenvalue is, and where it should be."""
        law = self.result("law")
        if not given(s).get("spike") or law is None:
            return []
        if not r.marks:
            return [Number("Spike’s threshold", fmt.power(self._threshold(s), 3), note=f"θ = {s.spike:g} is below")]
        many = len(r.marks)
        mean = sum(r.marks) / many
        spread = (sum((mark - mean) ** 2 for mark in r.marks) / max(1, many - 1) / many) ** 0.5 if many > 1 else None
        return [Number("Spike’s eigenvalue", mean, spread, note=f"limit {law[0].outlier:.4g}")]

    def status(self, s):
        if not finite(s):
            return "the limit alone"
        return f"{s.draws:,} draws" if s.draws > 1 else "1 draw"

    def code(self, s):
        own = compute.code(request(s)) if finite(s) else compute.limit_code(kind(s), given(s))
        more = self.lower.tab.code(s)
        return own if not finite(s) and s.figures == "motion" else own + more

    def data(self):
        rows = () if self._rows is None else self._rows[0]
        names = ("k", "measured", "limit", *(["error"] if all(row.error > 0 for row in rows) else []))
        table_data = {f"moments.{name}": [getattr(row, name) for row in rows] for name in names if rows}
        return super().data() | table_data | self.lower.tab.data()

    def ask_next(self, s):
        chips = [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]
        if not finite(s):
            return chips
        more = given(s)
        fits, draws = compute.fits(kind(s), s.draws, **more), compute.fits_draws(kind(s), s.width, **more)
        if s.width > fits:
            chips.insert(0, (f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits)))
        elif s.draws > draws:
            most = max(d for d in (1, 10, 100, 1000) if d <= max(1, draws))
            chips.insert(0, (f"Take {most:,} draws, which fit", lambda: setattr(self.state, "draws", most)))
        return chips
