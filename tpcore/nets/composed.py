"""Activations one after another as one, so that second moments of a Gaussian decide what follows them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from scipy import optimize

from tpcore.activations import Activation, custom
from tpcore.limit.derivative import slope_of
from tpcore.nets.layers import Act, Layer, Residual

FAR, GRID = 60.0, 24_001  # where the kinks of the outer function are looked for
MOST = 8  # kinks with which a quadrature for two Gaussians is quick


def folded(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The same network with as few layers: a run of activations (and of Residuals of them alone) as one `Act`."""
    found: list[Layer] = []
    for layer in map(_inside, layers):
        last = found[-1] if found else None
        outer = layer if isinstance(layer, Act) else layer.added if isinstance(layer, Residual) else None
        one = composed(outer.phi, last.phi) if outer is not None and isinstance(last, Act) else None
        found[-1:] = [last, layer][last is None:] if one is None else [Act(one)]
    return tuple(found)


def _inside(layer: Layer) -> Layer:
    if not isinstance(layer, Residual):
        return layer
    inner = folded(layer.layers)
    return layer if len(inner) == len(layer.layers) else Residual(*inner)


@lru_cache(maxsize=64)
def composed(outer: Activation, inner: Activation) -> Activation | None:
    """x -> outer(inner(x)), with its derivative and its kinks; None where these are too many."""
    if "identity" in (outer.form, inner.form):
        return inner if outer.form == "identity" else outer
    slopes = None if outer.jumps or inner.jumps else (slope_of(outer), slope_of(inner))
    kinks = {*inner.kinks, *(at for kink in outer.kinks for at in _reached(inner, kink))}
    if len(kinks) > MOST:
        return None
    return custom(lambda x: outer.f(inner.f(x)), slopes and (lambda x: slopes[0](inner.f(x)) * slopes[1](x)),
                  tuple(kinks), jumps=slopes is None, name=f"{outer.name}({inner.name})")  # fmt: skip


def _reached(phi: Activation, level: float) -> list[float]:
    """Where phi crosses a level without a jump."""
    x = np.linspace(-FAR, FAR, GRID)
    above = phi.f(x) - level
    value = lambda at: float(phi.f(np.array([at]))[0]) - level  # noqa: E731
    crossed = np.flatnonzero(above[:-1] * above[1:] < 0)
    met = np.flatnonzero((above[1:-1] == 0) & (above[:-2] != 0) & (above[2:] != 0)) + 1
    return [float(optimize.brentq(value, x[k], x[k + 1], xtol=1e-15)) for k in crossed] + x[met].tolist()
