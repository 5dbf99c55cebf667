"""Draws of sums, each from the exact law of a sum: no term is drawn, so a million of them costs as much as ten."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles, tile_generators
from tpcore.errors import BudgetError, Misuse
from tpcore.sums.terms import Terms, terms

MOST_TERMS = 1_000_000
MOST_DRAWS = 10_000_000
TILE = 16_384
GROUP = 2  # tiles a chunk


def draw(
    kind: str, n: int, draws: int = 10_000, seed: int = 0, nu: float = 3.0, correlation: float = 0.0,
    progress: Progress | None = None,
) -> np.ndarray:  # fmt: skip
    r"""Sums of n random terms, many times over.

    Parameters
    ----------
    kind : str
        The law of one term, see `terms`.
    n : int
        Number of terms, from 1 to 1,000,000.
    draws : int
        Number of independent sums.
    seed : int
        Same seed, same numbers, on any number of threads.
    nu : float
        Degrees of freedom, for "student".
    correlation : float
        rho in [0, 1], between any two terms: each term copies one leader with probability sqrt(rho), else it is drawn
        for itself. Every term keeps its law.
    progress : Progress or callable, optional

    Returns
    -------
    ndarray (draws,)
        S = sum of the terms, not centred.

    Notes
    -----
    With K ~ Binomial(n, sqrt(rho)) copies of the leader X_0, S = K X_0 + (a sum of n - K terms), so Var(S / n) =
    sigma^2 (rho + (1 - rho) / n) and S / n -> sqrt(rho) X_0 + (1 - sqrt(rho)) mean: no law of large numbers.
    """
    return np.concatenate(list(draw_chunks(kind, n, draws, seed, nu, correlation, progress)))


def draw_chunks(
    kind: str, n: int, draws: int = 10_000, seed: int = 0, nu: float = 3.0, correlation: float = 0.0,
    progress: Progress | None = None,
) -> Iterator[np.ndarray]:  # fmt: skip
    """The sums of `draw`, some thousands at a time; the arguments are checked at the first step."""
    law, n = terms(kind, nu), checks.integer("The number of terms n", n, 1, MOST_TERMS)
    tiles, generators, leads = _prepared(draws, seed, correlation)
    progress = as_progress(progress)
    progress.start(len(tiles))

    def piece(index: int) -> np.ndarray:
        size, generator = tiles[index].stop - tiles[index].start, generators[index]
        leader = law.sums(generator, np.ones(size, np.int64)) if leads else None
        out = _with_leader(law, generator, np.full(size, n), leader, leads)
        progress.tick()
        return out

    for group in row_tiles(len(tiles), GROUP):
        yield np.concatenate(map_tiles(piece, range(group.start, group.stop)))


def running(
    kind: str, counts, draws: int = 30, seed: int = 0, nu: float = 3.0, correlation: float = 0.0,
    progress: Progress | None = None,
) -> np.ndarray:  # fmt: skip
    """Growing sums: S_n of one sequence of terms at every n of `counts`, for many sequences.

    Parameters
    ----------
    counts : sequence of int
        Rising, from 1 to 1,000,000.
    draws : int
        Number of sequences.
    kind, seed, nu, correlation, progress
        As in `draw`.

    Returns
    -------
    ndarray (draws, len(counts))
        Each row is exact in law: what is added between two counts is one draw of the sum of that many terms.
    """
    law, counts = terms(kind, nu), _rising(counts)
    tiles, generators, leads = _prepared(draws, seed, correlation)
    steps = np.diff(counts, prepend=0)
    progress = as_progress(progress)
    progress.start(len(tiles))

    def piece(index: int) -> np.ndarray:
        size, generator = tiles[index].stop - tiles[index].start, generators[index]
        leader = law.sums(generator, np.ones((size, 1), np.int64)) if leads else None
        added = _with_leader(law, generator, np.broadcast_to(steps, (size, len(steps))), leader, leads)
        progress.tick()
        return np.cumsum(added, axis=1)

    return np.concatenate(map_tiles(piece, range(len(tiles))))


def _with_leader(law: Terms, generator, counts: np.ndarray, leader, share: float) -> np.ndarray:
    """Sums of `counts` terms of which a binomial number copies the leader."""
    if leader is None:
        return law.sums(generator, counts)
    copies = generator.binomial(counts, share)
    return copies * leader + law.sums(generator, counts - copies)


def _prepared(draws: int, seed: int, correlation: float):
    draws = checks.integer("The number of draws", draws, 1)
    if draws > MOST_DRAWS:
        hint = f"At most {MOST_DRAWS:,} fit"
        raise BudgetError("The sums must fit into the budget of memory", f"{draws:,} draws", hint, fits=MOST_DRAWS)
    share = checks.real("The correlation", correlation, 0.0, 1.0) ** 0.5
    tiles = row_tiles(draws, TILE)
    return tiles, tile_generators(checks.integer("The seed", seed, 0), len(tiles)), share


def _rising(counts) -> np.ndarray:
    array = np.atleast_1d(checks.raw_array("The counts", counts))
    if array.ndim != 1 or not array.size:
        raise Misuse("The counts must be one axis of whole numbers", f"shape {array.shape}")
    whole = np.array([checks.integer("A count", n, 1, MOST_TERMS) for n in array.tolist()])
    if (np.diff(whole) <= 0).any():
        raise Misuse("The counts must rise", f"{whole[:6].tolist()}")
    return whole
