"""Laws of Z: moments, densities with their point masses, contours of two, each beside the naive rule's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import contourpy
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

import tpcore as tp
from tpapp.compute.programs_build import in_words, without_places
from tpapp.compute.programs_listing import compiled
from tpapp.compute.programs_results import (
    Average, ContourPair, Contours, Density, DensityPair, Facts, Moments, Theory, Truth,
)  # fmt: skip
from tpcore.compute.progress import Progress
from tpcore.errors import Misuse, Unsupported
from tpcore.program.untie import untie

DRAWS = 2**17
REACH = 3.8  # standard deviations of a Gaussian that are shown to each side
MASSES = (0.5, 0.95)
KEPT = 48
GRID = 2048
POINTS = 2**14  # where an engine wants to be told


class _Kept:
    """Limits by program, computed once each; the newest are kept."""

    def __init__(self):
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, bool], threading.Lock] = {}
        self._found: OrderedDict[tuple[str, bool], object] = OrderedDict()

    def has(self, source: str) -> bool:
        """Whether the limit and the naive rule's are at hand."""
        return (source, False) in self._found and (source, True) in self._found

    def get(self, source: str, naive: bool):
        key = source, naive
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if key not in self._found:
                self._found[key] = _limit(source, naive)
            with self._lock:
                self._found.move_to_end(key)
                while len(self._found) > KEPT:
                    self._locks.pop(self._found.popitem(last=False)[0], None)
            return self._found[key]


_kept = _Kept()
_asking = threading.RLock()  # a limit keeps what it has found: one thread asks at a time


def _limit(source: str, naive: bool):
    """The limit of a program or of its naive rule; None where the two are one, words where there is none."""
    prog = compiled(source).prog
    try:
        with in_words():
            return limit_of(naive_program(prog) if naive else prog)
    except Misuse as refusal:
        return refusal


def limit_of(prog):
    """The limit, sampled where the engine asks to be told that it may."""
    if prog is None:
        return None
    try:
        return tp.limit(prog)
    except Unsupported:
        return tp.limit(prog, samples=POINTS)


def naive_program(prog):
    """The program of the naive rule, W^T a matrix of its own; None where no matrix is used both ways."""
    return untie(prog) if prog.fragment.startswith("netsort") else None


def law(source: str, naive: bool = False):
    """The limit of a program (or of its naive rule; None where that is the same). Raises its refusal."""
    found = _kept.get(source, naive)
    if isinstance(found, Misuse):
        raise found
    return found


def naive_known(source: str) -> bool:
    """Whether the naive rule says something of its own, and that can be computed."""
    found = _kept.get(source, True)
    return found is not None and not isinstance(found, Misuse)


@lru_cache(maxsize=4096)
def moments(source: str, view: str, naive: bool = False) -> Moments:
    """Mean and variance of Z."""
    lim = law(source, naive)
    name, column = _place(source, view)
    with _asking, in_words():
        mean, cov = np.ravel(lim.mean(name)), np.asarray(lim.cov(name), float)
        error, method = lim.error(name), lim.method(name)
    at = column or 0
    variance = float(cov.reshape(len(mean), len(mean))[at, at])
    return Moments(float(mean[at]), max(0.0, variance), float(error), method)


@lru_cache(maxsize=4096)
def cross(source: str, x: str, y: str, naive: bool = False) -> float:
    """Cov(Z^x, Z^y)."""
    (i, a), (j, b) = _place(source, x), _place(source, y)
    lim = law(source, naive)
    with _asking, in_words():
        found = np.asarray(lim.cov(i, j), float)
    rows = int(np.prod(compiled(source).prog.node(i).shape, dtype=int))
    return float(found.reshape(rows, -1)[a or 0, b or 0])


def _place(source: str, view: str) -> tuple[str, int | None]:
    """The name of a view's variable, which the naive rule's program shares, and its column."""
    made = compiled(source)
    index, column = made.places[view]
    return made.prog.nodes[index].name, column


def covariance(source: str, x: str, y: str, naive: bool = False) -> np.ndarray:
    """(2, 2) covariance of Z^x, Z^y."""
    c = cross(source, x, y, naive)
    return np.array([[moments(source, x, naive).variance, c], [c, moments(source, y, naive).variance]])


