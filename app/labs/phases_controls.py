"""The left column of the Phases lab: the point by name and by its exponents, the network, the picture, the training."""

from __future__ import annotations

import panel as pn

from tpapp.compute import phases as compute
from tpapp.labs import phases_words as words
from tpapp.labs.phases_state import on_path
from tpapp.page import note, section
from tpapp.plots.phase_text import plain
from tpapp.widgets import button, column, dress, row, seed_field


THIRDS = """
:host { display: grid !important; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px; align-items: end; }
:host > * { width: 100% !important; min-width: 0; }
"""
LETTERS = {"U": " of U", "W": " of W", "V": " of V"}


class Controls:
    """Part of `PhasesLab`: widgets that are not those of single parameters, and how they follow the state."""

    def controls(self):
        self.x, self.y = (self._axis(name) for name in "xy")
        self.tie = self.control("tie")
        self._slice_parts = [row(self.x, self.y, parts=("halves",)), self.tie]
        self.slice_box = column(parts=("group",))
        self.measure = button("Measure this region", on_click=lambda event: self._measure())
        self.fields = {name: self._field(name) for name in "abcd"}
        self.numbers_ = {name: self._number(name) for name in compute.SIX.values()}
        self._rows = [row(*(self.numbers_[f"{letter}_{layer}"] for layer in "UWV")) for letter in "bc"]
        for three in self._rows:
            three.stylesheets = [*three.stylesheets, THIRDS]
        self.point_box = column(parts=("group",))
        self._list_note = note("For each layer, commas between; one c serves all.")
        self._six_note = note("f = V φ(W φ(U ξ)): starts with variances n⁻²ᵇ, rates n⁻ᶜ, no multipliers.")
        self.go = dress(pn.widgets.Select(label="Named point", options=[""]))
        self.go.param.watch(self._named, "value")
        return [
            section("Point", self.go, self.point_box),
            section("Network", self.control("depth", segmented=True), self.control("optimizer", segmented=True),
                    aside="hidden layers; optimizer"),
            section("Picture", self.control("view", segmented=True), self.slice_box, self.measure, note(words.PROBE)),
            section("Training", self.control("task"), self.control("phi"), self.control("lr"), self.control("steps"),
                    row(self._seed(), button("Draw again", on_click=lambda event: self._next_seed()),
                        parts=("figure-row",)), aside="five widths"),
        ]

    def _seed(self):
        return seed_field(self.state.param.seed)

    def _next_seed(self) -> None:
        """Other networks."""
        self.state.seed = (self.state.seed + 1) % 1_000_000

    def _axis(self, name: str):
        widget = dress(pn.widgets.Select(label=self.state.param[name].label, options=["a1"]))
        widget.param.watch(lambda event: self._showing or self.state.param.update(**{name: event.new}), "value")
        return widget

    def _field(self, name: str):
        widget = dress(pn.widgets.TextInput(label=self.state.param[name].label, max_length=80))
        widget.param.watch(lambda event: self._typed(name, event.new), "value")
        return widget

    def _number(self, name: str):
        widget = dress(pn.widgets.TextInput(label=f"{name[0]}{LETTERS[name[-1]]}", max_length=12))
        widget.param.watch(lambda event: self._numbered(), "value")
        return widget

    def _numbered(self) -> None:
        """One of the six numbers was typed: the network is written without multipliers."""
        given = {name: widget.value for name, widget in self.numbers_.items()}
        if not self._showing and given != self._shown_six:
            self.dial.stop()
            self._shown_six = {}  # as in `_typed`
            self.state.param.update(**compute.from_six(given))

    _showing, _shown_six = False, {}

    def _typed(self, name: str, text: str) -> None:
        if not self._showing and text.strip() != self._shown_texts.get(name):
            self.dial.stop()
            self._shown_texts.pop(name, None)  # shown anew when it is taken; after a refusal the old text may be typed
            self.state.param.update(**{name: text.strip()})

    def _named(self, event) -> None:
        if not self._showing and event.new in self._points:
            self.dial.stop()
            self.put(self._points[event.new])

    def _show_controls(self, s) -> None:
        self._showing = True
        try:
            self._shown_texts = compute.point_texts(self.point(s))
            for name, text in self._shown_texts.items():
                if self.fields[name].value != text:
                    self.fields[name].value = text
            self._show_point(s)
            self._points = compute.named_texts(s.depth, s.optimizer)
            verdict = compute.verdict(self.point(s))
            elsewhere = "on the path" if on_path(s) else "elsewhere"
            self.go.param.update(options=[elsewhere, *self._points], value=verdict.name or elsewhere)
            self.slice_box.objects = self._slice_parts if s.view == "slice" else []
            if s.view == "slice":
                known = compute.coordinates(s.depth, len(s.c.split(",")) < 2 and s.optimizer == "sgd")
                for widget, name in zip((self.x, self.y), compute.axes(self._pictures(s)[0])):
                    options = {plain_name(k): k for k in known}
                    widget.param.update(options=options, value=name if name in known else known[0])
        finally:
            self._showing = False


    def _show_point(self, s) -> None:
        """The lists of exponents, or the six numbers."""
        if s.view == "six":
            self._shown_six = compute.six_texts(self.point(s))
            for name, text in self._shown_six.items():
                if self.numbers_[name].value != text:
                    self.numbers_[name].value = text
            wanted = [*self._rows, self._six_note]
        else:
            fields = [self.fields[name] for name in ("abc" if s.optimizer == "sgd" else "abcd")]
            wanted = [*fields, self._list_note]
        if self.point_box.objects != wanted:
            self.point_box.objects = wanted


def plain_name(name: str) -> str:
    """ "a2+b2" as a menu shows it."""
    return plain("".join(f"_{c}" if c.isdigit() else f" {c} " if c == "+" else c for c in name))
