"""The instructions of a tensor program, as data.

A program is a list of nodes in the order in which they were written. A node
holds one instruction (an `Op`) and what the type checker derived from it. Ops
refer to earlier nodes by index, so a program has no cycles, and an
interpreter is one loop with one rule per op.

Vectors are blocks: a node of type G or H with ``shape == (B, T)`` stands for
B * T vectors of one length, stored as an array ``(length, B, T)`` at finite
width; ``shape == ()`` is one vector. Only the first axis is special. A C-var
of shape ``(p, q)`` is p * q scalars.

Types, instructions and fragments: Tensor Programs I (arXiv 1910.12478),
section 4 and appendix E; blocks only abbreviate many equal lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Kind = Literal["A", "G", "H", "C"]


@dataclass(frozen=True, eq=False)
class Function:
    """A coordinatewise function, named for the listing.

    ``call(*vectors, *params)`` gets one array per vector argument, shaped
    ``(points, *shape)``, then one per C-var argument, shaped as the C-var; all
    broadcast as NumPy does: the builder wraps ``call`` where the blocks have
    different numbers of axes and where it returns no float64, so that an
    interpreter calls it with the arrays it has. ``activation`` is the `tpcore.activations`
    object when the function is a named activation of a single argument: the
    closed forms hang on it. ``formula`` renders the call for the listing,
    ``"{0} * {1}"``; without it the listing shows ``label(args; params)``.

    ``structure`` is what is known of it in every argument: "product" (it
    changes sign with each argument and parameter: x * y, x / c), "sum" (it
    changes sign with all of them together), "even" (x ** 2), else "opaque".
    ``mixing``: within one coordinate, a column of the result may depend on
    every column of the blocks (batch normalization, X @ C-var), so the result
    need not have the broadcast shape; the shape of the node tells. Functions
    that mix coordinates (the first axis) never get here.
    """

    label: str
    call: Callable
    activation: object | None = None
    formula: str | None = None
    structure: Literal["opaque", "product", "sum", "even"] = "opaque"
    mixing: bool = False


@dataclass(frozen=True, eq=False)
class MatrixInput:
    """A-var: entries iid N(0, variance / (cols * n)), of size rows * n by cols * n."""

    variance: float
    rows: float = 1.0
    cols: float = 1.0


@dataclass(frozen=True, eq=False)
class GaussianGroup:
    """Input vectors that are jointly Gaussian: iid N(mean, cov) over coordinates; cov may be singular.

    A constant vector (the 1 in ``x + 1``) is an input of covariance 0.
    """

    mean: np.ndarray
    cov: np.ndarray
    dim: float = 1.0


@dataclass(frozen=True, eq=False)
class GaussianInput:
    """G-var: the columns ``columns`` (flat indices, reshaped to the node's shape) of a group."""

    group: GaussianGroup
    columns: np.ndarray


@dataclass(frozen=True, eq=False)
class MatMul:
    """W x, or W^T x when ``transposed``: A-var and H-var to G-var."""

    matrix: int
    x: int
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class LinComb:
    """sum_i coefficients[i] * args[i], shapes broadcast as in NumPy; G of G-vars, else H."""

    coefficients: tuple[float, ...]
    args: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Mix:
    """X @ matrix over the last axis of a block: linear combinations of its columns.

    A ``matrix`` of one axis drops the last axis of X, as NumPy's ``@`` does; of two, (k, m), replaces k by m.
    """

    x: int
    matrix: np.ndarray


@dataclass(frozen=True, eq=False)
class Reshape:
    """The same vectors in another arrangement: ``index`` picks flat columns of X into an array of indices."""

    x: int
    index: np.ndarray


@dataclass(frozen=True, eq=False)
class Stack:
    """Blocks or vectors side by side along a new last axis (``new_axis``) or an existing last axis."""

    args: tuple[int, ...]
    new_axis: bool = True


@dataclass(frozen=True, eq=False)
class Nonlin:
    """function(args...; params...), coordinatewise: H-var. With params it is the papers' Nonlin+."""

    function: Function
    args: tuple[int, ...]
    params: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Moment:
    """(1/length) sum_alpha function(args_alpha...; params...): C-var of the broadcast shape."""

    function: Function
    args: tuple[int, ...]
    params: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Inner:
    """X^T Y / length: C-var of shape (p, q) for blocks (p,) and (q,), (p,) or (q,) or () where a side is one vector."""

    x: int
    y: int


@dataclass(frozen=True, eq=False)
class Scalar:
    """function(params...): a C-var made of C-vars (softmax of logits, say); a Moment of no vector."""

    function: Function
    params: tuple[int, ...]


Op = MatrixInput | GaussianInput | MatMul | LinComb | Mix | Reshape | Stack | Nonlin | Moment | Inner | Scalar


@dataclass(frozen=True, eq=False)
class Node:
    """One line of a program.

    Attributes
    ----------
    index : int
        Position in the program.
    op : Op
        The instruction.
    kind : {"A", "G", "H", "C"}
        Its type.
    shape : tuple of int
        Of the block (G, H) or of the scalars (C); ``()`` for one.
    dim : float or tuple of float
        Length in units of n; for an A-var (rows, cols); for a C-var 0.
    name : str
        Given by the user, or made by the program; unique.
    where : str
        ``file:line`` of the user's code that wrote the instruction.
    """

    index: int
    op: Op
    kind: Kind
    shape: tuple[int, ...]
    dim: float | tuple[float, float]
    name: str
    where: str = ""


@dataclass(frozen=True, eq=False)
class Output:
    """v^T y / sqrt(length) plus a bias N(0, bias_variance); y may be a block, then a vector of outputs.

    Every output has a readout v (a zero-mean input vector used nowhere else
    but in outputs). Outputs with equal ``bias`` add the same draw of the bias
    (and have the same variance), all entries of a block too; the builder fills
    ``bias`` in, one for each readout where the user gives none.
    """

    name: str
    readout: int
    features: int
    bias_variance: float = 0.0
    bias: str = field(default="")
