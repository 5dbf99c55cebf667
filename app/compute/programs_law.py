"""Laws of Z: moments, densities with their point masses, contours of two, each beside the naive rule's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from tpapp.compute.programs_build import in_words, without_places
from tpapp.compute.programs_limits import asking, kept, law, naive_known
from tpapp.compute.programs_listing import compiled
from tpapp.compute.programs_results import (
    Average, ContourPair, Contours, Density, DensityPair, Facts, Moments, Theory, Truth,
)  # fmt: skip
from tpapp.compute.programs_shapes import REACH, ellipses, level_lines, smoothed
from tpcore.compute.progress import Progress

DRAWS = 2**17


@lru_cache(maxsize=4096)
def moments(source: str, view: str, naive: bool = False) -> Moments:
    """Mean and variance of Z."""
    lim = law(source, naive)
    name, column = _place(source, view)
    with asking, in_words():
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
    with asking, in_words():
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
    law(source, progress=progress)
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
    if naive_known(source, progress):
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
    return listed and kept.has(source) and all(made.line_of(view).gaussian for view in views if view)


@lru_cache(maxsize=2048)
def memory(source: str, number: int) -> tuple[tuple[str, float], ...] | None:
    """dotZ of a product as (vector, coefficient), by Stein's lemma.

    Cov(hatZ)^+ E hatZ Z^x, times the matrix's variance. Only of single vectors, and where the earlier products
    have no memory themselves.
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
    with asking, in_words():
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
        span = (found.mean - 1.0, found.mean + 1.0)
        return Density(np.zeros(0), np.zeros(0), ((found.mean, 1.0),), span, found.method)
    if line.gaussian:
        x = found.mean + sd * np.linspace(-REACH, REACH, 241)
        pdf = np.exp(-0.5 * ((x - found.mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        return Density(x, pdf, (), (float(x[0]), float(x[-1])), "Gaussian")
    return smoothed(sample(source, (view,), naive)[0])


def sample(source: str, views: tuple[str, ...], naive: bool = False, draws: int = DRAWS) -> list[np.ndarray]:
    """Joint draws of Z, one array (draws,) a view."""
    places = [_place(source, view) for view in views]
    lim = law(source, naive)
    with asking, in_words():
        found = lim.sample(draws, seed=1, names=list(dict.fromkeys(name for name, _ in places)))
    return [np.asarray(found[name], float).reshape(draws, -1)[:, column or 0] for name, column in places]


# -- two Z -----------------------------------------------------------------------------------------------------


def _contours(source: str, x: str, y: str, naive: bool = False) -> Contours:
    made = compiled(source).listing
    if made.line_of(x).gaussian and made.line_of(y).gaussian:
        centre = np.array([moments(source, view, naive).mean for view in (x, y)])
        return ellipses(centre, covariance(source, x, y, naive))
    return level_lines(*sample(source, (x, y), naive))
