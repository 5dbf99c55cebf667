r"""Regression with kernels: Gaussian process inference, and training by gradient flow in the kernel limit.

A wide network at initialization is a Gaussian process f_0 of covariance K (`tpcore.nngp`). Two ways to learn from
outputs y at the inputs X: to condition the process on them (`posterior`; training the readout alone ends there), or to
train all parameters, which in the limit moves f along the tangent kernel Theta (`tpcore.ntk`): `flow`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

from tpcore import checks
from tpcore.errors import Misuse

JITTERS = (0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)
SLACK = 1e-8


@dataclass(frozen=True, eq=False)
class Prediction:
    """A Gaussian over outputs.

    Attributes
    ----------
    mean : ndarray, (M,) or (M, k); (T, M) or (T, M, k) for T times
        For k targets each.
    cov : ndarray (M, M) or (T, M, M), or None
        Of one target; all have the same. None if it was not asked for.
    jitter : float
        What was added to the variances of the training inputs besides the noise, in units of K.
    """

    mean: np.ndarray
    cov: np.ndarray | None
    jitter: float = 0.0

    @property
    def std(self) -> np.ndarray:
        """Standard deviations, (M,) or (T, M)."""
        if self.cov is None:
            raise Misuse("Standard deviations need the covariance", "covariance=False")
        return np.sqrt(np.maximum(np.diagonal(self.cov, axis1=-2, axis2=-1), 0.0))

    def sample(self, draws: int, seed: int = 0) -> np.ndarray:
        """Functions (draws, M) of this law, for one target and one time."""
        if self.cov is None or self.cov.ndim != 2 or self.mean.ndim != 1:
            raise Misuse("Samples need one target, one time and the covariance", f"a mean of shape {self.mean.shape}")
        return sample(self.cov, draws, seed) + self.mean


def posterior(K, y, noise: float = 0.0, jitter: float | None = None, rows=None, covariance: bool = True) -> Prediction:
    r"""Gaussian process inference: f given y = f(X) + noise.

    .. math:: \mu = K_{*X} (K_{XX} + s^2 I)^{-1} y, \qquad C = K_{**} - K_{*X} (K_{XX} + s^2 I)^{-1} K_{X*}

    Parameters
    ----------
    K : array_like, (N + M, N + M)
        Covariance over the N training inputs and, behind them, the M others, as ``tp.nngp(net, [*X, *X_test])``.
    y : array_like, (N,) or (N, k)
        Outputs at the training inputs; k targets are independent.
    noise : float
        The variance s^2 of the noise in y, in units of K.
    jitter : float, optional
        Added to the variances of the training inputs so that rounding does not make K_XX singular. By default the
        least of 0, 1e-14, .., 1e-8 times their mean with which it is positive definite; a number is taken as it is.
    rows : array_like of int, optional
        Where to predict: rows of K. By default all behind the training inputs.
    covariance : bool
        False leaves C out.

    Returns
    -------
    Prediction
        Of f, without the noise.

    Raises
    ------
    Misuse
        If shapes do not fit, or K_XX + s^2 is not positive definite with the jitter allowed.

    Notes
    -----
    Source: Rasmussen, Williams, Gaussian Processes for Machine Learning, (2.23) and (2.24); for networks Lee et al.
    (arXiv 1711.00165).
    """
    K, y, rows = _checked(K, y, rows)
    noise = checks.real("noise", noise, 0.0)
    N = len(y)
    factor, added = _factor(K[:N, :N], noise, jitter)
    cross = K[rows, :N]
    mean = cross @ cho_solve(factor, y, check_finite=False)
    if not covariance:
        return Prediction(mean, None, added)
    half = solve_triangular(factor[0], cross.T, lower=True, check_finite=False)
    return Prediction(mean, _symmetric(K[np.ix_(rows, rows)] - half.T @ half), added)


def _factor(K: np.ndarray, noise: float, jitter: float | None) -> tuple[tuple[np.ndarray, bool], float]:
    scale = float(np.trace(K)) / len(K)
    tried = [c * scale for c in JITTERS] if jitter is None else [checks.real("jitter", jitter, 0.0)]
    for added in tried:
        try:
            factor = cho_factor(K + (noise + added) * np.eye(len(K)), lower=True, check_finite=False)
        except LinAlgError:
            continue
        # A pivot that is rounding decides nothing: the noise of a training output would be divided by it.
        if np.diagonal(factor[0]).min() ** 2 > len(K) * np.finfo(float).eps * (scale + noise) / 8:
            return factor, added
    raise Misuse("The covariance of the training inputs, with noise and jitter, must be positive definite",
                 f"noise {noise:g} and jitter up to {tried[-1]:g}",
                 "Are there duplicates among them? Give noise > 0 or a larger jitter")


def flow(K, theta, y, t=np.inf, rows=None, covariance: bool = True) -> Prediction:
    r"""Training by gradient flow in the kernel limit: mean and covariance over random initializations.

    With the loss sum_i (f(x_i) - y_i)^2 / 2 and learning rate 1, df/dt = -Theta_{*X} (f(X) - y), so

    .. math::
        f_t = f_0 + A_t (y - f_0(X)), \quad A_t = \Theta_{*X} \Theta_{XX}^{-1} (I - e^{-t \Theta_{XX}}), \\
        \mu_t = A_t y, \quad C_t = K_{**} - A_t K_{X*} - K_{*X} A_t^\top + A_t K_{XX} A_t^\top .

    Parameters
    ----------
    K : array_like, (N + M, N + M)
        Covariance of the outputs at initialization, ``tp.nngp(net, [*X, *X_test])``: the N training inputs first.
    theta : array_like, (N + M, N + M)
        The kernel that trains: ``tp.ntk(net, ..)``; for the readout alone K itself, and t = inf is `posterior`.
    y : array_like, (N,) or (N, k)
    t : float or array_like (T,)
        Time, at least 0; inf is the end of training. With the loss averaged over the N inputs time runs N times
        slower, with learning rate eta eta times faster.
    rows, covariance
        As in `posterior`.

    Returns
    -------
    Prediction

    Raises
    ------
    Misuse
        If shapes do not fit, or theta is not positive semidefinite.

    Notes
    -----
    By the eigenvectors of Theta_XX. Directions in which it vanishes (duplicates) are never learnt. Source: Lee et al.
    (arXiv 1902.06720), section 2.3.
    """
    K, y, rows = _checked(K, y, rows)
    theta = _square("theta", theta)
    if theta.shape != K.shape:
        raise Misuse("K and theta must be over the same inputs", f"shapes {K.shape} and {theta.shape}")
    times = _times(t)
    N = len(y)
    values, vectors = np.linalg.eigh(theta[:N, :N])
    if values[0] < -SLACK * max(values[-1], 0.0) or values[-1] < 0:
        raise Misuse("theta must be positive semidefinite over the training inputs",
                     f"an eigenvalue {values[0]:.3g} beside {values[-1]:.3g}")
    moves = values > 4 * N * np.finfo(float).eps * values[-1]
    onto = theta[rows, :N] @ vectors[:, moves]
    learnt = [_learnt(values[moves], s) for s in times.reshape(-1)]
    seen = vectors[:, moves].T @ y
    mean = np.stack([onto @ (g[:, None] * seen.reshape(len(g), y[0].size)) for g in learnt])
    mean = mean.reshape(*times.shape, len(rows), *y.shape[1:])
    if not covariance:
        return Prediction(mean, None)
    cov = np.stack([_spread(K, (onto * g) @ vectors[:, moves].T, rows, N) for g in learnt])
    return Prediction(mean, cov.reshape(*times.shape, len(rows), len(rows)))


def _times(t) -> np.ndarray:
    times = checks.raw_array("t", t)
    if times.dtype.kind not in "iuf" or times.ndim > 1 or not times.size or not (times >= 0).all():
        raise Misuse("t must be a time of at least 0, or a list of them", repr(t)[:80])
    return times.astype(float)


def _learnt(values: np.ndarray, t: float) -> np.ndarray:
    """(1 - exp(-t lambda)) / lambda."""
    return (1.0 if np.isinf(t) else -np.expm1(-t * values)) / values


def _spread(K: np.ndarray, A: np.ndarray, rows: np.ndarray, N: int) -> np.ndarray:
    crossed = A @ K[:N, rows]
    return _symmetric(K[np.ix_(rows, rows)] - crossed - crossed.T + A @ K[:N, :N] @ A.T)


def sample(K, draws: int, seed: int = 0) -> np.ndarray:
    """Functions (draws, M) of the centred Gaussian process of covariance K (M, M): the prior, before any data."""
    K = _square("K", K)
    draws = checks.integer("draws", draws, 1)
    checks.memory("draws", draws, 8.0 * len(K), 2.0**31)
    values, vectors = np.linalg.eigh(K)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.random.default_rng(checks.integer("seed", seed, 0)).standard_normal((draws, len(K))) @ root.T


def _square(what: str, K) -> np.ndarray:
    K = checks.array(what, checks.raw_array(what, K), ndim=2)
    if K.shape[0] != K.shape[1] or not len(K):
        raise Misuse(f"{what} must be a square matrix over all inputs", f"shape {K.shape}")
    if np.abs(K - K.T).max() > SLACK * np.abs(K).max():
        raise Misuse(f"{what} must be symmetric", "one that is not", "Use (K + K.T) / 2")
    return K


def _checked(K, y, rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    K, y = _square("K", K), checks.array("y", y)
    if y.ndim not in (1, 2) or not 1 <= len(y) <= len(K):
        raise Misuse("y must be (N,) or (N, k), for the first N >= 1 of the inputs that K is over",
                     f"shape {y.shape} and K of {K.shape}")
    rows = np.arange(len(y), len(K)) if rows is None else checks.raw_array("rows", rows)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= len(K):
        raise Misuse(f"There must be rows of K to predict at, whole numbers from 0 to {len(K) - 1}",
                     "none behind the training inputs" if not rows.size else repr(rows)[:80],
                     "Put other inputs behind the training ones, or give rows=")
    return K, y, rows


def _symmetric(C: np.ndarray) -> np.ndarray:
    return (C + C.T) / 2


__all__ = ["Prediction", "flow", "posterior", "sample"]
