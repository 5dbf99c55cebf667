"""What the Kernels lab says: claim, formula, names of inputs."""

from __future__ import annotations

import math

import numpy as np

from tpapp.labs.kernels_state import outputs_request
from tpapp.page import Number, finite
from tpapp.plots import format as fmt
from tpapp.results import Inputs, KernelLimit
from tpapp.widgets import escape

ALIKE = 0.99  # mean correlation between inputs from which on a kernel tells them apart no more


def letter(kernel: str) -> str:
    """How a kernel is written."""
    return "Θ" if kernel == "ntk" else "K"


def formula(kernel: str) -> str:
    """What tends to what, and how fast."""
    if kernel == "ntk":
        lines = [r"\langle \nabla f(x), \nabla f(x') \rangle \to \Theta(x, x')"]
    else:
        kernel_of = r"K_{ij} = \sigma_v^2\, \mathbb{E}\, \phi(Z^i)\phi(Z^j) + \sigma_b^2"
        lines = [r"f \xrightarrow{d} \mathcal N(0, K)", kernel_of]
    k = r"\Theta" if kernel == "ntk" else "K"
    lines.append(rf"\lVert {k}_n - {k} \rVert_F / \lVert {k} \rVert_F = O(n^{{-1/2}})")
    return r"$\begin{aligned} & %s \end{aligned}$" % r" \\[6pt] & ".join(lines)


def claim(s, limit: KernelLimit | None) -> str:
    """One sentence that is true of the state."""
    if s.kernel == "nngp" and limit is not None and correlation(limit.K) > ALIKE:
        return "After so many layers all inputs look alike: the limit has forgotten which is which."
    if math.isinf(s.width):
        return "In the limit nothing is left of the network but its kernel."
    if s.width <= 32:
        return "A narrow network is no Gaussian process: its kernel is another in every draw."
    if s.kernel == "ntk":
        return "What gradient descent sees is not random either: the tangent kernel settles too."
    if s.depth >= 8:
        return "A deep network is a Gaussian process too; it only takes more width."
    return "A wide random network is a Gaussian process, whatever its architecture."


def correlation(K: np.ndarray) -> float:
    """Mean correlation of different inputs under the kernel."""
    sd = np.sqrt(np.diag(K))
    if len(K) < 2 or not sd.min() > 0:
        return 0.0
    C = K / np.outer(sd, sd)
    return float((C.sum() - len(K)) / (len(K) * (len(K) - 1)))


def heading(X: Inputs) -> str:
    """The head of the inputs' section."""
    return f'<div class="tp-head"><h2>Inputs</h2><span>{escape(X.name)} · click x, then x′</span></div>'


def rows(X: Inputs) -> dict[str, int]:
    """Row names for the menus of x and x'."""
    kind = "a " if X.images is not None and X.name.endswith("digits") else ""
    return {f"{k + 1} · {kind}{label}" if kind else f"row {label}": k for k, label in enumerate(X.labels)}


def sources(upload: Inputs | None) -> dict[str, str]:
    """What the inputs may be; an upload once there is one."""
    options = {"Digits 0, 1, 4, 7": "digits", "All ten digits": "all"}
    return options if upload is None else options | {upload.name: "upload"}


def numbers(s, limit, out, draw, ladder, points) -> list[Number]:
    """The table: what is asked, what is measured, how the limit is known."""
    found = [Number("Width n", s.width)]
    if finite(s):
        asked = outputs_request(s).draws
        got = asked if out is None else len(out.f)
        note = f"of {asked:,}" if got < asked else "which fit" if asked < s.draws else ""
        found += [Number("Draws", got, note=note), *deviation(int(s.width), draw, ladder, points)]
    if ladder is not None and math.isfinite(ladder.slope):
        found.append(Number("Slope in log n", ladder.slope, 2 * ladder.slope_error))
    if limit is not None:
        error = fmt.power(limit.error, 1)
        found += [Number("Method", limit.method), Number("Error of the limit", error, note="relative")]
    return found


def deviation(n: int, draw, ladder, points) -> list[Number]:
    """The deviation at width n with two standard errors, or that of the one network there is."""
    rows = {} if draw is None else dict(points)  # the draw has seen to it that they are of this network
    if ladder is not None:
        rows |= dict(zip(ladder.widths.tolist(), zip(ladder.mean, ladder.error)))
    if n in rows and math.isfinite(rows[n][1]):
        return [Number("Deviation", float(rows[n][0]), 2 * float(rows[n][1]))]
    return [] if draw is None else [Number("Deviation", float(draw.deviation), note="one network")]
