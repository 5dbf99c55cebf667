"""The bar of time: play the training, step through it, drag to any moment of it."""

from __future__ import annotations

import panel as pn

from tpapp import theme as themes
from tpapp.labs.training_state import LAST
from tpapp.widgets import button, dress, html, row

PERIOD_MS = 350
SLIDER = """
.bk-slider-title { display: none !important; }
:host { flex: 1 1 auto !important; padding: 0 14px 0 10px !important; }
"""
WORDS = """
p { margin: 0; white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--tp-ink2);
  font-size: var(--tp-body); line-height: var(--tp-body-line); min-width: 128px; }
b { color: var(--tp-ink); font-weight: 600; }
"""


class Clock(pn.viewable.Viewer):
    """Play, step and drag the `moment` of a state; `to` goes to a moment."""

    def __init__(self, state, together, **params):
        super().__init__(**params)
        self.state, self.together = state, together
        self.reduced_motion, self._player, self._moving = False, None, False
        self.back = button("Moment back", "back", "icon", on_click=lambda event: self.press(-1))
        self.play = button("Play training", "play", on_click=lambda event: self.toggle())
        self.on = button("Moment on", "on", "icon", on_click=lambda event: self.press(1))
        self.slider = dress(pn.widgets.IntSlider(name="Moment of training", start=0, end=LAST, tooltips=False,
                                                 show_value=False))  # fmt: skip
        self.slider.stylesheets = [*self.slider.stylesheets, SLIDER]
        self.slider.param.watch(self._dragged, "value")
        self.words = html("", sizing_mode=None)
        self.words.stylesheets = [*self.words.stylesheets, WORDS]
        self.root = row(self.back, self.play, self.on, self.slider, self.words, parts=("transport",))
        self.root.sizing_mode = "stretch_width"
        self.root.stylesheets = [*self.root.stylesheets, ":host { width: 100% !important; gap: 8px !important; }"]

    def show(self, step: int, steps: int) -> None:
        """The moment of the state, which is this step."""
        self._moving = True
        try:
            self.slider.value = self.state.moment
        finally:
            self._moving = False
        self.slider.styles = {"--tp-words": f"'step {step}'"}
        text = f"<p>step <b>{step}</b> of {steps}</p>"
        if self.words.object != text:
            self.words.object = text

    def to(self, moment: int) -> None:
        """Go to a moment; what plays stops."""
        self.stop()
        with self.together():
            self.state.moment = max(0, min(LAST, moment))

    def press(self, steps: int) -> None:
        self.to(self.state.moment + steps)

    def toggle(self) -> None:
        """Play or pause; from the end, play starts over; with reduced motion, one moment a press."""
        if self._player is not None:
            return self.stop()
        with self.together():
            over = self.state.moment >= LAST
            self.state.moment = 0 if over else self.state.moment + 1
        if not self.reduced_motion:
            self._player = pn.state.add_periodic_callback(self._tick, period=PERIOD_MS)
            self._face()

    def stop(self) -> None:
        """Stop playing."""
        if self._player is not None:
            self._player.stop()
            self._player = None
            self._face()

    def _tick(self) -> None:
        with self.together():
            self.state.moment = min(LAST, self.state.moment + 1)
        if self.state.moment >= LAST:
            self.stop()

    def _face(self) -> None:
        name = "pause" if self._player is not None else "play"
        self.play.param.update(name=f"{name.capitalize()} training", icon=themes.icon(name))

    def _dragged(self, event) -> None:
        if not self._moving:
            self.to(event.new)

    def __panel__(self):
        return self.root
