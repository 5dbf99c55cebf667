"""A network of the Kernels lab as text in a link, and assembled networks as stacks of cards.

A network is one word, ``RNN-rlast-w1.2``, or a stack of layers, ``dense~act-gelu~res~_act~_dense~meanpool``: parts
joined by "~", a part's parameters behind "-", each a short key and a value, defaults left out; "_" before a part puts
it inside the residual branch before it. Nothing here computes; `tpcore.nets.from_spec` judges the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tpapp.palette import ACTIVATIONS, LAYERS, NETWORKS, OUT, READOUT, Kind, kind_of
from tpapp.reading import MINUS
from tpcore.errors import Misuse

MOST_LAYERS, MOST_INSIDE = 8, 4
_WORDS = {kind.word: kind for kind in (*LAYERS.values(), OUT)}


@dataclass(frozen=True)
class Card:
    """One layer of a stack; `inside` the residual branch that stands before it."""

    kind: str
    values: tuple[tuple[str, Any], ...] = ()
    inside: bool = False

    @classmethod
    def of(cls, kind: str, inside: bool = False, **values) -> Card:
        """A layer with its defaults and `values`."""
        return cls(kind, tuple((kind_of(kind).defaults() | values).items()), inside)

    def with_value(self, name: str, value: Any) -> Card:
        return replace(self, values=tuple((dict(self.values) | {name: value}).items()))


@dataclass(frozen=True)
class Stack:
    """An assembled network: its cards, and the readout that stands behind them all."""

    cards: tuple[Card, ...]
    out: Card = Card.of(OUT.name)

    def text(self) -> str:
        """As it stands in a link."""
        parts = [("_" if card.inside else "") + _written(kind_of(card.kind), dict(card.values)) for card in self.cards]
        end = _written(OUT, dict(self.out.values))
        return "~".join([*parts, *([end] if end != READOUT or not parts else [])])

    def spec(self) -> dict[str, Any]:
        """As `tpcore.nets.from_spec` takes it."""
        layers: list[dict[str, Any]] = []
        for card in self.cards:
            row = layers[-1]["layers"] if card.inside and layers and "layers" in layers[-1] else layers
            row.append(_layer(card))
        readout = dict(self.out.values)
        layers.append({"layer": "Dense", "sigma_w": readout["sigma_v"], "sigma_b": readout["sigma_b"]})
        return {"net": "Sequential", "layers": layers}


def _layer(card: Card) -> dict[str, Any]:
    values = dict(card.values)
    if card.kind == "Residual":
        return {"layer": "Residual", "layers": []}
    if card.kind == "Attention":
        logits = values.pop("logits")
        values |= {"tied": logits == "tied", "scaling": "sqrt" if logits == "sqrt" else "n"}
    if card.kind == "AvgPool":
        values["stride"] = values["stride"] or None
    return {"layer": card.kind, **values}


def _written(kind: Kind, values: Mapping[str, Any]) -> str:
    return "-".join([kind.word, *(f.key + f.write(values[f.name]) for f in kind.fields if values[f.name] != f.default)])


def _values(kind: Kind, words: Sequence[str]) -> dict[str, Any]:
    values = kind.defaults()
    for word in words:
        known = sorted((f for f in kind.fields if word.startswith(f.key)), key=lambda f: -len(f.key))
        if not known:
            raise Misuse(f"{kind.title} in a link has the parameters {', '.join(f.key for f in kind.fields) or 'none'}",
                         f"“{word[:40]}”")  # fmt: skip
        try:
            values[known[0].name] = known[0].read(word[len(known[0].key) :])
        except ValueError as reason:
            raise Misuse(f"{kind.title}, {known[0].label}: {reason}", f"“{word[:40]}”") from None
    return values


def network_text(name: str, values: Mapping[str, Any]) -> str:
    """A named network as it stands in a link."""
    return _written(NETWORKS[name], values)


def read(text: str) -> tuple[str, dict[str, Any]] | Stack:
    """What a link's text means: a named network with its values, or a stack.

    Raises
    ------
    Misuse
        Naming what is wrong.
    """
    parts = text.split("~")
    head, *words = parts[0].split("-")
    if len(parts) == 1 and head in NETWORKS and head != "MLP":
        return head, _values(NETWORKS[head], words)
    cards, out = [], Card.of(OUT.name)
    for place, part in enumerate(parts):
        inside, (word, *words) = part.startswith("_"), part.removeprefix("_").split("-")
        if word not in _WORDS:
            raise Misuse("A network in a link is made of known layers", f"“{word[:40]}”", ", ".join(_WORDS))
        values = _values(_WORDS[word], words)
        if word == READOUT:
            if place != len(parts) - 1 or inside:
                raise Misuse("The readout stands behind all layers", f"“{part[:40]}” in place {place + 1}")
            out = Card.of(OUT.name, **values)
        else:
            cards.append(Card.of(_WORDS[word].name, inside, **values))
    return checked(Stack(tuple(cards), out))


def checked(stack: Stack) -> Stack:
    """`stack`, if it is no larger than one may be and its branches stand behind a Residual."""
    outer = sum(not card.inside for card in stack.cards)
    if outer > MOST_LAYERS:
        raise Misuse(f"A stack has at most {MOST_LAYERS} layers", f"{outer}", "Take one away first")
    branch = None
    for card in stack.cards:
        if card.inside and branch is None:
            raise Misuse("A layer can be inside a residual branch alone", f"{title(card)} behind none")
        if card.inside and card.kind == "Residual":
            raise Misuse("Residual branches are one deep here", "a Residual inside a Residual")
        branch = (branch or 0) + 1 if card.inside else 0 if card.kind == "Residual" else None
        if (branch or 0) > MOST_INSIDE:
            raise Misuse(f"A residual branch has at most {MOST_INSIDE} layers", f"{branch}")
    return stack


def spec_of(text: str) -> dict[str, Any]:
    """The description that a link's text means."""
    found = read(text)
    return found.spec() if isinstance(found, Stack) else {"net": found[0], **found[1]}


def title(card: Card) -> str:
    """What is written on a card: an activation's own name, else the layer's."""
    return ACTIVATIONS[dict(card.values)["phi"]] if card.kind == "Act" else kind_of(card.kind).title


def aside(card: Card) -> str:
    """A card's parameters in short."""
    values = dict(card.values)
    shown = {"sigma_w": "σw {:.2f}", "sigma_u": "σu {:.2f}", "sigma_v": "σv {:.2f}", "sigma_b": "σb {:.2f}"}
    there = [name for name in shown if name in values and (values[name] or name != "sigma_b")]
    said = [shown[name].format(values[name]) for name in there]
    if card.kind == "Attention":
        logits = {"tied": "k = q · 1/n", "n": "q ≠ k · 1/n", "sqrt": "q ≠ k · 1/√n"}[values["logits"]]
        heads = f"{values['heads']} heads · " if values["heads"] > 1 else ""
        return heads + ("masked · " if values["masked"] else "") + logits
    if card.kind in ("Conv", "AvgPool"):
        return " · ".join([f"{values.get('kernel_size', values.get('window'))} wide", *said[:1]])
    if card.kind == "Residual":
        return "x + f(x)"
    return " · ".join(said[:2]).replace("-", MINUS)
