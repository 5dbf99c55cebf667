"""Where things stand: header and strip on top, then controls | figures and "Ask next" | reading column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import panel as pn
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT

from tpapp.comms import Root
from tpapp.widgets import button, column, html, row

silence(EMPTY_LAYOUT)  # the rows that `Layout.complete` fills

PROJECTOR_HEIGHT = 520
CONTROLS = 64  # px that a row of them above the projector's figure takes
ROW_HEIGHT = 280
FADE = ".bk-Figure { opacity: var(--tp-fade, 1); max-height: var(--tp-tallest, none); }"


class Layout:
    """The arrangement of a page; `root` is what is displayed.

    With the projector there is one figure, the first of the first row, higher
    than on a screen; the claim stands above it, and code, controls and
    questions wait behind their keys (assets/lab.css does the hiding).
    """

    def __init__(self, header, strip, controls: Sequence, figures: Sequence[Sequence], reading):
        self.figures = [list(line) for line in figures]
        self.reading = reading
        self.main = None  # the projector's figure, where it is not the first
        self._heights: dict = {}  # of the figures that are enlarged, what they were
        self._questions: list[str] = []
        self._asking = self._projecting = self._stale = self._whole = False
        self.controls = column(*controls, parts=("controls",), css_classes=["tp-controls"])
        for line in self.figures:
            _fading(line)
        empty = {"styles": {"min-height": f"{ROW_HEIGHT}px"}}
        self.lines = [row(parts=("figures",), **(empty if k and _tall(line) else {}))
                      for k, line in enumerate(self.figures)]
        if self.lines:
            self.lines[0].objects = self.figures[0]
        self.chips = row(parts=("ask",), css_classes=["tp-ask"])
        stale = html('<p class="tp-last-valid">from the last valid state</p>', "stale", css_classes=["tp-stale-note"])
        self.middle = column(reading.banner, stale, *self.lines, self.chips, parts=("middle",),
                             css_classes=["tp-figures"])
        self.aside = column(parts=("aside",), css_classes=["tp-reading"])
        self.body = column(self.controls, self.middle, self.aside, parts=("body",), css_classes=["tp-body"])
        self.root = column(header, strip, self.body, parts=("lab",), css_classes=["tp-lab"], kind=Root)
        self._classes()

    def complete(self) -> None:
        """Place the rest, once the first row of figures is on the screen, which so is there sooner."""
        self._whole = True
        self.aside.objects = [self.reading]
        for line, views in zip(self.lines[1:], self.figures[1:]):
            line.param.update(objects=views, styles={"min-height": "0"})
        self.root.css_classes = ["tp-lab", "tp-complete"]

    @property
    def first(self) -> list:
        """The Bokeh figures of the first row."""
        return [pane.object for view in self.figures[0] for pane in view.select(pn.pane.Bokeh)] if self.figures else []

    def put(self, k: int, views: Sequence) -> None:
        """Other figures in row k."""
        self.figures[k] = list(views)
        if not self._projecting:  # they may have been put away while it was
            for view in views:
                view.visible = True
        _fading(self.figures[k])
        if self._whole or k == 0:
            self.lines[k].objects = self.figures[k]

    def ask(self, asked: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """The chips under the figures: (question, what to do)."""
        questions = [question for question, _ in asked]
        if questions != self._questions:
            self._questions = questions
            chips = [button(question, kind="chip", on_click=lambda event, act=act: act()) for question, act in asked]
            label = html('<span class="tp-ask-label">Ask next</span>', "ask-label", sizing_mode=None)
            self.chips.objects = [label, *chips] if chips else []

    def toggle_ask(self) -> None:
        """Show or hide the questions while projecting."""
        self._asking = not self._asking
        self._classes()

    def stale(self, stale: bool) -> None:
        """Whether the figures are those of the last valid state."""
        if stale != self._stale:
            self._stale = stale
            self._classes()

    def project(self, projecting: bool) -> None:
        """One big figure, or all of them."""
        self._projecting, self._asking = projecting, False
        self.reading.project(projecting)
        main = self.main or (self.figures[0][0] if self.figures and self.figures[0] else None)
        above = main is not None and bool(main.select(pn.widgets.Button))
        for line, views, after in zip(self.lines, self.figures, [*self.figures[1:], []]):
            choice = main in after and not _tall(views)  # of the figure: it stays
            for view in views:
                view.visible = not projecting or view is main or choice
            line.visible = not projecting or main in views or choice
            line.css_classes = [] if line.visible else ["tp-away"]
            above = above or choice
        self.middle.styles = {"--tp-above": f"{CONTROLS if above else 0}px"}
        for fig, height in self._heights.items():
            fig.height = height
        self._heights.clear()
        if main is not None and projecting:
            self._enlarge(main)
        self._classes()

    def _enlarge(self, view) -> None:
        for pane in view.select(pn.pane.Bokeh):
            fig = pane.object
            self._heights[fig] = fig.height
            fig.height = max(fig.height, PROJECTOR_HEIGHT)

    def _classes(self) -> None:
        flags = {"tp-stale": self._stale, "tp-projecting": self._projecting, "tp-asking": self._asking}
        on = [name for name, flag in flags.items() if flag]
        for part, name in ((self.middle, "tp-figures"), (self.body, "tp-body")):
            if part.css_classes != [name, *on]:
                part.css_classes = [name, *on]


def _tall(views: Sequence) -> bool:
    """Whether a row holds figures, and no mere controls."""
    return any(view.select(pn.pane.Bokeh) for view in views)


def _fading(views: Sequence) -> None:
    """Figures fade while they are those of the last valid state."""
    for view in views:
        for box in view.select(pn.layout.ListPanel):
            if FADE not in box.stylesheets:
                box.stylesheets = [*box.stylesheets, FADE]
