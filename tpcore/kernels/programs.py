"""Networks of finite width as their programs: any architecture, through `tpcore.finite`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tpcore import checks
from tpcore.finite.ensemble import ensemble_chunks
from tpcore.kernels.uses import tangent_program
from tpcore.nets import Network, Sequential
from tpcore.nets.builder import Built
from tpcore.program.variables import inner

METHODS = ("auto", "lazy", "dense")


def chunks(net: Network, X, width: int, draws: int, seed, method: str, progress, budget: float, *,
           grams: bool) -> Iterator[np.ndarray]:
    """Empirical kernels (some, K, K), with `grams`, or outputs (some, K) of consecutive draws, as they become ready.

    Draw i has the same weights in both.
    """
    width, draws = checks.integer("width", width, 1), checks.integer("draws", draws, 1)
    checks.choice("method", method, METHODS)
    built = _built(net, X, width)
    checks.memory("draws", draws, 8.0 * built.count ** (1 + grams), budget)
    names = _grams(built) if grams else []
    done = 0
    for found in ensemble_chunks(built.program, width, draws, seed, progress, None, method, np.float64, names, budget):
        new = slice(done, found.draws)
        done = found.draws
        if grams:
            yield _kernel(built, [found.scalars[name][new] for name in names])
        else:
            yield built.outputs({name: values[new] for name, values in found.outputs.items()})


def tangents(net: Network, X, width: int, draws: int, seed, method: str, progress, budget: float,
             convention: str) -> Iterator[np.ndarray]:
    """Empirical tangent kernels (some, K, K) of consecutive draws, of the same networks as in `chunks`."""
    width, draws = checks.integer("width", width, 1), checks.integer("draws", draws, 1)
    checks.choice("method", method, METHODS)
    built = _built(net, X, width)
    checks.memory("draws", draws, 8.0 * built.count**2, budget)
    prog, done = tangent_program(built, convention), 0
    for found in ensemble_chunks(prog, width, draws, seed, progress, None, method, np.float64, ["ntk"], budget):
        new = found.scalars["ntk"][done : found.draws].reshape(-1, built.count, built.count)
        done = found.draws
        yield (new + np.swapaxes(new, 1, 2)) / 2


def _built(net: Network, X, width: int) -> Built:
    data = net.read(X)
    return net.build(data, width) if isinstance(net, Sequential) else net.build(data)


def _grams(built: Built) -> list[str]:
    """Write <x, x'>/n of every output's features; the names of these C-vars."""
    names = []
    for output in built.features:
        x = built.program.var(output.features)
        x = x.reshape(-1) if x.shape else x
        names.append(built.program.name(f"gram_{output.name}", inner(x, x)).name)
    return names


def _kernel(built: Built, grams: list[np.ndarray]) -> np.ndarray:
    """sum over outputs of sigma_v^2 <x, x'>/n, and the variance of the bias that they share."""
    total = np.zeros((len(grams[0]), built.count, built.count))
    for output, gram in zip(built.features, grams, strict=True):
        op = built.program.node(output.readout).op
        total += float(op.group.cov[op.columns, op.columns]) * gram.reshape(total.shape)
    return total + built.features[0].bias_variance * len(built.features) ** 2
