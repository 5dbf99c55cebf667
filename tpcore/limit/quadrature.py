"""E fn(z) of any vectorized function of up to three jointly Gaussian variables.

The covariance is first reduced to its rank r: z = mean + L x, x standard
Gaussian in R^r. Kinks are hyperplanes d . z = k. The integral is iterated, and
each direction is chosen transverse to all hyperplanes, so that every
inner integral is split exactly where it meets them; what it leaves to the
outer ones is again smooth but for the projections of pairwise intersections,
which are split in turn. Pieces take Gauss-Legendre rules. Without kinks the
equispaced trapezoid rule is used, which converges exponentially for smooth
functions, checked by halving and by a shifted grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse, Unsupported
from tpcore.limit.bivariate import EPS, ROOT_2PI
from tpcore.limit.estimate import Estimate
from tpcore.limit.frame import count, frame, nodes

RANK_TOL = 1e-13
MOST = {1: 400_000, 2: 6_000_000, 3: 24_000_000}
BATCH = 200_000
ORDERS = (10, 14, 19, 26, 36, 52, 80, 112, 160, 320, 640)
STEPS = (0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.025, 0.0125, 0.006, 0.003)
REACHES = (9.0, 12.0, 16.0, 24.0, 36.0)

Kink = tuple[Sequence[float], float]


def expectation(fn: Callable, mean, cov, kinks: Sequence[Kink] = (), tol: float = 1e-11) -> Estimate:
    """E fn(z), z ~ N(mean, cov), for at most three independent Gaussians underneath.

    Parameters
    ----------
    fn : callable
        ``fn(points)`` with points (P, r), r = len(mean), one Gaussian vector
        a row; returns (P,) or (P, ...), row by row. Called several times with
        differing P (at most 200,000).
    mean : array_like, (r,)
    cov : array_like, (r, r)
        Positive semidefinite; singular ones are reduced to their rank, so r
        may exceed three.
    kinks : sequence of (direction, offset)
        Hyperplanes direction . z = offset, direction (r,), across which fn or one of
        its derivatives is discontinuous: ``([1, -1], 0)`` for |z_0 - z_1|.
        Where they are not known the result still converges, slowly, and
        `error` says how far it got.
    tol : float
        Aimed at, relative to sqrt(E fn^2), each component apart.

    Returns
    -------
    Estimate
        `value` and `error` of the shape of one row of fn's result; method
        ``"quadrature"`` (``"exact"`` at rank 0).

    Raises
    ------
    Unsupported
        If the rank of `cov` exceeds three.
    Misuse
        If `cov` is no covariance, fn returns another number of rows, or its values are not finite.
    """
    mean = checks.array("mean", np.atleast_1d(np.asarray(mean, dtype=np.float64)), ndim=1)
    cov = checks.covariance("cov", np.atleast_2d(np.asarray(cov, dtype=np.float64)), size=len(mean))
    root = factor(cov)
    rank = root.shape[1]
    if rank > 3:
        raise Unsupported(
            "An expectation by quadrature may involve at most three independent Gaussians",
            f"{rank} of them (the rank of the covariance)",
            "Use fewer variables, or sampling",
        )
    if rank == 0:
        value = _call(fn, mean[None, :])[0]
        return _estimate(value, np.zeros_like(value), "exact")
    planes = standard_planes(kinks, mean, root)
    if planes is None or len(planes):
        value, error = _by_pieces(fn, mean, root, planes, tol)
    else:
        value, error = _by_trapezoid(fn, mean, root, tol)
    return _estimate(value, error, "quadrature")


def _estimate(value, error, method) -> Estimate:
    if np.ndim(value) == 0:
        return Estimate(float(value), float(error), method)
    return Estimate(value, error, method)


def factor(cov: np.ndarray) -> np.ndarray:
    """L (r, rank) with L L^T = cov: pivoted Cholesky on the correlations, so that scales do not decide the rank."""
    scale = np.sqrt(np.maximum(np.diagonal(cov), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    rest = cov / safe[:, None] / safe
    columns = []
    for _ in range(len(cov)):
        k = int(np.argmax(np.diagonal(rest)))
        if rest[k, k] <= RANK_TOL * len(cov):
            break
        column = rest[:, k] / np.sqrt(rest[k, k])
        columns.append(column)
        rest = rest - np.outer(column, column)
    lower = np.stack(columns, axis=1) if columns else np.zeros((len(cov), 0))
    return lower * scale[:, None]


def standard_planes(kinks: Sequence[Kink], mean: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Hyperplanes in x, (m, rank + 1): unit normal and offset; those without normal or repeated are left out."""
    rows = []
    for direction, offset in kinks:
        direction = np.asarray(direction, dtype=np.float64)
        if direction.shape != mean.shape:
            raise Misuse(f"A kink's direction must have {len(mean)} components", f"shape {direction.shape}")
        normal = direction @ root
        length = np.linalg.norm(normal)
        if length > 1e-14 * np.linalg.norm(direction) * (np.abs(root).max(initial=0.0) + 1e-300):
            rows.append(np.append(normal, float(offset) - direction @ mean) / length)
    return _distinct(np.array(rows).reshape(-1, root.shape[1] + 1))


