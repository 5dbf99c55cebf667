"""The Training lab: in the kernel limit the function moves and features freeze, in the feature limit both move."""

from __future__ import annotations

import math

import numpy as np

from tpapp import theme as themes
from tpapp.compute import training as compute
from tpapp.compute import training_code, training_widths
from tpapp.compute.training_tasks import scene
from tpapp.labs import training_words as words
from tpapp.labs.training_state import NEXT, PRESETS, TrainingState
from tpapp.labs.training_time import Clock
from tpapp.page import Number, Page, Request, finite, note, section
from tpapp.plots import format as fmt
from tpapp.plots import training_features, training_kernels
from tpapp.plots.training_courses import CoursePlot
from tpapp.plots.training_features import FeaturesPlot
from tpapp.plots.training_kernels import KernelPlot
from tpapp.plots.training_machine import raised
from tpapp.plots.training_outputs import OutputsPlot
from tpapp.plots.training_widths import WidthsPlot
from tpapp.reading import update
from tpapp.training_results import FeatureRequest, KernelRequest, NetworksRequest, Setup
from tpapp.widgets import column, html, row, seed_field

ORDER = words.ORDER
THREE = """
:host { gap: 20px !important; } :host > * { flex: 1 1 150px !important; min-width: 150px !important; }
@container (max-width: 559px) { :host > * { flex-basis: 100% !important; max-width: 100% !important; } }
"""
METHODS = {"program": "particles", "kernel": "kernel descent"}


