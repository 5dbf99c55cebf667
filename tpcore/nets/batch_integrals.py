r"""Batch normalization in the limit: integrals over a scale.

With z ~ N(0, S) the centred preactivations of a batch of size B and phi positively homogeneous of degree 1,
phi(sqrt(B) z / |z|) = sqrt(B) phi(z) / |z|. Since 1/|z|^2 = int_0^inf exp(-s |z|^2) ds, and exp(-s |z|^2) tilts
N(0, S) to N(0, S (I + 2 s S)^{-1}) with weight det(I + 2 s S)^{-1/2},

.. math:: E = B \int_0^\infty \det(I + 2 s S)^{-1/2}\, V_\phi(S (I + 2 s S)^{-1})\, ds .

Across two batches 1/(|z| |z'|) = (1/pi) int int (s t)^{-1/2} exp(-s |z|^2 - t |z'|^2) ds dt = (4/pi) int int
exp(-u^2 |z|^2 - v^2 |z'|^2) du dv. With s (or u, v) = c exp(x - exp(-x)) the integrands fall doubly exponentially on
the left and exponentially on the right, where the trapezoid rule in x converges exponentially; its step is halved
until two rules agree. A rank-one batch (B = 2) is its sign. Source: Tensor Programs I (arXiv 1910.12478), appendix D.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpcore.activations import Activation, get
from tpcore.compute.tiles import map_tiles
from tpcore.limit import expect
from tpcore.nets.moments import Own

CUT, STEPS = 1e-13, (0.5, 0.25, 0.125, 0.0625)
SNAP = 4e-15  # correlations this near to 1 are copies, rounded
_DIGITS = 33.0  # -log of rounding


def resolved(o: Own, phi: Activation | None = None) -> Own:
    """`o` with a pending batch normalization (and phi after it) carried out."""
    if not o.normalized:
        return o
    phi = get("identity") if phi is None else phi
    S, groups, T = o.K[0], o.layout.groups(), None
    if o.T is not None:
        from tpcore.nets.batch_tangent import tangent

        T = tangent(S, o.T[0], groups, phi)[None]
    return replace(o, K=kernel(S, groups, phi)[None], T=T, normalized=False, gaussian=False, fresh=False,
                   mean=lambda: means(S, groups, phi)[None])


def means(S: np.ndarray, groups: list[slice], phi: Activation) -> np.ndarray:
    """E phi(sqrt(B) z_i / |z|) for every member of every batch."""
    return np.concatenate([_signed(_Batch(S[g, g]), None, phi)[0] for g in groups])


def kernel(S: np.ndarray, groups: list[slice], phi: Activation) -> np.ndarray:
    """E x x^T of x = phi(normalized preactivations); S (M, M) is centred within every batch `groups`."""
    parts = [_Batch(S[g, g]) for g in groups]
    out = np.empty_like(S)
    tasks = [(i, j) for i in range(len(groups)) for j in range(i, len(groups))]

    def work(pair):
        i, j = pair
        same, crossed = i == j, S[groups[i], groups[j]]
        value = _single(parts[i], phi) if same else _double(parts[i], parts[j], crossed, phi)
        out[groups[i], groups[j]], out[groups[j], groups[i]] = value, value.T

    map_tiles(work, tasks)
    return out


class _Batch:
    """The centred covariance of one batch, by its eigenvalues.

    Attributes
    ----------
    values, vectors : ndarray
        Eigenvalues (r,) above rounding and their vectors (B, r).
    """

    def __init__(self, S: np.ndarray):
        values, vectors = np.linalg.eigh((S + S.T) / 2)
        keep = values > CUT * max(values[-1], 1e-300) * len(S)
        self.size, self.values, self.vectors = len(S), values[keep], vectors[:, keep]


def _single(batch: _Batch, phi: Activation) -> np.ndarray:
    values = batch.values
    if len(values) == 1:
        even, odd = _even_odd(batch, phi)
        return np.multiply.outer(even, even) + np.multiply.outer(odd, odd)

    def integrand(s: np.ndarray) -> np.ndarray:
        weight = np.exp(-0.5 * np.log1p(2 * np.multiply.outer(s, values)).sum(axis=1))
        tilted = values / (1 + 2 * np.multiply.outer(s, values))
        sigma = np.einsum("ik,sk,jk->sij", batch.vectors, tilted, batch.vectors)
        return np.asarray(expect.V(phi, sigma, check=False)) * weight[:, None, None]

    # Falls like s^(-r/2) at infinity, where V falls like 1/s.
    axis = _Axis(0.5 / values[-1], 2 * _DIGITS / len(values) + np.log(values[-1] / values[0]))
    total, before = np.zeros((batch.size,) * 2), None
    for step in STEPS:
        s, weight = axis.points(step)
        total = (integrand(s) * weight[:, None, None]).sum(axis=0)
        if before is not None and _agree(total, before):
            break
        before = total
    return batch.size * total


def _double(left: _Batch, right: _Batch, crossed: np.ndarray, phi: Activation) -> np.ndarray:
    """4 sqrt(B B')/pi int int det(I + 2 Omega)^(-1/2) V(Pi) du dv.

    Coordinates z = A a, z' = B b with a, b standard normal and Cov(a, b) = C: then |z|^2 = a' D a with the
    eigenvalues D, and exp(-u^2 |z|^2 - v^2 |z'|^2) tilts the covariance R of (a, b) to
    F (I + F' N^2 F)^{-1} F', R = F F', N^2 = 2 diag(u^2 D, v^2 D'), with weight det(I + F' N^2 F)^(-1/2).
    """
    if len(left.values) == 1:
        return _of_signs(left, right, crossed, phi)
    if len(right.values) == 1:
        return _of_signs(right, left, crossed.T, phi).T
    k, root = len(left.values), [b.vectors * np.sqrt(b.values) for b in (left, right)]
    inverse = [b.vectors / np.sqrt(b.values) for b in (left, right)]
    C = inverse[0].T @ crossed @ inverse[1]
    R = np.block([[np.eye(k), C], [C.T, np.eye(len(right.values))]])
    size, vectors = np.linalg.eigh(R)
    keep = size > CUT
    F = vectors[:, keep] * np.sqrt(size[keep])
    B1 = left.size

    def integrand(u: float, v: np.ndarray) -> np.ndarray:
        first = np.broadcast_to(u * np.sqrt(2 * left.values), (len(v), k))
        N = np.concatenate([first, np.multiply.outer(v, np.sqrt(2 * right.values))], axis=1)
        squared = np.swapaxes(F * (N**2)[:, :, None], 1, 2) @ F
        middle = np.eye(F.shape[1]) + squared
        _, logdet = np.linalg.slogdet(middle)
        tilted = F @ np.linalg.solve(middle, np.broadcast_to(F.T, (len(v), *F.T.shape)))
        sigma = np.empty((len(v), B1 + right.size, B1 + right.size))
        sigma[:, :B1, :B1] = root[0] @ tilted[:, :k, :k] @ root[0].T
        sigma[:, B1:, B1:] = root[1] @ tilted[:, k:, k:] @ root[1].T
        sigma[:, :B1, B1:] = root[0] @ tilted[:, :k, k:] @ root[1].T
        sigma[:, B1:, :B1] = np.swapaxes(sigma[:, :B1, B1:], 1, 2)
        return crossed_V(phi, sigma, B1) * np.exp(-0.5 * logdet)[:, None, None]

    axes = [_Axis(np.sqrt(0.5 / b.values[-1]), _reach(b)) for b in (left, right)]
    before = None
    for step in STEPS:
        (us, left_weight), (v, right_weight) = (axis.points(step) for axis in axes)
        rows = (np.tensordot(right_weight, integrand(u, v), 1) for u in us)
        total = sum(w * row for w, row in zip(left_weight, rows, strict=True))
        if before is not None and _agree(total, before):
            break
        before = total
    return 4 * np.sqrt(left.size * right.size) / np.pi * total


def _even_odd(batch: _Batch, phi: Activation) -> tuple[np.ndarray, np.ndarray]:
    """A batch of rank one is z = g u: phi(sqrt(B) z / |z|) = even + odd sign(g)."""
    u = batch.vectors[:, 0] * np.sqrt(batch.size)
    return (phi.f(u) + phi.f(-u)) / 2, (phi.f(u) - phi.f(-u)) / 2


def _of_signs(left: _Batch, right: _Batch, crossed: np.ndarray, phi: Activation) -> np.ndarray:
    """E x x'^T where the left batch has rank one: x = even + odd sign(g)."""
    even, odd = _even_odd(left, phi)
    with_g = left.vectors[:, 0] @ crossed / np.sqrt(left.values[0])
    mean, signed = _signed(right, with_g, phi)
    return np.multiply.outer(even, mean) + np.multiply.outer(odd, signed)


def _signed(batch: _Batch, with_g: np.ndarray | None, phi: Activation) -> tuple[np.ndarray, np.ndarray]:
    """E phi(sqrt(B) z/|z|) and E sign(g) phi(sqrt(B) z/|z|), g standard normal with Cov(g, z) = `with_g`.

    1/|z| = (2/sqrt pi) int exp(-v^2 |z|^2) dv. With phi(z) = even |z| + odd z only the even part has a mean, and only
    the odd part meets the sign: E sign(g) z = sqrt(2/pi) Cov(g, z) / std g, all under the tilted law.
    """
    even, odd = ((phi.f(np.ones(1)) + sign * phi.f(-np.ones(1)))[0] / 2 for sign in (1.0, -1.0))
    c = np.zeros(len(batch.values)) if with_g is None else batch.vectors.T @ with_g / np.sqrt(batch.values)
    if len(batch.values) == 1:
        a, b = _even_odd(batch, phi)
        rho = np.sign(c[0]) if abs(c[0]) > 1 - SNAP else c[0]
        return a, b * 2 / np.pi * np.arcsin(rho)
    root = batch.vectors * np.sqrt(batch.values)
    axis, before = _Axis(np.sqrt(0.5 / batch.values[-1]), _reach(batch)), None
    for step in STEPS:
        v, weight = axis.points(step)
        n = 2 * np.multiply.outer(v**2, batch.values)
        weight = weight * np.exp(-0.5 * np.log1p(n).sum(axis=1))
        spread = np.sqrt((1 / (1 + n)) @ (root**2).T)
        sd = np.sqrt(1.0 - (n / (1 + n)) @ c**2)
        total = np.stack([even * (weight @ spread), odd * ((weight / sd) @ (c / (1 + n)) @ root.T)])
        if before is not None and _agree(total, before):
            break
        before = total
    mean, signed = 2 / np.sqrt(np.pi) * np.sqrt(2 / np.pi) * np.sqrt(batch.size) * total
    return mean, signed


def _reach(batch: _Batch) -> float:
    """Where the integrand over u, which falls like u^(-rank), has become rounding; u^2 S at most 1e14."""
    return min(_DIGITS / len(batch.values) + 0.5 * np.log(batch.values[-1] / batch.values[0]), 14.0)


class _Axis:
    """The substitution u = c exp(x - exp(-x)): a half line of u as a short interval of x."""

    def __init__(self, scale: float, high: float):
        self.scale, self.low, self.high = scale, -np.log(_DIGITS), high + 2.0

    def points(self, step: float) -> tuple[np.ndarray, np.ndarray]:
        """(u, weights) of the trapezoid rule."""
        x = np.arange(self.low, self.high + step, step)
        u = self.scale * np.exp(x - np.exp(-x))
        return u, step * u * (1 + np.exp(-x))


def _agree(fine: np.ndarray, coarse: np.ndarray) -> bool:
    """Errors of these rules are squared when the step is halved: agreement to 1e-7 means far better than that."""
    return np.abs(fine - coarse).max() <= 1e-7 * max(np.abs(fine).max(), 1e-300)


def crossed_V(phi: Activation, sigma: np.ndarray, size: int) -> np.ndarray:
    """The block of V_phi between the first `size` variables and the others."""
    q = np.maximum(np.diagonal(sigma, axis1=1, axis2=2), 0.0)
    return np.asarray(expect.pair(phi, q[:, :size, None], q[:, None, size:],
                                  _clipped(sigma[:, :size, size:], q[:, :size, None], q[:, None, size:])))


def _clipped(c, q1, q2):
    bound = np.sqrt(q1 * q2)
    return np.clip(c, -bound, bound)