def theory(source: str, x: str, y: str | None, averages: tuple[Average, ...],
           progress: Progress | None = None) -> Iterator[Theory]:  # fmt: skip
    """The limit of what is on show, then of every line, then the naive rule's."""
    progress = progress or Progress()
    progress.start(8)
    law(source)
    progress.tick(2)
    found = Theory(source, x, y, Facts(source))
    steps = [
        lambda t: {"density": DensityPair(x, density(source, x), None)},
        lambda t: {"contours": ContourPair(x, y, _contours(source, y, x), None) if y else None},
        lambda t: {"truths": truths(source, averages)},
    ]
    for step in steps:
        found = replace(found, **step(found))
        progress.tick()
        yield found
    for facts in _facts(source):
        found = replace(found, facts=facts)
        yield found
    progress.tick()
    if naive_known(source):
        if _differs(source, x):
            found = replace(found, density=replace(found.density, naive=density(source, x, True)))
        if y and _differs(source, x, y):
            found = replace(found, contours=replace(found.contours, naive=_contours(source, y, x, True)))
        progress.tick()
        found = replace(found, truths=truths(source, averages, True))
    yield replace(found, done=True)


def quick(source: str, *views: str | None) -> bool:
    """Whether `theory` has it all at hand."""
    with _listed_lock:
        listed = source in _listed
    made = compiled(source).listing
    return listed and _kept.has(source) and all(made.line_of(view).gaussian for view in views if view)


@lru_cache(maxsize=2048)
def memory(source: str, number: int) -> tuple[tuple[str, float], ...] | None:
    """dotZ of a product as (vector, coefficient): Cov(hatZ)^+ E hatZ Z^x, times the matrix's variance, by Stein's lemma.

    Only of single vectors, and where the earlier products have no memory themselves.
    """
    made = compiled(source)
    line, nodes = made.listing.lines[number - 1], made.prog.nodes
    back = [made.listing.lines[k - 1] for k in line.back]
    product = nodes[line.index].op
    one = all(nodes[each.index].shape == () for each in (*back, line))
    if not back or not one or not all(_forgets(source, each) for each in back):
        return None
    names, x = [each.name for each in back], nodes[product.x].name
    hats = np.array([[cross(source, a, b) for b in names] for a in names])
    found = np.linalg.pinv(hats, rcond=1e-10) @ np.array([cross(source, a, x) for a in names])
    matrix = nodes[product.matrix].op
    size = matrix.variance * (matrix.rows / matrix.cols if product.transposed else 1.0)
    return tuple((nodes[nodes[each.index].op.x].name, float(size * c)) for each, c in zip(back, found))


def _forgets(source: str, line) -> bool:
    found = memory(source, line.number) if line.back else ()
    return found is not None and all(abs(c) < 1e-7 for _, c in found)


_listed: set[str] = set()  # programs whose facts have been found
_listed_lock = threading.Lock()


def _facts(source: str) -> Iterator[Facts]:
    """Moments of every vector and values of every C-var, one line more at each step."""
    made, lim = compiled(source), law(source)
    found, scalars = {}, {}
    with _listed_lock:
        again = source in _listed
    for line in made.listing.lines:
        if line.kind == "C":
            scalars[line.name] = _scalar(source, line.name)[0]
        for view in line.views:
            found[view] = moments(source, view)
        if not again:
            yield Facts(source, dict(found), dict(scalars))
    past = {line.number: memory(source, line.number) for line in made.listing.lines if line.back}
    with _listed_lock:
        _listed.add(source)
    notes = tuple(dict.fromkeys(without_places(note) for note in lim.notes))
    yield Facts(source, found, scalars, past, notes, done=True)


@lru_cache(maxsize=2048)
def _scalar(source: str, name: str, naive: bool = False) -> tuple[np.ndarray, float, str]:
    """The limit of a C-var with its error and method."""
    lim = law(source, naive)
    with _asking, in_words():
        return np.asarray(lim.scalar(name), float), float(lim.error(name)), lim.method(name)


def truths(source: str, averages: tuple[Average, ...], naive: bool = False) -> tuple[Truth, ...]:
    """The averages in the limit, with what the naive rule says of them where that is wanted."""
    return tuple(_truth(source, average, naive) for average in averages)


def _truth(source: str, average: Average, other: bool) -> Truth:
    value, error, method = _value(source, average)
    return Truth(average, value, error, method, _value(source, average, True)[0] if other else None)


