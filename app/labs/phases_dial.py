"""The dial of the Phases lab: r along the path from μP to NTP; violet at its end, where features move."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext

import panel as pn

from tpapp import theme
from tpapp.dial import Transport
from tpapp.labs.phases_state import on_path, to_path
from tpapp.widgets import dress, html, row

STEP, END, STOPS = 0.05, 0.5, 50
PATIENCE = 5  # times the period: Play goes on then, whatever the networks do
FIELD = """
:host { width: calc(8 * var(--tp-value)) !important; }
.bk-input-container::before { content: "r" !important; }
:host(.tp-off) .bk-input-container::before, :host(.tp-off) .bk-input-container::after { display: none !important; }
"""


class PathDial(Transport):
    """r of UP_r. What a page asks of a dial, with r for the width.

    Parameters as `Transport`; Play waits for `seen()`.
    """

    period = 900

    def __init__(self, state, complain: Callable[[str], None] = print, together=nullcontext,
                 seen: Callable[[], bool] = lambda: True, **params):  # fmt: skip
        super().__init__(state, complain, together, **params)
        self._seen, self._waited = seen, 0
        self._build()
        state.param.watch(lambda *events: self._show(), ["path", "a", "b", "c", "d"])
        self._show()

    def go(self, r: float) -> None:
        """To UP_r."""
        to_path(self.state, min(max(round(r, 6), 0.0), END))

    def step(self, steps: int) -> None:
        """Along the path, 0.05 a step; from elsewhere, back to where the path was left."""
        r = self.state.path
        if on_path(self.state):
            places = r / STEP
            r = STEP * (steps + (math.floor(places + 1e-6) if steps > 0 else math.ceil(places - 1e-6)))
        self.go(r)

    def _tick(self) -> None:
        """Walk on once the networks here have shown something, or after a while."""
        self._waited += 1
        if self._seen() or self._waited > PATIENCE:
            self._waited = 0
            super()._tick()

    def at_end(self) -> bool:
        return self.state.path >= END or not on_path(self.state)

    def rewind(self) -> None:
        self.go(0.0)

    # -- what it looks like ------------------------------------------------------------------------------------

    def _build(self) -> None:
        field = pn.widgets.TextInput(label="Path from μP to NTP", css_classes=["tp-value"])
        self.value = dress(field, "value", fill=False)
        self.value.stylesheets = [*self.value.stylesheets, FIELD]
        self.value.param.watch(self._typed, "value")
        slider = pn.widgets.IntSlider(label="r, from μP to NTP", start=0, end=STOPS, tooltips=False, show_value=False,
                                      css_classes=["tp-dial-slider"])
        self.slider = dress(slider, "dial")
        self.slider.param.watch(self._dragged, "value")
        feature, kernel = theme.token_css("feature"), theme.token_css("kernel")
        colours = f"linear-gradient(to right, {feature} 0 1.2%, {kernel} 1.2%)"
        self.track = row(self.slider, html(self._ticks(), "ticks"), parts=("track",),
                         styles={"--tp-track": colours, "--tp-last": "100%"})  # fmt: skip

    @staticmethod
    def _ticks() -> str:
        marks = {0.0: "<b>μP, r = 0</b><i>μP</i>", 0.1: "0.1", 0.2: "0.2", 0.3: "0.3", 0.4: "0.4",
                 0.5: "<b>r = ½, NTP</b><i>NTP</i>"}  # fmt: skip
        spans = "".join(f'<span style="left:{100 * r / END:.1f}%">{text}</span>' for r, text in marks.items())
        return f'<div class="tp-ticks" aria-hidden="true">{spans}</div>'

    def _show(self) -> None:
        r, on = self.state.path, on_path(self.state)
        text = f"{r:.2f}" if on else "off path"
        if self.value.value != text:
            self.value.value = text
        self.value.css_classes = ["tp-value"] if on else ["tp-value", "tp-off"]
        colour = theme.token_css("ink3" if not on else "feature" if r == 0 else "kernel")
        words = f"r = {r:.2f}" if on else "off the path"
        self._moving = True
        try:
            self.slider.param.update(value=round(r * STOPS / END),
                                     styles={"--tp-thumb": colour, "--tp-words": f"'{words}'",
                                             "--tp-name": "'Path from μP to NTP'"})  # fmt: skip
        finally:
            self._moving = False

    def _dragged(self, event) -> None:
        if not self._moving:
            with self.together():
                self.stop()
                self.go(event.new * END / STOPS)

    def _typed(self, event) -> None:
        text = event.new.strip().lower().replace("½", "0.5").removeprefix("r").lstrip(" =")
        if event.new in (f"{self.state.path:.2f}", "off path"):
            return
        known = {"mup": 0.0, "μp": 0.0, "ntp": END, "1/2": END}
        try:
            r = known[text] if text in known else float(text)
            if not 0.0 <= r <= END:
                raise ValueError
        except ValueError:
            self.complain(f"On the path from μP to NTP, r is a number from 0 to 1/2. Got “{event.new[:40]}”.")
            self._show()
            return
        with self.together():
            self.stop()
            self.go(r)
            self._show()
