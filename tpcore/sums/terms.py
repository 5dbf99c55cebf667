"""The laws of one term: coin, die, uniform, exponential, a skewed mixture, Student's t, Cauchy.

Each knows its moments, its characteristic function and how a sum of many of its
terms is drawn from the exact law of the sum, without drawing the terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy import special

from tpcore import checks
from tpcore.sums import student

BITS = 30  # binary digits of a uniform term that are drawn; what is left is smaller than 1e-9 of a term
TINY = 1e-300  # keeps logarithms of vanishing characteristic functions finite
MOST_NU = 30.0  # beyond, Bessel functions overflow, and t is all but normal
MIXED = ((0.9, 0.0, 1.0), (0.1, 5.0, 1.0))  # weight, mean, standard deviation


@dataclass(frozen=True, eq=False)
class Terms:
    """The law of one term X.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    mean, variance : float
        nan and inf where they do not exist.
    index : float
        The sum's spread grows like n^(1/index): 2 with a variance, else the exponent of the tail.
    step : float
        Distance between the values of a lattice law; 0 for a law with a density.
    values, weights : ndarray
        The values and their probabilities of a lattice law, else empty.
    symmetric : bool
        About `centre`.
    method : str
        How sums are drawn.
    rate : float or None
        The distance of the sum's law to the normal falls like n^rate; None without a variance.
    """

    name: str
    label: str
    mean: float
    variance: float
    method: str
    rate: float | None
    index: float = 2.0
    symmetric: bool = True
    values: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    weights: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    _moment: Callable[[int], float] = field(default=lambda k: math.nan, repr=False)
    _third: float = field(default=math.nan, repr=False)
    _pdf: Callable | None = field(default=None, repr=False)
    _log_cf: Callable | None = field(default=None, repr=False)
    _sum: Callable | None = field(default=None, repr=False)

    @property
    def centre(self) -> float:
        """The mean, or the median 0 where there is no mean."""
        return self.mean if math.isfinite(self.mean) else 0.0

    @property
    def scale(self) -> float:
        """The standard deviation, or 1 where it is infinite."""
        return math.sqrt(self.variance) if math.isfinite(self.variance) else 1.0

    @property
    def step(self) -> float:
        return float(self.values[1] - self.values[0]) if len(self.values) else 0.0

    def moment(self, k: int) -> float:
        """E (X - mean)^k; inf or nan where it does not exist."""
        k = checks.integer("The order of a moment", k, 0, 64)
        return 1.0 if k == 0 else float(self._moment(k))

    def absolute_third(self) -> float:
        """E |X - mean|^3, which may be infinite."""
        return self._third

    def pdf(self, x) -> np.ndarray:
        """The density; of a lattice law the probability of x."""
        x = np.asarray(x, float)
        if self._pdf is not None:
            return self._pdf(x)
        hit = np.isclose(x[..., None], self.values, rtol=0, atol=1e-9)
        return (hit * self.weights).sum(axis=-1)

    def log_cf(self, t) -> np.ndarray:
        """log E exp(it (X - centre)) of real t, complex."""
        return np.asarray(self._log_cf(np.asarray(t, float)), complex)

    def sums(self, generator: np.random.Generator, counts) -> np.ndarray:
        """One sum of counts[i] independent terms for every i, shape of `counts` (integers of at least 0)."""
        return self._sum(generator, np.asarray(counts, np.int64))


def _lattice(name: str, label: str, values, method: str, draw) -> Terms:
    """Equally likely values at equal distances."""
    values = np.asarray(values, float)
    weights, mean = np.full(len(values), 1 / len(values)), float(np.mean(values))
    centred = values - mean
    return Terms(
        name, label, mean, float(np.mean(centred**2)), method, -0.5, values=values, weights=weights,
        _moment=lambda k: np.mean(centred**k), _third=float(np.mean(np.abs(centred) ** 3)),
        _log_cf=lambda t: np.log(np.exp(1j * t[..., None] * centred) @ weights), _sum=draw,
    )  # fmt: skip


def _faces(generator, counts) -> np.ndarray:
    return generator.multinomial(counts, np.full(6, 1 / 6)) @ np.arange(1.0, 7.0)


def _uniform_sums(generator, counts) -> np.ndarray:
    """The binary digits of a uniform number are fair coins: the digits of `counts` numbers are binomial counts."""
    total = np.zeros(counts.shape)
    for digit in range(1, BITS + 1):
        total += generator.binomial(counts, 0.5) * 0.5**digit
    rest = counts / 2 + np.sqrt(counts / 12) * generator.standard_normal(counts.shape)
    return total + rest * 0.5**BITS


def _uniform() -> Terms:
    return Terms(
        "uniform", "uniform on [0, 1]", 0.5, 1 / 12, "its digits are coins", -1.0,
        _moment=lambda k: 0.0 if k % 2 else 0.5**k / (k + 1), _third=1 / 32,
        _pdf=lambda x: ((x >= 0) & (x <= 1)).astype(float),
        _log_cf=lambda t: np.log(np.abs(np.sinc(t / (2 * np.pi))) + TINY) + 1j * np.pi * (np.sinc(t / (2 * np.pi)) < 0),
        _sum=_uniform_sums,
    )  # fmt: skip


def _exponential() -> Terms:
    return Terms(
        "exponential", "exponential", 1.0, 1.0, "gamma law", -0.5, symmetric=False,
        _moment=lambda k: sum((-1) ** j * math.factorial(k) // math.factorial(j) for j in range(k + 1)),
        _third=12 / math.e - 2, _pdf=lambda x: np.where(x >= 0, np.exp(-np.maximum(x, 0)), 0.0),
        _log_cf=lambda t: -np.log(1 - 1j * t) - 1j * t, _sum=lambda generator, counts: generator.standard_gamma(counts),
    )  # fmt: skip


def _mixture() -> Terms:
    mean = sum(w * m for w, m, _ in MIXED)
    variance = sum(w * (s * s + (m - mean) ** 2) for w, m, s in MIXED)

    def moment(k: int) -> float:
        return sum(w * math.comb(k, j) * (m - mean) ** (k - j) * s**j * max(1, math.prod(range(1, j, 2)))
                   for w, m, s in MIXED for j in range(0, k + 1, 2))  # fmt: skip

    def pdf(x):
        return sum(w * np.exp(-(((x - m) / s) ** 2) / 2) / (s * math.sqrt(2 * math.pi)) for w, m, s in MIXED)

    def draw(generator, counts):
        (_, m0, s0), (weight, m1, s1) = MIXED
        ones = generator.binomial(counts, weight)
        noise = generator.standard_normal(counts.shape)
        return ones * m1 + (counts - ones) * m0 + np.sqrt(ones * s1**2 + (counts - ones) * s0**2) * noise

    return Terms(
        "mixture", "nine in ten N(0, 1), one in ten N(5, 1)", mean, variance, "binomial count, then normal", -0.5,
        symmetric=False, _moment=moment, _third=_absolute_third(pdf, mean), _pdf=pdf, _sum=draw,
        _log_cf=lambda t: np.log(TINY + sum(w * np.exp(1j * t * (m - mean) - (s * t) ** 2 / 2) for w, m, s in MIXED)),
    )  # fmt: skip


def _absolute_third(pdf, mean: float) -> float:
    """E |X - mean|^3 by Gauss-Legendre on both sides of the mean, to 20 standard deviations."""
    points, weights = np.polynomial.legendre.leggauss(200)
    half = 10 * (points + 1)
    return float(sum((weights * 10) @ (half**3 * pdf(mean + sign * half)) for sign in (-1, 1)))


def _student(nu: float) -> Terms:
    def moment(k: int) -> float:
        if k >= nu:
            return math.nan if k % 2 else math.inf
        return 0.0 if k % 2 else _student_absolute(nu, k)

    rate = None if nu <= 2 else -min(nu / 2 - 1, 1.0)
    mean, variance = 0.0 if nu > 1 else math.nan, nu / (nu - 2) if nu > 2 else math.inf
    log_norm = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - math.log(nu * math.pi) / 2
    return Terms(
        "student", f"Student t, {nu:g} degrees of freedom", mean, variance, "quantiles of its law", rate,
        index=min(nu, 2.0), _moment=moment, _third=_student_absolute(nu, 3) if nu > 3 else math.inf,
        _pdf=lambda x: np.exp(log_norm - (nu + 1) / 2 * np.log1p(x * x / nu)),
        _log_cf=lambda t: student.log_cf(nu, t),
        _sum=lambda generator, counts: student.sums(generator, counts, nu),
    )  # fmt: skip


def _student_absolute(nu: float, k: float) -> float:
    """E |t|^k for k < nu."""
    logs = special.gammaln([(k + 1) / 2, (nu - k) / 2, nu / 2]) @ [1, 1, -1]
    return float(nu ** (k / 2) * np.exp(logs) / math.sqrt(math.pi))


def _cauchy() -> Terms:
    return Terms(
        "cauchy", "Cauchy", math.nan, math.inf, "N times one term", None, index=1.0,
        _moment=lambda k: math.nan if k % 2 else math.inf, _third=math.inf,
        _pdf=lambda x: 1 / (np.pi * (1 + x * x)), _log_cf=lambda t: -np.abs(t),
        _sum=lambda generator, counts: counts * generator.standard_cauchy(counts.shape),
    )  # fmt: skip


KINDS: dict[str, Callable[[float], Terms]] = {
    "coin": lambda nu: _lattice("coin", "coin: 1 for heads, 0 for tails", (0, 1), "binomial law",
                                lambda generator, counts: generator.binomial(counts, 0.5).astype(float)),
    "die": lambda nu: _lattice("die", "a fair die", range(1, 7), "counts of the faces", _faces),
    "uniform": lambda nu: _uniform(),
    "exponential": lambda nu: _exponential(),
    "mixture": lambda nu: _mixture(),
    "student": lambda nu: _cauchy() if nu == 1 else _student(nu),
    "cauchy": lambda nu: _cauchy(),
}  # fmt: skip
"""Name -> the law for given degrees of freedom (which "student" alone looks at)."""


@lru_cache(maxsize=64)
def _made(kind: str, nu: float) -> Terms:
    return KINDS[kind](nu)


def terms(kind: str, nu: float = 3.0) -> Terms:
    """The law of one term.

    Parameters
    ----------
    kind : str
        "coin" (0 or 1), "die", "uniform" (on [0, 1]), "exponential" (mean 1), "mixture" (0.9 N(0, 1) + 0.1 N(5, 1)),
        "student" (t with `nu` degrees of freedom, not rescaled), "cauchy" (Student's with nu = 1).
    nu : float
        From 1 to 30.

    Raises
    ------
    Misuse
        Unknown kind, `nu` out of range.
    """
    kind = checks.choice("A law of the terms", kind, KINDS)
    nu = checks.real("The degrees of freedom nu", nu, 1.0, MOST_NU)
    return _made(kind, nu if kind == "student" else 3.0)
