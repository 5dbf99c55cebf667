"""Limits of sign descent and Adam: an integral over neurons, finite widths, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.abc.plain import X, Y
from tpcore import abc
from tpcore.errors import Misuse, Unsupported
from tpcore.train import Task, ladder, limit

TASK = Task(X[:3], Y[:3], X_test=X[3:])
ADAPTIVE = {"optimizer": "adam"}


def neurons(optimizer: str, x, y, steps: int, lr: float, spacing: float = 0.012) -> np.ndarray:
    """One hidden tanh layer, inputs of one number: every neuron (u, v) of a grid moves on its own; f_0 .. f_steps."""
    grid = np.arange(-5.2, 5.2, spacing)
    weight = np.exp(-(grid**2) / 2)
    weight /= weight.sum()
    u, v = (np.array(np.meshgrid(grid, grid, indexing="ij")).reshape(2, -1) + 0.0)
    w, moments, found = np.outer(weight, weight).ravel(), np.zeros((2, 2, len(u))), []
    for t in range(steps + 1):
        features = [np.tanh(u * one) for one in x]
        f = np.array([w @ (v * feature) for feature in features])
        found.append(f)
        chi = (f - y) / len(y)
        slopes = [sum(c * v * (1 - h**2) * one for c, h, one in zip(chi, features, x, strict=True)),
                  sum(c * h for c, h in zip(chi, features, strict=True))]  # fmt: skip
        for k, (values, slope) in enumerate(zip((u, v), slopes, strict=True)):
            if optimizer == "sign":
                values -= lr * np.sign(slope)
                continue
            moments[k, 0] += 0.1 * (slope - moments[k, 0])
            moments[k, 1] += 0.001 * (slope**2 - moments[k, 1])
            unbiased = moments[k] / (1 - np.array([[0.9], [0.999]]) ** (t + 1))
            values -= lr * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
    return np.array(found)


@pytest.mark.parametrize("optimizer", ["sign", "adam"])
def test_one_hidden_layer_is_an_integral_over_neurons(optimizer):
    x, y = np.array([1.0, -0.6, 1.7]), np.array([0.8, -0.1, 0.5])
    found = limit(abc.mup(1, **ADAPTIVE), Task(x[:, None], y), 4, 0.07, optimizer=optimizer)
    expected = neurons(optimizer, x, y, 4, 0.07)
    assert np.abs(expected[4]).max() > 0.1 and found.method == "program" and found.optimizer == optimizer
    np.testing.assert_allclose(found.f, expected, atol=1.5e-3)


def gap(p, n, seeds, found, lr, **options):
    runs = ladder(p, TASK, [n], range(seeds), found.steps, lr, at=[0], record=[found.steps], center=True, **options)
    runs = list(runs)
    mean = np.mean([run.delta["dx2"][-1] for run in runs])
    return np.sqrt(np.mean([(run.f - found.f) ** 2 for run in runs])), mean


@pytest.mark.parametrize("optimizer, depth", [("sign", 2), ("adam", 2), ("adam", 3)])
def test_finite_widths_tend_to_it(optimizer, depth):
    p = abc.mup(depth, **ADAPTIVE)
    found = limit(p, TASK, 6, 0.04, optimizer=optimizer, samples=2**13)
    (narrow, _), (wide, moved) = (gap(p, n, 8, found, 0.04, optimizer=optimizer) for n in (64, 1024))
    assert -0.8 < np.log(wide / narrow) / np.log(16) < -0.3 and wide < 0.012, (narrow, wide)
    assert np.abs(found.f[6]).max() > 0.1 and abs(found.delta["dx2"][-1] - moved) < 0.02
    assert found.f_error.max() < 5e-3


def test_a_layer_that_lags_stays():
    p = abc.Parametrization([0, 0, 1], [0, 0.5, 0], [0, 1.5, 0], [1, 1, 1])
    assert p.phase == "feature" and not p.maximal
    found = limit(p, TASK, 5, 0.05, samples=2**12)
    whole = limit(abc.mup(2, **ADAPTIVE), TASK, 5, 0.05, samples=2**12)
    assert np.abs(found.f - whole.f).max() > 0.02 and found.delta["dWx2"][-1] < 1e-12 < 1e-2 < whole.delta["dWx2"][-1]


def test_the_operator_regime_from_given_outputs():
    p, start = abc.ntp(2, **ADAPTIVE), np.array([0.4, -0.2, 0.7, 0.1])
    with pytest.raises(Unsupported, match="Gaussian f_0.*center=True"):
        limit(p, TASK, 6, 0.04)
    found = limit(p, TASK, 6, 0.04, center=True, samples=2**13)
    (narrow, _), (wide, moved) = (gap(p, n, 8, found, 0.04) for n in (64, 1024))
    assert -0.8 < np.log(wide / narrow) / np.log(16) < -0.25 and wide < 0.02, (narrow, wide)
    assert found.method == "operator" and not found.delta["dx2"].any() and moved > 0
    again = limit(abc.mup(2, **ADAPTIVE), TASK, 6, 0.04, gamma=100.0, samples=2**13)
    np.testing.assert_allclose(again.f, found.f, atol=1e-3)
    other = limit(p, TASK, 6, 0.04, f0=start, samples=2**13)
    np.testing.assert_allclose(other.f[0], start[:3], rtol=1e-12)
    assert np.abs(other.f[6] - found.f[6]).max() > 0.02


def test_what_is_refused():
    with pytest.raises(Misuse, match="tangent kernel"):
        limit(abc.mup(2, **ADAPTIVE), TASK, 2, 0.1, ntk=True)
    with pytest.raises(Misuse, match="for adaptive optimizers"):
        limit(abc.mup(2), TASK, 2, 0.1, optimizer="adam")
    still = limit(abc.adaptive([0, 0.5, 0.5], [0, 0, 0], [1, 2, 2]), TASK, 2, 0.1)
    assert still.p.phase == "trivial" and "never moves" in still.words[0] and not still.delta["df"].any()
