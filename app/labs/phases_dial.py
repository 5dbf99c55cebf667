"""The dial of the Phases lab: r along the path from μP to NTP; violet at its end, where features move."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext

import panel as pn

from tpapp import theme
from tpapp.labs.phases_state import on_path, to_path
from tpapp.widgets import button, dress, html, row

PERIOD_MS = 900
STEP, END, STOPS = 0.05, 0.5, 50
FIELD = """
:host { width: calc(8 * var(--tp-value)) !important; }
.bk-input-container::before { content: "r" !important; }
:host(.tp-off) .bk-input-container::before, :host(.tp-off) .bk-input-container::after { display: none !important; }
"""


class PathDial(pn.viewable.Viewer):
    """r of UP_r: value to type, step back, Play, step on, a track. What a page asks of a dial, with r for the width.

    Parameters
    ----------
    state : PhasesState
    complain : callable
        Called with words when what was typed is no r.
    together : callable
        Makes a context in which changes reach the browser as one message.
    """

    def __init__(self, state, complain: Callable[[str], None] = print, together=nullcontext, **params):
        super().__init__(**params)
        self.state, self.complain, self.together = state, complain, together
        self.reduced_motion = False
        self._player, self._moving = None, False
        self._build()
        state.param.watch(lambda *events: self._show(), ["path", "a", "b", "c"])
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

    def press(self, steps: int) -> None:
        """What the step buttons do: stop playing, then step."""
        with self.together():
            self.stop()
            self.step(steps)

    def toggle(self) -> None:
        """Walk from μP to NTP, or pause; with reduced motion, one step a press. From the end it starts over."""
        if self.playing:
            return self.stop()
        if self.state.path >= END or not on_path(self.state):
            self.go(0.0)
        elif self.reduced_motion:
            self.step(1)
        if not self.reduced_motion:
            self._player = pn.state.add_periodic_callback(self._tick, period=PERIOD_MS)
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
        if self.state.path < END and on_path(self.state):
            with self.together():
                self.step(1)
        if self.state.path >= END or not on_path(self.state):
            self.stop()

    # -- what it looks like ------------------------------------------------------------------------------------

    def _build(self) -> None:
        field = pn.widgets.TextInput(name="Path from μP to NTP", css_classes=["tp-value"])
        self.value = dress(field, "value", fill=False)
        self.value.stylesheets = [*self.value.stylesheets, FIELD]
        self.value.param.watch(self._typed, "value")
        self.back = button("Step back", "back", "icon", on_click=lambda event: self.press(-1))
        self.play = button("Play", "play", "solid", css_classes=["tp-play"], on_click=lambda event: self.toggle())
        self.on = button("Step on", "on", "icon", on_click=lambda event: self.press(1))
        slider = pn.widgets.IntSlider(name="r, from μP to NTP", start=0, end=STOPS, tooltips=False, show_value=False,
                                      css_classes=["tp-dial-slider"])
        self.slider = dress(slider, "dial")
        self.slider.param.watch(self._dragged, "value")
        feature, kernel = theme.token_css("feature"), theme.token_css("kernel")
        colours = f"linear-gradient(to right, {feature} 0 1.2%, {kernel} 1.2%)"
        self.track = row(self.slider, html(self._ticks(), "ticks"), parts=("track",),
                         styles={"--tp-track": colours, "--tp-last": "100%"})  # fmt: skip
        self.transport = row(self.back, self.play, self.on, parts=("transport",), sizing_mode=None)

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
                                     styles={"--tp-thumb": colour, "--tp-words": f"'{words}'"})  # fmt: skip
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

    def _face(self) -> None:
        name = "pause" if self.playing else "play"
        self.play.param.update(name=name.capitalize(), icon=theme.icon(name))

    def __panel__(self):
        return row(self.value, self.transport, self.track, parts=("dialrow",), css_classes=["tp-dial"])
