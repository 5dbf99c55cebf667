"""Newton's method next to a corner, from where the solution is known down to the real line.

In h = 1 / g and the omega_l the equations 1 / G_l(omega_l) = h are almost linear there, and z is a series in h.
"""

from __future__ import annotations

import numpy as np

from tpcore.spectra.laws.pivot import step

NEWTON, ROUNDING = 30, 1e-15
FACTOR, STEPS, AGAIN = 0.5, 2, (0.8, 4)  # height by height before, and Newton steps at each


def down(terms, z: np.ndarray, h: np.ndarray, omegas: list[np.ndarray], start: float, end=None):
    r"""h and the omega_l at the real points z, from those at z + i start, or near them.

    Parameters
    ----------
    terms : Terms or Ratio
        The equations: ``near``, ``outer``, ``own``, ``measures``, ``spread``.
    end : float, optional
        The last height above the line; by default a tenth of \|z\|.

    Returns
    -------
    h, omegas, left
        The last is the residual times \\|g\\|, about what it changes in the distribution function.
    """
    end = np.minimum(0.1 * np.abs(z), start) if end is None else np.full(z.shape, end)
    first = _path(terms, z, h, omegas, start, end, FACTOR, STEPS)
    again = np.flatnonzero(~(first[2] <= 1e-10))
    if again.size:
        new_h, new, closer = _path(terms, z[again], h[again], [omega[again] for omega in omegas], start,
                                   end[again], *AGAIN)
        better = closer < first[2][again]
        for old, values in zip((first[0], *first[1], first[2]), (new_h, *new, closer), strict=True):
            old[again[better]] = values[better]
    return first


def _path(terms, z, h, omegas, start: float, end: np.ndarray, factor: float, steps: int):
    h, omegas = h.copy(), [omega.copy() for omega in omegas]
    count = int(np.ceil(np.log(end.min(initial=start) / start) / np.log(factor)))
    for j in range(1, count + 1):
        for _ in range(steps):
            _newton(terms, z + 1j * (start * (end / start) ** (j / count)), h, omegas)
    left = np.full(z.shape, np.inf)
    best, at = [h.copy(), *(omega.copy() for omega in omegas)], np.arange(z.size)
    for _ in range(NEWTON):
        before = [h.copy(), *(omega.copy() for omega in omegas)]
        residual, least = _newton(terms, z[at] + 0j, h, omegas)
        residual = np.nan_to_num(residual, nan=np.inf)
        done = (residual <= least) | ((residual <= 100 * least) & (residual > 0.3 * left[at]))
        closer = residual < left[at]
        for values, old in zip(best, before, strict=True):
            values[at[closer]] = old[closer]
        left[at[closer]] = residual[closer]
        at, h, omegas = at[~done], h[~done], [omega[~done] for omega in omegas]
        if not at.size:
            break
    return best[0], best[1:], np.minimum(left / np.minimum(np.abs(best[0]), terms.spread), 1e300)


def _newton(terms, z: np.ndarray, h: np.ndarray, omegas: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One step of Newton's method, in place; returns the residual of z before it, and that which rounding leaves."""
    value, slope = terms.near(h)
    ahead, size = z - value, np.abs(value)
    gaps, rates, bends = np.empty((3, len(omegas), h.size), complex)
    times = np.array([count for _, count in terms.measures], float)
    for j, ((measure, count), omega) in enumerate(zip(terms.measures, omegas, strict=True)):
        own, rate = terms.own(measure, omega)
        outer, bends[j] = terms.outer(omega)
        gaps[j], rates[j] = h - 1 / own, -rate / own**2
        ahead, size = ahead - count * outer, size + count * np.abs(outer)
    move, push = step(ahead, slope, gaps, rates / bends, times)
    weak = np.maximum(np.abs(rates), 1e-3)
    residual = np.abs(ahead) + times @ (np.abs(gaps) / weak)
    least = ROUNDING * (size + np.abs(h) * (times @ (1 / weak)))
    h += move / np.maximum(1, np.abs(move) / np.maximum(terms.spread, np.abs(h)))
    h.imag = np.abs(h.imag)
    for omega, by, bend in zip(omegas, push, bends, strict=True):
        by = by / bend
        omega += by / np.maximum(1, np.abs(by) / np.maximum(terms.spread, np.abs(omega)))
        omega.imag = np.abs(omega.imag)
    return residual, least
