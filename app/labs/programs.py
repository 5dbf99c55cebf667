"""The Programs lab: a tensor program line by line, its coordinates beside the law that they come to follow."""

from __future__ import annotations

import math

import numpy as np

from tpapp.compute import programs as compute
from tpapp.compute import programs_law as laws
from tpapp.compute.programs_listing import OWN, listing
from tpapp.labs import programs_words as words
from tpapp.labs.programs_layout import HEIGHT, TALL, Layout
from tpapp.labs.programs_state import NEXT, PRESETS, ProgramsState, line_of, views_of
from tpapp.page import Request, finite
from tpapp.plots import averages as table
from tpapp.plots.pairs import SHOWN
from tpapp.widgets import escape
from tpcore.errors import BudgetError


class ProgramsLab(Layout):
    """Every coordinate of a big program looks like an independent draw of Z."""

    slug, title, glyph = "programs", "Programs", "programs"
    State = ProgramsState
    presets = PRESETS

    # -- what a visitor does -----------------------------------------------------------------------------------

    def _pick(self, line: int) -> None:
        self.player.stop()
        self.state.param.update(step=line, x="", y="")

    def leave(self):
        self.player.stop()
        super().leave()

    def _choose_view(self, name: str, view: str) -> None:
        if not self._filling and view is not None:
            setattr(self.state, name, view)

    def _next_seed(self) -> None:
        self.state.seed = (self.state.seed + 1) % 1_000_000

    def _changed_program(self, source: str) -> None:
        """The builder's program is now `source`."""
        last = len(listing(source).lines)
        number = next((line.number for line in reversed(listing(source).lines) if line.views), last)
        with self.together():
            if self.state.preset != OWN:
                self.choose(OWN)
            self.state.param.update(program=source, step=number, x="", y="")

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        made = listing(s.program)
        x, y = views_of(s, made)
        self._show_program(s, made, x, y)
        if not x:
            return
        views = (x, y) if y else (x,)
        if finite(s):
            self._refuse(s, views)
        wanted = compute.averages_of(s.program, x, y)
        key = s.program, x, y
        if self.made != key:
            self.made = key
            self._forget_theory()
        yield Request("theory", ("programs-theory", key), lambda p: laws.theory(s.program, x, y, wanted, p),
                      self._show_theory, laws.quick(s.program, x, y), "the limit")  # fmt: skip
        if finite(s):
            n = int(s.width)
            yield Request("draw", ("programs-draw", key, n, s.seed),
                          lambda p: compute.coordinates(s.program, n, s.seed, views, p), self._show_draw,
                          compute.quick(s.program, n, views), "the coordinates")  # fmt: skip
            draws = compute.draws_that_fit(s.program, n, s.draws)
            yield Request("averages", ("programs-averages", key, wanted, n, draws, s.seed),
                          lambda p: compute.averages(s.program, wanted, n, draws, s.seed, p), self._show_averages,
                          label="the averages", rest=0.2)  # fmt: skip
        if s.view == "error":
            widths, each = compute.ladder(s.program, views)
            if each > 1:
                yield Request("errors", ("programs-errors", key, widths, each, s.seed),
                              lambda p: compute.errors(s.program, views, widths, each, s.seed, p), self._show_errors,
                              label="the errors", rest=0.6)  # fmt: skip

    def _refuse(self, s, views) -> None:
        """What does not fit is refused before anything starts; playing ends at the last width that does."""
        try:
            compute.check(s.program, int(s.width), views)
        except BudgetError:
            self.dial.stop()
            raise

    def _show_program(self, s, made, x: str, y: str) -> None:
        """The listing, the line in words, the menus."""
        if self.errors._current != s.width:
            self.errors.current(s.width)
        line = line_of(s, made)
        shown = made.source, line.number, x, y, s.view, s.preset
        if shown == self._shown:
            return
        self._shown = shown
        theory = self.flow.results.get("theory")
        facts = theory.facts if theory is not None and theory.source == s.program and theory.facts.done else None
        self.facts = facts
        self.list.show(made, line.number, words.laws(made, facts))
        self.program.objects[0].object = (f'<div class="tp-head"><h2>Program</h2><span title="{escape(made.reason)}">'
                                          f"fragment <b>{escape(words.fragment(made))}</b></span></div>")  # fmt: skip
        self._show_line(made, line)
        self.builder.show(made, s.preset == OWN)
        self._filling = True
        try:
            views = [view for view in made.views]
            fitting = [v for v in views if v != x and made.line_of(v).dim == made.line_of(x).dim] if x else []
            for name, options, value in (("x", views, x), ("y", fitting, y)):
                self.selects[name].param.update(options=options or [""], value=value or (options or [""])[0])
        finally:
            self._filling = False
        pair = s.view == "pair"
        for plot, visible in ((self.pair, pair), (self.errors, not pair)):
            if plot.fig.visible != visible:  # the pane's own `visible` follows the figure's at times
                plot.fig.visible = plot.head.visible = visible

    def _show_line(self, made, line) -> None:
        title, text, formula = words.explain(line, made, self.facts.memory.get(line.number) if self.facts else None)
        markup = f'<h3 class="tp-title">Line {line.number}: {escape(title)}</h3><p>{escape(text)}</p>'
        if self.words.object != markup:
            self.words.object = markup
        if self.rule.object != formula:
            self.rule.object, self.rule.visible = formula, bool(formula)
        place = f'<p style="margin:0;white-space:nowrap"><b>Line {line.number}</b> of {len(made.lines)}</p>'
        if self.where.object != place:
            self.where.object = place

    def _forget_theory(self) -> None:
        """The figures wait for the limit of another variable."""
        self._drawn = None
        self.coordinates.update_limit(None)
        self.pair.update_limit(None)
        self.drawn = None

    def _show_theory(self, theory) -> None:
        s = self.state.snapshot()
        made = listing(theory.source)
        before, self._drawn = self._drawn, theory
        if theory.density is not None and (before is None or before.density is not theory.density):
            self.coordinates.update_limit(theory.density.limit, theory.density.naive, theory.x)
        if theory.contours is not None and (before is None or before.contours is not theory.contours):
            contours = theory.contours
            self.pair.update_limit(contours.limit, contours.naive, (theory.y, theory.x))
        if theory.source == s.program and theory.facts.moments and (before is None or before.facts is not theory.facts):
            self.list.show(made, line_of(s, made).number, words.laws(made, theory.facts))
            if theory.facts.done:
                self.facts = theory.facts
                self._show_line(made, line_of(s, made))
        self._caption(theory.x, theory.y)
        self._show_table()

    def _show_draw(self, drawn) -> None:
        self.drawn = drawn
        s = self.state.snapshot()
        x, y = views_of(s, listing(s.program))
        self.coordinates.update(drawn.x, drawn.width, x)
        points = np.zeros((0, 2))
        if drawn.y is not None:
            points = np.stack([drawn.y[:SHOWN], drawn.x[:SHOWN]], axis=1)
        self.pair.update(points, drawn.width, (y, x))
        self._caption(x, y)

    def _caption(self, x: str, y: str | None) -> None:
        """Titles: what it is, of how many."""
        names = {key: f"<i>{escape(value or '')}</i>" for key, value in (("x", x), ("y", y))}
        count = "the limit alone" if self.drawn is None else f"density over {len(self.drawn.x):,} coordinates"
        law = f"Z<sup style='line-height: 0'>{escape(x)}</sup>"
        self.coordinates.describe(f"Coordinates of {names['x']} against {law}", count)
        alone = self.drawn is None or self.drawn.y is None
        shown = "level lines" if alone else f"{min(SHOWN, len(self.drawn.y)):,} shown"
        pair = f"({names['y']}, {names['x']}) by coordinate, {shown}" if y else "one vector alone"
        self.pair.describe("Pair plot", pair)

    def _show_averages(self, result) -> None:
        self._show_table()

    def _show_table(self) -> None:
        s = self.state.snapshot()
        theory, found = self.flow.results.get("theory"), self.flow.results.get("averages")
        found = found if self.flow.result("averages") is not None else None
        own = theory is not None and (theory.source, theory.x) == (s.program, views_of(s, listing(s.program))[0])
        truths = theory.truths if own else None
        head = "Averages over coordinates"
        if found is None:
            caption = "the limit alone" if not finite(s) else "&nbsp;"
        else:
            many = f"{found.draws:,} networks" if found.done else f"{found.draws:,} of {found.asked:,} networks"
            caption = f"mean of {many}, ± 2 s.d. of one" if found.asked > 1 else "one network"
        made = listing(s.program)
        if made.naive:
            caption += f". Naive rule: {escape(made.naive[0].lower() + made.naive[1:])}"
        markup = f'<h3 class="tp-title">{head}</h3><p class="tp-caption">{caption}</p>'
        if self.table_head.object != markup:
            self.table_head.object = markup
        markup = table.table(truths, found, self.theme) if truths or found else ""
        if self.averages.object != markup:
            self.averages.object = markup

    def _show_errors(self, result) -> None:
        self.errors.update(result, self.state.width)
        s = self.state.snapshot()
        x, y = views_of(s, listing(s.program))
        of = f"<i>{escape(x)}</i>, <i>{escape(y)}</i>" if y else f"<i>{escape(x)}</i>"
        self.errors.describe("Error against width", f"second moments, relative; {result.request.draws} draws")

    def clear(self, slot):
        if slot == "draw":
            self.drawn = None
            self.coordinates.update(np.zeros(0), 0.0)
            self.pair.update(np.zeros((0, 2)), 0.0, self._pair_names())
            self._caption(*views_of(self.state, listing(self.state.program)))
        elif slot == "errors":
            self.errors.update(None)
        elif slot == "averages":
            self._show_table()
        elif slot == "theory":
            self._forget_theory()

    def _pair_names(self) -> tuple[str, str]:
        x, y = views_of(self.state, listing(self.state.program))
        return y or "y", x or "x"

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        for plot in self.plots:
            plot.fig.height = TALL if projector else HEIGHT
        self._show_table()

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(s, listing(s.program))

    def formula(self, s):
        return words.FORMULA if self.projector else words.BROAD

    def numbers(self, s):
        made = listing(s.program)
        return words.numbers(s, made, views_of(s, made)[0], *map(self.result, ("theory", "draw", "averages", "errors")))

    def status(self, s):
        if not finite(s):
            return "the limit alone"
        draws = compute.draws_that_fit(s.program, int(s.width), s.draws)
        return f"{draws:,} draws" if draws > 1 else "1 draw"

    def code(self, s):
        made = listing(s.program)
        views = tuple(view for view in views_of(s, made) if view)
        return compute.code(s.program, views, int(s.width) if finite(s) else None, s.seed)

    def data(self):
        found = super().data()
        for slot, names in (("theory", ("value", "error", "naive")), ("averages", ("mean", "spread"))):
            result = self.result(slot)
            rows = getattr(result, "truths" if slot == "theory" else "rows", None) or ()
            for name in names:
                values = [getattr(row, name) for row in rows]
                if rows and all(value is not None and math.isfinite(value) for value in values):
                    found[f"averages.{'finite_' if slot == 'averages' else 'limit_'}{name}"] = np.array(values)
        return found

    def ask_next(self, s):
        chips = [(PRESETS[key].question, lambda key=key: self.choose(key)) for key in NEXT.get(s.preset, NEXT[OWN])]
        if finite(s):
            try:
                made = listing(s.program)
                compute.check(s.program, int(s.width), tuple(view for view in views_of(s, made) if view))
            except BudgetError as refusal:
                fits = refusal.fits
                chips.insert(0, (f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits)))
        return chips
