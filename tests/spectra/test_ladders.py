"""Long ladders of sizes: how fast a spectrum becomes its limit."""

from __future__ import annotations

import numpy as np
import pytest

from tpcore.spectra import catalan, cdf_gap, eigenvalue_counts, eigenvalues, semicircle, spectral_moments

pytestmark = pytest.mark.verify


def slope(sizes, values) -> float:
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_moments_approach_catalan_numbers_like_one_over_n(verify_table, order):
    """The mean of (1/n) tr A^(2k) is Catalan(k) + O(1/n), with a positive coefficient."""
    sizes = [30, 60, 120, 240, 480, 960]
    means = [spectral_moments("goe", n, [order], draws=4_000_000 // n, seed=order).mean() for n in sizes]
    found = slope(sizes, np.array(means) - catalan(order // 2))
    name = f"GOE moment {order} minus Catalan number, slope in n"
    verify_table(name, f"{found:.3f}", "-1 +- 0.1", abs(found + 1) < 0.1)


def test_counts_approach_the_semicircle_like_one_over_n(verify_table):
    """Eigenvalues are rigid: N(x) differs from n F(x) by about sqrt(log n), so the gap falls almost like 1/n."""
    law, points, sizes = semicircle(), np.linspace(-2, 2, 201), [10**2, 10**3, 10**4, 10**5, 10**6]
    gaps = [
        np.mean([cdf_gap(law, points, eigenvalue_counts("goe", n, points, seed=s), n) for s in range(12)])
        for n in sizes
    ]
    found = slope(sizes, gaps)
    verify_table("GOE distribution function, gap to the semicircle, slope in n", f"{found:.3f}", "-1 +- 0.1",
                 abs(found + 1) < 0.1)


@pytest.mark.parametrize("kind", ["symmetric:rademacher", "symmetric:uniform", "symmetric:student"])
def test_other_entries_share_the_limit(verify_table, kind):
    """The largest gap over all eigenvalues is a maximum over a rigid spectrum: about log n / n."""
    law, sizes = semicircle(), [60, 120, 240, 480, 960]
    gaps = []
    for n in sizes:
        values = np.sort(eigenvalues(kind, n, seed=n, draws=6, nu=6.0), axis=1)
        steps = np.arange(1, n + 1) / n - 0.5 / n
        gaps.append(np.mean(np.abs(law.cdf(values) - steps).max(axis=1)))
    found = slope(sizes, gaps)
    asked = slope(sizes, np.log(sizes) / sizes)
    verify_table(f"{kind}, gap to the semicircle, slope in n", f"{found:.3f}", f"{asked:.2f} +- 0.15 (log n / n)",
                 abs(found - asked) < 0.15)
