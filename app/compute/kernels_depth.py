"""Depth dynamics for the Kernels lab: variances and correlation of x and x' on the way through a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tpapp.compute import kernels_nets as nets
from tpapp.kernel_results import Depth, DepthDraws, DepthDrawsRequest, DepthRequest, Fate
from tpcore.compute.progress import Progress
from tpcore.errors import Misuse
from tpcore.kernels import chaos
from tpcore.kernels.depth import Stage, empirical_through_chunks, entries, stack_of, through
from tpcore.kernels.empirical import empirical_nngp_chunks
from tpcore.kernels.nngp import nngp
from tpcore.nets import Dense, Network, ResNet, from_spec
from tpcore.nets.data import Data, Layout
from tpcore.nets.recurrent import Recurrent

SHORTEST = 10  # places that the limit is carried on to, at least
MAP_POINTS = 81
DRAWS = 20
OPERATIONS = 2e9  # neurons times pairs of positions times layers times draws that one request may take


def repeats(request: DepthRequest) -> bool:
    """Whether a fixed point is sought: the network is a stack whose layers act on every input alone."""
    try:
        return bool(chaos.piece_of(nets.network(request.net, request.inputs)))
    except Misuse:
        return False


def depth(request: DepthRequest, progress: Progress | None = None) -> Iterator[Depth]:
    """The limit on the way of x and x' through the network; then with what repetition leads to."""
    net, data, i, j = _pair(request)
    if isinstance(net, Recurrent):
        K = np.asarray(nngp(_each(net), _sequences(data), seed=request.seed, progress=progress))
        yield _steps(request, net, data.layout, j, K)
        return
    stages = through(net, data, request.seed)
    places, names, what = _places(net, stages)
    variance, correlation = entries(stages, i, j)
    found = Depth(request, what, places, names, variance[_kept(net, what)], correlation[_kept(net, what)])
    yield found
    yield _endless(net, stages, found, i, j)


def depth_draws(request: DepthDrawsRequest, progress: Progress | None = None) -> Iterator[DepthDraws]:
    """The same of random networks of finite width, more and more of them."""
    net, data, i, j = _pair(request.depth)
    variance, correlation = [], []
    if isinstance(net, Recurrent):
        for chunk in empirical_nngp_chunks(_each(net), _sequences(data), request.width, request.draws, request.seed,
                                           progress=progress):  # fmt: skip
            for K in chunk:
                one = _steps(request.depth, net, data.layout, j, K)
                variance.append(one.variance)
                correlation.append(one.correlation)
            yield DepthDraws(request, one.places, np.array(variance), np.array(correlation))
        return
    for stages in empirical_through_chunks(net, data, request.width, request.draws, request.seed, progress=progress):
        places, _, what = _places(net, stages)
        q, c = entries(stages, i, j)
        variance.extend(q[:, _kept(net, what)])
        correlation.extend(c[:, _kept(net, what)])
        yield DepthDraws(request, places, np.array(variance), np.array(correlation))


def draws_that_fit(request: DepthRequest, width: int) -> int:
    """How many networks of this width, at most 20, fit into the time of one request; 0 where none does."""
    net, data, _, _ = _pair(request)
    M = data.layout.total
    layers = 1 if isinstance(net, Recurrent) else len(stack_of(net))
    return int(min(DRAWS, OPERATIONS / (layers * width * M * (8 + M))))


# -- which inputs, which rows -----------------------------------------------------------------------------------


def _pair(request: DepthRequest) -> tuple[Network, Data, int, int]:
    """The network, the data of the inputs that x and x' belong to, and the two rows among their outputs."""
    net, pair = nets.network(request.net, request.inputs), nets.pair(request.inputs, request.net, request.i, request.j)
    return net, net.read(pair.data), *pair.rows


def _each(net: Recurrent) -> Recurrent:
    """The same network with an output at every step."""
    return from_spec(net.spec() | {"readout": "each"})


