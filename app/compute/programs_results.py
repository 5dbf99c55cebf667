"""Requests and results of the Programs lab: frozen, hashable requests in, frozen results out. Nothing here computes.

A program is named by its `source`: the name of an example of the gallery, or lines joined by ``;``. A view is a vector
or a column of a block as the page writes it, ``h`` or ``X[1]``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

NAN = math.nan


@dataclass(frozen=True)
class Line:
    """One line of the listing.

    Attributes
    ----------
    number : int
        From 1, inputs first.
    index : int
        Of its variable in the program; -1 for an output.
    kind : {"A", "G", "H", "C", ""}
        "" for an output.
    name, text, rule, law : str
        ``name = text``, the instruction's name, the law of an input.
    args : tuple of str
        Names of what it is made of.
    views : tuple of str
        Of its vectors; empty for matrices, scalars and outputs.
    function : str
        Of a Nonlin or a Moment, for words.
    gaussian : bool
        Z is Gaussian for a reason that can be read off the program.
    back : tuple of int
        Earlier lines that multiplied by the same matrix the other way.
    readout : bool
        An output reads with it, so that nothing else may use it.
    dim : float
        Length in units of the width; for a matrix its rows for a column.
    """

    number: int
    index: int
    kind: str
    name: str
    text: str
    rule: str
    law: str = ""
    args: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    function: str = ""
    gaussian: bool = False
    back: tuple[int, ...] = ()
    readout: bool = False
    dim: float = 1.0


@dataclass(frozen=True, eq=False)
class Listing:
    """A program as the page shows it.

    Attributes
    ----------
    brackets : tuple of (str, tuple of int)
        A matrix and the lines that multiply by it, for those used both ways.
    watch : int
        The line to open on.
    pair : tuple of str
        The views to open on.
    code : tuple of str
        Python that makes `prog`.
    editable : tuple of str
        The program in lines of the text language; empty where that has no word for an instruction.
    scalars : tuple of str
        Single C-vars worth a row of the table.
    """

    source: str
    title: str
    sentence: str
    naive: str
    fragment: str
    reason: str
    lines: tuple[Line, ...]
    brackets: tuple[tuple[str, tuple[int, ...]], ...]
    watch: int
    pair: tuple[str, ...]
    code: tuple[str, ...]
    editable: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """All vectors and columns of blocks."""
        return tuple(view for line in self.lines for view in line.views)

    def line_of(self, view: str) -> Line | None:
        """The line whose vector `view` is."""
        return next((line for line in self.lines if view in line.views), None)


@dataclass(frozen=True)
class Moments:
    """Mean and variance of Z at infinite width, with the estimated error of the second moment and the method."""

    mean: float
    variance: float
    error: float = 0.0
    method: str = ""


@dataclass(frozen=True, eq=False)
class Facts:
    """What the limit says of each variable, as far as it is known yet.

    Attributes
    ----------
    moments, scalars : dict
        Views to `Moments`, C-vars to values.
    memory : dict
        Lines whose matrix was used the other way before, to dotZ as (vector, coefficient) or None.
    """

    source: str
    moments: dict[str, Moments] = field(default_factory=dict)
    scalars: dict[str, np.ndarray] = field(default_factory=dict)
    memory: dict[int, tuple[tuple[str, float], ...] | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    done: bool = False


@dataclass(frozen=True, eq=False)
class Density:
    """The law of one Z: a density on a grid and point masses (place, mass); `span` is the range to show."""

    x: np.ndarray
    pdf: np.ndarray
    atoms: tuple[tuple[float, float], ...]
    span: tuple[float, float]
    method: str


@dataclass(frozen=True, eq=False)
class DensityPair:
    """The densities of a view under the theorem and under the naive rule (None where they agree)."""

    view: str
    limit: Density
    naive: Density | None


@dataclass(frozen=True, eq=False)
class Contours:
    """Level lines of a joint law: (mass inside, xs, ys), or the curve on which the law lies (mass 1)."""

    lines: tuple[tuple[float, np.ndarray, np.ndarray], ...]
    spans: tuple[tuple[float, float], tuple[float, float]]
    method: str


@dataclass(frozen=True, eq=False)
class ContourPair:
    """Contours of two views under the theorem and under the naive rule (None where they agree)."""

    x: str
    y: str
    limit: Contours
    naive: Contours | None


@dataclass(frozen=True, eq=False)
class Theory:
    """What is known at infinite width of the program and of two of its views; None where it is still to come."""

    source: str
    x: str
    y: str | None
    facts: Facts
    density: DensityPair | None = None
    contours: ContourPair | None = None
    truths: tuple[Truth, ...] | None = None
    done: bool = False


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The coordinates of one draw: `x` and `y` (length,) of two views, `lengths` differ where dimensions do."""

    width: int
    x: np.ndarray
    y: np.ndarray | None
    method: str
    seconds: float


@dataclass(frozen=True)
class Average:
    """One row of the table: a name, the statistic and the views it is of.

    `kind` is "mean", "variance", "correlation" or "scalar".
    """

    kind: str
    views: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """An average in the limit, its error and method, and what the naive rule says."""

    average: Average
    value: float
    error: float
    method: str
    naive: float | None = None

    @property
    def wrong(self) -> bool:
        """Whether the naive rule errs by more than the numbers' own errors."""
        if self.naive is None or not (math.isfinite(self.value) and math.isfinite(self.naive)):
            return False
        return abs(self.naive - self.value) > 1e-3 * max(abs(self.value), 0.05) + 5 * self.error


@dataclass(frozen=True)
class Measured:
    """An average over the coordinates of one network: mean and standard deviation over the draws."""

    average: Average
    mean: float
    spread: float = NAN


@dataclass(frozen=True, eq=False)
class Averages:
    """The finite averages, of `draws` of the `asked` networks."""

    width: int
    draws: int
    asked: int
    rows: tuple[Measured, ...]
    method: str

    @property
    def done(self) -> bool:
        return self.draws >= self.asked


@dataclass(frozen=True)
class Ladder:
    """The widths of the errors against width, and how many draws each."""

    widths: tuple[int, ...]
    draws: int
