"""How long kernels and outputs will take, roughly, so that nothing exceeds a request's time.

An MLP's draws never build a program; every other network runs as its program, whose plan (`tpcore.finite`) knows its
arithmetic. The constants were measured on two cores.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tpapp.compute import kernels_nets as nets
from tpapp.results import Inputs, Net
from tpcore.activations import NAMED
from tpcore.errors import BudgetError, Misuse
from tpcore.finite import budget
from tpcore.finite.plan import Plan
from tpcore.kernels.covariance import NoRecursion, covariance
from tpcore.limit import expect
from tpcore.nets.sequential import Sequential

SECONDS = 60.0  # what one request may take
PROGRAM_SECONDS = 8.0  # what the outputs of networks that run as programs may
_PER_NEURON, _PER_INPUT, _NTK = 2e-8, 1e-8, 3.5  # an MLP: seconds a neuron and layer, an input more; NTK by NNGP
_PER_ENTRY = {"closed form": 3e-8, "series": 2e-6}  # seconds an entry and layer of a limit; other methods: 1e-3
# A program: times its plan's seconds; seconds an instruction; an entry of the Gram matrix and neuron.
_LOADED, _LINE, _GRAM = 2.5, 1e-4, 3e-10
# Its tangent program: seconds a column and n^2; an instruction; an instruction and squared position.
_TANGENT = {"square": 4e-9, "line": 3e-3, "pairs": 5e-7}
_QUICK = 0.012  # seconds that an event loop may spend
MOST_PAIRED = {"nngp": 48, "ntk": 16}  # positions of a limit that goes pair by pair
_WIDEST = 10**6
GENERIC = ((1.1, 0.4, 0.9), (1.0, 0.999, 1.02), (30.0, 12.0, 20.0), (0.01, 0.004, 0.02))  # covariances q, c, p


@lru_cache(maxsize=256)
def _plans(net: Net, inputs: Inputs, items: tuple[int, int] | None) -> tuple[Plan, Plan, int, int]:
    """Plans of the program on all inputs, or on those of two rows: lazy, dense; its instructions, its outputs."""
    made = nets.network(net, inputs)
    data = made.read(inputs.data if items is None else nets.pair(inputs, net, *items).data)
    built = made.build(data, 64) if isinstance(made, Sequential) else made.build(data)
    plans = (Plan(built.program, dense, frozenset()) for dense in (False, True))
    return *plans, len(built.program.nodes), built.count


def _columns(plan: Plan) -> int:
    return sum(product.columns for products in plan.by_matrix().values() for product in products)


def seconds(net: Net, inputs: Inputs, width: int, draws: int = 1, kernel: str = "nngp") -> float:
    """About how long so many draws of a kernel take on two cores."""
    if net.kind == "MLP":
        each = _mlp(net, len(inputs), width) * (_NTK if kernel == "ntk" else 1.0)
    elif kernel == "ntk":
        each = _tangent(net, inputs, width)
    else:
        each = _program(net, inputs, width, None)
    return draws * each


def pair_seconds(net: Net, inputs: Inputs, i: int, j: int, width: int, draws: int = 1) -> float:
    """About how long so many draws of two outputs take."""
    return draws * (_mlp(net, 2, width) if net.kind == "MLP" else _program(net, inputs, width, (i, j)))


def _mlp(net: Net, inputs: int, width: int) -> float:
    return net.fields["depth"] * width * (_PER_NEURON + _PER_INPUT * inputs)


@lru_cache(maxsize=4096)
def _program(net: Net, inputs: Inputs, width: int, items: tuple[int, int] | None) -> float:
    lazy, dense, lines, outputs = _plans(net, inputs, items)
    found = budget.seconds(dense if budget.dense_is_cheaper(lazy, width) else lazy, width)
    gram = 0.0 if items is not None else _GRAM * outputs**2 * width
    return _LOADED * found + _LINE * lines + gram


def _tangent(net: Net, inputs: Inputs, width: int) -> float:
    """The tangent program has a line for every pair of uses of a matrix: too long to be written for an estimate."""
    lazy, _, lines, _ = _plans(net, inputs, None)
    positions = nets.network(net, inputs).read(inputs.data).layout.total
    each = _TANGENT["line"] + _TANGENT["pairs"] * positions**2
    return _TANGENT["square"] * _columns(lazy) * width**2 + lines * each


@lru_cache(maxsize=256)
def recursive(net: Net, inputs: Inputs) -> bool:
    """Whether second moments alone decide the limit, so that it takes milliseconds: tried on two inputs."""
    made = nets.network(net, inputs)
    if not isinstance(made, Sequential) or made.random:
        return True
    few = inputs.data if inputs.kind == "graph" else inputs.data[: 3 if made.batched else 2]
    try:
        covariance(made, made.read(few), None)
    except NoRecursion:
        return False
    return True


def check_limit(net: Net, inputs: Inputs, kernel: str = "nngp") -> None:
    """Refuse limits without a recursion where they would take minutes: the program's limit goes pair by pair."""
    most = MOST_PAIRED[kernel]
    if net.kind == "MLP" or recursive(net, inputs):
        return
    positions = nets.network(net, inputs).read(inputs.data).layout.total
    if positions > most:
        raise Misuse("Where activations follow each other without weights between, the limit is found pair by pair: "
                     f"at most {most} positions in all", f"{positions:,}",
                     "Put Dense between, or take sentences or inputs without positions")  # fmt: skip


