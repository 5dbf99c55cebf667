"""Where phi'(sqrt(q) g) as a function of g needs finer steps: around 0, where it may change within 1 / sqrt(q)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

REACH, LEG = 8.3, 0.4  # standard deviations; the longest step
LEAST = 1e-100  # of phi'^2; what is smaller counts as this ..
NOTHING = 1e-30  # .. but where more than a mass of 1e-6 is smaller, what is below this counts as 0
FALL, SHORT = 8.0, 1e-4  # in log |slope|; a step that may end in a zero
FAR = 4.75  # beyond it is a mass of 1e-6


def unit(q: float) -> float:
    """1 / sqrt(q), as a power of 2."""
    return float(2.0 ** np.floor(-0.5 * np.log2(q)))


def edges(low: float, high: float, step: float) -> np.ndarray:
    """Ends of the steps from `low` to `high`: of length LEG at most, and about `step` near 0, growing with g."""
    line = np.linspace(low, high, max(2, int(np.ceil((high - low) / LEG))) + 1)
    return np.union1d(line, marks(low, high, step))


def marks(low: float, high: float, step: float) -> np.ndarray:
    """The ends that lie around 0; none where `step` is not below LEG."""
    if step >= LEG:
        return np.zeros(0)
    sizes = step * 2.0 ** np.arange(-1, np.ceil(np.log2(LEG / step)) + 1)
    around = np.concatenate([-sizes[::-1], [0.0], sizes])
    return around[(around > low) & (around < high)]


def vanishing(slope: Callable, step: float, kinks: tuple[float, ...]) -> list[float]:
    """Where slope^2 falls below NOTHING, if it goes on to fall below LEAST before FAR; not at a kink."""
    line = edges(-FAR, FAR, step)
    line = np.union1d(line, (line[1:] + line[:-1]) / 2)
    found = []
    for side in (line, line[::-1]):
        values = slope(side) ** 2
        if (values[:2] < LEAST).all():  # one alone is a zero
            first = int(np.argmax(values >= NOTHING)) if (values >= NOTHING).any() else side.size - 1
            inside, outside = side[first], side[first - 1]
            for _ in range(60):
                middle = (inside + outside) / 2
                inside, outside = (inside, middle) if slope(np.array([middle]))[0] ** 2 < NOTHING else (middle, outside)
            found.append(float(inside))
    return [at for at in found if all(abs(at - kink) > 1e-9 for kink in kinks)]


def split(slope: Callable, ends: np.ndarray) -> np.ndarray:
    """`ends` and more between them, so that slope changes by a factor of exp(FALL) at most from one to the next."""
    height = np.log(np.maximum(np.abs(slope(ends)), np.sqrt(LEAST)))
    parts = np.where(np.diff(ends) > SHORT, np.ceil(np.abs(np.diff(height)) / FALL), 1).astype(int).clip(1)
    inner = [np.linspace(*pair, count, endpoint=False) for *pair, count in zip(ends[:-1], ends[1:], parts, strict=True)]
    return np.append(np.concatenate(inner), ends[-1])
