"""Variables of a program: A-vars (`Matrix`), G- and H-vars (`Vector`) and C-vars (`Scalar`).

A variable is a symbol. Operators on it write instructions into its program;
numbers come from `tp.run`, laws from `tp.limit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from tpcore import activations
from tpcore.program import check, instructions
from tpcore.program.arithmetic import Operators
from tpcore.program.where import fail


class Var(Operators):
    """A variable of a program.

    Attributes
    ----------
    program : Program
        To which it belongs.
    kind : {"A", "G", "H", "C"}
        Its type.
    shape : tuple of int
        Of the block (vectors) or of the scalars; ``()`` for one.
    """

    __slots__ = ("__weakref__", "_index", "kind", "program", "shape")

    def __init__(self, program, index: int | None, kind: str, shape: tuple[int, ...]):
        self.program, self._index, self.kind, self.shape = program, index, kind, shape

    @property
    def index(self) -> int:
        """Number of its line in ``program.nodes``."""
        return self._index

    @property
    def name(self) -> str:
        """Its name, given by `Program.name` or made by the program."""
        return self.program.nodes[self.index].name

    @property
    def label(self) -> str:
        """Its name, or "" for a sum that is not yet a line of the program."""
        return "" if self._index is None else self.program._nodes[self._index].name

    def __repr__(self) -> str:
        return f"<{check.describe(self)}>"

    def _refuse(self, what: str, hint: str):
        fail(what, "a variable of a program is a symbol and has no numbers yet", check.describe(self), hint)

    def __bool__(self):
        self._refuse("bool",
                     "Conditions on coordinates go into a function: tp.nonlin(lambda s: np.where(s > 0, s, 0), x)")

    def _compare(self, other):
        self._refuse("Comparison", "tp.step(x) is 1 where x > 0; else write it into a function for tp.nonlin")

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def __float__(self):
        self._refuse("float", "tp.run(prog, width).scalar(name) gives a number, tp.limit(prog).scalar(name) its limit")

    __int__ = __complex__ = __float__

    def __iter__(self):
        self._refuse("iteration", "Take the vectors of a block one by one: X[0], X[1]")

    def _apply_activation(self, activation) -> Var:
        return nonlin(activation, self)


class Matrix(Var):
    """An A-var or its transpose; ``W @ x`` multiplies, ``W.T`` transposes."""

    __slots__ = ("cols", "rows", "transposed")

    def __init__(self, program, index: int, rows: float, cols: float, transposed: bool = False):
        super().__init__(program, index, "A", ())
        self.rows, self.cols, self.transposed = rows, cols, transposed

    @property
    def T(self) -> Matrix:
        """The transpose (Trsp); ``W.T.T`` is W."""
        return Matrix(self.program, self._index, self.cols, self.rows, not self.transposed)

    @property
    def label(self) -> str:
        """Its name, with a T for a transpose."""
        return self.program._nodes[self._index].name + ("\u1d40" if self.transposed else "")

    def _apply_activation(self, activation) -> Var:
        fail("Nonlin", "activations act on vectors", check.describe(self), "Multiply first: phi(W @ x)")

    def __getitem__(self, key):
        fail("Reshape", "a matrix of the program has no entries to pick", check.describe(self), "Multiply: W @ x")


class Vector(Var):
    """A G- or H-var, or a block of them with ``shape``; ``X[0]``, ``X[:, 1]`` pick vectors of a block."""

    __slots__ = ("_order", "_terms", "_where", "dim")

    def __init__(self, program, index, kind, shape, dim, terms: dict[int, float] | None = None, where: str = ""):
        super().__init__(program, index, kind, shape)
        self.dim, self._terms, self._where = dim, terms, where

    @property
    def index(self) -> int:
        """Number of its line in ``program.nodes``; a sum becomes a line when it is first used."""
        if self._index is None:
            self.program._settle(self)
        return self._index

    def _linear(self) -> dict[int, float]:
        """Coefficients by line: of the sum that it is, or itself."""
        return self._terms if self._index is None else {self._index: 1.0}

    @property
    def T(self):
        """Refused: vectors are columns."""
        fail("Trsp", "only a matrix has a transpose", check.describe(self),
             "x^T y / n is tp.inner(x, y); X.transpose() reorders the axes of a block")

    def __getitem__(self, key) -> Vector:
        if not self.shape:
            fail("Reshape", "only a block can be indexed, by its vectors and never by coordinates",
                 check.describe(self), "Numbers of single coordinates come from tp.run(prog, width)[name]")
        try:
            index = instructions.columns(self)[key]
        except (IndexError, TypeError, ValueError):
            fail("Reshape", f"the index must fit the block's shape {self.shape}", repr(key))
        return instructions.arrange(self, index)

    def reshape(self, *shape) -> Vector:
        """The same vectors in another shape, as NumPy's reshape."""
        try:
            index = instructions.columns(self).reshape(*shape)
        except (TypeError, ValueError) as error:
            fail("Reshape", f"the shape must hold the block's {self.shape}", f"{shape} ({error})")
        return instructions.arrange(self, index)

    def transpose(self, *axes) -> Vector:
        """The block with its axes in another order, as NumPy's transpose."""
        try:
            index = instructions.columns(self).transpose(*axes)
        except (TypeError, ValueError) as error:
            fail("Reshape", f"the axes must be those of the block's shape {self.shape}", f"{axes} ({error})")
        return instructions.arrange(self, index)

    def sum(self, axis=None) -> Vector:
        """Sum over axes of the block (not over coordinates)."""
        return instructions.reduce_axes(self, axis, average=False)

    def mean(self, axis=None) -> Vector:
        """Average over axes of the block (not over coordinates: that is `moment`)."""
        return instructions.reduce_axes(self, axis, average=True)


