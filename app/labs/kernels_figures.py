"""The Kernels lab's other figures: what may stand in its lower rows instead of the outputs."""

from __future__ import annotations

import math

import numpy as np

from tpapp.compute import kernels as compute
from tpapp.compute import kernels_tab_code as code
from tpapp.compute import kernels_depth as depths
from tpapp.compute import kernels_spectrum as spectra
from tpapp.kernel_results import Depth, DepthDrawsRequest, DepthRequest
from tpapp.labs.kernels_predictions import Predictions
from tpapp.labs.kernels_tabs import Tab
from tpapp.page import Number, Request, finite
from tpapp.plots import format as fmt
from tpapp.plots.depth import CorrelationMap, DepthPlot
from tpapp.plots.eigenvalues import KernelEigenvalues, TraceShare
from tpapp.results import KernelDrawRequest, KernelLimitRequest
from tpapp.widgets import escape

AXES = {"layers": "behind the layer", "periods": "layer", "steps": "step"}
PHASES = {
    "order": "Order: layer by layer all inputs become alike.",
    "chaos": "Chaos: layer by layer even inputs that were alike part.",
    "edge": "At the edge of chaos depth tells inputs apart the longest.",
}


class DepthTab(Tab):
    """How variances and correlation of x and x' move on the way through the network."""

    key, title = "depth", "Depth"

    def build(self):
        style = {"theme": self.lab.theme, "projector": self.lab.projector}
        self.variance = DepthPlot("Variance", name="depth-variance", label="variance", symbol="q*", **style)
        self.correlation = DepthPlot("Correlation of <i>x</i> and <i>x′</i>", name="depth-correlation",
                                     label="correlation", symbol="c*", **style)  # fmt: skip
        self.map = CorrelationMap(**style)
        self.plots = [self.correlation, self.variance, self.map]
        for plot in (self.correlation, self.variance):
            self.map.fig.js_link("height", plot.fig, "height")

    def requests(self, s, X, net, i, j):
        request = self.request = DepthRequest(X, net, i, j)
        styles = {} if depths.repeats(request) else {"display": "none"}
        if self.map.view.styles != styles:
            self.map.view.styles = styles
        yield Request("depth", ("kernel-depth", request), lambda p: depths.depth(request, p), self.show,
                      label="the kernel’s way through the layers")  # fmt: skip
        draws = self.drawn = self.draws_of(s, request)
        if draws is not None:
            yield Request("depth-draws", ("kernel-depth", draws), lambda p: depths.depth_draws(draws, p),
                          self.show_draws, label="the networks’ kernels layer by layer")  # fmt: skip

    @staticmethod
    def draws_of(s, request: DepthRequest) -> DepthDrawsRequest | None:
        draws = depths.draws_that_fit(request, int(s.width)) if finite(s) else 0
        return DepthDrawsRequest(request, int(s.width), draws, s.seed) if draws >= 2 else None

    def show(self, result: Depth) -> None:
        fate, c = result.fate, result.correlation
        settled = fate is not None and fate.kind in ("settled", "slow")
        beyond = (None, None) if result.beyond is None else (result.beyond[:, :2].T, result.beyond[:, [0, 2]].T)
        axis, names = AXES[result.what], result.names
        self.variance.update_limit(result.places, names, result.variance, beyond=beyond[0], axis=axis,
                                   fixed=fate.variance if settled else None)  # fmt: skip
        low = min(0.0, float(c.min()), *([] if beyond[1] is None else [float(beyond[1][1].min())]))
        self.correlation.update_limit(result.places, names, c, beyond=beyond[1], axis=axis, bounds=(1.12 * low, 1.05),
                                      fixed=fate.correlation if settled else None)  # fmt: skip
        if result.map_c is None:
            self.map.update(None, None, None, None, 0.0)
        else:
            path = c if result.beyond is None else np.concatenate([c, result.beyond[1:, 2]])
            self.map.update(result.map_c, result.map_next, path, fate.correlation if settled else None, fate.slope)
            self.map.describe("From layer to layer", "the limit’s map, and the pair’s way")
        self.describe(result, None)
        held = self.lab.result("depth-draws")
        if held is not None and held.request.depth == result.request:
            self.show_draws(held)

    def show_draws(self, result) -> None:
        limit = self.lab.result("depth")
        if limit is None or limit.request != result.request.depth:
            return
        n = result.request.width
        self.variance.update(result.variance, n)
        self.correlation.update(result.correlation, n)
        self.describe(limit, result)

    def describe(self, result: Depth, draws) -> None:
        many = "" if draws is None else f"{len(draws.variance)} networks, mean ± 2 s.d."
        self.correlation.describe(caption=escape(result.pair) or many or "the limit, and what would follow")
        what = {"layers": "", "periods": "preactivations; ", "steps": f"{many}; "}[result.what]
        self.variance.describe(caption=f"{what}<i>x</i> full, <i>x′</i> open" if draws else "the limit")

    def clear(self, slot):
        if slot == "depth-draws":
            self.variance.update(None, math.inf)
            self.correlation.update(None, math.inf)

    def claim(self, s):
        found = self.lab.result("depth")
        if found is None:
            return ""
        if found.what == "steps":
            return "A recurrent network is as deep as its sequence is long."
        if found.fate is None:
            return "Layer by layer the kernel moves, and the networks follow their limit."
        if found.fate.kind == "grows":
            return "The variance grows without bound, but the correlation settles."
        if found.fate.kind == "vanishes":
            return "Layer by layer the signal dies out."
        return PHASES[found.fate.phase]

    def formula(self, s):
        lines = [r"q^{l+1} = \sigma_w^2\, \mathbb{E}\, \phi(\sqrt{q^l} z)^2 + \sigma_b^2",
                 r"\chi = \sigma_w^2\, \mathbb{E}\, \phi'(\sqrt{q^*} z)^2",
                 r"\chi < 1\ \text{order}, \quad \chi > 1\ \text{chaos}"]  # fmt: skip
        found = self.lab.result("depth")
        if found is None or found.fate is None:
            lines = [r"q^l = K^l_{xx}, \quad c^l = K^l_{xx'} / \sqrt{K^l_{xx} K^l_{x'x'}}"]
        return r"$\begin{aligned} & %s \end{aligned}$" % r" \\[6pt] & ".join(lines)

    def numbers(self, s):
        found = self.lab.result("depth")
        if found is None:
            return []
        rows = [Number("Correlation, first", fmt.power(float(found.correlation[0]), 3)),
                Number("Correlation, last", fmt.power(float(found.correlation[-1]), 3))]  # fmt: skip
        fate = found.fate
        if fate is not None:
            slow = {"slow": "not settled", "grows": "without bound", "vanishes": "dies out"}.get(fate.kind, "")
            slope = "∞" if math.isinf(fate.slope) else fmt.power(fate.slope, 4)
            variance = fmt.power(fate.variance, 3) if fate.kind in ("settled", "slow") else "none"
            rows += [Number("Variance q*", variance, note=slow),
                     Number("Correlation c*", fmt.power(fate.correlation, 3)),
                     Number("Slope χ", slope, note="of c → c′ at 1")]  # fmt: skip
            if fate.kind in ("settled", "slow") and 0 < fate.slope < math.inf and abs(fate.slope - 1) > 1e-6:
                rows.append(Number("Depth scale", f"{1 / abs(math.log(fate.slope)):.1f}", note="layers, 1 / |log χ|"))
        return rows

    def code(self, s):
        return code.depth_code(self.request, self.drawn)


