"""Expectations of products of columns, many requests at once.

A request is a product of columns of combos. Its opaque parts are functions of
some Gaussians, the leaves; their joint covariance is reduced to its rank.
Factors that are themselves Gaussian cost no rank: given the leaves they are
Gaussian, and Wick's formula integrates them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from tpcore.errors import Misuse, Unsupported
from tpcore.limit.cubature import integrate
from tpcore.limit.forms import Combo, monomial
from tpcore.limit.plan import Plan

MOST_RANK = 3
_RANK = 2e-15
_SCRAMBLES = 8
_FIRST_SAMPLES, _MOST_SAMPLES = 2**14, 2**28


@dataclass
class Budget:
    """What an interpretation may spend, and what it has to say.

    Attributes
    ----------
    samples : int or None
        Points for expectations of more than three Gaussians; None and no `tol` refuses them.
    seed : int
    tol : float or None
        Relative accuracy asked for: sampling takes more points to meet it, and it is said where it is missed.
    notes : list of str
    """

    samples: int | None = None
    seed: int = 0
    tol: float | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


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
    cov = np.zeros((count, len(rows), len(rows)))
    for a, x in enumerate(rows):
        for b in range(a + 1):
            cov[:, a, b] = cov[:, b, a] = row_cov(x, rows[b])
    return [gaussian_mean(x) for x in rows], cov


def whiten(cov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, k, k) covariances to factors B (R, k, k) with B B^T = cov, the largest directions last, and ranks (R,).

    Works on correlations, so that small and large Gaussians may stand together.
    """
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
        task = _Task(factors, plan, chosen, mean, cov, factor[:, :, opaque - r :])
        if r > MOST_RANK and budget.samples is None and budget.tol is None:
            _refuse(plan, int(r))
        value[chosen], errors[chosen] = task.run(int(r), budget)
        method = "sampling" if r > MOST_RANK else "quadrature" if r else method
    _check(plan, value, errors, budget, method)
    return value, float(errors.max()), method


class _Task:
    """Requests of one rank."""

    def __init__(self, factors, plan: Plan, chosen, mean, cov, factor):
        self.factors, self.chosen = factors, chosen
        opaque = len(plan.leaves)
        self.opaque = opaque
        self.mean = np.array([m[chosen] for m in mean]).reshape(len(mean), len(chosen))
        self.factor, cov = factor[chosen], cov[chosen]
        self.slopes = np.einsum("rao,rdo->rad", cov[:, opaque:, :opaque], np.linalg.pinv(self.factor))
        self.residual = cov[:, opaque:, opaque:] - np.einsum("rad,rbd->rab", self.slopes, self.slopes)
        self.kinks = [(o, kink[chosen]) for o, kink in plan.kinks]

    def __call__(self, z: np.ndarray, requests: np.ndarray) -> np.ndarray:
        """The integrand at z (rank, points, R) for some requests, affine factors integrated out."""
        picked = self.chosen[requests]
        values = Plan([(combo, columns[picked]) for combo, columns in self.factors]).values
        k = self.opaque
        leaves = self.mean[:k, None, requests] + np.einsum("rod,dpr->opr", self.factor[requests], z)
        affine = self.mean[k:, None, requests] + np.einsum("rad,dpr->apr", self.slopes[requests], z)
        with np.errstate(all="ignore"):
            result = wick(list(affine), np.moveaxis(self.residual[requests], 0, -1))
            for value in values:
                result = result * value(leaves)
        return np.broadcast_to(result, z.shape[1:])

    def run(self, rank: int, budget: Budget) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.chosen)
        if rank == 0:
            return self(np.zeros((0, 1, count)), np.arange(count))[0], np.zeros(count)
        if rank > MOST_RANK:
            return sampled_to(self, rank, count, budget)
        numbers = [o for o, _ in self.kinks]
        normals = np.moveaxis(self.factor[:, numbers], 1, 0) if numbers else np.zeros((0, count, rank))
        offsets = np.array([kink - self.mean[o] for o, kink in self.kinks]).reshape(len(self.kinks), count)
        centres = -np.einsum("rdo,or->rd", np.linalg.pinv(self.factor), self.mean[: self.opaque])
        return integrate(self, rank, count, normals, offsets, centres)


