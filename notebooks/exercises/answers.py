"""Reading what a reader gives as an answer: numbers, arrays, functions, programs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tpcore as tp


class Wrong(Exception):
    """Raised by a checker, with the words for the reader."""


class Unanswered(Exception):
    """Raised where a function gives nothing back yet."""


def number(answer) -> float:
    """The answer as a finite float."""
    try:
        value = float(answer)
    except (TypeError, ValueError):
        raise Wrong(f"One number is asked for; this is of type {type(answer).__name__}.") from None
    if not math.isfinite(value):
        raise Wrong("The number must be finite.")
    return value


def function(answer) -> Callable:
    if not callable(answer):
        raise Wrong(f"A function is asked for; this is of type {type(answer).__name__}.")
    return answer


def called(answer: Callable, *arguments):
    """The function's value; an exception in it becomes words."""
    try:
        value = answer(*arguments)
    except Exception as error:  # noqa: BLE001 - the reader's own function may fail in any way
        raise Wrong(f"The function stops with {type(error).__name__}: {error}") from None
    if value is None or value is ...:
        raise Unanswered
    return value


def array(value, shape: tuple[int, ...]) -> np.ndarray:
    """The value as a finite array of `shape`."""
    try:
        values = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise Wrong("An array of numbers is asked for.") from None
    if values.shape != shape:
        raise Wrong(f"The shape must be {shape}; it is {values.shape}.")
    if not np.isfinite(values).all():
        raise Wrong("Some entries are not finite.")
    return values


def program(answer) -> tp.Program:
    if not isinstance(answer, tp.Program):
        raise Wrong(f"A tp.Program is asked for; this is of type {type(answer).__name__}.")
    return answer


def near(value, truth, relative: float = 1e-6) -> bool:
    return bool(np.allclose(value, truth, rtol=relative, atol=relative * float(np.max(np.abs(truth)))))
