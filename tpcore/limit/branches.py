"""Where a function of nested pieces has its kinks: relu(g + c relu(h)) bends on h = 0, on g = 0 and on g + c h = 0.

An argument made of Gaussians and of piecewise linear functions of such arguments is affine on every piece. The
hyperplanes on which one of its affine branches meets a kink hold all kinks; where a branch is not the one that is
taken, its hyperplane costs points, not accuracy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tpcore.limit.forms import Combo, Family, Opaque

MOST = 8
_SLOPES = {"relu": (0.0, 1.0), "abs": (-1.0, 1.0)}


@dataclass
class Affine:
    """const_r + sum_o slopes[o]_r leaf_o for requests r."""

    const: np.ndarray
    slopes: dict[int, np.ndarray]

    def plus(self, other: Affine, factor: np.ndarray) -> Affine:
        slopes = dict(self.slopes)
        for leaf, slope in other.slopes.items():
            slopes[leaf] = slopes.get(leaf, 0.0) + factor * slope
        return Affine(self.const + factor * other.const, slopes)


def branches(rows: Combo, leaf: Callable[[Combo], int], layers: Callable) -> list[Affine] | None:
    """The affine branches of the rows of a combo; None where a part is not piecewise linear, or they are too many.

    `leaf` numbers combinations of Gaussians, `layers` takes a matrix apart (`tpcore.limit.plan`).
    """
    gaussian = {f: matrix for f, matrix in rows.terms.items() if isinstance(f, Family)}
    zero, one = np.zeros(rows.size), np.ones(rows.size)
    if gaussian:
        found = [Affine(zero, {leaf(Combo(rows.const, gaussian)): one})]
    else:
        found = [Affine(rows.const, {})]
    for feature, matrix in rows.terms.items():
        if feature in gaussian:
            continue
        for columns, coefficients in layers(matrix):
            inner = _pieces(feature, columns, leaf, layers)
            if inner is None or len(found) * len(inner) > MOST:
                return None
            found = [old.plus(new, coefficients) for old in found for new in inner]
    return found


def _pieces(feature, columns: np.ndarray, leaf: Callable, layers: Callable) -> list[Affine] | None:
    """The branches of columns of a piecewise linear activation with its kink at 0."""
    phi = feature.activation if isinstance(feature, Opaque) else None
    if phi is None or len(feature.args) != 1 or feature.depends is not None:
        return None
    slopes = (phi.params[0], 1.0) if phi.form == "leaky_relu" else _SLOPES.get(phi.form)
    inner = slopes and branches(feature.args[0][columns], leaf, layers)
    if not inner:
        return None
    nothing, one = Affine(np.zeros(len(columns)), {}), np.ones(len(columns))
    flat = [nothing] if 0.0 in slopes else []
    return flat + [nothing.plus(each, slope * one) for slope in slopes if slope for each in inner]
