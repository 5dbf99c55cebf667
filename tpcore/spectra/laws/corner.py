r"""Where atoms of the laws meet: the free convolution has an atom there, or a density without bound, or almost.

At atoms a_i with masses mu_i the solution has, with the sum e of the a_i, the excess m = sum mu_i - (n - 1) and a
number K of the other mass,

.. math:: z - e = m / g + K / g^2 + O(g^{-3}).

For m > 0 it is an atom of mass m. For m = 0 the density grows like \|x - e\|^(-1/2), on one side of e, and if K = 0
like \|x - e\|^(-1/3), on both. So near e all is computed in coordinates moved there: z - e and omega_i - a_i, each to
its own precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

SLACK, TIE, MOST = 0.02, 1e-12, 40


class Meeting(NamedTuple):
    """Atoms that meet: `place`, `excess` m, and the atom (place, mass) of each group."""

    place: float
    excess: float
    picks: tuple[tuple[float, float], ...]


def meetings(groups: list[tuple[list[tuple[float, float]], int]], slack: float = 0.0) -> list[Meeting]:
    """Sums of atoms, one of each law, whose missing masses add up to less than 1 + `slack`, ascending.

    Parameters
    ----------
    groups : list of (list of (place, mass), int)
        The atoms of each law, and how often it occurs; places are logarithms for products.
    slack : float
        0 leaves the atoms of the convolution.

    Notes
    -----
    A law that occurs twice enters with the same atom both times: two of its atoms have no more than mass 1.
    Bercovici and Voiculescu (Operator Theory: Adv. Appl. 104, 1998); Belinschi (Complex Anal. Oper. Theory 2, 2008).
    """
    limit = 1 + slack if slack else 1 - TIE
    found = [Meeting(0.0, 1.0, ())]
    for atoms, times in groups:
        found = [
            Meeting(here.place + times * at, here.excess - times * (1 - mass), (*here.picks, (at, mass)))
            for here in found for at, mass in atoms if 1 - here.excess + times * (1 - mass) < limit
        ]  # fmt: skip
    return sorted(found) if groups else []


@dataclass(frozen=True, eq=False)
class Corner:
    """A meeting, and the equations moved there.

    Attributes
    ----------
    at, place : float
        In the coordinate of the solver, x or log x, and x itself.
    excess, bend : float, complex
        m and K.
    moved : object
        The equations in z - e and omega_i - a_i.
    unit : float
        The spread of the law, in the coordinate.
    """

    at: float
    place: float
    excess: float
    bend: complex
    moved: Any
    unit: float

    def power(self, offset: float = 0.0) -> int:
        """For a band that ends at this offset: x - end = t^power makes the distribution function smooth in t.

        2 for one square root, 3 for a cube root; 6 where both, or two edges, are near each other.
        """
        clean, bend = abs(self.excess) <= TIE, abs(self.bend) * self.unit
        if abs(offset) > 0.01 * self.unit or clean and bend > 0.1:
            return 2
        return 3 if clean and bend < 1e-8 else 6

    @property
    def offsets(self) -> np.ndarray:
        """Distances from e at which there is something to see."""
        least = min(1e-12, max(1e-3 * self.excess**2, 1e-24)) if abs(self.excess) > TIE else 1e-12
        return self.unit * np.geomspace(least, 0.03, int(np.ceil(-2 * np.log10(least))))


def chosen(corners: list[Corner], unit: float) -> list[Corner]:
    """Those that stand apart, the nearest to an excess of 0 first; ascending."""
    kept: list[Corner] = []
    for corner in sorted(corners, key=lambda c: abs(c.excess)):
        if len(kept) < MOST and all(abs(corner.at - other.at) > 1e-12 * unit for other in kept):
            kept.append(corner)
    return sorted(kept, key=lambda c: c.at)