class TrainingLab(Page):
    """One task, three machines: a network, its kernel limit, the feature-learning limit."""

    slug, title, glyph = "training", "Training", "training"
    State = TrainingState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        style = {"theme": self.theme}
        self.outputs = {name: OutputsPlot(name, **style) for name in ORDER}
        self.features_ = {name: FeaturesPlot(name, **style) for name in ORDER}
        self.kernels = {name: KernelPlot(name, **style) for name in ORDER}
        course = {"theme": self.theme, "on_step": self._pointed}
        self.loss = CoursePlot("Loss", "loss", lambda m: (np.arange(len(m.loss)), m.loss), log=True, **course)
        self.alignment = CoursePlot("Alignment", "alignment", self._aligned, **course)
        self.change = CoursePlot("Features moved", "change", lambda m: (m.frames, m.change), **course)
        self.courses = [self.loss, self.alignment, self.change]
        self.widths = WidthsPlot(**style)
        trios = [*self.outputs.values(), *self.features_.values(), *self.kernels.values()]
        self.plots = [*trios, *self.courses, self.widths]
        self.pill, self.table, self.key_ = html(""), html(""), html("")
        for pane in (self.pill, self.table, self.key_):
            pane.stylesheets = [*pane.stylesheets, themes.asset("phases.css"), themes.asset("training.css")]
        self.clock = Clock(self.state, self.together, lambda: self.dial.reduced_motion)

    def _aligned(self, machine):
        return machine.frames, machine.alignment[self.state.kernel]

    def controls(self):
        seed = seed_field(self.state.param.seed, "beside")
        return [
            section("What is learnt", self.control("task")),
            section("Network", self.control("phi"), self.control("depth", segmented=True), aside="hidden layers"),
            section("Rich or lazy", self.control("r"),
                    note("f is γ times that of μP, its rate η/γ²: μP at r = 0, NTP at r = ½. The feature limit "
                         "keeps the γ of this width.")),
            section("Training", self.control("lr"), self.control("steps"), seed),
            section("Kernels", self.control("trains"), self.control("kernel")),
        ]

    def figures(self):
        self.trios = [_three([plots[name].view for name in ORDER])
                      for plots in (self.outputs, self.features_, self.kernels)]  # fmt: skip
        stage = column(self.clock, self.trios[0], self.key_, parts=("group",), css_classes=["tp-figure"])
        return [[stage], [self.trios[1]], [_three([plot.view for plot in self.courses])],
                [self.trios[2]]]

    def beside(self):
        return [self.table, self.widths.view]

    def _frame(self):
        root = super()._frame()
        self.reading.__panel__().insert(0, self.pill)
        self.reading.toggle_code()  # shut at first: the table fits a screen
        return root

    def leave(self):
        self.clock.stop()
        super().leave()

    # -- state -> requests -> figures --------------------------------------------------------------------------

    @staticmethod
    def setup(s) -> Setup:
        """What all machines share."""
        return Setup(s.task, s.phi, s.depth, s.lr, s.steps)

    def requests(self, s):
        setup = self.setup(s)
        self._scene(s)
        kernel, feature = KernelRequest(setup, s.r, s.trains), FeatureRequest(setup, compute.gamma(s.r, s.width))
        yield Request("kernel", kernel, lambda progress: compute.kernel(kernel, progress),
                      lambda machine: self._draw(), label="the kernel limit")  # fmt: skip
        if finite(s):
            n = int(s.width)
            asked = NetworksRequest(setup, s.r, n, s.seed, compute.count(n, s.depth))
            yield Request("network", asked, lambda progress: compute.networks(asked, progress),
                          self._draw_networks, label="the networks")  # fmt: skip
        yield Request("feature", feature, lambda progress: compute.feature(feature, progress),
                      lambda machine: self._draw(), label="the feature-learning limit")  # fmt: skip
        ladder = training_widths.request(setup, s.r, s.seed)
        yield Request("widths", ladder, lambda progress: training_widths.widths(ladder, progress),
                      lambda result: self._draw_widths(), label="the widths")  # fmt: skip
        self._show_moment(s)

    _drawn_scene = None

    def _scene(self, s) -> None:
        """The task's axes and data, at once."""
        if s.task != self._drawn_scene:
            self._drawn_scene = s.task
            update(self.key_, words.legend(scene(s.task).kind))
            for name in ORDER:
                for plots in (self.outputs, self.features_, self.kernels):
                    plots[name].scene(scene(s.task))
        for plots in self.outputs, self.features_, self.kernels:
            plots["network"].view.visible = finite(s)

    def machines(self) -> dict:
        """The machines that are known for the present state, by their names."""
        found = {name: self.result(name) for name in ORDER}
        if found["network"] is not None:
            found["network"] = found["network"].first
        return {name: machine for name, machine in found.items() if machine is not None}

    def _draw(self) -> None:
        """Everything that has come."""
        s, known = self.state.snapshot(), self.machines()
        place = scene(s.task)
        if known:
            reach = training_features.ranges(list(known.values()))
            colours = training_kernels.scale(list(known.values()), s.kernel, place.order)
            for name in ORDER:
                self.features_[name].reach(*reach)
                self.kernels[name].scale(*colours)
        for plot in self.courses:
            plot.update(known, s.steps)
        self._draw_moment(s, known)
        self._draw_widths()
        update(self.table, words.table(s, known, self.result("network")))
        update(self.pill, words.pill(s.r, s.width))

    _drawn_first = None

    def _draw_networks(self, result) -> None:
        """One more network: all is drawn with the first of them, the others are thin lines and means."""
        s, known = self.state.snapshot(), self.machines()
        if self._drawn_first is not result.first:
            self._drawn_first = result.first
            return self._draw()
        self.outputs["network"].update(result.first, s.moment, result.paths.f[1:])
        self.outputs["network"].describe(None, self._function_words(s, "network", result.first, result, scene(s.task)))
        update(self.table, words.table(s, known, result))

    def _draw_moment(self, s, known: dict) -> None:
        """The three machines as they are at the moment on show."""
        networks = self.result("network")
        for name in ORDER:
            machine = known.get(name)
            others = networks.paths.f[1:] if name == "network" and networks is not None else ()
            self.outputs[name].update(machine, s.moment, others)
            self.features_[name].update(machine, s.moment)
            self.kernels[name].update(machine, s.moment, s.kernel)
        self._captions(s, known)

    _shown: tuple = ()

    def _show_moment(self, s) -> None:
        """Another moment, or another kernel, of machines that are known already."""
        step = int(compute.frames(s.steps)[s.moment])
        self.clock.show(step, s.steps)
        for plot in self.courses:
            plot.moment(step)
        if self._shown != (s.moment, s.kernel):
            other = bool(self._shown) and self._shown[1] != s.kernel
            self._shown = (s.moment, s.kernel)
            known = self.machines()
            if other:
                self._draw()
            elif known:
                self._draw_moment(s, known)
        update(self.pill, words.pill(s.r, s.width))

    def _captions(self, s, known: dict) -> None:
        networks, place = self.result("network"), scene(s.task)
        for name in ORDER:
            machine = known.get(name)
            ended = machine is not None and machine.diverged is not None and s.moment > machine.at(s.moment)
            last = machine.frames[machine.at(s.moment)] if ended else 0
            end = f"diverged at step {machine.diverged}; here: step {last}" if ended else ""
            title = words.title(name, s.width)
            self.outputs[name].describe(title, end or self._function_words(s, name, machine, networks, place))
            own = f"seed {s.seed} " if name == "network" else ""  # the table has the mean of all seeds
            far = "" if machine is None else f": {own}moved {words.percent(machine.change[machine.at(s.moment)])}"
            self.features_[name].describe("Features", end or f"components of {raised(s.depth)}{far}")
            aligned = "" if machine is None else f"alignment {machine.alignment[s.kernel][machine.at(s.moment)]:.2f}"
            kind = "Feature kernel" if s.kernel == "features" else "Tangent kernel"
            self.kernels[name].describe(kind, end or aligned)
        self.loss.describe(None, "on what is trained on; drag the line")
        which = "feature" if s.kernel == "features" else "tangent"
        self.alignment.describe(None, f"of the {which} kernel with the target")
        self.change.describe(None, f"size of Δ{raised(s.depth)} by that of {raised(s.depth)}")
        own = "" if s.r == 0 else ", feature at γ = nʳ"
        self.widths.describe(None, f"distance to each limit{own}, ± 2 s.e.")

    @staticmethod
    def _function_words(s, name: str, machine, networks, place) -> str:
        if machine is None:
            return "being computed"
        if name == "network" and networks is not None:
            more = networks.paths.count - 1
            thin = place.kind == "line" and more > 0
            ended = f"; {len(networks.paths.diverged)} diverged" if networks.paths.diverged else ""
            return (f"bold: seed {s.seed}; thin: {more} more" if thin else f"seed {s.seed}") + ended
        if name == "kernel":
            what = "all layers train" if s.trains == "all" else "the readout trains"
            return f"{what}; band ± 2 s.d." if machine.sd.any() else f"{what}"
        return words.knob(s.r, s.width)

    def _draw_widths(self) -> None:
        result, known = self.result("widths"), self.machines()
        rows = training_widths.distances(result, known) if result is not None else []
        self.widths.update(rows, result.request.widths if result is not None else ())

    def clear(self, slot):
        self._draw()

    def _pointed(self, step: float) -> None:
        """A hand on a course: the nearest moment."""
        at = compute.frames(self.state.steps)
        self.clock.to(int(np.argmin(np.abs(at - step))))
        self.clock.show(int(at[self.state.moment]), self.state.steps)
        for plot in self.courses:
            plot.here.data = {"x": [int(at[self.state.moment])]}

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(s, self.machines(), self.result("network"))

    def formula(self, s):
        return words.formula(s)

    def numbers(self, s):
        known, networks = self.machines(), self.result("network")
        lines = []
        if networks is not None and networks.paths.f:
            for name, text in (("kernel", "To the kernel limit"), ("feature", "To the feature limit")):
                if name in known and known[name].diverged is None:
                    far = training_widths.distance([networks.paths], [known[name]])
                    error = float(far.error[0]) if math.isfinite(far.error[0]) else None
                    lines.append(Number(text, float(far.mean[0]), error))
            tests = np.array(networks.paths.test_loss)
            bar = float(tests.std(ddof=1) / np.sqrt(len(tests))) if len(tests) > 1 else None
            lines.append(Number("Their test loss", float(tests.mean()), bar))
            lines.append(Number("Networks", len(networks.paths.f), note=f"n = {int(s.width):,}, ± 1 s.e."))
        if "feature" in known and known["feature"].diverged is None:
            machine = known["feature"]
            lines.append(Number("Feature limit’s error", fmt.power(machine.error, 1),
                                note=f"by {METHODS.get(machine.method, machine.method)}"))  # fmt: skip
        return lines

    def status(self, s):
        networks = self.result("network")
        if not finite(s):
            return "The limits alone"
        count = compute.count(int(s.width), s.depth)
        return f"{networks.paths.count if networks is not None else 0} of {count} networks"

    def code(self, s):
        return training_code.code(KernelRequest(self.setup(s), s.r, s.trains), s.width, s.seed)

    def ask_next(self, s):
        return [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]


def _three(views):
    """Views side by side, with the same width."""
    line = row(*views, parts=("figures",))
    line.stylesheets = [*line.stylesheets, THREE]
    return line

