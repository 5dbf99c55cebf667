r"""A matrix of a program in the limit, by what it was multiplied with.

For orthonormal inputs q_i of W with images y_i and orthonormal inputs q'_j of W^T with images y'_j, the image of a
new direction q is

    y = sigma g + (n2/n1) sum_j q'_j <y'_j, q>,

g a fresh Gaussian: the noise hatZ and, by Stein's lemma in an orthonormal basis, dotZ (no derivative, no
pseudo-inverse). For W^T the noise is sigma sqrt(n1/n2) and the factor n1/n2. Tensor Programs III (arXiv 2009.10685),
section on the Z-calculus; Tensor Programs I, appendix F, for lengths that differ.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from tpcore.limit.particles.space import Space


class Side:
    """Orthonormal inputs of W (or of W^T) and their images, as coefficients over the bases of their two spaces."""

    def __init__(self, space: Space):
        self.space = space
        self.inputs = np.zeros((0, 0))
        self.images = np.zeros((0, 0))
        self.largest = 0.0

    def append(self, inputs: np.ndarray, images: np.ndarray) -> None:
        self.inputs, self.images = beside(self.inputs, inputs), beside(self.images, images)


class ParticleMatrix:
    """W, rows by cols in units of n, entries N(0, variance / (cols n)).

    Parameters
    ----------
    variance : float
    rows, cols : float
    row_space, col_space : Space
        Of its images and of its inputs.
    soft : float
        Directions below this part of the largest input so far get no fresh Gaussian, only their dot part.
    exact : bool
        All get one as long as no input was sampled.
    """

    def __init__(self, variance: float, rows: float, cols: float, row_space: Space, col_space: Space, soft: float,
                 exact: bool = False):
        self.variance, self.lengths, self.soft, self.exact = variance, (rows, cols), soft, exact
        self._sides = Side(col_space), Side(row_space)

    def inputs(self, transposed: bool) -> np.ndarray:
        """Orthonormal coefficients that span what W, or W^T, has met."""
        return self._sides[transposed].inputs

    def floor(self, norms: np.ndarray, transposed: bool) -> np.ndarray:
        """What is neglected of inputs of these norms."""
        side = self._sides[transposed]
        side.largest = max(side.largest, float(norms.max(initial=0.0)))
        hard = np.maximum(1e-8 * norms, 1e-13 * side.largest)
        soft = 0.0 if self.exact and not any(side.space.sampled for side in self._sides) else self.soft
        return np.maximum(np.maximum(hard, soft * side.largest), 1e-150)

    def multiply(self, x: np.ndarray, floor: np.ndarray, transposed: bool) -> np.ndarray:
        """W x or W^T x for coefficients x (m, k) over the basis of x's space: coefficients over the image's."""
        this, other = self._sides[transposed], self._sides[not transposed]
        rows, cols = self.lengths[::-1] if transposed else self.lengths
        ratio = cols / rows
        coefficients, rest = _split(this.inputs, x)
        opened = _directions(rest, floor)
        if opened.shape[1]:
            noise = np.sqrt(self.variance * (cols / self.lengths[1]))
            images = ratio * self._decided(other, opened)
            fresh = other.space.fresh(opened.shape[1])
            images = tall(images, fresh.stop).copy()
            images[fresh] += noise * np.eye(opened.shape[1])
            this.append(opened, images)
            coefficients, rest = _split(this.inputs, x)
        return added(this.images @ coefficients, ratio * self._decided(other, rest))

    @staticmethod
    def _decided(other: Side, x: np.ndarray) -> np.ndarray:
        """Q' <Y', x>."""
        return other.inputs @ inner(other.images, x)


def _split(inputs: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """C = <Q, X> and R = X - Q C, orthogonalized twice."""
    coefficients, rest = np.zeros((inputs.shape[1], x.shape[1])), x
    for _ in range(2):
        step = inner(inputs, rest)
        coefficients, rest = coefficients + step, added(rest, -(inputs @ step))
    return coefficients, rest


def _directions(rest: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span `rest` up to `floor` in each column."""
    scaled = rest / floor
    scaled = scaled[:, np.linalg.norm(scaled, axis=0) > 1.0]
    if not scaled.shape[1]:
        return np.zeros((len(rest), 0))
    columns, upper, _ = qr(scaled, mode="economic", pivoting=True, check_finite=False)
    return columns[:, np.abs(np.diag(upper)) > 1.0]


# ---- coefficients over a basis that grows: missing rows are zeros ------------------------------------------


def tall(x: np.ndarray, rows: int) -> np.ndarray:
    """x with zeros below, to `rows` rows."""
    return x if len(x) >= rows else np.concatenate([x, np.zeros((rows - len(x), x.shape[1]))])


def inner(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x^T y."""
    common = min(len(x), len(y))
    return x[:common].T @ y[:common]


def added(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x + y."""
    rows = max(len(x), len(y))
    return tall(x, rows) + tall(y, rows)


def beside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Columns of x, then of y."""
    rows = max(len(x), len(y))
    return np.concatenate([tall(x, rows), tall(y, rows)], axis=1)
