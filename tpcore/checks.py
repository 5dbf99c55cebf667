"""Checks that public functions make before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np

from tpcore.errors import BudgetError, Misuse


def choice(what: str, value, allowed: Iterable[str]) -> str:
    """`value` if it is one of `allowed`; else an error that names the nearest."""
    allowed = list(allowed)
    if isinstance(value, str) and value in allowed:
        return value
    near = get_close_matches(str(value), allowed, n=1)
    hint = f"Did you mean {near[0]!r}" if near else f"Choose one of {', '.join(map(repr, allowed))}"
    raise Misuse(f"{what} must be one of the {len(allowed)} names known here", repr(value), hint)


def integer(what: str, value, low: int, high: int | None = None) -> int:
    """`value` as an int within [low, high]."""
    ok = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not ok or value < low or (high is not None and value > high):
        upper = "" if high is None else f" and at most {high:,}"
        raise Misuse(f"{what} must be a whole number of at least {low}{upper}", repr(value))
    return int(value)


def real(what: str, value, low: float = -np.inf, high: float = np.inf, *, open_low: bool = False) -> float:
    """`value` as a finite float within [low, high] (or (low, high])."""
    try:
        number = float(value) if np.ndim(value) == 0 else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise Misuse(f"{what} must be a number", repr(value))
    if not np.isfinite(number) or number > high or number < low or (open_low and number == low):
        sign = "greater than" if open_low else "at least"
        bounds = [f"{sign} {low:g}"] * bool(np.isfinite(low)) + [f"at most {high:g}"] * bool(np.isfinite(high))
        raise Misuse(f"{what} must be a finite number" + (f", {' and '.join(bounds)}" if bounds else ""), repr(value))
    return number


def raw_array(what: str, value) -> np.ndarray:
    """`value` as an array of whatever dtype; a ragged list is none."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise Misuse(f"{what} must be an array", f"{type(value).__name__} ({error})") from None


def array(what: str, value, ndim: int | None = None) -> np.ndarray:
    """`value` as a float64 array that is real, finite and of dimension `ndim`."""
    raw = raw_array(what, value)
    if raw.dtype.kind not in "biuf":
        raise Misuse(f"{what} must be an array of real numbers", f"dtype {raw.dtype}")
    if ndim is not None and raw.ndim != ndim:
        raise Misuse(f"{what} must have {ndim} axes", f"shape {raw.shape}")
    if not np.isfinite(raw).all():
        bad = np.argwhere(~np.isfinite(raw))[0]
        raise Misuse(f"{what} must be finite", f"{raw[tuple(bad)]} at index {tuple(int(i) for i in bad)}")
    return raw.astype(np.float64)


def covariance(what: str, value, size: int | None = None, tol: float = 1e-9) -> np.ndarray:
    """`value` as a symmetric positive semidefinite matrix, singular ones included."""
    matrix = array(what, value, ndim=2)
    if matrix.shape[0] != matrix.shape[1] or (size is not None and len(matrix) != size):
        side = size if size is not None else matrix.shape[0]
        raise Misuse(f"{what} must be a square matrix of side {side}", f"shape {matrix.shape}")
    scale = max(float(np.abs(matrix).max(initial=0.0)), np.finfo(float).tiny)
    if np.abs(matrix - matrix.T).max(initial=0.0) > tol * scale:
        raise Misuse(f"{what} must be symmetric", hint="Use (S + S.T) / 2")
    matrix = (matrix + matrix.T) / 2
    lowest = float(np.linalg.eigvalsh(matrix).min(initial=0.0))
    if lowest < -tol * scale * max(len(matrix), 1):
        raise Misuse(f"{what} must be positive semidefinite", f"a smallest eigenvalue of {lowest:.3g}")
    return matrix


def memory(what: str, count: int, bytes_each: float, budget: float) -> None:
    """Refuse `count` items of `bytes_each` bytes above `budget` bytes, naming the count that fits."""
    if count * bytes_each > budget:
        fits = int(budget // bytes_each)
        raise BudgetError(
            f"{what} must fit into {budget / 2**30:.3g} GiB of memory",
            f"{count:,}, which needs {count * bytes_each / 2**30:.3g} GiB",
            f"At most {fits:,} fits",
            fits=fits,
        )
