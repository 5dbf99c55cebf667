"""Spectra of random matrices for the Matrices lab: histograms of growing numbers of draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from time import perf_counter

import numpy as np

from tpapp.compute import matrices_laws as laws
from tpapp.compute.ladder import silent
from tpapp.compute.matrices_code import code, limit_code, path_code
from tpapp.compute.matrices_laws import HEAVY_REACH, ORDERS, REACH, bin_edges, view
from tpapp.matrix_results import (
    DEFAULTS,
    EigenvaluePath,
    LawCurve,
    MomentRow,
    PathRequest,
    Spectrum,
    SpectrumRequest,
)
from tpcore import spectra
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError
from tpcore.spectra.edge import corner
from tpcore.spectra.eigenvalues import tridiagonal_spectrum
from tpcore.spectra.ensembles import DENSE_WORK
from tpcore.spectra.histogram import WORK as COUNT_WORK
from tpcore.spectra.moments import WORK as MOMENT_WORK
from tpcore.spectra.tridiagonal import MEMORY, tridiagonal_chunks

KINDS = spectra.KINDS
FINE = 4  # fine edges a bin, where the gap is measured without eigenvalues
WHOLE = 2**20  # rows of tridiagonal matrices counted in one call
SHOWN = 4000  # points of the plane
EXACT, DENSE = "Sturm counts", "dense eigenvalues"

__all__ = [
    "HEAVY_REACH", "KINDS", "ORDERS", "REACH", "bin_edges", "check", "code", "fits", "fits_draws", "holds", "law",
    "limit_code", "limit_moments", "pairings", "path", "path_code", "quick", "semicircle", "shown_law", "spectrum",
    "view",
]  # fmt: skip


def law(kind: str, nu: float = 3.0, **given) -> LawCurve | None:
    """The limit law of the eigenvalues, or None where it is not the limit."""
    found, holds = shown_law(kind, DEFAULTS | {"nu": nu} | given)
    return found if holds else None


def shown_law(kind: str, given: dict) -> tuple[LawCurve, bool]:
    """The law that stands beside the spectrum, and whether it is its limit."""
    seen = view(kind, given)
    return laws.curve(seen), seen.holds


def holds(kind: str, given: dict) -> bool:
    """Whether the law is the limit at these parameters."""
    return KINDS[kind].holds(spectra.Parameters(**given))


def semicircle() -> LawCurve:
    """The semicircle of variance 1, to stand beside spectra that do not follow it."""
    return laws.curve(view("goe", dict(DEFAULTS)))


def fits(kind: str, draws: int = 1, **given) -> int:
    """The largest n that a request may have: the dial's end."""
    return 10**6 if KINDS[kind].exact else spectra.largest_n(kind, draws, **given)


def fits_draws(kind: str, n: int, **given) -> int:
    """How many draws of this size a request may have."""
    if KINDS[kind].exact:
        return _most_draws(n)
    cost = KINDS[kind].family.cost(spectra.Parameters(**given))
    size = spectra.eigenvalues_each(kind, n, **given)
    return int(min(DENSE_WORK / (n**3 * cost), MEMORY / (16 * size))) if n <= fits(kind, **given) else 0


def quick(r: SpectrumRequest) -> bool:
    """Whether it takes a few milliseconds at most."""
    cost = 1.0 if KINDS[r.kind].exact else KINDS[r.kind].family.cost(spectra.Parameters(**r.given))
    rows = r.n * r.draws * max(1.0, r.ratio)
    return rows <= 2**14 and (KINDS[r.kind].exact or r.n**3 * r.draws * cost <= 4e6)


def check(r: SpectrumRequest) -> None:
    """Refuse what needs more than about ten seconds, with what fits (`tpcore.errors.BudgetError`)."""
    draws = f"{r.draws:,} draw{'s' * (r.draws > 1)}"
    if KINDS[r.kind].exact:
        most = _most_draws(r.n)
        if r.draws > most:
            raise BudgetError("A request may take about ten seconds", f"{draws} at n = {r.n:,}",
                              f"At most {most:,} draws fit", fits=most)  # fmt: skip
        return
    largest = fits(r.kind, r.draws, **r.given)
    if r.n > largest:
        exact = "the Gaussian GOE, GUE and Wishart have exact models to n = 1,000,000"
        hint = f"At most n = {largest:,} fits with {draws}; {exact}"
        must = "Such a matrix is stored whole and may take about ten seconds"
        raise BudgetError(must, f"n = {r.n:,}", hint, fits=largest)


def spectrum(request: SpectrumRequest, progress: Progress | None = None) -> Iterator[Spectrum]:
    """Histograms of growing numbers of draws; the last one has the moments too.

    Raises `tpcore.errors.BudgetError` with the n that fits.
    """
    check(request)
    _warm()
    work = _counted if KINDS[request.kind].exact else _dense
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
    """Gaussian ensembles, by Sturm counts of their tridiagonal models."""
    seen, size = view(r.kind, r.given), spectra.eigenvalues_each(r.kind, r.n, **r.given)
    edges = laws.edges_of(seen, size * r.draws)
    fine = np.linspace(edges[0], edges[-1], FINE * (len(edges) - 1) + 1)
    zeros = size - r.n if seen.family == "wishart" and size > r.n else 0
    result = None
    for draws, below in _counts_below(r, fine, progress):
        counts = np.diff(below[::FINE])
        counts[0] -= zeros * draws
        gap = spectra.cdf_gap(seen.law, fine[1:], below[1:], size * draws)
        result = _result(r, draws, edges, counts, gap, (), EXACT, total=size * draws, zeros=zeros * draws)
        yield result
    orders = laws.orders(r.kind)
    values = spectra.spectral_moments(r.kind, r.n, orders, r.draws, r.seed, progress=silent(progress), **r.given)
    yield replace(result, moments=_moments(r, values), marks=_marks(r, seen))


