"""Functions on the circle for the Kernels lab: the law of a wide network before it sees data, and after.

An angle a enters as the point sqrt(2) (cos a, sin a); networks of sequences and images see eight such points, turned
by 2 pi k / 8.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache

import numpy as np

from tpapp.compute import kernels_nets as nets
from tpapp.compute.kernels_readers import reader, sampled, samples_of
from tpapp.kernel_results import FunctionDraws, FunctionDrawsRequest, FunctionRequest, Functions
from tpapp.results import Net
from tpcore.compute.progress import Progress
from tpcore.kernels import regression
from tpcore.kernels.depth import stack_of
from tpcore.kernels.empirical import sample_outputs
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.nets import Network
from tpcore.nets.recurrent import Recurrent

GRID, FEW = 121, 31  # every fourth
TURNS, APART = 8, 0.05
TARGETS = {"wave": "cos a + ½ sin 3a", "step": "sign of sin a", "bump": "one bump at a = 0"}
EMBEDDINGS = ("circle", "steps", "image")
KEPT = 24
OPERATIONS = 1e10  # that drawing networks may take
_kernels: OrderedDict[tuple[Net, int, int, str], np.ndarray] = OrderedDict()
_slow = threading.Lock()


def target(name: str, angles: np.ndarray) -> np.ndarray:
    """The function to be learnt, of variance about 1."""
    if name == "wave":
        return np.cos(angles) + 0.5 * np.sin(3 * angles)
    if name == "step":
        return np.where(np.sin(angles) >= 0, 1.0, -1.0)
    return 3.0 * np.exp(4.0 * (np.cos(angles) - 1.0)) - 0.6


def embed(angles: np.ndarray, way: str) -> np.ndarray:
    """Angles (M,) as inputs: (M, 2), (M, 8, 2) or (M, 8, 8, 2)."""
    turn = 2 * np.pi * np.arange(TURNS) / TURNS
    if way == "steps":
        angles = angles[:, None] + turn
    elif way == "image":
        angles = angles[:, None, None] + turn[:, None] + turn
    return np.sqrt(2.0) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def angles_of(points: int, seed: int) -> np.ndarray:
    """Where the data are: random angles at least APART from each other, the first so many of one sequence."""
    rng = np.random.default_rng([seed, 2])
    found: list[float] = []
    while len(found) < points:
        a = float(rng.uniform(-np.pi, np.pi))
        if all(abs(np.angle(np.exp(1j * (a - b)))) > APART for b in found):
            found.append(a)
    return np.array(found)


def data_of(request: FunctionRequest) -> tuple[np.ndarray, np.ndarray]:
    """Angles (N,) and noisy outputs (N,)."""
    at = angles_of(request.points, request.seed)
    noise = np.random.default_rng([request.seed, 3]).standard_normal(request.points)
    return at, target(request.target, at) + np.sqrt(request.noise) * noise


def grid(net: Network) -> np.ndarray:
    """Where the law is taken: at fewer angles where the kernel is sampled."""
    return np.linspace(-np.pi, np.pi, FEW if sampled(net) else GRID)


def functions(request: FunctionRequest, progress: Progress | None = None) -> Functions:
    """The law of the functions before and after the data: conditioned (rule "gp"), or trained for a time ("ntk").

    Time is in units of 1 / mean variance of the tangent kernel; at time 0 the two laws are one.
    """
    r = request
    angles = grid(reads(nets.network(r.net))[0])
    at, y = data_of(r)
    K = _kernel(r.net, r.points, r.seed, "nngp")
    rows = np.arange(r.points, len(K))
    if r.rule == "ntk":
        theta = _kernel(r.net, r.points, r.seed, "ntk")
        after = regression.flow(K, theta, y, r.time / float(np.diagonal(theta).mean()), rows)
    else:
        after = regression.posterior(K, y, r.noise, rows=rows)
    before = K[np.ix_(rows, rows)]
    prior = regression.sample(before, r.draws, r.seed)
    # The same noise as before, so that at time 0 the samples are those of the prior.
    samples = regression.sample((after.cov + after.cov.T) / 2, r.draws, r.seed) + after.mean
    sd = np.sqrt(np.maximum(np.diagonal(before), 0.0))
    return Functions(r, angles, target(r.target, angles), at, y, sd, prior, after.mean, after.std, samples)


def function_draws(request: FunctionDrawsRequest, progress: Progress | None = None) -> FunctionDraws:
    """Random networks of finite width as functions on the circle."""
    net, way = reads(nets.network(request.net))
    angles = coarse(way)
    f = sample_outputs(net, embed(angles, way), request.width, request.draws, request.seed, progress=progress)
    return FunctionDraws(request, angles, f)


def coarse(way: str) -> np.ndarray:
    """Where networks of finite width are drawn: fewer angles where each is many inputs."""
    return np.linspace(-np.pi, np.pi, GRID if way == "circle" else FEW)


def draws_that_fit(net: Net, width: int, most: int = 5) -> int:
    """How many networks of this width are drawn in reasonable time; 0 where none is."""
    made, way = reads(nets.network(net))
    columns = len(coarse(way)) * {"circle": 1, "steps": TURNS, "image": TURNS**2}[way]
    layers = len(stack_of(made)) if not isinstance(made, Recurrent) else 2 * len(made.gates or "x")
    each = width * columns * layers * (40 if net.kind == "MLP" else 40 + columns)
    return int(min(most, OPERATIONS / each))


@lru_cache(maxsize=32)
def reads(net: Network) -> tuple[Network, str]:
    """The network that reads angles, and the way in which they enter."""
    return reader(net, "angles", {way: embed(np.array([0.3, 1.1]), way) for way in EMBEDDINGS})


def ready(request: FunctionRequest) -> bool:
    """Whether the kernels of a request are kept, so that the rest takes milliseconds."""
    rules = ("nngp", "ntk") if request.rule == "ntk" else ("nngp",)
    return all((request.net, request.points, request.seed, rule) in _kernels for rule in rules)


def _kernel(net: Net, points: int, seed: int, rule: str) -> np.ndarray:
    """The kernel over the data's angles and, behind them, the grid's; kept for the last few networks."""
    key = net, points, seed, rule
    with _slow:
        if key not in _kernels:
            made, way = reads(nets.network(net))
            X = embed(np.concatenate([angles_of(points, seed), grid(made)]), way)
            K = np.asarray((ntk if rule == "ntk" else nngp)(made, X, samples=samples_of(made)))
            _kernels[key] = (K + K.T) / 2
            _kernels[key].setflags(write=False)
            while len(_kernels) > KEPT:
                _kernels.popitem(last=False)
        return _kernels[key]
