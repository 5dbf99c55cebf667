"""Spectra of random symmetric matrices for the Matrices lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from time import perf_counter

import numpy as np

from tpapp.compute.ladder import silent
from tpapp.matrix_results import EigenvaluePath, LawCurve, MomentRow, PathRequest, Spectrum, SpectrumRequest
from tpcore import spectra
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError
from tpcore.spectra.ensembles import DENSE_WORK
from tpcore.spectra.histogram import WORK as COUNT_WORK
from tpcore.spectra.moments import WORK as MOMENT_WORK
from tpcore.spectra.tridiagonal import MEMORY, tridiagonal_chunks

KINDS = spectra.KINDS
ORDERS = (2, 4, 6, 8, 10)
REACH, HEAVY_REACH = 2.6, 8.0
FINE = 4  # fine edges a bin, where the gap is measured without eigenvalues
WHOLE = 2**20  # rows of tridiagonal matrices counted in one call
EXACT, DENSE = "Sturm counts", "dense eigenvalues"


def law(kind: str, nu: float = 3.0) -> LawCurve | None:
    """The limit law of the eigenvalues, or None where the entries have no variance."""
    limit = KINDS[kind].law(spectra.Parameters(nu=nu))
    return None if limit is None else _curve(limit)


def semicircle() -> LawCurve:
    """The semicircle of variance 1, to stand beside spectra that do not follow it."""
    return _curve(spectra.semicircle(1.0))


def _curve(limit: spectra.Law) -> LawCurve:
    low, high = limit.support
    x = (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, 401))
    return LawCurve(limit.name, x, limit.pdf(x), (low, high))


def bin_edges(total: int, heavy: bool = False) -> np.ndarray:
    """Edges for so many eigenvalues; ±2 are among them unless tails are heavy."""
    if heavy:
        return np.linspace(-HEAVY_REACH, HEAVY_REACH, 81)
    cells = 5 if total < 64 else 10 if total < 1500 else 20 if total < 10**4 else 30 if total < 10**5 else 40
    outer = cells + -(-3 * cells // 10)
    return 2.0 * np.arange(-outer, outer + 1) / cells


def fits(kind: str, draws: int = 1) -> int:
    """The largest n that a request may have: the dial's end."""
    return 10**6 if kind == "goe" else spectra.largest_n(kind, draws)


def fits_draws(kind: str, n: int) -> int:
    """How many draws of this size a request may have."""
    if kind == "goe":
        return _most_draws(n)
    return int(min(DENSE_WORK / n**3, MEMORY / (16 * n))) if n <= fits(kind) else 0


def quick(r: SpectrumRequest) -> bool:
    """Whether it takes a few milliseconds at most."""
    return r.n * r.draws <= 2**14 and (r.kind == "goe" or r.n**3 * r.draws <= 4e6)


def check(r: SpectrumRequest) -> None:
    """Refuse what needs more than about ten seconds, with what fits (`tpcore.errors.BudgetError`)."""
    draws = f"{r.draws:,} draw{'s' * (r.draws > 1)}"
    if r.kind == "goe":
        most = _most_draws(r.n)
        if r.draws > most:
            raise BudgetError("A request may take about ten seconds", f"{draws} at n = {r.n:,}",
                              f"At most {most:,} draws fit", fits=most)  # fmt: skip
        return
    largest = fits(r.kind, r.draws)
    if r.n > largest:
        hint = f"At most n = {largest:,} fits with {draws}; the Gaussian GOE has an exact model to n = 1,000,000"
        must = "Such a matrix is stored whole and may take about ten seconds"
        raise BudgetError(must, f"n = {r.n:,}", hint, fits=largest)


def spectrum(request: SpectrumRequest, progress: Progress | None = None) -> Iterator[Spectrum]:
    """Histograms of growing numbers of draws; the last one has the moments too.

    Raises `tpcore.errors.BudgetError` with the n that fits.
    """
    check(request)
    _warm()
    work = _counted if request.kind == "goe" else _dense
    steps, seconds, start = work(request, progress or Progress()), 0.0, perf_counter()
    for result in steps:
        seconds += perf_counter() - start
        yield replace(result, seconds=seconds)
        start = perf_counter()


