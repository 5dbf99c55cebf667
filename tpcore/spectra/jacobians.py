r"""Input-output Jacobians of random MLPs at finite width: singular values, sizes layer by layer, mixed moments.

.. math:: J = D_L W_L \cdots D_1 W_1, \qquad D_l = \operatorname{diag} \phi'(h^l)

of a network whose input and all layers have n coordinates (`tpcore.nets.MLP` without its readout). The weights are
kept whole: every W is Gaussian, sigma_w times an orthogonal matrix, or sparse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import get_threads, map_tiles, row_tiles, tile_generators
from tpcore.errors import BudgetError
from tpcore.nets import MLP
from tpcore.nets.variances import input_square, slopes

WEIGHTS = ("gaussian", "orthogonal", "sparse")
LINKS = 3  # of a neuron with sparse weights
WORK = 2.5e11  # operations of one request, about ten seconds on two cores
MEMORY = 2**30
COST = {"gaussian": 2.5, "orthogonal": 14.0, "sparse": 3.0}  # of a layer, in n^3 operations
SPECTRUM = 12.0  # of singular values and mixed moments
WORDS = ("AB", "AAB", "ABB", "ABAB", "AABB", "ABABAB")


@dataclass(frozen=True, eq=False)
class JacobianDraws:
    """What m random networks show.

    Attributes
    ----------
    singular : ndarray (m, n)
        Singular values of J, descending.
    sizes : ndarray (m, L)
        (1/n) |D_l W_l .. D_1 W_1|_F^2: the mean square size of a gradient that came through l layers.
    mixed : ndarray (m, 6)
        (1/n) tr of the `WORDS` in A = D_L^2 and B = W_L D_(L-1)^2 W_L^T, with D_0 = 1.
    moments : ndarray (m, 2, 3)
        (1/n) tr A^k and (1/n) tr B^k, k = 1, 2, 3.
    """

    singular: np.ndarray
    sizes: np.ndarray
    mixed: np.ndarray
    moments: np.ndarray

    def __len__(self) -> int:
        return len(self.singular)


def largest_width(depth: int, draws: int = 1, weights: str = "gaussian") -> int:
    """The largest n that `jacobian_draws` takes with so many layers and draws."""
    each = COST[weights] * checks.integer("depth", depth, 1) + SPECTRUM
    alive = 6 * get_threads()  # matrices of n^2 numbers
    return int(min((WORK / (each * checks.integer("draws", draws, 1))) ** (1 / 3), (MEMORY / (8 * alive)) ** 0.5))


def jacobian_draws(net: MLP, n: int = 256, draws: int = 1, seed: int = 0, weights: str = "gaussian",
                   q0: float | None = None, progress: Progress | None = None) -> JacobianDraws:
    r"""Jacobians of random networks of width n.

    Parameters
    ----------
    net : MLP
        Its readout is left out.
    n : int
        Width of all layers and of the input, at least 2.
    draws : int
        Independent networks.
    seed : int
        Same seed, same numbers, on any number of threads.
    weights : {"gaussian", "orthogonal", "sparse"}
        Entries N(0, sigma_w^2 / n); sigma_w times a Haar orthogonal matrix; or `LINKS` entries
        +-sigma_w / sqrt(LINKS) in every row and column (the sum of that many signed permutations).
    q0 : float, optional
        <x, x> / n of the input; without it the one that puts every preactivation at the variance's fixed point.
    progress : Progress or callable, optional

    Returns
    -------
    JacobianDraws

    Raises
    ------
    Misuse
        If `phi` jumps, or the variance has no fixed point and `q0` is not given.
    BudgetError
        With the n that fits.

    Notes
    -----
    Pennington, Schoenholz and Ganguli (arXiv 1711.04735), section 2; weights enter the backward pass as they enter
    the forward one, so that every D_l depends on W_l.
    """
    parts = list(jacobian_chunks(net, n, draws, seed, weights, q0, progress))
    return JacobianDraws(*(np.concatenate([getattr(part, name) for part in parts])
                           for name in ("singular", "sizes", "mixed", "moments")))  # fmt: skip


def jacobian_chunks(net: MLP, n: int = 256, draws: int = 1, seed: int = 0, weights: str = "gaussian",
                    q0: float | None = None, progress: Progress | None = None) -> Iterator[JacobianDraws]:
    """The rows of `jacobian_draws`, a few networks at a time; the arguments are checked at the first step."""
    n, draws = checks.integer("The width n", n, 2), checks.integer("The number of draws", draws, 1)
    seed = checks.integer("The seed", seed, 0)
    weights = checks.choice("The weights", weights, WEIGHTS)
    square, slope = input_square(net, q0), slopes(net.phi)
    fits = largest_width(net.depth, draws, weights)
    if n > fits:
        raise BudgetError("The weights are stored whole, and a request may take about ten seconds",
                          f"n = {n:,} with {net.depth} layers and {draws} draw{'s' * (draws > 1)}",
                          f"At most n = {fits:,} fits", fits=fits)  # fmt: skip
    report = as_progress(progress)
    generators = tile_generators(seed, draws)
    report.start(draws)

    def one(index: int):
        found = _network(net, slope, n, square, weights, generators[index])
        report.tick()
        return found

    first = 1 if n > 48 else min(draws, 16)
    groups = [slice(0, first)] + [slice(first + g.start, first + g.stop) for g in
                                  row_tiles(draws - first, 2 if n > 256 else 8 if n > 48 else 64)]  # fmt: skip
    for group in groups:
        rows = map_tiles(one, range(group.start, group.stop))
        if rows:
            yield JacobianDraws(*(np.array(column) for column in zip(*rows)))


def _network(net: MLP, slope, n: int, square: float, weights: str, rng: np.random.Generator):
    """(singular values, sizes, mixed moments, moments) of one network."""
    x = rng.standard_normal(n)
    x *= np.sqrt(square * n) / np.linalg.norm(x)
    J, before, sizes = None, np.ones(n), []
    for _ in range(net.depth):
        W = net.sigma_w * weight_matrix(weights, n, rng)
        h = W @ x
        if net.bias_variance:
            h += np.sqrt(net.bias_variance) * rng.standard_normal(n)
        D, x = slope(h), net.phi.f(h)
        last, J = (W, D, before), D[:, None] * (W if J is None else W @ J)
        sizes.append(np.sum(J * J) / n)
        before = D
    return (np.linalg.svd(J, compute_uv=False), np.array(sizes), *_mixed(*last))


def weight_matrix(weights: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """An (n, n) matrix of the kind, with entries of mean square 1/n."""
    if weights == "sparse":
        W, rows = np.zeros((n, n)), np.arange(n)
        for _ in range(LINKS):
            W[rows, rng.permutation(n)] += (2.0 * rng.integers(0, 2, n) - 1.0) / np.sqrt(LINKS)
        return W
    G = rng.standard_normal((n, n))
    if weights == "gaussian":
        return G / np.sqrt(n)
    Q, R = np.linalg.qr(G)
    return Q * np.where(np.diagonal(R) < 0, -1.0, 1.0)


def _mixed(W: np.ndarray, D: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Traces of words in A = D^2 and B = W before^2 W^T, and the moments of both, each over n."""
    half = W * before
    A, B = D * D, half @ half.T
    squares = B * B
    diagonal, rows = np.diagonal(B), squares.sum(axis=1)
    M = D[:, None] * B * D
    cubes = [np.sum((X @ X) * X) for X in (M, B)]
    words = [A @ diagonal, (A * A) @ diagonal, A @ rows, A @ squares @ A, (A * A) @ rows, cubes[0]]
    own = [[np.sum(A), A @ A, np.sum(A**3)], [np.sum(diagonal), np.sum(rows), cubes[1]]]
    return np.array(words) / len(A), np.array(own) / len(A)


