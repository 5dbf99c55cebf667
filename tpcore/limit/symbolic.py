"""The law of a program's vectors as sums of features: exact where expectations are."""

from __future__ import annotations

import numpy as np

from tpcore.limit.known import Known, weakest
from tpcore.limit.law import Limit
from tpcore.limit.sampling import values
from tpcore.limit.state import State
from tpcore.program.ops import Function, Node


class SymbolicLimit(Limit):
    """A limit whose vectors are `tpcore.limit.forms.Combo`."""

    def __init__(self, prog, state: State):
        super().__init__(prog, state.nodes, state.budget.notes)
        self._state = state

    def allow(self, work: float) -> None:
        """Let a question take this many nominal seconds."""
        budget = self._state.budget
        budget.ceiling = budget.spent + work

    def _mean(self, node: Node) -> Known:
        return self._inherit(self._state.moments.mean(self._state.vectors[node.index]), node)

    def _cov(self, x: Node, y: Node) -> Known:
        vectors = self._state.vectors
        return self._inherit(self._state.moments.cov(vectors[x.index], vectors[y.index]), x, y)

    def _inner(self, x: Node, y: Node) -> Known:
        vectors = self._state.vectors
        return self._inherit(self._state.moments.inner(vectors[x.index], vectors[y.index]), x, y)

    def _value(self, node: Node) -> Known:
        return self._state.scalars[node.index]

    def _expectation(self, function: Function, nodes: list[Node], shape: tuple[int, ...]) -> Known:
        args = tuple(node.index for node in nodes)
        combo = self._state.apply(function, args, (), shape, f"{function.label} in expect")
        return self._inherit(self._state.moments.mean(combo), *nodes)

    def _draws(self, nodes: list[Node], draws: int, seed: int) -> list[np.ndarray]:
        return values([self._state.vectors[node.index] for node in nodes], draws, seed)

    def _inherit(self, known: Known, *nodes: Node) -> Known:
        """With the accuracy of the nodes' own law."""
        state = self._state
        relative = max(state.relative.get(node.index, 0.0) for node in nodes)
        method = weakest(known.method, *(state.methods.get(node.index, "exact") for node in nodes))
        return Known(known.value, known.error + relative * known.scale, method)
