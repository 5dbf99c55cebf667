"""Sums of random terms: exact draws at any number of terms, moments, the distance to the normal."""

from __future__ import annotations

from tpcore.sums.distance import bound, cdf, distance
from tpcore.sums.draw import draw, draw_chunks, running
from tpcore.sums.moments import double_factorial, standard_moments, variance_of_mean
from tpcore.sums.terms import KINDS, Terms, terms

__all__ = [
    "KINDS",
    "Terms",
    "bound",
    "cdf",
    "distance",
    "double_factorial",
    "draw",
    "draw_chunks",
    "running",
    "standard_moments",
    "terms",
    "variance_of_mean",
]
