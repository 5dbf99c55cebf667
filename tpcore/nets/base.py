"""What every network is: a function from inputs to a tensor program, with a description in JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.errors import Misuse
from tpcore.program.build import Program


class Network(ABC):
    """A randomly initialized network of every width at once.

    Two networks are equal if their descriptions are.
    """

    @abstractmethod
    def program(self, X) -> Program:
        """The tensor program of this network on the inputs `X`; its output is ``"f"``."""

    @abstractmethod
    def _fields(self) -> dict[str, Any]:
        """The constructor's arguments, with activations as objects."""

    @abstractmethod
    def _shown(self) -> dict[str, Any]:
        """The constructor's arguments that `repr` shows."""

    def spec(self) -> dict[str, Any]:
        """A description that JSON can hold and `tpcore.nets.from_spec` turns back.

        Raises
        ------
        Misuse
            If an activation is a user's own function, which has no name to be found by.
        """
        fields = {k: activation_name(v) if isinstance(v, Activation) else v for k, v in self._fields().items()}
        return {"net": type(self).__name__, **fields}

    def _key(self) -> tuple:
        named = ((k, _identity(v) if isinstance(v, Activation) else v) for k, v in self._fields().items())
        return (type(self).__name__, *named)

    def __eq__(self, other) -> bool:
        return isinstance(other, Network) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        shown = {k: v.name if isinstance(v, Activation) else v for k, v in self._shown().items()}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


def _has_name(phi: Activation) -> bool:
    try:
        named = get(phi.name)
    except Misuse:
        return False
    return named is phi or (phi.form != "" and (named.form, named.params) == (phi.form, phi.params))


def _identity(phi: Activation) -> str | int:
    return phi.name if _has_name(phi) else id(phi)


def activation_name(phi: Activation) -> str:
    """The name that `tpcore.activations.get` turns back into `phi`; `Misuse` for a user's own function."""
    if not _has_name(phi):
        raise Misuse(
            "A description of a network can only hold activations that have names",
            f"the user's own {phi.name!r}",
            "Keep the network object itself, or use a named activation",
        )
    return phi.name


def inputs(X, what: str = "X", features: int | None = None) -> np.ndarray:
    """`X` as a float64 array (N, d) with N, d >= 1 and, if given, d = `features`."""
    X = checks.array(what, X, ndim=2)
    if 0 in X.shape:
        raise Misuse(f"{what} must hold at least one input of at least one number", f"shape {X.shape}")
    if features is not None and X.shape[1] != features:
        raise Misuse("Both sets of inputs must have as many features", f"{features} and {X.shape[1]}")
    return X
