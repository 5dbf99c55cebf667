"""The stack of an assembled network: cards between input and readout, the chosen one open, and the palette.

Cards are dragged, or moved by Alt with the arrows (up, down, right into the branch of a Residual, left out of it) and
deleted by Del (assets/stack.js, in the served app); the chosen card has buttons for the same, which work everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import panel as pn

from tpapp import outline, theme
from tpapp.labs.kernels_forms import Form
from tpapp.palette import LAYERS, OUT, kind_of
from tpapp.stack import MOST_LAYERS, Stack, aside, title
from tpapp.widgets import button, column, css_text, dress, row
from tpcore.errors import Misuse

INDENT = 20  # px: a card inside a branch
WAYS = {"up": "Move up", "down": "Move down", "in": "Into the branch", "out": "Out of the branch"}
OVER = {"position": "absolute", "right": "2px", "top": "2px", "width": "32px"}


class Slot:
    """One place of the stack: a card, its delete button, and room for the chosen one's parameters."""

    def __init__(self, place: int, choose: Callable[[int, bool], None], delete: Callable[[int], None]):
        self.card = card(f"tp-at-{place}")
        self.card.param.watch(lambda event: self._showing or choose(place, event.new), "value")
        self.delete = button("Delete layer", "close", "icon", styles=OVER, css_classes=["tp-bare"], visible=False,
                             on_click=lambda event: delete(place))  # fmt: skip
        self.room = column()
        self._showing = False
        self.view = column(row(self.card, self.delete, styles={"position": "relative"}), self.room,
                           css_classes=["tp-slot"])  # fmt: skip

    def show(self, name: str, said: str, inside: bool, chosen: bool, body: list) -> None:
        self._showing = True
        try:
            self.card.param.update(label=name, value=chosen, styles={"--tp-aside": css_text(said)})
            indent = {"margin-left": f"{INDENT}px", "width": f"calc(100% - {INDENT}px)"} if inside else {}
            self.view.param.update(visible=True, styles=indent)
            self.delete.visible = chosen
            if self.room.objects != body:
                self.room.objects = body
        finally:
            self._showing = False

    def hide(self) -> None:
        self.view.visible = False
        if self.room.objects:
            self.room.objects = []


def card(*classes: str) -> pn.widgets.Toggle:
    """A toggle that looks like a card."""
    widget = pn.widgets.Toggle(label="Layer", css_classes=["tp-card", *classes], margin=0, sizing_mode="stretch_width")
    widget.stylesheets = [theme.part("base"), theme.asset("stack.css")]
    return widget


