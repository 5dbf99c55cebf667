"""Losses of a batch: means over it, of the output and the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss and its derivative in the outputs.

    Attributes
    ----------
    name : str
    value : callable
        (f, y) -> the loss of each entry; the batch's loss is their mean.
    slope : callable
        (f, y) -> its derivative in f.
    """

    name: str
    value: Callable
    slope: Callable


def _half_square(f, y):
    return (f - y) ** 2 / 2


def _difference(f, y):
    return f - y


def _logistic(f, y):
    return np.logaddexp(0.0, -y * f)


def _logistic_slope(f, y):
    return -y * expit(-y * f)


LOSSES = {
    "squared": Loss("squared", _half_square, _difference),
    "logistic": Loss("logistic", _logistic, _logistic_slope),
}


@dataclass(frozen=True, eq=False)
class BatchLoss:
    """mean over a batch of loss(f, y): a function of the C-var f."""

    loss: Loss
    y: np.ndarray

    def __call__(self, f):
        return np.mean(self.loss.value(f, self.y))


@dataclass(frozen=True, eq=False)
class BatchSlope:
    """loss'(f, y) / batch size, times `scale`: what a step of gradient descent starts from."""

    loss: Loss
    y: np.ndarray
    scale: float = 1.0

    def __call__(self, f):
        return self.loss.slope(f, self.y) * (self.scale / len(self.y))
