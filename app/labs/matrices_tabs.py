"""The lower figure of the Matrices lab: motion, neighbours, the largest eigenvalue, moments as programs.

Only what is shown is made and computed. Slots of requests begin with the tab's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import panel as pn

from tpapp import theme as themes
from tpapp.compute import matrices as compute
from tpapp.compute import matrices_lower as lower
from tpapp.labs import matrices_words as words
from tpapp.labs.matrices_state import FIGURES, given, kind, request
from tpapp.matrix_results import PathRequest
from tpapp.page import Number, Request, finite
from tpapp.plots import pairings, table
from tpapp.plots import format as fmt
from tpapp.plots.density import SampleDensity
from tpapp.plots.spectrum import EigenvaluePoints
from tpapp.widgets import button, column, control, dress, figure, html, retitle, row

PRESSED = ".bk-btn.bk-active { background: var(--tp-ink) !important; color: var(--tp-surface) !important; }"
STEP = "for (let i = 0; i < 6; i++) forward.execute(cb_obj)"
HEIGHT = 158
LIMIT_N = 1024  # what stands for infinity where matrices must be drawn


class Tab:
    """One choice of the lower figure; everything has a harmless default."""

    key = ""

    def __init__(self, lab):
        self.lab, self.plots = lab, []
        self.build()

    def build(self) -> None:
        """Make the figures."""

    def views(self) -> Sequence:
        return [plot.view for plot in self.plots]

    def extras(self) -> Sequence:
        """Small controls beside the choice."""
        return []

    def requests(self, s) -> Iterable[Request]:
        return []

    def clear(self, slot: str) -> None:
        """Take away what a slot showed."""

    def restyle(self, theme: str, projector: bool) -> None:
        for plot in self.plots:
            plot.restyle(theme=theme, projector=projector)

    def numbers(self, s) -> Sequence[Number]:
        return []

    def code(self, s) -> str:
        return ""

    def data(self) -> dict:
        return {}

    def leave(self) -> None:
        """The visitor goes elsewhere."""


class Motion(Tab):
    """A small matrix moves; its eigenvalues repel each other."""

    key = "motion"

    def build(self):
        self.plot = EigenvaluePoints(theme=self.lab.theme, height=136)
        self.plots = [self.plot]
        move = pn.widgets.Toggle(label="Move", icon=themes.icon("play"), icon_size="16px", css_classes=["tp-button"])
        self.move = dress(move, fill=False)
        self.move.stylesheets = [*self.move.stylesheets, PRESSED]
        player = self.plot.player()
        self.move.jscallback(args=dict(player.args), value=player.code)
        self.once = button("One step", "on", "icon")
        self.once.js_on_click(args={"forward": self.plot.forward}, code=STEP)

    def extras(self):
        return [self.move, self.once]

    @staticmethod
    def path(s) -> PathRequest:
        return PathRequest(kind(s), s.small, seed=s.seed, **given(s))

    def requests(self, s):
        path = self.path(s)
        yield Request("motion", path, lambda progress: compute.path(path, progress), self._show, quick=True)

    def _show(self, path) -> None:
        seen = compute.view(path.request.kind, path.request.given)
        self.plot.update(path, seen.variable)
        heavy, coins = not seen.finite, path.request.kind.endswith("rademacher")
        moves = "every entry moves and keeps its law"
        moves = "each entry is a coin that turns now and then, so they jump" if coins else moves
        if path.request.kind.endswith("sparse"):
            moves = "each entry is zero, or not, for a while, so they jump"
        beyond = "; those beyond ±8 are cut off" if heavy else ""
        repel = "" if seen.family == "iid" else "; they repel each other"
        what = {"iid": "Moduli", "product": "Singular values"}.get(seen.family, "Eigenvalues")
        self.plot.describe(f"{what} in motion, n = {path.request.n}", f"{moves}{repel}{beyond}; upward is time")
        if heavy:
            low = -0.2 if seen.positive else -compute.HEAVY_REACH
            self.plot.fig.x_range.update(start=low, end=compute.HEAVY_REACH)

    def code(self, s):
        return compute.path_code(self.path(s))

    def leave(self):
        self.move.value = False


class Sampled(Tab):
    """A `Sample` beside its law."""

    title, axis, empty = "", "", ""

    def build(self):
        self.plot = SampleDensity(self.title, self.axis, name=self.key, theme=self.lab.theme, height=HEIGHT)
        self.plots = [self.plot]

    def requests(self, s):
        if not self.possible(s):
            self.plot.update(None)
            self.plot.describe(self.title, self.empty)
            return
        asked = request(s) if finite(s) else request(s, LIMIT_N)
        yield Request(self.key, (self.key, asked), lambda progress: self.work(asked, progress), self._show,
                      label=self.title.lower())  # fmt: skip

    def _show(self, sample) -> None:
        self.plot.update(sample)
        self.plot.describe(self.title, self.caption(sample))

    def clear(self, slot):
        self.plot.update(None)

    def sizes(self, sample) -> str:
        """Of how many matrices of which size, which may be smaller than the dial's."""
        less = f" (of the {fmt.count(sample.asked)} above)" if sample.n < sample.asked else ""
        return f"n = {fmt.count(sample.n)}{less}, {fmt.count(sample.draws)} matrices"

    def numbers(self, s):
        sample = self.lab.result(self.key)
        if sample is None:
            return []
        lines = [Number(self.mean, sample.mean, sample.error)]
        if sample.distance is not None:
            lines.append(Number("by the law", round(sample.expected, 4)))
            lines.append(Number("CDF gap there", fmt.power(sample.distance, 2), note=f"{len(sample.values):,} values"))
        return lines


