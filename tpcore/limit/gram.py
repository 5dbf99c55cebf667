"""V and dV of whole Gram matrices."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.activations import Activation
from tpcore.errors import Misuse
from tpcore.limit import closed, mixture, pairs, series
from tpcore.limit.derivative import slip, slope_of
from tpcore.limit.values import Values

EPS = np.finfo(float).eps
SMALL = 48


def checked(Sigma) -> np.ndarray:
    """`Sigma` as float64 (..., k, k); `Misuse` unless symmetric, finite, with variances >= 0 and |rho| <= 1."""
    sigma = checks.raw_array("Sigma", Sigma)
    if sigma.dtype.kind not in "biuf":
        raise Misuse("Sigma must be an array of real numbers", f"dtype {sigma.dtype}")
    if sigma.ndim < 2 or sigma.shape[-1] != sigma.shape[-2]:
        raise Misuse("Sigma must be a square matrix, or a stack of them", f"shape {sigma.shape}")
    sigma = np.ascontiguousarray(sigma, dtype=np.float64)
    scale = np.max(np.abs(sigma), initial=0.0)
    if not np.isfinite(scale):
        raise Misuse("Sigma must be finite", f"{scale} among its entries")
    pairs.small("Every entry of Sigma", sigma)
    flipped = np.swapaxes(sigma, -1, -2)
    if np.max(np.abs(sigma - flipped), initial=0.0) > 1e-9 * scale:
        raise Misuse("Sigma must be symmetric", hint="Use (S + S.T) / 2")
    q = np.diagonal(sigma, axis1=-2, axis2=-1)
    if np.min(q, initial=0.0) < -1e-12 * scale:
        raise Misuse("A variance must be at least 0", f"{float(q.min()):.6g} on the diagonal of Sigma")
    root = np.sqrt(np.maximum(q, 0.0))
    beyond = np.abs(sigma) - root[..., :, None] * root[..., None, :] * (1 + pairs.SLACK / 2)
    if np.max(beyond, initial=0.0) > 1e-13 * scale:
        at = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
        pairs.refuse(q[(*at[:-2], at[-2])], q[(*at[:-2], at[-1])], sigma[at])
    return sigma


def transform(phi: Activation, sigma: np.ndarray, value: bool = False, slope: bool = False):
    """(V or None, dV or None) of a stack of covariances."""
    if sigma.shape[-1] <= SMALL or sigma.ndim > 2 and sigma.shape[-1] == 0:
        return tuple(_small(phi, sigma, kind) if wanted else None for kind, wanted in ((False, value), (True, slope)))
    stack = sigma.reshape(-1, *sigma.shape[-2:])
    results = [_one(phi, np.ascontiguousarray(s), value, slope) for s in stack]
    return tuple(_join([r[k] for r in results], sigma.shape) for k in (0, 1))


def _join(parts: list, shape: tuple) -> Values | None:
    if parts[0] is None:
        return None
    if len(shape) == 2:
        return parts[0]
    method = " and ".join(sorted({p.method for p in parts}))
    return Values(np.stack(parts).reshape(shape), method, max(p.error for p in parts))


def _one(phi: Activation, sigma: np.ndarray, value: bool, slope: bool) -> list[Values | None]:
    form = closed.form_of(phi)
    if form is not None:
        v, d = closed.gram(form, sigma, slope)
        return [
            Values(x, "closed form", 16 * EPS * _top(x)) if wanted else None
            for x, wanted in ((v, value), (d, slope))
        ]
    return [_general(phi, sigma, kind) if wanted else None for kind, wanted in ((False, value), (True, slope))]


def _top(x: np.ndarray) -> float:
    """Size of the largest entry of V or dV; it stands on the diagonal."""
    return float(np.max(np.abs(np.diagonal(x)), initial=0.0))


def _general(phi: Activation, sigma: np.ndarray, slope: bool) -> Values:
    if phi.form == "identity":
        return Values(np.ones_like(sigma) if slope else sigma.copy(), "closed form", 0.0)
    pairs.small("A variance", np.diagonal(sigma))
    if not phi.kinks and not phi.form and not mixture.holds(phi, np.diagonal(sigma)):
        found = _by_series(slope_of(phi) if slope else phi.f, sigma)
        if found is not None:
            found.error += slip(phi, slope) * _top(found)
            return found
    return _small(phi, sigma, slope)


def _by_series(f, sigma: np.ndarray) -> Values | None:
    q = np.maximum(np.diagonal(sigma), 0.0)
    expansion = series.expand(f, q)
    if expansion is None:
        return None
    with np.errstate(divide="ignore"):
        r = np.where(q > 0, 1 / np.sqrt(q), 0.0)
    error = (expansion.residual + series.TAIL + 8 * EPS) * float(expansion.energy.max())
    return Values(series.gram(expansion, r, sigma), "series", error)


def _small(phi: Activation, sigma: np.ndarray, slope: bool) -> Values:
    """Upper half as a list of pairs."""
    k = sigma.shape[-1]
    i, j = np.triu_indices(k)
    q = np.maximum(np.diagonal(sigma, axis1=-2, axis2=-1), 0.0)
    q1, q2, c = (np.ascontiguousarray(x).reshape(-1) for x in (q[..., i], q[..., j], sigma[..., i, j]))
    zero = np.zeros(c.size)
    value, error, method = pairs.flat(phi, phi, q1, q2, c, zero, zero, slope)
    out = np.empty(sigma.shape)
    out[..., i, j] = value.reshape(*sigma.shape[:-2], i.size)
    out[..., j, i] = out[..., i, j]
    return Values(out, method, float(np.max(error, initial=0.0)))