def sampled_to(f: Callable, rank: int, count: int, budget: Budget) -> tuple[np.ndarray, np.ndarray]:
    """Sampling with the points asked for, then with four times as many until the tolerance is met or the budget ends."""
    samples = budget.samples or _FIRST_SAMPLES
    while True:
        value, errors = sampled(f, rank, count, samples, budget.seed)
        met = budget.tol is None or errors.max() <= budget.tol * max(float(np.abs(value).max()), 1e-12)
        if met or 4 * samples * max(count, 64) > _MOST_SAMPLES:
            return value, errors
        samples *= 4


def sampled(f: Callable, rank: int, count: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """E f_r(z) by eight independently scrambled Sobol sequences: means and standard errors."""
    from scipy.stats import qmc  # a second to import, and only this route needs it

    means = []
    for turn in range(_SCRAMBLES):
        sobol = qmc.Sobol(rank, rng=np.random.default_rng([seed, turn]))
        z = ndtri(np.clip(sobol.random(max(samples // _SCRAMBLES, 2)), 1e-16, 1 - 1e-16)).T
        step = max(1, 2**20 // z.shape[1])
        parts = [np.arange(start, min(start + step, count)) for start in range(0, count, step)]
        means.append(np.concatenate([f(np.repeat(z[:, :, None], len(p), axis=2), p).mean(axis=0) for p in parts]))
    return np.mean(means, axis=0), np.std(means, axis=0, ddof=1) / np.sqrt(_SCRAMBLES)


def wick(means: list[np.ndarray], cov: np.ndarray) -> np.ndarray | float:
    """E prod_a (means[a] + e_a) for centred Gaussians e with covariances cov[a, b]."""
    if not means:
        return 1.0
    head, tail = means[0], means[1:]
    result = head * wick(tail, cov[1:, 1:])
    for b in range(len(tail)):
        keep = [c + 1 for c in range(len(tail)) if c != b]
        result = result + cov[0, b + 1] * wick(tail[:b] + tail[b + 1 :], cov[np.ix_(keep, keep)])
    return result


def _through(plan: Plan) -> str:
    return " and ".join(dict.fromkeys(name for name in plan.names if name)) or "the function"


def _refuse(plan: Plan, rank: int) -> None:
    raise Unsupported(
        f"An expectation must depend on at most {MOST_RANK} Gaussians at once to be found by quadrature",
        f"{rank} of them, through {_through(plan)}",
        "Give samples= (65536, say) or tol= (1e-3, say) to sample it, or write the function as products and sums of "
        "functions of fewer vectors, which are treated separately",
    )


def _check(plan: Plan, value: np.ndarray, errors: np.ndarray, budget: Budget, method: str) -> None:
    """Refuse what is not finite; say where the accuracy is poor."""
    bad = ~np.isfinite(value) | (errors > np.maximum(np.abs(value), 1.0))
    if bad.any():
        raise Misuse(
            f"The expectation through {_through(plan)} must be finite",
            f"{value[bad][0]:.3g} (error {errors[bad][0]:.2g})",
            "A division by zero, or a function that grows like exp(x^2) or faster, has no limit of this kind",
        )
    scale = max(float(np.abs(value).max()), 1e-12)
    if errors.max() > (1e-6 if budget.tol is None else budget.tol) * scale:
        asked = "" if budget.tol is None else f", above the tolerance {budget.tol:g}"
        cause = (
            "it was sampled (samples= takes more points)"
            if method == "sampling"
            else "kinks or jumps that are not known (tp.activations.custom(f, kinks=...) tells them), or growth close "
            "to exp(x^2)"
        )
        budget.note(
            f"The expectation through {_through(plan)} has an estimated error of {errors.max():.1g}{asked}: {cause}."
        )
