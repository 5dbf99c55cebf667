"""The textbook's shortcut as a program: transposes become matrices of their own."""

from __future__ import annotations

from dataclasses import replace

from tpcore.program import ops
from tpcore.program.check import check_program
from tpcore.program.graph import renumbered


def untie(prog):
    """A copy of `prog` in which every matrix that is used both ways has an independent one for its transposed uses.

    This is the gradient independence assumption: the W^T of the backward pass is drawn anew. The limit of the
    copy is that of `prog` where `prog` is BP-like, and in general it is not.

    Parameters
    ----------
    prog : Program
        Stays as it is.

    Returns
    -------
    Program
        With an input ``"W~"`` more for every such W, of the size and the law of W^T; W^T x becomes W~ x. All
        other lines keep their names.

    Notes
    -----
    Source: Tensor Programs II (arXiv 2006.14548), section 3 (the assumption) and appendix A.3 (when it holds).
    """
    check_program(prog)
    nodes = prog.nodes
    ways: dict[int, set[bool]] = {}
    for node in nodes:
        if isinstance(node.op, ops.MatMul):
            ways.setdefault(node.op.matrix, set()).add(node.op.transposed)
    other = prog.copy(f"{prog.title}, transposes untied")
    other._nodes, other._named, other._automatic = [], {}, set()
    place: dict[int, int] = {}
    twin: dict[int, int] = {}
    for node in nodes:
        op = node.op
        if isinstance(op, ops.MatMul) and op.transposed and op.matrix in twin:
            new = ops.MatMul(twin[op.matrix], place[op.x])
        else:
            new = renumbered(op, place.__getitem__)
        place[node.index] = _append(other, replace(node, op=new), node.index in prog._automatic)
        if len(ways.get(node.index, ())) == 2:
            rows, cols = node.dim
            law = ops.MatrixInput(op.variance * rows / cols, rows=cols, cols=rows)
            name = node.name + "~"
            while name in prog or name in prog.outputs:
                name += "~"
            twin[node.index] = _append(other, replace(node, op=law, dim=(cols, rows), name=name), False)
    other._constants = {dim: place[i] for dim, i in prog._constants.items()}
    other.outputs = {
        name: replace(o, readout=place[o.readout], features=place[o.features]) for name, o in prog.outputs.items()
    }
    return other


def _append(program, node: ops.Node, automatic: bool) -> int:
    index = len(program._nodes)
    program._nodes.append(replace(node, index=index))
    program._named[node.name] = index
    if automatic:
        program._automatic.add(index)
    return index
