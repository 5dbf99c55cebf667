"""abc-parametrizations: how weights, their start and their learning rates scale with the width."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

from tpcore.abc import exponents as ex
from tpcore.abc import predicted, reasons, stability
from tpcore.abc.numbers import TOLERANCE, exponent, exponents, show
from tpcore.abc.phase import Phase
from tpcore.errors import Misuse


class Parametrization:
    """W^l = n^(-a_l) w^l, w^l ~ N(0, n^(-2 b_l)) entry by entry, learning rate eta n^(-c_l) on w^l; l = 1 .. L+1.

    The network has L hidden layers of width n: h^1 = W^1 xi, x^l = phi(h^l), h^{l+1} = W^{l+1} x^l, f = W^{L+1} x^L
    (Yang and Hu 2021, Tensor Programs IV, section 3).

    Parameters
    ----------
    a, b : sequences of L+1 numbers
        Whole numbers, fractions, floats or strings such as "1/2". Arithmetic is exact; a float that is no simple
        fraction is kept to its last bit, and equalities then hold within 1e-9.
    c : number or sequence of L+1 numbers
        One learning-rate exponent for all layers, or one per layer.
    d : number or sequence of L+1 numbers, optional
        Given: an adaptive optimizer, whose update is n^(-c_l) Q(n^(d_l) gradient) with Q coordinatewise (sign, Adam;
        Yang and Littwin 2023, Tensor Programs IVb). `adaptive` chooses the d with which Q sees numbers of size one.

    Attributes
    ----------
    depth : int
        L.
    a, b, rates : tuples of L+1 fractions
    scales : tuple of L+1 fractions, or None
        c_l and d_l of every layer. `c` and `d` give them as they came: a fraction, or a tuple of them.

    Raises
    ------
    Misuse
        If the lists do not have one length of at least two, or hold what is no number.

    Examples
    --------
    >>> p = Parametrization(a=[0, 0.5, 0.5], b=[0, 0, 0], c=0)  # NTP
    >>> str(p.phase), p.r
    ('kernel', Fraction(1, 2))
    """

    def __init__(self, a: Sequence, b: Sequence, c=0.0, d=None):
        self.a, exact_a = exponents("a", a)
        if len(self.a) < 2:
            raise Misuse("a must have an entry for each hidden layer and one for the readout", f"{len(self.a)} in all",
                         "[0, 0.5] for one hidden layer")  # fmt: skip
        self.depth = len(self.a) - 1
        self.b, exact_b = self._layers("b", b)
        self.rates, exact_c, self.uniform = self._spread("c", c)
        self.scales, exact_d, self._one_d = (None, True, True) if d is None else self._spread("d", d)
        self.exact = exact_a and exact_b and exact_c and exact_d
        self.tolerance = Fraction(0) if self.exact else TOLERANCE

    def _layers(self, name: str, values) -> tuple[tuple[Fraction, ...], bool]:
        numbers, exact = exponents(name, values)
        if len(numbers) != self.depth + 1:
            raise Misuse(f"{name} must have as many entries as a, {self.depth + 1}", f"{len(numbers)}")
        return numbers, exact

    def _spread(self, name: str, value) -> tuple[tuple[Fraction, ...], bool, bool]:
        if hasattr(value, "__len__") and not isinstance(value, str):
            return *self._layers(name, value), False
        number, exact = exponent(name, value)
        return (number,) * (self.depth + 1), exact, True

    @property
    def adaptive(self) -> bool:
        """Whether the optimizer is adaptive (d was given); else it is SGD."""
        return self.scales is not None

    @property
    def c(self) -> Fraction | tuple[Fraction, ...]:
        """The learning rate's exponent: one fraction, or one per layer."""
        return self.rates[0] if self.uniform else self.rates

    @property
    def d(self) -> Fraction | tuple[Fraction, ...] | None:
        """The exponents with which an adaptive optimizer scales its gradients; None for SGD."""
        return self.scales[0] if self.adaptive and self._one_d else self.scales

    # The exponents.

    @cached_property
    def layer_r(self) -> tuple[Fraction, ...]:
        """r_l, l = 1 .. L: (Delta W^l) x^{l-1} has entries of size n^(-r_l)."""
        return ex.layer_r(self.a, self.b, self.rates, self.adaptive)

    @cached_property
    def first_layer_r(self) -> tuple[Fraction, ...]:
        """r_l of the first step alone, when only the initial readout sends gradients back."""
        return ex.layer_r(self.a, self.b, self.rates, self.adaptive, first=True)

    @property
    def r(self) -> Fraction:
        """min_l r_l: the features x^L change by n^(-r).

        SGD with one c: min(a_{L+1} + b_{L+1}, 2 a_{L+1} + c) + c - 1 + min_{l <= L} (2 a_l + [l = 1])."""
        return min(self.layer_r)

    @property
    def first_r(self) -> Fraction:
        """r of the first step alone."""
        return min(self.first_layer_r)

    @property
    def readout_step(self) -> Fraction:
        """2 a_{L+1} + c (adaptive: a_{L+1} + c): the readout's own update moves f by n^(1 - readout_step)."""
        return ex.readout_step(self.a, self.rates, self.adaptive)

    # What they mean.

    @cached_property
    def conditions(self) -> tuple[stability.Condition, ...]:
        """Every condition with its value: of stability, of a function that moves, of features that move."""
        return tuple(stability.conditions(self))

    @property
    def violated(self) -> tuple[stability.Condition, ...]:
        """The conditions of stability that fail; first those that show first, of these features, then the fastest.

        How outputs grow once features do depends on the activation, not on the exponents alone."""
        failed = [one for one in self.conditions if one.group == "stable" and not one.holds]
        place = lambda one: (stability.WHENS.index(one.when), one.name != "features", -abs(one.growth))  # noqa: E731
        return tuple(sorted(failed, key=place))

    @property
    def stable(self) -> bool:
        """Nothing blows up (and nothing vanishes at initialization)."""
        return not self.violated

    @property
    def moves(self) -> bool:
        """Whether 2 a_{L+1} + c = 1 or a_{L+1} + b_{L+1} + r = 1: nontrivial, where stable."""
        return any(one.holds for one in self.conditions if one.group == "nontrivial")

    @property
    def trivial(self) -> bool:
        """Stable, and the function never moves."""
        return self.stable and not self.moves

    @cached_property
    def phase(self) -> Phase:
        """ "unstable", "trivial", "kernel" or "feature"."""
        if not self.stable:
            return Phase.UNSTABLE
        if not self.moves:
            return Phase.TRIVIAL
        return Phase.FEATURE if abs(self.r) <= self.tolerance else Phase.KERNEL

    @cached_property
    def reasons(self) -> list[str]:
        """Why the phase is what it is, in sentences; what fails first comes first."""
        return reasons.sentences(self)

    @cached_property
    def exponents(self) -> dict[str, predicted.Exponent]:
        """The predicted power of n of every quantity that can be measured: name -> `Exponent`."""
        return predicted.exponents(self)

    @property
    def kernel_parts(self) -> tuple[bool, tuple[int, ...]]:
        """Whether the readout, and which layers l <= L, make the kernel of the kernel regime.

        K = [2 a_{L+1} + c = 1] E x^L x'^L + [a_{L+1} + b_{L+1} + r = 1] (sum over the layers whose r_l is r).
        """
        readout, seen = (one.holds for one in self.conditions if one.group == "nontrivial")
        layers = [layer for layer, r in enumerate(self.layer_r, 1) if abs(r - self.r) <= self.tolerance]
        return readout, tuple(layers) if seen else ()

    @property
    def starts_random(self) -> bool:
        """Whether f_0 is a nonzero Gaussian process (a_{L+1} + b_{L+1} = 1/2); else it vanishes, where stable."""
        return next(one for one in self.conditions if one.name == "init").tight

    @property
    def maximal(self) -> bool:
        """Whether this is muP up to the symmetry.

        Stable, every r_l = 0 for l <= L, the readout updated (2 a_{L+1} + c = 1) and initialized
        (a_{L+1} + b_{L+1} = 1) maximally.
        """
        both = all(one.holds for one in self.conditions if one.group == "nontrivial")
        return self.phase == Phase.FEATURE and both and max(self.layer_r) <= self.tolerance

    # The symmetry.

    def shift(self, theta) -> Parametrization:
        """The same training in other words: (a, b, c) -> (a + theta, b - theta, c - 2 theta).

        Adaptive: (a + theta, b - theta, c - theta, d + theta).

        Parameters
        ----------
        theta : number or sequence of L+1 numbers
            One for all layers, or one per layer; then c is one per layer too.
        """
        thetas, _, one = self._spread("theta", theta)
        a = [x + t for x, t in zip(self.a, thetas, strict=True)]
        b = [x - t for x, t in zip(self.b, thetas, strict=True)]
        c = [x - (1 if self.adaptive else 2) * t for x, t in zip(self.rates, thetas, strict=True)]
        d = [x + t for x, t in zip(self.scales, thetas, strict=True)] if self.adaptive else None
        return Parametrization(a, b, c[0] if one and self.uniform else c, d[0] if d and one and self._one_d else d)

    def canonical(self) -> Parametrization:
        """The representative with c_l = 0 in every layer (adaptive: a_l = 0): equal for equivalent parametrizations."""
        moved = self.shift([-a for a in self.a] if self.adaptive else [c / 2 for c in self.rates])
        return Parametrization(moved.a, moved.b, moved.rates if self.adaptive else 0, moved.scales)

    def equivalent(self, other: Parametrization) -> bool:
        """Whether `other` is this parametrization up to the symmetry, layer by layer."""
        if not isinstance(other, Parametrization):
            raise Misuse("A parametrization is compared with another", type(other).__name__)
        mine, its = self.canonical(), other.canonical()
        if (mine.depth, mine.adaptive) != (its.depth, its.adaptive):
            return False
        pairs = zip(_numbers(mine), _numbers(its), strict=True)
        return all(abs(x - y) <= max(self.tolerance, other.tolerance) for x, y in pairs)

    # As text.

    def spec(self) -> dict:
        """A description that JSON can hold; ``Parametrization(**spec)`` is the parametrization again."""
        found = {"a": [str(x) for x in self.a], "b": [str(x) for x in self.b]}
        if not self.exact:
            found = {"a": [float(x) for x in self.a], "b": [float(x) for x in self.b]}
        write = str if self.exact else float
        found["c"] = write(self.c) if self.uniform else [write(x) for x in self.rates]
        if self.adaptive:
            found["d"] = write(self.d) if self._one_d else [write(x) for x in self.scales]
        return found

    def __eq__(self, other) -> bool:
        return isinstance(other, Parametrization) and _numbers(self) == _numbers(other)

    def __hash__(self) -> int:
        return hash(_numbers(self))

    def __repr__(self) -> str:
        def row(values):
            return "[" + ", ".join(map(show, values)) + "]"

        c = show(self.c) if self.uniform else row(self.rates)
        d = "" if not self.adaptive else f", d={show(self.d) if self._one_d else row(self.scales)}"
        return f"Parametrization(a={row(self.a)}, b={row(self.b)}, c={c}{d})"


def _numbers(p: Parametrization) -> tuple:
    return (*p.a, *p.b, *p.rates, *(p.scales or ()))
