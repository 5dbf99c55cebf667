"""Tangent kernels of every architecture at finite width: against differences of dense networks, against the limit."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import ARCHITECTURES, Case, images, parametrized, points, sequences
from tests.program.test_build import evaluate
from tpcore.errors import BudgetError, Misuse
from tpcore.kernels.uses import tangent_program
from tpcore.nets import CNN, MLP, Act, Attention, BatchNormMLP, Dense, Flatten, MeanPool, Residual, Sequential
from tpcore.program import ops

WIDTH, STEP = 5, 1e-5
RANDOM = Sequential(Attention(2, tied=False, scaling="sqrt", sigma_k=1.2), MeanPool(), Dense(1.1, 0.2))
TINY = [
    Case("mlp", MLP(2, "gelu", 1.2, 0.4, 0.8), points(3, 4)),
    Case("cnn-flatten", CNN(2, "gelu", 1.3, 0.2, kernel_size=2), images(2, (2, 2))),
    Case("random-logits", RANDOM, sequences((2, 2))),
    Case("flat-act", Sequential(Dense(1.1, 0.2), Flatten(), Act("erf"), Dense(1.2, 0.1)), sequences((2, 2))),
    *(case for case in ARCHITECTURES if case.id in ("layernorm-tanh", "batchnorm", "resnet", "graph", "attention",
                                                    "transformer-mean", "rnn", "gru-own", "lstm", "sequential-bare")),
]


def built_of(case):
    data = case.net.read(case.X)
    return case.net.build(data, WIDTH) if case.net is RANDOM else case.net.build(data)


def drawn(prog, seed):
    """Arrays for every matrix and input vector; what has no variance is 0."""
    rng, values = np.random.default_rng(seed), {}
    for node in prog.nodes:
        if isinstance(node.op, ops.MatrixInput):
            values[node.name] = rng.normal(size=(WIDTH, WIDTH))
        elif isinstance(node.op, ops.GaussianInput):
            random = np.any(node.op.group.cov[np.ix_(np.ravel(node.op.columns), np.ravel(node.op.columns))])
            values[node.name] = rng.normal(size=(WIDTH, *node.shape)) * random
    return values


def by_differences(built, values, convention):
    """sum over the parameters of rate * <df/dp, df'/dp>, by central differences of the plain interpreter."""
    prog, lengths = built.program, {1.0: WIDTH}

    def outputs(changed):
        done = evaluate(prog, changed, lengths)
        return sum(done[o.readout] @ done[o.features].reshape(WIDTH, -1) for o in built.features) / np.sqrt(WIDTH)

    total = np.zeros((built.count, built.count))
    for parameter in built.parameters:
        rate = parameter.rate(convention)
        if parameter.role == "readout bias":
            total += rate
            continue
        value, slopes = values[parameter.name], []
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * STEP
                ends.append(outputs(values | {parameter.name: moved}))
            slopes.append((ends[0] - ends[1]) / (2 * STEP))
        slopes = np.reshape(slopes, (WIDTH, -1, built.count))
        if parameter.role == "matrix":
            rate = rate / WIDTH
        rate = rate if np.ndim(rate) else rate * np.eye(slopes.shape[1])
        total += np.einsum("wka,kl,wlb->ab", slopes, rate, slopes)
    return total


