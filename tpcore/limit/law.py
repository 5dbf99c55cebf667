"""The law of a program's vectors at infinite width: what is common to the engines that compute it.

An engine is a subclass that finds a few expectations; everything a user asks
of a limit is put together from them here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from tpcore import activations, checks
from tpcore.errors import Misuse
from tpcore.limit.estimate import Estimate
from tpcore.limit.known import Known, weakest
from tpcore.program import check
from tpcore.program.fragment import explain
from tpcore.program.functions import adapt
from tpcore.program.ops import Function, Node, Output


class Limit(ABC):
    """What the Master Theorem says of a program; made by `tpcore.limit.interpret.limit`.

    Vectors are named by strings or by the program's own variables. For a
    block of shape s results are arrays of that shape (covariances: the shape
    of the one, then of the other), for one vector floats.

    Parameters
    ----------
    prog : Program
    nodes : list of Node
        The lines of the program when its limit was taken.
    notes : list of str
        Kept, not copied: an engine may add to it later.

    Attributes
    ----------
    fragment : str
        Of the program; it decides which theorem is used.
    notes : list of str
        What the theorem asks that cannot be checked, and where accuracy is poor.

    Notes
    -----
    An engine defines `_mean`, `_cov`, `_inner`, `_value`, `_expectation` and `_draws`. Blocks are flat there,
    columns in the C order of the node's shape. A `Known` holds the value, a bound for the absolute error (one number,
    or an array of the value's shape) that counts everything the law of the nodes inherits, and the weakest method.
    """

    def __init__(self, prog, nodes: list[Node], notes: list[str]):
        self._prog, self._nodes, self._said = prog, nodes, notes

    # ---- what an engine finds -----------------------------------------------------------------------------

    @abstractmethod
    def _mean(self, node: Node) -> Known:
        """E Z, shape (size,)."""

    @abstractmethod
    def _cov(self, x: Node, y: Node) -> Known:
        """Cov(Z^x, Z^y), shape (size of x, size of y); symmetric where x is y."""

    @abstractmethod
    def _inner(self, x: Node, y: Node) -> Known:
        """E Z^x Z^y, shape (size of x, size of y); symmetric where x is y."""

    @abstractmethod
    def _value(self, node: Node) -> Known:
        """The limit of a C-var, of the node's shape."""

    @abstractmethod
    def _expectation(self, function: Function, nodes: list[Node], shape: tuple[int, ...]) -> Known:
        """E function(Z^a, Z^b, ...), of shape `shape`; the function takes arrays (points, *shape), one a node."""

    @abstractmethod
    def _draws(self, nodes: list[Node], draws: int, seed: int) -> list[np.ndarray]:
        """Independent draws of the joint law, (draws, size) a node."""

    # ---- what a user asks ---------------------------------------------------------------------------------

    @property
    def fragment(self) -> str:
        return self._prog.fragment

    @property
    def theorem(self) -> str:
        """Which theorem holds of the program, and which of its instructions decides that, in words."""
        return explain(self._prog)

    @property
    def notes(self) -> list[str]:
        return list(self._said)

    def note(self, sentence: str) -> None:
        """Say something once."""
        if sentence not in self._said:
            self._said.append(sentence)

    def __repr__(self) -> str:
        return f"<limit of a {self.fragment} program of {len(self._nodes)} instructions>"

    def mean(self, name) -> float | np.ndarray:
        """E Z of a vector; for a block an array of its shape."""
        node = self._vector(name)
        return _plain(self._mean(node).value, node.shape)

    def cov(self, a, b=None) -> float | np.ndarray:
        """Cov(Z^a, Z^b), shape (*a.shape, *b.shape); b is a by default: a variance, or a block's covariance."""
        x, y = self._vector(a), self._vector(a if b is None else b)
        return _plain(self._cov(x, y).value, (*x.shape, *y.shape))

    def corr(self, a, b) -> float | np.ndarray:
        """Cov(Z^a, Z^b) / sqrt(Var Z^a Var Z^b), shape (*a.shape, *b.shape). Raises where a variance is zero."""
        x, y = self._vector(a), self._vector(b)
        scales = []
        for node in (x, y):
            variance = np.diag(self._cov(node, node).value)
            if np.any(variance <= 0):
                raise Misuse(
                    "A correlation needs vectors of positive variance", f"{node.name}, which is constant in the limit"
                )
            scales.append(np.sqrt(variance))
        value = self._cov(x, y).value / np.multiply.outer(*scales)
        return _plain(np.clip(value, -1.0, 1.0), (*x.shape, *y.shape))

    def expect(self, fn: Callable, *names) -> Estimate:
        """E fn(Z^a, Z^b, ...): the limit of the average of fn over coordinates.

        Parameters
        ----------
        fn : callable, Activation or str
            Takes arrays (points, *shape), one a name, and returns (points, *shape of the result). An activation's name
            will do.
        *names : str or Var

        Returns
        -------
        Estimate
            With ``value``, ``error`` and ``method``; an array for blocks.

        Raises
        ------
        Misuse
            Where the expectation is not finite.
        """
        if not names:
            raise Misuse("expect needs the names of the vectors that fn is a function of", "no name")
        found = [self._vector(name) for name in names]
        fn = activations.get(fn) if isinstance(fn, str) else fn
        label = getattr(fn, "__name__", "fn")
        phi = fn if hasattr(fn, "kinks") and len(found) == 1 else None
        call, shape, _ = adapt("expect", label, fn, [node.shape for node in found], [])
        known = self._expectation(Function(label, call, phi), found, shape)
        return Estimate(_plain(known.value, shape), _error(known, shape), known.method)

    def scalar(self, name) -> float | np.ndarray:
        """The limit of a C-var."""
        node = self._node(name)
        if node.kind != "C":
            raise Misuse(f"{node.name} must be a C-var (a scalar) to have a limit", f"a {node.kind}-var",
                         "Use mean, cov or expect for vectors")
        return _plain(self._value(node).value, node.shape)

    def kernel(self) -> np.ndarray:
        """Covariance of all outputs, stacked in the order in which they were declared (K, K).

        Cov(v) E x x' for outputs v^T x / sqrt(n) and v'^T x' / sqrt(n) (Tensor Programs I, Corollary 5.5 and
        Proposition G.4): zero for independent readouts. Outputs that share a bias add its variance.
        """
        return self._kernel().value

    def sample(self, draws: int, seed: int = 0, names=None) -> dict[str, np.ndarray]:
        """Independent draws of the joint law of Z.

        Parameters
        ----------
        draws : int
        seed : int
        names : iterable of str or Var, optional
            The vectors wanted; all of the program by default.

        Returns
        -------
        dict
            Name to array (draws, *shape).
        """
        draws = checks.integer("draws", draws, 1)
        seed = checks.integer("seed", seed, 0)
        vectors = (node for node in self._nodes if node.kind in ("G", "H"))
        chosen = list(vectors) if names is None else [self._vector(name) for name in check.listed(names)]
        columns = sum(int(np.prod(node.shape)) for node in chosen)
        checks.memory("The draws", draws, 8.0 * max(columns, 1), 2.0 * 2**30)
        found = self._draws(chosen, draws, seed)
        return {node.name: x.reshape(draws, *node.shape) for node, x in zip(chosen, found, strict=True)}

    def method(self, name) -> str:
        """How the law of a variable (or the kernel of an output) was found; the weakest step counts."""
        return self._accuracy(name).method

    def error(self, name) -> float:
        """Estimated absolute error of a C-var, of a vector's second moments, or of an output's variance.

        For a block that of the entry where it is largest.
        """
        return float(np.max(self._accuracy(name).error, initial=0.0))

    # ---- put together -------------------------------------------------------------------------------------

    def _accuracy(self, name) -> Known:
        if isinstance(name, str) and name in self._prog.outputs:
            return self._kernel()
        node = self._node(name)
        if node.kind == "C":
            return self._value(node)
        node = self._vector(name)
        return self._cov(node, node)

    def _kernel(self) -> Known:
        outputs = list(self._prog.outputs.values())
        if not outputs:
            raise Misuse("A kernel needs outputs", "a program without any", 'Declare one with prog.output("f", v, x)')
        rows = [[self._between(o, p) for p in outputs] for o in outputs]
        value = np.block([[known.value for known in row] for row in rows])
        error = np.block([[np.broadcast_to(known.error, known.value.shape) for known in row] for row in rows])
        return Known((value + value.T) / 2, (error + error.T) / 2, weakest(*(k.method for row in rows for k in row)))

    def _between(self, o: Output, p: Output) -> Known:
        """Covariance of two outputs."""
        inner = self._inner(self._nodes[o.features], self._nodes[p.features])
        shared = o.bias_variance if o.bias == p.bias else 0.0
        return self._readout(o, p) * inner + Known(np.full(inner.value.shape, shared))

    def _readout(self, o: Output, p: Output) -> Known:
        """Cov of the readouts of two outputs, spread over their features."""
        sides = []
        for output in (o, p):
            node, features = self._nodes[output.readout], self._nodes[output.features]
            size = int(np.prod(node.shape))
            sides.append(np.broadcast_to(np.arange(size).reshape(node.shape), features.shape).ravel())
            mean = self._mean(node).value
            if np.any(mean != 0):
                raise Misuse(
                    f"The readout of {output.name} must have mean zero: v^T x / sqrt(n) grows like sqrt(n) otherwise",
                    f"mean {mean[mean != 0][0]:g}",
                )
        group = self._nodes[o.readout].op.group
        if group is not self._nodes[p.readout].op.group:
            return Known(np.zeros((len(sides[0]), len(sides[1]))))
        columns = [np.ravel(self._nodes[output.readout].op.columns) for output in (o, p)]
        cov = np.atleast_2d(np.asarray(group.cov, float))[np.ix_(*columns)]
        return Known(cov[np.ix_(*sides)])

    def _node(self, name) -> Node:
        if isinstance(name, str) and name in self._prog.outputs:
            raise Misuse(
                f"{name} is an output v^T y / sqrt(n), a Gaussian even at infinite width: its limit is not a number",
                hint=f"kernel() is the covariance of the outputs, error({name!r}) and method({name!r}) are about it",
            )
        node = self._prog.node(name)
        if node.index >= len(self._nodes):
            raise Misuse(
                f"{node.name} must be in the program when its limit is taken", "a line written afterwards",
                "Take the limit again: tp.limit(prog)",
            )
        return node

    def _vector(self, name) -> Node:
        node = self._node(name)
        if node.kind not in ("G", "H"):
            raise Misuse(f"{node.name} must be a vector here", f"an {node.kind}-var" if node.kind == "A" else "a C-var",
                         "Use scalar(name) for C-vars")
        return node


def _error(known: Known, shape: tuple[int, ...]) -> float | np.ndarray:
    return known.error if np.ndim(known.error) == 0 else _plain(known.error, shape)


def _plain(value: np.ndarray, shape: tuple[int, ...]) -> float | np.ndarray:
    value = np.asarray(value, float).reshape(shape)
    return float(value) if shape == () else value
