"""`Program`: the builder of tensor programs."""

from __future__ import annotations

import dataclasses
import difflib
import math
import threading
import weakref
from collections.abc import Sequence

import numpy as np

from tpcore import checks
from tpcore.program import check, inputs, ops
from tpcore.program.graph import is_input
from tpcore.program.variables import Matrix, Scalar, Var, Vector
from tpcore.program.where import fail, here


class Program:
    """A straight-line tensor program (Tensor Programs I, arXiv 1910.12478, section 4).

    Inputs come from `matrix`, `vector`, `vectors` and `block`; operators and
    `tp.nonlin`, `tp.moment`, `tp.inner`, `tp.scalar`, `tp.stack` write the
    body; `output` declares v^T y / sqrt(n). ``print(prog)`` shows the typed
    listing, ``prog.fragment`` the language that it belongs to. Lengths are
    in units of the width n.

    Parameters
    ----------
    name : str
        A title for the listing.

    Attributes
    ----------
    title : str
    outputs : dict of str to ops.Output
        In the order in which they were declared.
    """

    def __init__(self, name: str = "program"):
        self.title = str(name)
        self.outputs: dict[str, ops.Output] = {}
        self._nodes: list[ops.Node] = []
        self._named: dict[str, int] = {}
        self._automatic: set[int] = set()
        self._constants: dict[float, int] = {}
        self._labels: dict = {}
        self._pending: weakref.WeakValueDictionary[int, Vector] = weakref.WeakValueDictionary()
        self._sums = self._body = 0
        self._lock = threading.RLock()

    # ---- inputs -------------------------------------------------------------------------------------------

    def matrix(self, name: str, variance: float = 1.0, rows: float = 1.0, cols: float = 1.0) -> Matrix:
        """An A-var of size rows n x cols n with iid entries N(0, variance / (cols n))."""
        what = f"Input {name!r}"
        check.name(self, what, name)
        variance = check.checked(what, checks.real, "variance", variance, 0.0)
        rows, cols = (check.checked(what, inputs.length, w, v) for w, v in (("rows", rows), ("cols", cols)))
        return self._emit(ops.MatrixInput(variance, rows, cols), "A", (), (rows, cols), name)

    def vector(self, name: str, mean: float = 0.0, variance: float = 1.0, dim: float = 1.0) -> Vector:
        """An input G-var of length dim n with iid coordinates N(mean, variance)."""
        what = f"Input {name!r}"
        mean = check.checked(what, checks.real, "mean", mean)
        variance = check.checked(what, checks.real, "variance", variance, 0.0)
        return self.block(name, mean, [[variance]], (), dim)

    def vectors(self, names: str | Sequence[str], mean=0.0, cov=None, dim: float = 1.0) -> tuple[Vector, ...]:
        """Input G-vars whose coordinates are iid N(mean, cov) together; cov (k, k) may be singular.

        Parameters
        ----------
        names : str or sequence of str
            ``"u v"``.
        mean : float or (k,) array
        cov : (k, k) array, optional
            The identity if it is not given.
        dim : float
            Length in units of n.
        """
        names = names.replace(",", " ").split() if isinstance(names, str) else check.listed(names)
        what = f"Input {' '.join(map(str, names))!r}"
        if not names:
            fail(what, "at least one name is needed", "none", 'prog.vectors("u v")')
        for i, name in enumerate(names):
            check.name(self, what, name)
            if name in names[:i]:
                fail(what, "names must be unique in a program", f"{name!r} twice")
        group = inputs.gaussian_group(what, mean, np.eye(len(names)) if cov is None else cov, len(names), dim)
        made = [ops.GaussianInput(group, np.array(i)) for i in range(len(names))]
        return tuple(self._emit(op, "G", (), group.dim, name) for op, name in zip(made, names, strict=True))

    def block(
        self, name: str, mean=0.0, cov=1.0, shape: int | tuple[int, ...] | None = None, dim: float = 1.0
    ) -> Vector:
        """k jointly Gaussian input vectors as one variable of the given shape.

        Parameters
        ----------
        name : str
        mean : float or array
            Of the shape, or (k,), or one number for all.
        cov : (k, k) array or float
            Over the columns in C order; a number stands for that variance and independent columns.
        shape : tuple of int, optional
            (k,) if it is not given; its product is k.
        dim : float
            Length in units of n.
        """
        what = f"Input {name!r}"
        check.name(self, what, name)
        shape = inputs.block_shape(what, cov, shape)
        size = math.prod(shape)
        group = inputs.gaussian_group(what, mean, cov, size, dim)
        columns = np.arange(size).reshape(shape)
        return self._emit(ops.GaussianInput(group, columns), "G", shape, group.dim, name)

    # ---- names, outputs, look-up --------------------------------------------------------------------------

    def name(self, name: str, var: Var) -> Var:
        """Give a variable its name; returns the variable."""
        what = f"Name {name!r}"
        check.name(self, what, name)
        if not isinstance(var, Var) or var.program is not self:
            fail(what, "only a variable of this program can be named", check.describe(var))
        index = var.index
        if index not in self._automatic:
            fail(what, "a variable has one name", check.describe(var), "1 * x gives a vector a second line to name")
        self._rename(index, name)
        self._automatic.discard(index)
        return var

    def output(self, name: str, v: Vector, y: Vector, bias_variance: float = 0.0, bias: str = "") -> ops.Output:
        """Declare the output v^T y / sqrt(length) + N(0, bias_variance), one for each vector of a block y.

        Parameters
        ----------
        name : str
        v : Vector
            The readout: a zero-mean input vector used nowhere else but in outputs.
        y : Vector
        bias_variance : float
        bias : str, optional
            Outputs with the same `bias` add the same draw of the bias. Without it, those with the same readout do.
        """
        what = f"Output {name!r}"
        check.name(self, what, name)
        bias_variance = check.checked(what, checks.real, "bias_variance", bias_variance, 0.0)
        check.vectors(what, [v, y], "prog.output(name, v, y) is v^T y / sqrt(n) of two vectors")
        if v.program is not self:
            fail(what, "its vectors must belong to this program", check.describe(v))
        bias = str(bias) or f"bias of {v.name}"
        check.check_output(self, name, v, y, bias_variance, bias)
        self.outputs[name] = ops.Output(name, v.index, y.index, bias_variance, bias)
        return self.outputs[name]

    def taken(self, name: str) -> bool:
        """Is the name in use, by a variable that the user named or by an output?"""
        if not isinstance(name, str):
            return False
        index = self._named.get(name)
        return name in self.outputs or (index is not None and index not in self._automatic)

    @property
    def nodes(self) -> list[ops.Node]:
        """The lines of the program; read only. Sums that a variable still holds become lines first."""
        if self._pending:
            with self._lock:
                for _, var in sorted(self._pending.items(), key=lambda item: item[0]):
                    self._settle(var)
        return self._nodes

    def node(self, which: str | Var | int) -> ops.Node:
        """The line of a variable, given by its name, itself, or its number."""
        if isinstance(which, Var):
            if which.program is not self:
                fail("Look-up", "the variable must belong to this program", check.describe(which))
            return self._nodes[which.index]
        nodes = self.nodes
        if isinstance(which, int | np.integer) and not isinstance(which, bool):
            if not -len(nodes) <= which < len(nodes):
                fail("Look-up", f"the number of a line must be below {len(nodes)}", repr(which))
            return nodes[which]
        if not isinstance(which, str):
            fail("Look-up", "a variable is found by its name, itself, or the number of its line", check.describe(which))
        if which not in self._named:
            near = difflib.get_close_matches(str(which), self._named, n=1)
            hint = f"Did you mean {near[0]!r}" if near else f"Its names are {', '.join(self._named)}"
            fail("Look-up", f"the program {self.title!r} must have a variable of that name", repr(which), hint)
        return nodes[self._named[which]]

    def __getitem__(self, name: str) -> Var:
        return self._var(self.node(name).index)

    def __contains__(self, name) -> bool:
        return isinstance(name, str) and name in self._named

    def var(self, index: int) -> Var:
        """The variable of line `index`."""
        return self._var(self.node(index).index)

    def copy(self, name: str | None = None) -> Program:
        """A program with the same lines, to go on from; variables are found by name or line."""
        other = Program(self.title if name is None else name)
        other._nodes, other._named, other._automatic = list(self.nodes), dict(self._named), set(self._automatic)
        other.outputs, other._constants, other._labels = dict(self.outputs), dict(self._constants), dict(self._labels)
        other._body = self._body
        return other

    # ---- what it is ---------------------------------------------------------------------------------------

    @property
    def fragment(self) -> str:
        """ "netsor", "netsor+", "netsort" or "netsort+": see `tpcore.program.fragment`."""
        from tpcore.program.fragment import fragment

        return fragment(self)

    def __str__(self) -> str:
        from tpcore.program.listing import text

        check.check_program(self)
        return text(self)

    def __repr__(self) -> str:
        return f"<Program {self.title!r}: {len(self._nodes)} lines, {len(self.outputs)} outputs>"

    def __len__(self) -> int:
        return len(self.nodes)

    def __bool__(self) -> bool:
        return True

    def __getstate__(self) -> dict:
        state = dict(self.__dict__, _nodes=self.nodes)
        del state["_pending"], state["_lock"]
        return state | {"_labels": {}}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _pending=weakref.WeakValueDictionary(), _lock=threading.RLock())

    # ---- for the instructions -----------------------------------------------------------------------------

    def _emit(self, op: ops.Op, kind: str, shape, dim, name: str = "", where: str | None = None) -> Var:
        """Append a line; the variable that it defines."""
        index = len(self._nodes)
        if not is_input(op):
            self._body += 1
        if not name:
            self._automatic.add(index)
            name = self._free(f"{kind.lower()}{self._body}")
        where = here() if where is None else where
        self._displace(name)
        self._nodes.append(ops.Node(index, op, kind, tuple(shape), dim, name, where))
        self._named[name] = index
        return self._var(index)

    def _var(self, index: int) -> Var:
        node = self._nodes[index]
        if node.kind == "A":
            return Matrix(self, index, *node.dim)
        if node.kind == "C":
            return Scalar(self, index, "C", node.shape)
        return Vector(self, index, node.kind, node.shape, node.dim)

    def _sum(self, terms: dict[int, float], kind: str, shape, dim: float) -> Vector:
        """A linear combination that becomes a line when it is used, so that sums of sums are one LinComb."""
        self._sums += 1
        var = Vector(self, None, kind, shape, dim, terms, here())
        var._order = self._sums
        self._pending[var._order] = var
        return var

    def _settle(self, var: Vector) -> None:
        if var._index is None:
            op = ops.LinComb(tuple(var._terms.values()), tuple(var._terms))
            var._index = self._emit(op, var.kind, var.shape, var.dim, where=var._where)._index
        self._pending.pop(var._order, None)

    def _ones(self, dim: float) -> Vector:
        """The constant vector 1 of a length: an input of variance 0."""
        if dim not in self._constants:
            group = ops.GaussianGroup(np.ones(1), np.zeros((1, 1)), dim)
            name = "1" if dim == 1 else f"1_{check.dim_text(dim)}"
            self._constants[dim] = self._emit(ops.GaussianInput(group, np.array(0)), "G", (), dim, name)._index
        return self._var(self._constants[dim])

    def _free(self, name: str) -> str:
        while name in self._named or name in self.outputs:
            name += "'"
        return name

    def _displace(self, name: str) -> None:
        """Make room for a user's name where the program made the same one up."""
        held = self._named.get(name)
        if held is not None:
            self._rename(held, self._free(name))

    def _rename(self, index: int, name: str) -> None:
        self._displace(name)
        del self._named[self._nodes[index].name]
        self._named[name] = index
        self._nodes[index] = dataclasses.replace(self._nodes[index], name=name)
