"""Training in the kernel regime: gradient descent in function space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.train.losses import LOSSES


def kernel_descent(K, y, lr: float, steps: int, f0=None, loss: str = "squared",
                   batches: Sequence[Sequence[int]] | None = None) -> np.ndarray:
    r"""The outputs of an infinitely wide network in the kernel regime, step by step.

    .. math:: f_{t+1} = f_t - \eta K_{\cdot B_t} \chi_t / |B_t|, \qquad \chi_t = \mathrm{loss}'(f_t(B_t), y(B_t))

    Parameters
    ----------
    K : array_like, (N, N)
        The kernel, ``tp.ntk`` for a network in NTK parametrization whose layers all train.
    y : array_like, (N,)
        Targets; those of inputs that are in no batch do not matter.
    lr : float
        eta.
    steps : int
    f0 : array_like, (N,), optional
        The outputs at the start, 0 by default (the mean of their law).
    loss : {"squared", "logistic"}
    batches : sequence of sequences of int, optional
        The inputs of each step, repeated when they run out; all by default.

    Returns
    -------
    ndarray, (steps + 1, N)

    Notes
    -----
    Source: Jacot et al. (arXiv 1806.07572); Tensor Programs IV (arXiv 2011.14522), section 3.
    """
    K = checks.array("K", K, 2)
    if K.shape[0] != K.shape[1]:
        raise Misuse("K must be a square matrix", f"shape {K.shape}")
    y = targets(y, len(K))
    lr, steps = checks.real("lr", lr), checks.integer("steps", steps, 0)
    loss_ = LOSSES[checks.choice("loss", loss, LOSSES)]
    f = np.zeros((steps + 1, len(K)))
    f[0] = 0.0 if f0 is None else targets(f0, len(K), "f0")
    rows = schedule(batches, len(K))
    for t in range(steps):
        batch = rows[t % len(rows)]
        f[t + 1] = f[t] - lr * K[:, batch] @ loss_.slope(f[t, batch], y[batch]) / len(batch)
    return f


def targets(y, count: int, what: str = "y") -> np.ndarray:
    """One number for each input."""
    y = checks.array(what, y, 1)
    if len(y) != count:
        raise Misuse(f"{what} must have one number for each of the {count} inputs", f"{len(y)}")
    return y


def schedule(batches, count: int) -> list[np.ndarray]:
    """The rows of each step, as arrays of int."""
    if batches is None:
        return [np.arange(count)]
    rows = [np.array([checks.integer("an input of a batch", i, 0, count - 1) for i in batch], int) for batch in batches]
    if not rows or not all(len(r) for r in rows):
        raise Misuse("batches must hold at least one batch, and each at least one input", repr(batches)[:80])
    return rows
