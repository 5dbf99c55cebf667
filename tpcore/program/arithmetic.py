"""Python's operators on variables, each turned into the instruction that it means.

Vectors: sums and multiples by numbers are LinComb, everything else is Nonlin
(Nonlin+ with a C-var in it). C-vars: Scalar. A-vars: ``@`` on a vector alone.
"""

from __future__ import annotations

import numbers
import operator
from functools import partial

import numpy as np

from tpcore.activations import NAMED
from tpcore.program import check, instructions
from tpcore.program.where import fail

_CALLS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "@": np.matmul,
}
_UFUNCS = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.true_divide: "/",
    np.power: "**",
    np.matmul: "@",
}
_STRUCTURE = {"+": "sum", "-": "sum", "*": "product", "/": "product", "**": "opaque", "@": "product"}


def _left(call, constant, x):
    return call(constant, x)


def _right(call, constant, x):
    return call(x, constant)


def _formula(symbol: str) -> str:
    return {"@": "{{0}} {{1}}", "**": "{{0}}^{{1}}"}.get(symbol, f"{{{{0}}}} {symbol} {{{{1}}}}").format()


def _short(value) -> str:
    return f"{value:g}" if np.ndim(value) == 0 else f"[{' x '.join(map(str, np.shape(value)))}]"


class Operators:
    """What `Var` inherits: the operators, and NumPy's, which are refused with a word on what to do."""

    __slots__ = ()
    __array_priority__ = 1000

    def __add__(self, other):
        return binary("+", self, other)

    def __radd__(self, other):
        return binary("+", other, self)

    def __sub__(self, other):
        return binary("-", self, other)

    def __rsub__(self, other):
        return binary("-", other, self)

    def __mul__(self, other):
        return binary("*", self, other)

    def __rmul__(self, other):
        return binary("*", other, self)

    def __truediv__(self, other):
        return binary("/", self, other)

    def __rtruediv__(self, other):
        return binary("/", other, self)

    def __pow__(self, other):
        return binary("**", self, other)

    def __rpow__(self, other):
        return binary("**", other, self)

    def __matmul__(self, other):
        return binary("@", self, other)

    def __rmatmul__(self, other):
        return binary("@", other, self)

    def __neg__(self):
        return binary("*", -1.0, self)

    def __pos__(self):
        return self

    def __abs__(self):
        _refuse(self, "abs", "Use tp.scalar(np.abs, c)" if self.kind == "C" else "Use tp.abs(x)")

    def _no_operator(self, *others):
        _refuse(self, "Operator", f"Such a function is written out: {_written('lambda s: s // 2', self)}")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __round__ = _no_operator

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        symbol = _UFUNCS.get(ufunc)
        if method == "__call__" and not kwargs and symbol and len(inputs) == 2:
            return binary(symbol, *inputs)
        if method == "__call__" and not kwargs and ufunc is np.negative:
            return -self
        _refuse_numpy(self, f"np.{ufunc.__name__}")

    def __array_function__(self, function, types, args, kwargs):
        _refuse_numpy(self, f"np.{function.__name__}")

    def __array__(self, dtype=None, copy=None):
        _refuse_numpy(self, "np.asarray")


def _refuse_numpy(var, what: str):
    bare = what.removeprefix("np.")
    if bare in ("sum", "mean", "average"):
        hint = f"tp.moment averages over coordinates; X.{'mean' if bare == 'average' else bare}(axis) runs over a block"
    elif bare in ("stack", "concatenate", "hstack", "vstack", "column_stack", "array", "asarray"):
        hint = "tp.stack puts vectors side by side; numbers come from tp.run(prog, width)"
    elif bare in ("dot", "inner", "vdot", "einsum", "tensordot"):
        hint = "tp.inner(x, y) is x^T y / n, W @ x a matrix times a vector"
    else:
        named = bare in NAMED and var.kind != "C"
        hint = f"Use {f'tp.{bare}(x), or ' * named}{_written(what, var)}"
    _refuse(var, what, hint)


def _written(function: str, var) -> str:
    """The instruction with that function of a variable."""
    return f"tp.scalar({function}, c)" if var.kind == "C" else f"tp.nonlin({function}, x)"


def _refuse(var, what: str, hint: str):
    fail(what, "a variable of a program is a symbol and has no numbers yet", check.describe(var), hint)


