"""From a program of tpcore back to lines of `tpapp.compute.programs_text`: where that language has its instructions."""

from __future__ import annotations

import re

import numpy as np

from tpapp.compute import programs_text as text
from tpapp.compute.programs_build import FUNCTIONS, SLOPES
from tpcore.activations import NAMED
from tpcore.errors import Misuse
from tpcore.program import ops
from tpcore.program.render import is_one

_FORMULA = re.compile(r"[\s\d.{}+\-*/^()]+|sqrt\(\{0\}\)")


class _Untold(Exception):
    """An instruction that the text has no word for."""


def lines_of(prog) -> list[str] | None:
    """Lines that write the same program, up to the names of unnamed variables; None where a line cannot be told."""
    names = _names(prog)
    try:
        found = [line for node in prog.nodes if (line := _line(prog, node, names))]
        found += [_output(prog, output, names) for output in prog.outputs.values()]
    except _Untold:
        return None
    return found if len(found) <= text.MOST_LINES else None


def _names(prog) -> dict[int, str]:
    """A name of the text for every line of the program: its own, if that can stand there."""
    taken, names = set(prog.outputs), {}
    for node in prog.nodes:
        try:
            name = text.check_name(node.name)
            name = name if name not in FUNCTIONS else f"{name}_"
        except Misuse:
            name = re.sub(r"\W", "", node.name, flags=re.A)[:8] + "_"
            name = name if name[0].isalpha() else f"{node.kind.lower()}{node.index}_"
        while name in taken:
            name += "_"
        taken.add(name)
        names[node.index] = name
    return names


def _number(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def _line(prog, node, names: dict[int, str]) -> str:
    op, nodes = node.op, prog.nodes
    name = names[node.index]
    match op:
        case ops.MatrixInput():
            given = {"variance": (op.variance, 1), "rows": (op.rows, 1), "cols": (op.cols, 1)}
            return f"{name}=matrix({_given(given)})"
        case ops.GaussianInput():
            return _gaussian(prog, node, names)
        case ops.MatMul():
            return f"{name}={names[op.matrix]}{'.T' if op.transposed else ''}@{names[op.x]}"
        case ops.LinComb():
            return f"{name}={_sum(nodes, op, names)}"
        case ops.Nonlin():
            return f"{name}={_function(op.function, [names[i] for i in op.args], [names[i] for i in op.params])}"
        case ops.Moment() if op.function.formula == "{0}":
            return f"{name}=moment({names[op.args[0]]})"
        case ops.Inner():
            return f"{name}=inner({names[op.x]},{names[op.y]})"
        case ops.Scalar():
            return f"{name}={_function(op.function, [names[i] for i in op.params], [])}"
        case ops.Stack() if op.new_axis:
            return f"{name}=stack({','.join(names[i] for i in op.args)})"
        case ops.Reshape() if op.index.ndim == 0 and len(nodes[op.x].shape) == 1:
            return f"{name}={names[op.x]}[{int(op.index)}]"
        case ops.Mix() if op.matrix.ndim == 1 and len(op.matrix) <= 8:
            return f"{name}={names[op.x]}@[{','.join(_number(c) for c in op.matrix)}]"
    raise _Untold(type(op).__name__)


def _given(values: dict[str, tuple[float, float]]) -> str:
    return ",".join(f"{key}={_number(value)}" for key, (value, usual) in values.items() if value != usual)


def _gaussian(prog, node, names: dict[int, str]) -> str:
    """An input; the vectors of one group together, where the first of them stands."""
    if is_one(node):
        return ""
    group = node.op.group
    members = [n for n in prog.nodes if isinstance(n.op, ops.GaussianInput) and n.op.group is group]
    size = len(group.mean)
    if size == 1 and node.shape == ():
        given = {"mean": (float(group.mean[0]), 0), "variance": (float(group.cov[0, 0]), 1), "dim": (group.dim, 1)}
        return f"{names[node.index]}=vector({_given(given)})"
    round_ = not np.any(group.cov - group.cov[0, 0] * np.eye(size))
    if len(members) == 1 and len(node.shape) == 1 and round_ and size <= 8:
        if np.any(group.mean != group.mean[0]):
            raise _Untold("block")
        given = {"mean": (float(group.mean[0]), 0), "cov": (float(group.cov[0, 0]), 1), "shape": (size, 0),
                 "dim": (group.dim, 1)}  # fmt: skip
        return f"{names[node.index]}=block({_given(given)})"
    if any(n.shape for n in members) or [int(n.op.columns) for n in members] != list(range(size)) or size > 8:
        raise _Untold("vectors")
    if members[0] is not node:
        return ""
    mean = ",".join(_number(m) for m in group.mean)
    cov = ",".join("[" + ",".join(_number(c) for c in row) + "]" for row in group.cov)
    dim = "" if group.dim == 1 else f",dim={_number(group.dim)}"
    return f"{','.join(names[n.index] for n in members)}=vectors(mean=[{mean}],cov=[{cov}]{dim})"


def _sum(nodes, op: ops.LinComb, names: dict[int, str]) -> str:
    found = ""
    for c, i in zip(op.coefficients, op.args, strict=True):
        size = _number(abs(c))
        term = size if is_one(nodes[i]) else names[i] if size == "1" else f"{size}*{names[i]}"
        found += f"{'-' if c < 0 else '+' if found else ''}{term}"
    single = len(op.args) == 1 and op.coefficients[0] == 1
    return f"1*{found}" if single else found


def _function(function: ops.Function, args: list[str], params: list[str]) -> str:
    activation = function.activation
    if activation is not None and NAMED.get(activation.name) is activation:
        return f"{activation.name}({args[0]})"
    if activation is not None and activation.form in ("leaky_relu", "hermite"):
        return f"{activation.form}({args[0]},{_number(activation.params[0])})"
    if function.formula is not None and _FORMULA.fullmatch(function.formula) and _plain(function):
        return function.formula.format(*args, *params).replace(" ", "")
    label = {"maximum": "max", "minimum": "min"}.get(function.label, function.label)
    known = label in ("max", "min", "sqrt", "exp", "log") or label in [f"d_{name}" for name in SLOPES]
    if known and not function.mixing:
        return f"{label}({','.join([*args, *params])})"
    slope = label.removesuffix("_slope")
    if label != slope and slope in SLOPES and len(args) == 1 and _agree(function.call, NAMED[slope].df):
        return f"d_{slope}({args[0]})"
    raise _Untold(label)


def _agree(call, other) -> bool:
    x = np.linspace(-3, 3, 41)
    return bool(np.allclose(call(x), other(x), rtol=1e-12, atol=1e-14))


def _plain(function: ops.Function) -> bool:
    """Whether the formula's digits are all there is to it: constants are shortened in listings."""
    return not function.mixing and not re.search(r"\d\.\d{5,}|e", function.formula)


def _output(prog, output: ops.Output, names: dict[int, str]) -> str:
    for other in prog.outputs.values():
        apart = (other.bias == output.bias) != (other.readout == output.readout)
        if apart and (other.bias_variance or output.bias_variance):
            raise _Untold("a bias that other readouts share")
    bias = f",bias_variance={_number(output.bias_variance)}" if output.bias_variance else ""
    return f"{output.name}=output({names[output.readout]},{names[output.features]}{bias})"
