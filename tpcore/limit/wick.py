"""Moments of jointly Gaussian variables: Isserlis' theorem, known in physics as Wick's formula."""

from __future__ import annotations

import numpy as np

from tpcore.limit.budget import Beyond

MOST = 4096  # moments of sub-products that are kept


def wick(means: list[np.ndarray], cov: np.ndarray) -> np.ndarray | float:
    """E prod_a (means[a] + e_a) for centred Gaussians e with covariances cov[a, b].

    E x_a p = m_a E p + sum_b cov(x_a, x_b) E dp/dx_b, by Stein's lemma, where equal factors count with their
    multiplicity: the power x^16 takes 16 steps, not the 15!! pairings.

    Raises
    ------
    Beyond
        A product of so many different Gaussians that its sub-products are more than 4,096.
    """
    kinds, powers = _alike(means, cov)
    states = int(np.prod([power + 1 for power in powers], dtype=object)) if powers else 1
    if states > MOST:
        raise Beyond(
            f"The average of a product of Gaussians must need at most {MOST:,} moments of its parts",
            f"{states:,} of them, for {len(means)} Gaussian factors",
            "Particles take any product",
        )
    known: dict[tuple[int, ...], np.ndarray | float] = {(0,) * len(kinds): 1.0}

    def moment(left: tuple[int, ...]) -> np.ndarray | float:
        if left not in known:
            a = next(i for i, power in enumerate(left) if power)
            rest = _less(left, a)
            result = means[kinds[a]] * moment(rest)
            for b, power in enumerate(rest):
                if power:
                    result = result + power * cov[kinds[a], kinds[b]] * moment(_less(rest, b))
            known[left] = result
        return known[left]

    return moment(tuple(powers))


def _less(powers: tuple[int, ...], which: int) -> tuple[int, ...]:
    return (*powers[:which], powers[which] - 1, *powers[which + 1 :])


def _alike(means: list[np.ndarray], cov: np.ndarray) -> tuple[list[int], list[int]]:
    """The different factors and how often each occurs."""
    kinds: list[int] = []
    powers: list[int] = []
    for a, mean in enumerate(means):
        for place, b in enumerate(kinds):
            alike = np.array_equal(cov[a], cov[b]) and np.array_equal(cov[a, a], cov[a, b])
            if alike and np.array_equal(mean, means[b]):
                powers[place] += 1
                break
        else:
            kinds.append(a)
            powers.append(1)
    return kinds, powers
