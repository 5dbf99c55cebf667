"""Which language a program belongs to, hence which theorem holds of it.

Netsor and Netsor+: Tensor Programs I (arXiv 1910.12478), section 4. A program
with transposes is BP-like (Tensor Programs II, arXiv 2006.14548, section A.3)
if there is a set of input vectors, of mean zero and independent of all other
inputs, such that every vector that meets W^T is odd in them and no vector
that meets W depends on them. A matrix that the program uses one way only is as
good as one without a transpose. Which of W and W^T is the forward one is a
matter of naming: as written, or the first use.
"""

from __future__ import annotations

from tpcore.program import ops
from tpcore.program.graph import ancestors
from tpcore.program.parity import Equation, Parities, first_contradiction
from tpcore.program.render import T, cite


def fragment(prog) -> str:
    """ "netsor", "netsor+", "netsort" or "netsort+" (in doubt the last)."""
    nodes = prog.nodes
    if not _transposes(nodes):
        return "netsor" if _first_scalar(nodes) is None else "netsor+"
    return "netsort" if _obstacle(nodes) is None else "netsort+"


def explain(prog) -> str:
    """The fragment in words: which theorem holds, and which instruction decides it."""
    nodes = prog.nodes
    scalar = _first_scalar(nodes)
    transposes = _transposes(nodes)
    if not transposes and scalar is None:
        return "Netsor: no transposes and no scalars, so the Gaussian recursion holds."
    if not transposes:
        return (
            f"Netsor+: {cite(nodes, scalar)} makes a scalar, which tends to a constant; "
            "with that constant in its place the Gaussian recursion holds."
        )
    broken = _obstacle(nodes)
    if broken is None:
        return (
            f"NetsorT, BP-like: {cite(nodes, transposes[0])} transposes, but every vector that meets a transpose is "
            "odd in zero-mean inputs that never reach the matrix itself, as in backpropagation; "
            "the Gaussian recursion holds."
        )
    return (
        f"NetsorT+: transposes, and not as in backpropagation: {cite(nodes, nodes[broken.node])} {broken.reason}. "
        f"The limit needs the full calculus."
    )


def _transposes(nodes: list[ops.Node]) -> list[ops.Node]:
    return [node for node in nodes if isinstance(node.op, ops.MatMul) and node.op.transposed]


def _first_scalar(nodes: list[ops.Node]) -> ops.Node | None:
    return next((node for node in nodes if node.kind == "C"), None)


def _obstacle(nodes: list[ops.Node]) -> Equation | None:
    """What keeps the program from being BP-like; None if it is."""
    uses: dict[int, list[ops.Node]] = {}
    for node in nodes:
        if isinstance(node.op, ops.MatMul):
            uses.setdefault(node.op.matrix, []).append(node)
    both = [u for u in uses.values() if len({node.op.transposed for node in u}) == 2]
    parities = Parities(nodes)
    found = _contradiction(parities, [(u, False) for u in both])
    if found is not None and _contradiction(parities, [(u, u[0].op.transposed) for u in both]) is None:
        return None
    return found


def _contradiction(parities: Parities, uses: list[tuple[list[ops.Node], bool]]) -> Equation | None:
    """`uses`: the MatMuls of each matrix and which orientation (transposed?) is its forward one."""
    nodes = parities.nodes
    forward = [node for u, way in uses for node in u if node.op.transposed == way]
    backward = [node for u, way in uses for node in u if node.op.transposed != way]
    equations = []
    for i in sorted(ancestors(nodes, [node.op.x for node in forward])):
        if isinstance(nodes[i].op, ops.GaussianInput) and parities.masks[i]:
            equations.append(Equation(parities.masks[i], 0, i, "reaches the matrix itself"))
    for node in backward:
        matrix, x = nodes[node.op.matrix].name, nodes[node.op.x].name
        forth, back = ("", T) if node.op.transposed else (T, "")
        lack = f"{x} is not odd in zero-mean inputs that {matrix}{forth} never meets"
        reason = f"multiplies {x} by {matrix}{back}, but {lack}"
        demand = Equation(parities.masks[node.op.x], 1, node.index, reason)
        conditions = [c for i in sorted(ancestors(nodes, [node.op.x])) for c in parities.conditions[i]]
        if not demand.mask:
            return conditions[-1] if conditions else demand
        equations += [demand, *conditions]
    return first_contradiction(equations)
