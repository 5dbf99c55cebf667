"""E f(u) g(v) for arrays of pairs: checks, then the best of closed form, series, table and quadrature."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.activations import Activation
from tpcore.errors import Misuse
from tpcore.jitted import gaussian
from tpcore.limit import bivariate, closed, kinked, mixture, series, table
from tpcore.limit.derivative import slip, slope_of
from tpcore.limit.estimate import Estimate

EPS = np.finfo(float).eps
SLACK = 2e-9
MANY = 400
LARGEST = 1e100


def evaluate(phi: Activation, psi: Activation, q1, q2, c, m1, m2, slope: bool = False) -> Estimate:
    """E phi(u) psi(v) or, with `slope`, E phi'(u) psi'(v), of the broadcast shape."""
    named = {"The variance q1": q1, "The variance q2": q2, "The covariance c": c, "The mean m1": m1, "The mean m2": m2}
    given = [small(what, checks.array(what, x)) for what, x in named.items()]
    try:
        given = np.broadcast_arrays(*given)
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in given)
        raise Misuse("Variances, covariance and means must broadcast", f"shapes {shapes}") from None
    shape = given[0].shape
    q1, q2, c, m1, m2 = (np.ascontiguousarray(x).reshape(-1) for x in given)
    q1, q2 = checked(q1, q2, c)
    value, error, method = flat(phi, psi, q1, q2, c, m1, m2, slope)
    if not shape:
        return Estimate(float(value[0]), float(error[0]), method)
    return Estimate(value.reshape(shape), error.reshape(shape), method)


def small(what: str, x: np.ndarray) -> np.ndarray:
    """`x`, if products of two such numbers are far from overflow."""
    if not np.max(np.abs(x), initial=0.0) <= LARGEST:
        raise Misuse(f"{what} must be at most {LARGEST:g}, so that products do not overflow", f"{np.abs(x).max():g}")
    return x


def finite(phi: Activation, values: np.ndarray, errors: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """`values`, if the expectations exist as far as their errors tell; `typical` is a size that they may have."""
    if not np.isfinite(values).all() or np.any(errors > np.maximum(np.abs(values), 1.0) + typical):
        bivariate.refuse_infinite(phi.name)
    return values


def _at_one_deviation(f, q: np.ndarray, m: np.ndarray) -> np.ndarray:
    """The larger of |f(m + s)| and |f(m - s)|, s = sqrt q."""
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.maximum(np.abs(f(m + np.sqrt(q))), np.abs(f(m - np.sqrt(q)))))


def checked(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The variances, with rounding below 0 removed; `Misuse` where no such Gaussian pair exists."""
    scale = max(np.max(np.abs(q1), initial=0.0), np.max(np.abs(q2), initial=0.0))
    for q in (q1, q2):
        if np.min(q, initial=0.0) < -1e-12 * scale:
            raise Misuse("A variance must be at least 0", f"{float(q.min()):.6g}")
    q1, q2 = np.maximum(q1, 0.0), np.maximum(q2, 0.0)
    bad = gaussian.invalid(q1, q2, c, SLACK, (1e-13 * scale) ** 2)
    if bad >= 0:
        refuse(q1[bad], q2[bad], c[bad])
    return q1, q2


def refuse(q1: float, q2: float, c: float) -> None:
    """`Misuse`: q1, q2, c are not the variances and the covariance of anything."""
    rho = c / np.sqrt(q1 * q2) if q1 * q2 > 0 else np.inf * np.sign(c)
    raise Misuse(
        "A covariance c must satisfy |c| <= sqrt(q1 q2)",
        f"c = {c:.6g} with variances {q1:.6g} and {q2:.6g} (correlation {rho:.6g})",
        "Check that the matrix is positive semidefinite",
    )


def flat(phi, psi, q1, q2, c, m1, m2, slope=False) -> tuple[np.ndarray, np.ndarray, str]:
    """(values, errors, method) of contiguous 1-D arrays of equal length."""
    centred = not (m1.any() or m2.any())
    if centred and (phi is psi or (phi.form == psi.form != "" and phi.params == psi.params)):
        known = closed_flat(phi, q1, q2, c, slope)
        if known is not None:
            return *known, "closed form"
    for q in (q1, q2):
        small("A variance", q)
    f, g = (slope_of(phi), slope_of(psi)) if slope else (phi.f, psi.f)
    if centred and phi is psi and (mixture.holds(phi, q1) or mixture.holds(phi, q2)):
        return *mixture.flat(phi, q1, q2, c, slope), "series"
    value, error, method = _numerically(f, g, phi, psi, q1, q2, c, m1, m2, centred)
    if slope:
        error = error + (slip(phi, slope) + slip(psi, slope)) * np.max(np.abs(value), initial=0.0)
        value = _at_zero(f, g, phi, psi, q1, q2, m1, m2, value)
    typical = _at_one_deviation(f, q1, m1) * _at_one_deviation(g, q2, m2)
    return finite(phi, value, error, typical), error, method


def _numerically(f, g, phi, psi, q1, q2, c, m1, m2, centred) -> tuple[np.ndarray, np.ndarray, str]:
    if centred and c.size and not (phi.kinks or psi.kinks):
        found = _series(f, g, q1, q2, c, phi is psi)
        if found is not None:
            return *found, "series"
    if centred and c.size > MANY and (phi.kinks or psi.kinks):
        found = kinked.flat(f, g, q1, q2, c, phi.kinks, psi.kinks)
        if found is not None:
            return _completed(found, f, g, phi, psi, q1, q2, c)
    if centred and c.size > MANY:
        found = table.flat(f, g, q1, q2, c, phi.kinks, psi.kinks)
        if found is not None:
            return *found, "table"
    return *bivariate.integrate(bivariate.Pairs(f, g, q1, q2, c, m1, m2, phi.kinks, psi.kinks)), "quadrature"


