"""Choices as cards: a glyph, a name, a word. One stock radio group in a stylesheet, so it also shows in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from urllib.parse import quote

import panel as pn

from tpapp import theme
from tpapp.widgets import dress, section


class Cards(pn.viewable.Viewer):
    """A row of cards of which one is chosen.

    Parameters
    ----------
    title : str
        What is chosen, above the cards.
    glyphs : mapping
        Value -> SVG elements in a view box of 44 by 26, stroked; in the order shown.
    pick : callable
        Called with the value that the visitor chose.
    """

    def __init__(self, title: str, glyphs: Mapping[Hashable, str], pick: Callable[[Hashable], None], **params):
        super().__init__(**params)
        self.values, self.pick, self._showing = list(glyphs), pick, False
        self.group = dress(pn.widgets.RadioButtonGroup(
            label=title, options={str(value): value for value in self.values}, value=self.values[0],
            stylesheets=[theme.asset("cards.css") + _masks(glyphs.values())], css_classes=["tp-cards"]))
        self.group.stylesheets = [theme.part("base"), *self.group.stylesheets[:1]]
        self.group.param.watch(self._picked, "value")
        self._root = section(title, self.group)

    def show(self, value: Hashable, texts: Mapping[Hashable, tuple[str, str]]) -> None:
        """Mark `value` as chosen; `texts`: value -> (name, word)."""
        options = {"\n".join(texts[each]): each for each in self.values}
        self._showing = True
        try:
            if self.group.options != options:
                self.group.param.update(options=options, value=value)
            elif self.group.value != value:
                self.group.value = value
        finally:
            self._showing = False

    def _picked(self, event) -> None:
        if not self._showing and event.new is not None:
            self.pick(event.new)

    def __panel__(self):
        return self._root


def _masks(glyphs) -> str:
    """The glyph of each card, and how many there are."""
    head = ("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 44 26' fill='none' stroke='#000' "
            "stroke-width='1.75' stroke-linecap='round' stroke-linejoin='round'>")  # fmt: skip
    images = [quote(head + glyph + "</svg>") for glyph in glyphs]
    rows = [f':host .bk-btn:nth-child({i}) {{ --tp-glyph: url("data:image/svg+xml,{image}"); }}'
            for i, image in enumerate(images, 1)]  # fmt: skip
    return "\n".join([f":host {{ --tp-cards: {len(rows)}; }}", *rows])
