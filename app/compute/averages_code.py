"""Snippets that reproduce the figures of the Averages lab."""

from __future__ import annotations

import math

from tpapp.average_results import Bars, Sums
from tpapp.compute.averages import ORDERS, PATHS, law


def code(s, result: Sums | None) -> str:
    """What the page shows of a state `s`, in Python."""
    nu = f", nu={s.nu:g}" if s.terms == "student" else ""
    rho = f", correlation={s.rho:g}" if s.rho else ""
    lines = ["import numpy as np", "import tpcore as tp", "", f'law = tp.sums.terms("{s.terms}"{nu})']
    if s.width < math.inf:
        lines += [
            f"N = {s.width}",
            f'S = tp.sums.draw("{s.terms}", N, draws={s.draws}, seed={s.seed}{nu}{rho})',
            "means, z = S / N, (S - N * law.centre) / (law.scale * N**0.5)",
        ]
        if result is not None:
            lines += [_histogram("near_mean", "means", result.means), _histogram("near_zero", "z", result.scaled)]
        lines.append(f"moments = [np.mean(z**k) for k in {ORDERS}]")
        if law(s.terms, s.nu, s.rho).normal:
            lines += [f'exact = tp.sums.standard_moments("{s.terms}", N, {ORDERS}{nu})',
                      f'distance = tp.sums.distance("{s.terms}", N{nu})']  # fmt: skip
    lines += [
        f"limit = [tp.sums.double_factorial(k) for k in {ORDERS}]",
        "n = np.unique(np.round(np.geomspace(1, 10**6, 150)).astype(int))",
        f'paths = tp.sums.running("{s.terms}", n, draws={PATHS}, seed={s.seed}{nu}{rho}) / n',
        "print(np.c_[moments, limit])" if s.width < math.inf else "print(limit)",
    ]
    return "\n".join(lines) + "\n"


def _histogram(name: str, values: str, bars: Bars) -> str:
    low, high = float(bars.edges[0]), float(bars.edges[-1])
    return f"{name} = np.histogram({values}, np.linspace({low!r}, {high!r}, {len(bars.edges)}))[0]"
