"""The largest stable learning rate of a parametrization."""

from __future__ import annotations

from fractions import Fraction

from tpcore.abc import forms
from tpcore.abc.parametrization import Parametrization
from tpcore.errors import Misuse


def largest_rate(p: Parametrization) -> Parametrization:
    """`p` with the largest learning rate that is stable: the least kappa with c_l + kappa in place of every c_l.

    Raises
    ------
    Misuse
        If no learning rate is stable, because `p` is not so at initialization.
    """
    if not isinstance(p, Parametrization):
        raise Misuse("A learning rate is one of a parametrization", repr(p), "tp.abc.sp(2)")
    system, needed = forms.system(p.depth, p.adaptive), []
    if any(abs(_value(one, p)) > p.tolerance for _, one in system.equalities):
        raise Misuse("Some learning rate must be stable", repr(p), " ".join(p.reasons))
    for _, one in system.inequalities:
        slope = sum(weight for (letter, _), weight in one.terms if letter == "c")
        if slope:
            needed.append(-_value(one, p) / slope)
        elif _value(one, p) < -p.tolerance:
            raise Misuse("Some learning rate must be stable", repr(p), " ".join(p.reasons))
    kappa = max(needed)
    rates = [c + kappa for c in p.rates]
    return Parametrization(p.a, p.b, rates[0] if p.uniform else rates, p.d)


def _value(one: forms.Form, p: Parametrization) -> Fraction:
    rows = {"a": p.a, "b": p.b, "c": p.rates, "d": p.scales}
    return one.constant + sum(weight * rows[letter][layer - 1] for (letter, layer), weight in one.terms)
