r"""Batch normalization before any activation in the limit: by a sample, the same for all entries.

With z ~ N(0, S) the centred preactivations of batches, y = sqrt(B) z / |z| in each batch of size B, x = phi(y) and
s = |z| / sqrt(B), second moments are E x_i x_j, and

.. math:: dx_i = \phi'(y_i) / s \; \Bigl( dz_i - y_i \, y \cdot dz / B \Bigr)

gives the tangent kernel behind the layer from M = <dz, dz'> before it. Directions matter alone: with S = F F^T and
z = F g the radius of g, of r coordinates, is independent of its direction, and E 1/|g|^2 = 1/(r - 2) is put in exactly.
Sources: Tensor Programs I (arXiv 1910.12478), appendix D; II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from tpcore.activations import Activation
from tpcore.limit.derivative import slope_of
from tpcore.nets.batch_integrals import CUT
from tpcore.nets.moments import Own
from tpcore.nets.quasi import normal_points


def sampled(o: Own, phi: Activation) -> Own:
    """`o` with a pending batch normalization and phi after it carried out, by one scrambling of `o.points`."""
    z, radius, rank = _preactivations(o.K[0], o.points, o.seed())
    groups, count = o.layout.groups(), z.shape[1]
    y, scale = np.empty_like(z), np.empty_like(z)
    for g in groups:
        scale[g] = np.sqrt((z[g] ** 2).mean(axis=0))
        y[g] = z[g] / scale[g]
    x, T = phi.f(y), None
    if o.T is not None:
        from tpcore.nets.batch_tangent import refuse_infinite

        refuse_infinite(o.K[0], o.T[0], groups)
        p = slope_of(phi)(y) * (radius / np.sqrt(max(rank - 2, 1))) / scale
        T = _tangent(p / np.sqrt(count), y, o.T[0], groups)[None]
    mean = x.mean(axis=1)[None]
    return replace(o, K=(x @ x.T / count)[None], T=T, normalized=False, gaussian=False, fresh=False, mean=lambda: mean)


def _preactivations(S: np.ndarray, points: int, seed) -> tuple[np.ndarray, np.ndarray, int]:
    """z (M, points) of covariance S, |g| (points,) and the number of coordinates of g."""
    values, vectors = np.linalg.eigh((S + S.T) / 2)
    keep = np.flatnonzero(values > CUT * values[-1] * len(S))[::-1]
    noise, radius = _noise(points, len(keep), seed)
    return (vectors[:, keep] * np.sqrt(values[keep])) @ noise, radius, len(keep)


@lru_cache(maxsize=8)
def _noise(points: int, rank: int, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal points (rank, points) and their lengths; the layers of a network share them."""
    noise = np.ascontiguousarray(normal_points(points, rank, seed).T)
    return noise, np.linalg.norm(noise, axis=0)


def _tangent(p: np.ndarray, y: np.ndarray, M: np.ndarray, groups: list[slice]) -> np.ndarray:
    """The sum over points of p_i p_j ((1 - y y^T / B) M (1 - y' y'^T / B'))_ij, batch by batch."""
    sizes = [g.stop - g.start for g in groups]
    p = p.copy()
    for g, size in zip(groups, sizes, strict=True):
        if size == 2:
            p[g] = 0.0  # two members are a sign and its negative
    py, T = p * y, M * (p @ p.T)
    for a, A in zip(groups, sizes, strict=True):
        for b, B in zip(groups, sizes, strict=True):
            right = M[a, b] @ y[b]  # M y' at the members of a
            T[a, b] -= (p[a] * right) @ py[b].T / B
            T[b, a] -= py[b] @ (p[a] * right).T / B
            T[a, b] += (py[a] * ((y[a] * right).sum(axis=0) / (A * B))) @ py[b].T
    return (T + T.T) / 2