class EigenvaluesTab(Tab):
    """The kernel's eigenvalues: how many directions it really has."""

    key, title = "eigenvalues", "Eigenvalues"

    def build(self):
        style = {"theme": self.lab.theme, "projector": self.lab.projector}
        self.values, self.share = KernelEigenvalues(**style), TraceShare(**style)
        self.plots = [self.values, self.share]
        self.limit = self.draw = None

    def requests(self, s, X, net, i, j):
        limit = KernelLimitRequest(X, net, s.kernel)
        self.kernel = "Θ" if s.kernel == "ntk" else "K"
        yield Request("eigenvalues", ("limit", limit), lambda p: compute.kernel_limit(limit, p), self.show,
                      label="the limit’s eigenvalues")  # fmt: skip
        if finite(s):
            draw = KernelDrawRequest(X, net, s.kernel, int(s.width), s.seed)
            yield Request("eigenvalues-draw", ("draw", draw), lambda p: compute.kernel_draw(draw, p), self.show_draw,
                          label="one network’s eigenvalues")  # fmt: skip

    def show(self, result) -> None:
        K = np.asarray(result.K)
        sampled = "sampl" in result.method or "particle" in result.method
        self.limit = spectra.eigenvalues(K, result.error * float(np.abs(K).max()) if sampled else 0.0)
        self.values.update_limit(self.limit)
        self.share.update_limit(self.limit)
        self.describe(result.method)
        held = self.lab.result("eigenvalues-draw")
        if held is not None:
            self.show_draw(held)

    def show_draw(self, result) -> None:
        self.draw = spectra.eigenvalues(result.K, width=result.request.width)
        self.values.update(self.draw)
        self.share.update(self.draw)

    def describe(self, method: str) -> None:
        count, zeros = len(self.limit.values), int((~self.limit.known).sum())
        few = f"; {zeros} zero within error" if zeros else ""
        self.values.describe(f"Eigenvalues of {self.kernel}",
                             f"{count}, largest first; limit: {escape(method)}; dots: one network{few}")
        self.share.describe(caption="in the first k eigenvalues; △ effective rank (Σλ)² / Σλ²")

    def clear(self, slot):
        if slot == "eigenvalues-draw":
            self.draw = None
            self.values.update(None)
            self.share.update(None)

    def claim(self, s):
        if self.lab.result("eigenvalues") is None or self.limit is None:
            return ""
        share = float(self.limit.share[0])
        if share > 0.9:
            return "One direction holds nearly all of the kernel: to it the inputs are almost one."
        return "A few directions hold most of the kernel: those are learnt first."

    def formula(self, s):
        return r"$K v_k = \lambda_k v_k, \qquad r = \frac{(\sum \lambda_k)^2}{\sum \lambda_k^2}$"

    def numbers(self, s):
        if self.limit is None:
            return []
        rows = [Number("Effective rank", fmt.power(self.limit.rank, 3), note=f"of {len(self.limit.values)}")]
        if self.draw is not None and finite(s):
            rows.append(Number("… at width n", fmt.power(self.draw.rank, 3)))
        rows = [*rows,
                Number("Largest λ", fmt.power(float(self.limit.values[0]), 3),
                       note=f"{100 * self.limit.share[0]:.0f} % of all")]  # fmt: skip
        if self.limit.known.all():
            rows.append(Number("Condition", fmt.power(float(self.limit.values[0] / self.limit.values[-1]), 2)))
        return rows

    def code(self, s):
        return code.eigenvalues_code(finite(s))


TABS: tuple[type[Tab], ...] = (DepthTab, EigenvaluesTab, Predictions)
