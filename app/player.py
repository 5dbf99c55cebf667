"""What can be played: a step back, Play, a step on."""

from __future__ import annotations

from contextlib import nullcontext

import panel as pn

from tpapp import theme
from tpapp.widgets import button


class Player:
    """Steps by hand, or one a period until the end; whoever plays says `step`, `at_end` and `rewind`.

    Attributes
    ----------
    period : int
        Milliseconds between two steps of Play.
    eager : bool
        Whether Play takes its first step at once.
    back, play, on : Button
        Made by `arm`.
    """

    period = 667
    eager = False
    reduced_motion = False
    _player = None

    def arm(self, together=nullcontext, names: tuple[str, str, str] = ("Step back", "Play", "Step on"),
            kind: str = "plain", **style) -> None:
        """Make the buttons; those of Play are named "Pause .." while it plays.

        `together` makes a context in which changes reach the browser as one message, `kind` and `style` are Play's.
        """
        self.together, self._called = together, names[1]
        self.back = button(names[0], "back", "icon", on_click=lambda event: self.press(-1))
        self.play = button(names[1], "play", kind, on_click=lambda event: self.toggle(), **style)
        self.on = button(names[2], "on", "icon", on_click=lambda event: self.press(1))

    def step(self, steps: int) -> None:
        """Go so many steps on, or back."""

    def at_end(self) -> bool:
        """Whether Play has nowhere to go."""
        return True

    def rewind(self) -> None:
        """Go to where Play begins."""

    def press(self, steps: int) -> None:
        """What the step buttons do: stop playing, then step."""
        with self.together():
            self.stop()
            self.step(steps)

    def toggle(self) -> None:
        """Play or pause; with reduced motion, one step a press. From the end, Play starts over."""
        if self.playing:
            return self.stop()
        with self.together():
            if self.at_end():
                self.rewind()
            elif self.eager or self.reduced_motion:
                self.step(1)
        if not self.reduced_motion:
            self._player = pn.state.add_periodic_callback(self._tick, period=self.period)
            self._face()

    def stop(self) -> None:
        """Stop playing."""
        if self._player is not None:
            self._player.stop()
            self._player = None
            self._face()

    @property
    def playing(self) -> bool:
        return self._player is not None

    def _tick(self) -> None:
        if not self.at_end():
            with self.together():
                self.step(1)
        if self.at_end():
            self.stop()

    def _face(self) -> None:
        name = self._called.replace("Play", "Pause") if self.playing else self._called
        self.play.param.update(label=name, icon=theme.icon("pause" if self.playing else "play"))
