"""The Kernels lab's state, and the requests that it means."""

from __future__ import annotations

import time

import param

from tpapp import uploads
from tpapp.compute import kernels as compute
from tpapp.page import State, Width
from tpapp.results import DeviationRequest, Inputs, Net, OutputsRequest
from tpcore.errors import Cancelled

DIGITS = {"digits": ((0, 1, 4, 7), 6), "all": (tuple(range(10)), 4)}
LADDER_DRAWS = 40


class KernelsState(State):
    """An MLP, its inputs, and what is drawn of it."""

    depth = param.Integer(3, bounds=(1, 20), label="Depth")
    phi = param.Selector(objects=list(compute.ACTIVATIONS), default="relu", label="Activation")
    sigma_w = param.Number(1.41, bounds=(0.1, 4.0), step=0.01, label="Weights σ")
    sigma_b = param.Number(0.32, bounds=(0.0, 4.0), step=0.01, label="Biases σ")
    sigma_v = param.Number(1.0, bounds=(0.1, 4.0), step=0.01, label="Readout σ")
    kernel = param.Selector(objects={"NNGP": "nngp", "NTK": "ntk"}, default="nngp", label="Kernel")
    width = Width(4096, low=8)
    draws = param.Integer(2000, bounds=(200, 10_000), step=200, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    data = param.Selector(objects=["digits", "all", "upload"], default="digits", label="Data")
    x = param.Integer(1, bounds=(0, uploads.MAX_ROWS - 1), label="x")
    x2 = param.Integer(10, bounds=(0, uploads.MAX_ROWS - 1), label="x′")
    upload = param.ClassSelector(class_=Inputs, default=None, precedence=-1)

    def read(self, lab: str, query) -> list[str]:
        said = super().read(lab, query)
        if self.data == "upload" and self.upload is None:
            self.data = "digits"
            said.append("A link does not carry an uploaded file: these are the digits. Upload the file again.")
        return said


def inputs(s) -> Inputs:
    """The inputs that a snapshot means."""
    if s.data == "upload" and s.upload is not None:
        return s.upload
    return compute.digits(*DIGITS.get(s.data, DIGITS["digits"]))


def net(s) -> Net:
    return Net.mlp(s.depth, s.phi, s.sigma_w, s.sigma_b, s.sigma_v)


def pair(s) -> tuple[int, int]:
    """x and x', rows of the inputs there are."""
    last = len(inputs(s)) - 1
    return min(s.x, last), min(s.x2, last)


def outputs_request(s, width: int | None = None) -> OutputsRequest:
    """As many draws of the outputs as were asked for and fit."""
    width = width or int(s.width)
    fits = max(1, compute.draws_that_fit(net(s), inputs(s), *pair(s), width))
    return OutputsRequest(inputs(s), net(s), *pair(s), width, min(s.draws, fits), s.seed)


def deviation_request(s, widths: tuple[int, ...], limit: float) -> DeviationRequest | None:
    """At most 40 draws a width, as many as `limit` seconds allow; None where that is fewer than two."""
    each = sum(compute.seconds(net(s), inputs(s), n, 1, s.kernel) for n in widths)
    draws = min(LADDER_DRAWS, int(limit / each))
    return DeviationRequest(inputs(s), net(s), s.kernel, widths, draws, s.seed) if draws >= 2 else None


def rested(work, request, seconds: float):
    """`work` begun only when the request has stood for a while: a drag leaves the processor to what it shows."""

    def wait(progress):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)
            if progress.cancelled:
                raise Cancelled("the request did not stand")
        return work(request, progress)

    return wait
