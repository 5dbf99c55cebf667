"""What every law on the line must pass."""

from __future__ import annotations

import numpy as np

from tpcore.spectra.laws import Law


def distance(draws: np.ndarray, law: Law) -> float:
    """The Kolmogorov-Smirnov distance of draws to a law, atoms allowed for."""
    x = np.unique(draws)
    upto = np.searchsorted(np.sort(draws), x, side="right") / draws.size
    before = np.searchsorted(np.sort(draws), x, side="left") / draws.size
    step = 1e-9 * np.abs(x)
    return float(max(np.abs(upto - law.cdf(x + step)).max(), np.abs(before - law.cdf(x - step - 1e-300)).max()))


T0, NODES = 0.003, 24


def _panels() -> tuple[np.ndarray, np.ndarray]:
    """A composite rule on [T0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    edges = T0 * (1 / T0) ** np.linspace(0, 1, 41)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + node)).ravel(), (half * weight).ravel()


def check_law(law: Law, tolerance: float = 2e-8, mass: float = 1e-8) -> None:
    """Density, distribution function, quantiles, samples and atoms agree with one another."""
    atoms = sum(weight for _, weight in law.atoms)
    if law.moment(0) != 1:
        assert abs(Law.expect(law, lambda x: np.ones_like(x)) - 1) < mass
    total = 0.0
    t, weight = _panels()
    for low, high in law.bands:
        # x = low + (high - low) sin^6(pi t / 2): what is singular at an edge becomes smooth
        sine, cosine = np.sin(np.pi * t / 2), np.cos(np.pi * t / 2)
        x, slope = low + (high - low) * sine**6, 3 * np.pi * sine**5 * cosine * (high - low)
        value, start = float(np.sum(weight * slope * law.pdf(x))), low + (high - low) * np.sin(np.pi * T0 / 2) ** 6
        inside = sum(mass for at, mass in law.atoms if start < at <= high)
        assert abs(value - (law.cdf(high) - law.cdf(start)) + inside) < tolerance
        # and from T0 up to every panel
        parts = (weight * slope * law.pdf(x)).reshape(-1, NODES).sum(axis=1).cumsum()
        ends = low + (high - low) * np.sin(np.pi * T0 ** (1 - np.arange(1, 41) / 40) / 2) ** 6
        ends = ends[:-1]
        steps = sum(mass * ((start < at) & (at <= ends)) for at, mass in law.atoms)
        assert np.abs(parts[:-1] - (law.cdf(ends) - law.cdf(start)) + steps).max() < tolerance
        total += law.cdf(high) - law.cdf(low)
    inside = sum(w for at, w in law.atoms if any(low < at <= high for low, high in law.bands))
    assert abs(total - inside + atoms - 1) < mass
    p = np.array([0.003, 0.11, 0.37, 0.52, 0.741, 0.93, 0.9991])
    x = law.quantile(p)
    at_atom = np.array([any(abs(v - at) < 1e-12 for at, _ in law.atoms) for v in x])
    assert np.abs(law.cdf(x) - p)[~at_atom].max(initial=0) < tolerance
    assert (law.cdf(x) >= p - tolerance).all() and np.all(np.diff(x) >= 0)
    draws = law.sample(4000, seed=5)
    assert distance(draws, law) < 1.95 / np.sqrt(draws.size)  # p = 0.001
    low, high = law.support
    assert law.cdf(high + 1e-9) == 1 or abs(law.cdf(high + 1e-9) - 1) < mass
    assert law.pdf(np.nextafter(high, np.inf)) == 0 and law.cdf(low - 1e-9) == 0
    assert np.isnan(law.pdf(np.nan)) or not law.bands
