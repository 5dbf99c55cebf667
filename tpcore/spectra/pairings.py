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
