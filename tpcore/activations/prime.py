"""The derivative of an activation as an activation of its own: ``prime(tanh)`` is named ``tanh'``."""

from __future__ import annotations

import threading

import numpy as np

from tpcore.activations.activation import Activation
from tpcore.activations.slope import Slope
from tpcore.errors import Misuse

# derivatives that have names of their own, and closed forms with them
_KNOWN = {"relu": "step", "abs": "sign", "sin": "cos", "softplus": "sigmoid"}
_GROWTH = {"linear": "bounded"}
PRIMES: dict[str, Activation] = {}
_lock = threading.Lock()


def prime(phi: Activation) -> Activation:
    """phi' as an activation: with phi's kinks, and its own derivative where that is known.

    relu' is step, abs' sign, sin' cos, softplus' the logistic sigmoid. Where phi
    came without a derivative, dual numbers find it, or differences
    (`tpcore.activations.slope`).

    Raises
    ------
    Misuse
        If phi jumps: its derivative is a delta function there, 0 elsewhere.

    Notes
    -----
    At a kink of phi the value is that of ``phi.df``.
    """
    from tpcore.activations.resolve import get, is_named

    if phi.jumps:
        raise Misuse(
            f"{phi.name} must have a derivative in the ordinary sense",
            f"a function that jumps at {', '.join(f'{k:g}' for k in phi.kinks)}",
            "Its derivative is a delta function there: use a smooth function, erf of large inputs say",
        )
    if not is_named(phi):
        return _derived(phi)
    if phi.name in _KNOWN:
        return get(_KNOWN[phi.name])
    with _lock:
        if phi.name not in PRIMES:
            PRIMES[phi.name] = _derived(phi)
        return PRIMES[phi.name]


def _derived(phi: Activation) -> Activation:
    function = Slope(phi.function) if phi.derivative is None else phi.derivative
    return Activation(
        phi.name + "'",
        function,
        Slope(function),
        kinks=phi.kinks,
        jumps=any(_gap(function, k) for k in phi.kinks),
        degree=None if phi.degree is None else phi.degree - 1,
        growth=_GROWTH.get(phi.growth, phi.growth),
        latex=phi.latex + "'",
        doc=f"the derivative of {phi.name}",
    )


def _gap(function, kink: float) -> bool:
    """Whether the function jumps there: the gap across the kink does not close with the distance."""
    far, near = (float(np.diff(function(np.array([kink - d, kink + d])))[0]) for d in (1e-5, 1e-8))
    return abs(near) > 1e-6 and abs(near) > 0.5 * abs(far)
