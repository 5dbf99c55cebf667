"""Which matrices are stored: the rule of method="auto", by its choices and by a count of what is done."""

from __future__ import annotations

import numpy as np
import pytest

from tpcore import abc
from tpcore.errors import BudgetError
from tpcore.finite.lazy import LazyMatrix
from tpcore.train import Task, cost, sgd
from tpcore.train.finite import Job

# (inputs, steps, width) -> time stored / time never stored, seconds of processors, medians of interleaved runs,
# two hidden layers, sources: runs on two cores with NumPy 2.4 and OpenBLAS; those between 0.8 and 1.4 may go either way
MEASURED = {
    (1, 2, 2048): 3.3, (1, 8, 2048): 2.6, (1, 20, 512): 0.54, (1, 60, 2048): 3.1, (4, 2, 1448): 2.3, (4, 8, 512): 0.66,
    (4, 8, 1448): 1.8, (4, 20, 512): 0.49, (4, 20, 2896): 2.9, (4, 60, 1024): 0.64, (4, 60, 4096): 2.5,
    (16, 2, 2048): 2.4, (16, 8, 1024): 0.71, (16, 8, 4096): 2.2, (16, 20, 2048): 0.79, (16, 60, 4096): 0.58,
    (64, 2, 1024): 0.73, (64, 2, 4096): 1.6, (64, 8, 2896): 0.61, (64, 20, 4096): 0.45, (4, 20, 8192): 8.9,
}  # fmt: skip


def method(width: int, inputs: int = 4, steps: int = 20, depth: int = 2, **options) -> str:
    known = dict(lr=0.3, phi="tanh", sigma_w=1.0, sigma_u=None, sigma_v=None, sigma_b=None, optimizer=None, batch=None,
                 method="auto", record=[steps], at=None, ntk=False, budget=3 * 2**30) | options  # fmt: skip
    p = abc.mup(depth, optimizer=known["optimizer"]) if known["optimizer"] else abc.mup(depth)
    job = Job(p, Task(np.ones((inputs, 3)), np.ones(inputs)), steps, **known)
    return "dense" if job.plan(width).dense else "lazy"


@pytest.mark.parametrize("case", MEASURED)
def test_what_was_measured_to_be_faster_is_taken(case):
    inputs, steps, width = case
    assert method(width, inputs, steps) == ("lazy" if MEASURED[case] > 1 else "dense")


def test_one_crossing_in_the_width_and_later_with_more_to_meet():
    widths = [2**k for k in range(5, 20)]
    first = {}
    for inputs in (1, 4, 16, 64):
        for steps in (2, 8, 20, 60):
            found = [method(n, inputs, steps, budget=1e15) for n in widths]
            first[inputs, steps] = [*found, "lazy"].index("lazy")
            assert found == sorted(found)  # "dense" before "lazy"
    for (inputs, steps), index in first.items():
        assert index >= max(first.get((inputs // 4, steps), 0), first.get((inputs, steps // 3), 0))
    assert method(1024, 4, 20) == "dense" and method(1024, 4, 20, depth=3) == "dense" and method(4096, 4, 20) == "lazy"
    assert method(1024, 1, 10**5) == method(1024, 1, 10**4)  # vectors of one input have few directions


def test_what_does_not_fit_is_not_stored():
    assert method(1800, 16, 8, budget=10**8) == "dense" and method(1800, 16, 8, budget=2e7) == "lazy"
    assert method(2**15, 16, 60, depth=1) == method(2**13, optimizer="adam") == "dense"
    run = sgd(abc.mup(2), Task(np.ones((4, 3)), np.ones(4)), 1400, 20, 0.1, record=[20], budget=8 * 10**6)
    assert run.method == "lazy" and run.diverged is None
    with pytest.raises(BudgetError) as caught:
        method(1400, budget=10**6)
    assert method(caught.value.fits, budget=10**6)


def test_the_work_of_a_matrix_that_is_never_stored_is_that_of_its_sides():
    """Directions opened, and pairs of vectors whose inner products are taken, counted in a matrix of 64 rows."""
    n, k, rounds, rng = 64, 3, 4, np.random.default_rng(2)
    matrix = LazyMatrix(1.0, n, n, k * rounds, k * rounds, np.float64)
    pairs = 0.0
    for t in range(2 * rounds):
        own, other = matrix._sides[t % 2], matrix._sides[1 - t % 2]
        before = own.count
        matrix.multiply(rng.normal(size=(n, k)), bool(t % 2), np.random.SeedSequence(0), (t,))
        opened = own.count - before
        pairs += k * (before + opened / 2) + opened * other.count
    new = sum(side.count for side in matrix._sides)
    columns = (k * rounds, k * rounds)
    wanted = cost.PRODUCT * 2 * rounds + n * (cost.DIRECTION * new + cost.PAIR * pairs)
    assert cost.unstored(n, 2 * rounds, columns, k) == pytest.approx(wanted, rel=1e-12)
