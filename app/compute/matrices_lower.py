"""Neighbours in the bulk, the largest eigenvalue, and moments as programs: the lower figures of the Matrices lab."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import comb
from time import perf_counter

import numpy as np
from scipy import stats

import tpcore as tp
from tpapp.compute import matrices_laws as laws
from tpapp.matrix_results import Curve, ProgramRow, ProgramRows, Sample, SpectrumRequest
from tpcore import spectra
from tpcore.compute.progress import Progress
from tpcore.spectra import Parameters

GAPS = 10_000  # spacings that are measured, about
LARGEST = 2000  # largest eigenvalues that are drawn
DENSE_SECONDS_WORK = 4e9  # n^3 * draws of dense matrices, about a second
RUN = 2**16  # the widest run of a moment's program here
STEP_SECONDS = 0.15
FAR = 60.0  # where a histogram of largest eigenvalues without a law ends
POISSON = "independent points: e⁻ˢ"


def has_spacings(kind: str) -> bool:
    """Whether the eigenvalues have neighbours, on a line."""
    return laws.view_family(kind) != "iid"


def has_largest(kind: str) -> bool:
    return laws.view_family(kind) not in ("iid", "product")


def spacing_size(r: SpectrumRequest) -> tuple[int, int]:
    """(n, draws) of the matrices whose spacings are measured: the dial's n up to some hundreds."""
    exact, p = spectra.KINDS[r.kind].exact, Parameters(**r.given)
    most = 1000 if exact else 300
    n = int(np.clip(r.n, min(most, int(np.ceil(16 / min(1.0, p.ratio)))), most))  # 16 eigenvalues away from 0
    draws = -(-GAPS // max(1, int(0.5 * n * min(1.0, p.ratio))))
    if not exact:
        draws = min(draws, int(DENSE_SECONDS_WORK / (n**3 * spectra.KINDS[r.kind].family.cost(p))))
    return n, max(2, min(draws, 2000))


def spacings(r: SpectrumRequest, progress: Progress | None = None) -> Iterator[Sample]:
    """Distances of neighbours in the middle half of the spectrum, in units of their mean, beside the exact law."""
    n, draws = spacing_size(r)
    seen, beta = laws.view(r.kind, r.given), 2 if r.kind == "gue" else 1
    size = spectra.eigenvalues_each(r.kind, n, **r.given)
    zeros = max(0, size - n) if seen.family == "wishart" else 0
    unfold = seen.law if spectra.KINDS[r.kind].exact else None
    exact, edges, parts, done = spectra.spacing_law(beta), np.linspace(0, 4, 41), [], 0
    s = np.linspace(0, 4, 161)
    name = "limit: GUE" if beta == 2 else "limit: GOE" if seen.holds else "GOE’s law"
    curves = (Curve(name, s, exact.pdf(s)), Curve(POISSON, s, np.exp(-s), "other"))
    due = perf_counter() + STEP_SECONDS
    for block in spectra.eigenvalue_chunks(r.kind, n, r.seed, draws, progress=progress, **r.given):
        done += len(block)
        parts.append(spectra.spacings(seen.shown(block[:, zeros:]), unfold, size=size))
        if perf_counter() > due or done == draws:
            due = perf_counter() + STEP_SECONDS
            yield _sample(n, done, r.n, np.concatenate(parts), edges, curves, exact, beta)


def largest_size(r: SpectrumRequest) -> tuple[int, int]:
    """(n, draws): any n where there is a tridiagonal model, else some hundreds."""
    if spectra.KINDS[r.kind].exact:
        return r.n, LARGEST
    n = int(min(r.n, 200))
    cost = spectra.KINDS[r.kind].family.cost(Parameters(**r.given))
    return n, int(np.clip(DENSE_SECONDS_WORK / (n**3 * cost), 50, LARGEST))


def _scale(r: SpectrumRequest, n: int):
    """(centre, scale, law, whether it is the limit, beta) of the largest eigenvalue at size n."""
    spread = spectra.outlier_spread(r.kind, n, **r.given)
    if spread is not None:
        return spectra.outlier(r.kind, **r.given), spread, Normal(), True, 0
    known = spectra.edge(r.kind, n, **r.given)
    plain = {"ratio": r.ratio} if laws.view_family(r.kind) == "wishart" else {}
    base = r.kind if spectra.KINDS[r.kind].exact else "wishart" if plain else "goe"
    centre, scale, beta = known or spectra.edge(base, n, **plain)
    return centre, scale, spectra.tracy_widom(beta), known is not None, beta


def largest(r: SpectrumRequest, progress: Progress | None = None) -> Iterator[Sample]:
    """The largest eigenvalues on the scale of their fluctuations, beside Tracy and Widom's law or an outlier's."""
    n, draws = largest_size(r)
    centre, scale, law, known, beta = _scale(r, n)
    parts, total, due = [], 0, perf_counter() + STEP_SECONDS
    s = np.linspace(-6, 4, 201) if beta else np.linspace(-4.5, 4.5, 201)
    name = f"limit: {law.name}" if known else f"{law.name}: not the limit"
    curves = (Curve(name, s, law.pdf(s), "theory" if known else "other"),)
    for block in spectra.largest_chunks(r.kind, n, draws, r.seed, progress=progress, **r.given):
        parts.append((block - centre) / scale)
        total += len(block)
        if perf_counter() > due or total == draws:
            due = perf_counter() + STEP_SECONDS
            values = np.concatenate(parts)
            high = s[-1] if known else float(np.clip(np.quantile(values, 0.95), s[-1], FAR))
            yield _sample(n, total, r.n, values, np.linspace(s[0], high, 41), curves, law if known else None, beta,
                          centre, scale)  # fmt: skip


class Normal:
    """The standard normal law, by SciPy."""

    name = "normal"
    pdf, cdf = staticmethod(stats.norm.pdf), staticmethod(stats.norm.cdf)

    def __init__(self, beta: int = 0):
        pass

    def moment(self, k: int) -> float:
        return float(stats.norm.moment(k))


def _sample(n, draws, asked, values, edges, curves, law, beta, centre=0.0, scale=1.0) -> Sample:
    values = np.sort(values)
    distance = None
    if law is not None:
        cdf, ranks = law.cdf(values), np.arange(len(values) + 1) / len(values)
        distance = float(max(np.abs(cdf - ranks[1:]).max(), np.abs(cdf - ranks[:-1]).max()))
    counts = np.histogram(values, edges)[0]
    return Sample(
        n=n, draws=draws, asked=asked, edges=edges, density=counts / (len(values) * np.diff(edges)), values=values,
        curves=curves, mean=float(values.mean()), error=float(values.std() / np.sqrt(len(values))),
        expected=float("nan") if law is None else _mean(type(law), beta), distance=distance, beta=beta, centre=centre,
        scale=scale,
    )  # fmt: skip


@cache
def _mean(kind: type, beta: int) -> float:
    return float(kind(beta).moment(1))


# -- moments as programs ---------------------------------------------------------------------------------------------


def program_of(r: SpectrumRequest) -> tuple[str, dict]:
    """The kind of `moment_program` with this matrix's moments, and its parameters."""
    family = laws.view_family(r.kind)
    if family == "wishart":
        return "wishart", {"ratio": r.ratio}
    if family in ("product", "iid"):
        return "product", {"factors": r.factors if family == "product" else 1}
    return "goe", {}


def counted(kind: str, given: dict, k: int) -> float:
    """What the cycles count: Catalan, Narayana with ratio^rows, Fuss and Catalan."""
    if kind == "goe":
        return float(spectra.catalan(k // 2))
    if kind == "wishart":
        return sum(spectra.narayana(k, r) * given["ratio"] ** (r - 1) for r in range(1, k + 1))
    factors = given["factors"]
    return comb((factors + 1) * k, k) / (factors * k + 1)


@cache
def _limit(kind: str, k: int, given: tuple) -> float:
    return float(tp.limit(spectra.moment_program(k, kind, **dict(given))).scalar("m"))


def programs(
    r: SpectrumRequest | None, kind: str, given: dict, progress: Progress | None = None
) -> Iterator[ProgramRows]:
    """v^T A^k v / n by the limit's rules, then run at width n (no matrix stored), beside the numbers of cycles."""
    progress, start = progress or Progress(), perf_counter()
    orders = laws.ORDERS if kind == "goe" else laws.SQUARES
    progress.start(len(orders) + 1)
    limits = []
    for k in orders:
        limits.append(_limit(kind, k, tuple(sorted(given.items()))))
        progress.tick()
    counts = [counted(kind, given, k) for k in orders]
    rows = tuple(ProgramRow(k, None, a, b) for k, a, b in zip(orders, limits, counts))
    yield ProgramRows(kind, None, rows, perf_counter() - start)
    if r is None:
        return
    n = min(r.n, RUN)
    found = tp.run(spectra.moment_program(max(orders), kind, **given), width=n, seed=r.seed, method="lazy")
    v = found["v"]
    rows = tuple(ProgramRow(row.k, float(np.mean(v * found[f"Av{row.k}"])), row.limit, row.count) for row in rows)
    progress.tick()
    yield ProgramRows(kind, n, rows, perf_counter() - start)


def cycles(k: int) -> list[tuple]:
    """(pairing, closed walk, number of rows it visits) of each noncrossing pairing of 2k points."""
    found = []
    for pairing in spectra.noncrossing_pairings(k):
        walk = spectra.closed_walk(pairing)
        found.append((pairing, walk, len(set(walk[::2]))))
    return found


# -- code ------------------------------------------------------------------------------------------------------------


def spacing_code(r: SpectrumRequest) -> str:
    n, draws = spacing_size(r)
    seen, beta = laws.view(r.kind, r.given), 2 if r.kind == "gue" else 1
    size = spectra.eigenvalues_each(r.kind, n, **r.given)
    zeros = max(0, size - n) if seen.family == "wishart" else 0
    call = f'tp.spectra.eigenvalues("{r.kind}", n={n}, draws={draws}, seed={r.seed}{r.keywords})'
    call += f"[:, {zeros}:]" if zeros else ""
    call = f"np.sqrt({call})" if seen.family == "product" else call
    unfold = "law" if spectra.KINDS[r.kind].exact else "None"
    return (f"gaps = tp.spectra.spacings({call}, {unfold}, size={size})\n"
            f"exact = tp.spectra.spacing_law({beta})\nprint(gaps.mean(), exact.moment(1))\n")  # fmt: skip


def largest_code(r: SpectrumRequest) -> str:
    n, draws = largest_size(r)
    common = f'"{r.kind}", n={n}'
    lines = f"top = tp.spectra.largest_eigenvalues({common}, draws={draws}, seed={r.seed}{r.keywords})\n"
    if spectra.outlier_spread(r.kind, n, **r.given) is not None:
        return lines + (f'centre, scale = tp.spectra.outlier("{r.kind}"{r.keywords}), '
                        f"tp.spectra.outlier_spread({common}{r.keywords})\n"
                        "largest = (top - centre) / scale\nprint(largest.mean(), largest.std())\n")  # fmt: skip
    if spectra.edge(r.kind, n, **r.given) is None:
        return lines + "print(top.mean())\n"
    return lines + (f"centre, scale, beta = tp.spectra.edge({common}{r.keywords})\n"
                    "largest = (top - centre) / scale\n"
                    "print(largest.mean(), tp.spectra.tracy_widom(beta).moment(1))\n")  # fmt: skip


def program_code(r: SpectrumRequest | None, kind: str, given: dict) -> str:
    more = "".join(f", {name}={value:g}" for name, value in given.items())
    orders = laws.ORDERS if kind == "goe" else laws.SQUARES
    lines = (f'limits = [tp.limit(tp.spectra.moment_program(k, "{kind}"{more})).scalar("m") for k in {orders}]\n')
    if r is not None:
        lines += (f'run = tp.run(tp.spectra.moment_program({max(orders)}, "{kind}"{more}), width={min(r.n, RUN)}, '
                  f'seed={r.seed}, method="lazy")\n'
                  f'finite = [np.mean(run["v"] * run[f"Av{{k}}"]) for k in {orders}]\n')  # fmt: skip
    return lines + "print(limits)\n"


def threshold(kind: str, given: dict) -> float | None:
    """The spike above which an eigenvalue leaves the bulk."""
    return spectra.threshold(kind, **given)
