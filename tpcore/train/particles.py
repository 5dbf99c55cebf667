r"""Training at infinite width by particles: the unrolled program's limit, in compressed form.

The coordinates of all vectors are P quasi-random points (`tpcore.limit.particles`), <a, b> is the mean of a b over
them. Every vector that meets a hidden matrix, and every image, is known by its coefficients over one orthonormal basis,
in which

.. math:: W_t = W_0 - \eta \sum_s \delta_s x_s^\top / n

is W_0 (known by what it was multiplied with) less one small matrix: the cost of a step does not grow with the number of
steps, but with the rank of what was met, P times that a vector. Sources: Tensor Programs III (arXiv 2009.10685),
section on the Z-calculus; Tensor Programs IV (2011.14522), section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tpcore.limit.particles.matrix import ParticleMatrix, added, inner
from tpcore.limit.particles.points import Points
from tpcore.limit.particles.space import Space, gram, norms
from tpcore.train.layers import Rate
from tpcore.train.network import Network, Overflow, Pass, Plan

ROOM, LOOSE = 256, 3.0


class Trained:
    """A hidden matrix in the course of training, as a map of coefficients over the basis.

    Parameters
    ----------
    space : Space
    variance : float
        Of the entries of W_0, times n.
    rate : float
        The learning rate of W itself, times the number of particles.
    soft : float
        As in `ParticleMatrix`.
    rng : Generator
        Of what is drawn and forgotten.
    """

    def __init__(self, space: Space, variance: float, rate: float, soft: float, rng: np.random.Generator):
        self.space, self.rate, self.rng = space, rate, rng
        self.start = ParticleMatrix(variance, 1.0, 1.0, space, space, soft, exact=True)
        self._change, self._height = np.zeros((ROOM, ROOM)), 0

    def image(self, x: np.ndarray, transposed: bool = False, kept: np.ndarray | None = None):
        """Coefficients of x (P, k) and of W_0 x or W_0^T x, and rows (P, k) or None that the latter has beside them.

        Vectors that are not `kept`, those that are looked at and not trained on, open a direction only where they are
        far from all others: what of them is new has an image that is independent of everything else, drawn and
        forgotten.
        """
        rows = x.T
        sizes = norms(rows)
        if not np.isfinite(sizes).all():
            raise Overflow
        floor = self.start.floor(sizes, transposed)
        if kept is None or kept.all() or not self.space.sampled:
            known = self.space.absorb(rows, floor)
            return known, self.start.multiply(known, floor, transposed), None
        known = self.space.project(rows)
        kept = kept | (np.sqrt(np.maximum(np.diag(self._rest(rows, known, transposed)), 0.0)) > LOOSE * floor)
        some = self.space.absorb(rows[kept], floor[kept], known[:, kept])
        image = self.start.multiply(some, floor[kept], transposed)
        known = self.space.project(rows[~kept], known[:, ~kept])
        values, vectors = np.linalg.eigh(self._rest(rows[~kept], known, transposed))
        root = vectors * np.sqrt(self.start.variance * np.maximum(values, 0.0))
        beside = np.zeros_like(x)
        beside[:, ~kept] = self.rng.standard_normal((len(x), len(root)), dtype=np.float32) @ root.T
        others = self.start.multiply(known, np.full(len(root), np.inf), transposed)
        return _joined(kept, some, known), _joined(kept, image, others), beside

    def _rest(self, rows: np.ndarray, known: np.ndarray, transposed: bool) -> np.ndarray:
        """Inner products of what W has not met of vectors with these coefficients."""
        met = inner(self.start.inputs(transposed), known)
        return gram(rows, rows) - met.T @ met

    def change(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        """(W_t - W_0) x or its transpose, coefficients."""
        size = min(self._height, len(x))
        matrix = self._change[: self._height, : self._height]
        return (matrix.T if transposed else matrix)[:, :size] @ x[:size]

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        """W - rate left right^T / P, by coefficients."""
        self._height = height = max(self._height, len(left), len(right))
        if height > len(self._change):
            grown = np.zeros((2 * height, 2 * height))
            grown[: len(self._change), : len(self._change)] = self._change
            self._change = grown
        self._change[: len(left), : len(right)] -= self.rate * (left @ right.T)


def _joined(which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Columns of x where `which` says so, of y elsewhere."""
    found = np.zeros((max(len(x), len(y)), len(which)))
    found[: len(x), which], found[: len(y), ~which] = x, y
    return found


