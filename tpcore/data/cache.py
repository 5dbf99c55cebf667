"""Arrays that took a while to make, kept on disk between sessions; everything works without it too."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

VARIABLE = "TPCORE_CACHE"


def folder() -> Path:
    """Where the files are: ``$TPCORE_CACHE``, or ``tpcore`` in the user's own folder for caches of this system."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tpcore"


def kept(name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `make` gives, from the file `name` where it is there and whole.

    Parameters
    ----------
    name : str
        Name of the file without its ending; it must say everything that the arrays depend on (a hash, say).
    make : callable
        ``make()`` gives the arrays by name.

    Returns
    -------
    dict of ndarray

    Notes
    -----
    A file appears under its name only when it is complete, so two processes may make it at the same time. A folder that
    cannot be read or written, and a damaged file, cost time and nothing else.
    """
    try:
        path = folder() / f"{name}.npz"
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        arrays = make()
    try:
        _store(path, arrays)
    except (OSError, UnboundLocalError):  # read-only, or no home to put it in
        pass
    return arrays


def _store(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
