"""The search for the bands of a free convolution, and for their edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tpcore.errors import Misuse
from tpcore.spectra.laws.corner import TIE, Corner
from tpcore.spectra.laws.pivot import edge, filled

SURE, NEAR, WIDEST = 1e-8, 1e-12, 60  # residuals that leave no doubt, next to a corner too; bands
HINT = "Fewer atoms; and a law that enters by its nodes must not be added to one as narrow as their distances"
MOST = 12  # minima of the density
ZOOMS, SHARP = 16, 0.9  # into a minimum of the density, each by 5; the share of the neighbours that is sharp


class Values(NamedTuple):
    """At points of the line: F, the density (times x in coordinates log x), the scale of Im g, the residual."""

    below: np.ndarray
    density: np.ndarray
    size: np.ndarray
    left: np.ndarray


class End(NamedTuple):
    """One end of a band.

    Attributes
    ----------
    offset : float
        From the corner, or from 0 where there is none.
    corner : Corner or None
    power : int
        The distance to the end is t^power in a variable t in which all is smooth.
    bound : bool
        Whether the density has a bound there.
    """

    offset: float
    corner: Corner | None = None
    power: int = 2
    bound: bool = True

    @property
    def at(self) -> float:
        return self.offset + (self.corner.at if self.corner else 0.0)


class Scan:
    """Points of the line, ascending, each from its corner or from 0, and what is known there."""

    def __init__(self, look: Callable, corners: list[Corner]):
        self.look, self.corners = look, corners
        self.who, self.offset = np.empty(0, int), np.empty(0)
        self.dense, self.sure = np.empty(0, bool), np.empty(0, bool)
        self.below, self.density = np.empty(0), np.empty(0)

    @property
    def x(self) -> np.ndarray:
        return self.offset + np.array([*(c.at for c in self.corners), 0.0])[self.who]

    def add(self, who: np.ndarray, offset: np.ndarray) -> None:
        """Points with offsets from corner number `who`, -1 for none."""
        dense, sure = np.empty((2, who.size), bool)
        below, density = np.empty((2, who.size))
        for number in np.unique(who):
            own, corner = who == number, self.corners[number] if number >= 0 else None
            dense[own], sure[own], below[own], density[own] = self.look(corner, offset[own])
        self.who, self.offset = np.append(self.who, who), np.append(self.offset, offset)
        self.dense, self.sure = np.append(self.dense, dense), np.append(self.sure, sure)
        self.below, self.density = np.append(self.below, below), np.append(self.density, density)
        order = np.lexsort((np.where(self.who >= 0, self.offset, 0.0), self.x))
        for name in ("who", "offset", "dense", "sure", "below", "density"):
            setattr(self, name, getattr(self, name)[order])

    def frame(self, j: int) -> tuple[int, float, float]:
        """The corner of the points j and j + 1, and both from there."""
        who = max(self.who[j], self.who[j + 1])
        at = self.corners[who].at if who >= 0 else 0.0
        first, last = (self.offset[i] if self.who[i] == who else self.x[i] - at for i in (j, j + 1))
        return int(who), float(first), float(last)

    def steps(self, atoms: list[tuple[float, float]]) -> np.ndarray:
        """How much F rises from point to point without the atoms."""
        rise, x = np.diff(self.below), self.x
        for at, mass in atoms:
            number = next((k for k, c in enumerate(self.corners) if c.at == at), -2)
            before = int(np.where(self.who == number, self.offset < 0, x < at).sum())
            if 0 < before < x.size:
                rise[before - 1] -= mass
        return rise


def bands(at: Callable, base: np.ndarray, corners: list[Corner], atoms, unit: float, zero: float,
          top: float | None = None) -> list[tuple[End, End]]:  # fmt: skip
    """The ends (low, high) of all bands, ascending; a band is cut where the density has no bound, or almost.

    Parameters
    ----------
    at : callable
        ``at(corner, offsets)``: `Values`.
    base : ndarray
        Points to begin with, ascending.
    atoms : list of (place, mass)
        In the coordinate of the points.
    unit, zero : float
        The spread; the share of -Im g in `Values.size` that counts as no density.
    top : float, optional
        The upper edge, where it is known and `base` ends below it.

    Raises
    ------
    Misuse
        If there are more than 60.
    """
    def look(corner: Corner | None, x: np.ndarray):
        below, density, size, left = at(corner, x)
        sure = left < (SURE if corner is None else NEAR)
        if corner is not None:  # a zero of g in a gap
            sure &= (size * unit > 1) | (np.pi * density > 1e-3 * size)
        return np.pi * density > zero * size, sure, np.where(sure, below, np.nan), density

    scan = _scanned(look, base, corners, unit)
    _refined(scan, atoms)
    necks = _necks(scan) if np.ptp(base) < 30 * unit else []
    inside = filled(scan.dense, scan.sure)
    ends = [End(float(scan.offset[0]))] if inside[0] else []
    for j in range(inside.size - 1):
        who, first, last = scan.frame(j)
        corner = corners[who] if who >= 0 else None
        straddled = corner is not None and first < 0 < last
        if straddled and (inside[j] or inside[j + 1]) and scan.who[j] == scan.who[j + 1]:
            ends += _cut(at, corner, inside[j], inside[j + 1], ends, unit)
        elif inside[j] != inside[j + 1]:
            pair = (first, last) if inside[j] else (last, first)
            place = edge(lambda x, c=corner: at(c, x).density, *pair, lambda x, c=corner: look(c, x)[:2])
            ends.append(End(place, corner, corner.power(place) if corner else 2))
    if inside[-1]:
        ends.append(End(base[-1] if top is None else top))
    if len(ends) > 2 * WIDEST:
        raise Misuse(f"A free convolution may have {WIDEST} bands at most", str(len(ends) // 2), HINT)
    for neck in necks:
        after = int(np.searchsorted([end.at for end in ends], neck))
        if after % 2:
            ends[after:after] = 2 * [End(neck, None, 6)]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _scanned(look: Callable, base: np.ndarray, corners: list[Corner], unit: float) -> Scan:
    scan = Scan(look, corners)
    keep = np.ones(base.size, bool)
    places = np.array([c.at for c in corners])
    for number, corner in enumerate(corners):
        others = np.abs(np.delete(places, number) - corner.at)
        own = corner.offsets
        own = own[own < 0.49 * others.min(initial=np.inf)]
        offsets = np.concatenate([-own[::-1], own])
        keep &= np.abs(base - corner.at) > own.max(initial=0.0)
        inner = (corner.at + offsets >= base[0]) & (corner.at + offsets <= base[-1])
        scan.add(np.full(int(inner.sum()), number), offsets[inner])
    scan.add(np.full(int(keep.sum()), -1), base[keep])
    return scan


def _refined(scan: Scan, atoms) -> None:
    """Look between points without density over which F rises."""
    for _ in range(40):
        inside = filled(scan.dense, scan.sure)
        with np.errstate(invalid="ignore"):
            hidden = np.flatnonzero((scan.steps(atoms) > 1e-7) & ~inside[1:] & ~inside[:-1])
        frames = [scan.frame(j) for j in hidden]
        frames = [(who, a, b) for who, a, b in frames if b - a > 4e-16 * abs(b) and not (who >= 0 and a < 0 < b)]
        if not frames:
            break
        who = np.repeat([frame[0] for frame in frames], 3)
        scan.add(who, np.ravel([[a + share * (b - a) for share in (0.25, 0.5, 0.75)] for _, a, b in frames]))


def _necks(scan: Scan) -> list[float]:
    """Where the density has a sharp minimum and is not 0: bands that only just meet. Gaps on the way are scanned."""
    height, x = np.where(scan.sure, scan.density, 0.0), scan.x
    inside = filled(scan.dense, scan.sure) & (scan.who < 0)
    low = np.flatnonzero((height[1:-1] < height[:-2]) & (height[1:-1] <= height[2:])
                         & inside[1:-1] & inside[:-2] & inside[2:]) + 1  # fmt: skip
    if low.size > MOST:
        return []  # the nodes of a quadrature
    spans = [(*x[j - 1 : j + 2], min(height[j - 1], height[j + 1])) for j in low]
    found: list[float] = []
    for turn in range(ZOOMS):
        if not spans:
            break
        grids = np.array([np.append(np.linspace(a, m, 6), np.linspace(m, b, 6)[1:]) for a, m, b, _ in spans])
        dense, sure, _, density = (part.reshape(grids.shape) for part in scan.look(None, grids.ravel()))
        kept = []
        for grid, thick, certain, values, (*_, first) in zip(grids, dense, sure, density, spans, strict=True):
            if not thick[certain].all():
                scan.add(np.full(9, -1), grid[1:-1])
                continue
            values = np.where(certain, values, 0.0)
            k = 1 + int(np.argmin(values[1:-1]))
            if turn < 2 or values[k] < SHARP * min(values[k - 1], values[k + 1]):
                kept.append((*grid[k - 1 : k + 2], first))
            elif values[k] < 0.95 * first:
                found.append(float(grid[k]))
        spans = kept
    return found + [float(span[1]) for span in spans]


def _cut(at: Callable, corner: Corner, left: bool, right: bool, ends: list[End], unit: float) -> list[End]:
    """The ends at a corner with a band on one side or on both."""
    least = float(corner.offsets[0])
    sides = [sign for sign, dense in ((-1.0, left), (1.0, right)) if dense]
    bound = all(np.divide(*at(corner, sign * least * np.array([1.0, 1e4])).size) < 3 for sign in sides)
    if not (left and right):
        return [End(0.0, corner, corner.power(), bound)]
    if bound and abs(corner.excess) <= TIE or len(ends) % 2 and corner.at - ends[-1].at < 1e-3 * unit:
        return []  # nothing to see
    return 2 * [End(0.0, corner, corner.power(), bound and corner.excess < 0)]
