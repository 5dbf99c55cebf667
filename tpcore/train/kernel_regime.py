r"""The kernel regime: which kernel a parametrization selects, and gradient descent with it.

.. math::
    K = [2 a_{L+1} + c_{L+1} = 1]\, E\, x^L x'^L + [a_{L+1} + b_{L+1} + r = 1] \sum_{l: r_l = r} \Pi^l \odot F^{l-1}

F^l = V_phi(Sigma^l), Sigma^{l+1} = sigma^2 F^l, F^0 = <xi, xi'>; Pi^L = sigma_v^2 V_phi'(Sigma^L), Pi^l = sigma^2
Pi^{l+1} V_phi'(Sigma^l): forward and backward similarities (Tensor Programs IV, arXiv 2011.14522, section 3 and
appendix H). With both brackets, all layers, this is the tangent kernel of weights N(0, sigma^2). Biases count with
layer 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.errors import BudgetError
from tpcore.kernels import regression
from tpcore.limit import expect
from tpcore.train.tasks import Task

DRAWS, LARGEST = 1024, 3 * 10**7


@dataclass(frozen=True)
class Kernels:
    """F^1 .. F^L, what each layer adds to the tangent kernel (readout last), and the covariance of f_0 where it starts
    random; all (N, N)."""

    features: list[np.ndarray]
    parts: list[np.ndarray]
    start: np.ndarray


def kernels(X: np.ndarray, depth: int, phi, sigmas) -> Kernels:
    """All kernels of a network of infinite width at initialization."""
    sigma_w, sigma_u, sigma_v, sigma_b = sigmas
    bias = 0.0 if sigma_b is None else sigma_b**2
    inner = X @ X.T
    forward, slopes, features = [inner], [], []
    for layer in range(depth):
        sigma = (sigma_u if layer == 0 else sigma_w) ** 2 * forward[-1] + bias
        V, dV = (np.asarray(part) for part in expect.V_dV(phi, sigma, check=False))
        features.append(V)
        forward.append(V)
        slopes.append(dV)
    parts, back = [forward[-1]], sigma_v**2 * np.ones_like(inner)
    for layer in range(depth - 1, -1, -1):
        back = back * slopes[layer]
        parts.insert(0, back * forward[layer])
        if sigma_b is not None:
            parts[0] = parts[0] + back * float(layer == 0)
            if layer:
                parts.append(back)
        back = sigma_w**2 * back
    own, biases = parts[: depth + 1], parts[depth + 1 :]
    own[0] = own[0] + sum(biases)
    return Kernels(features, own, sigma_v**2 * forward[-1])


def selected(found: Kernels, readout: bool, layers: tuple[int, ...]) -> np.ndarray:
    """K of a parametrization whose readout, or not, and whose `layers` move f."""
    total = np.zeros_like(found.start)
    for layer in layers:
        total = total + found.parts[layer - 1]
    return total + found.parts[-1] if readout else total


@dataclass(frozen=True)
class Descent:
    """Outputs on all inputs: mean (T + 1, N), its error, covariance (T + 1, N, N) or None, and the root mean square
    change (T + 1,) on the inputs trained on."""

    mean: np.ndarray
    error: np.ndarray
    cov: np.ndarray | None
    moved: np.ndarray


def descend(K: np.ndarray, task: Task, lr: float, batches, start: np.ndarray | None, f0: np.ndarray | None,
            seed: int = 0) -> Descent:
    """Kernel gradient descent f <- f - lr K chi from f_0 ~ N(0, `start`), or from `f0` (zeros by default).

    For the squared loss f_t is linear in f_0: mean and covariance are exact. For others they are of DRAWS draws.
    """
    count = len(K)
    if start is None:
        mean = _paths(K, task, lr, batches, np.zeros(count) if f0 is None else f0)
        return Descent(mean, np.zeros_like(mean), None, _rms(mean - mean[0], task.count))
    if (len(batches) + 1) * count**2 > LARGEST:
        fits = LARGEST // count**2 - 1
        raise BudgetError(f"The covariances of {count} outputs after every step must fit into memory",
                          f"{len(batches):,} steps", f"{max(fits, 0):,} steps fit", fits=max(fits, 0))  # fmt: skip
    if task.loss != "squared":
        return _sampled(K, task, lr, batches, start, seed)
    mean, maps = _paths(K, task, lr, batches, np.zeros(count)), [np.eye(count)]
    for rows in batches:
        maps.append(maps[-1] - lr / len(rows) * K[:, rows] @ maps[-1][rows])
    cov = np.array([M @ start @ M.T for M in maps])
    variance = np.array([np.mean(np.diag((M - maps[0]) @ start @ (M - maps[0]).T)[: task.count]) for M in maps])
    moved = np.sqrt(np.maximum(_rms(mean, task.count) ** 2 + variance, 0.0))
    return Descent(mean, np.zeros_like(mean), cov, moved)


def _sampled(K, task: Task, lr: float, batches, start, seed: int) -> Descent:
    draws = regression.sample(start, DRAWS // 2, seed)
    f = np.concatenate([draws, -draws]).T
    first, mean, cov, error, moved = f, [], [], [], []
    for rows in [None, *batches]:
        if rows is not None:
            f = f - lr / len(rows) * K[:, rows] @ task.rule.slope(f[rows], task.y[rows, None])
        mean.append(f.mean(1))
        cov.append(np.cov(f))
        pairs = (f[:, : DRAWS // 2] + f[:, DRAWS // 2 :]) / 2
        error.append(pairs.std(1, ddof=1) / np.sqrt(DRAWS // 2))
        moved.append(np.sqrt(np.mean((f - first)[: task.count] ** 2)))
    return Descent(np.array(mean), np.array(error), np.array(cov).reshape(len(mean), len(K), len(K)), np.array(moved))


def _paths(K, task: Task, lr: float, batches, f: np.ndarray) -> np.ndarray:
    found = [f]
    for rows in batches:
        f = f - lr / len(rows) * K[:, rows] @ task.rule.slope(f[rows], task.y[rows])
        found.append(f)
    return np.array(found)


def _rms(f: np.ndarray, count: int) -> np.ndarray:
    return np.sqrt(np.mean(f[:, :count] ** 2, axis=1))
