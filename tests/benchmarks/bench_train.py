"""Training: a ladder of widths while somebody waits, great width, limits, and the same network in PyTorch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np

from tests.abc.plain import X, Y
from tests.benchmarks.peer import Unavailable
from tests.benchmarks.peer.torch_peer import TorchPeer
from tests.benchmarks.table import Row, median_seconds
from tpcore import abc
from tpcore.compute.tiles import get_threads
from tpcore.train import Task, ladder, limit, sgd, task

TASK, WIDTHS = Task(X, Y), (256, 512, 1024, 2048, 4096)


def rows() -> Iterator[Row]:
    yield from five_widths()
    yield from great_width()
    yield from limits()
    yield from beside_torch()


def five_widths() -> Iterator[Row]:
    """muP, two hidden tanh layers, four inputs, 20 steps, everything recorded; the ladder as the page runs it."""
    sgd(abc.mup(2), TASK, 300, 2, 0.3)
    for method in ("auto", "dense"):
        began, times = time.perf_counter(), []
        for _ in ladder(abc.mup(2), TASK, WIDTHS, [0], 20, 0.3, method=method):
            times.append(time.perf_counter() - began)
        name = f"five widths up to 4,096, 20 steps, {method}"
        yield Row(f"{name}: first result", times[0], "s", "< 0.3 s", times[0] < 0.3)
        yield Row(f"{name}: all", times[-1], "s", "< 3 s", times[-1] < 3)


def great_width() -> Iterator[Row]:
    seconds = [sgd(abc.mup(2), TASK, 2**16, 30, 0.3).seconds for _ in range(2)]
    least = min(seconds)
    yield Row("n = 65,536, two hidden layers, 30 steps, matrices never stored", least, "s", "< 10 s", least < 10)


def limits() -> Iterator[Row]:
    for p, name in ((abc.mup(1), "muP, one hidden layer"), (abc.mup(2), "muP, two"), (abc.ntp(2), "NTP, two")):
        found = [limit(p, TASK, 20, 0.3, seed=seed) for seed in range(2)]
        yield Row(f"limit of 20 steps, {name}", min(one.seconds for one in found), "s",
                  note=f"largest error {max(one.f_error.max() for one in found):.1g}")  # fmt: skip
    many, adam = task("parity", count=32, tests=0), abc.mup(2, optimizer="adam")
    for p, one, lr, name in ((abc.mup(2), many, 0.5, "muP, two, 32 inputs"), (adam, TASK, 0.03, "Adam, two")):
        found = [limit(p, one, 20, lr, record=[20]), limit(p, one, 20, lr, record=[20], method="networks")]
        note = " and ".join(f"{one.f_error[1:].mean():.1g} in {one.seconds:.1f} s by {one.method}" for one in found)
        ratio = float(found[1].f_error[1:].mean() / found[0].f_error[1:].mean())
        name = f"limit of 20 steps, {name}: error of networks in units of the program's"
        yield Row(name, ratio, "", "> 1", ratio > 1, f"mean error {note}")
    few, many = (limit(abc.mup(2), TASK, 20, 0.3, samples=k).f for k in (2**15, 2**18))
    gap = float(np.abs(few - many).max())
    yield Row("its distance from 2^18 particles, 2^15 of them", gap, "", "< 2e-3", gap < 2e-3)


def beside_torch() -> Iterator[Row]:
    """Weights drawn and 20 steps, outputs kept after each: PyTorch in float32 with one thread or all, whichever is
    faster, and here; changes and kernels are measured at the end only. What is compared is the default, which never
    stores a matrix where that is cheaper; beside it the stored one."""
    try:
        with TorchPeer() as peer:
            for optimizer, lr in (("sgd", 0.3), ("adam", 0.03)):
                p = abc.mup(2, optimizer=optimizer)
                for width in (256, 1024, 4096):
                    yield from _beside(peer, p, width, optimizer, lr)
    except Unavailable as reason:
        yield Row("PyTorch, the same training", "-", "", note=f"could not be measured here: {reason}")


def _beside(peer: TorchPeer, p, width: int, optimizer: str, lr: float) -> Iterator[Row]:
    asked = {"width": width, "depth": 2, "steps": 20, "lr": lr, "optimizer": optimizer}
    asked["repeats"] = 5 if width < 4096 else 2
    theirs = min(statistics.median(peer.ask(threads=k, **asked)[0]) for k in {1, get_threads()})
    for method in ("auto", "dense") if optimizer == "sgd" else ("auto",):
        own = median_seconds(lambda method=method: sgd(p, TASK, width, 20, lr, method=method, record=[20]))
        ratio = theirs / own
        yield Row(f"width {width:,}, 20 steps of {optimizer}, {method}: times as fast as PyTorch", ratio, "", ">= 1",
                  ratio >= 1 if method == "auto" else None,
                  f"{1e3 * own:.0f} ms, PyTorch {1e3 * theirs:.0f} ms")  # fmt: skip
