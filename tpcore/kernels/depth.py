r"""Kernels on the way through a network: behind every layer, in the limit and at finite width.

Order and chaos are told by how the entries move: behind layer l of an MLP the preactivations of x and x' have variances
q^l, q'^l and correlation c^l, and l -> c^l runs to a fixed point that is 1 (order: all inputs become alike) or below 1
(chaos). Source: Poole et al. (arXiv 1606.05340), section 2; Schoenholz et al. (arXiv 1611.01232), sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.compute.progress import as_progress
from tpcore.errors import Misuse
from tpcore.finite.budget import BUDGET
from tpcore.finite.ensemble import ensemble_chunks
from tpcore.kernels.nngp import network
from tpcore.kernels.recursion import square_memory
from tpcore.limit.interpret import limit
from tpcore.nets import MLP, Act, Dense, Network, Sequential
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.builder import Builder, Signal
from tpcore.nets.data import Data, Layout
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NoRecursion, Own
from tpcore.program.build import Program
from tpcore.program.variables import inner

MIXTURE = 64


@dataclass(frozen=True, eq=False)
class Stage:
    """The kernel behind one layer.

    Attributes
    ----------
    name : str
        Of the layer; "inputs" of what goes in.
    K : ndarray (M, M), or (draws, M, M) of networks of finite width
        <x, x'> / n over all positions of all inputs that are left: variance and covariance of a coordinate where the
        layer has weights of its own. The first is <x, x'> / d, the last the covariance of the outputs.
    layout : Layout
        Of the M positions.
    """

    name: str
    K: np.ndarray
    layout: Layout


def stack_of(net: Network) -> tuple[Layer, ...]:
    """The layers of a network, readout included.

    Raises
    ------
    Misuse
        For recurrent networks, whose depth are the steps: `tpcore.nngp` with ``readout="each"`` has them all.
    """
    net = network(net)
    if isinstance(net, MLP):
        return (Dense(net.sigma_w, net.sigma_b), Act(net.phi)) * net.depth + (Dense(net.sigma_v, net.sigma_b),)
    if isinstance(net, Sequential):
        return net.stack
    raise Misuse("The network must be a stack of layers", type(net).__name__,
                 'A recurrent network goes on in steps: tp.nngp with readout="each" has them all')


def name_of(layer: Layer) -> str:
    """A layer in a word: its activation's name, or what it is."""
    if isinstance(layer, Act):
        return layer.phi.name
    return type(getattr(layer, "net", layer)).__name__.removesuffix("Layer")


def through(net: Network, X, seed: int = 0) -> list[Stage]:
    """The limit kernels on the inputs and behind every layer.

    Parameters
    ----------
    net : Network
        An MLP or a stack of layers.
    X : array_like, (N, d), or what the network takes; or `Data`
    seed : int
        Of sampled attention weights (logits q.k / sqrt n) and other sampled limits.

    Returns
    -------
    list of Stage

    Raises
    ------
    Misuse, BudgetError

    Notes
    -----
    One matrix over all positions passes from layer to layer (`tpcore.nets.moments`); where covariances alone do not
    decide, the limits of the network's program are taken.
    """
    layers, data = _read(net, X)
    seed = checks.integer("seed", seed, 0)
    try:
        if isinstance(net, Sequential) and net.random:
            drawn = [_moments(layers, data, np.random.default_rng([seed, k])) for k in range(MIXTURE)]
            return [Stage(s.name, np.mean([d[i].K for d in drawn], axis=0), s.layout) for i, s in enumerate(drawn[0])]
        return _moments(layers, data)
    except NoRecursion:
        written = _written(layers, data)
    lim = limit(written.program, seed=seed)
    return written.stages(lambda name: np.asarray(lim.scalar(name)))


