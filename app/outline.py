"""Stacks of cards as an outline: from a network's layers, and cards that are added, moved, taken away.

A Residual and the cards inside its branch move together; a card may be moved into the branch before it and out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tpapp.palette import LAYERS, OUT
from tpapp.stack import Card, Stack, checked
from tpcore.errors import Misuse

BRANCH = (Card.of("Act", True), Card.of("Dense", True, sigma_w=1.0, sigma_b=0.1))  # what a new Residual holds


def from_layers(specs: Sequence[Mapping[str, Any]]) -> Stack | None:
    """The stack of described layers, the last one a dense readout; None where cards cannot show it."""
    *inner, last = specs
    try:
        cards = [card for spec in inner for card in _cards(spec)]
        out = Card.of(OUT.name, sigma_v=last["sigma_w"], sigma_b=last["sigma_b"] or 0.0)
        return checked(Stack(tuple(cards), out))
    except (KeyError, Misuse):
        return None


def _cards(spec: Mapping[str, Any], inside: bool = False) -> list[Card]:
    kind = LAYERS[spec["layer"]]
    if kind.name == "Residual":
        return [Card.of("Residual", inside), *(card for each in spec["layers"] for card in _cards(each, True))]
    values = dict(spec)
    if kind.name == "Attention":
        values["logits"] = "tied" if spec["tied"] else spec["scaling"]
    if kind.name == "AvgPool":
        values["stride"] = spec["stride"] or 0
    return [Card.of(kind.name, inside, **{f.name: values[f.name] for f in kind.fields})]


def unit(cards: Sequence[Card], k: int) -> range:
    """The cards that move with card k: itself, and a Residual's branch."""
    end = k + 1
    if cards[k].kind == "Residual":
        while end < len(cards) and cards[end].inside:
            end += 1
    return range(k, end)


def added(stack: Stack, kind: str, after: int | None) -> tuple[Stack, int]:
    """A new layer behind card `after` (None: at the end), in the same branch; and its place."""
    cards = stack.cards
    place = len(cards) if after is None else after + 1
    inside = kind != "Residual" and after is not None and (cards[after].inside or cards[after].kind == "Residual")
    if kind == "Residual":  # never into a branch
        while 0 < place < len(cards) and cards[place].inside:
            place += 1
    new = (Card.of(kind, inside), *(BRANCH if kind == "Residual" else ()))
    return checked(replace(stack, cards=cards[:place] + new + cards[place:])), place


def removed(stack: Stack, k: int) -> tuple[Stack, int]:
    """Without card k and what is inside it; and the place of the card that follows."""
    gone = unit(stack.cards, k)
    left = stack.cards[: gone.start] + stack.cards[gone.stop :]
    if not left:
        raise Misuse("A network needs a layer with weights", "the last card", "Add another one first")
    return replace(stack, cards=left), min(gone.start, len(left) - 1)


def moved(stack: Stack, k: int, way: str) -> tuple[Stack, int]:
    """Card k one place "up" or "down", "in" to the branch before it or "out" of its own; where it cannot, as it was."""
    cards, own = list(stack.cards), unit(stack.cards, k)
    card, last = cards[k], own.stop == len(cards)
    if way == "in":
        branch = k > 0 and (cards[k - 1].inside or cards[k - 1].kind == "Residual")
        may = branch and not card.inside and card.kind != "Residual"
        return _put(stack, own, k, True) if may else (stack, k)
    if way == "out":
        while card.inside and k + 1 < len(cards) and cards[k + 1].inside:
            cards[k], cards[k + 1], k = cards[k + 1], cards[k], k + 1
        return _put(replace(stack, cards=tuple(cards)), range(k, k + 1), k, False) if card.inside else (stack, k)
    if way == "up":
        if card.inside:
            return _put(stack, own, k - 1, cards[k - 1].inside)
        before = k - 1
        while before > 0 and cards[before].inside:
            before -= 1
        return _put(stack, own, before, False) if k else (stack, k)
    if card.inside:
        return _put(stack, own, k + 1, True) if not last and cards[k + 1].inside else _put(stack, own, k, False)
    return (stack, k) if last else _put(stack, own, k + len(unit(cards, own.stop)), False)


def dropped(stack: Stack, k: int, before: int) -> tuple[Stack, int]:
    """Card k in front of card `before` (the number of cards: at the end), in that card's branch if it is in one."""
    own, cards = unit(stack.cards, k), stack.cards
    if before in range(own.start, own.stop + 1) and not (before == own.stop and cards[k].inside):
        return stack, k
    inside = before < len(cards) and cards[before].inside
    if cards[k].kind == "Residual":
        while before < len(cards) and cards[before].inside:
            before += 1
        inside = False
    return _put(stack, own, before - (len(own) if before > k else 0), inside)


def _put(stack: Stack, own: range, place: int, inside: bool) -> tuple[Stack, int]:
    """The cards `own` at `place` among the others, the first of them inside a branch or not."""
    cards = stack.cards
    rest = cards[: own.start] + cards[own.stop :]
    taken = (replace(cards[own.start], inside=inside), *cards[own.start + 1 : own.stop])
    return checked(replace(stack, cards=rest[:place] + taken + rest[place:])), place
