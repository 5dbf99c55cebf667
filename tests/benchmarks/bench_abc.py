"""Phases of parametrizations: a whole slice while a slider moves, one point while the mouse does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from tests.benchmarks.table import Row, median_seconds
from tpcore import abc


def rows() -> Iterator[Row]:
    deep, shallow, ticks = abc.mup(4), abc.mup(1), count(1)

    def whole():
        view = abc.slice(deep, "a1", "c", n=200)
        return view.codes, view.regions, view.edges, view.corners

    def facets():
        view = abc.unfold(shallow)
        return [facet.plane.regions for facet in view.facets], view.cross(-0.3, 0.8)

    def hover():
        return abc.Parametrization([next(ticks) / 1e6, 0.5], [0, 0.5]).conditions

    slice_ms = 1e3 * median_seconds(whole)
    yield Row("slice of phases, 200 x 200 points and exact polygons, L = 4", slice_ms, "ms", "< 50 ms", slice_ms < 50)
    yield Row("both facets unfolded, and the slice across", 1e3 * median_seconds(facets), "ms")
    yield Row("one point: all conditions in words", 1e3 * median_seconds(hover, repeats=200), "ms")
