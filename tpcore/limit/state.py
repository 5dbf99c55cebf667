"""What an interpretation of a program in the limit knows so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tpcore.limit.budget import Budget
from tpcore.limit.evaluate import Moments
from tpcore.limit.forms import Combo, Family
from tpcore.limit.known import Known, weakest
from tpcore.limit.nonlinear import apply
from tpcore.limit.transpose import MatrixState
from tpcore.program.functions import Adapted
from tpcore.program.graph import ancestors
from tpcore.program.ops import Function, GaussianGroup, Node


@dataclass
class State:
    """Values of all nodes.

    Attributes
    ----------
    vectors : dict
        Node index to `Combo`, columns in the C order of the node's shape.
    scalars : dict
        Node index to `Known`, of the node's shape.
    matrices : dict
        Node index to `MatrixState`.
    applied : dict
        What functions of vectors came to, so that equal ones are the same features and can cancel.
    watch_ranks : bool
        Whether the theorem asks for rank stability.
    relative : dict
        Node index to the relative error that its law inherits.
    methods : dict
        Node index to the weakest method that its law inherits.
    """

    nodes: list[Node]
    budget: Budget
    moments: Moments
    vectors: dict[int, Combo] = field(default_factory=dict)
    scalars: dict[int, Known] = field(default_factory=dict)
    matrices: dict[int, MatrixState] = field(default_factory=dict)
    groups: dict[GaussianGroup, Family] = field(default_factory=dict)
    applied: dict[tuple, tuple] = field(default_factory=dict)
    watch_ranks: bool = False
    relative: dict[int, float] = field(default_factory=dict)
    methods: dict[int, str] = field(default_factory=dict)

    def inherit(self, index: int, parents: tuple[int, ...], error: float = 0.0, method: str = "exact") -> None:
        """Note the accuracy of a node: its parents' plus its own relative error."""
        self.relative[index] = error + max((self.relative.get(p, 0.0) for p in parents), default=0.0)
        self.methods[index] = weakest(method, *(self.methods.get(p, "exact") for p in parents))

    def set_scalar(self, index: int, found: Known, parents: tuple[int, ...]) -> None:
        """Store a C-var with its own error and the inherited one."""
        self.inherit(index, parents, found.error / max(found.scale, 1e-3), found.method)
        error = max(found.error, self.relative[index] * found.scale)
        self.scalars[index] = Known(found.value, error, self.methods[index])

    def apply(
        self, function: Function, args: tuple[int, ...], params: tuple[int, ...], shape: tuple[int, ...], where: str
    ) -> Combo:
        """A function of vectors; written twice with equal arguments it is one and the same."""
        combos, shapes = [self.vectors[a] for a in args], [self.nodes[a].shape for a in args]
        values = [np.asarray(self.scalars[p].value) for p in params]
        call = function.activation or (function.call.call if isinstance(function.call, Adapted) else function.call)
        key = (id(call), tuple(shape), *shapes, *(c.key() for c in combos), *((v.shape, v.tobytes()) for v in values))
        if key not in self.applied:
            self.applied[key] = call, apply(function, combos, shapes, values, shape, where, self.budget)
        return self.applied[key][1]

    def multiply(self, index: int, matrix: int, x: int, transposed: bool) -> Combo:
        """W x or W^T x."""
        accuracy = self.relative.get(x, 0.0), self.methods.get(x, "exact")
        pair = self.matrices[matrix]
        found = pair.multiply(self.vectors[x], transposed, self.moments, *accuracy)
        result, self.relative[index], self.methods[index] = found
        if self.watch_ranks and pair.dependent(transposed, result.size) and self._by_scalars(x):
            by = f"{self.nodes[matrix].name}{'^T' if transposed else ''}"
            self.budget.note(
                f"The theorem asks for rank stability: in the limit {self.nodes[x].name} is a combination of vectors "
                f"that {by} met before, by the values of C-vars, and it should be one at finite width too."
            )
        return result

    def _by_scalars(self, index: int) -> bool:
        """Whether a vector is computed with C-vars."""
        return any(self.nodes[i].kind == "C" for i in ancestors(self.nodes, [index]))
