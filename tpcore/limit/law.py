"""The law of a program's vectors at infinite width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.limit.estimate import Estimate
from tpcore.limit.forms import Combo
from tpcore.limit.known import Known, weakest
from tpcore.limit.nonlinear import apply
from tpcore.limit.sampling import values
from tpcore.limit.state import State
from tpcore.program import check
from tpcore.program.functions import adapt
from tpcore.program.ops import Function, Node


class Limit:
    """What the Master Theorem says of a program; made by `tpcore.limit.interpret.limit`.

    Vectors are named by strings or by the program's own variables. For a
    block of shape s results are arrays of that shape (covariances: the shape
    of the one, then of the other), for one vector floats.

    Attributes
    ----------
    fragment : str
        Of the program; it decides which theorem is used.
    notes : list of str
        What the theorem asks that cannot be checked, and where accuracy is poor.
    """

    def __init__(self, prog, state: State):
        self._prog, self._state = prog, state
        self._nodes = state.nodes

    @property
    def fragment(self) -> str:
        return self._prog.fragment

    @property
    def notes(self) -> list[str]:
        return list(self._state.budget.notes)

    def __repr__(self) -> str:
        return f"<limit of a {self.fragment} program of {len(self._nodes)} instructions>"

    def mean(self, name) -> float | np.ndarray:
        """E Z of a vector; for a block an array of its shape."""
        node, combo = self._vector(name)
        return _plain(self._state.moments.mean(combo).value, node.shape)

    def cov(self, a, b=None) -> float | np.ndarray:
        """Cov(Z^a, Z^b), shape (*a.shape, *b.shape); b is a by default: a variance, or a block's covariance."""
        (x, left), (y, right) = self._vector(a), self._vector(a if b is None else b)
        return _plain(self._state.moments.cov(left, right).value, (*x.shape, *y.shape))

    def corr(self, a, b) -> float | np.ndarray:
        """Cov(Z^a, Z^b) / sqrt(Var Z^a Var Z^b), shape (*a.shape, *b.shape). Raises where a variance is zero."""
        (x, left), (y, right) = self._vector(a), self._vector(b)
        moments = self._state.moments
        scales = []
        for node, combo in ((x, left), (y, right)):
            variance = np.diag(moments.cov(combo, combo).value)
            if np.any(variance <= 0):
                raise Misuse(
                    "A correlation needs vectors of positive variance", f"{node.name}, which is constant in the limit"
                )
            scales.append(np.sqrt(variance))
        value = moments.cov(left, right).value / np.multiply.outer(*scales)
        return _plain(np.clip(value, -1.0, 1.0), (*x.shape, *y.shape))

    def expect(self, fn: Callable, *names) -> Estimate:
        """E fn(Z^a, Z^b, ...): the limit of the average of fn over coordinates.

        Parameters
        ----------
        fn : callable
            Takes arrays (points, *shape), one a name, and returns (points, *shape of the result).
        *names : str or Var

        Returns
        -------
        Estimate
            With ``value``, ``error`` and ``method``; an array for blocks.

        Raises
        ------
        Unsupported
            More than three Gaussians at once, unless the limit was made with `samples`.
        """
        if not names:
            raise Misuse("expect needs the names of the vectors that fn is a function of", "no name")
        found = [self._vector(name) for name in names]
        return self._expectation(fn, found)

    def _expectation(self, fn: Callable, found: list[tuple[Node, Combo]]) -> Estimate:
        shapes = [node.shape for node, _ in found]
        label = getattr(fn, "__name__", "fn")
        phi = fn if hasattr(fn, "kinks") and len(found) == 1 else None
        call, shape, _ = adapt("expect", label, fn, shapes, [])
        state = self._state
        function = Function(label, call, phi)
        combo = apply(function, [c for _, c in found], shapes, [], shape, f"{label} in expect", state.budget)
        known = state.moments.mean(combo)
        error = known.error + max(state.relative[node.index] for node, _ in found) * known.scale
        method = weakest(known.method, *(state.methods[node.index] for node, _ in found))
        return Estimate(_plain(known.value, shape), error, method)

    def scalar(self, name) -> float | np.ndarray:
        """The limit of a C-var."""
        node = self._node(name)
        if node.kind != "C":
            raise Misuse(f"{node.name} must be a C-var (a scalar) to have a limit", f"a {node.kind}-var",
                         "Use mean, cov or expect for vectors")
        return _plain(self._state.scalars[node.index].value, node.shape)

    def kernel(self) -> np.ndarray:
        """Covariance of all outputs, stacked in the order in which they were declared (K, K).

        Cov(v) E x x' for outputs v^T x / sqrt(n) and v'^T x' / sqrt(n) (Tensor Programs I, Corollary 5.5 and
        Proposition G.4): zero for independent readouts. Outputs that share a bias add its variance.
        """
        return self._kernel().value

    def _kernel(self) -> Known:
        outputs = list(self._prog.outputs.values())
        if not outputs:
            raise Misuse("A kernel needs outputs", "a program without any", 'Declare one with prog.output("f", v, x)')
        state = self._state
        rows = []
        for o in outputs:
            row = []
            for p in outputs:
                inner = state.moments.inner(state.vectors[o.features], state.vectors[p.features])
                shared = o.bias_variance if o.bias == p.bias else 0.0
                row.append(self._readout(o, p) * inner + Known(np.full(inner.value.shape, shared)))
            rows.append(row)
        value = np.block([[known.value for known in row] for row in rows])
        worst = max((known for row in rows for known in row), key=lambda known: known.error)
        relative = max(state.relative[o.features] for o in outputs)
        methods = [known.method for row in rows for known in row] + [state.methods[o.features] for o in outputs]
        value = (value + value.T) / 2
        return Known(value, worst.error + relative * float(np.abs(value).max(initial=0.0)), weakest(*methods))

    def _readout(self, o, p) -> Known:
        """Cov of the readouts of two outputs, spread over their features."""
        sides = []
        for output in (o, p):
            node, features = self._nodes[output.readout], self._nodes[output.features]
            size = int(np.prod(node.shape))
            sides.append(np.broadcast_to(np.arange(size).reshape(node.shape), features.shape).ravel())
        moments = self._state.moments
        cov = moments.cov(self._state.vectors[o.readout], self._state.vectors[p.readout])
        for output in (o, p):
            mean = moments.mean(self._state.vectors[output.readout]).value
            if np.any(mean != 0):
                raise Misuse(
                    f"The readout of {output.name} must have mean zero: v^T x / sqrt(n) grows like sqrt(n) otherwise",
                    f"mean {mean[mean != 0][0]:g}",
                )
        return Known(cov.value[np.ix_(*sides)], cov.error, cov.method)

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
        checks.integer("seed", seed, 0)
        nodes = self._nodes if names is None else [self._vector(name)[0] for name in check.listed(names)]
        chosen = [node for node in nodes if node.index in self._state.vectors]
        columns = sum(self._state.vectors[node.index].size for node in chosen)
        checks.memory("The draws", draws, 8.0 * max(columns, 1), 2.0 * 2**30)
        found = values([self._state.vectors[node.index] for node in chosen], draws, seed)
        return {node.name: x.reshape(draws, *node.shape) for node, x in zip(chosen, found, strict=True)}

    def method(self, name) -> str:
        """How the law of a variable (or the kernel of an output) was found; the weakest step counts."""
        return self._accuracy(name)[1]

    def error(self, name) -> float:
        """Estimated absolute error of a C-var, of a vector's second moments, or of an output's variance."""
        return self._accuracy(name)[0]

    def _accuracy(self, name) -> tuple[float, str]:
        if isinstance(name, str) and name in self._prog.outputs:
            known = self._kernel()
            return known.error, known.method
        node = self._node(name)
        state = self._state
        if node.kind == "C":
            return state.scalars[node.index].error, state.scalars[node.index].method
        _, combo = self._vector(name)
        own = state.moments.cov(combo, combo)
        error = own.error + state.relative[node.index] * own.scale
        return error, weakest(own.method, state.methods[node.index])

    def _node(self, name) -> Node:
        node = self._prog.node(name)
        if node.index >= len(self._nodes):
            raise Misuse(
                f"{node.name} must be in the program when its limit is taken", "a line written afterwards",
                "Take the limit again: tp.limit(prog)",
            )
        return node

    def _vector(self, name) -> tuple[Node, Combo]:
        node = self._node(name)
        if node.index not in self._state.vectors:
            raise Misuse(f"{node.name} must be a vector here", f"an {node.kind}-var" if node.kind == "A" else "a C-var",
                         "Use scalar(name) for C-vars")
        return node, self._state.vectors[node.index]


def _plain(value: np.ndarray, shape: tuple[int, ...]) -> float | np.ndarray:
    value = np.asarray(value, float).reshape(shape)
    return float(value) if shape == () else value
