"""The Kernels lab's predictions: classes by kernel regression, functions on a circle before and after data."""

from __future__ import annotations

import math

import numpy as np
import param
from bokeh.models import CustomJSTickFormatter

from tpapp.compute import kernels_functions as circle
from tpapp.compute import kernels_nets as nets
from tpapp.compute import kernels_predict as predict
from tpapp.compute import kernels_tab_code as code
from tpapp.kernel_results import AccuracyRequest, FunctionDrawsRequest, FunctionRequest
from tpapp.labs.kernels_tabs import Tab
from tpapp.page import Number, Request, State, finite, section
from tpapp.plots import format as fmt
from tpapp.plots.accuracy import AccuracyPlot
from tpapp.plots.functions import FunctionsPlot
from tpapp.widgets import column, escape
from tpcore.errors import Misuse

EARLIEST, LATEST = -3.0, 5.0  # log10 of the time; the ends stand for 0 and infinity
NOISES = {"none": 0.0, "0.001": 1e-3, "0.01": 1e-2, "0.1": 0.1, "1": 1.0}
SETS, NETWORKS = 8, 5
WIDE = {"flex": "2 1 220px", "min-width": "min(220px, 100%)"}
TIME = f"""
    if (tick >= {LATEST}) return "∞"
    if (tick <= {EARLIEST}) return "0"
    return String(+Math.pow(10, tick).toPrecision(2))
"""


class PredictionState(State):
    """What is predicted, and how."""

    task = param.Selector(objects={"Classes": "classes", "Function": "function"}, default="classes", label="Predict")
    rule = param.Selector(objects={"GP": "gp", "NTK": "ntk"}, default="gp", label="Rule")
    target = param.Selector(objects={"Wave": "wave", "Step": "step", "Bump": "bump"}, default="wave", label="Function")
    points = param.Integer(6, bounds=(1, 30), label="Points")
    noise = param.Selector(objects=NOISES, default=0.0, label="Noise variance")
    time = param.Number(LATEST, bounds=(EARLIEST, LATEST), step=0.1, label="Training time t")


def time_of(s) -> float:
    """The time that a snapshot means."""
    return math.inf if s.time >= LATEST else 0.0 if s.time <= EARLIEST else 10.0**s.time


