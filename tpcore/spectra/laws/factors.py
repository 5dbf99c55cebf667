"""The equations of a free product: its laws by what they add to the logarithm of z."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tpcore.spectra.laws.corner import SLACK, Corner, Meeting, chosen, meetings
from tpcore.spectra.laws.measure import Measure
from tpcore.spectra.laws.ratio import Ratio


@dataclass
class Factors:
    """log z = constant + alpha log(1 + w) + beta log w + sum_j m_j log(1 + y_j w) + sum_l m_l log u_l.

    Attributes
    ----------
    constant, alpha, beta : float
    ratios : dict of float to int
        y_j and m_j.
    measures : list of (Measure, int)
        Those with u_l unknown, and how often each occurs.
    """

    constant: float = 0.0
    alpha: float = 1.0
    beta: float = -1.0
    ratios: dict[float, int] = field(default_factory=dict)
    measures: list[tuple[Measure, int]] = field(default_factory=list)

    def point(self, log_place: float) -> None:
        """A point mass."""
        self.constant += log_place

    def marchenko_pastur(self, ratio: float, log_scale: float = 0.0, times: int = 1) -> None:
        """u = s^2 (1 + w)(1 + y w) / w: `log_scale` is log s^2."""
        self.constant += times * log_scale
        if ratio == 1:
            self.alpha += times
        else:
            self.ratios[ratio] = self.ratios.get(ratio, 0) + times

    def measure(self, measure: Measure, times: int = 1) -> None:
        """A law that is known by point masses."""
        self.measures.append((measure, times))
        self.alpha -= times
        self.beta += times

    @property
    def positive(self) -> float:
        """Mass of the product away from 0."""
        return min([1.0] + [m.positive for m, _ in self.measures] + [1 / y for y in self.ratios if y > 1])

    @property
    def smooth(self) -> bool:
        """Whether there is a factor without atoms away from 0."""
        return bool(self.ratios) or self.alpha + sum(times for _, times in self.measures) > 1

    def atoms(self) -> list[tuple[float, float]]:
        """(log place, mass) of the atoms away from 0."""
        if self.smooth:
            return []
        return [(self.constant + m.place, m.excess) for m in meetings(self._groups())]

    def _groups(self) -> list:
        """The atoms of the laws away from 0, by the logarithms of their places."""
        return [([(np.log(at), mass) for at, mass in m.atoms if at > 0], times) for m, times in self.measures]

    def corners(self, spread: float) -> list[Corner]:
        """Where atoms of the laws meet to an atom of the product away from 0, or almost."""
        found = [] if self.smooth else meetings(self._groups(), SLACK)
        return chosen([self._corner(meeting, spread) for meeting in found], spread)

    def _corner(self, meeting: Meeting, spread: float) -> Corner:
        places = [next(at for at, _ in m.atoms if at > 0 and np.log(at) == log_at)
                  for (m, _), (log_at, _) in zip(self.measures, meeting.picks, strict=True)]  # fmt: skip
        pairs = list(zip(self.measures, places, strict=True))
        moved = Ratio([(m.moved(at, 1 / at), times) for (m, times), at in pairs], places, spread)
        place = float(np.exp(self.constant) * np.prod([at**times for (_, times), at in pairs]))
        return Corner(self.constant + meeting.place, place, meeting.excess, moved.bend, moved, spread)

    def explicit(self, w: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """log z without the u_l; `rest` is p + w, p = `positive`. Im w <= 0 counts as approached from below."""
        p = self.positive
        total = self.constant + self.alpha * _log_below((1 - p) + rest) + self.beta * _log_below(w)
        for y, times in self.ratios.items():
            total = total + times * _log_below(y * ((1 / y - p) + rest))
        return total

    def slope(self, w: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """d explicit / dw."""
        p = self.positive
        total = self.alpha / ((1 - p) + rest) + self.beta / w
        return total + sum(times / ((1 / y - p) + rest) for y, times in self.ratios.items())

    def upper(self, w: np.ndarray, rest: np.ndarray, us: list[np.ndarray]) -> np.ndarray:
        """1 - F at real points, from the solution there."""
        angle = lambda v: -np.arctan2(np.abs(v.imag), v.real)  # noqa: E731
        total = (self.alpha + self.beta) * w.imag + self.beta * angle(w)
        for y, times in self.ratios.items():
            # 1 + y w, next to 0 too
            total = total + times * (w.imag + (1 - 1 / y) * angle((1 / y - self.positive) + rest))
        for (measure, times), u in zip(self.measures, us, strict=True):
            total = total + times * measure.angle(u)
        return total / np.pi


def _log_below(w: np.ndarray) -> np.ndarray:
    """log w, the imaginary part in [-pi, 0]."""
    return np.log(np.abs(w)) - 1j * np.arctan2(np.abs(w.imag), w.real)
