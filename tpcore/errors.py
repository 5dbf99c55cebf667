"""One family of errors: what must hold, what came, what to try.

Every error that a user can cause is a `Misuse`. Its message has up to three
sentences; the page shows the same words that a notebook shows.
"""

from __future__ import annotations


class Misuse(ValueError):
    """Something was asked for that cannot be done as asked.

    Parameters
    ----------
    must : str
        What must hold, as a sentence.
    came : str, optional
        What came instead.
    hint : str, optional
        What to try.
    """

    def __init__(self, must: str, came: str = "", hint: str = ""):
        self.must, self.came, self.hint = must, came, hint
        parts = [must, f"Got {came}" if came else "", hint]
        super().__init__(" ".join(p.rstrip(".") + "." for p in parts if p))


class ProgramError(Misuse, TypeError):
    """An instruction of a program has arguments of the wrong type or dimension."""


class Unsupported(Misuse):
    """The request has a meaning, but no method here computes it."""


class BudgetError(Misuse):
    """The request needs more memory or time than it may take.

    Attributes
    ----------
    fits : int or None
        The largest value of the quantity named in the message that would fit.
    """

    def __init__(self, must: str, came: str = "", hint: str = "", fits: int | None = None):
        super().__init__(must, came, hint)
        self.fits = fits


class Cancelled(Exception):
    """Raised inside a computation whose caller no longer wants the result."""
