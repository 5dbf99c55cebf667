"""Limits of training: known values, finite widths that tend to them, and what they say where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tests.abc.plain import X, Y
from tests.program.test_build import evaluate
from tests.train.test_unroll import LINEAR_F, LINEAR_X, NTK_F, NTK_ROW, ONE_POINT, SCALAR_F, SCALAR_INPUTS
from tpcore import abc
from tpcore.compute.progress import Progress
from tpcore.errors import Cancelled, Misuse, Unsupported
from tpcore.train import MLPModel, Task, kernel_descent, ladder, limit, sgd, task, unroll

TASK = Task(X, Y)
TARGETS = np.array([1.0, -1.0, 0.5, 0.2])
# Two hidden tanh layers on LINEAR_X, learning rate 0.3: f_10 with an error below 1e-5, an independent code.
TANH_F10 = [0.09639553, -0.1780304, 0.20940241, -0.16066328]
TANH_X = np.random.default_rng(0).normal(size=(4, 3))


def test_one_hidden_layer_in_mup():
    for p in (abc.mup(1), abc.mfp()):
        found = limit(p, Task(*SCALAR_INPUTS), 15, 0.5)
        assert found.width is None and np.abs(found.f[0]).max() < 1e-3
        for t, expected in SCALAR_F.items():
            gap = np.abs(found.f[t] - expected)
            assert gap.max() < 5e-4 and np.all(gap < 5 * found.f_error[t] + 1e-9)


def test_two_hidden_layers_in_mup():
    one = limit(abc.mup(2), Task([[1.0]], [1.0]), 3, 1.0)
    np.testing.assert_allclose(one.f[:, 0], ONE_POINT, atol=2e-4)
    four = limit(abc.mup(2), Task(TANH_X, TARGETS), 10, 0.3)
    np.testing.assert_allclose(four.f[10], TANH_F10, atol=5e-4)
    linear = limit(abc.mup(2), Task(LINEAR_X, TARGETS), 20, 0.3, "identity", samples=2**13)
    for t, expected in LINEAR_F.items():
        np.testing.assert_allclose(linear.f[t], expected, atol=1e-10)


def test_ntp_is_descent_with_the_tangent_kernel():
    found = limit(abc.ntp(2), Task(LINEAR_X / np.sqrt(3), TARGETS), 20, 0.5, ntk=True)
    np.testing.assert_allclose(found.ntk[0, 0], NTK_ROW, rtol=1e-10)
    for t, expected in NTK_F.items():
        np.testing.assert_allclose(found.f[t], expected, atol=1e-11)
    assert not found.delta["dx2"].any() and found.kernel.shape == (2, 4, 4)


def test_reference_trajectories(reference):
    with reference("J_training_limits.npz") as file:
        for case, depth, phi, gap in (("mlp1_tanh", 1, "tanh", 5e-4), ("mlp2_tanh", 2, "tanh", 5e-4),
                                      ("mlp2_linear", 2, "identity", 1e-11)):  # fmt: skip
            Xi, y, eta, f = (file[f"{case}__{k}"] for k in ("Xi", "y", "eta", "f"))
            found = limit(abc.mup(depth), Task(Xi, y), len(f) - 1, float(eta), phi)
            np.testing.assert_allclose(found.f, f, atol=gap)
            assert np.all(np.abs(found.f - f) < 3 * found.f_error + 1e-11)


@pytest.mark.parametrize("bias", [None, 0.4])
@pytest.mark.parametrize("depth", [1, 3])
def test_all_parts_of_the_kernel_make_the_tangent_kernel(depth, bias):
    """NTP against `tp.ntk` in the convention of plain variances; its first layer is divided by sqrt d."""
    found = limit(abc.ntp(depth), TASK, 1, 0.1, "erf", sigma_w=1.3, sigma_v=0.8, sigma_b=bias, ntk=True)
    net = tp.nets.MLP(depth, "erf", 1.3, bias, 0.8)
    readout_bias = 0.0 if bias is None else 1.0  # theirs has one more
    expected = tp.ntk(net, X * np.sqrt(3), convention="variance") - readout_bias
    np.testing.assert_allclose(found.ntk[0], expected, rtol=1e-10)
    nngp = tp.nngp(net, X * np.sqrt(3)) - (0.0 if bias is None else bias**2)
    np.testing.assert_allclose(found.cov[0], nngp, rtol=1e-10)


def test_the_kernel_that_a_parametrization_selects():
    picture = abc.unfold(abc.mup(2))
    points = (abc.ntp(2), picture.at(-0.25, 1.5), picture.at("-3/5", "2/5"), abc.sp(2))
    whole, readout, layers, last = (limit(p, TASK, 1, 0.1, ntk=True) for p in points)
    np.testing.assert_allclose(readout.ntk + layers.ntk, whole.ntk, rtol=1e-12)
    np.testing.assert_allclose(readout.ntk[0], readout.kernel[0], rtol=1e-12)
    assert readout.cov is None and layers.cov is None and whole.cov is not None
    assert np.all(np.linalg.eigvalsh(whole.ntk[0] - last.ntk[0]) > 0) and not np.allclose(last.ntk, readout.ntk)


def test_a_gaussian_start_stays_gaussian_and_shrinks_where_one_trains():
    task = Task(X[:3], Y[:3], X_test=X[3:])
    found = limit(abc.ntp(2), task, 12, 0.4)
    zero = limit(abc.ntp(2), task, 12, 0.4, f0=np.zeros(4))
    maps = np.array([limit(abc.ntp(2), task, 12, 0.4, f0=e).f[-1] - zero.f[-1] for e in np.eye(4)])
    np.testing.assert_allclose(found.cov[-1][:3, :3], maps.T @ found.cov[0] @ maps, atol=1e-12)
    np.testing.assert_allclose(found.f, zero.f, atol=1e-12)
    assert zero.cov is None and np.all(found.std[-1, :3] < found.std[0, :3])
    K = limit(abc.ntp(2), task, 0, 0, ntk=True).ntk[0]
    expected = kernel_descent(K, [*Y[:3], 0], 0.4, 12, batches=[[0, 1, 2]])
    np.testing.assert_allclose(zero.f, expected[:, :3], atol=1e-12)


def test_a_loss_that_is_not_squared_is_sampled():
    task = Task(X, np.sign(Y), "logistic")
    found = limit(abc.ntp(1), task, 10, 0.8)
    runs = np.array([run.f for run in ladder(abc.ntp(1), task, [512], range(60), 10, 0.8, record=[], at=[])])
    z = (runs.mean(0) - found.f)[1:] / np.sqrt(found.std[1:] ** 2 / 60 + found.f_error[1:] ** 2)
    assert np.abs(z).max() < 4 and 0.7 < np.mean(runs.std(0)[1:] / found.std[1:]) < 1.3
    assert np.all(found.f_error[0] < 1e-12) and found.f_error[5].max() > 0


def finite_gap(p, task, n, seeds, steps, lr, found, **options):
    runs = ladder(p, task, [n], range(seeds), steps, lr, at=[], record=[0, steps], **options)
    return float(np.sqrt(np.mean([(run.f - found.f) ** 2 for run in runs])))


def test_finite_widths_tend_to_it_like_one_over_the_root():
    found = limit(abc.mup(2), TASK, 6, 0.4)
    gaps = [finite_gap(abc.mup(2), TASK, n, 16, 6, 0.4, found) for n in (64, 1024)]
    assert -0.65 < np.log(gaps[1] / gaps[0]) / np.log(16) < -0.35
    task = Task(X, np.sign(Y), "logistic", X_test=X[:2] / 2, batch=3)
    found = limit(abc.mup(3), task, 4, 0.7, "sin", sigma_b=0.3, samples=2**13)
    gaps = [finite_gap(abc.mup(3), task, n, 8, 4, 0.7, found, phi="sin", sigma_b=0.3) for n in (64, 1024)]
    assert -0.75 < np.log(gaps[1] / gaps[0]) / np.log(16) < -0.25


@pytest.mark.parametrize(
    "p", [abc.six(0, "1/2", 1, -1, "1/3", 1), abc.unfold(abc.mup(1)).at("-3/4", "3/4"),
          abc.unfold(abc.mup(1)).at("-1/2", "3/2")], ids=["layer 2 lags", "readout lags", "readout from nothing"]
)  # fmt: skip
def test_points_that_learn_features_and_are_not_maximal(p):
    """What lags does not move, and a readout that starts too small starts from zero."""
    found = limit(p, TASK, 6, 0.4, ntk=True)
    assert found.p.phase == "feature" and not p.maximal
    wide, narrow = (finite_gap(p, TASK, n, 6, 6, 0.4, found) for n in (2048, 64))
    maximal = limit(abc.mup(p.depth), TASK, 6, 0.4)
    assert wide < 0.3 * narrow and wide < 0.05 < np.abs(found.f - maximal.f).max()
    run = sgd(p, TASK, 4096, 6, 0.4, ntk=True)
    np.testing.assert_allclose(found.ntk, run.ntk, atol=0.15)


def test_what_is_recorded_tends_to_the_limit():
    task = Task(X[:3], Y[:3], X_test=X[3:])
    found = limit(abc.mup(2), task, 4, 0.5, "erf", ntk=True, at=[0, 2, 4])
    options = {"ntk": True, "at": [0, 2, 4], "record": found.recorded}
    runs = list(ladder(abc.mup(2), task, [4096], range(4), 4, 0.5, "erf", **options))
    for name, sizes in found.delta.items():
        mean = np.mean([run.delta[name] for run in runs], axis=0)
        np.testing.assert_allclose(sizes, mean, atol=0.03, rtol=0.03, err_msg=name)
        assert sizes[-1] > 0.05 or name.endswith("kernel")
    for what in ("kernel", "overlap", "ntk", "f_test"):
        mean = np.mean([getattr(run, what) for run in runs], axis=0)
        np.testing.assert_allclose(getattr(found, what), mean, atol=0.06, err_msg=what)
    assert found.features.shape == (3, 4, 2)
    np.testing.assert_array_equal(found.overlap, found.overlap.transpose(2, 3, 0, 1))


def test_the_mean_of_networks_is_the_same_limit():
    task = Task(X, Y, X_test=X[:1] / 2)
    for p in (abc.mup(2), abc.six(0, "1/2", 1, -1, "1/3", 1)):
        a, b = (limit(p, task, 5, 0.4, method=method, ntk=True) for method in ("program", "networks"))
        assert b.method == "16 networks of width 1,024" and not b.f[0].any()
        assert np.all(np.abs(a.f - b.f) < 4 * np.hypot(a.f_error, b.f_error) + 1e-3)
        assert np.abs(a.f_test - b.f_test).max() < 0.03 and np.abs(a.delta["dx2"] - b.delta["dx2"]).max() < 0.02
        np.testing.assert_allclose(a.ntk, b.ntk, atol=0.1)


def test_from_mup_to_ntp_along_the_path():
    """UP_r is muP with f times gamma = n^r and a learning rate divided by gamma^2: the same numbers, neuron by neuron;
    its limit is that of muP at r = 0, kernel descent from 0 in between, and from a Gaussian start at r = 1/2."""
    n, r = 81, 0.25
    from tests.train.test_sgd import network, weights

    W1, W2, V = weights(network(abc.mup(2), n))
    values = {"U": W1, "W2": W2, "V": n * V[0]}
    prog = unroll(MLPModel(2, "tanh", 1.2, 1.2, 0.9), X, Y, 6, 0.4, gamma=n**r)
    done = {node.name: x for node, x in zip(prog.nodes, evaluate(prog, values, {1.0: n}), strict=True)}
    run = sgd(abc.up("1/4", 2), TASK, n, 6, 0.4, seed=3, sigma_w=1.2, sigma_v=0.9, method="dense")
    np.testing.assert_allclose(run.f, [done[f"f[{t}]"] for t in range(7)], rtol=1e-9, atol=1e-11)
    ends = limit(abc.up(0, 2), TASK, 6, 0.4), limit(abc.up("1/2", 2), TASK, 6, 0.4)
    between = limit(abc.up("1/4", 2), TASK, 6, 0.4)
    assert [one.p.phase for one in (ends[0], between, ends[1])] == ["feature", "kernel", "kernel"]
    np.testing.assert_allclose(ends[0].f, limit(abc.mup(2), TASK, 6, 0.4).f, atol=1e-12)
    np.testing.assert_allclose(between.f, ends[1].f, atol=1e-12)
    assert between.cov is None and ends[1].cov is not None and np.abs(ends[0].f - between.f).max() > 0.01


def test_where_there_is_no_limit_words_say_why():
    fast = limit(abc.sp(2, "1/2"), TASK, 5, 0.1)
    assert fast.diverged == 1 and fast.f.shape == (1, 4) and "after the first step" in fast.words[0]
    never = limit(abc.Parametrization([0, 0], [0, 0]), TASK, 5, 0.1)
    assert never.diverged == 0 and never.f.shape == (0, 4) and "initialization" in never.words[0]
    assert "ends with the first step" in fast.words[-1] and "from the start" in never.words[-1]
    gone = limit(abc.Parametrization([0.5, 0.5], [0, 0]), TASK, 5, 0.1)
    assert "vanish" in gone.words[0] and "a constant" in gone.words[-1]
    late = limit(abc.rates([0, "3/2"], ["-5/4", 1]), TASK, 5, 0.4)
    run = sgd(late.p, TASK, 2**16, 1, 0.4)
    assert late.diverged == 2 and np.abs(late.f[1]).max() > 0.05 and "second step" in late.words[-1]
    np.testing.assert_allclose(late.f[1], run.f[1], atol=0.02)
    still = limit(abc.sp(1, 2), TASK, 5, 0.1)
    assert "training does nothing" in still.words[-1]
    assert "never moves" in still.words[0] and not still.delta["df"].any() and still.std[5].min() > 0
    unseen = limit(abc.Parametrization(["-7/10", "7/10"], ["7/10", "7/10"], 0), TASK, 5, 0.1)
    assert "no output sees it" in " ".join(unseen.words) and unseen.overlap is None
    with pytest.raises(Misuse, match="features"):
        unseen.features


def test_a_learning_rate_that_is_too_large():
    found = limit(abc.mup(2), TASK, 30, 60.0, "relu", samples=2**10)
    assert 0 < found.diverged < 10 and len(found.f) == found.diverged == len(found.loss)
    assert "any width" in found.words[-1]
    assert all(np.isfinite(v).all() for v in (found.f, found.kernel, *found.delta.values()))
    run = sgd(abc.mup(2), TASK, 2048, 30, 60.0, "relu")
    assert abs(run.diverged - found.diverged) <= 1
    kernel = limit(abc.ntp(2), TASK, 200, 60.0)
    assert kernel.diverged and len(kernel.f) == kernel.diverged and np.isfinite(kernel.loss).all()


def test_progress_and_errors():
    told = []
    limit(abc.mup(2), TASK, 3, 0.4, samples=2**9, progress=lambda *at: told.append(at))
    assert told[-1] == (32, 32)
    progress = Progress(lambda done, total: done == 9 and progress.cancel())
    with pytest.raises(Cancelled):
        limit(abc.mup(2), TASK, 3, 0.4, samples=2**9, progress=progress)
    with pytest.raises(Unsupported, match="hidden layers"):
        limit(abc.mup(4), TASK)
    with pytest.raises(Misuse, match="kernel regime"):
        limit(abc.mup(2), TASK, f0=Y)
    with pytest.raises(Misuse, match="4 inputs"):
        limit(abc.ntp(2), TASK, f0=Y[:2])
    assert np.array_equal(limit(abc.mup(1), TASK, 3, 0.4).f, limit(abc.mup(1), TASK, 3, 0.4).f)


ADAM = {"optimizer": "adam"}
MANY = task("parity", count=16, dimension=5, tests=0, batch=8)
# (parametrization, task, steps, learning rate, options, widths from 2^7 up)
LIMITS = {
    "muP, 1 hidden layer": (abc.mup(1), TASK, 10, 0.4, {}, 6),
    "muP, 2 hidden layers": (abc.mup(2), TASK, 10, 0.4, {}, 6),
    "muP, 3 hidden layers": (abc.mup(3), TASK, 10, 0.4, {}, 6),
    "muP, 2 hidden layers, 16 inputs in minibatches": (abc.mup(2), MANY, 12, 0.8, {}, 6),
    "muP, 3 hidden relu layers, 16 inputs in minibatches": (abc.mup(3), MANY, 8, 0.4, {"phi": "relu"}, 6),
    "muP, 2 hidden layers, gamma = 4": (abc.mup(2), TASK, 10, 0.4, {"gamma": 4.0}, 6),
    "muP, 1 hidden layer, Adam": (abc.mup(1, **ADAM), TASK, 10, 0.04, ADAM, 6),
    "muP, 2 hidden layers, Adam": (abc.mup(2, **ADAM), TASK, 10, 0.04, ADAM, 5),
    "muP, 3 hidden layers, sign descent": (abc.mup(3, **ADAM), TASK, 8, 0.03, {"optimizer": "sign"}, 5),
    "NTP, 2 hidden layers, Adam from 0": (abc.ntp(2, **ADAM), TASK, 10, 0.04, ADAM | {"center": True}, 5),
}


@pytest.mark.verify
@pytest.mark.parametrize("name", LIMITS)
def test_ladder_to_the_limit(name, verify_table):
    p, one, steps, lr, options, count = LIMITS[name]
    found = limit(p, one, steps, lr, samples=2**15 if p.adaptive else 2**17, **options)
    options = options | {"center": True} if "gamma" in options else options
    widths = [2**k for k in range(7, 7 + count)]
    gaps = [finite_gap(p, one, n, 32, steps, lr, found, **options) for n in widths]
    slope = float(np.polyfit(np.log(widths), np.log(gaps), 1)[0])
    verify_table(f"{name}: distance of trained networks from the limit, power of n ({found.method})", f"{slope:.3f}",
                 "-0.5 within 0.06", abs(slope + 0.5) < 0.06)  # fmt: skip


@pytest.mark.verify
def test_ladder_to_the_kernel(verify_table):
    widths, gaps = [2**k for k in range(7, 13)], []
    for n in widths:
        for_each = []
        for run in ladder(abc.ntp(2), TASK, [n], range(24), 10, 0.4, at=[]):
            for_each.append(np.mean((run.f - limit(abc.ntp(2), TASK, 10, 0.4, f0=run.f[0]).f) ** 2))
        gaps.append(np.sqrt(np.mean(for_each)))
    slope = float(np.polyfit(np.log(widths), np.log(gaps), 1)[0])
    verify_table("NTP: distance of trained networks from kernel descent with their own f_0, power of n", f"{slope:.3f}",
                 "-0.5 within 0.06", abs(slope + 0.5) < 0.06)  # fmt: skip