@dataclass
class ParticlePass(Pass):
    """A pass, with the coefficients of x^1 .. x^{L-1}. ``acts`` of hidden layers are coefficients, of the same size as
    the vectors."""

    coefficients: list[np.ndarray] = field(default_factory=list)

    def columns(self, which) -> ParticlePass:
        """The pass on some of its inputs."""
        part = super().columns(which)
        return ParticlePass(*(getattr(part, name) for name in ("x", "slope", "dh", "dx", "acts", "f", "df")),
                            [c[:, which] for c in self.coefficients])  # fmt: skip


class Particles(Network):
    """A network in muP whose neurons are P particles; `key` names the scrambling, `soft` is as in `ParticleMatrix`."""

    def __init__(self, plan: Plan, size: int, key: tuple[int, ...], soft: float):
        self.space, self.soft = Space(Points(size, key), ROOM), soft
        self.rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((*key, 1))))
        super().__init__(plan, size, None)

    def _normal(self, key: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
        new = self.space.fresh(int(np.prod(shape[1:], dtype=int)))
        return self.space.rows[new].T.reshape(shape).astype(float)

    @property
    def changes(self) -> list:
        """Sizes of weights have no limit that is recorded."""
        return [None] * (self.plan.p.depth + 1)


class ParticleNetwork(Particles):
    """The limit of a network in muP, trained by SGD."""

    passes = ParticlePass

    def _matrix(self, layer: int, scale: float, rate: Rate, tick: Callable[[], None]) -> Trained:
        return Trained(self.space, self.n * scale**2, self.n * rate.rate, self.soft, self.rng)

    def _start(self) -> None:
        self.coefficients0: list[np.ndarray] = []
        super()._start()
        self.f0 = np.zeros_like(self.f0)

    def _image(self, layer: int, x: np.ndarray) -> np.ndarray:
        _, image, _ = self.hidden[layer - 1].image(x)
        self.coefficients0.append(image)
        return self._vectors(image)

    def _vectors(self, coefficients: np.ndarray) -> np.ndarray:
        return self.space.combine(coefficients).T.astype(float)

    def _moved(self, layer: int, found: ParticlePass, columns: slice, kept: np.ndarray | None):
        """As of a finite network, by coefficients; see `Trained.image` for inputs that are not `kept`."""
        hidden, before = self.hidden[layer - 1], self.coefficients0[layer - 1][:, columns]
        known, image, beside = hidden.image(found.x[-1], kept=kept)
        change = hidden.change(known)
        dh = self._vectors(added(added(image, change), -before))
        found.coefficients.append(known)
        return change * np.sqrt(max(len(change), 1)), dh if beside is None else dh + beside

    def backward(self, at: Pass, chi: np.ndarray) -> list[np.ndarray]:
        """chi df/dh^l for every input, (P, k), l = 1 .. L."""
        self.left: list[np.ndarray] = []
        delta = (self.V + self.readout.change)[:, None] * at.slope[-1] * chi
        found = [delta]
        for layer in range(len(at.x) - 1, 0, -1):
            hidden = self.hidden[layer - 1]
            known, image, _ = hidden.image(delta, transposed=True)
            delta = self._vectors(added(image, hidden.change(known, transposed=True))) * at.slope[layer - 1]
            found.insert(0, delta)
            self.left.insert(0, known)
        return found

    def _update(self, deltas: list[np.ndarray], at: ParticlePass) -> None:
        for hidden, left, right in zip(self.hidden, self.left, at.coefficients, strict=True):
            hidden.add(left, right)
