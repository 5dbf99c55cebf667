"""State and presets of the Phases lab: a point of the space of parametrizations, a picture of it, what is trained."""

from __future__ import annotations

import param

from tpapp.state import Preset, State, Text

VIEWS = {"Facets": "facets", "Slice": "slice", "Six": "six"}
TIES = {"Start": "init", "Start, readout": "readout", "None": "none"}
TASKS = {"A curve": "curve", "Parity": "parity", "One hidden direction": "single-index", "Digits 3 and 8": "digits",
         "Lengths of words": "words"}
PHIS = {"tanh": "tanh", "ReLU": "relu", "erf": "erf", "GELU": "gelu", "identity": "identity"}
SGD, ADAM = 0.5, 0.02  # learning rates with which the first steps are small
SP2 = {"depth": 2, "a": "0, 0, 0", "b": "0, 0.5, 0.5"}
PRESETS = {
    "up": Preset("One hidden layer, r = 0.2", {}),
    "mup": Preset("μP, r = 0", {"path": 0.0}, question="Where do features move?"),
    "ntp": Preset("NTP, r = 1/2", {"path": 0.5}, question="How frozen are features in NTP?"),
    "largest": Preset("SP, c = 1", SP2 | {"c": "1", "view": "slice", "x": "b3", "y": "c"},
                      question="Where is the standard parametrization?"),
    "blowup": Preset("SP, c = 1/2", SP2 | {"c": "0.5", "view": "slice", "x": "b3", "y": "c"},
                     question="Why is SP with a larger learning rate unstable?"),
    "still": Preset("A function that never moves", {"a": "-0.3, 0.8", "b": "0.3, 0.4", "c": "0"},
                    question="Can a network be stable and learn nothing?"),
    "lazy": Preset("Features move, the start is forgotten", {"a": "-0.5, 0.5", "b": "0.5, 0.8", "c": "0"},
                   question="Is μP the only point where features move?"),
    "deep": Preset("Three hidden layers, r = 0.2", {"depth": 3}, question="Does every layer freeze alike?"),
    "lag": Preset("One layer lags", {"depth": 2, "a": "-0.5, 0.25, 0.5", "b": "0.5, 0.25, 0.5", "c": "0"},
                  question="Can features move although a layer lags?"),
    "adam": Preset("Adam, r = 0.2", {"optimizer": "adam", "lr": ADAM}, question="What if Adam trains instead of SGD?"),
    "six": Preset("A learning rate for each layer",
                  {"depth": 2, "a": "0, 0, 0", "b": "0, 0.5, 1", "c": "-1, 0, 1", "view": "six"},
                  question="What if each layer has its own learning rate?"),
}  # fmt: skip
NEXT = {  # preset -> those whose questions come next
    "up": ("mup", "blowup", "still", "adam"),
    "mup": ("ntp", "lazy", "deep"),
    "ntp": ("mup", "largest", "deep"),
    "largest": ("blowup", "six", "still"),
    "blowup": ("largest", "mup", "six"),
    "still": ("mup", "lazy", "blowup"),
    "lazy": ("lag", "still", "six"),
    "deep": ("lag", "adam", "blowup"),
    "lag": ("deep", "mup", "six"),
    "adam": ("mup", "six", "blowup"),
    "six": ("blowup", "adam", "mup"),
}


class PhasesState(State):
    """What the lab shows. `a`, `b`, `c` are lists of exponents as text; each that is empty is that of UP_r at `path`.

    `d` is for adaptive optimizers; empty, it is what gives them gradients of size one.
    """

    path = param.Number(0.2, bounds=(0.0, 0.5), step=0.01, label="r")
    depth = param.Selector(objects=[1, 2, 3, 4], default=1, label="Hidden layers L")
    optimizer = param.Selector(objects={"SGD": "sgd", "Adam": "adam", "Sign": "sign"}, default="sgd", label="Optimizer")
    a = Text("", longest=80, label="Multipliers a")
    b = Text("", longest=80, label="Start b")
    c = Text("", longest=80, label="Learning rates c")
    d = Text("", longest=80, label="Gradients’ scales d")
    view = param.Selector(objects=VIEWS, default="facets", label="Picture")
    x = Text("", longest=12, label="Across")
    y = Text("", longest=12, label="Upward")
    tie = param.Selector(objects=TIES, default="init", label="Tied")
    task = param.Selector(objects=TASKS, default="curve", label="Task")
    phi = param.Selector(objects=PHIS, default="tanh", label="Activation")
    lr = param.Number(SGD, bounds=(0.01, 10.0), step=0.01, label="Learning rate η")
    steps = param.Integer(20, bounds=(3, 100), label="Steps")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")

    region = param.Boolean(False, precedence=-1, doc="whether the measured phases lie over the picture")

    def __init__(self, presets=None, **values):
        super().__init__(presets, **values)
        self.param.watch(self._another_space, ["depth", "optimizer", "path", "a", "b", "c", "d", "x", "y", "lr",
                                                      "view"])  # fmt: skip

    def _another_space(self, *events) -> None:
        """Another depth, optimizer or r: the exponents are those of the path, unless they came along."""
        names = {event.name for event in events}
        new = {}
        if "view" in names and self.view == "six" and self.depth != 2:
            new["depth"] = 2
        elif "depth" in names and self.view == "six" and self.depth != 2:
            new["view"] = "facets"
        given = names & {"a", "b", "c", "d"}
        if (names | set(new)) & {"depth", "optimizer", "path"} and not given and not on_path(self):
            new |= {"a": "", "b": "", "c": "", "d": ""}
        if "depth" in names | set(new) and not names & {"x", "y"}:
            new |= {"x": "", "y": ""}
        if "optimizer" in names and "lr" not in names:
            new["lr"] = SGD if self.optimizer == "sgd" else ADAM
        if new:
            self.param.update(**new)


def on_path(s) -> bool:
    """Whether a state or snapshot is on the path UP_r."""
    return not (s.a or s.b or s.c or s.d)


def to_path(state: PhasesState, r: float) -> None:
    """To UP_r."""
    state.param.update(path=r, a="", b="", c="", d="")
