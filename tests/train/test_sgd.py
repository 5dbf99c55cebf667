"""Training networks of finite width: against plain NumPy with the same weights, finite differences, and itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

import tpcore as tp
from tests.abc.plain import X, Y, rms
from tests.train import plain
from tpcore import abc
from tpcore.compute import tiles
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError, Cancelled, Misuse
from tpcore.finite.values import root_of
from tpcore.train import Task, ladder, sgd
from tpcore.train.finite import Job
from tpcore.train.network import Network

TASK = Task(X, Y)
PHI = {
    "tanh": (np.tanh, lambda h: 1 - np.tanh(h) ** 2),
    "relu": (lambda h: np.maximum(h, 0), lambda h: (h > 0) * 1.0),
    "sin": (np.sin, np.cos),
}


def network(p, n=48, seed=3, steps=6, lr=0.4, phi="tanh", sigma_b=None, task=TASK, optimizer=None, method="dense"):
    job = Job(p, task, steps, lr, phi, 1.2, None, 0.9, sigma_b, optimizer, None, method, None, None, False, 2.0**30)
    return Network(job.plan(n), n, root_of(seed))


def weights(net):
    hidden = [h.start.scale * h.start.unit.astype(float) for h in net.hidden]
    return [net.W1, *hidden, net.V[None]]


def trained(p, n=48, steps=6, lr=0.4, phi="tanh", task=TASK, **options):
    return sgd(p, task, n, steps, lr, phi, 3, sigma_w=1.2, sigma_v=0.9, method="dense", **options)


def close(found, expected, rtol=1e-9):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    "p, phi", [(abc.mup(1), "tanh"), (abc.ntp(2), "relu"), (abc.up("1/5", 3), "sin"), (abc.mup(4), "tanh")], ids=str
)
def test_the_same_weights_give_the_same_outputs(p, phi):
    a = [float(x) for x in p.a]
    expected = plain.mlp(weights(network(p, phi=phi)), X, Y, 0.4, 6, a, *PHI[phi], lambda f, y: f - y)
    assert np.abs(expected[-1] - expected[0]).max() > 0.1
    close(trained(p, phi=phi).f, expected)


def test_minibatches_the_other_loss_biases_and_points_that_are_only_looked_at():
    p, labels = abc.up("1/4", 2), np.sign(Y)
    task = Task(X, labels, "logistic", X_test=2 * X[:2], y_test=labels[:2], batch=3, order=5)
    net, rows = network(p, sigma_b=0.7, task=task), task.batches(6)
    slope = lambda f, y: -y / (1 + np.exp(y * f))  # noqa: E731
    both = np.concatenate([X, 2 * X[:2]]), np.concatenate([labels, labels[:2]])
    expected = plain.mlp(weights(net), *both, 0.4, 6, [float(x) for x in p.a], *PHI["tanh"], slope, rows, net.b)
    found = trained(p, task=task, sigma_b=0.7)
    close(found.f, expected[:, :4])
    close(found.f_test, expected[:, 4:])
    close(found.loss, np.log1p(np.exp(-labels * expected[:, :4])).mean(1))
    close(found.test_loss, np.log1p(np.exp(-labels[:2] * expected[:, 4:])).mean(1))
    close(sgd(p, Task(X, labels, "logistic", order=5), 48, 6, 0.4, "tanh", 3, sigma_w=1.2, sigma_v=0.9, sigma_b=0.7,
              batch=3).f, found.f)  # fmt: skip


def test_the_symmetry_changes_nothing():
    p = abc.up("1/5", 2)
    close(trained(p.shift([0.3, -0.25, 0.1])).f, trained(p).f, 1e-8)


def loss_of(stored):
    x = X.T
    for w in stored[:-1]:
        x = np.tanh(w @ x)
    return np.mean(((stored[-1] @ x)[0] - Y) ** 2) / 2


def test_a_step_is_minus_the_gradient():
    """Central differences of the loss in a few entries of every layer; rates n^(-2a - c)."""
    p, n = abc.six(0, 0.5, 0.9, -0.8, 0.2, 0.7), 24
    net = network(p, n)
    start = weights(net)
    at = net.forward()
    net.step(at, np.arange(4), (at.f - Y) / 4)
    low = net.hidden[0].change
    change = [net.first.change, low.entries if hasattr(low, "entries") else low.left[:4].T @ low.right[:4],
              net.readout.change[None]]  # fmt: skip
    for layer, (w, c) in enumerate(zip(start, p.rates, strict=True)):
        for entry in [(0, 1), (0, 2), (w.shape[0] - 1, 0)]:
            moved = [w.copy(), w.copy()]
            moved[0][entry] += 1e-5
            moved[1][entry] -= 1e-5
            up, down = (loss_of([*start[:layer], one, *start[layer + 1 :]]) for one in moved)
            expected = -0.4 * n ** -float(c) * (up - down) / 2e-5
            assert change[layer][entry] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def adaptive(p, n, steps, lr, kind):
    """Sign descent and Adam, as in their papers, on w with gradients times n^d."""
    stored = weights(network(p, n, optimizer=kind))
    size = lambda e: float(n) ** -float(e)  # noqa: E731
    w = [one / size(a) for one, a in zip(stored, p.a, strict=True)]
    m, v = [0 * one for one in w], [0 * one for one in w]
    found = []
    for t in range(1, steps + 2):
        W = [size(a) * one for one, a in zip(w, p.a, strict=True)]
        xs, hs = [X.T], []
        for one in W[:-1]:
            hs.append(one @ xs[-1])
            xs.append(np.tanh(hs[-1]))
        f = (W[-1] @ xs[-1])[0]
        found.append(f)
        delta = ((f - Y) / 4)[None]
        for i in range(len(W) - 1, -1, -1):
            g = size(p.a[i] - p.scales[i]) * delta @ xs[i].T
            delta = (W[i].T @ delta) * (1 - xs[i] ** 2) if i else None
            if kind == "sign":
                q = np.sign(g)
            else:
                m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g**2
                q = m[i] / (1 - 0.9**t) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
            w[i] = w[i] - lr * size(p.rates[i]) * q
    return np.array(found)


@pytest.mark.parametrize("kind", ["adam", "sign"])
def test_adaptive_optimizers_against_their_definitions(kind):
    for p in (abc.mup(2, optimizer="adam"), abc.ntp(3, optimizer="adam")):
        close(trained(p, lr=0.03, optimizer=kind).f, adaptive(p, 48, 6, 0.03, kind), 1e-6)


def test_changes_are_what_they_are_called():
    p, n = abc.up("1/4", 2), 40
    hist = trained(p, n, steps=4, ntk=True, at=[0, 4])
    W0 = weights(network(p, n))
    net = network(p, n, steps=4)
    for _ in range(4):
        at = net.forward()
        net.step(at, np.arange(4), (at.f - Y) / 4)
    low = net.hidden[0].change
    dW = [net.first.change, low.left[: low.count].T @ low.right[: low.count], net.readout.change[None]]
    W = [w + d for w, d in zip(W0, dW, strict=True)]
    h1, g1 = W0[0] @ X.T, W[0] @ X.T
    h2, g2 = W0[1] @ np.tanh(h1), W[1] @ np.tanh(g1)
    last, delta = np.tanh(g2), hist.delta
    close(hist.f[-1], (W[2] @ last)[0])
    assert delta["dh2"][-1] == pytest.approx(rms(g2 - h2))
    assert delta["dx1"][-1] == pytest.approx(rms(np.tanh(g1) - np.tanh(h1)))
    for i, x in enumerate([X.T, np.tanh(g1), last]):
        name = f"dW{i + 1}"
        assert delta[name][-1] == pytest.approx(rms(dW[i]))
        assert delta[f"dWx{i + 1}"][-1] == pytest.approx(rms(dW[i] @ x))
        assert delta[name + "_frobenius"][-1] == pytest.approx(np.linalg.norm(dW[i]))
        assert delta[name + "_norm"][-1] == pytest.approx(np.linalg.norm(dW[i], 2), rel=1e-3)
    assert delta["dx2_kernel"][-1] == pytest.approx(rms(last.T @ last - np.tanh(h2).T @ np.tanh(h2)) / n)
    close(hist.kernel[-1], last.T @ last / n)
    close(hist.overlap[0, :, 1], np.tanh(h2).T @ last / n, 1e-6)
    assert all(not values[0] for name, values in delta.items() if name != "gradient")
    back2 = W[2].T * (1 - last**2)
    back1 = (W[1].T @ back2) * (1 - np.tanh(g1) ** 2)
    s = [n ** -float(2 * a + c) for a, c in zip(p.a, p.rates, strict=True)]
    inner = np.tanh(g1).T @ np.tanh(g1)
    ntk = s[2] * last.T @ last + s[1] * (back2.T @ back2) * inner + s[0] * (back1.T @ back1) * (X @ X.T)
    close(hist.ntk[-1], ntk)


def test_a_change_of_few_directions_is_the_change():
    """One width, two lengths of training: updates as outer products, and entry by entry."""
    short, long = trained(abc.mup(2), 64, steps=4), trained(abc.mup(2), 64, steps=40)
    close(long.f[:5], short.f)
    for name in short.delta:
        np.testing.assert_allclose(long.delta[name][:5], short.delta[name], rtol=2e-3, atol=1e-12)


def test_small_changes_keep_their_digits_in_single_precision():
    p, n = abc.sp(2, 3), 1024
    hist, stored = trained(p, n, steps=3), weights(network(p, n))
    f = [stored]
    for _ in range(3):
        W = f[-1]
        x1 = np.tanh(W[0] @ X.T)
        x2 = np.tanh(W[1] @ x1)
        d2 = W[2].T * (1 - x2**2) * (((W[2] @ x2)[0] - Y) / 4)
        d1 = (W[1].T @ d2) * (1 - x1**2)
        rate = 0.4 * float(n) ** -3
        f.append([W[0] - rate * d1 @ X, W[1] - rate * d2 @ x1.T, W[2] - rate * ((W[2] @ x2)[0] - Y) / 4 @ x2.T])
    change = np.tanh(f[-1][1] @ np.tanh(f[-1][0] @ X.T)) - np.tanh(stored[1] @ np.tanh(stored[0] @ X.T))
    assert 1e-12 < hist.delta["dx2"][-1] < 1e-7 and hist.delta["dx2"][-1] == pytest.approx(rms(change), rel=1e-4)


def test_matrices_that_are_never_stored_have_the_same_law():
    draws = {}
    for method in ("dense", "lazy"):
        runs = ladder(abc.ntp(2), TASK, [64], range(120), 3, 0.4, sigma_w=1.2, method=method, record=[3], at=[])
        draws[method] = np.array([[run.f[3, 0], run.f[3, 3], run.delta["dx2"][-1]] for run in runs])
    for i in range(3):
        assert ks_2samp(draws["dense"][:, i], draws["lazy"][:, i]).pvalue > 0.01
    np.testing.assert_allclose(np.cov(draws["lazy"].T)[0, 1], np.cov(draws["dense"].T)[0, 1], atol=0.15)


def test_divergence_is_a_result():
    hist = sgd(abc.sp(2, 0), TASK, 256, 30, 1.0, "relu")
    assert 0 < hist.diverged < 30 and len(hist.f) == len(hist.loss) == hist.diverged and "diverged" in hist.words[0]
    assert all(np.isfinite(v).all() for v in (hist.f, hist.loss, hist.kernel, *hist.delta.values()))
    assert hist.recorded[-1] == hist.diverged - 1 and "diverged at step" in repr(hist)
    wild = sgd(abc.Parametrization([-90, 0, 0], [-90, 0, 0], 0), TASK, 200, 3, 1.0, "relu")
    assert wild.diverged == 0 and wild.f.shape == (0, 4)
    square = sgd(abc.Parametrization([0, -99], [0, -3], 0), TASK, 33, 3, 0.0)  # f_0 about 1e155: a loss beyond floats
    assert square.diverged == 0 and len(square.loss) == 0


def test_one_seed_one_history_on_any_number_of_threads():
    threads = tiles.get_threads()
    try:
        found = []
        for count in (1, 3):
            tiles.set_threads(count)
            found.append(sgd(abc.mup(2), TASK, 1100, 2, 0.3, seed=7, method="dense"))
    finally:
        tiles.set_threads(threads)
    assert np.array_equal(found[0].f, found[1].f) and found[0].delta["dW2"][-1] == found[1].delta["dW2"][-1]
    other = sgd(abc.mup(2), TASK, 64, 2, 0.3, seed=8)
    assert not np.array_equal(other.f, sgd(abc.mup(2), TASK, 64, 2, 0.3, seed=7).f)


def test_a_ladder_comes_in_order_tells_its_progress_and_stops():
    told = []
    runs = list(ladder(abc.mup(1), TASK, [32, 64], [0, 5], 3, 0.3, progress=lambda *at: told.append(at)))
    assert [(run.width, run.seed) for run in runs] == [(32, 0), (32, 5), (64, 0), (64, 5)] and told[-1] == (16, 16)
    np.testing.assert_array_equal(runs[3].f, sgd(abc.mup(1), TASK, 64, 3, 0.3, seed=5).f)
    progress = Progress()
    climb = ladder(abc.mup(1), TASK, [32, 64], [0], 3, 0.3, progress=progress)
    next(climb)
    progress.cancel()
    with pytest.raises(Cancelled):
        next(climb)


def test_pictures_of_features():
    hist = trained(abc.mup(2), 64, at=[0, 2, 6])
    scores = hist.principal(3)
    assert scores.shape == (3, 4, 3) and np.allclose(scores.sum((0, 1)), 0, atol=1e-9)
    flat = hist.principal(12).reshape(12, 12)
    gram = hist.overlap.reshape(12, 12)
    distance = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
    np.testing.assert_allclose(((flat[:, None] - flat) ** 2).sum(-1), distance, atol=1e-5)
    assert np.all((hist.alignment() >= 0) & (hist.alignment() <= 1)) and hist.alignment()[-1] > hist.alignment()[0]
    y = Y - Y.mean()
    assert hist.alignment(np.multiply.outer(y, y)[None])[0] == pytest.approx(1.0)
    A = np.random.default_rng(3).standard_normal((len(y), 5)) + 1.7  # far from centred
    H = np.eye(len(y)) - 1 / len(y)
    centred = H @ A @ A.T @ H
    expected = y @ centred @ y / (np.linalg.norm(centred) * (H @ y) @ (H @ y))
    assert hist.alignment((A @ A.T)[None])[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: sgd("mup", TASK), "abc-parametrization"),
        (lambda: sgd(abc.mup(2), TASK, 0), "width"),
        (lambda: sgd(abc.mup(2), TASK, 64, phi="step"), "derivative"),
        (lambda: sgd(abc.mup(2), TASK, 64, optimizer="adam"), "adaptive"),
        (lambda: sgd(abc.mup(2, optimizer="adam"), TASK, 64, optimizer="sgd"), "without d"),
        (lambda: sgd(abc.mup(2, optimizer="adam"), TASK, 64, method="lazy"), "few directions"),
        (lambda: sgd(abc.mup(2), "paritty", 64), "parity"),
        (lambda: sgd(abc.mup(2), TASK, 64, record=[99]), "record"),
        (lambda: sgd(abc.mup(9), TASK, 64), "hidden layers"),
        (lambda: sgd(abc.mup(2), TASK, 64, batch=9), "batch"),
        (lambda: ladder(abc.mup(2), TASK, widht=3), "option"),
        (lambda: sgd(abc.mup(2), TASK, 64, lr=np.nan), "lr"),
    ],
)
def test_errors_in_words(call, words):
    with pytest.raises(Misuse, match=words):
        call()


def test_memory_is_counted_before_it_is_taken():
    with pytest.raises(BudgetError) as caught:
        sgd(abc.mup(2), TASK, 10**6, 5, method="dense")
    assert 4000 < caught.value.fits < 10**5
    assert tp.train.sgd is sgd


@pytest.mark.verify
def test_great_width(verify_table):
    hist = sgd(abc.mup(2), TASK, 2**16, 30, 0.3)
    verify_table("training lazily, n = 65,536, 30 steps, two hidden layers", f"{hist.seconds:.1f} s", "< 20 s",
                 hist.method == "lazy" and hist.seconds < 20)  # fmt: skip
