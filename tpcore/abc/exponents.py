"""The exponents that decide everything: r, each layer's own r_l, the readout's step.

All of them are functions of the fractions a_l, b_l, c_l alone (l = 1 .. L+1; Yang and Hu 2021, Tensor Programs IV,
section 3 and appendix H; Yang and Littwin 2023, Tensor Programs IVb, for adaptive optimizers). A quantity with exponent
e is of size n^(-e), entry by entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Numbers = Sequence[Fraction]


def readout_at_init(a: Numbers, b: Numbers) -> Fraction:
    """a_{L+1} + b_{L+1}: the initial readout's entries, W^{L+1} = n^(-a) w with w ~ N(0, n^(-2b))."""
    return a[-1] + b[-1]


def readout_step(a: Numbers, c: Numbers, adaptive: bool) -> Fraction:
    """The exponent of one update of the readout's entries, which are those of x^L.

    SGD: n^(-a) (weight) n^(-c) (rate) n^(-a) (gradient): 2 a + c. Adaptive optimizers are blind to sizes: a + c.
    """
    return a[-1] + c[-1] if adaptive else 2 * a[-1] + c[-1]


def gradient(a: Numbers, b: Numbers, c: Numbers, adaptive: bool) -> Fraction:
    """min(a_{L+1} + b_{L+1}, readout_step): the entries of df/dx^L once the readout has been updated."""
    return min(readout_at_init(a, b), readout_step(a, c, adaptive))


def layer_r(a: Numbers, b: Numbers, c: Numbers, adaptive: bool, first: bool = False) -> tuple[Fraction, ...]:
    """r_l for l = 1 .. L: (Delta W^l) x^{l-1} has entries of size n^(-r_l).

    SGD: Delta W^l is n^(-2 a_l - c_l) times an outer product of df/dh^l, of size n^(-gradient), and x^{l-1}, whose
    inner products with features are of size n (1 for the input): r_l = gradient + c_l - 1 + 2 a_l + [l = 1].
    Adaptive: the entries of the update are n^(-a_l - c_l) in size and aligned with x^{l-1}: r_l = c_l + a_l - [l > 1].

    Parameters
    ----------
    first : bool
        The first step's exponents, when the gradient still comes from the initial readout alone.
    """
    if adaptive:
        return tuple(c[i] + a[i] - (i > 0) for i in range(len(a) - 1))
    back = readout_at_init(a, b) if first else gradient(a, b, c, adaptive)
    return tuple(back + c[i] - 1 + 2 * a[i] + (i == 0) for i in range(len(a) - 1))


def faithful(a: Numbers, b: Numbers) -> tuple[Fraction, ...]:
    """d_l with which an adaptive optimizer sees gradients of size one: a_l + a_{L+1} + b_{L+1}; a_{L+1} at the readout.

    The gradient with respect to w^l has entries of size n^(-d_l) (Tensor Programs IVb).
    """
    out = readout_at_init(a, b)
    return (*(al + out for al in a[:-1]), a[-1])
