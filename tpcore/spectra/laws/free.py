"""Free convolutions: the laws of sums and products of independent large matrices in general position."""

from __future__ import annotations

import numpy as np

from tpcore.errors import Misuse
from tpcore.spectra.laws import additive, multiplicative
from tpcore.spectra.laws.atom import Discrete, PointMass
from tpcore.spectra.laws.banded import Banded, trusted
from tpcore.spectra.laws.bands import SURE
from tpcore.spectra.laws.base import Law
from tpcore.spectra.laws.factors import Factors
from tpcore.spectra.laws.marchenko_pastur import MarchenkoPastur
from tpcore.spectra.laws.measure import Measure
from tpcore.spectra.laws.product import FussCatalan
from tpcore.spectra.laws.root import Root
from tpcore.spectra.laws.semicircle import Semicircle
from tpcore.spectra.laws.spiked import Spiked

NODES = 400
MISSED = 0.01  # of the variance: from there on a law is refused


def free_sum(*laws: Law) -> Law:
    """The free additive convolution: the law of A_1 + .. + A_n, the eigenvectors of the A_i independent and uniform.

    Parameters
    ----------
    *laws : Law
        One or more laws on the line with bounded support. Semicircles, Marchenko-Pastur laws and point masses enter
        through their R-transforms, free sums by their terms, all others by a quadrature of 400 nodes a band.

    Returns
    -------
    Law
        Its bands, edges and atoms found; `error` bounds that of the distribution function, as measured. Where atoms
        with masses that add up to n - 1 meet the density has no bound: `pdf` is inf there.

    Raises
    ------
    Misuse
        For anything that is no law on the line, where the error would be beyond 0.01, and where 1 % of the variance
        would be lost with masses that are too small (Marchenko-Pastur laws of ratios above about 10^5).

    Notes
    -----
    Voiculescu, J. Funct. Anal. 66 (1986). Free Independence Principle: Tensor Programs III (arXiv 2009.10685).
    """
    laws, name = _checked(laws), " + ".join(law.name for law in laws)
    laws, whole = _parts(laws, "sum"), laws
    terms = _terms(laws, NODES)
    if not terms.variance and not terms.poisson and not terms.measures:
        return PointMass(terms.constant)
    if len(whole) == 1:
        return whole[0]
    law = additive.tabulate(terms, name, r"\boxplus")
    return _stated(law, lambda law: _gap(law, _terms(laws, 2 * NODES)), ("sum", laws))


def free_product(*laws: Law) -> Law:
    """The free multiplicative convolution: the law of A_1^(1/2) A_2 A_1^(1/2), and so on for more factors.

    Parameters
    ----------
    *laws : Law
        One or more laws on [0, inf) with bounded support. Marchenko-Pastur and Fuss-Catalan laws and point masses
        enter through their S-transforms, free products by their factors, all others by a quadrature of 400 nodes a
        band.

    Returns
    -------
    Law
        Its bands, edges and atoms found; `error` bounds that of the distribution function, as measured.

    Raises
    ------
    Misuse
        For a law with mass below 0, or anything that is no law on the line, where the error would be beyond 0.01, and
        where 1 % of the variance would be lost with masses that are too small.

    Notes
    -----
    Voiculescu, J. Operator Theory 18 (1987).
    """
    laws = _checked(laws)
    for law in laws:
        if law.support[0] < 0:
            raise Misuse("The factors of a free product must have no mass below 0", repr(law), "Take its square")
    if any(law.support == (0.0, 0.0) for law in laws):
        return PointMass(0.0)
    if all(isinstance(law, PointMass) for law in laws):
        return PointMass(float(np.prod([law.support[0] for law in laws])))
    if len(laws) == 1:
        return laws[0]
    name, laws = " x ".join(law.name for law in laws), _parts(laws, "product")
    law = multiplicative.tabulate(_factors(laws, NODES), name, r"\boxtimes")
    return _stated(law, lambda law: _gap(law, _factors(laws, 2 * NODES)), ("product", laws))


def _checked(laws: tuple[Law, ...]) -> tuple[Law, ...]:
    if not laws:
        raise Misuse("A free convolution needs one law or more", "none")
    for law in laws:
        if not isinstance(law, Law) or not np.isfinite(law.support).all():
            raise Misuse("Free convolution is of laws on the line with bounded support", repr(law))
    return laws


