"""What an interpretation of a program in the limit knows so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tpcore.limit.columns import Budget
from tpcore.limit.evaluate import Moments
from tpcore.limit.forms import Combo, Family
from tpcore.limit.known import Known, weakest
from tpcore.program.ops import GaussianGroup, Node


@dataclass
class MatrixState:
    """A matrix: what it was multiplied with, and the Gaussians that came out.

    Attributes
    ----------
    variance : float
        sigma_W^2 of the entries N(0, sigma_W^2 / columns).
    images : Family
        hatZ of W x for all x so far, in the order of `inputs`.
    inputs : list of Combo
    """

    variance: float
    images: Family
    inputs: list[Combo] = field(default_factory=list)


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

    def multiply(self, index: int, matrix: int, x: int) -> Combo:
        """W x: new Gaussians with covariance sigma_W^2 E x x' among themselves and with W's earlier images."""
        state, vector = self.matrices[matrix], self.vectors[x]
        own = self.moments.inner(vector, vector)
        cross = [self.moments.inner(old, vector) for old in state.inputs]
        before = np.concatenate([c.value for c in cross]) if cross else np.zeros((0, vector.size))
        columns = state.images.extend(state.variance * before, state.variance * own.value)
        state.inputs.append(vector)
        self.moments.grown()
        error = max(found.error for found in (own, *cross)) / max(own.scale, 1e-300)
        self.inherit(index, (x,), error, weakest(own.method, *(c.method for c in cross)))
        return Combo.of(state.images, columns)
