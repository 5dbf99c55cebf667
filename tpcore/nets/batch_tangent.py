r"""Batch normalization's tangent kernel in the limit: integrals over a scale, as in `batch_integrals`.

With z ~ N(0, S) the centred preactivations of a batch of size B, r = |z| and x = phi(sqrt(B) z / r), phi positively
homogeneous of degree 1,

.. math:: dx_i = \sqrt B\, \phi'(z_i) \left( dz_i / r - z_i\, z \cdot dz / r^3 \right) .

With M = <dz, dz'> the centred tangent kernel before the layer, the one behind it is, for one batch,

.. math:: B\, E\, \phi'_i \phi'_j \left( M_{ij} r^{-2} - (z_i (M z)_j + (M z)_i z_j) r^{-4}
          + z_i z_j\, z^\top M z\, r^{-6} \right)

and across two sqrt(B B') E phi'_i phi'_j (M_ij/(r r') - z_i (z^T M)_j/(r^3 r') - (M z')_i z'_j/(r r'^3)
+ z_i z'_j z^T M z'/(r^3 r'^3)). Powers of r become integrals over exp(-s r^2), which tilt the law to a covariance P;
there Stein's lemma leaves V = E phi_i phi_j, V' = E phi'_i phi'_j and, since phi(z) = z phi'(z),
E phi_i phi''_j = C_ij / P_jj with C = V - P_ij V'. So for one batch, with Q = P M P,

.. math:: E \phi_i \phi'_j (M z)_j = (P M)_{ij} V' + (P M)_{jj} C_{ij} / P_{jj}, \quad
          E \phi_i \phi_j z^\top M z = tr(M P) V + 2 Q_{ij} V' + C_{ij} (Q_{ii} / P_{ii} + Q_{jj} / P_{jj}) .

E r^-2 is finite from rank 3 on (four members); a batch of rank 1 is its sign, whose slope is 0. Sources: Tensor
Programs II (arXiv 2006.14548), appendix on batch normalization; the integrals derived here.
"""

from __future__ import annotations

import numpy as np

from tpcore.activations import Activation
from tpcore.compute.tiles import map_tiles
from tpcore.errors import Misuse
from tpcore.limit import expect
from tpcore.nets.batch_integrals import _DIGITS, CUT, STEPS, _agree, _Axis, _Batch, _clipped, _reach

OUTSIDE = 1e-9


def tangent(S: np.ndarray, M: np.ndarray, groups: list[slice], phi: Activation) -> np.ndarray:
    """Tangent kernel of x = phi(normalized preactivations); S and M (K, K) are centred within every batch `groups`.

    Raises
    ------
    Misuse
        For a batch whose preactivations span two dimensions (of three members): E r^-2 is infinite.
    """
    refuse_infinite(S, M, groups)
    parts = [_Batch(S[g, g]) for g in groups]
    out = np.empty_like(S)
    tasks = [(i, j) for i in range(len(groups)) for j in range(i, len(groups))]

    def work(pair):
        i, j = pair
        own, crossed = M[groups[i], groups[j]], S[groups[i], groups[j]]
        value = _single(parts[i], own, phi) if i == j else _double(parts[i], parts[j], crossed, own, phi)
        out[groups[i], groups[j]], out[groups[j], groups[i]] = value, value.T

    map_tiles(work, tasks)
    return out


def refuse_threes(groups: list[slice]) -> None:
    """Refuse batches of three, whatever the activation."""
    for size in (g.stop - g.start for g in groups):
        if size == 3:
            _refuse(size, 2)


def refuse_infinite(S: np.ndarray, M: np.ndarray, groups: list[slice]) -> None:
    """Refuse batches that span two dimensions, as `tangent`."""
    for g in groups:
        _finite(_Batch(S[g, g]), M[g, g])


def _refuse(size: int, rank: int) -> None:
    raise Misuse("The tangent kernel of batch normalization is infinite unless a batch has four members that span "
                 "three dimensions, for 1/r^2 has no mean", f"a batch of {size} that spans {rank}",
                 "Use batches of four or more different inputs; of eight, to see it at finite width")


def _finite(batch: _Batch, M: np.ndarray) -> None:
    inside = batch.vectors @ batch.vectors.T
    beyond = np.abs(M - inside @ M @ inside).max() > OUTSIDE * np.abs(M).max()
    if len(batch.values) == 2 or (len(batch.values) == 1 and beyond):
        _refuse(batch.size, len(batch.values))


def _single(batch: _Batch, M: np.ndarray, phi: Activation) -> np.ndarray:
    values, vectors = batch.values, batch.vectors
    if len(values) == 1:
        return np.zeros_like(M)

    def integrand(s: np.ndarray) -> np.ndarray:
        weight = np.exp(-0.5 * np.log1p(2 * np.multiply.outer(s, values)).sum(axis=1))
        P = np.einsum("ik,sk,jk->sij", vectors, values / (1 + 2 * np.multiply.outer(s, values)), vectors)
        V, dV = (np.asarray(part) for part in expect.V_dV(phi, P, check=False))
        C, PM = V - P * dV, P @ M
        Q = PM @ P
        first, second = _ratio(PM, P), _ratio(Q, P)
        mixed = PM * dV + C * first[:, None, :]
        trace = np.trace(PM, axis1=1, axis2=2)[:, None, None]
        square = trace * V + 2 * Q * dV + C * (second[:, :, None] + second[:, None, :])
        s = s[:, None, None]
        total = M * dV - s * (mixed + np.swapaxes(mixed, 1, 2)) + s**2 / 2 * square
        return total * weight[:, None, None]

    # Falls like s^(-r/2) at infinity, and like s^(1 - r/2) once integrated.
    axis = _Axis(0.5 / values[-1], 2 * _DIGITS / (len(values) - 2) + np.log(values[-1] / values[0]))
    total, before = np.zeros_like(M), None
    for step in STEPS:
        s, weight = axis.points(step)
        total = (integrand(s) * weight[:, None, None]).sum(axis=0)
        if before is not None and _agree(total, before):
            break
        before = total
    return batch.size * (total + total.T) / 2


