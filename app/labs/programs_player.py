"""Stepping and playing through the lines of a program."""

from __future__ import annotations

from collections.abc import Callable

from tpapp.compute.programs_listing import listing
from tpapp.labs.programs_state import line_of
from tpapp.player import Player


class LinePlayer(Player):
    """The buttons under the listing: a line back, play, a line on. `still()`: motion is unwanted."""

    eager = True

    def __init__(self, state, together, still: Callable[[], bool]):
        self.state, self._still = state, still
        self.arm(together, ("Line back", "Play lines", "Line on"), css_classes=["tp-lines"])

    @property
    def reduced_motion(self) -> bool:
        return self._still()

    def _where(self) -> tuple[int, int]:
        """The line on show, and how many there are."""
        made = listing(self.state.program)
        return line_of(self.state, made).number, len(made.lines)

    def _to(self, line: int) -> None:
        self.state.param.update(step=max(1, min(self._where()[1], line)), x="", y="")

    def step(self, steps: int) -> None:
        self._to(self._where()[0] + steps)

    def at_end(self) -> bool:
        number, count = self._where()
        return number >= count

    def rewind(self) -> None:
        self._to(1)
