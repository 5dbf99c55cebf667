"""Arguments that training of any width takes, checked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tpcore import checks
from tpcore.abc import Parametrization
from tpcore.errors import Misuse
from tpcore.train.tasks import Task

OPTIMIZERS, DEEPEST = ("sgd", "sign", "adam"), 8
FAR, FULL = 1e6, 60  # outputs beyond so many times their scale have diverged; how many steps are recorded
HUGE = 1e100  # outputs beyond this have diverged whatever their scale: squares must be floats


def parametrization(p) -> Parametrization:
    """`p`, if it is one that can be trained."""
    if not isinstance(p, Parametrization):
        raise Misuse("Training needs an abc-parametrization", repr(p)[:80], "tp.abc.mup(2)")
    if p.depth > DEEPEST:
        raise Misuse(f"Networks of 1 to {DEEPEST} hidden layers are trained", f"{p.depth}")
    return p


def with_batch(one: Task, batch: int | None) -> Task:
    """The task with another size of minibatches."""
    if batch is None:
        return one
    return Task(one.X, one.y, one.loss, one.X_test, one.y_test, batch, one.order, one.name)


def scales(sigma_w, sigma_u, sigma_v, sigma_b) -> tuple[float, float, float, float | None]:
    """Checked standard deviations of hidden weights, input weights, readout and biases."""
    w = checks.real("sigma_w", sigma_w, 0.0)
    u = w if sigma_u is None else checks.real("sigma_u", sigma_u, 0.0)
    v = w if sigma_v is None else checks.real("sigma_v", sigma_v, 0.0)
    return w, u, v, None if sigma_b is None else checks.real("sigma_b", sigma_b, 0.0)


def rule(p: Parametrization, optimizer: str | None) -> str:
    """The optimizer, which must be one for which `p` is written."""
    found = checks.choice("optimizer", optimizer or ("adam" if p.adaptive else "sgd"), OPTIMIZERS)
    if p.adaptive and found == "sgd":
        raise Misuse("SGD needs a parametrization without d", repr(p), "tp.abc.mup(2)")
    if not p.adaptive and found != "sgd":
        raise Misuse(f"{found} needs a parametrization with d, for adaptive optimizers", repr(p),
                     'tp.abc.mup(2, optimizer="adam"), or tp.abc.adaptive(a, b, c)')  # fmt: skip
    return found


def moments(what: str, wanted: Iterable[int] | None, steps: int, default) -> np.ndarray:
    """Steps at which something is recorded, in order."""
    if wanted is None:
        return np.unique(np.round(np.asarray(default)).astype(int))
    found = sorted({checks.integer(f"a step of {what}", int(t) if isinstance(t, np.integer) else t, 0, steps)
                    for t in wanted})  # fmt: skip
    return np.array(found, int)
