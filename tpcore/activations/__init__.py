"""Activation functions: by name, with parameters, or the user's own.

``activations.get("tanh")``, ``activations.leaky_relu(0.1)``,
``activations.hermite(3)``, ``activations.custom(f, df, kinks)``. Every named
one is an attribute too (``activations.relu``), except that ``leaky_relu`` and
``hermite`` take their parameter.
"""

from tpcore.activations.activation import Activation
from tpcore.activations.named import NAMED, hermite, leaky_relu
from tpcore.activations.prime import prime
from tpcore.activations.resolve import custom, get

globals().update({name: entry for name, entry in NAMED.items() if name != "leaky_relu"})

_SINGLE = tuple(name for name in NAMED if name != "leaky_relu")

__all__ = ["NAMED", "Activation", "custom", "get", "hermite", "leaky_relu", "prime", *_SINGLE]