def free_words(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    r"""The `WORDS` in free variables with moments a (.., 3) and b (.., 3): what tau(AB), .., tau(ABABAB) are.

    .. math:: \tau(a b a b \cdots) = \sum_{\pi \in NC(k)} \kappa_\pi[a]\, \tau_{K(\pi)}[b]

    Source: Nica and Speicher, Lectures on the Combinatorics of Free Probability, theorem 14.4.
    """
    a1, a2, a3 = np.moveaxis(np.asarray(a, float), -1, 0)
    b1, b2, b3 = np.moveaxis(np.asarray(b, float), -1, 0)
    k2, k3 = a2 - a1**2, a3 - 3 * a2 * a1 + 2 * a1**3
    twice = a1**2 * b2 + k2 * b1**2
    thrice = a1**3 * b3 + 3 * k2 * a1 * b2 * b1 + k3 * b1**3
    return np.stack([a1 * b1, a2 * b1, a1 * b2, twice, a2 * b2, thrice], axis=-1)


def commuting_words(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The `WORDS` in independent variables that commute: the products of moments."""
    a1, a2, a3 = np.moveaxis(np.asarray(a, float), -1, 0)
    b1, b2, b3 = np.moveaxis(np.asarray(b, float), -1, 0)
    return np.stack([a1 * b1, a2 * b1, a1 * b2, a2 * b2, a2 * b2, a3 * b3], axis=-1)
