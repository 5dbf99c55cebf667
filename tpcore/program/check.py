"""The type checker: what each instruction needs, in words where it does not have it.

Rules: Tensor Programs I (arXiv 1910.12478), section 4; dimensions in units of
n as in its appendix F.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from tpcore.errors import Misuse
from tpcore.program import ops
from tpcore.program.graph import ancestors, arguments
from tpcore.program.where import fail

_NAME = re.compile(r"[^\W\d_][\w^.,'~{}\[\]-]*")
_KINDS = {"A": "an A-var (matrix)", "G": "a G-var (vector)", "H": "an H-var (vector)", "C": "a C-var (scalar)"}


def dim_text(dim: float) -> str:
    """A dimension in units of n: n, 2n, n/3, 0.7n."""
    if dim == 1:
        return "n"
    inverse = 1 / dim
    if dim < 1 and abs(inverse - round(inverse)) < 1e-9:
        return f"n/{round(inverse)}"
    return f"{dim:g}n"


def describe(value) -> str:
    """A value in words: name, type and size of a variable, or the type of anything else."""
    kind = getattr(value, "kind", None)
    if kind in _KINDS and hasattr(value, "program"):
        name = f"{value.label}, " if value.label else ""
        if kind == "A":
            return f"{name}{_KINDS[kind]} of size {dim_text(value.rows)} x {dim_text(value.cols)}"
        if kind == "C":
            return f"{name}{_KINDS[kind]}" + (f" of shape {value.shape}" if value.shape else "")
        many = f" x {' x '.join(map(str, value.shape))}" if value.shape else ""
        return f"{name}{_KINDS[kind]} of length {dim_text(value.dim)}{many}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    return f"{type(value).__name__} {value!r}"[:80]


def name(program, what: str, value) -> str:
    """`value` if it can name something new in `program`."""
    stripped = "".join(c for c in value if unicodedata.category(c)[0] != "M") if isinstance(value, str) else ""
    if not _NAME.fullmatch(stripped):
        must = "a name must begin with a letter and go on with letters, digits or _ ^ . , ' ~ - { } [ ]"
        fail(what, must, repr(value))
    if program.taken(value):
        fail(what, "names must be unique in a program", f"{value!r} again", f"Try {value + '2'!r}")
    return value


def one_program(instruction: str, variables: Sequence) -> None:
    """All variables belong to the same program."""
    for v in variables[1:]:
        if v.program is not variables[0].program:
            fail(
                instruction,
                "all variables must belong to one program",
                f"{describe(variables[0])} of {variables[0].program.title!r} and {describe(v)} of {v.program.title!r}",
                "Build both in the same Program",
            )


def vectors(instruction: str, values: Sequence, hint: str = "") -> None:
    """All values are vectors (G or H) of one program and one length."""
    for v in values:
        if getattr(v, "kind", None) not in ("G", "H"):
            fail(instruction, "a vector (G-var or H-var) is needed here", describe(v), hint)
    one_program(instruction, values)
    for v in values[1:]:
        if not math.isclose(v.dim, values[0].dim, rel_tol=1e-12):
            fail(
                instruction,
                "all vectors must have the same length",
                f"{describe(values[0])} and {describe(v)}",
                "Give the inputs the same dim, or use a matrix with these rows and cols between them",
            )


def scalars(instruction: str, values: Sequence, hint: str = "") -> None:
    """All values are C-vars of one program."""
    for v in values:
        if getattr(v, "kind", None) != "C":
            must = "a C-var (a scalar, made by tp.moment, tp.inner or tp.scalar) is needed here"
            fail(instruction, must, describe(v), hint)
    one_program(instruction, values)


def broadcast(instruction: str, values: Sequence) -> tuple[int, ...]:
    """The common shape of blocks, as NumPy broadcasts."""
    try:
        return np.broadcast_shapes(*[v.shape for v in values])
    except ValueError:
        fail(
            instruction,
            "blocks must have shapes that broadcast as in NumPy",
            " and ".join(describe(v) for v in values),
            "X[:, None] adds an axis",
        )


def matmul(matrix, x) -> None:
    """W x: an A-var of size (r, c) and a vector of length c."""
    if getattr(x, "kind", None) == "A":
        fail(
            "MatMul",
            "the right operand must be a vector (G-var or H-var)",
            f"{describe(matrix)} @ {describe(x)}",
            "Multiply a vector by one matrix after the other: W @ (W2 @ x)",
        )
    if getattr(x, "kind", None) == "C":
        must = "the right operand must be a vector (G-var or H-var)"
        fail("MatMul", must, f"{describe(matrix)} @ {describe(x)}", "A scalar multiplies vectors: c * (W @ x)")
    vectors("MatMul", [x], "Random data are input vectors: prog.vector or prog.block")
    one_program("MatMul", [matrix, x])
    if not math.isclose(matrix.cols, x.dim, rel_tol=1e-12):
        fits = math.isclose(matrix.rows, x.dim, rel_tol=1e-12)
        fail(
            "MatMul",
            f"the vector must be as long as the matrix has columns, {dim_text(matrix.cols)}",
            f"{describe(matrix)} and {describe(x)}",
            "The transpose fits: W.T @ x" if fits else "Set rows= and cols= of the matrix or dim= of the vector",
        )


def listed(value) -> list:
    """What the public `names` and `keep` arguments accept, as a list: one name or variable, or several."""
    alone = isinstance(value, str | bytes) or hasattr(value, "kind") or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def checked(instruction: str, build, *args, **options):
    """Call one of `tpcore.checks` and name the instruction in its error."""
    try:
        return build(*args, **options)
    except Misuse as error:
        hint = error.hint
        if "semidefinite" in error.must:
            hint = "Singular is allowed, negative eigenvalues are not: correlations beyond 1 make them"
        fail(instruction, error.must, error.came, hint)


def check_output(program, label: str, v, y, bias_variance: float, bias: str) -> None:
    """What holds of an output when it is written."""
    what = f"Output {label!r}"
    vectors(what, [v, y], "prog.output(name, v, y) is v^T y / sqrt(n) of two vectors")
    node = program.node(v)
    if not isinstance(node.op, ops.GaussianInput) or node.shape != ():
        fail(
            what,
            "the readout must be one input vector",
            describe(v),
            'Make one: v = prog.vector("v"); for the average of a vector take tp.moment',
        )
    column = int(node.op.columns)
    if node.op.group.mean[column] != 0:
        fail(
            what,
            "the readout must have mean 0, since v^T y / sqrt(n) grows like sqrt(n) else",
            f"mean {node.op.group.mean[column]:g} of {node.name}",
            "For v^T y / n take tp.inner(v, y)",
        )
    for other in program.outputs.values():
        if other.bias == bias and other.bias_variance != bias_variance:
            fail(
                what,
                "outputs that share a bias must give it one variance",
                f"{bias_variance:g}, and {other.bias_variance:g} in output {other.name!r}",
                'Name the bias to keep them apart: bias="b2"',
            )


def check_program(program) -> None:
    """What holds of a program: it is one, readouts are used in outputs only and are independent of what they read out.

    Raises
    ------
    ProgramError
        Naming the instruction that breaks it.
    """
    if not isinstance(getattr(program, "nodes", None), list):
        raise Misuse("A tensor program is needed here", describe(program), "Make one: prog = tp.Program()")
    nodes = program.nodes
    outputs = list(program.outputs.values())
    readouts = {out.readout: out for out in outputs}
    if not readouts:
        return
    for node in nodes:
        for i in arguments(node.op):
            if i in readouts:
                fail(
                    f"{type(node.op).__name__} {node.name!r}",
                    f"{nodes[i].name} is the readout of output {readouts[i].name!r}, so nothing else may use it",
                    hint="Use another input vector here, or average with tp.inner instead of an output",
                    where=node.where,
                )
    for out in outputs:
        if out.features in readouts:
            features = nodes[out.features]
            must = f"{features.name} is a readout, so it may not be read out"
            fail(f"Output {out.name!r}", must, hint="v^T v / n is tp.inner(v, v)", where=features.where)
    for node in (nodes[i] for i in sorted(ancestors(nodes, [out.features for out in outputs]))):
        if isinstance(node.op, ops.GaussianInput):
            for i, out in readouts.items():
                _independent(nodes[i], node, out)


def _independent(readout: ops.Node, other: ops.Node, out: ops.Output) -> None:
    group = readout.op.group
    if other.op.group is not group:
        return
    cov = group.cov[int(readout.op.columns), np.ravel(other.op.columns)]
    if np.any(cov != 0):
        fail(
            f"Output {out.name!r}",
            f"its readout {readout.name} must be independent of the inputs that outputs are made of",
            f"covariance {cov[np.argmax(np.abs(cov))]:g} with {other.name}",
            "Give the readout its own prog.vector",
            where=readout.where,
        )
