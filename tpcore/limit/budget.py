"""What an exact interpretation may spend, and what it has to say."""

from __future__ import annotations

from dataclasses import dataclass, field

from tpcore.errors import Unsupported
from tpcore.limit.watch import Watch

MOST_RANK = 3
MOST_LEAVES = 32


class Beyond(Unsupported):
    """An expectation is beyond exact computation: too many Gaussians at once, or too much work."""


class TooLong(Beyond):
    """It would take more than the budget allows."""


@dataclass
class Budget:
    """Work is counted in nominal seconds (evaluations times a fixed price), so it is the same on every machine.

    Attributes
    ----------
    ceiling : float
        Where `spend` gives up.
    tol : float or None
        Relative accuracy asked for; where it is missed, it is said.
    rough : bool
        Two- and three-dimensional integrals by a few points only: to see what a program needs, not what it gives.
    polynomial : bool
        Whether the theorem asks for polynomially bounded nonlinearities, as it does where matrices are transposed.
    notes : list of str
    spent : float
    predicted : float
        What the integrals that were done roughly would have cost.
    worth : float
        Where `predict` gives up.
    done : float
        How much of the program is interpreted, from 0 to 1.
    watch : Watch
        Told of progress, and asked whether to stop wherever something is spent.
    """

    ceiling: float = float("inf")
    tol: float | None = None
    rough: bool = False
    polynomial: bool = False
    notes: list[str] = field(default_factory=list)
    spent: float = 0.0
    predicted: float = 0.0
    worth: float = float("inf")
    done: float = 0.0
    watch: Watch = field(default_factory=Watch)

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def spend(self, cost: float) -> None:
        self.watch.check()
        self.spent += cost
        if self.spent > self.ceiling:
            raise TooLong("An exact computation must end within its budget", "more work than that is worth")

    def predict(self, cost: float) -> None:
        self.predicted += cost
        if self.predicted > self.worth:
            raise Beyond("An exact computation must be worth its while", "more work than that is worth")