class StackEditor(pn.viewable.Viewer):
    """The cards.

    Parameters
    ----------
    change : callable
        ``change(stack)``: what the visitor made of it.
    complain : callable
        ``complain(words)``: what cannot be done.
    """

    def __init__(self, change: Callable[[Stack], None], complain: Callable[[str], None], **params):
        super().__init__(**params)
        self.change, self.complain = change, complain
        self.stack = Stack(())
        self.chosen: int | None = None
        self.slots: list[Slot] = []
        self._showing = False
        self._build()

    # -- what a visitor does -----------------------------------------------------------------------------------

    def choose(self, place: int, on: bool = True) -> None:
        """Open the card at `place` (the number of cards: the readout), or close it."""
        self.chosen = place if on else None
        self.show(self.stack)

    def add(self, kind: str) -> None:
        """A new layer behind the chosen one, or at the end."""
        cards = len(self.stack.cards)
        after = self.chosen if self.chosen is not None and self.chosen < cards else None
        self.palette.visible = False
        self._do(lambda: outline.added(self.stack, kind, after))

    def delete(self, place: int) -> None:
        self._do(lambda: outline.removed(self.stack, place))

    def move(self, place: int, way: str) -> None:
        self._do(lambda: outline.moved(self.stack, place, way))

    def drop(self, place: int, before: int) -> None:
        self._do(lambda: outline.dropped(self.stack, place, before))

    def set(self, name: str, value) -> None:
        """A parameter of the chosen card."""
        if self.chosen is None:
            return
        cards = list(self.stack.cards)
        if self.chosen >= len(cards):
            stack = replace(self.stack, out=self.stack.out.with_value(name, value))
        else:
            cards[self.chosen] = cards[self.chosen].with_value(name, value)
            stack = replace(self.stack, cards=tuple(cards))
        self._take(stack)

    def ordered(self, move: str) -> None:
        """What assets/stack.js says: ``"3 up 17"``, ``"3 to 5 18"``."""
        words = move.split()
        if len(words) < 3 or not words[0].isdecimal() or int(words[0]) >= len(self.stack.cards):
            return
        place, way = int(words[0]), words[1]
        if way in WAYS:
            self.move(place, way)
        elif way == "delete":
            self.delete(place)
        elif way == "to" and words[2].isdecimal():
            self.drop(place, min(int(words[2]), len(self.stack.cards)))

    def _do(self, change: Callable[[], tuple[Stack, int]]) -> None:
        try:
            stack, self.chosen = change()
        except Misuse as refusal:
            self.complain(str(refusal))
            return
        self._take(stack)

    def _take(self, stack: Stack) -> None:
        self.show(stack)
        self.change(stack)

    # -- what it shows -----------------------------------------------------------------------------------------

    def show(self, stack: Stack, said: str | None = None) -> None:
        """These cards; `said` is what comes in. Others than the visitor made (a preset's, a link's) are all shut."""
        if said is not None and stack != self.stack:
            self.chosen = None
        self.stack, count = stack, len(stack.cards)
        if said is not None:
            self.input.styles = {"--tp-aside": css_text(said)}
        self.chosen = None if self.chosen is None or self.chosen > count else self.chosen
        while len(self.slots) < count:
            self.slots.append(Slot(len(self.slots), self.choose, self.delete))
            self.list.objects = [slot.view for slot in self.slots]
        if self.chosen is not None:
            chosen = stack.out if self.chosen == count else stack.cards[self.chosen]
            self.form.show(kind_of(chosen.kind).fields, dict(chosen.values))
            if "sigma_q" in self.form.widgets:  # keys that are the queries
                self.form.widgets["sigma_q"].disabled = dict(chosen.values)["logits"] == "tied"
            self.tools.visible = self.chosen < count
            for way, widget in self.ways.items():
                widget.disabled = self.chosen == count or outline.moved(stack, self.chosen, way)[0] == stack
        for place, slot in enumerate(self.slots):  # the form leaves its old place before it comes to the new one
            if place != self.chosen and slot.room.objects:
                slot.room.objects = []
        if self.chosen != count and self.out_room.objects:
            self.out_room.objects = []
        for place, slot in enumerate(self.slots):
            if place >= count:
                slot.hide()
                continue
            each, on = stack.cards[place], place == self.chosen
            slot.show(title(each), aside(each), each.inside, on, [self.open] if on else [])
        self._readout(self.chosen == count)
        outer = sum(not each.inside for each in stack.cards)
        self.more.disabled = outer >= MOST_LAYERS and not (self.chosen is not None and self.chosen < count)

    def _readout(self, on: bool) -> None:
        self._showing = True
        try:
            self.out.param.update(value=on, styles={"--tp-aside": css_text(aside(self.stack.out))})
            body = [self.open] if on else []
            if self.out_room.objects != body:
                self.out_room.objects = body
        finally:
            self._showing = False

    def _build(self) -> None:
        self.form = Form(self.set)
        self.ways = {way: button(words, way, "icon", on_click=lambda event, way=way: self._button(way))
                     for way, words in WAYS.items()}  # fmt: skip
        self.tools = row(*self.ways.values(), parts=("transport",), visible=False)
        self.open = column(self.form, self.tools, styles={"gap": "12px", "padding": "10px 2px 12px"})
        self.input = input_card("Input")
        self.out = card("tp-fixed")
        self.out.name = OUT.title
        self.out.param.watch(lambda event: self._showing or self.choose(len(self.stack.cards), event.new), "value")
        self.out_room, self.list = column(), column(styles={"gap": "4px"})
        self.more = button("+ Add layer", on_click=lambda event: self._open_palette())
        self.more.stylesheets = [*self.more.stylesheets, ".bk-btn { width: 100% !important; }"]
        self.more.sizing_mode = "stretch_width"
        self.palette = column(visible=False)
        self.order = pn.widgets.TextInput(label="Order of layers", css_classes=["tp-order"], styles={"display": "none"})
        self.order.param.watch(lambda event: event.new and self.ordered(event.new), "value")
        self._root = column(self.input, self.list, self.out, self.out_room, self.more, self.palette, self.order,
                            css_classes=["tp-stack"], styles={"gap": "4px"})  # fmt: skip

    def _button(self, way: str) -> None:
        if self.chosen is not None and self.chosen < len(self.stack.cards):
            self.move(self.chosen, way)

    def _open_palette(self) -> None:
        if not self.palette.objects:
            made = [dress(button(kind.title, on_click=lambda event, name=name: self.add(name)))
                    for name, kind in LAYERS.items()]
            for widget in made:
                widget.stylesheets = [*widget.stylesheets, PALETTE]
            self.palette.objects = [row(*made[k : k + 2], parts=("halves",)) for k in range(0, len(made), 2)]
        self.palette.visible = not self.palette.visible

    def __panel__(self):
        return self._root


PALETTE = """
:host { width: 100% !important; }
.bk-btn { width: 100% !important; justify-content: flex-start; padding: 0 10px !important;
  border-color: var(--tp-line) !important;
  font-size: var(--tp-caption) !important; height: 30px !important; }
"""


def input_card(name: str) -> pn.widgets.Toggle:
    """A card that says what comes in; it cannot be chosen."""
    widget = card("tp-fixed", "tp-input")
    widget.param.update(label=name, disabled=True)
    return widget
