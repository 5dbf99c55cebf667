"""Expectations of products of columns, many requests at once.

A request is a product of columns of combos. Its opaque parts are functions of
some Gaussians, the leaves; their joint covariance is reduced to its rank.
Factors that are themselves Gaussian cost no rank: given the leaves they are
Gaussian, and Wick's formula integrates them out.
"""

from __future__ import annotations

import numpy as np

from tpcore.errors import Misuse
from tpcore.limit import poles
from tpcore.limit.branches import Affine
from tpcore.limit.budget import MOST_RANK, Beyond, Budget, TooLong
from tpcore.limit.cubature import few, integrate
from tpcore.limit.forms import Combo, monomial
from tpcore.limit.plan import Plan
from tpcore.limit.wick import wick

_RANK = 2e-15
_FEW = 128
_POOR, _HUGE, _POLE, _TRIED = 1e-7, 1e4, 0.7, 8
_ANGLES, _ACROSS = 36, 0.3
_CALL, _POINT = 5e-5, 5e-8  # nominal seconds
_KINKED = (0.0, 0.0, 1e-2, 1.5)  # nominal seconds of a request with known kinks, by rank


def gaussian_mean(combo: Combo) -> np.ndarray:
    """Means of the columns of a combination of Gaussians."""
    return combo.const + sum((matrix @ f.mean for f, matrix in combo.terms.items()), np.zeros(combo.size))


def row_cov(x: Combo, y: Combo) -> np.ndarray:
    """Cov(X_r, Y_r) for combinations of Gaussians, row by row."""
    result = np.zeros(x.size)
    for family in x.terms.keys() & y.terms.keys():
        left, right = x.terms[family], y.terms[family]
        i, j = monomial(left), monomial(right)
        if i is not None and j is not None:
            result += i[1] * j[1] * family.cov[i[0], j[0]]
        else:
            rows, back = np.unique(left.indices, return_inverse=True)
            small = left[:, rows]
            result += np.asarray(right.multiply(small @ family.cov[rows]).sum(axis=1)).ravel()
    return result


def leaves(factors: list[tuple[Combo, np.ndarray]]) -> list[Combo]:
    """All Gaussians that the factors depend on, affine factors included."""
    plan = Plan(factors)
    return plan.leaves + plan.affine


def statistics(rows: list[Combo]) -> tuple[list[np.ndarray], np.ndarray]:
    """Means (one array (R,) a leaf) and joint covariances (R, leaves, leaves)."""
    count = rows[0].size if rows else 0
    mean = [gaussian_mean(x) for x in rows]
    if 1 < len(rows) and len(rows) * count <= _FEW:
        return mean, _together(rows, count)
    cov = np.zeros((count, len(rows), len(rows)))
    for a, x in enumerate(rows):
        for b in range(a + 1):
            cov[:, a, b] = cov[:, b, a] = row_cov(x, rows[b])
    return mean, cov


def _together(rows: list[Combo], count: int) -> np.ndarray:
    """The covariances of few leaves and requests, as one matrix a family."""
    cov = np.zeros((count, len(rows), len(rows)))
    for family in dict.fromkeys(f for row in rows for f in row.terms):
        dense = np.zeros((len(rows), count, family.size))
        for own, row in zip(dense, rows, strict=True):
            if family in row.terms:
                matrix = row.terms[family]
                own[np.repeat(np.arange(count), np.diff(matrix.indptr)), matrix.indices] = matrix.data
        used = np.flatnonzero(dense.any(axis=(0, 1)))
        dense = np.moveaxis(dense[:, :, used], 0, 1)
        cov += dense @ family.cov[np.ix_(used, used)] @ np.moveaxis(dense, 1, 2)
    return (cov + np.moveaxis(cov, 1, 2)) / 2