def _distinct(planes: np.ndarray) -> np.ndarray:
    """One of each hyperplane; those beyond the reach of the Gaussian are dropped."""
    kept: list[np.ndarray] = []
    for plane in planes:
        if abs(plane[-1]) < 37 and not any(
            min(np.abs(plane - other).max(), np.abs(plane + other).max()) < 1e-12 for other in kept
        ):
            kept.append(plane)
    return np.array(kept).reshape(-1, planes.shape[1])


def _call(fn: Callable, points: np.ndarray) -> np.ndarray:
    values = np.asarray(fn(points), dtype=np.float64)
    if values.shape[:1] != points.shape[:1]:
        raise Misuse("fn must return one row for each point", f"shape {values.shape} for {len(points):,} points")
    return values


def _sums(fn: Callable, mean: np.ndarray, root: np.ndarray, chunks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over (x, weight) chunks of w fn, w fn^2, and of |w fn| at points in the outermost tenth."""
    total = square = edge = 0.0
    for x, w, outer in chunks:
        values = _call(fn, mean + x @ root.T)
        if not np.isfinite(values).all():
            raise Misuse("fn must be finite where the Gaussian has mass", "inf or nan among its values")
        total = total + np.tensordot(w, values, 1)
        square = square + np.tensordot(w, values * values, 1)
        edge = edge + np.tensordot(w * outer, np.abs(values), 1)
    return total, np.sqrt(np.maximum(square, 0.0)) + 1e-300, edge


def _by_pieces(fn, mean, root, planes, tol):
    levels = frame(planes)
    rules = [
        (lambda reach, n=n: count(levels, n, reach), lambda reach, n=n: nodes(levels, n, reach)) for n in ORDERS[:-1]
    ]
    return _ladder(fn, mean, root, rules, tol)


def _by_trapezoid(fn, mean, root, tol):
    rank, rng = root.shape[1], np.random.default_rng(0)
    rules = [
        (lambda reach, h=h: (2 * reach / h) ** rank, lambda reach, h=h: _grid(h, reach, rng.random(rank)))
        for h in STEPS[:-1]
    ]
    return _ladder(fn, mean, root, rules, tol)


def _ladder(fn, mean, root, rules, tol):
    """Rules (points, chunks), each a function of the reach, one after the other until they agree or get too long."""
    index, wide, history = 0, 0, []
    while index < len(rules):
        points, chunks = rules[index]
        if points(REACHES[wide]) > MOST[root.shape[1]] and len(history) >= 2:
            break
        total, scale, edge = _sums(fn, mean, root, chunks(REACHES[wide]))
        if np.any(edge > tol * 1e-2 * scale) and wide < len(REACHES) - 1:
            wide, history = wide + 1, []
            continue
        history.append(total)
        if _settled(history, scale, tol):
            break
        index += 1
    return history[-1], _error(history, scale) + edge


def _settled(history: list, scale: np.ndarray, tol: float) -> bool:
    """The last two rules agree to `tol`, and the one before was on its way there: no accident."""
    if len(history) < 3:
        return False
    last, before = (np.abs(history[-i] - history[-i - 1]) / scale for i in (1, 2))
    return bool(np.all(last <= tol) and np.all(before <= max(tol, 1e-4)))


def _error(history: list, scale: np.ndarray) -> np.ndarray:
    """Where differences fall fast, a fraction of the last one; else three times the larger of the last three."""
    d = [np.abs(history[-i] - history[-i - 1]) / scale for i in range(1, min(len(history), 4))]
    last, before = d[0], d[1] if len(d) > 1 else d[0]
    fast = (before < 1e-4) & (last < before * 0.1)
    slow = 3 * np.max(d, axis=0)
    small = before < 1e-11
    return (np.where(fast, last, np.where(small, np.maximum(last, before), slow)) + 100 * EPS) * scale


def _grid(step: float, reach: float, shift: np.ndarray):
    """Chunks of the equispaced rule in a rotated frame, shifted by a fraction of the step."""
    rank = len(shift)
    half = int(np.ceil(reach / step))
    axes = [(np.arange(-half, half + 1) + s - 0.5) * step for s in shift]
    size = 2 * half + 1
    first = max(1, BATCH // size ** (rank - 1))
    for start in range(0, size, first):
        mesh = np.meshgrid(axes[0][start : start + first], *axes[1:], indexing="ij")
        x = np.stack([m.ravel() for m in mesh], axis=1)
        for lo in range(0, len(x), BATCH):
            part = x[lo : lo + BATCH]
            square = (part * part).sum(1)
            part, square = part[square < reach * reach], square[square < reach * reach]
            w = np.exp(-square / 2) * (step / ROOT_2PI) ** rank
            yield part, w, square > (0.9 * reach) ** 2
