"""Stepping and playing through the lines of a program."""

from __future__ import annotations

import panel as pn

from tpapp import theme as themes
from tpapp.compute.programs_listing import listing
from tpapp.labs.programs_layout import Layout
from tpapp.labs.programs_state import line_of

PERIOD_MS = 667


class Player(Layout):
    """The buttons under the listing: a line back, play, a line on."""

    def _step_to(self, line: int) -> None:
        made = listing(self.state.program)
        self.state.param.update(step=max(1, min(len(made.lines), line)), x="", y="")

    def _press(self, steps: int) -> None:
        self.stop()
        with self.together():
            self._step_to(line_of(self.state, listing(self.state.program)).number + steps)

    def toggle(self) -> None:
        """Play the lines from the present one on, or pause; with reduced motion one line a press."""
        if self._player is not None:
            return self.stop()
        made = listing(self.state.program)
        number = line_of(self.state, made).number
        start = 1 if number >= len(made.lines) else number + 1
        with self.together():
            self._step_to(start)
        if not (self.dial is not None and self.dial.reduced_motion):
            self._player = pn.state.add_periodic_callback(self._tick, period=PERIOD_MS)
            self._face()

    def stop(self) -> None:
        """Stop playing the lines."""
        if self._player is not None:
            self._player.stop()
            self._player = None
            self._face()

    def _tick(self) -> None:
        made = listing(self.state.program)
        number = line_of(self.state, made).number
        if number < len(made.lines):
            with self.together():
                self._step_to(number + 1)
        if number + 1 >= len(made.lines):
            self.stop()

    def _face(self) -> None:
        name = "pause" if self._player is not None else "play"
        self.play.param.update(name=f"{name.capitalize()} lines", icon=themes.icon(name))

    def leave(self):
        self.stop()
        super().leave()