def _measure(law: Law, nodes: int) -> Measure:
    """Nodes of the law; where it can be continued, on a path below the real line too."""
    path = law.below(nodes) if isinstance(law, FussCatalan | Banded | Root) else None
    return Measure(*law.nodes(nodes), law.atoms, path)


def _terms(laws: tuple[Law, ...], nodes: int) -> additive.Terms:
    terms = additive.Terms()
    for law in laws:
        terms.extend(*law.support)
        if isinstance(law, PointMass):
            terms.constant += law.support[0]
        elif isinstance(law, Semicircle):
            terms.variance += law.scale**2
        elif isinstance(law, MarchenkoPastur):
            terms.poisson.append((law.ratio, law.scale**2))
        else:
            _append(terms.measures, law, nodes)
    return terms


def _factors(laws: tuple[Law, ...], nodes: int) -> Factors:
    factors = Factors()
    measures: list = []
    for law in laws:
        if isinstance(law, PointMass):
            factors.point(np.log(law.support[0]))
        elif isinstance(law, MarchenkoPastur):
            factors.marchenko_pastur(law.ratio, 2 * np.log(law.scale))
        elif isinstance(law, FussCatalan):
            factors.marchenko_pastur(1.0, 2 * np.log(law.scale), law.factors)
        else:
            _append(measures, law, nodes)
    for measure, times in measures:
        factors.measure(measure, times)
    return factors


def _append(measures: list, law: Law, nodes: int) -> None:
    """The same law again is the same unknown."""
    new = _measure(law, 1 if isinstance(law, Discrete) else nodes)
    for j, (measure, times) in enumerate(measures):
        if np.array_equal(measure.places, new.places) and np.array_equal(measure.masses, new.masses):
            measures[j] = (measure, times + 1)
            return
    measures.append((new, 1))


def _gap(law: Law, finer) -> float:
    """The largest difference to a finer quadrature, at 33 quantiles; where that does not converge it says nothing."""
    x = np.unique(law.quantile(np.linspace(0.01, 0.99, 33)))
    x = x[np.isfinite(law.pdf(x)) & (law.pdf(x) > 0)]
    if isinstance(finer, additive.Terms):
        g, omegas, left = additive.solve(finer, x)
        upper = finer.upper(g, omegas)
    else:
        state, left = multiplicative.solve(finer, np.log(x))
        upper = finer.upper(state.w, state.rest, state.us)
    return float(np.abs(1 - upper - law.cdf(x))[left < SURE].max(initial=0.0))


def _stated(law: Banded, gap, parts: tuple[str, tuple[Law, ...]]) -> Law:
    law.error, law.parts = max(law.error, 2 * gap(law)), parts
    law = trusted(law, "The bands of a free convolution must be within reach of double precision",
                  "Fewer atoms, or bands that are less narrow against the distances between them")  # fmt: skip
    _check_variance(law, *parts)
    return law


def _check_variance(law: Banded, kind: str, laws: tuple[Law, ...]) -> None:
    """Refuse a law that has lost a mass, small to the distribution function, that its variance is made of.

    Variances add up in free sums, and in free products those over the squared means do.
    """
    means = np.array([part.expect(lambda x: x) for part in laws])
    spreads = np.array([part.expect(lambda x, mean=mean: (x - mean) ** 2)
                        for part, mean in zip(laws, means, strict=True)])  # fmt: skip
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = means.sum() if kind == "sum" else means.prod()
        variance = spreads.sum() if kind == "sum" else mean**2 * (spreads / means**2).sum()
        found = law.expect(lambda x: (x - mean) ** 2)
        lost = abs(found - variance) > MISSED * variance
    if lost:
        raise Misuse("A free convolution must keep the variance of its parts: masses far out must not be too small",
                     f"{law.name}, with a variance of {found:.3g} where the parts make {variance:.3g}",
                     "Smaller ratios of Marchenko-Pastur laws, or leave small atoms out")  # fmt: skip


def _parts(laws: tuple[Law, ...], kind: str) -> tuple[Law, ...]:
    """The laws, those that are a free `kind` themselves by their own terms, a spiked one by its bulk."""
    found: list[Law] = []
    for law in laws:
        if isinstance(law, Spiked):
            law = law.bulk
        own, parts = getattr(law, "parts", ("", ()))
        found += parts if own == kind else [law]
    return tuple(found)
