"""Pairings of points on a circle without crossing, and their number."""

from __future__ import annotations

from math import comb

from tpcore import checks

Pairing = tuple[tuple[int, int], ...]


def catalan(k: int) -> int:
    """C_k = (2k)! / (k! (k+1)!), exactly: 1, 1, 2, 5, 14, 42, ...

    The number of ways to pair 2k points on a circle without crossing, and the
    moment of order 2k of the semicircle law of variance 1.
    """
    k = checks.integer("The index k of a Catalan number", k, 0, 100_000)
    return comb(2 * k, k) // (k + 1)


def noncrossing_pairings(k: int) -> list[Pairing]:
    """All pairings of the points 0 .. 2k - 1 on a circle whose chords do not cross.

    Each pairing is k pairs (i, j), i < j, in order of i; there are
    ``catalan(k)``. In tr A^(2k) of a large Wigner matrix only the words whose
    equal letters are paired this way survive: the moments are Catalan numbers.
    """
    k = checks.integer("The number k of pairs", k, 0, 10)
    return _pair(0, 2 * k)


def _pair(low: int, high: int) -> list[Pairing]:
    """The noncrossing pairings of low .. high - 1: the partner of `low` splits the rest in two."""
    if low == high:
        return [()]
    return [
        tuple(sorted(((low, at), *inner, *outer)))
        for at in range(low + 1, high, 2)
        for inner in _pair(low + 1, at)
        for outer in _pair(at + 1, high)
    ]


def narayana(k: int, r: int) -> int:
    """N(k, r) = C(k, r) C(k, r - 1) / k, exactly: noncrossing pairings of 2k points whose cycle visits r rows.

    1 <= r <= k, and N(0, 0) = 1; they add up to the Catalan number. With m = y n rows, (1/m) tr (X X^T / n)^k tends to
    sum_r N(k, r) y^(r - 1).
    """
    k = checks.integer("The index k of a Narayana number", k, 0, 100_000)
    r = checks.integer("The index r of a Narayana number", r, 0, k)
    if k == 0:
        return 1
    return comb(k, r) * comb(k, r - 1) // k if r else 0


def closed_walk(pairing: Pairing) -> tuple[int, ...]:
    """The cycle i_0, i_1, ..., i_{2k-1}, i_0 of indices that a noncrossing pairing stands for in tr A^(2k).

    Step s goes from i_s to i_{s+1} and meets the entry A[i_s, i_{s+1}]; paired steps meet the same entry, one there and
    one back. So the cycle walks around a tree with k edges: the first step of a pair finds a new index, the second
    returns. Indices are numbered as they are met.

    Returns
    -------
    tuple of int
        i_0 = 0, i_1, ..., i_{2k-1}. For tr (X X^T)^k the indices at even distance from the first are rows of X, the
        others columns.
    """
    opens = {i for i, _ in pairing}
    path, walk, met = [0], [0], 1
    for step in range(2 * len(pairing)):
        if step in opens:
            path.append(met)
            met += 1
        else:
            path.pop()
        walk.append(path[-1])
    return tuple(walk[:-1]) if pairing else (0,)