def sort_of(value) -> str | None:
    """A, V (vector), C, n (number), a (array), or None."""
    if isinstance(value, Operators):
        return {"A": "A", "C": "C"}.get(value.kind, "V")
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, numbers.Real | np.number) and not isinstance(value, np.complexfloating):
        return "n"
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return "a" if value.ndim else "n"
    return None


def _instruction(symbol: str, sorts: str) -> str:
    if symbol == "@":
        return "MatMul"
    if sorts.strip("C") == "" or "V" not in sorts and "A" not in sorts:
        return "Scalar"
    return "LinComb" if symbol in "+-" or "n" in sorts else "Nonlin"


def binary(symbol: str, a, b):
    """The variable that ``a symbol b`` means."""
    sorts = (sort_of(a) or "?") + (sort_of(b) or "?")
    if "?" in sorts:
        other = b if sorts[0] != "?" else a
        fail(
            _instruction(symbol, sorts.replace("?", "n")),
            f"{symbol} takes variables of the program, real numbers and NumPy arrays",
            check.describe(other),
            "np.asarray(list) makes an array" if isinstance(other, list | tuple) else "",
        )
    for value in (a, b):
        if sort_of(value) in "na" and not np.all(np.isfinite(np.asarray(value, float))):
            fail(_instruction(symbol, sorts), "numbers in a program must be finite", check.describe(value))
    a, b = (float(v) if s == "n" else v for v, s in zip((a, b), sorts, strict=True))
    if not set(sorts) & set("na"):
        check.one_program(_instruction(symbol, sorts), [a, b])
    if "A" in sorts:
        return _matrix(symbol, a, b, sorts)
    if symbol == "@":
        return _at(a, b, sorts)
    if "V" not in sorts:
        return _scalars(symbol, a, b, sorts)
    if symbol in "+-":
        return _sum(symbol, a, b, sorts)
    return _product(symbol, a, b, sorts)


def _matrix(symbol: str, a, b, sorts: str):
    if symbol == "@" and sorts[0] == "A":
        if sorts[1] in "na":
            fail("MatMul", "a matrix of the program multiplies a vector of the program", check.describe(b),
                 "Random data are input vectors: prog.vector or prog.block")
        return instructions.matmul(a, b)
    if symbol == "@":
        fail("MatMul", "the matrix stands to the left of the vector", f"{check.describe(a)} @ {check.describe(b)}",
             "x^T W is W.T @ x")
    fail(
        _instruction(symbol, "V" + sorts.replace("A", "")),
        f"an A-var (matrix) can only multiply vectors; {symbol} needs vectors or scalars",
        f"{check.describe(a)} {symbol} {check.describe(b)}",
        "Combine the images: (W @ x + W.T @ x) / 2, or give the matrix its variance when you make it",
    )


def _at(a, b, sorts: str):
    if sorts == "VV":
        fail("MatMul", "the left operand of @ must be a matrix", f"{check.describe(a)} @ {check.describe(b)}",
             "tp.inner(x, y) is x^T y / n; tp.moment(x * y) the average of the product; x * y the product itself")
    if sorts == "Va":
        return instructions.mix(a, b)
    if sorts == "aV":
        fail("Mix", "a small matrix stands to the right of the block: the columns are mixed", check.describe(a),
             "Write X @ A.T")
    if sorts == "VC":
        return _mix_by_scalars(a, b)
    if sorts in ("CC", "Ca", "aC"):
        return _scalars("@", a, b, sorts)
    fail("MatMul", "@ multiplies a matrix and a vector, or a block and a small matrix",
         f"{check.describe(a)} @ {check.describe(b)}", "Scalars multiply with *")


def _mix_by_scalars(x, c):
    if not x.shape or not c.shape or c.shape[0] != x.shape[-1] or len(c.shape) > 2:
        fail("Nonlin+", "X @ C mixes the columns of a block: C must have one row for each column",
             f"{check.describe(x)} and {check.describe(c)}", "A single C-var multiplies with *")
    call = _mix_vectors if len(x.shape) == 1 else np.matmul
    return instructions.nonlin(call, [x], [c], label="mix", formula="{0} {1}", structure="product", mixing=True,
                               shape=x.shape[:-1] + c.shape[1:])


def _mix_vectors(x, c):
    return x.reshape(len(x), -1) @ c


