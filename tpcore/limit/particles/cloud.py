"""One scrambling: the values of a program's variables at one set of particles."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from tpcore.limit.particles.forms import Form
from tpcore.limit.particles.matrix import ParticleMatrix
from tpcore.limit.particles.points import Points
from tpcore.limit.particles.space import Space
from tpcore.program.graph import arguments
from tpcore.program.ops import GaussianGroup, Node


class Cloud:
    """Values of all variables at `size` particles.

    Parameters
    ----------
    nodes : list of Node
    size : int
        A power of two.
    key : tuple of int
        Names the scrambling.
    soft, exact : float, bool
        As in `ParticleMatrix`.
    linear : frozenset of int
        The Nonlin lines that are linear in their vector.
    last : dict
        Node index to the last line that uses it; the rows of other vectors are forgotten there. Empty to keep all.
    room : int
        Vectors to be expected in a basis.

    Attributes
    ----------
    forms : dict
        Node index to `Form`.
    scalars : dict
        Node index to array of the node's shape.
    scales : dict
        Node index to the typical size of what a C-var averages.
    """

    def __init__(
        self,
        nodes: list[Node],
        size: int,
        key: tuple[int, ...],
        soft: float = 0.0,
        linear: frozenset[int] = frozenset(),
        last: dict[int, int] | None = None,
        exact: bool = False,
        room: int = 64,
    ):
        self.nodes, self.size, self.soft, self.exact, self.linear = nodes, size, soft, exact, linear
        self.forms: dict[int, Form] = {}
        self.scalars: dict[int, np.ndarray] = {}
        self.scales: dict[int, float] = {}
        self.matrices: dict[int, ParticleMatrix] = {}
        self.groups: dict[GaussianGroup, np.ndarray] = {}
        self.tails: dict[int, float] = {}
        self._key, self._last, self._room = key, last or {}, room
        self._spaces: dict[float, Space] = {}

    def run(self, rules: dict[type, Callable], step: Callable[[], None] = lambda: None) -> Cloud:
        """Go through the lines, one rule an instruction; `step` is called after each."""
        self._rules = rules
        with np.errstate(all="ignore"):
            for node in self.nodes:
                rules[type(node.op)](self, node, node.op)
                for j in self._last and set(arguments(node.op)):
                    if self._last[j] == node.index:
                        self._forget(j)
                step()
        return self

    @property
    def sampled(self) -> bool:
        """Whether a basis is in single precision."""
        return any(space.sampled for space in self._spaces.values())

    def space(self, dim: float) -> Space:
        """The space of vectors of length dim n."""
        found = self._spaces.get(dim)
        if found is None:
            same = round(float(dim), 12)
            if same not in self._spaces:
                self._spaces[same] = Space(Points(self.size, (*self._key, len(self._spaces))), self._room)
            found = self._spaces[dim] = self._spaces[same]
        return found

    def put(self, node: Node, rows=None, coef=None, near=None) -> None:
        """Set the value of a vector."""
        near = near if coef is None else None
        self.forms[node.index] = Form(self.space(node.dim), prod(node.shape), rows, coef, near)

    def block(self, index: int) -> np.ndarray:
        """The numbers of a vector as functions take them, (particles, *shape)."""
        rows, shape = self.form(index).numbers(), self.nodes[index].shape
        if len(shape) == 1:
            return rows.T
        return rows.reshape(*shape, -1).transpose(len(shape), *range(len(shape)))

    def form(self, index: int) -> Form:
        """The value of a vector; where it was forgotten it is made again."""
        found = self.forms.get(index)
        if found is None or (found.rows is None and found.coef is None):
            self._recover(index)
        return self.forms[index]

    def _forget(self, index: int) -> None:
        if index in self.forms:
            self.forms[index].rows = None

    def _recover(self, index: int) -> None:
        """Evaluate again what the vector needs; images of matrices are always known by their coefficients."""
        missing, todo = set(), [index]
        while todo:
            j = todo.pop()
            form = self.forms.get(j)
            if form is not None and form.rows is None and form.coef is None and j not in missing:
                missing.add(j)
                todo.extend(arguments(self.nodes[j].op))
        for j in sorted(missing):
            node, near = self.nodes[j], self.forms[j].near
            with np.errstate(all="ignore"):
                self._rules[type(node.op)](self, node, node.op)
            self.forms[j].near = near
        for j in missing - {index}:
            self._forget(j)
