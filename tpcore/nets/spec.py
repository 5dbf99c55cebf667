"""From a description in JSON back to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.nets.base import Network
from tpcore.nets.mlp import MLP

NETWORKS: dict[str, type[Network]] = {"MLP": MLP}


def from_spec(spec: Mapping[str, Any]) -> Network:
    """The network that ``net.spec()`` described.

    Parameters
    ----------
    spec : mapping
        ``{"net": "MLP", "depth": 3, "phi": "relu", "sigma_w": 1.4, "sigma_b": 0.1}``; arguments left out take their
        defaults.

    Raises
    ------
    Misuse
        If it describes no network: the message names what is wrong.
    """
    if not isinstance(spec, Mapping) or "net" not in spec:
        raise Misuse("A network's description must be a mapping with the key 'net'", repr(spec)[:80])
    kind = NETWORKS[checks.choice("net", spec["net"], NETWORKS)]
    given = {k: v for k, v in spec.items() if k != "net"}
    parameters = inspect.signature(kind).parameters
    for key in given:
        checks.choice(f"an argument of {kind.__name__}", key, parameters)
    missing = [k for k, p in parameters.items() if p.default is p.empty and k not in given]
    if missing:
        raise Misuse(f"{kind.__name__} must be given {', '.join(missing)}", repr(dict(spec))[:80])
    if not isinstance(given.get("phi", ""), str):
        raise Misuse("A described activation must be a name", repr(given["phi"]))
    return kind(**given)
