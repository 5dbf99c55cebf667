"""The state of the Jacobians lab, its presets, and which question follows which."""

from __future__ import annotations

import param

from tpapp.state import Preset, State, Width

PHIS = {"tanh": "tanh", "erf": "erf", "ReLU": "relu", "leaky ReLU": "leaky_relu(0.1)", "GELU": "gelu", "SiLU": "silu",
        "sine": "sin", "identity": "identity"}  # fmt: skip
WEIGHTS = {"Gaussian": "gaussian", "Orthogonal": "orthogonal", "Sparse": "sparse"}
EDGE = {"sigma_w": 1.3, "sigma_b": 0.196}  # chi_1 = 1 for tanh, at q* = 1/2
NEAR = {"sigma_w": 1.05, "sigma_b": 0.012, "weights": "orthogonal", "depth": 16}  # and at q* = 0.05
PRESETS = {
    "edge": Preset("tanh at the edge of chaos"),
    "order": Preset("Order", {"sigma_w": 0.9, "sigma_b": 0.3}, question="Smaller weights?"),
    "chaos": Preset("Chaos", {"sigma_w": 2.0, "sigma_b": 0.1}, question="Larger weights?"),
    "deep": Preset("32 layers", {"depth": 32, "width": 512}, question="What does depth do?"),
    "orthogonal": Preset("Orthogonal weights", {"weights": "orthogonal"}, question="Orthogonal weights?"),
    "isometry": Preset("Dynamical isometry", NEAR, question="Can all singular values be near 1?"),
    "linear": Preset("Gaussian, no nonlinearity", {"phi": "identity", "sigma_w": 1.0, "sigma_b": 0.0, "depth": 4},
                     question="And without a nonlinearity?"),
    "relu": Preset("ReLU, orthogonal", {"phi": "relu", "sigma_w": 1.4142, "sigma_b": 0.0, "weights": "orthogonal"},
                   question="Can ReLU be an isometry?"),
    "sparse": Preset("Three links a neuron", {"weights": "sparse", "depth": 4},
                     question="When does freeness fail?"),
    "far": Preset("A large input", {"start": "chosen", "q0": 6.0}, question="What if the input is large?"),
    "narrow": Preset("Sixteen neurons", {"width": 16, "draws": 64}, question="Does it hold for n = 16?"),
}  # fmt: skip
NEXT = {  # preset -> those whose questions come next
    "edge": ("deep", "orthogonal", "order", "chaos"),
    "order": ("chaos", "isometry", "narrow"),
    "chaos": ("order", "far", "isometry"),
    "deep": ("orthogonal", "isometry", "linear"),
    "orthogonal": ("isometry", "relu", "sparse"),
    "isometry": ("relu", "chaos", "sparse"),
    "linear": ("orthogonal", "relu", "narrow"),
    "relu": ("isometry", "linear", "sparse"),
    "sparse": ("orthogonal", "deep", "narrow"),
    "far": ("order", "chaos", "narrow"),
    "narrow": ("deep", "far", "sparse"),
}
STARTS = {"Fixed point": "fixed", "Chosen": "chosen"}


class JacobiansState(State):
    """What the lab shows; `start` says whether the input has the fixed point's size, or mean square `q0`."""

    width = Width(256)
    depth = param.Integer(8, bounds=(1, 64), label="Layers L")
    phi = param.Selector(objects=PHIS, default="tanh", label="Activation")
    weights = param.Selector(objects=WEIGHTS, default="gaussian", label="Weights")
    sigma_w = param.Number(1.3, bounds=(0.1, 3.0), step=0.001, label="Weights σ")
    sigma_b = param.Number(0.196, bounds=(0.0, 1.5), step=0.001, label="Biases σ")
    start = param.Selector(objects=STARTS, default="fixed", label="Size of the input")
    q0 = param.Number(1.0, bounds=(0.0, 10.0), step=0.01, label="Mean square q⁰")
    draws = param.Selector(objects={"1": 1, "4": 4, "16": 16, "64": 64}, default=4, label="Networks")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    axis = param.Selector(objects={"log s": "log", "s": "plain"}, default="log", label="Axis")
    shade = param.Selector(objects={"χ₁": "chi", "q*": "q"}, default="chi", label="Colour of the plane")
