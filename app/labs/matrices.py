"""The Matrices lab: eigenvalues of a big random matrix beside the semicircle."""

from __future__ import annotations

import panel as pn
import param

from tpapp import theme as themes
from tpapp.cards import Cards
from tpapp.compute import matrices as compute
from tpapp.page import Number, Page, Preset, Request, State, Width, finite, note, section
from tpapp.plots import EigenvaluePoints, SpectrumPlot, format as fmt, pairings, table
from tpapp.results import PathRequest, SpectrumRequest
from tpapp.widgets import button, column, dress, html, row

HEIGHT = 280
GHOST = 64  # the narrow matrix that stays for comparison
ENTRIES = ("gaussian", "rademacher", "uniform", "student", "cauchy")
NAMES = {"gaussian": "Gaussian", "rademacher": "± 1", "uniform": "Uniform", "student": "Student t", "cauchy": "Cauchy"}
GLYPHS = {  # densities, in a box of 44 by 26
    "gaussian": "<path d='M1 24H43'/><path d='M2 23C14 23 15 4 22 4C29 4 30 23 42 23'/>",
    "rademacher": "<path d='M1 24H43M13 24V7M31 24V7'/><circle cx='13' cy='5' r='2.5' fill='#000'/><circle cx='31' cy='5' r='2.5' fill='#000'/>",
    "uniform": "<path d='M1 24H43M7 24V8H37V24'/>",
    "student": "<path d='M1 24H43'/><path d='M2 21C16 20 17 3 22 3C27 3 28 20 42 21'/>",
    "cauchy": "<path d='M1 24H43'/><path d='M2 20C17 19 19 16 20.500 7C21.500 1 22.500 1 23.500 7C25 16 27 19 42 20'/>",
}
WIGNER = {"ensemble": "wigner", "width": 512}  # stored whole: a size that still follows the dial


NEXT = {  # preset -> those whose questions come next
    "goe": ("coins", "eight", "cauchy"), "coins": ("student", "cauchy", "million"), "eight": ("mean", "million", "coins"),
    "mean": ("coins", "million", "cauchy"), "million": ("coins", "eight", "cauchy"), "student": ("cauchy", "coins", "million"),
    "cauchy": ("student", "coins", "eight"),
}


