"""Stein's lemma: E a g for a feature a and a Gaussian g, and expected derivatives.

A feature a is a function of some Gaussians, its leaves. In an orthonormal basis
xi_d of the span of the leaves

    Cov(a, g) = sum_d E[a xi_d] Cov(xi_d, g)   and   E da/dg_j = sum_d E[a xi_d] d xi_d / dg_j,

the second for the formal derivative with respect to the variables g_j that the
leaves are written in. Nothing is divided by but the standard deviations of the
basis; a leaf that is a combination of others up to rounding adds no direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tpcore.limit import columns
from tpcore.limit.forms import Combo, Family, clean, factors_of, total
from tpcore.limit.known import Known, row_norm, weakest

_RANK = 4e-15
_NOISE = 64 * float(np.finfo(float).eps)


@dataclass(frozen=True)
class Slopes:
    """E[a xi_d] of one feature: one combo and one array (a.size,) a direction."""

    directions: list[Combo]
    weights: list[np.ndarray]
    error: float
    method: str


class Stein:
    """Slopes of features, each computed once.

    Parameters
    ----------
    moments : tpcore.limit.evaluate.Moments
        Finds E[a xi_d].
    """

    def __init__(self, moments):
        self.moments = moments
        self._found: dict = {}

    def of(self, a) -> Slopes:
        """The slopes of a feature that is not itself Gaussian."""
        if a not in self._found:
            everything = np.arange(a.size)
            factors = [(factor, everything) for factor in factors_of(a)]
            directions = basis(columns.leaves(factors))
            moved = [self.moments.grouped([*factors, (xi, everything)], integrate=True) for xi in directions]
            error = max((m.error for m in moved), default=0.0)
            method = weakest(*(m.method for m in moved))
            self._found[a] = Slopes(directions, [m.value for m in moved], error, method)
        return self._found[a]

    def covariance(self, a, rows: np.ndarray, b: Family, cols: np.ndarray) -> Known:
        """Cov(a_i, b_j) for i in rows, j in cols."""
        found, value = self.of(a), np.zeros((len(rows), len(cols)))
        for xi, weight in zip(found.directions, found.weights, strict=True):
            if b in xi.terms:
                value += np.asarray(_weighted(xi.terms[b][rows], weight[rows]) @ b.cov[:, cols])
        scale = float(np.abs(b.cov).max(initial=0.0)) ** 0.5
        return Known(value, found.error * scale, found.method)

    def derivative(self, x: Combo, family: Family) -> Known:
        """E dX_i / dg_j for the variables g of a family: sparse (x.size, family.size).

        The error is that of a unit direction: times a standard deviation of the family's images it bounds the error
        of the combination that the derivatives make.
        """
        shape = (x.size, family.size)
        result, error, methods = x.terms.get(family, sparse.csr_matrix(shape)), 0.0, ["exact"]
        for a, left in x.terms.items():
            if isinstance(a, Family) or not self.moments.depends(a, family):
                continue
            found, rows = self.of(a), np.unique(left.indices)
            size = np.zeros(a.size)
            size[rows] = np.sqrt(np.maximum(np.diagonal(self.moments.second(a, rows, a, rows).value), 0.0))
            for xi, weight in zip(found.directions, found.weights, strict=True):
                weight = np.where(np.abs(weight) <= 4 * found.error + _NOISE * size, 0.0, weight)
                if family in xi.terms and np.any(weight):
                    result = result + left @ _weighted(xi.terms[family], weight)
                    error, methods = error + found.error * row_norm(left), [*methods, found.method]
        return Known(clean(result), error, weakest(*methods))


def basis(leaves: list[Combo]) -> list[Combo]:
    """Orthonormal combinations of Gaussians, row by row, by Gram and Schmidt: independent leaves stay apart."""
    mean, cov = columns.statistics(leaves)
    count = len(leaves[0].const) if leaves else 0
    scale = np.sqrt(np.maximum(np.einsum("roo->ro", cov), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    corr = cov / safe[:, :, None] / safe[:, None, :]
    made: list[np.ndarray] = []
    for o in range(len(leaves)):
        unit = np.zeros((count, len(leaves)))
        unit[:, o] = 1.0
        for _ in range(2):
            for old in made:
                unit = unit - np.einsum("ro,rop,rp->r", old, corr, unit)[:, None] * old
        left = np.einsum("ro,rop,rp->r", unit, corr, unit)
        alive = (scale[:, o] > 0) & (left > _RANK * len(leaves))
        made.append(unit * np.where(alive, 1 / np.sqrt(np.where(alive, left, 1.0)), 0.0)[:, None])
    directions = []
    for unit in made:
        parts = [
            Combo(leaf.const - m, leaf.terms).scaled(unit[:, o] / safe[:, o])
            for o, (leaf, m) in enumerate(zip(leaves, mean, strict=True))
            if np.any(unit[:, o])
        ]
        if parts:
            directions.append(total(parts))
    return directions


def _weighted(matrix: sparse.csr_matrix, weight: np.ndarray) -> sparse.csr_matrix:
    """Row r times weight[r]."""
    return sparse.diags(weight).tocsr() @ matrix
