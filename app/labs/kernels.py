"""The Kernels lab: a wide random network beside the Gaussian process that it becomes."""

from __future__ import annotations

import math
from functools import partial

import panel as pn

from tpapp.compute import kernels as compute
from tpapp.compute import kernels_nets as nets
from tpapp.compute.kernels_code import code as snippet
from tpapp.labs import kernels_words as words
from tpapp.labs.kernels_given import InputControls
from tpapp.labs.kernels_lower import OUTPUTS, Lower
from tpapp.labs.kernels_network import NetworkControls
from tpapp.labs.kernels_presets import EDGE, PRESETS
from tpapp.labs.kernels_state import KernelsState, deviation_request, inputs, net, outputs_request, pair
from tpapp.labs.kernels_shown import GHOST, LADDER, Shown
from tpapp.page import Page, Request, finite, section
from tpapp.plots import DeviationPlot, Kernels, OutputDensity, OutputHistogram
from tpapp.results import KernelDrawRequest, KernelLimitRequest, Net
from tpapp.widgets import button, row, seed_field
from tpcore.errors import BudgetError, Misuse

ASKED = 4  # questions at a time: those that come next
HERE_SECONDS = 4.0
# s that the hand rests before the slower figures begin: its next step finds the processor free for the limit
OTHER_NETWORK, NARROW, MANY_WIDTHS = 0.5, 0.6, 0.7


def halves(*widgets) -> pn.Row:
    """Two controls side by side."""
    return row(*widgets, parts=("halves",))


