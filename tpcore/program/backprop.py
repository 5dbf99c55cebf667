"""`grad`: the backward pass of a program, again a program."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

from tpcore import checks
from tpcore.program import check, instructions
from tpcore.program.graph import ancestors, arguments
from tpcore.program.tape import Tape
from tpcore.program.terms import times
from tpcore.program.where import fail


def grad(prog, output, cotangent=None, wrt: Iterable | None = None):
    r"""The backward pass of `prog`: a program with the lines of `prog` and, after them, their adjoints.

    .. math:: \bar x = \sqrt n\, \partial f / \partial x \quad \text{for an output } f = v^\top y / \sqrt n, \qquad
              \bar x = n\, \partial \theta / \partial x \quad \text{for a C-var } \theta

    for every vector x, n the width: the line named ``"d"`` + the name of x, in the shape of x. For a C-var c
    that the objective depends on, ``"d" + name`` is :math:`n^{-1/2} \partial f/\partial c`, or
    :math:`\partial\theta/\partial c` (no line where that is a constant). A matrix W has no line:
    :math:`\partial\theta/\partial W = \sum \bar y x^\top / n` over its products y = W x. Names that are taken get a
    prime more.

    Parameters
    ----------
    prog : Program
        Stays as it is.
    output : str or Var
        The name of an output, or a C-var or its name.
    cotangent : array_like, str or Var, optional
        For an objective with several entries, their weights: what is differentiated is sum(cotangent * objective).
        Numbers that broadcast to its shape, or a C-var of `prog`, taken as constant. By default 1, the sum of
        the entries; where inputs of a batch never meet, that is each entry's own gradient.
    wrt : names or variables, optional
        Differentiate in these alone: only lines between them and the objective get adjoints. By default all.

    Returns
    -------
    Program
        Outputs of the readout that was differentiated are no longer declared, as the backward lines use it; others are.

    Raises
    ------
    ProgramError
        For an objective that is no output or C-var, and for a function without a derivative (step, sign).

    Notes
    -----
    The rules are in `tpcore.program.adjoint`. The result is a program like any other: `tp.limit`, `tp.run` and
    `grad` take it. At a kink a derivative has the value that the activation's ``df`` has. Functions without a
    known derivative: see `tpcore.program.derivative`. Source: Tensor Programs II (arXiv 2006.14548), section A.3, and
    Tensor Programs III (arXiv 2009.10685), for backpropagation as a program.
    """
    check.check_program(prog)
    back = prog.copy(f"{prog.title}, backward")
    out, roots = objective(back, output, prog)
    active = ancestors(back.nodes, roots)
    if wrt is not None:
        chosen = [back.node(w if isinstance(w, str) else prog.node(w).index).index for w in check.listed(wrt)]
        active &= descendants(back.nodes, chosen)
    constants = set(back._constants.values()) - (set() if wrt is None else set(chosen))
    tape = Tape(back, active - constants)
    seed(tape, out, roots[0], weights(back, prog, cotangent, back.nodes[roots[0]].shape))
    tape.run()
    if out is not None:
        back.outputs = {k: o for k, o in back.outputs.items() if o.readout != out.readout}
    return back


def objective(back, output, prog):
    """(output, [features, readout]) or (None, [C-var]) for what `output` names."""
    if isinstance(output, str) and output in back.outputs:
        out = back.outputs[output]
        return out, [out.features, out.readout]
    if getattr(output, "name", None) in back.outputs and hasattr(output, "readout"):
        return objective(back, output.name, prog)
    if isinstance(output, str) and output not in back:
        near = difflib.get_close_matches(output, [*back.outputs, *back._named], n=1)
        known = [*back.outputs, *(n.name for n in back.nodes if n.kind == "C")]
        hint = f"Did you mean {near[0]!r}" if near else f"There are {', '.join(known) or 'none'}"
        fail("grad", "the objective must be an output or a C-var of the program", repr(output), hint)
    if not isinstance(output, str) and not hasattr(output, "kind"):
        fail("grad", "the objective must be an output's name, a C-var or its name", check.describe(output))
    index = prog.node(output).index
    node = back.nodes[index]
    if node.kind != "C":
        hint = {"A": "A matrix is a parameter: name the output whose gradient you want"}.get(
            node.kind, f'Average it, tp.moment({node.name}), or declare prog.output("f", v, {node.name})')
        must = "the objective must be an output or a C-var, which are numbers"
        fail("grad", must, check.describe(back.var(index)), hint)
    return None, [index]


def weights(back, prog, cotangent, shape: tuple[int, ...]):
    """The cotangent as a C-var of `back` or an array of `shape`."""
    if cotangent is None:
        return np.ones(shape)
    if isinstance(cotangent, str) or hasattr(cotangent, "kind"):
        node = back.nodes[prog.node(cotangent).index]
        if node.kind != "C" or not _broadcasts(node.shape, shape):
            fail("grad", f"the cotangent must be a C-var whose shape broadcasts to the objective's {shape}",
                 check.describe(back.var(node.index)))
        return back.var(node.index)
    array = check.checked("grad", checks.array, "cotangent", cotangent)
    if not _broadcasts(array.shape, shape):
        fail("grad", f"the cotangent must broadcast to the objective's shape {shape}", f"shape {array.shape}")
    return np.array(np.broadcast_to(array, shape))


def _broadcasts(own: Sequence[int], shape: Sequence[int]) -> bool:
    try:
        return np.broadcast_shapes(own, shape) == tuple(shape)
    except ValueError:
        return False


def seed(tape: Tape, out, root: int, cotangent) -> None:
    """Start a pass: the adjoint of an output's features and readout, or of the C-var `root`."""
    if out is None:
        shape = tape.shape(root)
        if not isinstance(cotangent, np.ndarray) and cotangent.shape != shape:
            cotangent = times(np.ones(shape), cotangent)
        tape.give_scalar(root, cotangent)
        return
    features, readout = tape.program.var(out.features), tape.program.var(out.readout)
    scaled = times(cotangent, float(features.dim) ** -0.5)
    if isinstance(scaled, np.ndarray) and np.all(scaled == scaled.flat[0]):
        spread = instructions.arrange(readout, np.zeros(features.shape, dtype=np.intp)) if features.shape else readout
        tape.give(out.features, spread, float(scaled.flat[0]))
        if tape.wants(out.readout):
            tape.give(out.readout, features.sum() if features.shape else features, float(scaled.flat[0]))
        return
    spread = times(readout, scaled)
    tape.give(out.features, spread if spread.shape == features.shape else spread + 0.0 * features)
    if tape.wants(out.readout):
        product = times(features, scaled)
        tape.give(out.readout, product.sum() if product.shape else product)


def descendants(nodes, roots: Iterable[int]) -> set[int]:
    """All lines that depend on `roots`, themselves included."""
    found = set(roots)
    for node in nodes:
        if not found.isdisjoint(arguments(node.op)):
            found.add(node.index)
    return found
