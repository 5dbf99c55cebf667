"""What the Jacobians lab says: the claim of a state, its formula, the table of mixed moments."""

from __future__ import annotations

import math

from tpapp.colours import TOKENS, interpolate, width_label
from tpapp.jacobian_results import WORDS, NetRequest, Point
from tpapp.plots import format as fmt

CSS = """
table.tp-mixed small { display: inline; }
table.tp-mixed td, table.tp-mixed th { padding-top: 2px; padding-bottom: 2px; }
"""
NEAR_EDGE = 0.02
APART = 0.3  # |log| of the mean of s^2 over chi_1^L, from which on the start matters
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
    if abs(math.log(max(point.mean, 1e-300) / max(chi, 1e-300) ** r.depth)) > APART:
        fate = "shrink" if point.mean < chi**r.depth else "swell"
        return f"Far from the fixed point the first layers {fate} gradients, until the variance settles."
    if abs(chi - 1) > NEAR_EDGE:
        fate = "Order: gradients vanish" if chi < 1 else "Chaos: gradients explode"
        do = "multiply" if r.depth > 1 else "multiplies"
        return f"{fate}, {layers} {do} their mean square by {fmt.power(point.mean, 2)}."
    if relative_spread(point) < ISOMETRY:
        return f"Dynamical isometry: every singular value stays near 1, through {layers}."
    if r.phi == "relu":
        return "ReLU cuts half of every gradient: no weights make all its singular values equal."
    if r.weights == "gaussian":
        return "At the edge gradients keep their mean size, but depth spreads the singular values."
    return "Orthogonal weights spread nothing; what is left is the nonlinearity’s."


def too_wide(r: NetRequest, n: int, draws: int, fits: int) -> str:
    """Why no networks stand beside the limit."""
    many = f"{r.depth} layer{'s' * (r.depth > 1)} and {draws} draw{'s' * (draws > 1)}"
    return (f"The limit alone, for no network of n = {n:,} is drawn: its weights would be stored whole. "
            f"At most n = {fits:,} fits with {many}.")


def formula(point: Point, projector: bool = False) -> str:
    r"""The law in terms of S-transforms, and its first two moments."""
    orthogonal = point.request.weights == "orthogonal"
    factor = r"\sigma_w^2" if orthogonal else r"\sigma_w^2 (1 + z)"
    law = rf"S_{{JJ^\top}}(z) = \prod_{{l=1}}^{{L}} \frac{{S_{{D_l^2}}(z)}}{{{factor}}}"
    if point.request.weights == "sparse":
        law = r"W = \tfrac{\sigma_w}{\sqrt 3} (P_1 + P_2 + P_3)"
    means = r"\mu_k = \mathbb{E}\, \phi'(h)^{2k}, \quad \chi_1 = \sigma_w^2 \mu_1"
    ratio = r"L \bigl(\tfrac{\mu_2}{\mu_1^2} - 1\bigr)" if orthogonal else r"L\, \frac{\mu_2}{\mu_1^2}"
    spread = rf"\frac{{\operatorname{{Var}} s^2}}{{(\mathbb{{E}} s^2)^2}} = {ratio}"
    spread = rf"\mathbb{{E}}\, s^2 = \chi_1^L, \quad {spread}"
    lines = [law, means] + ([] if projector or point.request.weights == "sparse" else [spread])
    return r"$\begin{array}{l} " + r" \\[6pt] ".join(rf"\displaystyle {line}" for line in lines) + r" \end{array}$"


def table(free, seen, n: float, theme: str) -> str:
    """``<table>`` of mixed moments: the word, networks ± s.e. if `seen` is (means, errors) and not None, if free."""
    colour = interpolate((width_label(n, theme), TOKENS[theme]["ink"]), 0.2)  # on the column's darker ground
    body = ""
    for k, word in enumerate(WORDS):
        measured = ""
        if seen is not None:
            mean, error = fmt.measured(seen[0][k], seen[1][k]) if seen[1][k] > 0 else (fmt.power(seen[0][k], 3), "")
            mean += f" <small>± {error}</small>" if error else ""
            measured = f'<td class="measured" style="color:{colour}">{mean}</td>'
        body += f'<tr><td>{word}</td>{measured}<td class="limit">{fmt.power(free[k], 3)}</td></tr>'
    head = f"<th>n = {fmt.width(n)}</th>" if seen is not None else ""
    head = f"<tr><th>τ of</th>{head}<th>if free</th></tr>"
    return f'<table class="tp-table tp-mixed"><thead>{head}</thead><tbody>{body}</tbody></table>'