@cache
def _warm() -> None:
    """Load what is compiled or imported late, so that no result is timed with it."""
    for kind, work in (("goe", _counted), ("symmetric:student", _dense)):
        for _ in work(SpectrumRequest(kind, 8), Progress()):
            pass


def _counted(r: SpectrumRequest, progress: Progress) -> Iterator[Spectrum]:
    """The GOE, by Sturm counts of its tridiagonal model."""
    edges = bin_edges(r.n * r.draws)
    fine = np.linspace(edges[0], edges[-1], FINE * (len(edges) - 1) + 1)
    limit = KINDS[r.kind].law()
    result = None
    for draws, below in _counts_below(r, fine, progress):
        total = r.n * draws
        counts = np.diff(below[::FINE])
        gap = spectra.cdf_gap(limit, fine, below, total)
        result = _result(r, draws, edges, counts, gap, (), EXACT)
        yield result
    values = spectra.spectral_moments(r.kind, r.n, ORDERS, r.draws, r.seed, progress=silent(progress))
    yield _result(r, r.draws, edges, result.counts, result.gap, _moments(r, values), EXACT)


def _most_draws(n: int) -> int:
    """How many GOE matrices of this size fit into the budgets of counts and moments."""
    points = FINE * (len(bin_edges(10**6)) - 1) + 1
    return int(min(COUNT_WORK / (n * points), MOMENT_WORK / (n * (max(ORDERS) // 2 + 1) ** 2)))


def _counts_below(r: SpectrumRequest, points: np.ndarray, progress: Progress) -> Iterator[tuple[int, np.ndarray]]:
    """(draws so far, eigenvalues below each point)."""
    if r.n * r.draws <= WHOLE:
        yield r.draws, spectra.eigenvalue_counts(r.kind, r.n, points, r.draws, r.seed, progress=progress)
        return
    draws, below = 0, np.zeros(len(points), np.int64)
    for diagonal, squared in tridiagonal_chunks(r.n, r.draws, r.seed, progress):
        below = below + spectra.sturm_counts(diagonal, np.sqrt(squared[:-1]), points)
        draws += len(diagonal) // r.n
        yield draws, below


def _dense(r: SpectrumRequest, progress: Progress) -> Iterator[Spectrum]:
    """Any entries, by eigenvalues of dense matrices."""
    limit = KINDS[r.kind].law(spectra.Parameters(nu=r.nu))
    edges = bin_edges(r.n * r.draws, heavy=limit is None)
    seen: list[np.ndarray] = []
    for block in spectra.eigenvalue_chunks(r.kind, r.n, r.seed, r.draws, r.nu, progress):
        seen.append(block)
        draws = sum(map(len, seen))
        values = np.sort(np.concatenate(seen), axis=None)
        counts = np.histogram(values, edges)[0]
        moments = ()
        if draws >= r.draws:
            powers = np.concatenate(seen)
            moments = _moments(r, np.stack([(powers**k).mean(axis=1) for k in ORDERS], axis=1))
        yield _result(r, draws, edges, counts, _gap(limit, values), moments, DENSE)


def _gap(limit: spectra.Law | None, values: np.ndarray) -> float | None:
    """sup |F_n - F| over all x, from sorted eigenvalues."""
    if limit is None:
        return None
    cdf, ranks = limit.cdf(values), np.arange(len(values) + 1) / len(values)
    return float(max(np.abs(cdf - ranks[1:]).max(), np.abs(cdf - ranks[:-1]).max()))


def limit_moments(kind: str, nu: float = 3.0) -> tuple[MomentRow, ...]:
    """The moments of the limit, which are Catalan numbers; infinite where the entries have no variance."""
    holds = KINDS[kind].finite_variance(spectra.Parameters(nu=nu))
    rows = [(k, float(spectra.catalan(k // 2))) for k in ORDERS]
    return tuple(MomentRow(k, catalan if holds else float("inf"), catalan) for k, catalan in rows)


def pairings(k: int) -> list:
    """The noncrossing pairings of 2k points; there are C_k."""
    return spectra.noncrossing_pairings(k)


def _moments(r: SpectrumRequest, values: np.ndarray) -> tuple[MomentRow, ...]:
    """Means over the draws (draws, orders) beside Catalan numbers, with standard errors."""
    many = len(values) > 1
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if many else np.full(len(ORDERS), np.nan)
    return tuple(
        MomentRow(k, float(mean), float(spectra.catalan(k // 2)), float(error))
        for k, mean, error in zip(ORDERS, values.mean(axis=0), errors)
    )


def _result(r: SpectrumRequest, draws: int, edges, counts, gap, moments, method: str) -> Spectrum:
    total = r.n * draws
    return Spectrum(
        request=r, draws=draws, edges=edges, counts=counts, density=counts / (total * np.diff(edges)),
        outside=int(total - counts.sum()), reach=HEAVY_REACH if edges[-1] == HEAVY_REACH else REACH, gap=gap,
        moments=moments, method=method,
    )  # fmt: skip


def path(request: PathRequest, progress: Progress | None = None) -> EigenvaluePath:
    """A small matrix in motion (Dyson's Brownian motion, stationary)."""
    rows = spectra.dyson(
        request.n, request.frames, request.step, request.seed, request.kind, request.nu, progress=progress
    )
    return EigenvaluePath(request, np.arange(request.frames) * request.step, rows)


def limit_code() -> str:
    """A snippet for the limit alone."""
    return (
        "import numpy as np\nimport tpcore as tp\n\n"
        "law = tp.spectra.semicircle()\n"
        "x = np.linspace(*law.support, 401)\n"
        "limit = law.pdf(x)\n"
        "catalan = [law.moment(k) for k in (2, 4, 6, 8, 10)]\n"
        "print(catalan)\n"
    )


def path_code(p: PathRequest) -> str:
    """A line that reproduces the moving eigenvalues."""
    nu = f", nu={p.nu:g}" if p.kind == "symmetric:student" else ""
    return f'path = tp.spectra.dyson({p.n}, steps={p.frames}, dt={p.step:g}, kind="{p.kind}", seed={p.seed}{nu})\n'


def code(request: SpectrumRequest) -> str:
    """A snippet that reproduces the histogram, the law and the moments."""
    r = request
    edges = bin_edges(r.n * r.draws, heavy=KINDS[r.kind].law(spectra.Parameters(nu=r.nu)) is None)
    cells = round(2 / (edges[1] - edges[0])) if edges[-1] != HEAVY_REACH else 0
    grid = f"2 * np.arange({-(len(edges) // 2)}, {len(edges) // 2 + 1}) / {cells}" if cells else "np.linspace(-8, 8, 81)"
    nu = f", nu={r.nu:g}" if r.kind == "symmetric:student" else ""
    common = f'"{r.kind}", n={r.n}, draws={r.draws}, seed={r.seed}{nu}'
    return (
        "import numpy as np\nimport tpcore as tp\n\n"
        f"edges = {grid}\n"
        f"counts = tp.spectra.eigenvalue_histogram({common.replace(', draws', ', edges=edges, draws', 1)})\n"
        f"density = counts / ({r.n * r.draws} * np.diff(edges))\n"
        "law = tp.spectra.semicircle()\n"
        "limit = law.pdf((edges[1:] + edges[:-1]) / 2)\n"
        f"moments = tp.spectra.spectral_moments({common}, orders=[2, 4, 6, 8, 10]).mean(axis=0)\n"
        "catalan = [law.moment(k) for k in (2, 4, 6, 8, 10)]\n"
        "print(np.c_[moments, catalan])\n"
    )