def whiten(cov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, k, k) covariances to factors B (R, k, k) with B B^T = cov, the largest directions last, and ranks (R,).

    Works on correlations, so that small and large Gaussians may stand together.
    """
    if not np.isfinite(cov).all():
        raise Misuse(
            "The Gaussians of an expectation must have finite variances",
            "one that overflows or is not a number",
            "Scale the program's vectors or matrices down: a variance above 1e300 cannot be represented",
        )
    scale = np.sqrt(np.maximum(np.einsum("roo->ro", cov), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(cov / safe[:, :, None] / safe[:, None, :])
    values = np.where(values > _RANK * cov.shape[1] * values[:, -1:], values, 0.0)
    return scale[:, :, None] * vectors * np.sqrt(values)[:, None, :], (values > 0).sum(axis=1)


def integral(factors: list[tuple[Combo, np.ndarray]], budget: Budget) -> tuple[np.ndarray, float, str]:
    """E of the product of columns for every request: values, one error, method."""
    count = len(factors[0][1])
    value, errors = np.zeros(count), np.zeros(count)
    if not count:
        return value, 0.0, "exact"
    plan = Plan(factors)
    mean, cov = statistics(plan.leaves + plan.affine)
    opaque = len(plan.leaves)
    if not plan.values:
        ones = np.ones((1, count))
        return (ones * wick([m[None] for m in mean], np.moveaxis(cov, 0, -1)))[0], 0.0, "exact"
    factor, rank = whiten(cov[:, :opaque, :opaque]) if opaque else (np.zeros((count, 0, 0)), np.zeros(count, int))
    method = "exact"
    for r in np.unique(rank):
        chosen = np.flatnonzero(rank == r)
        task = _Task(plan, chosen, mean, cov, factor[:, :, opaque - r :], budget)
        if r > MOST_RANK:
            _refuse(plan, int(r))
        value[chosen], errors[chosen] = task.run(int(r), budget)
        if r > 1 and not budget.rough:
            _settled(plan, task, value[chosen], errors[chosen])
        method = "quadrature" if r else method
    if not budget.rough:
        _check(plan, value, errors, budget)
    return value, float(errors.max()), method


class _Task:
    """Requests of one rank."""

    def __init__(self, plan: Plan, chosen, mean, cov, factor, budget: Budget):
        self.values, self.chosen, self.budget, self.through = plan.values, chosen, budget, _through(plan)
        opaque = len(plan.leaves)
        self.opaque = opaque
        self.mean = np.array([m[chosen] for m in mean]).reshape(len(mean), len(chosen))
        self.factor, cov = factor[chosen], cov[chosen]
        self.slopes = np.einsum("rao,rdo->rad", cov[:, opaque:, :opaque], np.linalg.pinv(self.factor))
        self.residual = cov[:, opaque:, opaque:] - np.einsum("rad,rbd->rab", self.slopes, self.slopes)
        self.kinks = [self._plane(branch, kink) for branch, kink in plan.kinks]
        if self.kinks and self.factor.shape[2] == 2:
            turn = _turn(np.array([normal for normal, _ in self.kinks]))
            self.factor, self.slopes = self.factor @ turn, self.slopes @ turn
            self.kinks = [(np.einsum("rd,rde->re", normal, turn), offset) for normal, offset in self.kinks]

    def _plane(self, branch: Affine, kink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normals (R, rank) and offsets (R,) of the hyperplanes on which a branch is at a kink."""
        slopes = {o: slope[self.chosen] for o, slope in branch.slopes.items()}
        normal = sum(slope[:, None] * self.factor[:, o] for o, slope in slopes.items())
        mean = branch.const[self.chosen] + sum(slope * self.mean[o] for o, slope in slopes.items())
        return normal, kink[self.chosen] - mean

    def __call__(self, z: np.ndarray, requests: np.ndarray) -> np.ndarray:
        """`values_at`, which the budget pays for."""
        self.budget.spend(_CALL + self.price(z[0].size) if len(z) else 0.0)
        return self.values_at(z, requests)

    def values_at(self, z: np.ndarray, requests: np.ndarray) -> np.ndarray:
        """The integrand at z (rank, points, R) for some requests, affine factors integrated out."""
        picked = self.chosen[requests]
        k = self.opaque
        leaves = self.mean[:k, None, requests] + np.einsum("rod,dpr->opr", self.factor[requests], z)
        affine = self.mean[k:, None, requests] + np.einsum("rad,dpr->apr", self.slopes[requests], z)
        with np.errstate(all="ignore"):
            result = wick(list(affine), np.moveaxis(self.residual[requests], 0, -1))
            for value in self.values:
                result = result * value(leaves, picked)
        return np.broadcast_to(result, z.shape[1:])

    def grows(self, requests: np.ndarray) -> bool:
        """Whether the integrand times the density is larger far out than near the middle."""
        ways = np.random.default_rng(7).standard_normal((self.factor.shape[2], 64))
        ways /= np.linalg.norm(ways, axis=0)
        near, far = (
            np.median(np.abs(self(np.repeat(radius * ways[:, :, None], len(requests), axis=2), requests)), axis=0)
            * np.exp(-radius * radius / 2)
            for radius in (1.1, 9.1)
        )
        return bool(np.any(~(far <= near)))

    def price(self, points: float) -> float:
        """Nominal seconds."""
        return _POINT * (len(self.mean) + len(self.values) + 1) * points

    def run(self, rank: int, budget: Budget) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.chosen)
        if rank == 0:
            return self(np.zeros((0, 1, count)), np.arange(count))[0], np.zeros(count)
        if rank > 1 and budget.rough:
            value, points = few(self, rank, count)
            budget.predict(count * (_KINKED[rank] if self.kinks else self.price(points)))
            return value, 1e-12 * np.abs(value)
        normals = np.array([normal for normal, _ in self.kinks]).reshape(-1, count, rank)
        offsets = np.array([offset for _, offset in self.kinks]).reshape(-1, count)
        centres = -np.einsum("rdo,or->rd", np.linalg.pinv(self.factor), self.mean[: self.opaque])
        try:
            value, errors = integrate(self, rank, count, normals, offsets, centres)
        except TooLong:
            if rank == 1:  # what takes for ever may be infinite: no particles then
                self._refuse_poles(np.arange(min(count, _TRIED)))
            raise
        if rank == 1:
            some = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])[None, :, None]
            typical = np.abs(self(np.broadcast_to(some, (1, 6, count)), np.arange(count))).mean(axis=0)
            with np.errstate(invalid="ignore"):
                poor = ~(errors <= _POOR * np.maximum(np.abs(value), 1.0)) | (np.abs(value) > _HUGE * (1 + typical))
            if poor.any():
                self._refuse_poles(np.flatnonzero(poor)[:_TRIED])
                errors = np.where(poor, 4 * errors, errors)
        return value, errors

    def _refuse_poles(self, requests: np.ndarray) -> None:
        """Refuse functions of one Gaussian that grow about like 1 / |z - k| or faster where they are largest."""
        for request in requests:
            one = np.full(1, request)
            size = lambda z, one=one: np.abs(self.values_at(z[None, :, None], one)[:, 0])  # noqa: E731
            power = max(poles.exponent(size), poles.exponent(size, weight=poles.density))
            if power >= _POLE:
                poles.refuse(self.through, power)