class Spacings(Sampled):
    key, title, axis, mean = "spacing", "Distances of neighbours", "distance s, in units of its mean", "Mean distance"
    empty = "Eigenvalues in the plane have no order on a line; choose another matrix."
    work = staticmethod(lower.spacings)

    @staticmethod
    def possible(s) -> bool:
        return lower.has_spacings(kind(s))

    def caption(self, sample) -> str:
        return f"{self.sizes(sample)}; the middle half of each; bars have area 1"

    def code(self, s):
        return lower.spacing_code(request(s, None if finite(s) else LIMIT_N)) if self.possible(s) else ""


class Largest(Sampled):
    key, title, axis, mean = "largest", "The largest eigenvalue", "ξ = (largest − centre) / scale", "Mean of ξ"
    empty = "No law of the largest is shown for this matrix; choose another one."
    work = staticmethod(lower.largest)

    @staticmethod
    def possible(s) -> bool:
        return lower.has_largest(kind(s))

    def caption(self, sample) -> str:
        far = float((sample.values > sample.edges[-1]).mean())
        beyond = f"; {100 * far:.0f} % lie beyond {sample.edges[-1]:.0f}" if far > 0.005 else ""
        return f"{self.sizes(sample)}; centre {sample.centre:.5g}, scale {fmt.power(sample.scale, 3)}{beyond}"

    def code(self, s):
        return lower.largest_code(request(s, None if finite(s) else LIMIT_N)) if self.possible(s) else ""


class Moments(Tab):
    """v^T A^k v / n run and in the limit beside the number of cycles; the cycles drawn."""

    key = "moments"

    def build(self):
        self.table, self.cycles = html(""), html("")
        self.table.stylesheets = [*self.table.stylesheets, table.CSS]
        self.cycles.stylesheets = [*self.cycles.stylesheets, pairings.CSS, pairings.CYCLES_CSS]
        self.left = figure("Moments as programs", "&nbsp;", self.table)
        self.right = figure("The cycles they count", "&nbsp;", self.cycles)
        self._found = None

    def views(self):
        return [self.left, self.right]

    def requests(self, s):
        asked = request(s) if finite(s) else request(s, 2)
        program, more = lower.program_of(asked)
        run = asked if finite(s) else None
        key = ("moments", program, tuple(more.items()), None if run is None else (min(run.n, lower.RUN), run.seed))
        rows = s.ensemble == "wishart"
        said, self.cycles.object = pairings.cycles(lower.cycles(s.pairs), rows)
        retitle(self.right, "The cycles they count", said)
        yield Request("moments", key, lambda progress: lower.programs(run, program, more, progress), self._show,
                      label="the programs")  # fmt: skip

    def _show(self, found) -> None:
        self._found = found
        name = {"goe": "Catalan", "wishart": "Narayana", "product": "Fuss–Catalan"}[found.kind]
        power = {"goe": "A", "wishart": "(XXᵀ/n)", "product": "(PPᵀ)"}[found.kind]
        order = words.order(found.kind)
        says = f"vᵀ{power}<sup>{order}</sup>v / n, run without a matrix, and by the rules of programs"
        retitle(self.left, "Moments as programs", says)
        self.table.object = table.programs(found, name, self.lab.theme, order)

    def restyle(self, theme, projector):
        if self._found is not None:
            self._show(self._found)

    def code(self, s):
        asked = request(s) if finite(s) else request(s, 2)
        program, more = lower.program_of(asked)
        return lower.program_code(asked if finite(s) else None, program, more)

    def data(self):
        if self._found is None:
            return {}
        rows = self._found.rows
        out = {"programs.k": [r.k for r in rows], "programs.limit": [r.limit for r in rows],
               "programs.count": [r.count for r in rows]}  # fmt: skip
        return out | ({"programs.run": [r.finite for r in rows]} if rows[0].finite is not None else {})


TABS: dict[str, type[Tab]] = {tab.key: tab for tab in (Motion, Spacings, Largest, Moments)}


class Lower:
    """The choice of the lower figure, and the chosen tab."""

    def __init__(self, lab):
        self.lab = lab
        self.made: dict[str, Tab] = {"motion": Motion(lab)}
        self.tab = self.made["motion"]
        segments = control(lab.state.param.figures, "Lower figure", segmented=True)
        segments.width, segments.sizing_mode = 108 * len(FIGURES), "fixed"
        segments.stylesheets = [*segments.stylesheets, ":host { max-width: 100%; width: auto; }"]
        self.side = row(*self.tab.extras(), parts=("transport",))
        self.body = row(*self.tab.views(), parts=("figures",))
        group = column(row(segments, self.side, parts=("figure-row", "wraps")), self.body, parts=("group",))
        self.view = column(group)  # a box that may be hidden: the group's own display is fixed

    def show(self, key: str) -> None:
        """Put the figures of a choice into the row; nothing if they are there."""
        if key == self.tab.key:
            return
        lab = self.lab
        self.tab.leave()
        if key not in self.made:
            self.made[key] = TABS[key](lab)
        self.tab = self.made[key]
        lab.plots = [*lab.always, *self.tab.plots]
        self.tab.restyle(lab.theme, lab.projector)
        self.side.objects = list(self.tab.extras())
        self.body.objects = list(self.tab.views())


__all__ = ["TABS", "Lower", "Tab"]