def _ratio(X: np.ndarray, P: np.ndarray) -> np.ndarray:
    """X_ii / P_ii, and 0 for a member at the batch's mean, where both vanish."""
    top, bottom = (np.diagonal(a, axis1=1, axis2=2) for a in (X, P))
    known = bottom > CUT * bottom.max(axis=1, keepdims=True)
    return np.where(known, top / np.where(known, bottom, 1.0), 0.0)


def _double(left: _Batch, right: _Batch, crossed: np.ndarray, M: np.ndarray, phi: Activation) -> np.ndarray:
    """(4/pi) sqrt(B B') int int det^(-1/2) [a - 2 u^2 b - 2 v^2 c + 4 u^2 v^2 d] du dv, a, b, c, d the four terms."""
    if min(len(left.values), len(right.values)) == 1:
        return np.zeros_like(M)
    tilted = _Tilted(left, right, crossed)

    def integrand(u: float, v: np.ndarray) -> np.ndarray:
        weight, (P, R, S) = tilted(u, v)
        V, dV = _crossed(phi, P, R, S)
        C, Rt, Mt = V - R * dV, np.swapaxes(R, 1, 2), M.T
        PM, MS = P @ M, M @ S
        b = PM * dV + C * _ratio(Mt @ R, S)[:, None, :]
        c = MS * dV + C * _ratio(M @ Rt, P)[:, :, None]
        d = V * np.einsum("kl,skl->s", M, R)[:, None, None] + (PM @ S + R @ Mt @ R) * dV
        d += C * (_ratio(PM @ Rt, P)[:, :, None] + _ratio(Rt @ MS, S)[:, None, :])
        v2 = (v**2)[:, None, None]
        return (M * dV - 2 * u**2 * b - 2 * v2 * c + 4 * u**2 * v2 * d) * weight[:, None, None]

    axes = [_Axis(np.sqrt(0.5 / b.values[-1]), _far(b)) for b in (left, right)]
    before = None
    for step in STEPS:
        (us, left_weight), (v, right_weight) = (axis.points(step) for axis in axes)
        total = sum(w * np.tensordot(right_weight, integrand(u, v), 1) for u, w in zip(us, left_weight, strict=True))
        if before is not None and _agree(total, before):
            break
        before = total
    return 4 * np.sqrt(left.size * right.size) / np.pi * total


def _far(batch: _Batch) -> float:
    """Where the integrand, which falls like u^(1 - rank) once integrated, has become rounding."""
    return max(_reach(batch), min(_DIGITS / (len(batch.values) - 1) + 0.5 * np.log(batch.values[-1] / batch.values[0]),
                                  14.0))


class _Tilted:
    """The joint law of two batches under the weight exp(-u^2 r^2 - v^2 r'^2), as in `batch_integrals._double`."""

    def __init__(self, left: _Batch, right: _Batch, crossed: np.ndarray):
        self.left, self.right = left, right
        self.root = [b.vectors * np.sqrt(b.values) for b in (left, right)]
        inverse = [b.vectors / np.sqrt(b.values) for b in (left, right)]
        C, k = inverse[0].T @ crossed @ inverse[1], len(left.values)
        size, vectors = np.linalg.eigh(np.block([[np.eye(k), C], [C.T, np.eye(len(right.values))]]))
        keep = size > CUT
        self.F = vectors[:, keep] * np.sqrt(size[keep])

    def __call__(self, u: float, v: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Weights (V,) and the covariances (V, B, B), (V, B, B'), (V, B', B') for one u and many v."""
        F, k = self.F, len(self.left.values)
        first = np.broadcast_to(u * np.sqrt(2 * self.left.values), (len(v), k))
        N = np.concatenate([first, np.multiply.outer(v, np.sqrt(2 * self.right.values))], axis=1)
        middle = np.eye(F.shape[1]) + np.swapaxes(F * (N**2)[:, :, None], 1, 2) @ F
        _, logdet = np.linalg.slogdet(middle)
        tilted = F @ np.linalg.solve(middle, np.broadcast_to(F.T, (len(v), *F.T.shape)))
        a, b = self.root
        blocks = (a @ tilted[:, :k, :k] @ a.T, a @ tilted[:, :k, k:] @ b.T, b @ tilted[:, k:, k:] @ b.T)
        return np.exp(-0.5 * logdet), blocks


def _crossed(phi: Activation, P: np.ndarray, R: np.ndarray, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, V') between two batches of covariances P, S and cross covariance R."""
    p, q = (np.maximum(np.diagonal(X, axis1=1, axis2=2), 0.0) for X in (P, S))
    p, q = p[:, :, None], q[:, None, :]
    c = _clipped(R, p, q)
    if phi.form == "identity":
        return c, np.ones_like(c)
    return np.asarray(expect.pair(phi, p, q, c)), np.asarray(expect.dpair(phi, p, q, c))


__all__ = ["refuse_infinite", "refuse_threes", "tangent"]
