"""The knob from rich to lazy: output gamma f, learning rate lr / gamma^2; muP at one end, NTP at the other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.abc.plain import X, Y
from tpcore import abc
from tpcore.errors import Misuse
from tpcore.limit.particles.interpret import particles
from tpcore.train import MLPModel, Task, ladder, limit, series, sgd, unroll

TASK = Task(X[:3], Y[:3], X_test=X[3:])


@pytest.mark.parametrize("optimizer", ["sgd", "sign", "adam"])
def test_gamma_is_the_root_of_the_width_at_ntp(optimizer):
    """Number by number, with the same seed; any other gamma differs."""
    kind = None if optimizer == "sgd" else "adam"
    options = {"optimizer": optimizer, "sigma_b": 0.4, "ntk": kind is None, "seed": 5}
    lr = 0.4 if kind is None else 0.03
    p, end = (make(2, optimizer=kind) if kind else make(2) for make in (abc.mup, abc.ntp))
    a = sgd(p, TASK, 225, 8, lr, gamma=15.0, **options)
    b = sgd(end, TASK, 225, 8, lr, **options)
    np.testing.assert_allclose(a.f, b.f, rtol=1e-9, atol=1e-11)
    for name in ("dx1", "dx2", "dWx3", "dW2"):
        np.testing.assert_allclose(a.delta[name], b.delta[name], rtol=1e-8, err_msg=name)
    if kind is None:
        np.testing.assert_allclose(a.ntk, b.ntk, rtol=1e-9)
    near = sgd(p, TASK, 225, 8, lr, gamma=12.0, **options)
    assert np.abs(near.f - b.f).max() > 1e-2 and (a.gamma, b.gamma) == (15.0, 1.0)


def test_outputs_at_the_start_go_off():
    plain, centred = (sgd(abc.ntp(2), TASK, 100, 3, 0.4, center=center) for center in (False, True))
    assert not centred.f[0].any() and not centred.f_test[0].any() and plain.f[0].all() and centred.f[3].all()
    lazy = limit(abc.ntp(2), TASK, 5, 0.4, center=True)
    np.testing.assert_array_equal(lazy.f, limit(abc.ntp(2), TASK, 5, 0.4, f0=np.zeros(4)).f)
    assert lazy.cov is None
    twice = limit(abc.ntp(2), TASK, 5, 0.4, gamma=2.0)
    once = limit(abc.ntp(2), TASK, 5, 0.4)
    np.testing.assert_allclose(twice.cov, 4 * once.cov, rtol=1e-12)
    np.testing.assert_allclose(twice.f, once.f, atol=1e-12)


def test_the_limit_from_rich_to_lazy():
    """muP at 1; features freeze like 1/gamma; the end is descent with the tangent kernel."""
    ends = limit(abc.mup(2), TASK, 8, 0.4), limit(abc.mup(2), TASK, 8, 0.4, gamma=float("inf"))
    ntp = limit(abc.ntp(2), TASK, 8, 0.4, f0=np.zeros(4))
    np.testing.assert_allclose(ends[1].f, ntp.f, atol=1e-12)
    assert ends[1].method == "kernel" and ends[1].cov is None and not ends[1].delta["dx2"].any()
    between = [limit(abc.mup(2), TASK, 8, 0.4, gamma=g, samples=2**15) for g in (1, 4, 16)]
    np.testing.assert_allclose(between[0].f, ends[0].f, atol=6e-3)
    moved = np.array([one.delta["dx2"][-1] for one in between])
    gaps = np.array([np.abs(one.f - ends[1].f).max() for one in between])
    assert np.all((moved[:-1] / moved[1:] > 2.3) & (moved[:-1] / moved[1:] < 4.5)), moved
    assert np.all(gaps[:-1] / gaps[1:] > 3) and gaps[2] < 5e-3, gaps
    assert [one.gamma for one in between] == [1, 4, 16]


def test_wide_networks_with_the_same_gamma_tend_to_it():
    found = limit(abc.mup(2), TASK, 6, 0.4, gamma=3.0)
    gaps = []
    for n in (64, 1024):
        runs = ladder(abc.mup(2), TASK, [n], range(12), 6, 0.4, gamma=3.0, center=True, at=[], record=[6])
        gaps.append(np.sqrt(np.mean([(run.f - found.f) ** 2 for run in runs])))
    assert -0.7 < np.log(gaps[1] / gaps[0]) / np.log(16) < -0.3 and gaps[1] < 0.03, gaps
    whole = np.concatenate([X[:3], X[3:]])
    prog = unroll(MLPModel(2), whole, [*Y[:3], 0], 6, 0.4, gamma=3.0, center=True, batches=[[0, 1, 2]])
    other = series(particles(prog, samples=2**14, seed=3))
    np.testing.assert_allclose(found.f, other[:, :3], atol=3e-3)


def test_misuse_of_gamma():
    for p, gamma in ((abc.mup(2), 0.0), (abc.ntp(2), float("inf")), (abc.mup(2), float("nan"))):
        with pytest.raises(Misuse, match="gamma"):
            limit(p, TASK, gamma=gamma)
    with pytest.raises(Misuse, match="gamma"):
        sgd(abc.mup(2), TASK, 10, gamma=float("inf"))