def _scalars(symbol: str, a, b, sorts: str):
    call = _CALLS[symbol]
    if sorts == "CC":
        return instructions.scalar(call, [a, b], label=symbol, formula=_formula(symbol), structure=_STRUCTURE[symbol])
    left = sorts[1] == "C"
    constant, var = (a, b) if left else (b, a)
    if symbol == "/" and not left and np.any(constant == 0):
        fail("Scalar", "a C-var cannot be divided by zero", check.describe(constant))
    template = _formula(symbol)
    pieces = (_short(constant), "{0}") if left else ("{0}", _short(constant))
    function = partial(_left if left else _right, call, constant)
    structure = "product" if symbol in "*/@" else "opaque"
    return instructions.scalar(function, [var], label=symbol, formula=template.format(*pieces), structure=structure)


def _sum(symbol: str, a, b, sorts: str):
    sign = -1.0 if symbol == "-" else 1.0
    if "C" in sorts:
        vector, c = (a, b) if sorts[0] == "V" else (b, a)
        if sorts[0] == "V":
            return instructions.nonlin(_CALLS[symbol], [vector], [c], label=symbol, formula=_formula(symbol),
                                       structure="sum", elementwise=True)
        return instructions.nonlin(partial(_swapped, _CALLS[symbol]), [vector], [c], label=symbol,
                                   formula=_formula(symbol).format("{1}", "{0}"), structure="sum", elementwise=True)
    terms = []
    vector = a if sorts[0] == "V" else b
    for coefficient, value, sort in ((1.0, a, sorts[0]), (sign, b, sorts[1])):
        if sort == "V":
            terms.append((coefficient, value))
        elif sort == "n":
            terms.append((coefficient * value, vector.program._ones(vector.dim)))
        else:
            terms.append((coefficient, instructions.scale(vector.program._ones(vector.dim), value)))
    return instructions.linear(terms)


def _swapped(call, x, c):
    return call(c, x)


def _product(symbol: str, a, b, sorts: str):
    if symbol == "*" and sorts in ("Vn", "nV"):
        return instructions.linear([(b, a) if sorts == "Vn" else (a, b)])
    if symbol == "*" and sorts in ("Va", "aV"):
        return instructions.scale(a, b) if sorts == "Va" else instructions.scale(b, a)
    if symbol == "/" and sorts in ("Vn", "Va"):
        if np.any(b == 0):
            fail("LinComb", "a vector cannot be divided by zero", check.describe(b))
        return instructions.linear([(1.0 / b, a)]) if sorts == "Vn" else instructions.scale(a, 1.0 / b)
    if symbol == "/" and sorts == "aV":
        return instructions.scale(_product("/", 1.0, b, "nV"), a)
    if symbol == "**" and sorts == "Vn":
        return _power(a, b)
    if sorts in ("nV", "aV", "Va"):
        return _with_constant(symbol, a, b, sorts)
    known = dict(label=symbol, formula=_formula(symbol), structure=_STRUCTURE[symbol], elementwise=True)
    if sorts == "VV":
        return instructions.nonlin(_CALLS[symbol], [a, b], **known)
    if sorts == "VC":
        return instructions.nonlin(_CALLS[symbol], [a], [b], **known)
    known["formula"] = known["formula"].format("{1}", "{0}")
    return instructions.nonlin(partial(_swapped, _CALLS[symbol]), [b], [a], **known)


def _with_constant(symbol: str, a, b, sorts: str):
    if "a" in sorts:
        came = f"{check.describe(a)} {symbol} {check.describe(b)}"
        fail("Nonlin", f"{symbol} of a vector needs a number, not an array", came,
             "Use tp.nonlin with the array inside the function")
    function = partial(_left, _CALLS[symbol], a)
    structure = "product" if symbol == "/" else "opaque"
    formula = _formula(symbol).format(_short(a), "{0}")
    return instructions.nonlin(function, [b], label=symbol, formula=formula, structure=structure,
                               elementwise=True)


def _power(x, exponent: float):
    whole = exponent == int(exponent)
    structure = "opaque" if not whole else "product" if int(exponent) % 2 else "even"
    function = partial(_right, _CALLS["**"], int(exponent) if whole and exponent >= 0 else exponent)
    formula = f"{{0}}^{exponent:g}"
    return instructions.nonlin(function, [x], label=f"^{exponent:g}", formula=formula,
                               structure=structure, elementwise=True)
