"""A matrix in the course of training: W_t = W_0 - sum_s rate_s left_s right_s^T / n, never formed."""

from __future__ import annotations

from tpcore.program import instructions
from tpcore.program.arithmetic import binary


class TrainedMatrix:
    """W_t as what it does to vectors: ``W_t x = W_0 x + sum_s (-rate left_s) <right_s, x>``.

    The updates are kept as pairs of blocks; blocks of equal size are joined, so after t steps there are at most
    log2(t) + 1 of them.

    Parameters
    ----------
    matrix : Matrix
        W_0.
    rate : float
        The factor of the updates.
    """

    def __init__(self, matrix, rate: float):
        self.matrix, self.rate = matrix, float(rate)
        self._pairs: list[tuple[object, object, int]] = []

    def __matmul__(self, x):
        return _product(self.matrix, x, [(a, b) for a, b, _ in self._pairs])

    @property
    def T(self) -> _Transposed:
        """W_t^T."""
        return _Transposed(self)

    def update(self, left, right) -> None:
        """W_{t+1} = W_t - rate left right^T / n; blocks of the same shape."""
        pair = (-self.rate * _flat(left), _flat(right), 0)
        while self._pairs and self._pairs[-1][2] == pair[2]:
            a, b, level = self._pairs.pop()
            joined = (instructions.stack([p, q], new_axis=False) for p, q in ((a, pair[0]), (b, pair[1])))
            pair = (*joined, level + 1)
        self._pairs.append(pair)


class _Transposed:
    def __init__(self, trained: TrainedMatrix):
        self.trained = trained

    def __matmul__(self, x):
        pairs = [(b, a) for a, b, _ in self.trained._pairs]
        return _product(self.trained.matrix.T, x, pairs)

    @property
    def T(self) -> TrainedMatrix:
        return self.trained


def _product(matrix, x, pairs):
    total = matrix @ x
    for left, right in pairs:
        change = binary("@", left, instructions.inner(right, _flat(x)))
        total = total + (change if change.shape == x.shape else change.reshape(x.shape))
    return total


def _flat(x):
    return x if len(x.shape) == 1 else x.reshape(-1)