def _value(source: str, average: Average, naive: bool = False) -> tuple[float, float, str]:
    if average.kind == "scalar":
        value, error, method = _scalar(source, average.views[0], naive)
        return float(value.ravel()[0]), error, method
    first = moments(source, average.views[0], naive)
    if average.kind != "correlation":
        return first.mean if average.kind == "mean" else first.variance, first.error, first.method
    cov = covariance(source, *average.views, naive)
    scale = np.sqrt(cov[0, 0] * cov[1, 1])
    second = moments(source, average.views[1], naive)
    if scale <= 1e-14:
        return float("nan"), 0.0, first.method
    method = second.method if second.error > first.error else first.method
    return float(np.clip(cov[0, 1] / scale, -1, 1)), max(first.error, second.error) / scale, method


# -- one Z -----------------------------------------------------------------------------------------------------


def _differs(source: str, *views: str) -> bool:
    """Whether the naive rule gives other second moments."""
    return naive_known(source) and not _same_law(source, views)


def _same_law(source: str, views: tuple[str, ...]) -> bool:
    """Whether second moments agree to the numbers' own errors."""
    for x in views:
        a, b = moments(source, x), moments(source, x, True)
        scale = 1e-3 * (a.variance + a.mean**2) + 5 * (a.error + b.error) + 1e-12
        if abs(a.mean**2 - b.mean**2) > scale or abs(a.variance - b.variance) > scale or a.mean * b.mean < -scale:
            return False
    if len(views) == 2:
        a, b = (covariance(source, *views, each) for each in (False, True))
        scale = 1e-3 * np.sqrt(abs(a[0, 0] * a[1, 1])) + 1e-12
        return bool(abs(a[0, 1] - b[0, 1]) <= 5 * scale)
    return True


