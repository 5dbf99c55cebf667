"""Inputs of the Kernels lab: digits as vectors, rows of pixels or images; sentences; a graph; the forms of each."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tpapp.results import Inputs
from tpcore import checks
from tpcore.data.digits import digits as read_digits
from tpcore.data.digits import images as digit_images
from tpcore.data.graphs import karate
from tpcore.data.words import words
from tpcore.errors import Misuse

MAX_INPUTS = 256
MAX_SENTENCES, MAX_WORDS = 6, 16
FORMS = ("points", "sequences", "images", "graph")
SHAPED = {"sequences": "(-1, {0}, {0})  # rows of pixels as tokens", "images": "(-1, {0}, {0}, 1)"}


@lru_cache(maxsize=32)
def digits(classes: tuple[int, ...] = (0, 1, 4, 7), per_class: int = 6, scale: str = "sphere",
           form: str = "points") -> Inputs:  # fmt: skip
    """The first `per_class` digits of each class, class by class, with their images.

    `form`: "points" of 64 pixels, "sequences" of 8 tokens of 8 pixels, "images" of 8 by 8.
    """
    classes = tuple(sorted({checks.integer("a class", c, 0, 9) for c in classes}))
    per_class = checks.integer("The number of digits a class", per_class, 1, MAX_INPUTS // max(len(classes), 1))
    X, y = read_digits(scale=scale)
    rows = np.concatenate([np.flatnonzero(y == c)[:per_class] for c in classes])
    unit = read_digits(scale="unit")[0][rows]
    code = (
        "from tpcore.data import digits\n\n"
        f"X, y = digits({'' if scale == 'sphere' else f'scale={scale!r}'})\n"
        f"rows = [k for c in {classes}\n"
        f"        for k in np.flatnonzero(y == c)[:{per_class}]]\n"
        "X = X[rows]"
    )
    made = Inputs(name=f"{len(rows)} digits", X=X[rows], labels=tuple(str(c) for c in y[rows]),
                  images=digit_images(unit).astype(np.float32), code=code)  # fmt: skip
    return shaped(made, form)


def offered(inputs: Inputs) -> tuple[str, ...]:
    """The forms that inputs can take: their own; square pictures three; whatever has positions their points too."""
    if inputs.kind == "points":
        square = inputs.images is not None and inputs.images.shape[1] == inputs.images.shape[2]
        return ("points", "sequences", "images") if square else ("points",)
    return (inputs.kind, "points")


def shaped(inputs: Inputs, form: str) -> Inputs:
    """The same inputs in another of the forms that they offer."""
    checks.choice("form", form, offered(inputs))
    return inputs if form == inputs.kind else _shaped(inputs, form, inputs.name, inputs.code)


@lru_cache(maxsize=32)
def _shaped(inputs: Inputs, form: str, name: str, code: str) -> Inputs:
    if inputs.kind == "points":
        side = inputs.images.shape[1]
        X = inputs.X.reshape(-1, side, side) if form == "sequences" else inputs.X.reshape(-1, side, side, 1)
        code += f"\nX = X.reshape{SHAPED[form].format(side)}"
        return Inputs(name, X.copy(), inputs.labels, inputs.images, code, form)
    if inputs.kind == "graph":
        return Inputs(name, inputs.X.copy(), inputs.labels, None, code)
    X = np.concatenate([item.reshape(-1, item.shape[-1]) for item in inputs.X])
    named = inputs.steps or [(label,) * item[..., 0].size for label, item in zip(inputs.labels, inputs.X)]
    labels = tuple(word for words_of in named for word in words_of)
    code += f"\nX = np.concatenate([x.reshape(-1, x.shape[-1]) for x in X])"
    return Inputs(name, X, labels, None, code)


@lru_cache(maxsize=32)
def sentences(text: str) -> Inputs:
    """One sentence a line, each word a vector made from Python's own reference (`tpcore.data.words`).

    Raises
    ------
    Misuse
        Where a word is not in the vocabulary, or there are too many.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_SENTENCES:
        raise Misuse(f"There must be 1 to {MAX_SENTENCES} sentences, one a line", f"{len(lines)}")
    known = words()
    steps = tuple(known.tokens(line) for line in lines)
    for line, tokens in zip(lines, steps):
        if len(tokens) > MAX_WORDS:
            raise Misuse(f"A sentence on show has at most {MAX_WORDS} words", f"{len(tokens)} in “{line[:40]}”",
                         "Shorten it")  # fmt: skip
    shown = ",\n".join(f"    {line!r}" for line in lines)
    code = f"from tpcore.data import words\n\nX = [words().sentence(line) for line in [\n{shown}]]"
    name = "1 sentence" if len(lines) == 1 else f"{len(lines)} sentences"
    vectors = tuple(known.sentence(line).copy() for line in lines)
    return Inputs(name, vectors, tuple(lines), None, code, "sequences", steps)


@lru_cache(maxsize=1)
def graph() -> Inputs:
    """The members of the karate club, those of one side first: features of the nodes, and who knows whom."""
    club = karate()
    order = np.argsort(club.labels, kind="stable")
    code = (
        "from tpcore.data import karate\n\n"
        "club = karate()\n"
        'order = np.argsort(club.labels, kind="stable")\n'
        "X = club.features[order]\n"
        "A = club.adjacency[np.ix_(order, order)]"
    )
    names = tuple(club.classes[club.labels[k]] for k in order)
    return Inputs(f"{club.name}, {len(order)} members", club.features[order], names, None, code, "graph",
                  (tuple(f"member {k + 1}" for k in order),), club.adjacency[np.ix_(order, order)].copy())
