"""The tasks of the Training lab and how each is drawn: along which axis its function is shown."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tpapp.training_results import Scene
from tpcore import data, train

TASKS = {  # name in the lab -> name and options of tp.train.task
    "sine": ("curve", {}),
    "step": ("curve", {"function": "step", "count": 10}),
    "parity": ("parity", {"count": 32, "tests": 32}),
    "single-index": ("single-index", {"count": 40, "tests": 40, "dimension": 6, "link": "sine"}),
    "digits": ("digits", {"count": 24, "tests": 40}),
    "words": ("words", {"count": 24, "tests": 24}),
}  # fmt: skip
NAMES = {
    "sine": "a sine", "step": "a step", "parity": "the parity of two of six signs",
    "single-index": "a function of one hidden direction in six dimensions", "digits": "handwritten 3 or 8",
    "words": "whether a word is long, from its vector",
}  # fmt: skip
GAP = (np.nan, np.nan)
SPREAD = 0.28  # by how much dots at one place are moved apart


@lru_cache(maxsize=16)
def task(name: str) -> train.Task:
    """The task of that name in the lab."""
    kind, options = TASKS[name]
    return train.task(kind, **options)


def code(name: str) -> str:
    """The line that makes the task."""
    kind, options = TASKS[name]
    return f'task = tp.train.task("{kind}"' + "".join(f", {k}={v!r}" for k, v in options.items()) + ")"


@lru_cache(maxsize=16)
def scene(name: str) -> Scene:
    """How the task is drawn."""
    one = task(name)
    y = np.concatenate([one.y, one.y_test])
    make = {"curve": _curve, "parity": _parity, "single-index": _hidden, "digits": _digits, "words": _words}
    parts = make[TASKS[name][0]](one, y)
    shown = np.arange(one.count, len(y)) if parts["kind"] == "line" else np.arange(one.count)
    key = parts["x"][shown] if parts["kind"] == "line" or name == "single-index" else y[shown]
    second = one.inputs[shown] @ one.hidden[0] if one.hidden is not None else np.zeros(len(shown))
    order = shown[np.lexsort((second, key))]
    return Scene(NAMES[name], y=y, count=one.count, order=order, **parts)


def _apart(x: np.ndarray) -> np.ndarray:
    """Dots at equal places, moved apart sideways: always in the same way."""
    return x + SPREAD * (2 * np.random.default_rng(0).random(len(x)) - 1)


def _levels(places: tuple[float, ...], values: tuple[float, ...]) -> np.ndarray:
    """(2, M): a short level at each place, with gaps between them."""
    half = SPREAD + 0.12
    return np.array([row for x, y in zip(places, values) for row in ((x - half, y), (x + half, y), GAP)][:-1]).T


def _curve(one: train.Task, y: np.ndarray) -> dict:
    x = one.inputs[:, 0]
    return {"kind": "line", "words": "input x", "x": x, "truth": np.stack([x[one.count :], y[one.count :]])}


def _parity(one: train.Task, y: np.ndarray) -> dict:
    total = (one.inputs @ one.hidden.T).sum(axis=1)
    truth = _levels((-2.0, 0.0, 2.0), (1.0, -1.0, 1.0))
    ticks = ((-2.0, "−2"), (0.0, "0"), (2.0, "2"))
    return {"kind": "dots", "words": "sum of the two signs", "x": _apart(total), "truth": truth, "ticks": ticks}


def _hidden(one: train.Task, y: np.ndarray) -> dict:
    z = one.inputs @ one.hidden[0]
    order = np.argsort(z)
    grid = np.linspace(z.min(), z.max(), 121)
    link = train.tasks.LINKS[TASKS["single-index"][1]["link"]]
    assert np.allclose(link(z[order]), y[order])
    return {"kind": "dots", "words": "along the hidden direction", "x": z, "truth": np.stack([grid, link(grid)])}


def _digits(one: train.Task, y: np.ndarray) -> dict:
    ticks = ((-1.0, "3"), (1.0, "8"))
    labels = tuple("3" if value < 0 else "8" for value in y)
    return {"kind": "dots", "words": "the digit", "x": _apart(y), "truth": _levels((-1.0, 1.0), (-1.0, 1.0)),
            "ticks": ticks, "labels": labels}  # fmt: skip


def _words(one: train.Task, y: np.ndarray) -> dict:
    found = data.words(one.dimension)
    known = found.vectors / np.sqrt(one.dimension)
    near = np.argmin(((one.inputs[:, None] - known[None]) ** 2).sum(axis=2), axis=1)
    labels = tuple(found.vocabulary[i] for i in near)
    letters = np.array([len(word) for word in labels], float)
    edge = (letters[y < 0].max() + letters[y > 0].min()) / 2
    ends = [letters.min() - 0.5, edge, edge, letters.max() + 0.5]
    ticks = tuple((float(k), str(k)) for k in range(int(letters.min()), int(letters.max()) + 1, 2))
    return {"kind": "dots", "words": "letters of the word", "x": _apart(letters),
            "truth": np.array([ends, [-1.0, -1.0, 1.0, 1.0]]), "labels": labels, "ticks": ticks}  # fmt: skip
