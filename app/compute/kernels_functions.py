"""Functions on the circle for the Kernels lab: the law of a wide network before it sees data, and after.

An angle a enters as the point sqrt(2) (cos a, sin a); networks of sequences and images see eight samples
sqrt(2) cos(a + 2 pi k / 8) of a wave that it shifts.
"""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np

from tpapp.compute import kernels_nets as nets
from tpapp.kernel_results import FunctionDraws, FunctionDrawsRequest, FunctionRequest, Functions
from tpcore.compute.progress import Progress
from tpcore.errors import Misuse
from tpcore.kernels import regression
from tpcore.kernels.empirical import sample_outputs
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.nets import from_spec
from tpcore.nets.recurrent import Recurrent

GRID = 121
WAVE = 8
TARGETS = {"wave": "cos a + ½ sin 3a", "step": "sign of sin a", "bump": "one bump at a = 0"}
EMBEDDINGS = ("circle", "steps", "image")
_slow = threading.Lock()


def target(name: str, angles: np.ndarray) -> np.ndarray:
    """The function to be learnt, of variance about 1."""
    if name == "wave":
        return np.cos(angles) + 0.5 * np.sin(3 * angles)
    if name == "step":
        return np.where(np.sin(angles) >= 0, 1.0, -1.0)
    return 2.0 * np.exp(4.0 * (np.cos(angles) - 1.0)) - 0.5


def embed(angles: np.ndarray, way: str) -> np.ndarray:
    """Angles (M,) as inputs: (M, 2), (M, 8, 1) or (M, 8, 8, 1)."""
    if way == "circle":
        return np.sqrt(2.0) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    phase = 2 * np.pi * np.arange(WAVE) / WAVE
    if way == "steps":
        return np.sqrt(2.0) * np.cos(angles[:, None] + phase)[:, :, None]
    return np.sqrt(2.0) * np.cos(angles[:, None, None] + phase[:, None] + phase)[..., None]


def angles_of(points: int, seed: int) -> np.ndarray:
    """Where the data are: random angles, at least a little apart, the first so many of one sequence."""
    rng = np.random.default_rng([seed, 2])
    found: list[float] = []
    apart = 2 * np.pi / (4 * max(points, 8))
    while len(found) < points:
        a = float(rng.uniform(-np.pi, np.pi))
        if all(abs(np.angle(np.exp(1j * (a - b)))) > apart for b in found):
            found.append(a)
    return np.array(found)


def data_of(request: FunctionRequest) -> tuple[np.ndarray, np.ndarray]:
    """Angles (N,) and noisy outputs (N,)."""
    at = angles_of(request.points, request.seed)
    noise = np.random.default_rng([request.seed, 3]).standard_normal(request.points)
    return at, target(request.target, at) + np.sqrt(request.noise) * noise


def grid() -> np.ndarray:
    return np.linspace(-np.pi, np.pi, GRID)


def functions(request: FunctionRequest, progress: Progress | None = None) -> Functions:
    """The law of the functions before and after the data: conditioned (``rule="gp"``), or trained for a time (``"ntk"``).

    Time is in units of 1 / mean variance of the tangent kernel; at time 0 the two laws are one.
    """
    r = request
    angles = grid()
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
    net, way = reader(nets.network(request.net))
    f = sample_outputs(net, embed(grid(), way), request.width, request.draws, request.seed, progress=progress)
    return FunctionDraws(request, grid(), f)


def reader(net):
    """The network that reads angles, and the way in which they enter.

    Raises
    ------
    Misuse
        For networks that tie inputs together, that take none of these inputs, or that put out several numbers.
    """
    if getattr(net, "batched", False):
        raise Misuse("Batch normalization ties the inputs of a batch together", "a prediction for one input alone",
                     "Take a network without BatchNorm, or with LayerNorm")
    if "readout" in net.spec() and net.readout == "each":
        net = from_spec(net.spec() | {"readout": "last" if isinstance(net, Recurrent) else "mean"})
    words = ""
    for way in EMBEDDINGS:
        try:
            K = np.asarray(nngp(net, embed(np.array([0.3, 1.1]), way)))
        except Misuse as refusal:
            words = words or str(refusal)
            continue
        if K.shape == (2, 2):
            return net, way
        words = f"A prediction needs one output for each angle. Got {len(K) // 2} from this network. Add MeanPool."
    raise Misuse(f"This network reads no angles: {words}")


def _kernel(net, points: int, seed: int, rule: str) -> np.ndarray:
    with _slow:
        return _kept(net, points, seed, rule)


@lru_cache(maxsize=16)
def _kept(net, points: int, seed: int, rule: str) -> np.ndarray:
    """The kernel over the data's angles and, behind them, the grid's."""
    net, way = reader(nets.network(net))
    X = embed(np.concatenate([angles_of(points, seed), grid()]), way)
    K = np.asarray((ntk if rule == "ntk" else nngp)(net, X))
    K = (K + K.T) / 2
    K.setflags(write=False)
    return K
