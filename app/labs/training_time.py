"""The bar of time: play the training, step through it, drag to any moment of it."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from tpapp.labs.training_state import LAST
from tpapp.player import Player
from tpapp.widgets import dress, html, row

SLIDER = """
.bk-slider-title { display: none !important; }
:host { flex: 1 1 auto !important; padding: 0 14px 0 10px !important; }
"""
LINE = """
:host { width: 100% !important; gap: 8px !important; }
@container (max-width: 559px) { :host { flex-wrap: wrap; } .tp-moment { flex-basis: 100% !important; order: 1; } }
"""
WORDS = """
p { margin: 0; white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--tp-ink2);
  font-size: var(--tp-body); line-height: var(--tp-body-line); min-width: 128px; }
b { color: var(--tp-ink); font-weight: 600; }
"""


class Clock(Player, pn.viewable.Viewer):
    """Play, step and drag the `moment` of a state; `to` goes to a moment. `still()`: motion is unwanted."""

    period, eager = 350, True

    def __init__(self, state, together, still: Callable[[], bool] = lambda: False, **params):
        super().__init__(**params)
        self.state, self._still, self._moving = state, still, False
        self.arm(together, ("Moment back", "Play training", "Moment on"))
        self.slider = dress(pn.widgets.IntSlider(label="Moment of training", start=0, end=LAST, tooltips=False,
                                                 show_value=False, css_classes=["tp-moment"]))  # fmt: skip
        self.slider.stylesheets = [*self.slider.stylesheets, SLIDER]
        self.slider.param.watch(self._dragged, "value")
        self.words = html("", sizing_mode=None)
        self.words.stylesheets = [*self.words.stylesheets, WORDS]
        self.root = row(self.back, self.play, self.on, self.slider, self.words, parts=("transport",))
        self.root.sizing_mode = "stretch_width"
        self.root.stylesheets = [*self.root.stylesheets, LINE]

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

    @property
    def reduced_motion(self) -> bool:
        return self._still()

    def step(self, steps: int) -> None:
        self.state.moment = max(0, min(LAST, self.state.moment + steps))

    def at_end(self) -> bool:
        return self.state.moment >= LAST

    def rewind(self) -> None:
        self.state.moment = 0

    def _dragged(self, event) -> None:
        if not self._moving:
            self.to(event.new)

    def __panel__(self):
        return self.root
