"""What the Kernels lab says: claim, formula, names of inputs."""

from __future__ import annotations

import math

import numpy as np

from tpapp.compute.kernels_nets import layers
from tpapp.labs.kernels_state import outputs_request
from tpapp.page import Number, finite
from tpapp.plots import format as fmt
from tpapp.results import KernelLimit, Net

CLAIMS = {
    "LSTM": "An LSTM’s memory multiplies gate by gate, and its outputs are Gaussian in the limit all the same.",
    "GRU": "Gates multiply vectors, and the outputs of all steps are still one Gaussian process.",
    "RNN": "One matrix serves every step, and the outputs of all steps are one Gaussian process.",
    "Transformer": "A whole transformer is a Gaussian process at initialization.",
    "GraphConv": "On a graph, the outputs at all nodes are one Gaussian process.",
    "Attention": "Attention with logits over n has weights that settle: the limit is a Gaussian process.",
    "Conv": "A filter shared by all places is a Gaussian process all the same.",
    "CNN": "A filter shared by all places is a Gaussian process all the same.",
    "BatchNorm": "Batchnorm makes inputs depend on each other, and the limit is still one Gaussian process.",
    "BatchNormMLP": "Batchnorm makes inputs depend on each other, and the limit is still one Gaussian process.",
    "LayerNorm": "Mean and variance over many neurons are constants: layernorm divides by a number.",
    "LayerNormMLP": "Mean and variance over many neurons are constants: layernorm divides by a number.",
    "Residual": "A skip connection adds: the kernels of both ways add too.",
    "ResNet": "A skip connection adds: the kernels of both ways add too.",
}
ALIKE = 0.99  # mean correlation between inputs from which on a kernel tells them apart no more


def letter(kernel: str) -> str:
    """How a kernel is written."""
    return "Θ" if kernel == "ntk" else "K"


def formula(kernel: str, net: Net | None = None) -> str:
    """What tends to what, and how fast."""
    mixed = net is not None and mixture(net)
    if kernel == "ntk":
        lines = [r"\langle \nabla f(x), \nabla f(x') \rangle \to \Theta(x, x')"]
    elif mixed:
        lines = [r"f \mid A \xrightarrow{d} \mathcal N(0, K_A)", r"A = \mathrm{softmax}(G), \; G \text{ Gaussian}",
                 r"K = \mathbb{E}\, K_A"]
        return r"$\begin{aligned} & %s \end{aligned}$" % r" \\[6pt] & ".join(lines)
    elif net is None or net.kind == "MLP":
        lines = [r"f \xrightarrow{d} \mathcal N(0, K)",
                 r"K_{ij} = \sigma_v^2\, \mathbb{E}\, \phi(Z^i)\phi(Z^j) + \sigma_b^2"]
    else:
        lines = [r"f \xrightarrow{d} \mathcal N(0, K)", r"K_{ij} = \sigma_v^2\, \mathbb{E}\, Z^i Z^j + \sigma_b^2"]
    k = r"\Theta" if kernel == "ntk" else "K"
    lines.append(rf"\lVert {k}_n - {k} \rVert_F / \lVert {k} \rVert_F = O(n^{{-1/2}})")
    return r"$\begin{aligned} & %s \end{aligned}$" % r" \\[6pt] & ".join(lines)


def claim(s, net: Net | None, limit: KernelLimit | None) -> str:
    """One sentence that is true of the state."""
    if s.kernel == "nngp" and limit is not None and correlation(limit.K) > ALIKE:
        return "To this limit all inputs look alike: it hardly tells which is which."
    if math.isinf(s.width):
        return "In the limit nothing is left of the network but its kernel."
    if s.width <= 32:
        return "A narrow network is no Gaussian process: its kernel is another in every draw."
    if s.kernel == "ntk":
        return "What gradient descent sees is not random either: the tangent kernel settles too."
    if net is not None and net.kind != "MLP":
        return architecture(net)
    if s.depth >= 8:
        return "A deep network is a Gaussian process too; it only takes more width."
    return "A wide random network is a Gaussian process, whatever its architecture."


def architecture(net: Net) -> str:
    """The sentence of an architecture."""
    if mixture(net):
        return "Logits over √n keep the attention weights random: the limit is a mixture of Gaussian processes."
    kinds = {net.kind, *(layer["layer"] for layer in layers(net.fields))}
    return next((words for kind, words in CLAIMS.items() if kind in kinds),
                "A wide random network is a Gaussian process, whatever its architecture.")  # fmt: skip


def correlation(K: np.ndarray) -> float:
    """Mean correlation of different inputs under the kernel."""
    sd = np.sqrt(np.diag(K))
    if len(K) < 2 or not sd.min() > 0:
        return 0.0
    C = K / np.outer(sd, sd)
    return float((C.sum() - len(K)) / (len(K) * (len(K) - 1)))


def correlations(K: np.ndarray) -> np.ndarray:
    """K_ij / sqrt(K_ii K_jj); 0 where there is no variance."""
    sd = np.sqrt(np.maximum(np.diag(K), 0.0))
    scale = np.outer(sd, sd)
    return np.divide(K, scale, out=np.zeros_like(K), where=scale > 0)


def mixture(net: Net) -> bool:
    """Whether a network's limit is a mixture of Gaussian processes: attention whose weights stay random."""
    return any(layer.get("scaling") == "sqrt" for layer in layers(net.fields))


def following(presets, preset: str, choose, most: int) -> list:
    """The questions that come after a preset's, and what they do."""
    keys = list(presets)
    after = keys.index(preset) + 1
    asked = [key for key in keys[after:] + keys[: after - 1] if presets[key].question][:most]
    return [(presets[key].question, lambda key=key: choose(key)) for key in asked]


def numbers(s, limit, out, draw, ladder, points) -> list[Number]:
    """The table: what is asked, what is measured, how the limit is known."""
    found = [Number("Width n", s.width)]
    if finite(s) and s.figures != "outputs":
        found += deviation(int(s.width), draw, ladder, points)
    elif finite(s):
        asked = outputs_request(s).draws
        got = asked if out is None else len(out.f)
        note = f"of {asked:,}" if got < asked else "which fit" if asked < s.draws else ""
        found += [Number("Draws", got, note=note), *deviation(int(s.width), draw, ladder, points)]
    settles = limit is None or not mixture(limit.request.net)
    if ladder is not None and math.isfinite(ladder.slope) and settles:
        found.append(Number("Slope in log n", ladder.slope, 2 * ladder.slope_error))
    if limit is not None:
        found.append(Number("Method", limit.method))
        known = math.isfinite(limit.error)
        found.append(Number("Error of the limit", fmt.power(limit.error, 1) if known else "not estimated",
                            note="relative" if known else ""))  # fmt: skip
    return found


def deviation(n: int, draw, ladder, points) -> list[Number]:
    """The deviation at width n with two standard errors, or that of the one network there is."""
    rows = {} if draw is None else dict(points)  # the draw has seen to it that they are of this network
    if ladder is not None:
        rows |= dict(zip(ladder.widths.tolist(), zip(ladder.mean, ladder.error)))
    if n in rows and math.isfinite(rows[n][1]):
        return [Number("Deviation", float(rows[n][0]), 2 * float(rows[n][1]))]
    return [] if draw is None else [Number("Deviation", float(draw.deviation), note="one network")]