def _turn(normals: np.ndarray) -> np.ndarray:
    """Rotations (R, 2, 2) after which no normal (K, R, 2) is nearly orthogonal to the last axis, where one is now.

    Lines almost along the inner axis leave the outer one something narrow.
    """
    length = np.linalg.norm(normals, axis=2)
    units = normals / np.where(length > 0, length, 1.0)[:, :, None]
    angle = np.arange(_ANGLES) * np.pi / _ANGLES
    ways = np.stack([-np.sin(angle), np.cos(angle)])
    met = np.where(length[:, :, None] > 0, np.abs(units @ ways), 1.0).min(axis=0)
    angle = np.where(met[:, 0] > _ACROSS, 0.0, angle[met.argmax(axis=1)])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def _through(plan: Plan) -> str:
    return " and ".join(dict.fromkeys(name for name in plan.names if name)) or "the function"


def _refuse(plan: Plan, rank: int) -> None:
    raise Beyond(
        f"An expectation must depend on at most {MOST_RANK} Gaussians at once to be found by quadrature",
        f"an expectation of {rank} Gaussians at once, through {_through(plan)}",
        "Particles take any number of them",
    )


def _bad(value: np.ndarray, errors: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return ~np.isfinite(value) | ~(errors <= np.maximum(np.abs(value), 1.0))


def _settled(plan: Plan, task: _Task, value: np.ndarray, errors: np.ndarray) -> None:
    """Leave to particles what quadrature cannot settle although it does not grow outwards: singular lines, planes."""
    bad = np.flatnonzero(_bad(value, errors))
    if len(bad) and not task.grows(bad):
        raise Beyond(
            f"Quadrature must settle on the expectation through {_through(plan)}",
            f"an expectation through {_through(plan)} that quadrature does not settle",
            "Particles give an estimate, with an error",
        )


def _check(plan: Plan, value: np.ndarray, errors: np.ndarray, budget: Budget) -> None:
    """Refuse what is not finite; say where the accuracy is poor."""
    bad = _bad(value, errors)
    if bad.any():
        raise Misuse(
            f"The expectation through {_through(plan)} must be finite",
            f"{value[bad][0]:.3g} (error {errors[bad][0]:.2g})",
            "A division by zero, or a function that grows like exp(x^2) or faster, has no limit of this kind",
        )
    scale = max(float(np.abs(value).max()), 1e-6)
    if errors.max() > (1e-6 if budget.tol is None else budget.tol) * scale:
        asked = "" if budget.tol is None else f", above the tolerance {budget.tol:g}"
        budget.note(
            f"The expectation through {_through(plan)} has an estimated error of {errors.max():.1g}{asked}: "
            "kinks or jumps that are not known (tp.activations.custom(f, kinks=...) tells them), or growth close to "
            "exp(x^2)."
        )
