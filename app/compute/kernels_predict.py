"""Predictions for the Kernels lab: how well kernel regression reads digits, by training size.

One kernel over all digits; for every random training set one Cholesky factor, whose leading blocks are those of the
smaller sets: with K_XX + s^2 = L L^T, V = L^-1 K_X* and z = L^-1 y the mean after N digits is V_N^T z_N.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from tpapp.compute import kernels_nets as nets
from tpapp.kernel_results import Accuracy, AccuracyRequest
from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import single_blas
from tpcore.data.digits import SIZE, digits
from tpcore.errors import Misuse
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.kernels.regression import JITTERS
from tpcore.nets import MLP, Sequential, from_spec
from tpcore.nets.recurrent import Recurrent

RULES = ("nngp", "ntk")
CLASSES = 10
SIZES = (10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
SHAPES = ((64,), (8, 8, 1), (8, 8))  # a digit as a point, as an image, as eight rows read one after another
ENTRIES = {"points": SIZE**2, "positions": 3.0e7}  # of the matrices of a kernel over digits; more take too long
_slow = threading.Lock()


def reader(net):
    """The network that reads digits, and the shape in which it takes one.

    Raises
    ------
    Misuse
        For networks that take no digits, that tie them together, or that put out more than one number for each.
    """
    if getattr(net, "batched", False):
        raise Misuse("Batch normalization ties the inputs of a batch together", "a prediction for one input alone",
                     "Take a network without BatchNorm, or with LayerNorm")
    if "readout" in net.spec() and net.readout == "each":
        net = from_spec(net.spec() | {"readout": "last" if isinstance(net, Recurrent) else "mean"})
    X = digits(2)[0]
    words = ""
    for shape in SHAPES:
        try:
            K = np.asarray(nngp(net, X.reshape(2, *shape)))
        except Misuse as refusal:
            words = words or str(refusal)
            continue
        if K.shape == (2, 2):
            return net, shape
        words = f"A prediction needs one output for each digit. Got {len(K) // 2} from this network. Add MeanPool."
    raise Misuse(f"This network reads no digits: {words}")


def count_of(net, shape: tuple[int, ...]) -> int:
    """Over how many digits the kernel is taken: all where inputs are points, fewer where positions meet."""
    if isinstance(net, MLP) or len(shape) == 1:
        return SIZE
    positions = int(np.prod(shape[:-1] if len(shape) == 3 else shape[:1]))
    flat = isinstance(net, Sequential) and any(type(layer).__name__ == "Flatten" for layer in net.stack)
    each = positions if flat else positions**2
    return int(min(SIZE, max(120, np.sqrt(ENTRIES["positions"] / each) // 10 * 10)))


def digit_kernel(net, rule: str, progress: Progress | None = None) -> np.ndarray:
    """(M, M): the kernel of the rule over the first M digits; kept for the last few networks."""
    with _slow:
        return _kernel(net, checks.choice("rule", rule, RULES))


@lru_cache(maxsize=4)
def _kernel(net, rule: str) -> np.ndarray:
    net, shape = reader(nets.network(net))
    M = count_of(net, shape)
    X = digits(M)[0].reshape(M, *shape)
    K = np.asarray((ntk if rule == "ntk" else nngp)(net, X))
    K.setflags(write=False)
    return K


def sizes_for(count: int) -> np.ndarray:
    """The training sizes that leave enough digits to test on."""
    return np.array([n for n in SIZES if n <= 0.6 * count])


def split(count: int, seed: int, k: int) -> np.ndarray:
    """The k-th random order of the digits: the first are trained on, the last are tested."""
    return np.random.default_rng([seed, k]).permutation(count)


def accuracy(request: AccuracyRequest, progress: Progress | None = None) -> Iterator[Accuracy]:
    """Accuracies after growing training sets, one random order of the digits more at each step."""
    progress = progress or Progress()
    progress.start(len(request.rules) * (request.sets + 4))
    correct: dict[str, list[np.ndarray]] = {rule: [] for rule in request.rules}
    for rule in request.rules:
        K = digit_kernel(request.net, rule, progress)
        y = digits(len(K))[1]
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

    Targets are 0.9 for a digit's class and -0.1 for the others.
    """
    most = int(sizes[-1])
    train, test = order[:most], order[most:]
    targets = np.eye(CLASSES)[y[train]] - 1.0 / CLASSES
    A = K[np.ix_(train, train)].copy()
    L = _factor(A, noise * float(np.diagonal(K).mean()))
    both = np.concatenate([K[np.ix_(train, test)], targets], axis=1)
    solved = solve_triangular(L, both, lower=True, overwrite_b=True, check_finite=False)
    V, z = solved[:, : len(test)], solved[:, len(test) :]
    mean, start, found = np.zeros((len(test), CLASSES)), 0, []
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