def _completed(found, f, g, phi, psi, q1, q2, c) -> tuple[np.ndarray, np.ndarray, str]:
    """Some pairs by the series, the variances E f(u)^2 by one integral, the others by a table or by quadrature."""
    which, some, errors = found
    value, error = np.empty(c.size), np.empty(c.size)
    value[which], error[which] = some, errors
    rest = np.ones(c.size, bool)
    rest[which] = False
    same = np.flatnonzero(rest & (q1 == c) & (q2 == c)) if f == g else which[:0]
    if same.size:
        zero = np.zeros(same.size)
        value[same], error[same] = single_values(lambda x: f(x) ** 2, phi.kinks, q1[same], zero)
        rest[same] = False
    if not rest.any():
        return value, error, "quadrature" if same.size else "series"
    zero = np.zeros(int(rest.sum()))
    problem = (q1[rest], q2[rest], c[rest])
    tabled = table.flat(f, g, *problem, phi.kinks, psi.kinks) if zero.size > MANY else None
    if tabled is None:
        tabled = bivariate.integrate(bivariate.Pairs(f, g, *problem, zero, zero, phi.kinks, psi.kinks))
        value[rest], error[rest] = tabled
        return value, error, "quadrature"
    value[rest], error[rest] = tabled
    return value, error, "table"


def closed_flat(phi: Activation, q1, q2, c, slope: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """(values, errors) by the closed form of E phi phi or E phi' phi', or None."""
    if phi.form == "identity":
        value = np.ones_like(c) if slope else c.copy()
        return value, np.zeros_like(c)
    if phi.form == "hermite":
        k = int(phi.params[0])
        factor, k = (k * k, k - 1) if slope else (1, k)
        if k < 0:
            return np.zeros_like(c), np.zeros_like(c)
        left, right = (closed.hermite_coefficients(k, q) for q in (q1, q2))
        powers = c[None, :] ** np.arange(k + 1)[:, None]
        terms = np.concatenate([left[0] * right[0] * powers[0::2], left[1] * right[1] * powers[1::2]]) * factor
        return terms.sum(0), 8 * EPS * (k + 1) * np.abs(terms).sum(0)
    form = closed.form_of(phi)
    if form is None:
        return None
    value = closed.flat(form, q1, q2, c)[int(slope)]
    return value, 16 * EPS * (np.abs(value) + np.abs(value).max(initial=0.0) * 0.1)


def _series(f, g, q1, q2, c, same: bool) -> tuple[np.ndarray, np.ndarray] | None:
    values, index = np.unique(np.concatenate([q1, q2]), return_inverse=True)
    left = series.expand(f, values)
    right = left if same else series.expand(g, values)
    if left is None or right is None or (c.size <= MANY and max(left.residual, right.residual) > 1e-12):
        return None
    i1, i2 = index[: q1.size], index[q1.size :]
    with np.errstate(all="ignore"):
        rho = np.where((q1 > 0) & (q2 > 0), c / np.sqrt(q1 * q2), 0.0)
    value = series.flat(left, right, i1, i2, np.clip(rho, -1.0, 1.0))
    size = np.sqrt(left.energy[i1] * right.energy[i2])
    return value, (max(left.residual, right.residual) + series.TAIL + 8 * EPS) * size


def _at_zero(f, g, phi, psi, q1, q2, m1, m2, value):
    """Where a variable is the constant of a kink, its derivative is the mean of the two sides."""
    for q, m, owner in ((q1, m1, phi), (q2, m2, psi)):
        for kink in owner.kinks:
            for i in np.flatnonzero((q == 0) & (m == kink)):
                value[i] = _two_sided(f, phi, q1[i], m1[i]) * _two_sided(g, psi, q2[i], m2[i])
    return value


def _two_sided(f, phi: Activation, q: float, m: float) -> float:
    if q == 0:
        gap = 1e-9 if m in phi.kinks else 0.0
        return float(f(np.array([m - gap, m + gap])).mean())
    return float(single_values(f, phi.kinks, np.array([q]), np.array([m]))[0][0])


def single(phi: Activation, q, m) -> Estimate:
    """E phi(u), u ~ N(m, q), of the broadcast shape."""
    q, m = (small(what, checks.array(what, x)) for what, x in (("The variance q", q), ("The mean m", m)))
    try:
        q, m = np.broadcast_arrays(q, m)
    except ValueError:
        raise Misuse("Variance and mean must broadcast", f"shapes {q.shape}, {m.shape}") from None
    shape = q.shape
    q, m = q.reshape(-1).copy(), m.reshape(-1).copy()
    q, _ = checked(q, q, np.zeros_like(q))
    value, error = single_values(phi.f, phi.kinks, q, m)
    finite(phi, value, error, _at_one_deviation(phi.f, q, m))
    if not shape:
        return Estimate(float(value[0]), float(error[0]), "quadrature")
    return Estimate(value.reshape(shape), error.reshape(shape), "quadrature")


def single_values(f, kinks, q: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E f(u) and its error for 1-D arrays of variances and means."""
    ones = bivariate.Pairs(f, np.ones_like, q, np.zeros_like(q), np.zeros_like(q), m, np.zeros_like(q), kinks)
    return bivariate.integrate_single(ones)
