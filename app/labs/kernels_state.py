"""The Kernels lab's state, and the requests that it means."""

from __future__ import annotations

from functools import lru_cache

import param

from tpapp import palette, stack, uploads
from tpapp.compute import kernels as compute
from tpapp.compute import kernels_inputs as sources
from tpapp.compute import kernels_nets as nets
from tpapp.labs.kernels_predictions import PredictionState
from tpapp.page import Width
from tpapp.results import DeviationRequest, Inputs, Net, OutputsRequest
from tpapp.state import Text
from tpcore.errors import Misuse

DIGITS = {"digits": ((0, 1, 4, 7), 6), "all": (tuple(range(10)), 4)}
DATA = {"digits": "Digits 0, 1, 4, 7", "all": "All ten digits", "sentences": "Sentences", "graph": "Karate club"}
FITTING = {"points": "digits", "sequences": "sentences", "images": "digits", "graph": "graph"}
NEEDS = {"sequences": "sequences", "images": "images", "graph": "the nodes of a graph", "points": "points"}
SENTENCES = "The value of a list can be changed\nA list is a sequence of values"
FIGURES = ("outputs", "depth", "eigenvalues", "predictions", "program")  # tpapp.labs.kernels_lower
LADDER_DRAWS, LADDER_LEAST = 40, 6
PHIS = {palette.ACTIVATIONS.get(name, name): name for name in compute.ACTIVATIONS}


class KernelsState(PredictionState):
    """A network, its inputs, what is drawn of it. `net` is empty for the MLP that depth, phi and the sigmas mean."""

    net = Text("", longest=600, label="Network")
    depth = param.Integer(3, bounds=(1, 20), label="Depth")
    phi = param.Selector(objects=PHIS, default="relu", label="Activation")
    sigma_w = param.Number(1.41, bounds=(0.1, 4.0), step=0.01, label="Weights σ")
    sigma_b = param.Number(0.32, bounds=(0.0, 4.0), step=0.01, label="Biases σ")
    sigma_v = param.Number(1.0, bounds=(0.1, 4.0), step=0.01, label="Readout σ")
    kernel = param.Selector(objects={"NNGP": "nngp", "NTK": "ntk"}, default="nngp", label="Kernel")
    shown = param.Selector(objects={"Covariance": "covariance", "Correlation": "correlation"}, default="covariance",
                           label="Shown as")
    width = Width(4096, low=8)
    draws = param.Integer(2000, bounds=(200, 10_000), step=200, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    data = param.Selector(objects=[*DATA, "upload"], default="digits", label="Data")
    text = Text(SENTENCES, longest=600, label="Sentences, one a line")
    x = param.Integer(1, bounds=(0, nets.MAX_ROWS - 1), label="x")
    x2 = param.Integer(10, bounds=(0, nets.MAX_ROWS - 1), label="x′")
    figures = param.Selector(objects=list(FIGURES), default="outputs", label="Figures")
    upload = param.ClassSelector(class_=Inputs, default=None, precedence=-1)

    def __init__(self, presets=None, **values):
        self.fitted = ""  # which inputs were taken because the network needs them, in words
        super().__init__(presets, **values)
        self._fit()

    @param.depends("net", "data", "upload", watch=True)
    def _fit(self) -> None:
        """A network that needs another kind of inputs gets those that fit."""
        self.fitted = ""
        try:
            wanted = nets.forms(net_of(self.net)) if self.net else ("points",)
            if not set(wanted) & set(sources.offered(source(self))):
                self.data = FITTING[wanted[0]]
                self.fitted = f"This network needs {NEEDS[wanted[0]]}: it gets {given(self)}."
        except Misuse:
            pass  # the page says what is wrong

    def read(self, lab: str, query) -> list[str]:
        text = query.get(f"{lab}.net", "")
        try:
            if text and len(text) <= self.param.net.longest:
                nets.network(net_of(text))
        except (Misuse, ValueError, OverflowError, RecursionError) as refusal:
            return [f"The link’s network is none. {refusal} The page is as it was."]
        said = super().read(lab, query)
        if self.data == "upload" and self.upload is None:
            self.data = "digits"
            said.append("A link does not carry an uploaded file: these are the digits. Upload the file again.")
        return said + ([self.fitted] if self.fitted else [])


def given(s) -> str:
    """The inputs of a state in words."""
    said = {"digits": "digits", "sentences": "two sentences", "graph": "the karate club"}
    return said.get(s.data, DATA.get(s.data, ""))


def source(s) -> Inputs:
    """The inputs that a snapshot names, in their own form."""
    if s.data == "upload" and s.upload is not None:
        return s.upload
    if s.data == "sentences":
        return sources.sentences(s.text)
    if s.data == "graph":
        return sources.graph()
    return compute.digits(*DIGITS.get(s.data, DIGITS["digits"]))


def inputs(s) -> Inputs:
    """The inputs that a snapshot means, in the form that its network takes.

    Raises
    ------
    Misuse
        If they have no such form.
    """
    if not s.net:
        return sources.shaped(source(s), "points")
    found, wanted = source(s), nets.forms(net(s))
    form = next((form for form in wanted if form in sources.offered(found)), None)
    if form is None:
        raise Misuse(f"This network needs {' or '.join(NEEDS[form] for form in wanted)}", found.name,
                     "Choose other inputs")
    return sources.shaped(found, form)


@lru_cache(maxsize=256)
def net_of(text: str) -> Net:
    """The network that a link's text means."""
    return Net.of(stack.spec_of(text))


def net(s) -> Net:
    """The network that a snapshot means."""
    return net_of(s.net) if s.net else Net.mlp(s.depth, s.phi, s.sigma_w, s.sigma_b, s.sigma_v)


def pair(s) -> tuple[int, int]:
    """x and x', rows of the kernel that there are."""
    X = inputs(s)
    last = len(X if not s.net else nets.rows(X, net(s))) - 1
    return min(s.x, last), min(s.x2, last)


def outputs_request(s, width: int | None = None) -> OutputsRequest:
    """As many draws of the outputs as were asked for and fit."""
    width = width or int(s.width)
    X, made, (i, j) = inputs(s), net(s), pair(s)
    fits = max(1, compute.draws_that_fit(made, X, i, j, width))
    return OutputsRequest(X, made, i, j, width, min(s.draws, fits), s.seed)


def deviation_request(s, widths: tuple[int, ...], limit: float | None = None) -> DeviationRequest | None:
    """At most 40 draws a width, as many as `limit` seconds (15; 6 for what runs as a program) allow.

    Wide ones are left out where they allow few.

    None where fewer than two draws of three widths (or of the only one) would fit.
    """
    X, made = inputs(s), net(s)
    limit = limit or (15.0 if made.kind == "MLP" else 6.0)
    each = [compute.seconds(made, X, n, 1, s.kernel) for n in widths]
    for least, shortest in ((LADDER_LEAST, min(5, len(widths))), (2, min(3, len(widths)))):
        for count in range(len(widths), shortest - 1, -1):
            draws = min(LADDER_DRAWS, int(limit / sum(each[:count])))
            if draws >= least:
                return DeviationRequest(X, made, s.kernel, widths[:count], draws, s.seed)
    return None
