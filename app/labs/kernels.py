"""The Kernels lab: a wide random network beside the Gaussian process that it becomes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import panel as pn

from tpapp import uploads
from tpapp.compute import kernels as compute
from tpapp.compute.kernels_code import code as shown
from tpapp.dropper import dropper
from tpapp.labs import kernels_words as words
from tpapp.labs.kernels_state import KernelsState, deviation_request, inputs, net, outputs_request, pair, rested
from tpapp.page import Page, Preset, Request, finite, section
from tpapp.plots import DeviationPlot, Kernels, OutputDensity, OutputHistogram, Thumbnails, data_uris
from tpapp.results import Inputs, KernelDrawRequest, KernelLimitRequest
from tpapp.widgets import button, dress, escape, row
from tpcore.errors import Misuse

GHOST = 8  # the narrow width that stays for comparison
LADDER = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
ASKED = 4  # questions at a time: those that come next
LADDER_SECONDS, HERE_SECONDS = 15.0, 4.0
OTHER_NETWORK = 0.4  # s: while the hand is on a network's slider, its limit comes first
# sigma_w^2 E phi'(z)^2 = 1 at the fixed point of the variance
EDGE = {"phi": "tanh", "depth": 20, "sigma_w": 1.32, "sigma_b": 0.22, "draws": 1000}


def halves(*widgets) -> pn.Row:
    """Two controls side by side."""
    return row(*widgets, parts=("halves",))


class KernelsLab(Page):
    """A wide random network is a Gaussian process."""

    slug, title, glyph = "kernels", "Kernels", "kernels"
    State = KernelsState
    presets = {
        "relu": Preset("ReLU network on digits"),
        "narrow": Preset("Eight neurons", {"width": 8}, question="A very narrow network?"),
        "million": Preset("A million neurons", {"width": 10**6}, question="How wide can it be?"),
        "deep": Preset("Ten layers", {"depth": 10}, question="Does depth matter?"),
        "erf": Preset("erf instead of ReLU", {"phi": "erf"}, question="What if the activation is erf?"),
        "edge": Preset("tanh at the edge of chaos", EDGE, question="At the edge of chaos?"),
        "ntk": Preset("Tangent kernel", {"kernel": "ntk"}, question="What does gradient descent see?"),
    }

    # -- what stands where -------------------------------------------------------------------------------------

    def __init__(self, **params):
        super().__init__(**params)
        self.layout.main = self.histogram.view

    def build(self):
        self.trio = Kernels(theme=self.theme, on_pair=self.choose_pair)
        self.thumbnails = Thumbnails(self.trio, theme=self.theme, on_pick=self.choose_input)
        self.histogram = OutputHistogram(theme=self.theme, height=238)
        self.density = OutputDensity(theme=self.theme)
        self.deviation = DeviationPlot(theme=self.theme, height=238)
        for plot in (self.histogram, self.deviation):  # the square's height is the row's
            self.density.fig.js_link("height", plot.fig, "height")
        self.plots = [*self.trio.plots, self.histogram, self.density, self.deviation, self.thumbnails]
        self.shown = self.marked = self.ringed = self.covariance = self.streamed = None
        self.second = self.filling = False
        self.points: dict[int, tuple[float, float]] = {}
        self.points_of = None
        self.clear("draw")

    def controls(self):
        labels = {"x": "x", "x2": "x′"}
        self.rows = {name: dress(pn.widgets.Select(name=label, options={}), "beside") for name, label in labels.items()}
        for name, widget in self.rows.items():
            widget.param.watch(lambda event, name=name: self.chose_row(name, event.new), "value")
        sources = pn.widgets.Select(name="Data", options=words.sources(None), value=self.state.data)
        self.source = dress(sources, "beside")
        self.source.param.watch(lambda event: self.chose_source(event.new), "value")
        self.inputs_box = section("Inputs", self.thumbnails.pane, halves(*self.rows.values()), self.source,
                                  dropper(self.take_file), aside=" ")
        seed = dress(pn.widgets.IntInput.from_param(self.state.param.seed, name="Seed"))
        # The spin buttons have no names; the arrow keys do the same.
        seed.stylesheets = [*seed.stylesheets, ".bk-spin-btn { display: none !important; }"]
        again = button("Draw again", on_click=lambda event: self.draw_again())
        again.stylesheets = [*again.stylesheets, ".bk-btn { width: 100% !important; }"]
        again.styles = {"align-self": "flex-end"}
        knobs = {name: self.control(name) for name in ("depth", "phi", "sigma_w", "sigma_b", "sigma_v", "draws")}
        return [
            section("Network", halves(knobs["phi"], knobs["depth"]), halves(knobs["sigma_w"], knobs["sigma_b"]),
                    halves(knobs["sigma_v"], self.control("kernel", segmented=True)), aside="MLP"),
            self.inputs_box,
            section("Randomness", knobs["draws"], halves(seed, again)),
        ]

    def figures(self):
        return [[plot.view for plot in self.trio.plots], [self.histogram.view, self.density.view, self.deviation.view]]

    # -- what a visitor points at ------------------------------------------------------------------------------

    def choose_pair(self, i: int, j: int) -> None:
        self.state.param.update(x=i, x2=j)

    def choose_input(self, k: int) -> None:
        """Clicks on inputs move x and x' in turns."""
        setattr(self.state, "x2" if self.second else "x", k)
        self.second = not self.second

    def draw_again(self) -> None:
        """Other networks: the next seed."""
        self.state.seed = (self.state.seed + 1) % 1_000_000

    def chose_row(self, name: str, k: int | None) -> None:
        if not self.filling and k is not None:
            setattr(self.state, name, k)

    def chose_source(self, data: str) -> None:
        if not self.filling:
            self.state.param.update(data=data, x=1, x2=10)

    def take_file(self, name: str, content: bytes) -> None:
        """An uploaded file: shown if it can be, else words; what was shown stays."""
        try:
            read = uploads.read(name, content)
        except Misuse as refusal:
            self.flow.failed["upload"] = str(refusal)
            self.flow.changed()
            return
        self.state.param.update(upload=read, data="upload", x=0, x2=1)

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s):
        self.flow.failed.pop("upload", None)
        X, mlp, (i, j) = inputs(s), net(s), pair(s)
        self.refuse(s, X, mlp)
        self.show_inputs(s, X, i, j)
        limit = KernelLimitRequest(X, mlp, s.kernel)
        quick = compute.quick_limit(mlp, X, s.kernel)
        yield Request("limit", ("limit", limit), lambda p: compute.kernel_limit(limit), self.show_limit, quick,
                      "the limit")
        yield Request("pair", ("pair", X, mlp, i, j), lambda p: compute.covariance(X, mlp, i, j), self.show_pair,
                      compute.quick_pair(X, mlp), "the limit's covariance")
        if finite(s):
            yield from self.finite_requests(s, X, mlp)
        ladder = deviation_request(s, LADDER, LADDER_SECONDS)
        if ladder is not None:
            yield Request("ladder", ("deviations", ladder), rested(compute.deviations, ladder, 0.5),
                          self.show_deviation, label="the deviations")

    def finite_requests(self, s, X, mlp):
        n = int(s.width)
        draw = KernelDrawRequest(X, mlp, s.kernel, n, s.seed)
        yield Request("draw", ("draw", draw), lambda p: compute.kernel_draw(draw, p), self.show_draw,
                      compute.quick_draw(mlp, X, n, s.kernel), "one network's kernel")
        out = outputs_request(s)
        pause = 0.01 if self.streamed in (None, (X, mlp)) else OTHER_NETWORK
        self.streamed = X, mlp
        yield Request("outputs", ("outputs", out), rested(compute.outputs, out, pause), self.show_outputs,
                      label="the outputs")
        here = deviation_request(s, (n,), HERE_SECONDS) if n not in LADDER else None
        if here is not None:
            yield Request("here", ("deviations", here), rested(compute.deviations, here, 0.5), self.show_here,
                          label="the deviation at this width")
        if n >= 4 * GHOST:
            ghost = outputs_request(s, GHOST)
            yield Request("ghost", ("outputs", ghost), rested(compute.outputs, ghost, 0.4), self.show_ghost,
                          label="the narrow network's outputs")

    def refuse(self, s, X, mlp) -> None:
        """What cannot be shown is refused in words before anything changes."""
        if s.kernel == "ntk" and (why := compute.tangent_refused(net(s))):
            raise Misuse(why)
        if finite(s):
            if self.dial.playing and s.width > compute.widest(mlp, X, s.kernel):
                self.dial.stop()
            compute.check(mlp, X, int(s.width), s.kernel)

    def show_inputs(self, s, X: Inputs, i: int, j: int) -> None:
        """Thumbnails, names and marks; new inputs only where they are new."""
        self.filling = True
        try:
            if self.shown != X:
                self.shown = X
                self.trio.inputs(X.labels, data_uris(X.images))
                self.thumbnails.update(X.images)
                self.inputs_box.objects[0].object = words.heading(X)
                options = words.rows(X)
                for name, k in (("x", i), ("x2", j)):
                    self.rows[name].param.update(options=options, value=k)
                self.source.options = words.sources(s.upload)
            self.rows["x"].value, self.rows["x2"].value, self.source.value = i, j, s.data
        finally:
            self.filling = False
        if self.marked != (X, i, j):
            self.marked = X, i, j
            self.trio.mark(i, j)
            self.thumbnails.mark(i, j)
        if self.ringed != s.width:
            self.ringed = s.width
            self.deviation.current(s.width)

    def show_limit(self, result) -> None:
        self.trio.update_limit(result.K)
        self.trio.limit.describe("Limit", f"{escape(result.method)}; boxes mark (<i>x</i>, <i>x′</i>)")

    def show_pair(self, covariance) -> None:
        self.covariance = covariance
        self.histogram.update_limit(covariance[0, 0])
        self.density.update_limit(covariance)
        self.histogram.describe(caption="the limit’s density")
        self.density.describe(caption="the limit’s ellipses")
        for slot, show in (("ghost", self.show_ghost), ("outputs", self.show_outputs)):
            held = self.flow.results.get(slot)
            if held is not None and np.array_equal(held.covariance, covariance):
                show(held)

    def show_draw(self, result) -> None:
        n, name = result.request.width, words.letter(result.request.kernel)
        self.trio.update_draw(result.K, result.difference)
        self.trio.draw.describe(f"Width {n:,}", "one network, same colours")
        self.trio.difference.describe("Difference", f"{name}<sub>n</sub> − {name}, own scale")
        if n not in LADDER and n not in self.kept(result.request):
            self.points[n] = result.deviation, math.nan
            self.show_deviation()

    def show_outputs(self, result) -> None:
        n, got, asked = result.request.width, len(result.f), result.request.draws
        many = f"{got:,} networks" if got == asked else f"{got:,} of {asked:,} networks"
        self.histogram.update(result.f[:, 0], n, done=result.done)
        self.density.update(result.f, n)
        self.histogram.describe(caption=f"density over {many}")
        self.density.describe(caption="f(<i>x′</i>) against f(<i>x</i>), limit’s ellipses")

    def show_ghost(self, result) -> None:
        self.histogram.update_ghost(result.f[:, 0], GHOST)

    def show_here(self, result) -> None:
        self.kept(result.request)[int(result.widths[0])] = float(result.mean[0]), float(result.error[0])
        self.show_deviation()

    def kept(self, request) -> dict[int, tuple[float, float]]:
        """Deviations at widths beside the ladder that the dial has visited, for this network alone."""
        of = request.inputs, request.net, request.kernel, request.seed
        if of != self.points_of:
            self.points_of, self.points = of, {}
        return self.points

    def show_deviation(self, result=None) -> None:
        """The ladder, with the widths visited beside it."""
        ladder = self.result("ladder")
        if ladder is None or self.deviation.fig is None:
            return
        k = words.letter(ladder.request.kernel)
        many = f"up to {ladder.request.draws} draws"
        self.deviation.describe(caption=f"‖{k}<sub>n</sub> − {k}‖ / ‖{k}‖, {many}, ± 2 s.e.")
        rows = dict(zip(ladder.widths.tolist(), zip(ladder.mean, ladder.error))) | self.kept(ladder.request)
        widths = np.array(sorted(rows))
        mean, error = np.array([rows[n] for n in widths.tolist()]).T
        self.deviation.update(dataclasses.replace(ladder, widths=widths, mean=mean, error=error), self.state.width)

    def clear(self, slot):
        if slot == "draw":
            self.trio.update_draw(None, None)
            self.trio.draw.describe("Width ∞", "the limit alone: choose a finite width")
            self.trio.difference.describe("Difference", "none: this is the limit")
        elif slot == "ghost":
            self.histogram.update_ghost(np.zeros(0), GHOST)
        elif slot == "outputs" and self.covariance is not None:
            self.show_pair(self.covariance)
        elif slot == "ladder":
            self.deviation.update(None)

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(s, self.result("limit"))

    def formula(self, s):
        return words.formula(s.kernel)

    def numbers(self, s):
        return words.numbers(s, *map(self.result, ("limit", "outputs", "draw", "ladder")), self.points)

    def status(self, s):
        return f"{outputs_request(s).draws:,} draws" if finite(s) else "the limit alone"

    def code(self, s):
        ladder = deviation_request(s, LADDER, LADDER_SECONDS)
        i, j = pair(s)
        return shown(inputs(s), net(s), kernel=s.kernel, width=int(s.width) if finite(s) else None,
                            draws=outputs_request(s).draws if finite(s) else 0, seed=s.seed, i=i, j=j,
                            ladder=None if ladder is None else (LADDER, ladder.draws))

    def ask_next(self, s):
        keys, after = list(self.presets), list(self.presets).index(s.preset) + 1
        following = [key for key in keys[after:] + keys[: after - 1] if self.presets[key].question][:ASKED]
        chips = [(self.presets[key].question, lambda key=key: self.choose(key)) for key in following]
        if s.kernel == "ntk" and compute.tangent_refused(net(s)):
            chips.insert(0, ("Take the NNGP, which it has", lambda: setattr(self.state, "kernel", "nngp")))
        fits = compute.widest(net(s), inputs(s), s.kernel)
        if finite(s) and s.width > fits:
            chips.insert(0, (f"Take n = {fits:,}, which fits", lambda: setattr(self.state, "width", fits)))
        return chips
