"""A matrix and its transpose: Z^{Wx} = hatZ^{Wx} + dotZ^{Wx}.

hatZ is a Gaussian of covariance s^2 E Z^x Z^x' with the other images under W,
and

    dotZ^{Wx} = s^2 sum_j E[d Z^x / d hatZ^{W^T y_j}] Z^{y_j}

over the y_j that W^T met before (Tensor Programs III, arXiv 2009.10685,
definition 2.11 and appendix on rectangular matrices). W of size n1 x n2 with
entries N(0, sigma^2 / n2) has s^2 = sigma^2, its transpose sigma^2 n1 / n2, and
one rule serves both. The expected derivatives come from Stein's lemma in an
orthonormal basis of the Gaussians that x is a function of, so they exist for
steps too, and what x contains linearly is read off: nothing is inverted there,
and repeated or dependent y_j do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.limit.evaluate import Moments
from tpcore.limit.forms import Combo, Family, stacked, total
from tpcore.limit.known import weakest

_EPS = float(np.finfo(float).eps)
_FEW, _DEPENDENT = 48, 1e-11


@dataclass
class Side:
    """What a matrix (or its transpose) was multiplied with, and the Gaussians that came out.

    Attributes
    ----------
    noise : float
        s^2.
    images : Family
        hatZ of all products so far.
    inputs : Combo
        Their inputs, one row an image.
    relative : float
        Relative error that the inputs carry.
    method : str
        The weakest that the inputs carry.
    """

    noise: float
    images: Family
    inputs: Combo
    relative: float = 0.0
    method: str = "exact"

    @classmethod
    def empty(cls, label: str, noise: float, size: int) -> Side:
        """For `size` products to come."""
        images = Family(label, np.zeros(size), np.zeros((size, size)), filled=0)
        return cls(noise, images, Combo(np.zeros(0)))


@dataclass
class MatrixState:
    """W and W^T."""

    forward: Side
    backward: Side

    def multiply(self, vector: Combo, transposed: bool, moments: Moments, relative: float, method: str):
        """(Z of W x or W^T x, its relative error, its method); `relative` and `method` are those of x."""
        this, other = (self.backward, self.forward) if transposed else (self.forward, self.backward)
        own = moments.inner(vector, vector)
        cross = moments.inner(this.inputs, vector)
        columns = this.images.extend(this.noise * _rounded(cross.value, this, own.value), this.noise * own.value)
        this.inputs = stacked([this.inputs, vector])
        this.relative, this.method = max(this.relative, relative), weakest(this.method, method)
        size = max(own.scale, 1e-300)
        error, method = relative + max(own.error, cross.error) / size, weakest(method, own.method, cross.method)
        slopes = moments.slopes(vector, other.images)
        moments.grown()
        hat = Combo.of(this.images, columns)
        if not slopes.value.nnz:
            return hat, error, method
        dot = other.inputs.mapped(this.noise * slopes.value[:, : other.inputs.size])
        error += other.relative + slopes.error * (this.noise / max(other.noise, 1e-300) / size) ** 0.5
        return total([hat, dot]), error, weakest(method, slopes.method, other.method)

    def dependent(self, transposed: bool, new: int) -> bool:
        """Whether one of the last `new` inputs is, in the limit, a combination of those before (few of them)."""
        images = (self.backward if transposed else self.forward).images
        k = images.filled
        scale = np.sqrt(np.diagonal(images.cov)[:k])
        if k > _FEW or not np.all(scale > 0):
            return k <= _FEW
        corr = images.cov[:k, :k] / np.multiply.outer(scale, scale)
        left = [corr[j, j] - corr[j, :j] @ np.linalg.lstsq(corr[:j, :j], corr[:j, j])[0] for j in range(k - new, k)]
        return min(left) < _DEPENDENT


def _rounded(cross: np.ndarray, side: Side, own: np.ndarray) -> np.ndarray:
    """Inner products that are rounding errors become 0: such images are independent."""
    before = np.diagonal(side.images.cov)[: len(cross)] / max(side.noise, 1e-300)
    size = np.sqrt(np.maximum(np.multiply.outer(before, np.diagonal(own)), 0.0))
    return np.where(np.abs(cross) <= 4 * _EPS * size, 0.0, cross)

