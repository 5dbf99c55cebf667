"""Tensor Programs: a computation, its finite-width draws and its infinite-width limit.

``import tpcore as tp``; every public name hangs on ``tp``.
"""

from __future__ import annotations

import importlib

_FRONT = {
    "tpcore.activations": ["activations"],
    "tpcore.limit": [],
    "tpcore.finite": [],
    "tpcore.nets": ["nets"],
    "tpcore.spectra": ["spectra"],
    "tpcore.agreement": ["agreement"],
    "tpcore.limit.expect": ["expect"],
    "tpcore.program.build": ["Program"],
    "tpcore.program.variables": ["Var", "nonlin", "moment", "inner", "scalar", "stack"],
    "tpcore.limit.interpret": ["limit"],
    "tpcore.finite.run": ["run"],
    "tpcore.finite.ensemble": ["ensemble"],
    "tpcore.kernels.nngp": ["nngp"],
    "tpcore.kernels.ntk": ["ntk"],
    "tpcore.kernels.empirical": ["empirical_nngp", "empirical_ntk", "sample_outputs"],
}
for _module, _names in _FRONT.items():
    try:
        _loaded = importlib.import_module(_module)
    except ModuleNotFoundError as _error:
        if not str(_error.name).startswith("tpcore"):
            raise
        continue
    for _name in _names:
        globals()[_name] = getattr(_loaded, _name, _loaded)
try:
    from tpcore.activations import NAMED as _NAMED

    globals().update({k: v for k, v in _NAMED.items() if k not in globals()})
except ImportError:
    pass
