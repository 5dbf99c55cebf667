"""What every network is: a function from inputs to a tensor program, with a description in JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.errors import Misuse
from tpcore.nets.builder import Built
from tpcore.nets.data import Data, read
from tpcore.program.build import Program


class Described:
    """Networks and layers: equal if their descriptions are."""

    def _fields(self) -> dict[str, Any]:
        """The constructor's arguments, with activations as objects."""
        return {}

    def _shown(self) -> dict[str, Any]:
        """The constructor's arguments that `repr` shows."""
        return self._fields()

    def _key(self) -> tuple:
        return (type(self).__name__, *((k, _identity(v)) for k, v in self._fields().items()))

    def __eq__(self, other) -> bool:
        return isinstance(other, Described) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        shown = {k: v.name if isinstance(v, Activation) else v for k, v in self._shown().items()}
        shown = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in shown.items()}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


class Network(Described, ABC):
    """A randomly initialized network of every width at once."""

    def program(self, X) -> Program:
        """The tensor program of this network on the inputs `X`; its output is ``"f"``."""
        return self.build(self.read(X)).program

    def parameters(self, X) -> tuple:
        """What trains: every `Parameter` of the program on `X`, by name, with its part in the tangent kernel."""
        return self.build(self.read(X)).parameters

    def read(self, X, what: str = "X") -> Data:
        """`X`, checked, with its layout."""
        return read(X, what)

    @abstractmethod
    def build(self, data: Data) -> Built:
        """The program on inputs that were read, with its parameters and the meaning of its output."""

    def spec(self) -> dict[str, Any]:
        """A description that JSON can hold and `tpcore.nets.from_spec` turns back.

        Raises
        ------
        Misuse
            If an activation is a user's own function, which has no name to be found by.
        """
        return {"net": type(self).__name__, **described(self._fields())}


def described(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as JSON holds them."""
    return {k: _plain(v) for k, v in fields.items()}


def _plain(value):
    if isinstance(value, Activation):
        return activation_name(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _has_name(phi: Activation) -> bool:
    try:
        named = get(phi.name)
    except Misuse:
        return False
    return named is phi or (phi.form != "" and (named.form, named.params) == (phi.form, phi.params))


def _identity(value):
    """Something hashable that tells values apart."""
    if isinstance(value, Activation):
        return value.name if _has_name(value) else id(value)
    if isinstance(value, np.ndarray):
        return (value.shape, value.tobytes())
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    if isinstance(value, Described):
        return value._key()
    if isinstance(value, tuple):
        return tuple(_identity(v) for v in value)
    return value


def activation_name(phi: Activation) -> str:
    """The name that `tpcore.activations.get` turns back into `phi`; `Misuse` for a user's own function."""
    if not _has_name(phi):
        raise Misuse(
            "A description of a network can only hold activations that have names",
            f"the user's own {phi.name!r}",
            "Keep the network object itself, or use a named activation",
        )
    return phi.name


def spread(what: str, value) -> float:
    """A standard deviation: a number of at least 0."""
    return checks.real(what, value, 0.0)


def maybe_spread(what: str, value) -> float | None:
    """A standard deviation, or None for no biases at all."""
    return None if value is None else spread(what, value)


def inputs(X, what: str = "X", features: int | None = None) -> np.ndarray:
    """`X` as a float64 array (N, d) with N, d >= 1 and, if given, d = `features`."""
    X = checks.array(what, X, ndim=2)
    if 0 in X.shape:
        raise Misuse(f"{what} must hold at least one input of at least one number", f"shape {X.shape}")
    if features is not None and X.shape[1] != features:
        raise Misuse("Both sets of inputs must have as many features", f"{features} and {X.shape[1]}")
    return X
