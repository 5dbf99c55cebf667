"""What the figures of one machine share: its colour, its name, the dash of limits."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, Style

NAMES = {"kernel": "Kernel limit", "feature": "Feature-learning limit"}


def colour(style: Style, name: str, width: float) -> str:
    """The colour of a machine's lines: of its regime, or of its width."""
    return style.token(name) if name in NAMES else style.width(width)


def label_colour(style: Style, name: str, width: float) -> str:
    return style.token(name) if name in NAMES else style.width_text(width)


def named(name: str, width: float, plain: bool = False) -> str:
    """What a machine is called above its figures."""
    if name in NAMES:
        return NAMES[name]
    return "Network" if not math.isfinite(width) else f"Network, {'n' if plain else '<i>n</i>'} = {fmt.width(width)}"


def raised(layer: int) -> str:
    """x¹, with a superscript that leaves the line's height alone."""
    return f"<i>x</i>{'¹²³⁴⁵⁶⁷⁸'[layer - 1]}"


def log_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """At most `most` round numbers on a logarithmic axis: 1, 2, 5 or 1, 3 or 1 times powers of ten."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for heads, stride in ((((1, 2, 5), 1), ((1, 3), 1), *(((1,), k) for k in range(1, 40)))):
        found = [head * 10.0**power for power, head in product(range(first, last + 1), heads) if power % stride == 0]
        found = [place for place in found if low <= place <= high]
        if len(found) <= most:
            return found
    return []


class MachinePlot(Plot):
    """A figure of the machine `of`: "kernel", "network" or "feature"; subclasses draw a `Machine`."""

    def __init__(self, of: str, stem: str, *, theme: str = "light", projector: bool = False):
        self.of, self.width, self._machine, self._moment = of, 64.0, None, 0
        super().__init__(named(of, math.inf), name=f"{stem}-{of}", theme=theme, projector=projector)

    @property
    def own(self):
        """The machine's colour, as `paint` takes it."""
        return lambda style: colour(style, self.of, self.width)

    @property
    def dash(self) -> Any:
        return DASH if self.of in NAMES else "solid"

    def _take(self, machine: Any, moment: int) -> None:
        """Note what is drawn."""
        self._machine, self._moment = machine, moment
        if machine is not None:
            self.width = machine.width if machine.name == "network" else self.width

    @property
    def frame(self) -> int:
        """The frame on show."""
        return self._machine.at(self._moment)