def _marks(r: SpectrumRequest, seen: laws.View) -> tuple[float, ...]:
    """The largest eigenvalues of the first draws, where a spike stands out."""
    if seen.outlier is None:
        return ()
    source, p = KINDS[r.kind], spectra.Parameters(**r.given)
    diagonal, squared = next(tridiagonal_chunks(r.n, r.draws, r.seed, Progress(), r.kind, p))
    rows = diagonal.size if r.draws == 1 else int(np.flatnonzero(squared == 0)[0]) + 1
    keep = min(rows, corner(source, r.n, p))
    starts = range(0, min(diagonal.size, 60 * rows), rows)
    off = np.sqrt(squared)
    return tuple(float(tridiagonal_spectrum(diagonal[lo : lo + keep], off[lo : lo + keep - 1])[-1]) for lo in starts)


def _most_draws(n: int) -> int:
    """How many Gaussian matrices of this size fit into the budgets of counts and moments."""
    points = FINE * (len(bin_edges(10**6)) - 1) + 1
    return int(min(COUNT_WORK / (n * points), MOMENT_WORK / (n * (max(ORDERS) // 2 + 1) ** 2)))


def _counts_below(r: SpectrumRequest, points: np.ndarray, progress: Progress) -> Iterator[tuple[int, np.ndarray]]:
    """(draws so far, eigenvalues below each point)."""
    chunks = spectra.count_chunks(r.kind, r.n, points, r.draws, r.seed, progress=progress, **r.given)
    if r.n * r.draws > WHOLE:
        yield from chunks
        return
    *_, last = chunks
    yield last


def _dense(r: SpectrumRequest, progress: Progress) -> Iterator[Spectrum]:
    """Any entries, by eigenvalues of dense matrices."""
    seen = view(r.kind, r.given)
    size = spectra.eigenvalues_each(r.kind, r.n, **r.given)
    edges = laws.edges_of(seen, size * r.draws)
    zeros = size - r.n if seen.family == "wishart" and size > r.n else 0
    blocks: list[np.ndarray] = []
    for block in spectra.eigenvalue_chunks(r.kind, r.n, r.seed, r.draws, progress=progress, **r.given):
        blocks.append(block)
        draws = sum(map(len, blocks))
        together = np.concatenate(blocks)
        values = np.sort(seen.shown(together[:, zeros:]), axis=None)
        counts = np.histogram(values, edges)[0]
        moments = _moments(r, laws.powers(r.kind, together)) if draws >= r.draws else ()
        marks = () if seen.outlier is None else tuple(np.abs(together[:60]).max(axis=1).tolist())
        points = together.ravel()[:SHOWN] if seen.family == "iid" else None
        gap = _gap(seen.law, values, size * draws) if seen.finite else None
        yield _result(r, draws, edges, counts, gap, moments, DENSE, total=size * draws, zeros=zeros * draws,
                      marks=marks, points=points)  # fmt: skip


def _gap(limit: spectra.Law, values: np.ndarray, total: int) -> float:
    """sup |F_n - F| over all x, from the sorted values; what is missing to `total` lies at zero, below them."""
    cdf, ranks = limit.cdf(values), np.arange(total - len(values), total + 1) / total
    return float(max(np.abs(cdf - ranks[1:]).max(), np.abs(cdf - ranks[:-1]).max()))


def limit_moments(kind: str, nu: float = 3.0, **given) -> tuple[MomentRow, ...]:
    """The moments of the limit; infinite where the entries have no variance."""
    given = DEFAULTS | {"nu": nu} | given
    holds = KINDS[kind].finite_variance(spectra.Parameters(**given))
    rows = zip(laws.orders(kind), laws.limit_moments(kind, given), strict=True)
    return tuple(MomentRow(k, value if holds else float("inf"), value) for k, value in rows)


def pairings(k: int) -> list:
    """The noncrossing pairings of 2k points; there are C_k."""
    return spectra.noncrossing_pairings(k)


def _moments(r: SpectrumRequest, values: np.ndarray) -> tuple[MomentRow, ...]:
    """Means over the draws (draws, orders) beside their limits, with standard errors."""
    many, orders = len(values) > 1, laws.orders(r.kind)
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if many else np.full(len(orders), np.nan)
    limits = laws.limit_moments(r.kind, r.given)
    return tuple(
        MomentRow(k, float(mean), value, float(error))
        for k, mean, value, error in zip(orders, values.mean(axis=0), limits, errors)
    )


def _result(r: SpectrumRequest, draws: int, edges, counts, gap, moments, method: str, total: int, **more) -> Spectrum:
    seen = view(r.kind, r.given)
    zeros = more.get("zeros", 0)
    return Spectrum(
        request=r, draws=draws, edges=edges, counts=counts, density=counts / (total * np.diff(edges)),
        outside=int(total - zeros - counts.sum()), reach=seen.reach, start=seen.start, gap=gap, moments=moments,
        method=method, total=total, **more,
    )  # fmt: skip


def path(request: PathRequest, progress: Progress | None = None) -> EigenvaluePath:
    """A small matrix in motion (Dyson's Brownian motion, stationary)."""
    rows = spectra.dyson(
        request.n, request.frames, request.step, request.seed, request.kind, progress=progress, **request.given
    )
    rows = np.sort(view(request.kind, request.given).shown(rows), axis=1)
    return EigenvaluePath(request, np.arange(request.frames) * request.step, rows)