class Predictions(Tab):
    """Kernel regression: accuracy on digits or on the nodes of a graph, or laws of functions."""

    key, title = "predictions", "Predictions"

    def build(self):
        style = {"theme": self.lab.theme, "projector": self.lab.projector}
        self.accuracy = AccuracyPlot(**style)
        self.prior = FunctionsPlot("Before the data", name="functions-before", **style)
        self.after = FunctionsPlot("After the data", name="functions-after", **style)
        self.plots = [self.accuracy, self.prior, self.after]
        self.accuracies = self.functions = self.networks = None
        control = self.lab.control
        self.task = control("task", segmented=True)
        self.noise, self.time = control("noise"), control("time", format=CustomJSTickFormatter(code=TIME))
        self.fields = [control("rule", segmented=True), control("target"), control("points")]
        self.settings = column(section("Regression", *self.fields, self.noise, self.time))
        self.settings.styles = {"order": "3", "flex": "0 1 180px", "min-width": "160px"}
        self.main, self.left = column(self.accuracy.view, self.after.view), column(self.prior.view)
        self.main.styles = {"order": "2", **WIDE}

    def views(self):
        return [self.main, self.left, self.settings]

    def controls(self):
        return [self.task]

    # -- state -> requests -> figures --------------------------------------------------------------------------

    def requests(self, s, X, net, i, j):
        self.arrange(s)
        self.accuracies = self.functions = self.networks = None
        graph = X if X.kind == "graph" else None
        why = refused(net, s, graph)
        if why:
            self.empty(s, why)
        elif s.task == "classes":
            rules = ("nngp",) if nets.tangent_refused(net) else ("nngp", "ntk")
            asked = self.accuracies = AccuracyRequest(net, rules, s.noise, SETS, s.seed, graph)
            yield Request("predictions", ("accuracy", asked), lambda p: predict.accuracy(asked, p), self.show_accuracy,
                          label="the accuracies")  # fmt: skip
        else:
            yield from self.function_requests(s, net)

    def function_requests(self, s, net):
        end = time_of(s) if s.rule == "ntk" else math.inf
        law = FunctionRequest(net, s.rule, s.target, s.points, s.noise, end, s.seed)
        self.functions = law
        yield Request("predictions-law", ("functions", law), lambda p: circle.functions(law, p), self.show_functions,
                      circle.ready(law), "the law of the functions")  # fmt: skip
        fit = circle.draws_that_fit(net, int(s.width), NETWORKS) if finite(s) else 0
        if fit:
            asked = self.networks = FunctionDrawsRequest(net, int(s.width), fit, s.seed)
            yield Request("predictions-networks", ("functions", asked), lambda p: circle.function_draws(asked, p),
                          self.show_networks, label="the networks’ functions")  # fmt: skip

    def arrange(self, s) -> None:
        """What belongs to the task."""
        function = s.task == "function"
        shown = {self.accuracy.view: not function, self.after.view: function, self.time: function and s.rule == "ntk",
                 **dict.fromkeys(self.fields, function)}  # fmt: skip
        for view, visible in shown.items():
            if view.visible != visible:
                view.visible = visible
        styles = {"order": "1", **WIDE} if function else {"display": "none"}
        if self.left.styles != styles:
            self.left.styles = styles

    def empty(self, s, why: str) -> None:
        """Words instead of figures."""
        if s.task == "classes":
            self.accuracy.update(None)
            self.accuracy.describe(caption=escape(why))
        else:
            for plot in (self.prior, self.after):
                plot.clear()
            self.prior.describe(caption=escape(why))
            self.after.describe("After the data", "")

    def show_accuracy(self, result) -> None:
        self.accuracy.update(result)
        r = result.request
        what = "digits" if r.graph is None else "members of the club"
        done = max((len(rows) for rows in result.correct.values()), default=0)
        noise = f"; noise {r.noise:g} of the mean variance" if r.noise else ""
        self.accuracy.describe(caption=f"{result.tested:,} of {result.count:,} {what} tested; mean ± 1 s.d. over {done} "
                                       f"random training sets{noise}")  # fmt: skip

    def show_functions(self, result) -> None:
        r = result.request
        zero = np.zeros_like(result.mean)
        reach = 2.2 * max(float(result.prior_sd.max()), 0.5 * float(np.abs([*result.truth, *result.y]).max()))
        self.prior.update(result.angles, zero, result.prior_sd, result.prior, reach=reach)
        self.after.update(result.angles, result.mean, result.sd, result.posterior, truth=result.truth, at=result.at,
                          y=result.y, reach=reach)  # fmt: skip
        self.prior.describe(caption=f"the limit, {r.draws} samples")
        points = f"{len(result.y)} point" + ("s" if len(result.y) > 1 else "")
        if r.rule == "gp":
            self.after.describe("After the data", f"the GP given {points}, {r.draws} samples")
        else:
            time = "∞" if math.isinf(r.time) else fmt.power(r.time, 2)
            self.after.describe(f"Trained for t = {time}", f"gradient flow on {points}, {r.draws} samples")
        held = self.lab.result("predictions-networks")
        if held is not None:
            self.show_networks(held)

    def show_networks(self, result) -> None:
        self.prior.update_networks(result.angles, result.f, result.request.width)
        self.prior.describe(caption=f"the limit, {NETWORKS} samples, {len(result.f)} networks")

    def clear(self, slot):
        if slot == "predictions":
            self.accuracy.update(None)
        elif slot == "predictions-networks":
            self.prior.update_networks(None, None, 8)

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        if s.task == "classes":
            return "A wide network predicts by its kernel alone: nothing else of it is left."
        if s.rule == "gp":
            return "Given data, the Gaussian process narrows where it has seen something."
        if self.functions is not None and self.functions.time == 0:
            return "Before training the ensemble is the Gaussian process itself."
        return "Trained by gradient descent a wide network stays a Gaussian process, moved by its tangent kernel."

    def formula(self, s):
        if s.task == "function" and s.rule == "ntk":
            return (r"$\begin{aligned} & \mu_t = \Theta_{*X} \Theta_{XX}^{-1} (I - e^{-t\, \Theta_{XX}})\, y \\[6pt] "
                    r"& \dot f = -\Theta_{*X} (f(X) - y) \end{aligned}$")  # fmt: skip
        return (r"$\begin{aligned} & \mu = K_{*X} (K_{XX} + s^2)^{-1} y \\[6pt] "
                r"& C = K_{**} - K_{*X} (K_{XX} + s^2)^{-1} K_{X*} \end{aligned}$")  # fmt: skip

    def numbers(self, s):
        found = self.lab.result("predictions")
        if s.task == "classes" and found is not None:
            names = {"nngp": "GP", "ntk": "NTK"}
            many = f"{int(found.sizes[-1]):,} inputs"
            right = {rule: 100 * rows[:, -1] for rule, rows in found.correct.items()}
            return [Number(f"{names[rule]}, {many}", f"{rows.mean():.1f} %", note=f"s.d. {rows.std():.1f}")
                    for rule, rows in right.items()]  # fmt: skip
        law = self.lab.result("predictions-law")
        if s.task == "function" and law is not None:
            error = float(np.sqrt(np.mean((law.mean - law.truth) ** 2)))
            return [Number("Error", fmt.power(error, 3), note="rms, of the mean"),
                    Number("Sd before", fmt.power(float(law.prior_sd.mean()), 3)),
                    Number("Sd after", fmt.power(float(law.sd.mean()), 3))]  # fmt: skip
        return []

    def code(self, s):
        if self.accuracies is not None:
            return code.accuracy_code(self.accuracies)
        return "" if self.functions is None else code.functions_code(self.functions, self.networks)


def refused(net, s, graph) -> str:
    """Why the network predicts nothing, in words; empty where it does."""
    try:
        if s.task == "classes" and graph is None:
            predict.reads(nets.network(net))
        elif s.task == "classes":
            predict.nodes(net, graph)
        else:
            circle.reads(nets.network(net))
            return nets.tangent_refused(net) if s.rule == "ntk" else ""
    except Misuse as refusal:
        return str(refusal)
    return ""
