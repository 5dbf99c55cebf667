"""The Matrices lab's left column and its cards: which matrix, which entries, and what these need."""

from __future__ import annotations

from tpapp.cards import Cards
from tpapp.compute import matrices as compute
from tpapp.labs import matrices_words as words
from tpapp.labs.matrices_state import ENTRIES, GAUSSIAN, GLYPHS, NAMES, UNSPIKED
from tpapp.matrix_results import DEFAULTS
from tpapp.page import note, section
from tpapp.widgets import button, column, row, seed_field

KNOBS = ("ratio", "nu", "degree", "band", "factors", "spike")
FOUR = """
.bk-btn-group { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); }
.bk-btn-group > .bk-btn { grid-column: span 3; }
.bk-btn-group > .bk-btn:nth-child(n + 5) { grid-column: span 4; }
.bk-btn-group > .bk-btn:nth-child(n + 5) { border-top: 1px solid var(--tp-line) !important; }
.bk-btn-group > .bk-btn:nth-child(5) { border-left: 0 !important; }
.bk-btn-group > .bk-btn { padding: 2px !important; }
"""


class MatrixControls:
    """Widgets of the lab; `show` brings them up to date with a snapshot."""

    def __init__(self, lab):
        self.lab = lab
        self.cards = Cards("Law of the entries", GLYPHS, self._pick)
        self.ensemble = lab.control("ensemble", segmented=True)
        self.ensemble.stylesheets = [*self.ensemble.stylesheets, FOUR]
        self.note = note(words.NOTES["goe"])
        self.knobs = {name: lab.control(name) for name in KNOBS}
        self.small = column(section("Moving matrix", lab.control("small", label="n")))

    def sections(self) -> list:
        """The left column."""
        lab = self.lab
        seed = seed_field(lab.state.param.seed)
        again = button("Draw again", on_click=lambda event: lab.draw_again())
        again.styles = {"align-self": "flex-end"}
        seeds = row(seed, again, parts=("figure-row",))
        return [
            section("Matrix", self.ensemble, self.note, *self.knobs.values()),
            section("Draws", lab.control("draws", segmented=True), seeds, aside="independent matrices"),
            self.small,
            section("Pairings", lab.control("pairs", segmented=True), aside="pairs of points"),
        ]

    def _pick(self, entries: str) -> None:
        """A card was chosen: the ensemble stays where it has such entries."""
        now = self.lab.state.ensemble
        if now in (*GAUSSIAN, "wigner"):
            now = "goe" if entries == "gaussian" and now != "gue" else now if entries == "gaussian" else "wigner"
        self.lab.state.param.update(entries=entries, ensemble=now)

    def show(self, s) -> None:
        """Controls that the state has, cards with what becomes of the limit."""
        has = {"ratio": s.ensemble == "wishart", "nu": s.entries == "student", "degree": s.entries == "sparse",
               "band": s.ensemble == "band", "factors": s.ensemble == "product",
               "spike": s.ensemble not in UNSPIKED and not words.breaks(s)}  # fmt: skip
        for name, widget in self.knobs.items():
            if widget.visible != has[name]:
                widget.visible = has[name]
        self.small.visible = s.figures == "motion"
        text = f'<p class="tp-note">{words.NOTES[s.ensemble]}</p>'
        if self.note.object != text:
            self.note.object = text
        chosen = "gaussian" if s.ensemble in GAUSSIAN else s.entries
        names = NAMES | {"student": f"{NAMES['student']}, ν = {s.nu:g}"}
        self.cards.show(chosen, {entries: (names[entries], self._word(entries, s)) for entries in ENTRIES})

    @staticmethod
    def _word(entries: str, s) -> str:
        """A card's second line: what becomes of the limit, and how far n goes."""
        family = {"goe": "symmetric", "gue": "symmetric", "wigner": "symmetric"}.get(s.ensemble, s.ensemble)
        tridiagonal = s.ensemble in (*GAUSSIAN, "wishart") or (s.ensemble == "wigner" and s.entries != "gaussian")
        if entries == "gaussian" and tridiagonal:
            return "exact model,\nn to 1,000,000"
        if entries == "gaussian" and family != "symmetric":
            kind = family
        else:
            kind = f"{family}:{entries}"
        given = {"ratio": s.ratio} if family == "wishart" else {"factors": s.factors} if family == "product" else {}
        holds = compute.holds(kind, DEFAULTS | given | {"nu": s.nu})
        breaks = entries == "cauchy" or (entries == "student" and s.nu <= 2)
        limit = "infinite variance" if breaks else "same limit" if holds else "near the limit"
        return f"{limit},\nn to {compute.fits(kind, s.draws, **given):,}"
