"""Lines of a program as text: types, laws of inputs, right-hand sides, names of rules."""

from __future__ import annotations

import numpy as np

from tpcore.program import ops
from tpcore.program.check import dim_text

T = "\u1d40"


def over(dim: float) -> str:
    """A dimension as it stands under a fraction bar: n, (2n)."""
    text = dim_text(dim)
    return text if text == "n" else f"({text})"


def type_text(node: ops.Node) -> str:
    """A(n, 2n), G(n), H(n) x 12, C."""
    many = "".join(f" x {s}" for s in node.shape)
    if node.kind == "A":
        return f"A({dim_text(node.dim[0])}, {dim_text(node.dim[1])})"
    return f"C{many}" if node.kind == "C" else f"{node.kind}({dim_text(node.dim)}){many}"


def is_one(node: ops.Node) -> bool:
    """Is it the constant vector 1?"""
    op = node.op
    return isinstance(op, ops.GaussianInput) and not op.group.cov.any() and op.group.mean.tolist() == [1.0]


def law_text(nodes: list[ops.Node], node: ops.Node) -> str:
    """The law of one coordinate (of one entry) of an input; "" for other lines."""
    op = node.op
    if isinstance(op, ops.MatrixInput):
        return f"N(0, {op.variance:g}/{over(op.cols)})"
    if not isinstance(op, ops.GaussianInput):
        return ""
    if is_one(node):
        return "all 1"
    columns = np.ravel(op.columns)
    mean, cov = op.group.mean[columns], op.group.cov[np.ix_(columns, columns)]
    mean_text = f"{mean[0]:g}" if np.all(mean == mean[0]) else "m"
    if len(columns) > 1:
        if np.array_equal(cov, cov[0, 0] * np.eye(len(cov))):
            return f"iid N({mean_text}, {cov[0, 0]:g})"
        return f"N({mean_text}, K), K {len(cov)} x {len(cov)}"
    return f"N({mean_text}, {cov[0, 0]:g})" + _covariances(nodes, node)


def _covariances(nodes: list[ops.Node], node: ops.Node) -> str:
    """Covariances of one input vector with earlier ones of its group."""
    op, found = node.op, []
    for other in nodes[: node.index]:
        if isinstance(other.op, ops.GaussianInput) and other.op.group is op.group and other.shape == ():
            value = op.group.cov[int(op.columns), int(other.op.columns)]
            if value != 0:
                found.append(f"{value:g} with {other.name}")
    if not found:
        return ""
    return ", covariance " + ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")


def rule_text(node: ops.Node) -> str:
    """The instruction's name in the papers; a LinComb with an H-var in it is a Nonlin there."""
    op = node.op
    if isinstance(op, ops.MatrixInput | ops.GaussianInput):
        return "Input"
    if isinstance(op, ops.LinComb | ops.Mix):
        return "LinComb" if node.kind == "G" else "Nonlin"
    if isinstance(op, ops.Reshape | ops.Stack):
        return "Block"
    if isinstance(op, ops.Nonlin):
        return "Nonlin+" if op.params else "Nonlin"
    return "Moment" if isinstance(op, ops.Inner) else type(op).__name__


def op_text(nodes: list[ops.Node], node: ops.Node) -> str:
    """The right-hand side of a line; "" for inputs."""
    op = node.op

    def name(i):
        return nodes[i].name

    match op:
        case ops.MatMul():
            return f"{name(op.matrix)}{T if op.transposed else ''} {name(op.x)}"
        case ops.LinComb():
            return _sum_text(nodes, op)
        case ops.Mix():
            return _mix_text(op, name(op.x))
        case ops.Reshape():
            return _reshape_text(op, name(op.x), nodes[op.x].shape)
        case ops.Stack():
            return f"({(', ' if op.new_axis else ' | ').join(map(name, op.args))})"
        case ops.Nonlin():
            return _call_text(op.function, [name(i) for i in op.args], [name(i) for i in op.params])
        case ops.Moment():
            body = _call_text(op.function, [name(i) for i in op.args], [name(i) for i in op.params])
            return f"1/{over(nodes[op.args[0]].dim)} \u03a3 {body}"
        case ops.Inner():
            return f"{name(op.x)}{T} {name(op.y)} / {over(nodes[op.x].dim)}"
        case ops.Scalar():
            return _call_text(op.function, [name(i) for i in op.params], [])
    return ""


def _sum_text(nodes: list[ops.Node], op: ops.LinComb) -> str:
    text = ""
    for c, i in zip(op.coefficients, op.args, strict=True):
        size = "" if abs(c) == 1 else f"{abs(c):g}"
        term = f"{abs(c):g}" if is_one(nodes[i]) else f"{size} {nodes[i].name}".strip()
        sign = "-" if c < 0 else "+"
        text += f" {sign} {term}" if text else f"-{term}" if c < 0 else term
    return text


def _mix_text(op: ops.Mix, x: str) -> str:
    matrix = op.matrix
    if matrix.ndim == 1 and np.all(matrix == 1.0):
        return f"sum({x})"
    if matrix.ndim == 1 and np.all(matrix == 1.0 / len(matrix)):
        return f"mean({x})"
    return f"{x} [{' x '.join(map(str, matrix.shape))}]"


def _reshape_text(op: ops.Reshape, x: str, shape: tuple[int, ...]) -> str:
    index = op.index
    if index.ndim == 0:
        return f"{x}[{', '.join(str(int(i)) for i in np.unravel_index(int(index), shape))}]"
    if np.array_equal(index.ravel(), np.arange(int(np.prod(shape, dtype=int)))):
        return f"{x} as {' x '.join(map(str, index.shape))}"
    arranged = f" as {' x '.join(map(str, index.shape))}" if index.ndim > 1 else ""
    return f"{x}[columns {_runs(index.ravel())}]{arranged}"


def _runs(flat: np.ndarray) -> str:
    """Column numbers, shortened."""
    numbers = [str(int(i)) for i in flat]
    return ", ".join(numbers if len(numbers) <= 6 else [*numbers[:4], "...", numbers[-1]])


def _call_text(function: ops.Function, args: list[str], params: list[str]) -> str:
    if function.formula is not None:
        return function.formula.format(*args, *params)
    return f"{function.label}({', '.join(args)}{'; ' if params else ''}{', '.join(params)})"


def output_text(nodes: list[ops.Node], out: ops.Output) -> str:
    """v^T y / sqrt(n), with its bias."""
    bias = f" + N(0, {out.bias_variance:g})" if out.bias_variance else ""
    return f"{nodes[out.readout].name}{T} {nodes[out.features].name} / \u221a{over(nodes[out.features].dim)}{bias}"


def line_numbers(nodes: list[ops.Node]) -> dict[int, int]:
    """Number of each line of the body, from 1."""
    body = [node.index for node in nodes if rule_text(node) != "Input"]
    return {index: line for line, index in enumerate(body, 1)}


def cite(nodes: list[ops.Node], node: ops.Node) -> str:
    """A line in a sentence: line 3, `h := W x`."""
    number = line_numbers(nodes).get(node.index)
    place = f"line {number}, " if number else ""
    return f"{place}`{node.name} := {op_text(nodes, node)}`" if number else f"input `{node.name}`"