class MatricesState(State):
    """What the lab shows; the link calls the width `n`."""

    ensemble = param.Selector(objects={"GOE": "goe", "Wigner": "wigner"}, default="goe", label="Ensemble")
    entries = param.Selector(objects=list(ENTRIES), default="gaussian", label="Law of the entries")
    width = Width(1024, low=2)
    nu = param.Number(3.0, bounds=(1.0, 10.0), step=0.5, label="Degrees of freedom ν")
    draws = param.Selector(objects={"1": 1, "10": 10, "100": 100, "1k": 1000, "10k": 10000}, default=1, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    pairs = param.Selector(objects=[1, 2, 3, 4], default=3, label="Pairs of points")
    small = param.Integer(8, bounds=(2, 12), label="Size of the moving matrix")

    def __init__(self, presets=None, **values):
        if values.get("entries", "gaussian") != "gaussian":
            values["ensemble"] = "wigner"
        super().__init__(presets, **values)

    @param.depends("entries", watch=True)
    def _entries_chosen(self):
        if self.entries != "gaussian":
            self.ensemble = "wigner"

    @param.depends("ensemble", watch=True)
    def _ensemble_chosen(self):
        if self.ensemble == "goe":
            self.entries = "gaussian"

    def query(self, lab: str) -> dict[str, str]:
        return {name.replace(f"{lab}.width", f"{lab}.n"): text for name, text in super().query(lab).items()}

    def read(self, lab: str, query) -> list[str]:
        query = {f"{lab}.width" if name == f"{lab}.n" else name: text for name, text in query.items()}
        if query.get(f"{lab}.entries") in ENTRIES[1:]:
            query[f"{lab}.ensemble"] = "wigner"
        return super().read(lab, query)


def kind(s) -> str:
    """What tpcore calls the ensemble of a snapshot."""
    return "goe" if s.ensemble == "goe" else f"symmetric:{s.entries}"


class MatricesLab(Page):
    """Eigenvalues of a big random matrix are not random."""

    slug, title, glyph = "matrices", "Matrices", "matrices"
    State = MatricesState
    presets = {
        "goe": Preset("Gaussian, n = 1,024"),
        "coins": Preset("Coin flips", WIGNER | {"entries": "rademacher"}, question="What if the entries are coin flips?"),
        "eight": Preset("n = 8", {"width": 8}, question="Does it hold for n = 8?"),
        "mean": Preset("n = 8, on average", {"width": 8, "draws": 10000}, question="And on average over 10,000 draws?"),
        "million": Preset("A million by a million", {"width": 10**6}, question="How far can n go?"),
        "student": Preset("Heavy tails, finite variance", WIGNER | {"entries": "student"}, question="Do heavy tails matter?"),
        "cauchy": Preset("Infinite variance", WIGNER | {"entries": "cauchy"}, question="What if the variance is infinite?"),
    }

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
        self.move = dress(pn.widgets.Toggle(name="Move", icon=themes.icon("play"), icon_size="16px", css_classes=["tp-button"]), fill=False)
        self.move.stylesheets = [*self.move.stylesheets, ".bk-btn.bk-active { background: var(--tp-ink) !important; color: var(--tp-surface) !important; }"]
        player = self.motion.player()
        self.move.jscallback(args=dict(player.args), value=player.code)
        self.once = button("One step", "on", "icon")
        self.once.js_on_click(args={"forward": self.motion.forward}, code="for (let i = 0; i < 6; i++) forward.execute(cb_obj)")

    def controls(self):
        self.nu = self.control("nu")
        seed = dress(pn.widgets.IntInput.from_param(self.state.param.seed, name="Seed"))
        seed.stylesheets = [*seed.stylesheets, ".bk-spin-btn { display: none !important; }"]
        again = button("Draw again", on_click=lambda event: self._next_seed())
        again.styles = {"align-self": "flex-end"}
        return [
            section("Matrix", self.control("ensemble", segmented=True), note("GOE: Gaussian entries, variance 1/n, on the diagonal 2/n. "
                    "Wigner: entries of any law, variance 1/n everywhere."), self.nu, aside="symmetric"),
            section("Draws", self.control("draws", segmented=True), row(seed, again, parts=("figure-row",)), aside="independent matrices"),
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
            if self.dial.playing and min((w for w in self.dial.grid if w > s.width), default=0) > compute.fits(name, s.draws):
                self.dial.stop()  # here, not at a refusal
            compute.check(spectrum)
        yield Request("law", ("law", name, s.nu), lambda progress: self._law(s), self._show_law, quick=True)
        if finite(s):
            yield Request("spectrum", spectrum, lambda progress: compute.spectrum(spectrum, progress), self._show_spectrum,
                          quick=compute.quick(spectrum), label="the histogram of the eigenvalues")
        if finite(s) and s.width > GHOST and compute.law(name, s.nu) is not None:
            ghost = SpectrumRequest(name, GHOST, 1, s.seed, s.nu)
            yield Request("ghost", ghost, lambda progress: compute.spectrum(ghost, progress), self.spectrum.update_ghost, quick=True)
        if not finite(s):
            yield Request("alone", ("alone", name, s.nu), lambda progress: compute.limit_moments(name, s.nu), self._show_alone, quick=True)
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
        beyond = f"; {result.outside:,} of {r.n * result.draws:,} lie beyond ±{result.reach:g}" if heavy or result.outside else ""
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
        moves = "each entry is a coin that turns now and then, so they jump" if coins else "every entry moves and keeps its law"
        beyond = "; those beyond ±8 are cut off" if heavy else ""
        self.motion.describe(f"Eigenvalues in motion, n = {path.request.n}", f"{moves}; they repel each other{beyond}; upward is time")
        if heavy:
            self.motion.fig.x_range.update(start=-compute.HEAVY_REACH, end=compute.HEAVY_REACH)

    def _show_moments(self, rows, n: float) -> None:
        self._rows = rows, n
        head = '<h3 class="tp-title">Moments <small>(1/n) tr A<sup>k</sup></small></h3>'
        self.moments.object = head + table.moments(rows, n, self.theme)

    def _show_controls(self, s) -> None:
        self.nu.visible = s.entries == "student"
        chosen = "gaussian" if s.ensemble == "goe" else s.entries
        self.cards.show(chosen, {name: (NAMES[name] + (f", ν = {s.nu:g}" if name == "student" else ""), self._word(name, s)) for name in ENTRIES})
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
            return many if s.draws >= 100 else "A small matrix is still random: its eigenvalues change from draw to draw."
        if s.entries == "student":
            return "Heavy tails make n work harder, but a finite variance is enough: the same law."
        if s.entries in ("rademacher", "uniform"):
            return "The entries’ law does not matter: eigenvalues of a big random matrix are not random."
        return "Eigenvalues of a big random matrix are not random."

    def formula(self, s):
        if compute.law(kind(s), s.nu) is None:
            power = "n" if s.entries == "cauchy" or s.nu == 1 else rf"n^{{1/{s.nu:g}}}"
            return rf"$A_{{ij}} = X_{{ij}} / {power}, \qquad \mathbb{{E}}\, X_{{ij}}^2 = \infty$"
        law, moments = r"\rho(\lambda) = \frac{\sqrt{4 - \lambda^2}}{2\pi}", r"\tfrac{1}{n} \operatorname{tr} A^{2k} \to C_k"
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
        gap = [] if r.gap is None else [Number("Largest CDF gap", fmt.power(r.gap, 2), note=f"= {r.gap * n:.1f} / n" if r.draws == 1 else "")]
        outside = [Number(f"Beyond ±{r.reach:g}", r.outside, note=f"of {n * r.draws:,}")] if r.outside or r.gap is None else []
        return [Number("Size n", n), Number("Draws", r.draws), *gap, *outside,
                Number("Time", fmt.seconds(r.seconds)), Number("Method", r.method)]  # fmt: skip

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
