"""Catalan numbers and noncrossing pairings, by recursion and by exhaustion."""

from __future__ import annotations

from itertools import combinations

import pytest

from tpcore.errors import Misuse
from tpcore.spectra.pairings import catalan, closed_walk, narayana, noncrossing_pairings


def pairings(points):
    """All pairings, crossing or not."""
    if not points:
        yield ()
    for at in range(1, len(points)):
        for rest in pairings(points[1:at] + points[at + 1 :]):
            yield ((points[0], points[at]), *rest)


def crosses(pairing):
    return any(a < c < b < d or c < a < d < b for (a, b), (c, d) in combinations(pairing, 2))


def test_catalan_numbers_are_exact():
    values = [1]
    for k in range(60):
        values.append(sum(values[i] * values[k - i] for i in range(k + 1)))
    assert [catalan(k) for k in range(61)] == values
    assert catalan(5) == 42 and isinstance(catalan(40), int)


@pytest.mark.parametrize("k", range(6))
def test_pairings_are_exactly_those_that_do_not_cross(k):
    expected = {tuple(sorted(p)) for p in pairings(tuple(range(2 * k))) if not crosses(p)}
    found = noncrossing_pairings(k)
    assert set(found) == expected and len(found) == len(expected) == catalan(k)
    assert all(i < j for pairing in found for i, j in pairing)


def test_misuse():
    for bad in (-1, 2.0, True, "3"):
        with pytest.raises(Misuse, match="whole number"):
            catalan(bad)
    with pytest.raises(Misuse, match="at most 10"):
        noncrossing_pairings(11)


@pytest.mark.parametrize("k", range(1, 6))
def test_cycles_walk_around_trees(k):
    """Each of k edges is walked once there and once back, by paired steps; the indices are k + 1: a tree."""
    for pairing in noncrossing_pairings(k):
        walk = closed_walk(pairing)
        steps = [(walk[s], walk[(s + 1) % (2 * k)]) for s in range(2 * k)]
        assert all(steps[i] == steps[j][::-1] for i, j in pairing)
        assert len({frozenset(step) for step in steps}) == k and set(walk) == set(range(k + 1))
    assert len({closed_walk(p) for p in noncrossing_pairings(k)}) == catalan(k)


@pytest.mark.parametrize("k", range(1, 6))
def test_narayana_numbers_count_cycles_by_rows(k):
    counts = [0] * (k + 1)
    for pairing in noncrossing_pairings(k):
        counts[len(set(closed_walk(pairing)[::2]))] += 1
    assert counts == [narayana(k, r) for r in range(k + 1)]
    assert sum(counts) == catalan(k) and narayana(4, 2) == 6 and narayana(0, 0) == 1


def test_narayana_misuse():
    with pytest.raises(Misuse, match="Narayana"):
        narayana(3, 4)
