"""The four phases."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """What becomes of a parametrization as the width grows; equal to its own name as a string.

    UNSTABLE : something blows up (or, at initialization, vanishes).
    TRIVIAL : nothing blows up, and the function never moves.
    KERNEL : the function moves and the features freeze; kernel gradient descent (for an adaptive optimizer a nonlinear
        operator in the kernel's place).
    FEATURE : function and features both move.
    """

    UNSTABLE = "unstable"
    TRIVIAL = "trivial"
    KERNEL = "kernel"
    FEATURE = "feature"


PHASES = tuple(Phase)
CODE = {phase: code for code, phase in enumerate(PHASES)}
