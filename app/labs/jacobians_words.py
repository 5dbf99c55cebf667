"""What the Jacobians lab says: the claim of a state, its formula, the table of mixed moments."""

from __future__ import annotations

import math

from tpapp.colours import width_label
from tpapp.jacobian_results import WORDS, Point
from tpapp.plots import format as fmt

NEAR_EDGE = 0.02
ISOMETRY = 0.5  # the variance of squared singular values over their squared mean, at most


def relative_spread(point: Point) -> float:
    """Var(s^2) / (E s^2)^2 in the limit."""
    return point.variance / point.mean**2 if point.mean > 0 else 0.0


def claim(point: Point) -> str:
    """One sentence about the network."""
    r, chi = point.request, point.chi
    layers = f"{r.depth} layer{'s' * (r.depth > 1)}"
    if r.weights == "sparse":
        return "Three links a neuron do not mix: weights and slopes are not free, and the law fails."
    if not math.isfinite(chi):
        return "Without a fixed point each layer has another law; the Jacobian still multiplies them."
    if abs(chi - 1) > NEAR_EDGE:
        fate = "Order: gradients vanish" if chi < 1 else "Chaos: gradients explode"
        return f"{fate}, {layers} multiply their mean square by {fmt.power(point.mean, 2)}."
    if relative_spread(point) < ISOMETRY:
        return "Dynamical isometry: every singular value stays near 1, at any depth like this."
    if r.phi == "relu":
        return "ReLU cuts half of every gradient: no weights make all its singular values equal."
    if r.weights == "gaussian":
        return "At the edge gradients keep their mean size, but depth spreads the singular values."
    return "Orthogonal weights spread nothing; what is left is the nonlinearity’s."


def formula(point: Point, projector: bool = False) -> str:
    r"""The law in terms of S-transforms, and its first two moments."""
    orthogonal = point.request.weights == "orthogonal"
    factor = r"\sigma_w^2" if orthogonal else r"\sigma_w^2 (1 + z)"
    one = " - 1" if orthogonal else ""
    law = rf"S_{{JJ^\top}}(z) = \prod_{{l=1}}^{{L}} \frac{{S_{{D_l^2}}(z)}}{{{factor}}}"
    if point.request.weights == "sparse":
        law = r"W = \tfrac{\sigma_w}{\sqrt 3} (P_1 + P_2 + P_3)"
    chi = r"\chi_1 = \sigma_w^2\, \mathbb{E}\, \phi'(h)^2, \quad \mathbb{E}\, s^2 = \chi_1^L"
    spread = rf"\frac{{\operatorname{{Var}} s^2}}{{(\mathbb{{E}} s^2)^2}} = L \Bigl(\frac{{\mu_2}}{{\mu_1^2}}{one}\Bigr)"
    lines = [law, chi] + ([] if projector or point.request.weights == "sparse" else [spread])
    return r"$\begin{array}{l} " + r" \\[6pt] ".join(rf"\displaystyle {line}" for line in lines) + r" \end{array}$"


def table(free, seen, n: float, theme: str) -> str:
    """``<table>`` of mixed moments: the word, networks ± s.e., if free. `seen` is (means, errors) or None."""
    colour = width_label(n, theme)
    body = ""
    for k, word in enumerate(WORDS):
        measured = ""
        if seen is not None:
            mean, error = fmt.measured(seen[0][k], seen[1][k]) if seen[1][k] > 0 else (fmt.power(seen[0][k], 3), "")
            measured = mean + (f" <small>± {error}</small>" if error else "")
        body += (f'<tr><td>{word}</td><td class="measured" style="color:{colour}">{measured}</td>'
                 f'<td class="limit">{fmt.power(free[k], 3)}</td></tr>')  # fmt: skip
    head = f"<tr><th>τ of</th><th>n = {fmt.width(n)}</th><th>if free</th></tr>"
    return f'<table class="tp-table tp-mixed"><thead>{head}</thead><tbody>{body}</tbody></table>'
