"""The law of a program's vectors, as particles know it: averages over clouds, errors from the spread between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from tpcore.compute.tiles import map_tiles
from tpcore.limit.known import Known
from tpcore.limit.law import Limit
from tpcore.limit.particles.cloud import Cloud
from tpcore.program.ops import Function, GaussianInput, Node

METHOD = "particles"
_ROUNDING, _SINGLE = 4e-15, 1e-7


class ParticleLimit(Limit):
    """A limit found by independently scrambled clouds of quasi-random particles.

    Values are means over the clouds. An error is half of the half-width of Student's 95 % interval, so that 95 % of
    the truths lie within two errors; entries of one array that came out lucky are raised to their root mean square.

    Attributes
    ----------
    particles : int
        Of all clouds together.
    """

    def __init__(self, prog, nodes: list[Node], clouds: list[Cloud], notes: list[str]):
        super().__init__(prog, nodes, notes)
        self._clouds, self._tol, self._larger, self._finer = clouds, None, None, None

    def asked(self, tol: float, larger: Callable[[float], ParticleLimit | None]) -> ParticleLimit:
        """Expectations are wanted to `tol`; `larger(ratio)` is the limit by as many particles more as a ratio of error
        to tolerance calls for, or None where there are no more."""
        self._tol, self._larger = tol, larger
        return self

    @property
    def particles(self) -> int:
        return sum(cloud.size for cloud in self._clouds)

    @property
    def _grain(self) -> float:
        """Of the precision of the bases."""
        return _SINGLE if any(cloud.sampled for cloud in self._clouds) else _ROUNDING

    def _each(self, work: Callable[[Cloud], np.ndarray]) -> Known:
        """`work` on every cloud, as one estimate."""
        return combined(map_tiles(work, self._clouds), self._grain)

    def _mean(self, node: Node) -> Known:
        if isinstance(node.op, GaussianInput):
            return Known(np.ravel(node.op.group.mean)[np.ravel(node.op.columns)])
        return self._each(lambda cloud: cloud.form(node.index).column_means())

    def _cov(self, x: Node, y: Node) -> Known:
        def work(cloud: Cloud) -> np.ndarray:
            left, right = cloud.form(x.index), cloud.form(y.index)
            return left.inner(right) - np.multiply.outer(left.column_means(), right.column_means())

        return _symmetric(self._each(work)) if x is y else self._each(work)

    def _inner(self, x: Node, y: Node) -> Known:
        found = self._each(lambda cloud: cloud.form(x.index).inner(cloud.form(y.index)))
        return _symmetric(found) if x is y else found

    def _value(self, node: Node) -> Known:
        return combined([cloud.scalars[node.index] for cloud in self._clouds], self._grain)

    def _expectation(self, function: Function, nodes: list[Node], shape: tuple[int, ...]) -> Known:
        def work(cloud: Cloud, power: int = 1) -> np.ndarray:
            values = np.asarray(function.call(*(cloud.block(node.index) for node in nodes)), float)
            return (np.broadcast_to(values, (cloud.size, *shape)) ** power).mean(axis=0)

        known = self._each(work)
        if self._tol is None or not np.isfinite(known.value).all():
            return known
        scale = np.sqrt(np.max(self._each(lambda cloud: work(cloud, 2)).value, initial=0.0))
        ratio = float(np.max(known.error, initial=0.0)) / (self._tol * max(scale, 1e-300))
        if ratio <= 1.0:
            return known
        self._finer = self._finer or self._larger(ratio)
        if self._finer is None:
            self.note(f"The accuracy {self._tol:g} was not reached: the average of {function.label} has {ratio:.1f} "
                      f"times that error with {self.particles:,} particles, and more take too much memory or time.")
            return known
        found = self._finer._expectation(function, nodes, shape)
        for sentence in self._finer.notes:
            self.note(sentence)
        return found

    def _draws(self, nodes: list[Node], draws: int, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        picked = rng.integers(0, self.particles, draws)
        own, size = np.divmod(picked, self._clouds[0].size), self._clouds[0].size
        found = [np.empty((draws, int(np.prod(node.shape, dtype=int)))) for node in nodes]
        for number, cloud in enumerate(self._clouds):
            here = own[0] == number
            for node, out in zip(nodes, found, strict=True):
                out[here] = cloud.form(node.index).numbers()[:, own[1][here] % size].T
        return found


def combined(values: list[np.ndarray], grain: float = _ROUNDING) -> Known:
    """Mean over independent clouds and its error, no less than `grain` of the value."""
    stack = np.array(values, float)
    count = len(stack)
    mean = stack.mean(axis=0)
    quantile = float(stdtrit(count - 1, 0.975)) / 2
    error = quantile * stack.std(axis=0, ddof=1) / np.sqrt(count)
    error = np.maximum(error, np.sqrt(np.mean(np.square(error))) if error.size else 0.0)
    scale = np.abs(stack).max(axis=0) if stack.size else np.zeros(mean.shape)
    return Known(mean, error + grain * scale, METHOD)


def _symmetric(known: Known) -> Known:
    return Known((known.value + known.value.T) / 2, (known.error + known.error.T) / 2, known.method)
