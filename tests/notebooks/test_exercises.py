"""Every checker accepts a right answer and rejects plausible wrong ones, in words that do not give the answer away."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
import tpcore as tp
from exercises import CHECKERS, check
from tests.notebooks import architectures, feature_learning, jacobians, sums
from tpcore.data import digits

# -- right answers, written without the checkers' means where that is possible


def relu_mean(q1, q2, c):
    """E relu relu by the arc-cosine formula (Cho and Saul 2009)."""
    size = np.sqrt(q1 * q2)
    angle = np.arccos(np.clip(c / size, -1, 1))
    return size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


def nngp(X, depth, sigma_w, sigma_b):
    K = sigma_w**2 * X @ X.T / X.shape[1] + sigma_b**2
    for _ in range(depth):
        q = np.diag(K)
        K = sigma_w**2 * relu_mean(q[:, None], q[None, :], K) + sigma_b**2
    return K


def residual(cov, skip="h1", variance=1.5, readout=1.0, matrices=1, last=True):
    prog = tp.Program("residual")
    h1, v = prog.block("h1", cov=cov), prog.vector("v", variance=readout)
    W = [prog.matrix(f"W{i}", variance=variance) for i in range(matrices)][-1]
    x1 = tp.relu(h1)
    ways = {
        "h1": lambda: h1 + W @ x1,
        "x1": lambda: x1 + W @ x1,
        "none": lambda: 1 * (W @ x1),
        "linear": lambda: h1 + W @ h1,
    }
    h2 = ways[skip]()
    if last is not None:
        prog.output("f", v, tp.relu(h2) if last else h2)
    return prog


def residual_in_vectors(cov):
    prog = tp.Program("residual, vector by vector")
    u, w = prog.vectors("u w", cov=cov)
    W, v = prog.matrix("W", variance=1.5), prog.vector("v")
    for name, h in (("f", u), ("g", w)):
        prog.output(name, v, tp.relu(h + W @ tp.relu(h)))
    return prog


def width_wanted(target=0.005):
    X, _ = digits(8)
    net = tp.nets.MLP(depth=3, phi="relu", sigma_w=1.4142, sigma_b=0.1)
    measured = tp.agreement.deviation(tp.empirical_nngp(net, X, width=1024, draws=100, seed=4), tp.nngp(net, X)).mean()
    return 1024 * (measured / target) ** 2


def symmetric(draw, n, seed, scale=None):
    entries = draw(np.random.default_rng(seed), (n, n))
    lower = np.tril(entries)
    return (lower + np.tril(lower, -1).T) * (n**-0.5 if scale is None else scale)


def skewed(rng, size):
    return rng.standard_exponential(size) - 1


def wishart(k=3, rows=0.5, cols=1.0, variance=1.0, v_variance=1.0, name="m", other=False, first="transpose"):
    prog = tp.Program("Wishart")
    W = prog.matrix("W", variance=variance, rows=rows, cols=cols)
    U = prog.matrix("U", rows=rows, cols=cols) if other else W
    v = prog.vector("v", variance=v_variance, dim=rows if first == "transpose" else cols)
    x = v
    for _ in range(k):
        x = W @ (U.T @ x) if first == "transpose" else W.T @ (U @ x)
    prog.name(name, tp.inner(v, x))
    return prog


def pivots(diagonal, off, x):
    count, pivot = 0, 1.0
    for i, a in enumerate(diagonal):
        pivot = a - x - (off[i - 1] ** 2 / pivot if i else 0.0)
        count += pivot < 0
    return count


def determinants(diagonal, off, x):
    """Sign changes of the leading minors: right for small matrices, beyond the range of floats for large ones."""
    before, now, count = 1.0, diagonal[0] - x, 0
    count += now < 0
    for i in range(1, len(diagonal)):
        before, now = now, (diagonal[i] - x) * now - off[i - 1] ** 2 * before
        count += (now < 0) != (before < 0)
    return count


def unsquared(diagonal, off, x):
    count, pivot = 0, 1.0
    for i, a in enumerate(diagonal):
        pivot = a - x - (off[i - 1] / pivot if i else 0.0)
        count += pivot < 0
    return count


def slowly(diagonal, off, x):
    time.sleep(0.5 if len(diagonal) > 1000 else 0)
    return pivots(diagonal, off, x)


def remembered(mean, variance, s2, ratio, copy=1.0, noise=None, own=True, cov=None):
    """Mean and variance of W W^T x and its covariance with x, from (sum_b W_ab^2) x_a + noise."""
    q = mean**2 + variance
    noise = ratio * q if noise is None else noise
    cov = copy * s2 * variance if cov is None else cov
    return copy * s2 * mean, own * (copy * s2) ** 2 * variance + s2**2 * noise, cov


def power(k=6, sign=-1.0, scale=0.5**0.5, v_variance=1.0, variance=1.0, name="m", other=False, halves=False):
    prog = tp.Program("powers")
    W, v = prog.matrix("W", variance=variance), prog.vector("v", variance=v_variance)
    U = prog.matrix("U") if other else W
    images = [v]
    for _ in range(k):
        images.append(scale * (W @ images[-1] + sign * (U.T @ images[-1])))
    half = k // 2
    prog.name(name, sign**half * tp.inner(images[half], images[half]) if halves else tp.inner(v, images[k]))
    return prog


def constant_only():
    prog = tp.Program("no matrix")
    v = prog.vector("v")
    prog.name("m", -5.0 * tp.inner(v, v))
    return prog


def short_cut():
    """The right limit without the powers: -5 <v, W W^T v>."""
    prog = tp.Program("short cut")
    W, v = prog.matrix("W"), prog.vector("v")
    prog.name("m", -5.0 * tp.inner(v, W @ (W.T @ v)))
    return prog


def there_and_back(phi=tp.tanh, mean=0.0, name="theta", psi=lambda x, y: tp.moment(y * y), tied=True):
    prog = tp.Program("there and back")
    W, x = prog.matrix("W", variance=1.3), prog.vector("x", mean=mean, variance=0.8)
    h = prog.name("h", W @ x)
    y = (W.T if tied else W) @ phi(h)
    prog.name(name, psi(x, y))
    return prog


def backward():
    """Like backpropagation: v odd and of mean zero."""
    prog = tp.Program("backward")
    W, x, v = prog.matrix("W"), prog.vector("x"), prog.vector("v")
    h = W @ tp.tanh(x)
    y = W.T @ (v * tp.sin(h))
    prog.name("theta", tp.moment(y * y))
    return prog


def hardly():
    """The naive rule is wrong, by little."""
    prog = tp.Program("hardly")
    W, x = prog.matrix("W"), prog.vector("x")
    y = W.T @ tp.relu(W @ x)
    prog.name("theta", tp.moment(1 + 0.01 * y * y))
    return prog


TAIL = 2 * math.exp(-1 / 4) / math.sqrt(4 * math.pi)  # the density of N(0, 2) at 1, times the variance

RIGHT = {
    "1.1": [2.8, np.float64(2.8)],
    "1.2": [lambda n: 3 + 15 / n],
    "1.3": [float(relu_mean(2.0, 1.0, 0.8)), 0.4626],
    "1.4": [nngp, lambda X, depth, sigma_w, sigma_b: tp.nngp(tp.nets.MLP(depth, "relu", sigma_w, sigma_b), X)],
    "1.5": [residual, residual_in_vectors],
    "1.6": [width_wanted],
    "2.1": [1 / 3 + math.sqrt(3) / (2 * math.pi), 0.609],
    "2.2": [[0, 1, 10, 91, 903], np.array([0, 1, 10, 91, 903])],
    "2.3": [2 + 5 / 12 + 5 / 144],
    "2.4": [lambda n, seed: symmetric(skewed, n, seed),
            lambda n, seed: symmetric(lambda r, s: r.chisquare(2, s) / 2 - 1, n, seed),
            lambda n, seed: (lambda X: (X + X.T) / (2 * n) ** 0.5)(skewed(np.random.default_rng(seed), (n, n)))],
    "2.5": [wishart, lambda: wishart(k=3, variance=1.0)],
    "2.6": [pivots, lambda d, e, x: int(tp.spectra.sturm_counts(d, e, [x])[0])],
    "3.1": [[1, 2.75, math.sqrt(10 / math.pi)], np.array([1.0, 2.75, 1.784])],
    "3.2": [lambda z: 1.0, lambda z: 0 * z + 3, np.ones_like, lambda z: np.cosh(1e-5 * z)],
    "3.3": [remembered, lambda m, v, s2, r: np.array([s2 * m, s2**2 * (v + r * (m**2 + v)), s2 * v])],
    "3.4": [TAIL, 0.4394],
    "3.5": [power, lambda: power(halves=True)],
    "3.6": [there_and_back, lambda: there_and_back(phi=tp.step),
            lambda: there_and_back(phi=lambda h: h, psi=lambda x, y: tp.moment(tp.relu(y)))],
}


def _slip(**changes):
    return lambda cov: residual(cov, **changes)


WRONG = {
    "1.1": [3, 2.79, 2.9, 280, -0.2, 3.2, "three", float("nan"), [2.8, 2.8]],
    "1.2": [lambda n: 3, lambda n: 15 / n, lambda n: 3 - 2 / n, lambda n: 1 + 5 / n, lambda n: 3 + 18 / n,
            lambda n: 3 + 15 / n**2,
            lambda n: 3 + 15 / n**0.5, lambda n: 3 + 5 / n, 3.0, lambda n: 1 / 0],
    "1.3": [0.4, 0.8, 0.5**0.5, 0.5**0.5 / math.pi, float(relu_mean(4.0, 1.0, 0.8)), 0.2371, 0.4760, 0.4529],
    "1.4": [
        lambda X, depth, w, b: nngp(X, depth - 1, w, b),
        lambda X, depth, w, b: nngp(X, depth + 1, w, b),
        lambda X, depth, w, b: nngp(X, depth, w, 0.0),
        lambda X, depth, w, b: nngp(X, depth, w, b) - b**2,
        lambda X, depth, w, b: nngp(X, depth, w**0.5, b**0.5),
        lambda X, depth, w, b: nngp(X * X.shape[1] ** 0.5, depth, w, b),
        lambda X, depth, w, b: nngp(X[:3], depth, w, b),
        lambda X, depth, w, b: np.diag(np.diag(nngp(X, depth, w, b))),
        lambda X, depth, w, b: nngp(X, depth, w, b) + np.triu(np.ones((5, 5)), 1),
        lambda X, depth, w, b: tp.nngp(tp.nets.MLP(depth, "erf", w, b), X),
        lambda X, depth, w, b: X.no_such_thing,
    ],
    "1.5": [_slip(skip="x1"), _slip(skip="none"), _slip(skip="linear"), _slip(variance=1.0), _slip(readout=2.0),
            _slip(matrices=2), _slip(last=False), _slip(last=None), residual(np.eye(2)), lambda cov: np.eye(2),
            lambda cov: residual(np.eye(2))],
    "1.6": [width_wanted, 1e6, 1e5, 4096, 0.3, 20.0, -1],
    "2.1": [0.5, 0.6827, 0.3045, 60.9, 0.6, 0.615, 1.0],
    "2.2": [[1, 3, 15, 105, 945], [1, 2, 5, 14, 42], [0, 1, 10, 91, 813], [0, 1, 10, 91], [[0, 1, 10, 91, 903]],
            "many"],
    "2.3": [2, 2 + 5 / 12, 2 + 1 / 12, 2 + 1 / 144, 12 * (2 + 5 / 12 + 5 / 144), 2.45, 2 + 5 / 12 - 5 / 144],
    "2.4": [
        lambda n, seed: np.random.default_rng(seed).standard_normal((n, n)) / n**0.5,
        lambda n, seed: symmetric(lambda r, s: r.standard_normal(s), n, seed),
        lambda n, seed: symmetric(lambda r, s: r.standard_exponential(s), n, seed),
        lambda n, seed: symmetric(skewed, n, seed, scale=1 / n),
        lambda n, seed: symmetric(skewed, n, seed, scale=(2 / n) ** 0.5),
        lambda n, seed: (lambda X: (X + X.T) / n**0.5)(skewed(np.random.default_rng(seed), (n, n))),
        lambda n, seed: symmetric(skewed, n, 0),
        lambda n, seed: symmetric(skewed, n, seed) + 3 * np.eye(n),
        lambda n, seed: symmetric(skewed, n + 1, seed),
        lambda n, seed: np.outer(*2 * [skewed(np.random.default_rng(seed), n)]) / n**0.5,
    ],
    "2.5": [lambda: wishart(k=2), lambda: wishart(k=6), lambda: wishart(rows=1.0), lambda: wishart(variance=0.5),
            lambda: wishart(v_variance=2.0), lambda: wishart(name="third"), lambda: wishart(other=True),
            lambda: wishart(first="W"), lambda: tp.spectra.moment_program(3), lambda: 2.75],
    "2.6": [unsquared, determinants, slowly, lambda d, e, x: len(d) - pivots(d, e, x),
            lambda d, e, x: pivots(d, 0 * e, x), lambda d, e, x: pivots(d, e, x) + 1,
            lambda d, e, x: int(np.sum(d < x)),
            lambda d, e, x: pivots(d, e[1:], x)],
    "3.1": [[0, 2.75, 1.784], [1, 2.5, 1.784], [1, 3.75, 1.784], [1, 0.75, 1.784], [1, 5.25, 1.784], [1, 2.75, 0],
            [1, 2.75, 0.798], [1, 2.75, 0.481], [2, 2.75, 1.784], [1, 2.75, 2.3], [1, 9, 1.784], [1, 2.75], 2.75],
    "3.2": [tp.relu, np.abs, np.tanh, lambda z: z, lambda z: -1.0, lambda z: 0.0, lambda z: 1 + 0.2 * np.tanh(z),
            lambda z: (z > 0) * 1.0, np.exp, lambda z: np.exp(z**2), lambda z: 1 / 0, lambda z: z[:3],
            lambda z: "one", lambda z: np.sqrt(z), 1.0],
    "3.3": [lambda m, v, s2, r: (0, s2**2 * r * (m**2 + v), 0),
            lambda m, v, s2, r: remembered(m, v, s2, r, copy=r),
            lambda m, v, s2, r: remembered(m, v, s2, r, copy=1 / s2),
            lambda m, v, s2, r: remembered(m, v, s2, r, noise=m**2 + v),
            lambda m, v, s2, r: remembered(m, v, s2, r, noise=r * v),
            lambda m, v, s2, r: remembered(m, v, s2, r, noise=0),
            lambda m, v, s2, r: remembered(m, v, s2, r, noise=r * (m**2 + v) / s2),
            lambda m, v, s2, r: remembered(m, v, s2, r, own=False),
            lambda m, v, s2, r: remembered(m, v, s2, r, cov=0),
            lambda m, v, s2, r: remembered(m, v, s2, r, cov=s2 * (m**2 + v)),
            lambda m, v, s2, r: (s2 * m, v), lambda m, v, s2, r: 1 / 0, 1.0],
    "3.4": [0, 0.2197, 0.5642, 0.2420, 1.833, 0.45, 0.3989, -0.4394, [0.4394, 1.0]],
    "3.5": [lambda: power(sign=1.0), lambda: power(scale=1.0), lambda: power(k=4), lambda: power(k=8),
            lambda: power(k=5), lambda: power(v_variance=2.0), lambda: power(variance=2.0),
            lambda: power(name="third"), lambda: power(other=True), lambda: power(sign=0.0),
            lambda: power(sign=1.0, halves=True), constant_only, short_cut, lambda: -5.0],
    "3.6": [backward, hardly, lambda: there_and_back(mean=0.5), lambda: there_and_back(name="other"),
            lambda: there_and_back(tied=False), lambda: there_and_back(psi=tp.inner),
            lambda: there_and_back(psi=lambda x, y: tp.moment(tp.stack([y, y * y]))), lambda: 2.0,
            lambda: there_and_back(psi=lambda x, y: tp.moment(tp.nonlin(lambda t: np.exp(t * t), y)))],
}  # fmt: skip
# Answers that are not functions themselves are made when they are needed.
MADE = ("1.6", "2.5", "3.5", "3.6", "4.5", "5.5", "7.5")


for part in (architectures, sums, jacobians, feature_learning):
    RIGHT, WRONG = RIGHT | part.RIGHT, WRONG | part.WRONG


def answers(table):
    return [pytest.param(name, answer, id=f"{name}-{i}") for name, row in table.items() for i, answer in enumerate(row)]


def given(name, answer, wrong=False):
    if name in MADE and callable(answer):
        answer = answer()
        return 3 * answer if wrong and name == "1.6" else answer
    return answer


@pytest.mark.parametrize(("name", "answer"), answers(RIGHT))
def test_right_answers_hold(name, answer):
    verdict = check(name, given(name, answer))
    assert verdict.holds, verdict
    assert str(verdict).startswith("✓ It holds.")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "answer"), answers(WRONG))
def test_wrong_answers_do_not(name, answer):
    verdict = check(name, given(name, answer, wrong=True))
    assert verdict.holds is False, verdict
    assert len(verdict.words) > 20 and str(verdict).startswith("✗ Not yet.")
    for right in RIGHT[name]:
        if isinstance(right, float):
            value = re.escape(f"{right:.4g}")
            assert not re.search(rf"(?<![\d.]){value}", verdict.words), "the words give the answer away"


SLIPS = [
    ("3.1", [1, 2.75, 0], "same W"),
    ("3.3", lambda m, v, s2, r: (0, s2**2 * r * (m**2 + v), 0), "naive rule"),
    ("3.4", 0.0, "wherever it exists"),
    ("3.5", lambda: power(sign=1.0), "W minus its transpose"),
    ("3.6", backward, "looks like backpropagation"),
    ("3.6", lambda: there_and_back(psi=tp.inner), "says 0"),
    *architectures.SLIPS,
    *sums.SLIPS,
    *jacobians.SLIPS,
    *feature_learning.SLIPS,
]


@pytest.mark.parametrize(("name", "answer", "phrase"), SLIPS, ids=[f"{row[0]}-{row[2]}" for row in SLIPS])
def test_the_words_name_the_slip(name, answer, phrase):
    assert phrase in check(name, given(name, answer)).words


@pytest.mark.parametrize("name", CHECKERS)
@pytest.mark.parametrize("answer", [..., None], ids=["ellipsis", "none"])
def test_no_answer_is_not_judged(name, answer):
    verdict = check(name, answer)
    assert verdict.holds is None and str(verdict) == "… Not answered yet."


BODIES = ["1.2", "1.4", "1.5", "2.4", "2.6", "3.2", "3.3", "4.2", "4.4", "5.2", "5.3", "5.4", "7.2"]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("answer", [lambda *a: None, lambda *a: ...], ids=["none", "ellipsis"])
def test_a_function_without_a_body_is_not_judged(name, answer):
    assert check(name, answer).holds is None


def test_every_exercise_has_right_and_wrong_answers_here():
    assert set(RIGHT) == set(WRONG) == set(CHECKERS)


def test_an_unknown_exercise_is_told():
    with pytest.raises(ValueError, match=r"no exercise '9.1'; there are 1.1"):
        check("9.1", 1.0)
