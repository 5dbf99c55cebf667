"""The Training lab's computations: the three machines by independent routes, their distances, how tasks are drawn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import tpcore as tp
from tpapp.compute import training as compute
from tpapp.compute import training_widths as widths
from tpapp.compute.training_tasks import GAP, TASKS, scene, task
from tpapp.plots.training_courses import _apart
from tpapp.plots.training_machine import log_ticks
from tpcore.compute.progress import Progress
from tpcore.errors import Cancelled
from tpapp.training_results import FeatureRequest, KernelRequest, NetworksRequest, Setup, WidthsRequest

SINE = Setup("sine", "tanh", 1, 0.5, 30)
PARITY = Setup("parity", "relu", 1, 1.0, 40)


def last(results):
    *_, found = results
    return found


@pytest.mark.parametrize("steps", [12, 13, 20, 57, 100, 300])
def test_frames_begin_at_the_start_and_end_at_the_end(steps):
    found = compute.frames(steps)
    assert found[0] == 0 and found[-1] == steps and len(found) == compute.FRAMES and (np.diff(found) > 0).all()
    assert steps < 50 or found[6] < 0.4 * steps  # more of them at first


@pytest.mark.parametrize("trains, kernel", [("all", tp.ntk), ("readout", tp.nngp)])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_kernel_limit_descends_with_the_kernel_of_the_layers_that_train(trains, kernel, depth):
    """The route of the Kernels lab: a network without 1/sqrt d at its input."""
    s = Setup("sine", "relu", depth, 0.3, 15)
    one = task("sine")
    K = kernel(tp.nets.MLP(depth, "relu", 1.0, None), one.inputs * np.sqrt(one.dimension))
    y = np.concatenate([one.y, one.y_test])
    wanted = tp.train.kernel_descent(K, y, 0.3, 15, batches=[range(one.count)])
    for r in (0.0, 0.3):
        found = compute.kernel(KernelRequest(s, r, trains))
        assert np.allclose(found.f, wanted[found.frames], atol=1e-9) and not found.sd.any() and not found.change.any()
        loss = np.mean((wanted[-1, : one.count] - one.y) ** 2) / 2
        assert found.loss[-1] == pytest.approx(loss, rel=1e-9)


def test_in_ntp_the_start_is_random_and_the_loss_its_mean():
    found, one = compute.kernel(KernelRequest(SINE, 0.5)), task("sine")
    zero = compute.kernel(KernelRequest(SINE, 0.2))
    spread = np.mean(found.sd[0, : one.count] ** 2) / 2
    assert spread > 0.1 and found.loss[0] == pytest.approx(zero.loss[0] + spread, rel=1e-9)
    assert np.allclose(found.f, zero.f, atol=1e-12)


def test_a_descent_from_another_start():
    found = compute.kernel(KernelRequest(SINE, 0.5))
    f0 = np.random.default_rng(1).normal(size=found.f.shape[1])
    want = tp.train.limit(tp.abc.ntp(1), task("sine"), 30, 0.5, "tanh", f0=f0, record=found.frames, at=[0])
    got = widths.from_start(found, f0)
    assert np.allclose(got[:, : task("sine").count], want.f[found.frames], atol=1e-10)
    assert np.allclose(got[:, task("sine").count :], want.f_test, atol=1e-10)


def test_the_ends_of_gamma_are_mup_and_ntp():
    for depth in (1, 3):
        assert compute.network_point(0.0, depth).maximal
        assert compute.network_point(0.5, depth).equivalent(tp.abc.ntp(depth))
        assert float(compute.network_point(0.15, depth).r) == 0.15


def test_a_network_in_full():
    """Features' change and principal components against the vectors' own inner products."""
    found = last(compute.networks(NetworksRequest(PARITY, 0.2, 128, 3, 2)))
    at = compute.frames(40)
    run = tp.train.sgd(tp.abc.up(0.2, 1), task("parity"), 128, 40, 1.0, "relu", seed=3, at=at, record=at, ntk=True)
    B, O = task("parity").count, run.overlap
    first, end = O[0, :, 0], O[-1, :, -1]
    moved = np.diag(first) + np.diag(end) - 2 * np.diag(O[0, :, -1])
    assert found.first.change[-1] == pytest.approx(np.sqrt(moved[:B].mean() / np.diag(first)[:B].mean()), rel=1e-4)
    assert np.allclose(found.first.f[:, :B], run.f[at]) and np.allclose(found.first.f[:, B:], run.f_test)
    flat, want = (p.reshape(-1, 2) for p in (found.first.points, run.features))
    assert np.allclose(flat @ flat.T, want @ want.T)
    assert found.first.alignment["tangent"][-1] == pytest.approx(run.alignment(run.ntk)[-1])
    assert found.paths.count == 2 and len(found.changes) == 2 and found.done
    assert found.paths.loss[0] == pytest.approx(run.loss[-1])


def test_components_lie_as_at_infinite_width():
    """Of two wide networks, one whose own components are mirrored: turned, both are near those of the limit."""
    step, apart = Setup("step", "tanh", 1, 0.5, 12), lambda p: p - p.mean(axis=0)
    limit = compute.kernel(KernelRequest(step, 0.5)).points[0]
    own = []
    for seed in (3, 2):
        run = tp.train.sgd(tp.abc.ntp(1), task("step"), 4096, 12, 0.5, seed=seed, at=compute.frames(12))
        own.append(np.abs(apart(run.features[0]) - apart(limit)).max())
        wide = last(compute.networks(NetworksRequest(step, 0.5, 4096, seed, 1))).first
        assert np.abs(apart(wide.points[0]) - apart(limit)).max() < 0.05
    assert max(own) > 1 > 0.05 > min(own)


@pytest.mark.parametrize("r, slow", [(0.0, (-0.05, 0.05)), (0.15, (-0.2, -0.05)), (0.5, (-0.6, -0.3))])
def test_networks_come_near_the_limit_at_their_own_gamma_like_the_root_of_the_width(r, slow):
    """At any r; near the kernel limit only if r > 0, and by about n^-r: as the features freeze."""
    longer = Setup("sine", "tanh", 1, 0.5, 80)
    found = last(widths.widths(WidthsRequest(longer, r, 5, (256, 1024, 4096), (16, 16, 12))))
    known = {"kernel": compute.kernel(KernelRequest(longer, r)), "feature": compute.feature(FeatureRequest(longer))}
    kernel, feature = widths.distances(found, known)
    assert (kernel.limit, feature.limit) == ("kernel", "feature") and len(found.limits) == (3 if r else 0)
    assert feature.slope == pytest.approx(-0.5, abs=max(3.5 * feature.slope_error, 0.12)) and feature.slope_error < 0.1
    assert slow[0] < kernel.slope < slow[1]
    assert r == 0.5 or kernel.mean[-1] > 2 * feature.mean[-1]
    assert feature.counts == (16, 16, 12) and found.done
    if r == 0.15:  # that of gamma = 1 would be far
        wrong = widths.distance(found.paths, [known["feature"]] * 3)
        assert wrong.mean[-1] > 3 * feature.mean[-1] and wrong.slope > -0.2


@pytest.mark.parametrize("s", [SINE, Setup("sine", "erf", 2, 0.3, 15), Setup("words", "relu", 2, 0.3, 12)],
                         ids=["particles", "two layers", "networks"])  # fmt: skip
def test_the_feature_limit_ends_in_the_kernel_limit(s):
    """At gamma = inf the same numbers; before, features move like 1/gamma and the gap closes."""
    kernel = compute.kernel(KernelRequest(s, 0.3))
    end = compute.feature(FeatureRequest(s, compute.gamma(0.3, np.inf)))
    assert np.allclose(end.f, kernel.f, atol=1e-10) and not end.change.any()
    assert np.allclose(end.kernels["tangent"], kernel.kernels["tangent"])
    near = [compute.feature(FeatureRequest(s, g), samples=2**11) for g in (1.0, 8.0, 64.0)]
    moved, gaps = [one.change[-1] for one in near], [np.abs(one.f - kernel.f).max() for one in near]
    assert moved[0] > 2 * moved[1] and moved[1] / moved[2] == pytest.approx(8, rel=0.2)
    assert gaps[2] < min(0.25 * gaps[0], max(4 * near[2].error, 0.01))


def test_gamma_is_that_of_the_width_on_show():
    assert compute.gamma(0.0, np.inf) == compute.gamma(0.0, 64) == 1 and compute.gamma(0.5, 64) == 8
    assert compute.gamma(0.15, 1024) == pytest.approx(1024**0.15) and compute.gamma(0.05, np.inf) == np.inf
    deep = Setup("sine", "tanh", 2, 0.5, 20)
    assert [compute.method(one) for one in (SINE, PARITY, deep)] == ["program"] * 3
    assert compute.method(Setup("parity", "tanh", 2, 0.5, 20)) == compute.method(Setup("sine", "relu", 2, 1, 9))


def test_what_becomes_of_the_outputs_at_the_start():
    """With squared loss, a descent from f_0 is f_0 more than the one from zero to y - f_0."""
    s, one = Setup("sine", "tanh", 1, 0.5, 20), task("sine")
    found = compute.feature(FeatureRequest(s, 8.0))
    f0 = 0.3 * np.sin(np.arange(found.f.shape[1]))
    moved = tp.train.Task(one.X, one.y - f0[: one.count], X_test=one.X_test, y_test=one.y_test - f0[one.count :])
    at = compute.frames(20)
    want = tp.train.limit(tp.abc.mup(1), moved, 20, 0.5, gamma=8.0, at=[0], record=at, samples=compute.SAMPLES)
    want = np.concatenate([want.f[at], want.f_test], axis=1) + f0
    assert np.abs(want - found.f).max() > 0.2
    assert np.allclose(widths.from_start(found, f0), want, atol=6e-3)
    assert compute.feature(FeatureRequest(s)).maps is None


def test_features_learn_parity_where_the_kernel_fails():
    kernel, feature = compute.kernel(KernelRequest(PARITY, 0.0)), compute.feature(FeatureRequest(PARITY))
    assert kernel.test_loss[-1] > 10 * feature.test_loss[-1] and feature.test_loss[-1] < 0.05
    assert feature.alignment["features"][-1] > 3 * kernel.alignment["features"][-1]
    assert feature.change[-1] > 0.5 and 0 < feature.error < 0.05


def test_what_diverges_ends_before_and_shows_what_is_bounded():
    s = Setup("sine", "tanh", 1, 4.0, 60)
    found = compute.kernel(KernelRequest(s, 0.5))
    assert found.diverged is not None and found.frames[-1] < found.diverged
    assert np.abs(found.f[found.at(12)]).max() < 100 and np.isfinite(found.f).all()
    networks = last(compute.networks(NetworksRequest(Setup("sine", "relu", 1, 10.0, 40), 0.0, 32, 0, 2)))
    assert networks.paths.diverged and networks.done and networks.first.diverged is not None
    assert len(widths.distance([networks.paths], [found]).widths) == (1 if networks.paths.f else 0)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_and_its_axis(name):
    one, drawn = task(name), scene(name)
    assert len(drawn.x) == len(drawn.y) == len(one.inputs) and drawn.count == one.count
    assert sorted(drawn.order) == list(range(one.count, len(drawn.x)) if drawn.kind == "line" else range(one.count))
    assert scene(name) is drawn and np.isfinite(drawn.x).all()
    real = ~np.isnan(drawn.truth[0])
    for x, y in zip(drawn.x, drawn.y):  # the target stands where the truth is drawn
        k = np.flatnonzero(real)[np.argmin(np.abs(drawn.truth[0, real] - x))]
        assert name in ("words", "step") or abs(drawn.truth[1, k] - y) < 0.3
    assert not drawn.labels or len(drawn.labels) == len(drawn.x)
    assert len(GAP) == 2


def test_words_stand_at_their_lengths():
    drawn = scene("words")
    assert all(abs(x - len(word)) < 0.3 for x, word in zip(drawn.x, drawn.labels))
    edge = drawn.truth[0, 1]
    assert all((len(word) > edge) == (y > 0) for word, y in zip(drawn.labels, drawn.y))


@pytest.mark.parametrize("work", [
    lambda progress: compute.feature(FeatureRequest(SINE), progress),
    lambda progress: last(compute.networks(NetworksRequest(SINE, 0.0, 64, 0, 2), progress)),
    lambda progress: last(widths.widths(WidthsRequest(SINE, 0.0, 0, (16,), (2,)), progress)),
])  # fmt: skip
def test_work_is_cancelled_on_its_way(work):
    progress = Progress(lambda done, total: progress.cancel())
    with pytest.raises(Cancelled):
        work(progress)


def test_fewer_networks_the_longer_they_take():
    assert compute.count(64, 1) == 8 and compute.count(65536, 1) == 2 and compute.count(10**6, 1) == 1
    assert compute.count(1024, 2) == 4 and compute.count(64, 3) == 8


def test_ticks_and_labels():
    assert log_ticks(0.02, 0.3) == pytest.approx([0.02, 0.05, 0.1, 0.2]) and log_ticks(1e-9, 1e3, 4)
    assert log_ticks(0.004, 0.1) == pytest.approx([0.01, 0.03, 0.1]) and len(log_ticks(1e-20, 1e20)) <= 4
    found = _apart([0.5, 0.51, 0.0], 0.1)
    assert found == pytest.approx([0.5, 0.6, 0.05])
    assert _apart([0.99, 1.0], 0.1) == pytest.approx([0.85, 0.95]) and _apart([1.0, 0.2, 1.0], 0.3)[1] == 0.2


def test_maps_take_kernels_between_the_steps_that_have_one_by_straight_lines():
    """Against descent written out, each entry of the kernel by `numpy.interp`."""
    rng = np.random.default_rng(3)
    roots = rng.standard_normal((3, 4, 4))
    ntk, at, recorded, B, lr = roots @ roots.transpose(0, 2, 1), np.array([0, 3, 7]), np.array([0, 2, 5, 7]), 2, 0.3
    run = SimpleNamespace(ntk=ntk, at=at, recorded=recorded, lr=lr,
                          task=SimpleNamespace(count=B, inputs=np.zeros((4, 1))))  # fmt: skip
    f0, want = rng.standard_normal(4), []
    f = f0.copy()
    for t in range(8):
        if t in recorded:
            want.append(f.copy())
        K = np.array([[np.interp(t, at, ntk[:, i, j]) for j in range(4)] for i in range(4)])
        f = f - lr / B * K[:, :B] @ f[:B]
    np.testing.assert_allclose(compute._maps(run) @ f0, want, rtol=1e-12)
