"""Tasks: named ones, minibatches, errors in words."""

from __future__ import annotations

import numpy as np
import pytest

from tpcore.errors import Misuse
from tpcore.train import TASKS, Task, sgd, task
from tpcore.abc import mup


@pytest.mark.parametrize("name", TASKS)
def test_named_tasks(name):
    one, again = task(name, count=10), task(name, count=10)
    assert len(one.X) == len(one.y) == 10 and len(one.X_test) == len(one.y_test) > 0
    assert np.array_equal(one.inputs, again.inputs) and one.inputs.shape == (10 + len(one.X_test), one.dimension)
    assert 0.3 < np.mean(one.X**2) * one.dimension < 5 and np.std(one.y) > 0.1
    logistic = {"parity", "digits", "words"}
    assert not np.isin(one.y, (-1, 1)).all() or name in logistic
    if name in logistic:
        assert task(name, count=10, loss="logistic", batch=5).loss == "logistic"
    hist = sgd(mup(1), name, 32, 2, 0.1)
    assert hist.f.shape == (3, hist.task.count) and hist.f_test.shape[1] == len(hist.task.X_test)


def test_parity_is_a_product_of_coordinates():
    one = task("parity", count=20, dimension=5, degree=3, tests=12)
    assert np.array_equal(one.y, np.sign(one.X[:, 0] * one.X[:, 1] * one.X[:, 2]))
    assert len({tuple(row) for row in np.round(one.inputs * np.sqrt(5))}) == 32
    assert len(task("parity", count=40, dimension=5, tests=3).X) == 40


def test_hidden_directions_determine_the_target():
    one = task("single-index", count=9, dimension=4, link="sine", seed=3)
    assert np.allclose(np.sin(2 * one.inputs @ one.hidden[0]), np.concatenate([one.y, one.y_test]), atol=1e-12)
    one = task("parity", count=20, dimension=5, degree=3)
    assert np.allclose(np.prod(one.X @ one.hidden.T, axis=1), one.y) and task("curve").hidden is None


def test_a_function_of_ones_own():
    one = task("curve", count=5, function=np.cos, points=3)
    assert np.array_equal(one.X[:, 1], np.ones(5)) and np.allclose(one.y, np.cos(one.X[:, 0]))
    assert np.allclose(one.X_test[:, 0], [-2, 0, 2]) and "cos" in one.name


def test_every_epoch_is_a_shuffle():
    one = Task(np.eye(7), np.arange(7), batch=3, order=4)
    rows = one.batches(6)
    assert all(len(r) == len(set(r)) == 3 for r in rows)
    for i in (0, 2, 4):
        assert len({*rows[i], *rows[i + 1]}) == 6
    assert [list(r) for r in rows[:3]] == [list(r) for r in one.batches(3)]
    other = Task(np.eye(7), np.arange(7), batch=3, order=5).batches(6)
    assert any(list(a) != list(b) for a, b in zip(rows, other, strict=True))
    assert all(np.array_equal(r, np.arange(7)) for r in Task(np.eye(7), np.arange(7)).batches(2))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: Task(np.eye(3), [1, 2]), "3 inputs"),
        (lambda: Task(np.zeros((0, 2)), []), "at least one input"),
        (lambda: Task(np.eye(2), [1, np.nan]), "finite"),
        (lambda: Task(np.eye(2), [1, 0], "logistic"), "-1 and 1"),
        (lambda: Task(np.eye(2), [1, 0], "hinge"), "loss"),
        (lambda: Task(np.eye(2), [1, 0], X_test=np.eye(3)), "length 2"),
        (lambda: Task(np.eye(2), [1, 0], X_test=np.eye(2), y_test=[1]), "y_test"),
        (lambda: Task(np.eye(2), [1, 0], batch=3), "batch"),
        (lambda: task("parety"), "parity"),
        (lambda: task("parity", degre=2), "other options"),
        (lambda: task("digits", classes=(3, 3)), "two different"),
        (lambda: task("parity", dimension=2, degree=3), "degree"),
        (lambda: task("words", count=5000), "words to choose"),
    ],
)
def test_errors_in_words(call, words):
    with pytest.raises(Misuse, match=words):
        call()
