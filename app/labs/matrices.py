"""The Matrices lab: eigenvalues of a big random matrix beside the semicircle."""

from __future__ import annotations

import panel as pn

from tpapp import theme as themes
from tpapp.cards import Cards
from tpapp.compute import matrices as compute
from tpapp.labs.matrices_state import ENTRIES, GLYPHS, NAMES, NEXT, PRESETS, MatricesState, kind
from tpapp.page import Number, Page, Request, finite, note, section
from tpapp.plots import EigenvaluePoints, SpectrumPlot, pairings, table
from tpapp.plots import format as fmt
from tpapp.matrix_results import PathRequest, SpectrumRequest
from tpapp.widgets import button, column, dress, html, row

HEIGHT = 280
GHOST = 64  # the narrow matrix that stays for comparison
ENSEMBLES = ("GOE: Gaussian entries, variance 1/n, on the diagonal 2/n. "
             "Wigner: entries of any law, variance 1/n everywhere.")  # fmt: skip
PRESSED = ".bk-btn.bk-active { background: var(--tp-ink) !important; color: var(--tp-surface) !important; }"
STEP = "for (let i = 0; i < 6; i++) forward.execute(cb_obj)"


class MatricesLab(Page):
    """Eigenvalues of a big random matrix are not random."""

    slug, title, glyph = "matrices", "Matrices", "matrices"
    State = MatricesState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        self.spectrum = SpectrumPlot(theme=self.theme, height=HEIGHT)
        self.motion = EigenvaluePoints(theme=self.theme, height=136)
        self.plots, self._rows = [self.spectrum, self.motion], None
        self.cards = Cards("Law of the entries", GLYPHS, self._pick)
        self.moments = html("")
        self.moments.stylesheets = [*self.moments.stylesheets, table.CSS]
        self.pairs = html("")
        self.pairs.stylesheets = [*self.pairs.stylesheets, pairings.CSS]
        move = pn.widgets.Toggle(name="Move", icon=themes.icon("play"), icon_size="16px", css_classes=["tp-button"])
        self.move = dress(move, fill=False)
        self.move.stylesheets = [*self.move.stylesheets, PRESSED]
        player = self.motion.player()
        self.move.jscallback(args=dict(player.args), value=player.code)
        self.once = button("One step", "on", "icon")
        self.once.js_on_click(args={"forward": self.motion.forward}, code=STEP)

    def controls(self):
        self.nu = self.control("nu")
        seed = dress(pn.widgets.IntInput.from_param(self.state.param.seed, name="Seed"))
        seed.stylesheets = [*seed.stylesheets, ".bk-spin-btn { display: none !important; }"]
        again = button("Draw again", on_click=lambda event: self._next_seed())
        again.styles = {"align-self": "flex-end"}
        seeds = row(seed, again, parts=("figure-row",))
        return [
            section("Matrix", self.control("ensemble", segmented=True), note(ENSEMBLES), self.nu, aside="symmetric"),
            section("Draws", self.control("draws", segmented=True), seeds, aside="independent matrices"),
            section("Moving matrix", self.control("small", label="n")),
            section("Pairings", self.control("pairs", segmented=True), aside="pairs of points"),
        ]

    def figures(self):
        head = row(self.motion.head, self.move, self.once, parts=("transport",))
        head.sizing_mode, self.motion.head.sizing_mode = "stretch_width", "stretch_width"
        moving = column(head, self.motion.pane, css_classes=["tp-figure"])
        return [[column(self.spectrum.view, self.cards, parts=("group",))], [moving]]

    def beside(self):
        return [column(self.moments, self.pairs, parts=("group",))]

    def _pick(self, entries: str) -> None:
        self.state.param.update(entries=entries, ensemble="goe" if entries == "gaussian" else "wigner")

    def _frame(self):
        root = super()._frame()
        self.reading.toggle_code()  # shut at first: figures and questions fit a screen
        return root

    def _next_seed(self) -> None:
        self.state.seed = (self.state.seed + 1) % 1_000_000

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        self._show_controls(s)
        name = kind(s)
        if finite(s):
            spectrum = SpectrumRequest(name, s.width, s.draws, s.seed, s.nu)
            wider = min((w for w in self.dial.grid if w > s.width), default=0)
            if self.dial.playing and wider > compute.fits(name, s.draws):
                self.dial.stop()  # here, not at a refusal
            compute.check(spectrum)
        yield Request("law", ("law", name, s.nu), lambda progress: self._law(s), self._show_law, quick=True)
        if finite(s):
            yield Request("spectrum", spectrum, lambda progress: compute.spectrum(spectrum, progress),
                          self._show_spectrum, compute.quick(spectrum), "the histogram of the eigenvalues")  # fmt: skip
        if finite(s) and s.width > GHOST and compute.law(name, s.nu) is not None:
            ghost = SpectrumRequest(name, GHOST, 1, s.seed, s.nu)
            yield Request("ghost", ghost, lambda progress: compute.spectrum(ghost, progress),
                          self.spectrum.update_ghost, quick=True)  # fmt: skip
        if not finite(s):
            yield Request("alone", ("alone", name, s.nu), lambda progress: compute.limit_moments(name, s.nu),
                          self._show_alone, quick=True)  # fmt: skip
        path = self._path(s)
        yield Request("motion", path, lambda progress: compute.path(path, progress), self._show_motion, quick=True)

    @staticmethod
    def _path(s) -> PathRequest:
        return PathRequest(kind(s), s.small, seed=s.seed, nu=s.nu)

    @staticmethod
    def _law(s):
        law = compute.law(kind(s), s.nu)
        return (compute.semicircle(), False) if law is None else (law, True)

    def _show_law(self, result) -> None:
        self.spectrum.update_law(*result)

    def _show_spectrum(self, result) -> None:
        self.spectrum.update(result)
        r, heavy = result.request, result.gap is None
        many = f"n = {r.n:,}, {result.draws:,} draws" if result.draws > 1 else f"n = {r.n:,}, one draw"
        outside = f"; {result.outside:,} of {r.n * result.draws:,} lie beyond ±{result.reach:g}"
        beyond = outside if heavy or result.outside else ""
        law = "dots: the semicircle, which does not hold here" if heavy else "dashed: the limit"
        self.spectrum.describe("Eigenvalues", f"{many}; bars have area 1; {law}{beyond}")
        if result.moments:
            self._show_moments(result.moments, r.n)

    def _show_alone(self, moments) -> None:
        self.spectrum.describe("Eigenvalues", "the limit alone: the density of the eigenvalues when n is infinite")
        self._show_moments(moments, float("inf"))

    def _show_motion(self, path) -> None:
        self.motion.update(path)
        heavy = compute.law(path.request.kind, path.request.nu) is None
        coins = path.request.kind.endswith("rademacher")
        moves = "every entry moves and keeps its law"
        moves = "each entry is a coin that turns now and then, so they jump" if coins else moves
        beyond = "; those beyond ±8 are cut off" if heavy else ""
        self.motion.describe(f"Eigenvalues in motion, n = {path.request.n}",
                             f"{moves}; they repel each other{beyond}; upward is time")  # fmt: skip
        if heavy:
            self.motion.fig.x_range.update(start=-compute.HEAVY_REACH, end=compute.HEAVY_REACH)

    def _show_moments(self, rows, n: float) -> None:
        self._rows = rows, n
        head = '<h3 class="tp-title">Moments <small>(1/n) tr A<sup>k</sup></small></h3>'
        self.moments.object = head + table.moments(rows, n, self.theme)

    def _show_controls(self, s) -> None:
        self.nu.visible = s.entries == "student"
        chosen = "gaussian" if s.ensemble == "goe" else s.entries
        names = NAMES | {"student": f"{NAMES['student']}, ν = {s.nu:g}"}
        self.cards.show(chosen, {entries: (names[entries], self._word(entries, s)) for entries in ENTRIES})
        self.pairs.object = pairings.drawing(compute.pairings(s.pairs))

    @staticmethod
    def _word(entries: str, s) -> str:
        """A card's second line: what becomes of the limit, and how far n goes."""
        if entries == "gaussian" and not (s.entries == "gaussian" and s.ensemble == "wigner"):
            return "exact model,\nn to 1,000,000"
        breaks = compute.law(f"symmetric:{entries}", s.nu) is None
        limit = "infinite variance" if breaks else "same limit"
        return f"{limit},\nn to {compute.fits(f'symmetric:{entries}', s.draws):,}"

    def clear(self, slot):
        if slot == "ghost":
            self.spectrum.update_ghost(None)
        if slot == "spectrum":
            self.spectrum.update(None)

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        self.spectrum.fig.height = 420 if projector else HEIGHT
        if self._rows is not None:
            self._show_moments(*self._rows)
        self.reading.formula.object = self.formula(self.state.snapshot())

    def leave(self):
        self.move.value = False
        super().leave()

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        if compute.law(kind(s), s.nu) is None:
            return "Without a variance the semicircle breaks: a few huge entries make eigenvalues of any size."
        if not finite(s):
            return "In the limit nothing is random: every draw has the same eigenvalue density."
        if s.width <= 32:
            many = "Averaged over many draws, small matrices come close to the law, but not onto it."
            one = "A small matrix is still random: its eigenvalues change from draw to draw."
            return many if s.draws >= 100 else one
        if s.entries == "student":
            return "Heavy tails make n work harder, but a finite variance is enough: the same law."
        if s.entries in ("rademacher", "uniform"):
            return "The entries’ law does not matter: eigenvalues of a big random matrix are not random."
        return "Eigenvalues of a big random matrix are not random."

    def formula(self, s):
        if compute.law(kind(s), s.nu) is None:
            power = "n" if s.entries == "cauchy" or s.nu == 1 else rf"n^{{1/{s.nu:g}}}"
            return rf"$A_{{ij}} = X_{{ij}} / {power}, \qquad \mathbb{{E}}\, X_{{ij}}^2 = \infty$"
        law = r"\rho(\lambda) = \frac{\sqrt{4 - \lambda^2}}{2\pi}"
        moments = r"\tfrac{1}{n} \operatorname{tr} A^{2k} \to C_k"
        if self.projector:
            return rf"$\displaystyle {law}, \quad {moments}$"
        return rf"$\begin{{array}}{{l}} \displaystyle {law} \\[4pt] {moments} \end{{array}}$"

    def numbers(self, s):
        if not finite(s):
            breaks = compute.law(kind(s), s.nu) is None
            return [Number("Size n", "∞"), Number("Method", "no closed form" if breaks else "closed form")]
        r = self.result("spectrum")
        if r is None:
            return [Number("Size n", s.width), Number("Draws", s.draws)]
        n = r.request.n
        lines = [Number("Size n", n), Number("Draws", r.draws)]
        if r.gap is not None:
            rate = f"= {r.gap * n:.1f} / n" if r.draws == 1 else ""
            lines.append(Number("Largest CDF gap", fmt.power(r.gap, 2), note=rate))
        if r.outside or r.gap is None:
            lines.append(Number(f"Beyond ±{r.reach:g}", r.outside, note=f"of {n * r.draws:,}"))
        return [*lines, Number("Time", fmt.seconds(r.seconds)), Number("Method", r.method)]

    def status(self, s):
        if not finite(s):
            return "the limit alone"
        return f"{s.draws:,} draws" if s.draws > 1 else "1 draw"

    def code(self, s):
        if not finite(s):
            return compute.limit_code()
        return compute.code(SpectrumRequest(kind(s), s.width, s.draws, s.seed, s.nu)) + compute.path_code(self._path(s))

    def data(self):
        rows = () if self._rows is None else self._rows[0]
        names = ("k", "measured", "limit", *(["error"] if all(row.error > 0 for row in rows) else []))
        return super().data() | {f"moments.{name}": [getattr(row, name) for row in rows] for name in names if rows}

    def ask_next(self, s):
        chips = [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]
        if not finite(s):
            return chips
        fits, draws = compute.fits(kind(s), s.draws), compute.fits_draws(kind(s), s.width)
        if s.width > fits:
            chips.insert(0, (f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits)))
        elif s.draws > draws:
            most = max(d for d in (1, 10, 100, 1000) if d <= max(1, draws))
            chips.insert(0, (f"Take {most:,} draws, which fit", lambda: setattr(self.state, "draws", most)))
        return chips