def _sequences(data: Data) -> list[np.ndarray]:
    return [data.features[data.layout.item(k)] for k in range(len(data.layout.shapes))]


# -- entries ----------------------------------------------------------------------------------------------------


def _steps(request: DepthRequest, net: Recurrent, layout: Layout, j: int, K: np.ndarray) -> Depth:
    """Step by step; within one sequence x' stays where it is."""
    first = int(layout.sizes[0])
    if len(layout.shapes) == 1:
        rows = np.arange(first)
        each = net.readout == "each"
        others = np.full(first, j) if each else rows
        pair = f"one sequence; x′ stays at step {j + 1}" if each else "x and x′ are one sequence"
    else:
        count = int(min(layout.sizes))
        rows, others = np.arange(count), first + np.arange(count)
        pair = "both after equally many steps"
    q, p, c = K[rows, rows], K[others, others], K[rows, others]
    scale = np.sqrt(np.maximum(q * p, 0.0))
    correlation = np.clip(np.divide(c, scale, out=np.zeros_like(c), where=scale > 0), -1, 1)
    places = np.arange(1, len(rows) + 1)
    return Depth(request, "steps", places, tuple(str(t) for t in places), np.stack([q, p], 1), correlation,
                 why="The depth of a recurrent network is the length of its sequences.", pair=pair)


# -- places on the axis -------------------------------------------------------------------------------------------


def _period(net) -> int:
    """Layers after which a stack without positions looks the same again; 0 where it does not."""
    stack = stack_of(net)
    hidden = stack[:-1] if isinstance(stack[-1], Dense) else stack
    if isinstance(net, ResNet) or len(hidden) < 2:
        return 0
    p = chaos.period(hidden)
    return p if p < len(hidden) and 1 < p <= 4 and isinstance(hidden[0], Dense) else 0


def _kept(net, what: str):
    """The stages shown: all, or those behind the first layer of every period."""
    if what != "periods":
        return slice(None)
    hidden = len(stack_of(net)) - 1
    return slice(1, hidden + 1, _period(net))


def _places(net, stages: list[Stage]) -> tuple[np.ndarray, tuple[str, ...], str]:
    if _period(net):
        count = len(stages[_kept(net, "periods")])
        places = np.arange(1, count + 1)
        return places, tuple(str(k) for k in places), "periods"
    places = np.arange(len(stages))
    return places, tuple(stage.name for stage in stages), "layers"


# -- without end --------------------------------------------------------------------------------------------------


def _endless(net, stages: list[Stage], found: Depth, i: int, j: int) -> Depth:
    """With the fixed point that repetition leads to, where the layers act on every input alone."""
    try:
        piece = chaos.piece_of(net)
    except Misuse:
        return replace(found, why="A fixed point is sought where layers act on every input alone and begin with Dense.")
    try:
        start = next(k for k, stage in enumerate(stages) if k)
        K = stages[start].K[np.ix_([i, j], [i, j])]
        periods = found.what == "periods"
        steps = max(SHORTEST, 2 * len(found.places)) - 1 if periods else 0
        orbit = chaos.orbit(piece, K, steps)
        grid = np.linspace(-1.0, 1.0, MAP_POINTS)
        q = orbit.variance if orbit.settled or orbit.fate == "slow" else float(found.variance[-1, 0])
        following = chaos.correlation_map(piece, q, grid)
    except Misuse as refusal:
        return replace(found, why=str(refusal))
    beyond = None
    if periods:
        tail = orbit.path[len(found.places) - 1 :]
        rows = [(len(found.places) + k, P[0, 0], chaos.correlation(P)) for k, P in enumerate(tail)]
        beyond = np.array(rows, float)
    fate = Fate(orbit.fate, orbit.variance, orbit.correlation, orbit.slope)
    return replace(found, beyond=beyond, fate=fate, map_c=grid, map_next=following)