def entries(stages: list[Stage], i: int = 0, j: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Variances (.., S, 2) and correlations (.., S) of outputs i and j behind every layer.

    While there are positions that are pooled later, those of the pooled: with a Flatten the mean over equal positions,
    else over all pairs of positions. A correlation beside a variance of 0 is 0.
    """
    last, flat = stages[-1].layout, any(stage.name == "Flatten" for stage in stages)
    K = [s.K if s.layout.total == last.total else _pooled(s, flat) for s in stages]
    K = np.stack([k[..., [i, i, j], [i, j, j]] for k in K], axis=-2)
    scale = np.sqrt(np.maximum(K[..., 0] * K[..., 2], 0.0))
    c = np.clip(np.divide(K[..., 1], scale, out=np.zeros(scale.shape), where=scale > 0), -1.0, 1.0)
    return K[..., [0, 2]], c


def _pooled(stage: Stage, flat: bool) -> np.ndarray:
    layout, count = stage.layout, len(stage.layout.shapes)
    out = np.empty((*stage.K.shape[:-2], count, count))
    for a in range(count):
        for b in range(count):
            block = stage.K[..., layout.item(a), layout.item(b)]
            out[..., a, b] = np.diagonal(block, axis1=-2, axis2=-1).mean(-1) if flat else block.mean((-2, -1))
    return out


def empirical_through(net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, progress=None,
                      budget: float = BUDGET) -> list[Stage]:
    """`through` of random networks of finite width: `K` is (draws, M, M), behind every layer of the same networks.

    Parameters
    ----------
    net, X
        As in `through`.
    width, draws, seed, progress, budget
        As in `tpcore.empirical_nngp`; the last kernel is the covariance of the outputs given all layers but the last.
    """
    chunks = list(empirical_through_chunks(net, X, width, draws, seed, progress=progress, budget=budget))
    return [Stage(s.name, np.concatenate([chunk[i].K for chunk in chunks]), s.layout) for i, s in enumerate(chunks[0])]


def empirical_through_chunks(net: Network, X, width: int = 1024, draws: int = 20, seed=0, *, progress=None,
                             budget: float = BUDGET) -> Iterator[list[Stage]]:
    """`empirical_through` as a stream of consecutive draws."""
    width, draws = checks.integer("width", width, 1), checks.integer("draws", draws, 1)
    layers, data = _read(net, X)
    written = _written(layers, data, width)
    checks.memory("draws", draws, 8.0 * len(layers) * data.layout.total**2, budget)
    names, done = [gram for gram in written.grams if gram], 0
    found = ensemble_chunks(written.program, width, draws, seed, as_progress(progress), None, "auto", np.float64, names,
                            budget)  # fmt: skip
    for chunk in found:
        new = slice(done, chunk.draws)
        done = chunk.draws
        yield written.stages(lambda name, new=new, chunk=chunk: chunk.scalars[name][new])


def _read(net: Network, X) -> tuple[tuple[Layer, ...], Data]:
    layers = stack_of(net)
    data = X if isinstance(X, Data) else net.read(X)
    square_memory(len(data.features), 64.0, 2 * BUDGET)
    return layers, data


def _gram(x: np.ndarray) -> np.ndarray:
    K = x @ x.T / x.shape[1]
    return (K + K.T) / 2


def _moments(layers: tuple[Layer, ...], data: Data, rng=None) -> list[Stage]:
    K = _gram(data.features)
    o, found = Own(K[None], data.layout, raw=True, rng=rng), [Stage("inputs", K, data.layout)]
    for k, layer in enumerate(layers):
        last = k == len(layers) - 1 and isinstance(layer, Dense) and not o.raw
        o = layer.own(o)[0]
        K = resolved(o).K[0]
        found.append(Stage("readout" if last else name_of(layer), (K + K.T) / 2, o.layout))
    return found


@dataclass(frozen=True, eq=False)
class _Written:
    """A program with the inner products behind every layer as C-vars; `grams` their names, empty for numbers."""

    program: Program
    layers: tuple[Layer, ...]
    start: Data
    grams: list[str]
    signals: list[Signal]

    def stages(self, value) -> list[Stage]:
        """`value` gives the kernel (.., M, M) of a C-var."""
        found = [Stage("inputs", _gram(self.start.features), self.start.layout)]
        for layer, gram, signal in zip(self.layers, self.grams, self.signals):
            K = value(gram) if gram else _gram(signal.raw)
            found.append(Stage(name_of(layer), _same_parts(K, signal.parts), signal.layout))
        if len(self.signals) < len(self.layers):
            last = found[-1]
            found.append(Stage("readout", self.layers[-1].cross(last.K, None, None), last.layout))
        lead = max((s.K.shape[:-2] for s in found), key=len)
        return [Stage(s.name, np.broadcast_to(s.K, (*lead, *s.K.shape[-2:])), s.layout) for s in found]


def _written(layers: tuple[Layer, ...], data: Data, width: int | None = None) -> _Written:
    b = Builder("layer by layer", data, width)
    signal, signals, grams = b.start(), [], []
    for k, layer in enumerate(layers):
        if k == len(layers) - 1 and isinstance(layer, Dense) and signal.raw is None:
            break
        signal = layer.apply(signal, b)
        signals.append(signal)
        if signal.raw is not None:
            grams.append("")
            continue
        x = signal.var.reshape(-1)
        grams.append(b.prog.name(f"gram_{k}", inner(x, x)).name)
    return _Written(b.prog, layers, data, grams, signals)


def _same_parts(K: np.ndarray, parts: int) -> np.ndarray:
    """Of flattened inputs (.., N parts, N parts): the average over pairs of the same part."""
    if not parts:
        return K
    blocks = K.reshape(*K.shape[:-2], K.shape[-1] // parts, parts, -1, parts)
    return np.einsum("...ipjp->...ij", blocks) / parts


__all__ = ["Stage", "empirical_through", "entries", "empirical_through_chunks",
           "stack_of", "through"]
