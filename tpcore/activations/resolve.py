"""From a name, a function or an activation to an activation."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from tpcore import checks
from tpcore.activations.activation import Activation
from tpcore.activations.jumps import jumps_at
from tpcore.activations.named import ALIASES, FAMILIES, NAMED
from tpcore.activations.prime import PRIMES, prime
from tpcore.errors import Misuse
from tpcore.jitted.elementwise import Elementwise

_CALL = re.compile(r"\s*(\w+)\s*\(\s*([^()]+?)\s*\)\s*")


def get(phi: str | Activation | Callable) -> Activation:
    """The activation that `phi` names, wraps or is.

    Parameters
    ----------
    phi : str, Activation or callable
        A name (``"relu"``, ``"leaky_relu(0.1)"``, ``"hermite(3)"``), an
        activation, or a function of one NumPy array, taken as
        ``custom(phi)``: smooth, without a known derivative.

    Raises
    ------
    Misuse
        For an unknown name (the message has the nearest known one) or
        anything that is not one of the three.
    """
    if isinstance(phi, Activation):
        return phi
    if isinstance(phi, str):
        return _by_name(phi.strip())
    if callable(phi):
        return custom(phi)
    raise Misuse("An activation must be a name, a function of one array, or a tpcore activation", repr(phi))


def is_named(phi: Activation) -> bool:
    """Whether ``get(phi.name)`` is `phi` again, and no function of a user's that bears the same name."""
    if phi.name.endswith("'"):
        return PRIMES.get(phi.name[:-1]) is phi
    return NAMED.get(phi.name) is phi or phi.form in FAMILIES


def _by_name(name: str) -> Activation:
    name = ALIASES.get(name, name)
    if name in NAMED:
        return NAMED[name]
    if name.endswith("'"):
        return prime(_by_name(name[:-1]))
    call = _CALL.fullmatch(name)
    if call and call[1] in FAMILIES:
        make, kind = FAMILIES[call[1]]
        try:
            value = kind(call[2])
        except ValueError:
            raise Misuse(f"The parameter of {call[1]} must be a number", repr(call[2])) from None
        return make(value)
    checks.choice("An activation", name, dict.fromkeys([*NAMED, *FAMILIES]))
    raise Misuse(f"{name} has a parameter", repr(name), f"Write it out, as in '{name}(3)'")


def custom(f: Callable, df: Callable | None = None, kinks: tuple[float, ...] = (), *, jumps: bool = False,
           name: str | None = None) -> Activation:
    """An activation of the user's own.

    Parameters
    ----------
    f : callable
        One NumPy array in, an array of the same shape out, elementwise. Large
        arrays go through a compiled version where Numba can compile it.
    df : callable, optional
        Its derivative, likewise.
    kinks : sequence of float
        Points where f or one of its derivatives is not continuous: the
        expectations are exact only if these are known.
    jumps : bool
        Whether f itself is discontinuous at the kinks; found out by
        evaluation on both sides when left at False.
    name : str, optional
        For listings; by default the function's own name.

    Raises
    ------
    Misuse
        If f or df does not map arrays to arrays of real numbers of the same shape.
    """
    if not callable(f):
        raise Misuse("custom(f) must get a function of one array", repr(f))
    kinks = tuple(sorted({checks.real("a kink", k) for k in np.atleast_1d(np.asarray(kinks, dtype=object))}))
    for what, function in (("f", f), ("df", df)):
        if function is not None:
            _probe(what, function)
    jumps = bool(jumps) or any(jumps_at(f, [np.array([k])]) for k in kinks)
    label = name or getattr(f, "__name__", type(f).__name__)
    label = "phi" if label == "<lambda>" else label
    slope = None if df is None or jumps else Elementwise(df)
    return Activation(label, Elementwise(f), slope, kinks=kinks, jumps=jumps, latex="" if label != "phi" else r"\phi")


def _probe(what: str, function: Callable) -> None:
    x = np.linspace(-1.7, 1.9, 6).reshape(2, 3)
    try:
        y = np.asarray(function(x.copy()))
    except Exception as error:
        hint = "Use NumPy functions (np.where instead of if)"
        raise Misuse(f"{what} must accept a NumPy array", f"{type(error).__name__}: {error}", hint) from error
    if y.dtype.kind not in "biuf" or y.shape not in (x.shape, ()):
        came = f"shape {y.shape} and dtype {y.dtype} for shape {x.shape}"
        raise Misuse(f"{what} must give one real number for each number", came)
