"""Kernels of recurrent networks from those of their states: what they read, and how they are read out."""

from __future__ import annotations

import numpy as np

from tpcore.finite.budget import BUDGET
from tpcore.kernels.recursion import square_memory
from tpcore.nets.data import Data, Layout
from tpcore.nets.moments import rates
from tpcore.nets.positions import averages
from tpcore.nets.recurrent import RNN, Recurrent
from tpcore.nets.states import Given, rnn, tangents
from tpcore.nets.steps import last_steps


def given(data: Data, convention: str | None = None) -> Given:
    """Numbers: <x, x'> / d over all steps of all sequences; they have no parameters."""
    square_memory(len(data.features), 64.0, 2 * BUDGET)
    K = data.features @ data.features.T / data.features.shape[1]
    K = (K + K.T) / 2
    return Given(K, data.layout, None if convention is None else np.zeros_like(K), convention)


def tangent(net: RNN, data: Data, convention: str) -> np.ndarray:
    """The tangent kernel of the outputs."""
    start = given(data, convention)
    states = rnn(net, start)
    return tangent_read_out(net, states, tangents(net, start, states), start)


def tangent_read_out(net: Recurrent, K: np.ndarray, T: np.ndarray, start: Given) -> np.ndarray:
    """The tangent kernel of the outputs from second moments and tangent kernel of the states."""
    use = rates(start.convention, net.sigma_v, None)[0]
    return read_out(net, T, start.layout) + use * pooled(net, K, start.layout)


def read_out(net: Recurrent, K: np.ndarray, layout: Layout) -> np.ndarray:
    """The kernel of the outputs from that of the states."""
    return net.sigma_v**2 * pooled(net, K, layout)


def pooled(net: Recurrent, K: np.ndarray, layout: Layout) -> np.ndarray:
    """The kernel of what the readout sees."""
    if net.readout == "last":
        last = last_steps(layout)
        K = K[np.ix_(last, last)]
    elif net.readout == "mean":
        average = averages(layout)
        K = average @ K @ average.T
    return (K + K.T) / 2
