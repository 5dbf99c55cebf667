r"""Kernels and tangent kernels of GRU and LSTM: what is a function of few Gaussians exactly, the rest by one sample.

In the limit a coordinate of a state is a function of that coordinate's preactivations, Gaussians whose covariances are
those of the states a step before. Its gradient in all parameters is, likewise, a combination of the gradients of its
preactivations u_g^t of gate g, with coefficients that are functions of the preactivations, and

.. math:: \langle \nabla u_g^t, \nabla u_{g'}^s \rangle \to \delta_{gg'} \Psi_g^{ts}, \quad
    \Psi_g^{ts} = \sigma_w^2\, \Theta_{t-1,s-1} + u_W K_{t-1,s-1} + \sigma_u^2\, \Theta^x_{ts} + u_U K^x_{ts} + \beta

numbers: as W_g is tied, it meets itself at every pair of steps, and W_g's own gradients add to those of the states it
multiplies. So K and the tangent kernel Theta of the states go from step to step together (`tpcore.nets.gates`).

Expectations of functions of many Gaussians come from a sample of scrambled Sobol points with exact first and second
moments, the same for all entries: so kernels are positive semidefinite. Factors of two Gaussians without a closed form
come from it too: it is as good as the rest. A pilot of few points finds the principal axes of the gates, on which the
first, best coordinates of the sequence are spent. Several scramblings give the error.
Sources: Tensor Programs I (arXiv 1910.12478), Theorem 5.4; II (arXiv 2006.14548), section 3; the recursion of the
gradients derived here.
"""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles
from tpcore.finite.budget import BUDGET
from tpcore.kernels.recurrent import given, read_out, tangent_read_out
from tpcore.kernels.reports import ticker
from tpcore.limit.values import Values
from tpcore.nets.data import Data
from tpcore.nets.gates import pilot, way
from tpcore.nets.quasi import SCRAMBLINGS, averaged
from tpcore.nets.recurrent import GRU, Gated
from tpcore.nets.states import Given

POINTS, MANY, FINER = 2**14, 64, 32
SLOPE_POINTS, SLOPE_MANY = 2**15, 8


def kernel(net: Gated, data: Data, seed: int = 0, samples: int | None = None,
           progress: Progress | None = None) -> Values:
    """Kernel of the outputs; `samples` points in all (by default 2^17, fewer for many steps; 2^18 for a GRU of few)."""
    return _sampled(net, given(data), seed, samples, progress)


def tangent(net: Gated, data: Data, convention: str, seed: int = 0, samples: int | None = None,
            progress: Progress | None = None) -> Values:
    """Tangent kernel of the outputs; `samples` points in all (by default 2^18, fewer for many steps)."""
    return _sampled(net, given(data, convention), seed, samples, progress)


def _sampled(net: Gated, start: Given, seed: int, samples: int | None, progress: Progress | None) -> Values:
    points = usual(net, start) if samples is None else max(64, samples // SCRAMBLINGS)
    copies = len(net.gates) * (3 if start.convention else 1)
    checks.memory("steps", start.layout.total, 64.0 * points * copies, 2 * BUDGET)
    axes = map_tiles(lambda k: pilot(net, start, [seed, k]), [SCRAMBLINGS])[0]
    tick = ticker(progress, SCRAMBLINGS * int(start.layout.sizes.max()))

    def one(k: int) -> np.ndarray:
        found = way(net)(net, start, points, [seed, k], axes)
        found.run(tick)
        if start.convention:
            return tangent_read_out(net, found.K, found.T, start)
        return read_out(net, found.K, start.layout)

    K, error = averaged(np.stack(map_tiles(one, range(SCRAMBLINGS))))
    return Values(K, "sampling", error)


def usual(net: Gated, start: Given) -> int:
    """Points of one scrambling."""
    points, many = (SLOPE_POINTS, SLOPE_MANY) if start.convention else (POINTS, MANY)
    if isinstance(net, GRU) and not start.convention:  # one gate is sampled, points are cheap
        points, many = 2 * points, FINER
    return max(2**9, points >> max(0, int(np.ceil(np.log2(start.layout.total / many)))))