@parametrized(TINY)
def test_central_differences(case):
    """The tangent program on given weights; each architecture in one convention."""
    convention = ("multiplier", "variance")[TINY.index(case) % 2]
    built = built_of(case)
    values = drawn(built.program, 4)
    expected = by_differences(built, values, convention)
    made = tangent_program(built, convention)
    ones = {n.name: np.ones(WIDTH) for n in made.nodes if isinstance(n.op, ops.GaussianInput) and n.name not in values}
    K = evaluate(made, ones | values, {1.0: WIDTH})[made.node("ntk").index]
    np.testing.assert_allclose(K, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


def test_draws_are_those_of_the_program():
    """Dense draws: those of `empirical_nngp` and `sample_outputs`, by the readout's part of the kernel."""
    net = Sequential(Dense(1.2, 0.3), Act("erf"), Residual(Act("sin"), Dense(0.9, None)), Dense(1.0, None))
    X = points(3)
    K = tp.empirical_nngp(net, X, width=6, draws=3, seed=5, method="dense")
    made = tangent_program(net.build(net.read(X)), "multiplier")
    E = tp.empirical_ntk(net, X, width=6, draws=3, seed=5, method="dense")
    for i in range(3):
        run = tp.run(made, width=6, seed=np.random.SeedSequence(5, spawn_key=(i,)), method="dense")
        np.testing.assert_allclose(run.scalar("ntk"), E[i], rtol=1e-12)
        np.testing.assert_allclose(run.scalar("ntk_v"), K[i], rtol=1e-12)


WIDTHS = [case for case in ARCHITECTURES if case.id in (
    "layernorm", "resnet", "cnn-flatten", "cnn-valid", "cnn-ragged", "graph", "attention", "transformer-mean",
    "sequential-bare", "rnn", "rnn-last", "lstm", "gru-own", "cell")]
NARROW, WIDE = 64, 1024


@parametrized(WIDTHS)
def test_two_widths(case):
    """A quarter of the deviation at sixteen times the width; the mean of the wide draws is the limit, up to O(1/n)."""
    K = tp.ntk(case.net, case.X)
    error = getattr(K, "error", 0.0)
    narrow, wide = (tp.empirical_ntk(case.net, case.X, width=n, draws=30, seed=n) for n in (NARROW, WIDE))
    sizes = [(tp.agreement.deviation(E, np.asarray(K)) ** 2).mean() for E in (narrow, wide)]
    assert 0.15 < np.sqrt(sizes[1] / sizes[0]) < 0.40
    bias = 3 * np.abs(K).max() / WIDE + 3 * error
    z = (np.abs(wide.mean(axis=0) - K) - bias) / (wide.std(axis=0, ddof=1) / np.sqrt(30))
    assert z.max() < 4.5


def test_dense_and_lazy_have_one_law():
    net, X = CNN(1, "relu", 1.3, 0.2, head="mean"), images(2, (2, 2))
    lazy, dense = (tp.empirical_ntk(net, X, width=64, draws=150, seed=6, method=m) for m in ("lazy", "dense"))
    gap = np.abs(lazy.mean(axis=0) - dense.mean(axis=0)) / np.hypot(lazy.std(axis=0), dense.std(axis=0)) * np.sqrt(150)
    assert gap.max() < 4 and (np.linalg.eigvalsh(lazy)[:, 0] > -1e-10 * lazy.max()).all()


def test_refusals_and_progress():
    net, X, seen = Sequential(Dense(), Act("erf"), Flatten(), Dense()), sequences((2, 2)), []
    tp.empirical_ntk(net, X, width=8, draws=4, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    with pytest.raises(BudgetError):
        tp.empirical_ntk(net, X, width=8, draws=10**12)
    with pytest.raises(Misuse, match="method"):
        tp.empirical_ntk(net, X, width=8, draws=2, method="quick")
    with pytest.raises(Misuse, match="convention"):
        tp.empirical_ntk(net, X, width=8, draws=2, convention="standard")
    assert tp.empirical_ntk(BatchNormMLP(1), points(3), width=8, draws=2).shape == (2, 3, 3)


LADDER = [2**k for k in range(5, 13)]
LONG = [case for case in ARCHITECTURES if not case.id.startswith(("batchnorm", "sequential-batch"))]
LONG += [Case("batchnorm", BatchNormMLP(1, "relu", 1.1, 0.2), points(12, 14))]


@pytest.mark.verify
@parametrized(LONG)
def test_long_ladder(case, verify_table):
    K = tp.ntk(case.net, case.X, samples=None if case.closed else 2**18)
    found = []
    for k, width in enumerate(LADDER):
        E = tp.empirical_ntk(case.net, case.X, width=width, draws=48, seed=100 + k)
        found.append(tp.agreement.deviation(E, np.asarray(K)))
    slope = tp.agreement.slope(LADDER, found)
    spread = np.hypot(E.std(axis=0, ddof=1) / np.sqrt(48), getattr(K, "error", 0.0))
    z = np.sqrt((((E.mean(axis=0) - K) / spread) ** 2).mean())
    verify_table(f"NTK of {case.id}: slope of the deviation, widths 32 to 4096; z at the widest",
                 f"{slope.slope:.3f} +- {slope.stderr:.3f}; {z:.2f}", "-0.5 +- 0.1; below 2.5",
                 -0.6 < slope.slope < -0.4 and z < 2.5)
