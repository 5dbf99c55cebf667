"""Predictions for the Kernels lab: how well kernel regression reads digits, by training size.

One kernel over all digits; for every random training set one Cholesky factor, whose leading blocks are those of the
smaller sets: with K_XX + s^2 = L L^T, V = L^-1 K_X* and z = L^-1 y the mean after N digits is V_N^T z_N.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from tpapp.compute import kernels_nets as nets
from tpapp.compute.kernels_readers import reader, sampled, samples_of
from tpapp.compute.ladder import silent
from tpapp.kernel_results import Accuracy, AccuracyRequest
from tpapp.results import Inputs, Net
from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import single_blas
from tpcore.data.digits import SIZE, digits
from tpcore.errors import Misuse
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.kernels.regression import JITTERS
from tpcore.nets import AvgPool, Conv, Flatten, Network, Sequential
from tpcore.nets.sequential import every

RULES = ("nngp", "ntk")
FEW = (2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 50)
SIZES = (10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
SHAPES = ((64,), (8, 8, 1), (8, 8))  # a digit as a point, as an image, as eight rows read one after another
# Pairs of positions that a kernel over digits may have: where inputs go by pairs, by one matrix, by a sample.
SLABS, JOINT, SAMPLED, LEAST = 2.1e8, 1.5e7, 2.35e5, 30
KEPT = 3
_kernels: OrderedDict[tuple[Net, str], np.ndarray] = OrderedDict()
_slow = threading.Lock()


@lru_cache(maxsize=32)
def reads(net: Network) -> tuple[Network, tuple[int, ...]]:
    """The network that reads digits, and the shape in which it takes one."""
    X = digits(2)[0]
    stack = net.stack if isinstance(net, Sequential) else ()
    windows = any(isinstance(layer, Conv | AvgPool) for layer in every(stack))
    shapes = sorted(SHAPES, key=lambda shape: (len(shape) > 1, len(shape) != (3 if windows else 2)))
    return reader(net, "digits", {shape: X.reshape(2, *shape) for shape in shapes})


def count_of(net, shape: tuple[int, ...]) -> int:
    """Over how many digits the kernel is taken: all where inputs are points, fewer where positions meet."""
    if len(shape) == 1:
        return SIZE
    positions = int(np.prod(shape[:-1]))
    stack = net.stack if isinstance(net, Sequential) else ()
    flat = any(isinstance(layer, Flatten) for layer in stack)
    slabs = any(isinstance(layer, Conv) for layer in every(stack)) and not net.random
    fits = SAMPLED if sampled(net) else SLABS * (positions if flat else 1) if slabs else JOINT
    return int(min(SIZE, max(LEAST, np.sqrt(fits) / positions // 10 * 10)))


def digit_kernel(net, rule: str, progress: Progress | None = None) -> np.ndarray:
    """(M, M): the kernel of the rule over the first M digits; kept for the last few networks."""
    checks.choice("rule", rule, RULES)
    with _slow:
        if (net, rule) not in _kernels:
            made, shape = reads(nets.network(net))
            M = count_of(made, shape)
            X = digits(M)[0].reshape(M, *shape)
            inner = None if progress is None else silent(progress)
            K = np.asarray((ntk if rule == "ntk" else nngp)(made, X, samples=samples_of(made), progress=inner))
            K.setflags(write=False)
            _kernels[net, rule] = K
            while len(_kernels) > KEPT:
                _kernels.popitem(last=False)
        _kernels.move_to_end((net, rule))
        return _kernels[net, rule]


def problem(request: AccuracyRequest, rule: str, progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and the classes: of all digits, or of the nodes of a graph."""
    if request.graph is None:
        K = digit_kernel(request.net, rule, progress)
        return K, digits(len(K))[1]
    net = nodes(request.net, request.graph)
    K = np.asarray((ntk if rule == "ntk" else nngp)(net, request.graph.data))
    return K, np.unique(request.graph.labels, return_inverse=True)[1]


def nodes(net: Net, graph: Inputs) -> Network:
    """The network on a graph, if it has one output for each node."""
    made = nets.network(net, graph)
    if nets.outputs(made, made.read(graph.data).layout).total != len(graph.labels):
        raise Misuse("A prediction needs one output for each node", "a network that pools", "Leave the pooling out")
    return made


def sizes_for(count: int) -> np.ndarray:
    """The training sizes that leave enough digits to test on."""
    return np.array([n for n in (SIZES if count > 100 else FEW) if n <= 0.6 * count])


def split(count: int, seed: int, k: int) -> np.ndarray:
    """The k-th random order of the digits: the first are trained on, the last are tested."""
    return np.random.default_rng([seed, k]).permutation(count)


def accuracy(request: AccuracyRequest, progress: Progress | None = None) -> Iterator[Accuracy]:
    """Accuracies after growing training sets, one random order of the digits more at each step."""
    progress = progress or Progress()
    progress.start(len(request.rules) * (request.sets + 4))
    correct: dict[str, list[np.ndarray]] = {rule: [] for rule in request.rules}
    for rule in request.rules:
        K, y = problem(request, rule, progress)
        sizes = sizes_for(len(K))
        tested = len(K) - int(sizes[-1])
        progress.tick(4)
        for k in range(request.sets):
            order = split(len(K), request.seed, k)
            with single_blas():
                correct[rule].append(correct_after(K, y, order, sizes, request.noise))
            progress.tick()
            have = {name: np.array(rows) for name, rows in correct.items() if rows}
            yield Accuracy(request, sizes, have, len(K), tested)


def correct_after(K: np.ndarray, y: np.ndarray, order: np.ndarray, sizes: np.ndarray, noise: float) -> np.ndarray:
    """(S,): the share of the digits behind the largest training set that the mean after N of `order` reads rightly.

    Targets are 1 for an input's class and 0 for the others, less 1 / classes.
    """
    most, classes = int(sizes[-1]), int(y.max()) + 1
    train, test = order[:most], order[most:]
    targets = np.eye(classes)[y[train]] - 1.0 / classes
    A = K[np.ix_(train, train)].copy()
    L = _factor(A, noise * float(np.diagonal(K).mean()))
    both = np.concatenate([K[np.ix_(train, test)], targets], axis=1)
    solved = solve_triangular(L, both, lower=True, overwrite_b=True, check_finite=False)
    V, z = solved[:, : len(test)], solved[:, len(test) :]
    mean, start, found = np.zeros((len(test), classes)), 0, []
    for n in sizes:
        mean += V[start:n].T @ z[start:n]
        start = int(n)
        found.append(float((mean.argmax(axis=1) == y[test]).mean()))
    return np.array(found)


def _factor(A: np.ndarray, noise: float) -> np.ndarray:
    """The Cholesky factor of A + noise, with the least jitter that makes it exist (as in `tpcore.regression`)."""
    scale, n = float(np.trace(A)) / len(A), len(A)
    diagonal = np.diagonal(A).copy()
    for jitter in JITTERS:
        A[np.diag_indices(n)] = diagonal + noise + jitter * scale
        try:
            L = cholesky(A, lower=True, check_finite=False)
        except LinAlgError:
            continue
        if np.diagonal(L).min() ** 2 > n * np.finfo(float).eps * (scale + noise) / 8:
            return L
    raise Misuse("The kernel of the training digits must be positive definite", f"noise {noise:g}",
                 "The network does not tell digits apart: give noise above 0")