def draws_that_fit(net: Net, inputs: Inputs, i: int, j: int, width: int) -> int:
    """How many draws of two outputs at this width fit into the time of one request."""
    limit = SECONDS if net.kind == "MLP" else PROGRAM_SECONDS
    return int(limit / pair_seconds(net, inputs, i, j, width))


def widest(net: Net, inputs: Inputs, kernel: str = "nngp") -> int:
    """The largest width at which one draw of the kernel fits into the time of one request; 0 if none does."""
    if net.kind == "MLP":
        return int(SECONDS / seconds(net, inputs, 1, 1, kernel))
    low, high = 0, _WIDEST + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if seconds(net, inputs, middle, 1, kernel) <= SECONDS else (low, middle)
    return low


def check(net: Net, inputs: Inputs, width: int, kernel: str = "nngp") -> None:
    """Refuse, with the width that fits, what would take longer than a request may."""
    if seconds(net, inputs, width, 1, kernel) <= SECONDS:
        return
    fits = widest(net, inputs, kernel)
    hint = f"At most n = {fits:,} fits" if fits >= 8 else "Take fewer or shorter inputs, or the NNGP"
    raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", f"n = {width:,} on {inputs.name}",
                      hint, fits=fits)  # fmt: skip


def check_pair(net: Net, inputs: Inputs, i: int, j: int, width: int, draws: int) -> None:
    """Refuse, with the number that fits, more draws of two outputs than a request has time for."""
    if pair_seconds(net, inputs, i, j, width, draws) <= SECONDS:
        return
    fits = int(SECONDS / pair_seconds(net, inputs, i, j, width))
    raise BudgetError(f"A request may take about {SECONDS:.0f} seconds", f"{draws:,} draws at n = {width:,}",
                      f"At most {fits:,} draws fit" if fits else "Take a smaller width", fits=fits)  # fmt: skip


@lru_cache(maxsize=64)
def way(phi: str) -> tuple[str, float]:
    """How expectations of an activation are found, and the largest relative error of one at `GENERIC` covariances."""
    found = [expect.V(NAMED[phi], np.array([[q, c], [c, p]])) for q, c, p in GENERIC]
    return found[0].method, max(float(np.max(v.error)) / float(np.abs(np.asarray(v)).max()) for v in found)


@lru_cache(maxsize=256)
def quick_limit(net: Net, inputs: Inputs, kernel: str = "nngp") -> bool:
    """Whether the limit takes so few milliseconds that it need not wait for a turn."""
    if net.kind == "MLP":
        return mlp_is_quick(net, len(inputs), kernel)
    made = nets.network(net, inputs)
    if net.kind in ("GRU", "LSTM") or getattr(made, "random", False) or getattr(made, "batched", False):
        return False
    names = phis(net)
    if any(layer["layer"] in nets.CELLS for layer in nets.layers(net.fields)) or not set(names) <= set(NAMED):
        return False
    if not recursive(net, inputs):
        return False
    layout = made.read(inputs.data).layout
    flat = layout.axes == 2 and nets.outputs(made, layout).axes == 0 and "Flatten" in str(made)
    entries = layout.total**2 / (layout.sizes[0] if flat or net.fields.get("head") == "flatten" else 1)
    depth = len(made.stack) if isinstance(made, Sequential) else 2
    each = max((_PER_ENTRY.get(way(phi)[0], 1e-3) for phi in names), default=3e-8)
    return depth * entries * each * (2 if kernel == "ntk" else 1) <= _QUICK


def mlp_is_quick(net: Net, inputs: int, kernel: str = "nngp") -> bool:
    each = _PER_ENTRY.get(way(net.fields["phi"])[0], 1e-3) * (2 if kernel == "ntk" else 1)
    return net.fields["depth"] * inputs**2 * each <= _QUICK


def quick_draw(net: Net, inputs: Inputs, width: int, kernel: str = "nngp") -> bool:
    """Whether one draw beside its limit does."""
    return quick_limit(net, inputs, kernel) and seconds(net, inputs, width, 1, kernel) <= _QUICK


def phis(net: Net) -> list[str]:
    """Names of the activations of a network whose expectations its limit takes."""
    spec = net.fields
    if net.kind == "Sequential":
        return [layer["phi"] for layer in nets.layers(spec) if "phi" in layer]
    return ["relu"] if net.kind == "Transformer" else [spec.get("phi", "erf" if net.kind in nets.CELLS else "relu")]


__all__ = [
    "SECONDS", "check", "check_limit", "check_pair", "draws_that_fit", "mlp_is_quick", "pair_seconds", "phis",
    "quick_draw", "quick_limit", "recursive", "seconds", "way", "widest",
]
