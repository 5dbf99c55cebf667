"""The one decorator of the jitted layer.

Every kernel of the project is compiled with these options and no others:
cached on disk, without the GIL, NumPy's rules for division, never fastmath,
never `parallel=True` (two threads in one parallel kernel abort the process
under Numba's default threading layer; parallelism is by tiles, in
`tpcore.compute`).
"""

from __future__ import annotations

import numba

_OPTIONS = {"nogil": True, "error_model": "numpy"}

jit = numba.njit(cache=True, **_OPTIONS)

jit_user = numba.njit(**_OPTIONS)
"""The same without the cache, for functions that a user hands over: they need not live in a file."""
