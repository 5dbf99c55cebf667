"""The Kernels lab's network controls: which architecture, and its parameters or its stack of layers."""

from __future__ import annotations

from typing import Any

import panel as pn

from tpapp import stack
from tpapp.compute import kernels_nets as nets
from tpapp.labs.kernels_forms import Form
from tpapp.labs.kernels_stack import StackEditor
from tpapp.labs.kernels_state import net_of
from tpapp.outline import from_layers
from tpapp.palette import NETWORKS
from tpapp.results import Inputs, Net
from tpapp.stack import Stack
from tpapp.widgets import button, column, dress, escape, row, section
from tpcore.errors import Misuse

LAYERWISE = "Layer by layer"
FIRST = "dense~act~layernorm~attention~dense~act~meanpool"


class NetworkControls(pn.viewable.Viewer):
    """The section "Network".

    Parameters
    ----------
    lab : KernelsLab
        Its state is shown and set.
    simple : list
        The controls of the MLP, bound to the state.
    """

    def __init__(self, lab, simple: list, **params):
        super().__init__(**params)
        self.lab, self.state = lab, lab.state
        self._showing, self._shown = False, None
        options = {kind.title: name for name, kind in NETWORKS.items()} | {LAYERWISE: LAYERWISE}
        self.kind = dress(pn.widgets.Select(label="Architecture", options=options, value="MLP"))
        self.kind.param.watch(self._chose, "value")
        self.simple = column(column(*simple[:-1], row(simple[-1], self.opens(), parts=("halves",)), parts=("group",)))
        self.form = Form(self._set)
        self.named = column(self.form, visible=False)
        self.cards = StackEditor(self._assembled, lab.complain)
        self.assembled = column(self.cards, visible=False)
        self.opener = row(self.opens())
        self._root = section("Network", self.kind, self.simple, self.named, self.assembled, self.opener, aside=" ")

    def opens(self) -> pn.widgets.Button:
        """A button that opens the network as layers."""
        made = button("Open as layers", on_click=lambda event: self.open_layers())
        made.stylesheets = [*made.stylesheets, ".bk-btn { width: 100% !important; padding: 0 4px !important; }"]
        return made

    def open_layers(self) -> None:
        """The same network as a stack, where a stack can show it."""
        found = self.as_stack()
        if found is None:
            self.lab.complain(f"A stack has at most {stack.MOST_LAYERS} layers: this network has more.")
        else:
            self.cards.chosen = None
            self.state.net = found.text()

    def as_stack(self) -> Stack | None:
        """The stack that equals the present network; None where there is none."""
        layers = nets.as_layers(self._net())
        return None if layers is None else from_layers(layers)

    def show(self, s, X: Inputs | None) -> None:
        """Bring the controls up to date; without inputs the network's order makes no sense yet."""
        key = s.net, s.depth if not s.net else 0, None if X is None else (X.kind, X.name)
        if key == self._shown:
            return
        self._shown, self._showing = key, True
        try:
            found = stack.read(s.net) if s.net else ("MLP", {})
            layerwise = isinstance(found, Stack)
            self.kind.value = LAYERWISE if layerwise else found[0]
            for box, on in ((self.simple, not s.net), (self.named, bool(s.net) and not layerwise),
                            (self.assembled, layerwise)):  # fmt: skip
                if box.visible != on:
                    box.visible = on
            if layerwise:
                self.cards.show(found, "" if X is None else comes_in(X))
            elif s.net:
                self.form.show(NETWORKS[found[0]].fields, found[1])
            self._root.objects[0].object = heading("" if X is None else nets.fragment(self._net(), X))
            self.opener.visible = bool(s.net) and not layerwise and self.as_stack() is not None
        finally:
            self._showing = False

    def _net(self) -> Net:
        s = self.state
        return net_of(s.net) if s.net else Net.mlp(s.depth, s.phi, s.sigma_w, s.sigma_b, s.sigma_v)

    def _chose(self, event) -> None:
        if self._showing or event.new is None:
            return
        if event.new == LAYERWISE:
            found = self.as_stack()
            self.cards.chosen = None
            self.state.net = FIRST if found is None else found.text()
        else:
            named = event.new != "MLP"
            self.state.net = stack.network_text(event.new, NETWORKS[event.new].defaults()) if named else ""

    def _set(self, name: str, value: Any) -> None:
        found = stack.read(self.state.net) if self.state.net else None
        if isinstance(found, tuple):
            self.state.net = stack.network_text(found[0], found[1] | {name: value})

    def _assembled(self, made: Stack) -> None:
        try:
            self.state.net = stack.checked(made).text()
        except (Misuse, ValueError) as refusal:
            self.lab.complain(str(refusal))

    def __panel__(self):
        return self._root


def heading(fragment: str) -> str:
    """The head of the section: the language that the network's program is written in."""
    return f'<div class="tp-head"><h2>Network</h2><span>{escape(fragment)}</span></div>'


def comes_in(X: Inputs) -> str:
    """What an input is, in short."""
    if X.kind == "graph":
        return f"{len(X)} nodes of {X.X.shape[1]}"
    if X.kind == "images":
        return " × ".join(map(str, X.X.shape[1:3])) + " pixels"
    if X.kind == "sequences":
        sizes = sorted({len(item) for item in X.X})
        many = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        return f"{many} tokens of {X.X[0].shape[-1]}" + (" pixels" if X.images is not None else "")
    return f"{X.X.shape[1]} " + ("pixels" if X.images is not None else "numbers")