def density(source: str, view: str, naive: bool = False) -> Density:
    """Exact where Z is Gaussian, else smoothed draws with their point masses."""
    found, line = moments(source, view, naive), compiled(source).listing.line_of(view)
    sd = np.sqrt(found.variance)
    if sd <= 1e-9 * max(1.0, abs(found.mean)):
        return Density(np.zeros(0), np.zeros(0), ((found.mean, 1.0),), (found.mean - 1.0, found.mean + 1.0), found.method)
    if line.gaussian:
        x = found.mean + sd * np.linspace(-REACH, REACH, 241)
        pdf = np.exp(-0.5 * ((x - found.mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        return Density(x, pdf, (), (float(x[0]), float(x[-1])), "Gaussian")
    return smoothed(sample(source, (view,), naive)[0])


def sample(source: str, views: tuple[str, ...], naive: bool = False, draws: int = DRAWS) -> list[np.ndarray]:
    """Joint draws of Z, one array (draws,) a view."""
    places = [_place(source, view) for view in views]
    lim = law(source, naive)
    with _asking, in_words():
        found = lim.sample(draws, seed=1, names=list(dict.fromkeys(name for name, _ in places)))
    return [np.asarray(found[name], float).reshape(draws, -1)[:, column or 0] for name, column in places]


def smoothed(values: np.ndarray) -> Density:
    """A density from draws: values that repeat are point masses, the rest is smoothed and kept within its edges."""
    values = values[np.isfinite(values)]
    atoms, rest = point_masses(values)
    if len(rest) < 64:
        low, high = float(values.min()), float(values.max())
        room = 0.25 * (high - low) or 1.0
        return Density(np.zeros(0), np.zeros(0), atoms, (low - room, high + room), "sampling")
    low, high = np.quantile(rest, [0.0006, 0.9994])
    spread = np.subtract(*np.quantile(rest, [0.75, 0.25])) / 1.34
    h = 0.9 * min(rest.std(), spread or rest.std()) * len(rest) ** -0.2
    low_edge, high_edge = _edge(rest, h), -_edge(-rest, h)
    start = low_edge if np.isfinite(low_edge) else low - 4 * h
    end = high_edge if np.isfinite(high_edge) else high + 4 * h
    counts, edges = np.histogram(rest, GRID, (start, end))
    pad = GRID // 2
    sides = [counts[:pad][::-1] if np.isfinite(low_edge) else np.zeros(pad),
             counts, counts[-pad:][::-1] if np.isfinite(high_edge) else np.zeros(pad)]  # fmt: skip
    smooth = gaussian_filter1d(np.concatenate(sides).astype(float), h / (edges[1] - edges[0]), mode="constant")[pad:-pad]
    x = (edges[1:] + edges[:-1]) / 2
    pdf = smooth / (len(values) * (edges[1] - edges[0]))
    keep = slice(None, None, 4)
    x, pdf = x[keep], pdf[keep]
    if np.isfinite(low_edge):
        x, pdf = np.r_[start, start, x], np.r_[0.0, pdf[0], pdf]
    if np.isfinite(high_edge):
        x, pdf = np.r_[x, end, end], np.r_[pdf, pdf[-1], 0.0]
    places = [place for place, _ in atoms]
    room = 0.06 * (end - start)
    span = (min([start, *places]) - room, max([end, *places]) + room)
    return Density(x, pdf, atoms, (float(span[0]), float(span[1])), "sampling")


def point_masses(values: np.ndarray) -> tuple[tuple[tuple[float, float], ...], np.ndarray]:
    """(place, mass) of values that repeat, and the values that do not."""
    found, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    heavy = counts > max(8, 0.002 * len(values))
    atoms = tuple((float(found[k]), float(counts[k] / len(values))) for k in np.flatnonzero(heavy))[:12]
    return atoms, values[~heavy[inverse]]


def _edge(values: np.ndarray, h: float) -> float:
    """The left end of a law that stops there with density; -inf where it fades away."""
    low = float(values.min())
    here = np.count_nonzero(values < low + h)
    most = np.histogram(values, np.arange(low, np.quantile(values, 0.999) + 2 * h, h))[0].max(initial=1)
    return low if here > 0.12 * most else -np.inf


# -- two Z -----------------------------------------------------------------------------------------------------


def _contours(source: str, x: str, y: str, naive: bool = False) -> Contours:
    made = compiled(source).listing
    if made.line_of(x).gaussian and made.line_of(y).gaussian:
        centre = np.array([moments(source, view, naive).mean for view in (x, y)])
        return ellipses(centre, covariance(source, x, y, naive))
    return level_lines(*sample(source, (x, y), naive))


def ellipses(centre: np.ndarray, cov: np.ndarray) -> Contours:
    """The ellipses that hold 50 % and 95 % of N(centre, cov): r^2 = -2 log(1 - mass); a segment where singular."""
    values, vectors = np.linalg.eigh(cov)
    angle = np.linspace(0, 2 * np.pi, 121)
    root = vectors * np.sqrt(np.maximum(values, 0))
    lines = []
    for mass in MASSES:
        ring = centre[:, None] + np.sqrt(-2 * np.log1p(-mass)) * root @ np.stack([np.cos(angle), np.sin(angle)])
        lines.append((mass, ring[0], ring[1]))
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    spans = tuple((float(c - REACH * (s or 1.0)), float(c + REACH * (s or 1.0))) for c, s in zip(centre, sd))
    return Contours(tuple(lines), spans, "Gaussian")


def level_lines(x: np.ndarray, y: np.ndarray) -> Contours:
    """From joint draws: the curve they lie on, or lines around the densest 50 % and 95 %."""
    spans = tuple(_span(v) for v in (x, y))
    curve = _curve(x, y)
    if curve is not None:
        return Contours(((1.0, *curve),), spans, "sampling")
    curve = _curve(y, x)
    if curve is not None:
        return Contours(((1.0, *curve[::-1]),), spans, "sampling")
    cells = 128
    counts, xe, ye = np.histogram2d(x, y, cells, spans)
    smooth = gaussian_filter(counts, 2.2, mode="constant")
    ordered = np.sort(smooth.ravel())[::-1]
    total = np.cumsum(ordered)
    generator = contourpy.contour_generator((xe[1:] + xe[:-1]) / 2, (ye[1:] + ye[:-1]) / 2, smooth.T)
    lines = []
    for mass in MASSES:
        level = ordered[min(np.searchsorted(total, mass * len(x)), len(ordered) - 1)]
        for piece in generator.lines(level):
            if len(piece) > 8:
                lines.append((mass, piece[:, 0], piece[:, 1]))
    return Contours(tuple(lines), spans, "sampling")


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    room = 0.12 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(x, y) sorted, if y is a function of x: neighbours in x are neighbours in y."""
    order = np.argsort(x[:8192])
    a, b = x[:8192][order], y[:8192][order]
    scale = float(np.std(b))
    if scale == 0.0 or len(np.unique(a)) < len(a) // 4:
        return None
    jumps = np.abs(np.diff(b)) > 0.2 * scale
    if np.quantile(np.abs(np.diff(b)), 0.98) > 0.02 * scale or jumps.sum() > 40:
        return None
    keep = np.unique(np.linspace(0, len(a) - 1, 400).astype(int))
    return a[keep], b[keep]