class KernelsLab(Shown, Page):
    """A wide random network is a Gaussian process."""

    slug, title, glyph = "kernels", "Kernels", "kernels"
    State = KernelsState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def __init__(self, **params):
        super().__init__(**params)
        self.layout.main = self.histogram.view

    def build(self):
        self.trio = Kernels(theme=self.theme, on_pair=self.choose_pair)
        self.given = InputControls(self)
        self.thumbnails = self.given.thumbnails
        self.histogram = OutputHistogram(theme=self.theme, height=238)
        self.density = OutputDensity(theme=self.theme)
        self.deviation = DeviationPlot(theme=self.theme, height=238)
        for plot in (self.histogram, self.deviation):  # the square's height is the row's
            self.density.fig.js_link("height", plot.fig, "height")
        self.always, self.own = [*self.trio.plots, self.thumbnails], [self.histogram, self.density, self.deviation]
        self.plots = [*self.always, *self.own]
        self.lower = Lower(self, [plot.view for plot in self.own])
        self.marked = self.ringed = self.covariance = self.streamed = self.drawn_as = None
        self.fits: dict = {}  # (inputs, network, kernel): the width that a computation said fits
        self.points: dict[int, tuple[float, float]] = {}
        self.points_of = None
        self.clear("draw")

    def controls(self):
        seed = seed_field(self.state.param.seed)
        again = button("Draw again", on_click=lambda event: self.draw_again())
        again.stylesheets = [*again.stylesheets, ".bk-btn { width: 100% !important; }"]
        again.styles = {"align-self": "flex-end"}
        knobs = {name: self.control(name) for name in ("depth", "phi", "sigma_w", "sigma_b", "sigma_v", "draws")}
        simple = [halves(knobs["phi"], knobs["depth"]), halves(knobs["sigma_w"], knobs["sigma_b"]),
                  knobs["sigma_v"]]  # fmt: skip
        self.network = NetworkControls(self, simple)
        kernel = section("Kernel", self.control("kernel", segmented=True), self.control("shown", segmented=True))
        return [self.network, self.given, kernel, section("Randomness", knobs["draws"], halves(seed, again))]

    def figures(self):
        return [[plot.view for plot in self.trio.plots], [self.lower.choice], self.lower.outputs]

    # -- what a visitor points at ------------------------------------------------------------------------------

    def choose_pair(self, i: int, j: int) -> None:
        self.state.param.update(x=i, x2=j)

    def draw_again(self) -> None:
        """Other networks: the next seed."""
        self.state.seed = (self.state.seed + 1) % 1_000_000

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        self.flow.failed.pop("upload", None)
        self.lower.show(s.figures)
        try:
            X, made, (i, j) = inputs(s), net(s), pair(s)
            rows = nets.rows(X, made)
        except Misuse:
            self.network.show(s, None)
            raise
        self.network.show(s, X)
        self.refuse(s, X, made)
        self.show_inputs(s, X, rows, i, j)
        if self.state.fitted and not self._words:
            self.complain(self.state.fitted)
        limit = KernelLimitRequest(X, made, s.kernel)
        quick = compute.quick_limit(made, X, s.kernel)
        yield Request("limit", ("limit", limit), lambda p: compute.kernel_limit(limit, p), self.show_limit, quick,
                      "the limit")
        if s.figures == OUTPUTS:
            yield Request("pair", ("pair", X, made, i, j), lambda p: compute.covariance(X, made, i, j, p),
                          self.show_pair, compute.quick_pair(X, made), "the limit's covariance")
        if finite(s):
            n = int(s.width)
            draw = KernelDrawRequest(X, made, s.kernel, n, s.seed)
            yield Request("draw", ("draw", draw), self.measured(compute.kernel_draw, draw), self.show_draw,
                          compute.quick_draw(made, X, n, s.kernel), "one network's kernel")
        if s.figures == OUTPUTS:
            yield from self.output_requests(s, X, made)
        elif self.lower.tab is not None:
            yield from self.lower.tab.requests(s, X, made, i, j)

    def output_requests(self, s, X, made):
        if finite(s):
            yield from self.finite_requests(s, X, made)
        ladder = deviation_request(s, LADDER)
        if ladder is not None:
            yield Request("ladder", ("deviations", ladder), partial(compute.deviations, ladder),
                          self.show_deviation, label="the deviations", rest=MANY_WIDTHS)

    def finite_requests(self, s, X, made):
        n = int(s.width)
        out = outputs_request(s)
        pause = 0.01 if self.streamed in (None, (X, made)) else OTHER_NETWORK
        self.streamed = X, made
        yield Request("outputs", ("outputs", out), partial(compute.outputs, out), self.show_outputs,
                      label="the outputs", rest=pause)
        here = deviation_request(s, (n,), HERE_SECONDS) if n not in LADDER else None
        if here is not None:
            yield Request("here", ("deviations", here), partial(compute.deviations, here),
                          self.show_here, label="the deviation at this width", rest=MANY_WIDTHS)
        if n >= 4 * GHOST:
            ghost = outputs_request(s, GHOST)
            yield Request("ghost", ("outputs", ghost), partial(compute.outputs, ghost),
                          self.show_ghost, label="the narrow network's outputs", rest=NARROW)

    def measured(self, work, request):
        """`work`, which may find out that the width is too large: the one that fits is kept for the question."""

        def run(progress):
            try:
                return work(request, progress)
            except BudgetError as refusal:
                self.fits[request.inputs, request.net, request.kernel] = refusal.fits
                raise

        return run

    def refuse(self, s, X, made) -> None:
        """What cannot be shown is refused in words before anything changes."""
        if s.kernel == "ntk" and (why := compute.tangent_refused(made)):
            raise Misuse(why)
        compute.check_limit(made, X, s.kernel)
        if finite(s):
            if self.dial.playing and s.width > compute.widest(made, X, s.kernel):
                self.dial.stop()
            compute.check(made, X, int(s.width), s.kernel)

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        said = self.lower.tab.claim(s) if self.lower.tab is not None else ""
        return said or words.claim(s, net(s), self.result("limit"))

    def formula(self, s):
        said = self.lower.tab.formula(s) if self.lower.tab is not None else ""
        return said or words.formula(s.kernel, net(s))

    def numbers(self, s):
        own = words.numbers(s, *map(self.result, ("limit", "outputs", "draw", "ladder")), self.points)
        return [*own, *(self.lower.tab.numbers(s) if self.lower.tab is not None else [])]

    def status(self, s):
        try:
            return f"{outputs_request(s).draws:,} draws" if finite(s) else "the limit alone"
        except Misuse:
            return ""

    def code(self, s):
        ladder = deviation_request(s, LADDER) if s.figures == OUTPUTS else None
        i, j = pair(s)
        own = snippet(inputs(s), net(s), kernel=s.kernel, width=int(s.width) if finite(s) else None,
                      draws=outputs_request(s).draws if finite(s) else 0, seed=s.seed, i=i, j=j,
                      ladder=None if ladder is None else (ladder.widths, ladder.draws))  # fmt: skip
        more = self.lower.tab.code(s) if self.lower.tab is not None else ""
        return f"{own}\n{more.rstrip()}\n" if more else own

    def data(self):
        return super().data() | (self.lower.tab.data() if self.lower.tab is not None else {})

    def ask_next(self, s):
        return [*self.remedies(s), *words.following(self.presets, s.preset, self.choose, ASKED)]

    def remedies(self, s):
        """What helps where the present state was refused."""
        try:
            X, made = inputs(s), net(s)
            if s.kernel == "ntk" and (self.flow.failed.get("limit") or compute.tangent_refused(made)):
                return [("Take the NNGP, which it has", lambda: setattr(self.state, "kernel", "nngp"))]
            known = self.fits.get((X, made, s.kernel)) or math.inf
            slow = finite(s) and compute.seconds(made, X, int(s.width), 1, s.kernel) > compute.SECONDS
            fits = min(known, compute.widest(made, X, s.kernel) if slow else known)
        except Misuse:
            return []
        if not finite(s) or s.width <= fits:
            return []
        if fits >= self.dial.low:
            return [(f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits))]
        return [("The limit alone", lambda: setattr(self.state, "width", math.inf))]


__all__ = ["EDGE", "LADDER", "KernelsLab", "KernelsState", "Net", "deviation_request", "net", "outputs_request"]
