"""The 1,797 handwritten digits that scikit-learn carries: 8 x 8 pixels, no download."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse

SIZE, SIDE = 1797, 8
SCALES = ("pixels", "unit", "sphere", "standard")


@lru_cache(maxsize=1)
def _raw() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.data.astype(np.float64), data.target.astype(np.int64)


def digits(count: int = SIZE, scale: str = "sphere", classes=None) -> tuple[np.ndarray, np.ndarray]:
    """The first `count` digits as rows, and what they show.

    Parameters
    ----------
    count : int
        From 1 to the number there are of the classes wanted (1,797 of all ten).
    scale : {"sphere", "unit", "standard", "pixels"}
        "sphere": every row has norm sqrt(64), so that <x, x>/d = 1. "unit": pixels from 0 to 1. "standard": every
        pixel has mean 0 over all 1,797 digits, and all of them together variance 1. "pixels": 0 to 16, as stored.
    classes : iterable of int, optional
        Only these digits, in the order of the data.

    Returns
    -------
    X : ndarray, (count, 64)
    y : ndarray of int, (count,)

    Raises
    ------
    Misuse
        If there are not so many.

    Notes
    -----
    Source: Alpaydin and Kaynak, *Optical recognition of handwritten digits*, UCI repository (1998), its test set.
    """
    checks.choice("scale", scale, SCALES)
    X, y = _raw()
    if scale == "standard":
        X = X - X.mean(0)
        X = X / np.sqrt((X**2).mean())
    if classes is not None:
        wanted = [checks.integer("a class", c, 0, 9) for c in classes]
        if not wanted:
            raise Misuse("classes must name at least one digit", "none")
        keep = np.isin(y, wanted)
        X, y = X[keep], y[keep]
    count = checks.integer("count", count, 1, len(X))
    X, y = X[:count].copy(), y[:count].copy()
    if scale == "unit":
        X /= 16.0
    elif scale == "sphere":
        X *= SIDE / np.linalg.norm(X, axis=1, keepdims=True)
    return X, y


def images(X: np.ndarray) -> np.ndarray:
    """Rows of 64 numbers as pictures (N, 8, 8)."""
    X = checks.array("X", X, ndim=2)
    if X.shape[1] != SIDE * SIDE:
        raise Misuse("A digit must have 64 pixels", f"{X.shape[1]}")
    return X.reshape(-1, SIDE, SIDE)