class Scalar(Var):
    """A C-var: one scalar, or an array of them with ``shape``."""

    __slots__ = ()
    dim = 0.0

    def __getitem__(self, key) -> Scalar:
        return instructions.item(self, key)

    def sum(self, axis=None) -> Scalar:
        """Sum over axes."""
        return instructions.scalar(partial(np.sum, axis=axis), [self], label="sum", structure="sum")

    def mean(self, axis=None) -> Scalar:
        """Average over axes."""
        return instructions.scalar(partial(np.mean, axis=axis), [self], label="mean", structure="sum")


def _resolve(fn, args: Sequence) -> tuple[Callable, dict]:
    """A function and what is known of it, from a callable, an activation or an activation's name."""
    if isinstance(fn, str):
        fn = activations.get(fn)
    if isinstance(fn, activations.Activation):
        known = {"label": fn.label, "activation": fn}
        if len(args) != 1:
            fail("Nonlin", f"the activation {fn.label} takes one vector", f"{len(args)} arguments")
        return fn.f, known
    if not callable(fn):
        fail("Nonlin", "the first argument must be a function", check.describe(fn), "tp.nonlin(np.tanh, x)")
    return fn, {}


def _params(params) -> list:
    return list(params) if isinstance(params, list | tuple) else [params]


def _separate(instruction: str, args, params) -> list:
    params = _params(params)
    for v in args:
        if getattr(v, "kind", None) == "C":
            fail(instruction, "its arguments must be vectors", check.describe(v), instructions.SCALAR_HINT)
    if not args:
        fail(instruction, "it needs at least one vector", "none", "Functions of C-vars alone are tp.scalar(fn, c)")
    return params


def nonlin(fn: Callable | str, *args: Vector, params: Sequence[Scalar] = ()) -> Var:
    """Apply a function coordinatewise: Nonlin, or Nonlin+ with `params`.

    Parameters
    ----------
    fn : callable, Activation or str
        ``fn(*vectors, *params)`` on NumPy arrays: vectors as (points, *shape), C-vars in their own shape; returns
        (points, *shape of the result). It may meet the vectors of a block, never different coordinates.
    *args : Vector
        Of one program and one length; their blocks broadcast.
    params : list of Scalar
        C-vars.

    Returns
    -------
    Vector
        An H-var. (A named activation of a single C-var gives a C-var.)

    Raises
    ------
    ProgramError
        Naming the instruction, its line and what to do.

    Source: Tensor Programs I (arXiv 1910.12478), section 4.
    """
    call, known = _resolve(fn, args)
    if "activation" in known and args[0].__class__ is Scalar:
        return instructions.scalar(call, args, **known)
    params = _params(params)
    params = _separate("Nonlin+" if params else "Nonlin", args, params)
    return instructions.nonlin(call, args, params, **known)


def _itself(x):
    return x


def moment(fn, *args: Vector, params: Sequence[Scalar] = ()) -> Scalar:
    """(1/length) sum over coordinates of ``fn(args...; params...)``, or of a vector: ``moment(x)``.

    Parameters
    ----------
    fn : callable, Activation, str or Vector
        As for `nonlin`; a vector alone is averaged itself.
    *args, params
        As for `nonlin`.

    Returns
    -------
    Scalar
        A C-var with the shape of the function's block.
    """
    if isinstance(fn, Var):
        if args:
            fail("Moment", "moment takes one vector, or a function and its vectors", f"{len(args) + 1} variables",
                 "tp.moment(x * y), or tp.inner(x, y)")
        check.vectors("Moment", [fn], "A C-var is an average already")
        return instructions.moment(_itself, [fn], label="id", formula="{0}", structure="sum", elementwise=True)
    call, known = _resolve(fn, args)
    return instructions.moment(call, args, _separate("Moment", args, params), **known)


def inner(x: Vector, y: Vector) -> Scalar:
    """x^T y / length of two vectors; for blocks (p,) and (q,) the p * q scalars, shape (p, q)."""
    return instructions.inner(x, y)


def scalar(fn: Callable, *cvars: Scalar) -> Scalar:
    """``fn(*cvars)``: a function of C-vars alone, on arrays of their shapes (softmax of logits, say)."""
    call, known = _resolve(fn, cvars)
    if not cvars:
        fail("Scalar", "it needs at least one C-var", "none", "Numbers are used as they are")
    return instructions.scalar(call, cvars, **known)


def stack(variables: Sequence[Var], new_axis: bool = True) -> Var:
    """Vectors side by side as one block, along a new last axis or (``new_axis=False``) joined along the last axis.

    C-vars can be stacked too, along a new last axis.
    """
    variables = check.listed(variables)
    if not variables:
        fail("Stack", "it needs at least one variable", "an empty list")
    if all(getattr(v, "kind", None) == "C" for v in variables):
        return instructions.scalar(_stacked, variables, label="stack", structure="sum")
    return instructions.stack(variables, new_axis)


def _stacked(*values):
    return np.stack(np.broadcast_arrays(*values), axis=-1)


__all__ = ["Matrix", "Scalar", "Var", "Vector", "inner", "moment", "nonlin", "scalar", "stack"]
