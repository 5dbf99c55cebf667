"""State and presets of the Training lab: one task, and where between rich and lazy the network stands."""

from __future__ import annotations

import param

from tpapp.state import Preset, State, Width

TASKS = {"A sine": "sine", "A step": "step", "Parity of two signs": "parity", "One hidden direction": "single-index",
         "Digits 3 and 8": "digits", "Word vectors": "words"}  # fmt: skip
PHIS = {"tanh": "tanh", "ReLU": "relu", "erf": "erf", "GELU": "gelu", "identity": "identity"}
LAST = 12  # of the moments: the end of training
PARITY = {"task": "parity", "phi": "relu", "lr": 1.0}
PRESETS = {
    "sine": Preset("A sine, μP", {}),
    "lazy": Preset("A sine, NTP", {"r": 0.5}, question="What if the same network is lazy?"),
    "between": Preset("Between rich and lazy", {"r": 0.2}, question="What lies between rich and lazy?"),
    "parity": Preset("Parity, where kernels fail", PARITY, question="Where do kernels fail?"),
    "lazy-parity": Preset("Parity, lazily", PARITY | {"r": 0.5}, question="Can it be learnt lazily?"),
    "hidden": Preset("One hidden direction", {"task": "single-index", "lr": 1.0, "steps": 200},
                     question="Is one hidden direction found?"),
    "digits": Preset("Digits 3 and 8", {"task": "digits", "phi": "relu", "steps": 60},
                     question="Do two digits need features?"),
    "words": Preset("Word vectors", {"task": "words", "phi": "relu", "lr": 1.0},
                    question="What do features make of word vectors?"),
    "deep": Preset("Two hidden layers", {"depth": 2, "steps": 60, "width": 256},
                   question="Do deeper features move more?"),
    "readout": Preset("Only the readout trains", PARITY | {"trains": "readout"},
                      question="What if only the readout trains?"),
    "narrow": Preset("Sixteen neurons", {"width": 16}, question="How narrow may the network be?"),
    "fast": Preset("Past the kernel’s edge", {"lr": 4.0, "r": 0.5}, question="What if the learning rate is too large?"),
}  # fmt: skip
NEXT = {  # preset -> those whose questions come next
    "sine": ("parity", "lazy", "between"),
    "lazy": ("between", "parity", "fast"),
    "between": ("lazy", "narrow", "deep"),
    "parity": ("lazy-parity", "readout", "hidden"),
    "lazy-parity": ("parity", "readout", "digits"),
    "hidden": ("parity", "digits", "words"),
    "digits": ("words", "hidden", "deep"),
    "words": ("digits", "parity", "deep"),
    "deep": ("fast", "between", "parity"),
    "readout": ("hidden", "lazy-parity", "digits"),
    "narrow": ("lazy", "fast", "deep"),
    "fast": ("narrow", "lazy", "parity"),
}


class TrainingState(State):
    """What the lab shows. The network is at UP_r: gamma = n^r, 1 in muP and sqrt n in NTP."""

    width = Width(1024, low=8)
    r = param.Number(0.0, bounds=(0.0, 0.5), step=0.05, label="Rich to lazy: r in γ = nʳ")
    task = param.Selector(objects=TASKS, default="sine", label="Task")
    depth = param.Selector(objects=[1, 2, 3], default=1, label="Hidden layers")
    phi = param.Selector(objects=PHIS, default="tanh", label="Activation")
    lr = param.Number(0.5, bounds=(0.01, 10.0), step=0.01, label="Learning rate η")
    steps = param.Integer(100, bounds=(12, 300), label="Steps")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    moment = param.Integer(LAST, bounds=(0, LAST), label="Moment")
    trains = param.Selector(objects={"All layers": "all", "Readout": "readout"}, default="all",
                            label="The kernel limit trains")  # fmt: skip
    kernel = param.Selector(objects={"Features": "features", "Tangent": "tangent"}, default="features",
                            label="Kernel shown")  # fmt: skip
