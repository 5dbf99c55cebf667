"""An activation function, with what the rest of the project needs to know about it."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse

Growth = Literal["bounded", "linear", "polynomial", "exponential", "unknown"]


@dataclass(frozen=True, eq=False)
class Activation:
    """A function R -> R, applied coordinatewise.

    Calling it on a number or an array gives values; calling it on a variable
    of a program (anything with a method ``_apply_activation``) records a Nonlin.

    Attributes
    ----------
    name : str
        What `get` turns back into this activation, parameters included:
        ``"relu"``, ``"leaky_relu(0.1)"``. For a user's function, its own name.
    function : callable
        NumPy array in, array of the same shape out.
    derivative : callable or None
        The ordinary derivative; None where it was not given or, if `jumps`,
        does not exist.
    kinks : tuple of float
        Where `function` or a derivative of it is discontinuous; quadrature splits there.
    jumps : bool
        Whether the function itself (not a derivative) is discontinuous.
    params : tuple of float
        For `leaky_relu` the slope, for `hermite` the degree.
    form : str
        Name of the closed form of its Gaussian expectations; ``""`` for none.
    degree : float or None
        d with phi(a x) = a^d phi(x) for all a > 0; None for all others.
    growth : {"bounded", "linear", "polynomial", "exponential", "unknown"}
        At infinity. The theorems with transposes ask for at most "polynomial".
    latex : str
        For formulas, to be followed by an argument in parentheses.
    """

    name: str
    function: Callable
    derivative: Callable | None = None
    kinks: tuple[float, ...] = ()
    jumps: bool = False
    params: tuple[float, ...] = ()
    form: str = ""
    degree: float | None = None
    growth: Growth = "unknown"
    latex: str = ""
    doc: str = field(default="", repr=False)

    def __post_init__(self):
        object.__setattr__(self, "latex", self.latex or rf"\operatorname{{{self.name}}}".replace("_", r"\_"))

    def f(self, x) -> np.ndarray:
        """phi(x), elementwise; floating dtypes are kept, all others become float64."""
        return self.function(_floating(x))

    @property
    def df(self) -> Callable | None:
        """phi'(x) as a callable like `f`, or None (not given, or no derivative in the ordinary sense).

        At a kink it takes the value of the left side for relu, leaky_relu and elu, and 0 for abs.
        """
        if self.derivative is None:
            return None
        return lambda x: self.derivative(_floating(x))

    @property
    def label(self) -> str:
        """The name as it stands in a program's listing."""
        return self.name

    def __call__(self, x):
        if hasattr(x, "_apply_activation"):
            return x._apply_activation(self)
        return self.f(x)

    def __reduce__(self):
        """Those that have a name are pickled by it, and come back as the same object or an equal one; a user's
        function is pickled with its functions, which must then live in a module."""
        from tpcore.activations.resolve import get, is_named

        return (get, (self.name,)) if is_named(self) else (copyreg.__newobj__, (Activation,), self.__dict__)

    def __repr__(self) -> str:
        return f"<activation {self.name}>"


def _floating(x) -> np.ndarray:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x
    x = checks.raw_array("The argument of an activation", x)
    if x.dtype.kind not in "biuf":
        raise Misuse("The argument of an activation must be real numbers, or a vector of a program", f"dtype {x.dtype}")
    return x if x.dtype.kind == "f" else x.astype(np.float64)
