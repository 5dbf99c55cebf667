"""Exponents as a visitor types them in the Phases lab."""

from __future__ import annotations

from collections.abc import Sequence

from tpcore.abc.numbers import exponent
from tpcore.errors import Misuse

NAMES = {"a": "Multipliers a", "b": "Start b", "c": "Learning rates c", "d": "Gradients’ scales d"}
PARTS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4"}
LONGEST = 40  # characters of what came that are repeated


def exponents(letter: str, text: str, count: int, example: Sequence[str]) -> list[str]:
    """The exponents a, b, c or d (`letter`) that `text` lists, `count` of them, as `tpcore.abc` reads them.

    Raises
    ------
    Misuse
        If one is no number from -100 to 100, or there are not as many (one c serves all layers); `example` is a try.
    """
    name, found = NAMES[letter], [_fraction(piece) for piece in text.split(",")]
    hint = f"Try {', '.join(example)}, or empty the field"
    for place, piece in enumerate(found, 1):
        if not _is_number(piece):
            came = f"“{piece[:LONGEST]}” in place {place}" if piece else f"nothing in place {place}"
            raise Misuse(f"{name} must be numbers from −100 to 100, with commas between them", came, hint)
    if len(found) != count and not (letter == "c" and len(found) == 1):
        alone = " or one for all" if letter == "c" else ""
        raise Misuse(f"{name} must be {count} numbers, one for each hidden layer and one for the readout{alone}",
                     f"{len(found)}: “{text[:LONGEST]}”", hint)  # fmt: skip
    return found


def _fraction(piece: str) -> str:
    """A piece of a list with ASCII signs; a half sign is 1/2."""
    piece = piece.strip().replace("−", "-")
    sign = piece[:1] if piece[:1] in ("-", "+") else ""
    return sign + PARTS.get(piece.removeprefix(sign), piece.removeprefix(sign))


def _is_number(piece: str) -> bool:
    try:
        exponent("it", piece)
    except Misuse:
        return False
    return True
