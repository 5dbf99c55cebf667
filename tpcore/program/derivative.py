"""Derivatives of the functions in a program, as functions for its backward lines.

Named activations bring theirs (`tpcore.activations.prime`). A function of the
user's is called on dual numbers, exact but for rounding; where it leaves NumPy
it is differenced, nine points of spacing 5e-3, relative error about 1e-11 for functions
that change on a scale of 1 (`tpcore.activations.slope`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.activations.dual import plain
from tpcore.activations.slope import along, knows
from tpcore.program import ops
from tpcore.program.functions import bare
from tpcore.program.where import fail

_POINTS = 7


class Partial:
    """The derivative of an elementwise function in one argument, on the arguments of the function."""

    def __init__(self, call: Callable, which: int, exact: bool):
        self.call, self.which, self.exact = call, which, exact

    def __call__(self, *args):
        return along(self.call, args, self.which, 1.0, self.exact)


class Pullback:
    """sum over the result's entries of bar * dz / d(argument): ``call(*args, bar)``, in the argument's shape.

    For functions in which columns meet. `lead` is 1 where there are points (the
    argument may be a C-var and have none), else 0.
    """

    def __init__(self, call: Callable, which: int, exact: bool, shape: tuple[int, ...], out: tuple[int, ...],
                 place: int, lead: int, points: bool):
        self.call, self.which, self.exact, self.shape, self.out = call, which, exact, tuple(shape), tuple(out)
        self.place, self.lead, self.points = place, lead, points

    def __call__(self, *args):
        args, bar = [*args[: self.place], *args[self.place + 1 :]], args[self.place]
        axes = tuple(range(self.lead, self.lead + len(self.out)))
        found = []
        for column in range(int(np.prod(self.shape, dtype=int))):
            tangent = np.zeros(self.shape)
            tangent.flat[column] = 1.0
            slope = along(self.call, args, self.which, tangent[None] if self.points else tangent, self.exact)
            found.append(np.sum(bar * slope, axis=axes))
        stacked = np.stack(found, axis=-1)
        return stacked.reshape(*stacked.shape[: self.lead], *self.shape)


class Fact:
    """What trying a function out has shown of its derivative in one argument."""

    def __init__(self, function: ops.Function, shapes: list[tuple[int, ...]], vectors: int, which: int, where: str):
        self.call = bare(function.call)
        rng = np.random.default_rng(11)
        args = [rng.normal(0.3, 1.0, (_POINTS, *s)) for s in shapes[:vectors]]
        args += [rng.uniform(0.5, 1.5, s) for s in shapes[vectors:]]
        self.exact = knows(self.call, args, which)
        tangent = rng.uniform(0.5, 1.5, np.shape(args[which]))
        slope = np.asarray(plain(along(self.call, args, which, tangent, self.exact)), float)
        moved = list(args)
        moved[which] = args[which] + 3.0 * tangent
        self.absent = not np.any(slope)
        with np.errstate(all="ignore"):
            still = np.array_equal(self.call(*args), self.call(*moved), equal_nan=True)
        if self.absent and not still:
            fail(
                f"The derivative of {function.label}",
                "it must be a function: this one changes in jumps only, so its derivative is 0 but for delta functions",
                hint="Use a smooth function, tp.erf of large inputs say",
                where=where,
            )
        straight = along(self.call, args, which, 1.0, self.exact)
        if which < vectors:
            missing = np.ndim(slope) - np.ndim(tangent)
            tangent = tangent.reshape(_POINTS, *(1,) * max(missing, 0), *shapes[which])
        try:
            expected = np.broadcast_to(tangent, np.shape(slope)) * straight
        except ValueError:
            self.elementwise = False
        else:
            self.elementwise = not function.mixing and np.allclose(slope, expected, rtol=1e-6, atol=1e-9)


def fact(function: ops.Function, shapes, vectors: int, which: int, where: str) -> Fact:
    """`Fact` of a function of `vectors` vector arguments and then C-vars, of the shapes `shapes`."""
    return Fact(function, list(shapes), vectors, which, where)
