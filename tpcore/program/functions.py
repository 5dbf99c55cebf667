"""User functions: tried on small arrays when the instruction is written.

A program may only act coordinatewise on vectors. A function is therefore
called on a few points of the block's shape; its result must be real, have the
points as its first axis, and each point's value may depend on that point alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from tpcore.errors import Misuse
from tpcore.program.where import fail

_POINTS = 5


def spread(node, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What the function of `node` returned, broadcast to `shape`: its points, then the node's own shape."""
    if values.shape == shape:
        return values
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise Misuse(
            f"{node.name} ({node.where}) must have shape {shape[1:] or '()'} at every coordinate",
            f"an array of shape {values.shape} from its function",
            "A function acts on each coordinate (the first axis) separately and keeps its declared shape",
        ) from None


class Adapted:
    """`call` with blocks padded to one number of axes and a float64 result."""

    def __init__(self, call: Callable, pads: tuple[tuple[int, int], ...]):
        self.call, self.pads = call, pads

    def raw(self, *args):
        """The result as `call` returns it; the arguments may be dual numbers."""
        args = list(args)
        for i, (own, missing) in enumerate(self.pads):
            if missing:
                a = args[i]
                cut = a.ndim - own
                args[i] = a.reshape(a.shape[:cut] + (1,) * missing + a.shape[cut:])
        return self.call(*args)

    def __call__(self, *args):
        return np.asarray(self.raw(*args), dtype=np.float64)


def bare(call: Callable) -> Callable:
    """`call` as the user wrote it, but for the padding: what can be called on dual numbers."""
    if isinstance(call, Adapted):
        return call.raw if call.pads else call.call
    return call


def label_of(fn: Callable, labels: dict) -> str:
    """The function's own name, or f1, f2, ... for nameless ones (one label a function and program)."""
    name = getattr(fn, "__name__", "")
    if name.isidentifier():
        return name
    return labels.setdefault(id(fn), (f"f{len(labels) + 1}", fn))[0]


def _sealed(values: np.ndarray) -> np.ndarray:
    """A copy that cannot be written to: other instructions need the arrays that a function is given."""
    copy = values.copy()
    if isinstance(copy, np.ndarray):
        copy.flags.writeable = False
    return copy


def _run(instruction: str, label: str, call: Callable, arrays: Sequence[np.ndarray]) -> np.ndarray:
    shapes = ", ".join(str(a.shape) for a in arrays)
    try:
        with np.errstate(all="ignore"):
            out = np.asarray(call(*map(_sealed, arrays)))
    except Exception as error:
        if "read-only" in str(error):
            fail(instruction, f"the function {label} must leave its arguments as they are",
                 f"{type(error).__name__} ({error})", "Write s = 2 * s in place of s *= 2, or copy first: s = s.copy()")
        fail(
            instruction,
            f"the function {label} must accept NumPy arrays, points along the first axis",
            f"{type(error).__name__} ({error}) on arrays of shapes {shapes}",
            "Write it with NumPy operations: np.where for an if, np.maximum for max",
        )
    if out.dtype.kind not in "bif":
        fail(instruction, f"the function {label} must return real numbers", f"dtype {out.dtype}")
    return out


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= 1e-9 * np.maximum(np.abs(a), np.abs(b))
    return close | (a == b) | (np.isnan(a) & np.isnan(b))


def _inputs(shapes, params):
    rng = np.random.default_rng(20)
    vectors = [rng.normal(0.2, 1.0, (_POINTS, *s)) for s in shapes]
    scalars = [rng.uniform(0.5, 1.5, s) for s in params]
    return rng, vectors, scalars


def _check_points(instruction, label, call, rng, vectors, scalars, out) -> None:
    """The values at all but the first point must stay when the first point moves."""
    moved = [v.copy() for v in vectors]
    for v in moved:
        v[0] += rng.normal(1.5, 1.0, v.shape[1:])
    again = _run(instruction, label, call, [*moved, *scalars])
    if again.shape != out.shape or not _same(np.asarray(again[1:], float), np.asarray(out[1:], float)).all():
        fail(
            instruction,
            f"the function {label} must act coordinatewise, the same for every coordinate",
            "a value at one coordinate that changed when another coordinate did (or a random function)",
            "Take averages over the coordinates with tp.moment and pass them in params=[...]",
        )


def _mixes(instruction, label, call, rng, shapes, vectors, scalars, out, shape) -> bool:
    """Does a column of the result depend on other columns than its own?"""
    if out.shape[1:] != shape:
        return True
    for i, own in enumerate(shapes):
        size = int(np.prod(own, dtype=int))
        for column in sorted({0, size // 2, size - 1}) if size > 1 else ():
            moved = [v.copy() for v in vectors]
            moved[i].reshape(_POINTS, size)[:, column] += rng.normal(1.0, 1.0, _POINTS)
            touched = np.zeros(size, bool)
            touched[column] = True
            touched = np.broadcast_to(touched.reshape(own), shape)
            again = _run(instruction, label, call, [*moved, *scalars])
            if not (_same(np.asarray(again, float), np.asarray(out, float)) | touched).all():
                return True
    return False


def aligned(call: Callable, shapes, shape) -> Callable:
    """`call`, known to be elementwise, on blocks of `shapes` that broadcast to `shape`."""
    pads = tuple((len(s), len(shape) - len(s)) for s in shapes)
    return Adapted(call, pads) if any(missing for _, missing in pads) else call


def adapt(instruction: str, label: str, call: Callable, shapes, params) -> tuple[Callable, tuple[int, ...], bool]:
    """Try `call` on blocks of `shapes` and C-vars of shapes `params`.

    Returns
    -------
    call : callable
        Takes the blocks' arrays as they are; returns float64.
    shape : tuple of int
        Shape of the result's block.
    mixing : bool
        Whether columns of a block meet within a coordinate.
    """
    try:
        shape = np.broadcast_shapes(*shapes, *params)
        direct = True
    except ValueError:
        shape, direct = (), False
    rank = max((len(s) for s in itertools.chain(shapes, params)), default=0)
    pads = tuple((len(s), rank - len(s)) for s in shapes)
    adapted = Adapted(call, pads)
    rng, vectors, scalars = _inputs(shapes, params)
    raw = _run(instruction, label, call if not any(p for _, p in pads) else adapted, [*vectors, *scalars])
    if raw.ndim == 0 or raw.shape[0] != _POINTS:
        fail(
            instruction,
            f"the function {label} must return one value for each point",
            f"shape {raw.shape} for {_POINTS} points and blocks of shapes {list(shapes)}",
            "Constants need the points' shape: np.full_like(x, c)",
        )
    plain = raw.dtype == np.float64 and not any(p for _, p in pads)
    final = call if plain else adapted
    _check_points(instruction, label, final, rng, vectors, scalars, raw)
    mixing = not direct or _mixes(instruction, label, final, rng, shapes, vectors, scalars, raw, shape)
    return final, raw.shape[1:], mixing


def adapt_scalar(instruction: str, label: str, call: Callable, params) -> tuple[Callable, tuple[int, ...]]:
    """Try `call` on C-vars of shapes `params`; the callable (float64) and the shape of its result."""
    _, _, scalars = _inputs((), params)
    raw = _run(instruction, label, call, scalars)
    return Adapted(call, ()), raw.shape
