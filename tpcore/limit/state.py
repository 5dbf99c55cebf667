"""What an interpretation of a program in the limit knows so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from tpcore.limit.columns import Budget
from tpcore.limit.evaluate import Moments
from tpcore.limit.forms import Combo, Family
from tpcore.limit.known import Known, weakest
from tpcore.limit.transpose import MatrixState
from tpcore.program.ops import GaussianGroup, Node


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
    relative: dict[int, float] = field(default_factory=dict)
    methods: dict[int, str] = field(default_factory=dict)

    def inherit(self, index: int, parents: tuple[int, ...], error: float = 0.0, method: str = "exact") -> None:
        """Note the accuracy of a node: its parents' plus its own relative error."""
        self.relative[index] = error + max((self.relative.get(p, 0.0) for p in parents), default=0.0)
        self.methods[index] = weakest(method, *(self.methods.get(p, "exact") for p in parents))

    def set_scalar(self, index: int, found: Known, parents: tuple[int, ...]) -> None:
        """Store a C-var with its own error and the inherited one."""
        self.inherit(index, parents, found.error / max(found.scale, 1e-3), found.method)
        error = self.relative[index] * found.scale if found.scale else found.error
        self.scalars[index] = Known(found.value, error, self.methods[index])

    def multiply(self, index: int, matrix: int, x: int, transposed: bool) -> Combo:
        """W x or W^T x."""
        accuracy = self.relative.get(x, 0.0), self.methods.get(x, "exact")
        found = self.matrices[matrix].multiply(self.vectors[x], transposed, self.moments, *accuracy)
        result, self.relative[index], self.methods[index] = found
        return result
