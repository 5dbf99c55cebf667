r"""The law of a standardized sum without drawing it, and how far it is from the normal: sup_x |F_n(x) - Phi(x)|."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.sums.draw import MOST_TERMS
from tpcore.sums.student import panels
from tpcore.sums.terms import Terms, terms

REACH = 40.0  # standard deviations of a lattice sum that are kept
FEW = 12  # sums of so few uniform terms have their piecewise polynomial
GRID = np.linspace(-6.0, 6.0, 2401)
CONSTANT = 0.4690
NEGLIGIBLE = 36.0


def cdf(kind: str, n: int, x, nu: float = 3.0) -> np.ndarray:
    r"""P(Z <= x) of Z = (S_n - n mean) / (sigma sqrt n), for independent terms.

    Coin and die by a Fourier transform of the n-th power of the characteristic
    function on the lattice, the exponential by its gamma law, the others by
    Gil-Pelaez: F = Phi - (1/pi) int_0^inf Im[e^{-itx} (phi_n(t) - e^{-t^2/2})] dt / t.

    Parameters
    ----------
    kind, nu
        As in `terms`; the variance must be finite.
    n : int
        Number of terms, from 1 to 1,000,000.
    x : array

    Returns
    -------
    ndarray, shape of x
        Right to about 1e-9.

    Notes
    -----
    Source: J. Gil-Pelaez, Note on the inversion theorem, Biometrika 38 (1951).
    """
    law, n, x = _checked(kind, n, nu), checks.integer("The number of terms n", n, 1, MOST_TERMS), checks.array("x", x)
    if law.step:
        places, below = _lattice(law, n)
        at = np.searchsorted(places, x + 1e-9, side="right")
        return np.concatenate([[0.0], below])[at]
    return np.clip(special.ndtr(x) + _beyond_normal(law, n, x, nu), 0.0, 1.0)


def distance(kind: str, n: int, nu: float = 3.0) -> float:
    """sup_x |P(Z <= x) - Phi(x)| of the standardized sum of n independent terms, without drawing any.

    Parameters and errors as in `cdf`. Right to about 1e-9; it falls like n^rate with `Terms.rate`: n^(-1/2) for skewed
    or lattice laws, 1/n for symmetric ones with a density and four moments.
    """
    return _distance(kind, checks.integer("The number of terms n", n, 1, MOST_TERMS), _checked(kind, n, nu), float(nu))


@lru_cache(maxsize=4096)
def _distance(kind: str, n: int, law: Terms, nu: float) -> float:
    if law.step:
        places, below = _lattice(law, n)
        normal = special.ndtr(places)
        before = np.concatenate([[0.0], below[:-1]])
        return float(max(np.abs(below - normal).max(), np.abs(before - normal).max()))
    return float(np.abs(_beyond_normal(law, n, GRID, nu)).max())


def bound(kind: str, n: int, nu: float = 3.0) -> float:
    """The theorem of Berry and Esseen: `distance` is at most 0.4690 E|X - mean|^3 / (sigma^3 sqrt n).

    inf where there is no third moment. The constant is Shevtsova's (Informatics and its applications 7, 2013).
    """
    law, n = _checked(kind, n, nu), checks.integer("The number of terms n", n, 1)
    return CONSTANT * law.absolute_third() / law.scale**3 / n**0.5


def _checked(kind: str, n: int, nu: float) -> Terms:
    law = terms(kind, nu)
    if not np.isfinite(law.variance):
        raise Misuse("The distance to the normal needs terms with a variance", f"{law.label}",
                     "Without one, sums do not become normal")  # fmt: skip
    return law


def _lattice(law: Terms, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardized places where the sum has mass, and P(Z <= place)."""
    low, high, step = n * law.values[0], n * law.values[-1], law.step
    sd = law.scale * n**0.5
    first = max(0, int((n * law.mean - REACH * sd - low) / step))
    last = min(round((high - low) / step), int((n * law.mean + REACH * sd - low) / step) + 1)
    size = 1 << int(last - first).bit_length()
    t = 2 * np.pi * np.fft.fftfreq(size) / step
    shift = low + first * step - n * law.mean
    power = np.exp(n * law.log_cf(t[: size // 2 + 1]) - 1j * t[: size // 2 + 1] * shift)
    mass = np.fft.irfft(np.conj(power), size)[: last - first + 1]
    places = (shift + step * np.arange(last - first + 1)) / sd
    return places, np.cumsum(np.maximum(mass, 0.0))


def _beyond_normal(law: Terms, n: int, x: np.ndarray, nu: float) -> np.ndarray:
    """F_n - Phi of a law with a density."""
    z = x * law.scale * n**0.5
    if law.name == "exponential":
        return special.gammainc(n, np.maximum(z + n, 0.0)) - special.ndtr(x)
    if law.name == "uniform" and n <= FEW:
        return _irwin_hall(n, z + n / 2) - special.ndtr(x)
    if law.name == "student" and n == 1:
        return special.stdtr(nu, z) - special.ndtr(x)
    return _inverted(law, n, x)


def _irwin_hall(n: int, x: np.ndarray) -> np.ndarray:
    """P(U_1 + .. + U_n <= x), by its piecewise polynomial on the shorter side."""
    y = np.clip(np.minimum(x, n - x), 0.0, None)
    terms_ = [(-1) ** k * special.comb(n, k) * np.maximum(y - k, 0.0) ** n for k in range(n // 2 + 1)]
    below = np.sum(terms_, axis=0) / special.factorial(n)
    return np.where(x <= n / 2, below, 1 - below)


def _inverted(law: Terms, n: int, x: np.ndarray) -> np.ndarray:
    sd = law.scale * n**0.5
    grid = np.geomspace(1e-2, 1e4, 800)
    alive = (n * law.log_cf(grid / sd).real > -NEGLIGIBLE) | (grid < 9.0)
    tau, weights = panels(float(grid[alive].max()) * 1.02, 12.0 / max(6.0, float(np.abs(x).max(initial=0.0))))
    rest = (np.exp(n * law.log_cf(tau / sd)) - np.exp(-(tau**2) / 2)) * weights / tau
    angle = np.multiply.outer(x, tau)
    return -(np.cos(angle) @ rest.imag - np.sin(angle) @ rest.real) / np.pi
