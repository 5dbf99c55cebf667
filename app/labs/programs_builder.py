"""Building a program instruction by instruction: a kind, its operands, their line, and what tpcore says to it."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from tpapp.compute.programs_build import FUNCTIONS
from tpapp.compute.programs_listing import listing
from tpapp.compute.programs_results import Listing
from tpapp.labs.programs_state import OWN
from tpapp.widgets import button, column, dress, escape, html, row
from tpcore.errors import Misuse

# label: (first letter of a new name, slots, template); a slot is A, V, C, B (block) or f
KINDS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "Matrix": ("W", (), "{new}=matrix(variance=1)"),
    "Input vector": ("x", (), "{new}=vector(mean=0,variance=1)"),
    "Correlated input vectors": ("u", (), "{new},{new2}=vectors(mean=[0,0],cov=[[1,0.5],[0.5,1]])"),
    "MatMul W x": ("h", ("A", "V"), "{new}={0}@{1}"),
    "MatMul Wᵀ x": ("g", ("A", "V"), "{new}={0}.T@{1}"),
    "LinComb": ("z", ("V", "V"), "{new}={0}+2*{1}"),
    "Nonlin of one vector": ("y", ("f", "V"), "{new}={0}({1})"),
    "Nonlin of two vectors": ("p", ("V", "V"), "{new}={0}*{1}"),
    "Nonlin+ with a scalar": ("s", ("V", "C"), "{new}={0}/sqrt({1})"),
    "Moment of a vector": ("m", ("V",), "{new}=moment({0})"),
    "Moment of a product": ("q", ("V", "V"), "{new}=inner({0},{1})"),
    "Scalar of scalars": ("c", ("C", "C"), "{new}=sqrt({0})+{1}"),
    "Output": ("f", ("V", "V"), "{new}=output({0},{1})"),
    "Block of vectors": ("X", ("V", "V"), "{new}=stack({0},{1})"),
    "Vector of a block": ("b", ("B",), "{new}={0}[0]"),
    "Mix of a block": ("k", ("B",), "{new}={0}@[1,-1]"),
    "Block of input vectors": ("U", (), "{new}=block(mean=0,cov=1,shape=2)"),
}
SLOTS = {"A": "Matrix", "V": "Vector", "C": "Scalar", "B": "Block", "f": "Function"}
CURVES = tuple(name for name in FUNCTIONS if name not in
               ("hermite", "moment", "inner", "sum", "mean", "stack", "output", "matrix", "vector", "vectors", "block",
                "max", "min"))  # fmt: skip


class Builder(pn.viewable.Viewer):
    """The controls under the listing.

    Parameters
    ----------
    change : callable
        ``change(source)``: the visitor's program is now this one, its last line the present one.
    """

    def __init__(self, change: Callable[[str], None], **params):
        super().__init__(**params)
        self.change = change
        self.listing: Listing | None = None
        self._past: list[str] = []
        self._text = ""  # of the field, as last typed or composed
        self._showing = False
        self._build()

    # -- what buttons do ---------------------------------------------------------------------------------------

    def add(self) -> None:
        """Add the line in the field, if tpcore takes it; else say why not."""
        line = self._text
        source = ";".join([*self.listing.editable, line.strip().strip(";")])
        try:
            if not line.strip():
                hint = "Choose an instruction above, or type h = W @ x"
                raise Misuse("A line is name = instruction", "an empty field", hint)
            listing(source)
        except Misuse as refusal:
            self._say(str(refusal))
            return
        self._go(source)

    def undo(self) -> None:
        """Back to the program before the last change."""
        if self._past:
            self._say("")
            self.change(self._past.pop())

    def remove(self) -> None:
        """Take away the last line."""
        if len(self.listing.editable) > 1:
            self._go(";".join(self.listing.editable[:-1]))

    def restart(self) -> None:
        """Start over with one input vector."""
        self._go("x=vector()")

    def copy(self) -> None:
        """Go on from the program on show."""
        self._past.clear()
        self.change(";".join(self.listing.editable))

    def _go(self, source: str) -> None:
        self._past = [*self._past[-40:], self.listing.source]
        self._say("")
        self.change(source)

    # -- what it shows -----------------------------------------------------------------------------------------

    def show(self, made: Listing, own: bool) -> None:
        """Bring the operands up to date with the program."""
        if not own:
            self._past.clear()
        self.start.visible = not own
        self.box.visible = own
        self.start.disabled = not made.editable
        self.note.visible = not own and not made.editable
        self._root.visible = own or self.note.visible
        self.back.disabled, self.cut.disabled = not self._past, len(made.editable) < 2
        if made is not self.listing:
            self.listing = made
            self._say("")
            self._offer()

    def names(self, slot: str) -> list[str]:
        """Variables that fit a slot, newest first, then all others: what does not fit is explained when it is added."""
        if slot == "f":
            return list(CURVES)
        given = {name for line in self.listing.editable for name in line.partition("=")[0].split(",")}
        fits, others = [], []
        for line in reversed(self.listing.lines):
            if line.name in given and line.kind:
                block = bool(line.views) and line.views[0] != line.name
                kind = "B" if block else "V" if line.views else line.kind
                (fits if kind == slot else others).append(line.name)
        return [*fits, *others]

    def _offer(self) -> None:
        """Fill the slots of the present kind, and write the line."""
        self._showing = True
        try:
            slots = KINDS[self.kind.value][1]
            for k, widget in enumerate(self.slots):
                widget.visible = k < len(slots)
                if not widget.visible:
                    continue
                names = self.names(slots[k])
                first = names[1] if k and slots[k] == slots[k - 1] and len(names) > 1 else names[0] if names else None
                first = "tanh" if slots[k] == "f" else first
                widget.param.update(label=f"{SLOTS[slots[k]]}{' 2' if k and slots[k] == slots[k - 1] else ''}",
                                    options=names, value=first)
        finally:
            self._showing = False
        self._compose()

    def _compose(self) -> None:
        letter, slots, template = KINDS[self.kind.value]
        words = [widget.value or "?" for widget in self.slots[: len(slots)]]
        new = self._free(letter)
        line = template.format(*words, new=new, new2=self._free("v" if new == "u" else f"{letter}b"))
        self.line.value = self._text = line

    def _free(self, letter: str) -> str:
        taken = {line.name for line in self.listing.lines} if self.listing else set()
        return next(name for name in (letter, *(f"{letter}{k}" for k in range(2, 400))) if name not in taken)

    def _chosen(self, event) -> None:
        if not self._showing and self.listing is not None:
            self._compose()

    def _say(self, words: str) -> None:
        markup = f'<p role="alert" class="tp-refused">{escape(words)}</p>' if words else ""
        if self.words.object != markup:
            self.words.object = markup
        self.words.visible = bool(words)

    def _build(self) -> None:
        self.kind = dress(pn.widgets.Select(label="Instruction", options=list(KINDS), value="MatMul W x"))
        self.kind.param.watch(lambda event: self.listing is not None and self._offer(), "value")
        self.slots = [dress(pn.widgets.Select(label=f"Operand {k + 1}", options=[])) for k in range(2)]
        for widget in self.slots:
            widget.param.watch(self._chosen, "value")
        self.line = dress(pn.widgets.TextInput(label="Line", placeholder="h = W @ x", max_length=200))
        self.line.stylesheets = [*self.line.stylesheets, "input.bk-input { font-family: var(--tp-mono) !important; }"]
        for field in ("value", "value_input"):
            self.line.param.watch(lambda event: setattr(self, "_text", event.new or ""), field)
        self.line.param.watch(lambda event: self.add(), "enter_pressed")
        plus = button("Add", kind="solid", on_click=lambda event: self.add())
        plus.styles = {"align-self": "flex-end"}
        self.back = button("Undo", on_click=lambda event: self.undo())
        self.cut = button("Remove last", on_click=lambda event: self.remove())
        over = button("Start over", on_click=lambda event: self.restart())
        refused = "p { margin: 0; padding: 8px 10px; border-left: 4px solid var(--tp-unstable); " \
                  "background: var(--tp-unstable-fill); overflow-wrap: anywhere; }"
        self.words = html("", visible=False)
        self.words.stylesheets = [*self.words.stylesheets, refused]
        inner = column(self.kind, row(*self.slots, parts=("halves",)), row(self.line, plus, parts=("figure-row",)),
                          self.words, row(self.back, self.cut, over, parts=("transport",)), parts=("group",))
        self.box = column(inner)  # what is laid out by a part of the stylesheet cannot be hidden itself
        self.start = button("Change it", on_click=lambda event: self.copy())
        self.note = html('<p>It has functions that the builder has no word for; a notebook can change it.</p>', "note")
        self._root = column(self.note, self.box)

    def __panel__(self):
        return self._root


__all__ = ["KINDS", "OWN", "Builder"]
