"""Every architecture at finite width: the deviation from the limit falls like n^(-1/2), and no bias is left."""

import numpy as np
import pytest

import tpcore as tp
from tests.cases import ARCHITECTURES, parametrized, points, sequences
from tpcore.nets import Attention, BatchNormMLP, Dense, MeanPool, Sequential

QUICK = [case for case in ARCHITECTURES if case.id not in ("cnn-line", "cnn-stride", "transformer-mean", "rnn-mean")]
NARROW, WIDE = 64, 1024


def deviations(net, X, K, width, draws, seed):
    E = tp.empirical_nngp(net, X, width=width, draws=draws, seed=seed)
    return E, tp.agreement.deviation(E, K)


@parametrized(QUICK)
def test_two_widths(case):
    """A quarter of the deviation at sixteen times the width; the mean of the wide draws is the limit, up to O(1/n)."""
    K = np.asarray(tp.nngp(case.net, case.X))
    _, narrow = deviations(case.net, case.X, K, NARROW, 30, 1)
    E, wide = deviations(case.net, case.X, K, WIDE, 30, 2)
    ratio = np.sqrt((wide**2).mean() / (narrow**2).mean())
    assert 0.15 < ratio < 0.40, (case.id, ratio)
    bias = 3 * np.abs(K).max() / WIDE
    z = (np.abs(E.mean(axis=0) - K) - bias) / (E.std(axis=0, ddof=1) / np.sqrt(30))
    assert z.max() < 4.5, (case.id, z.max())


@parametrized([case for case in ARCHITECTURES if case.id in ("layernorm", "cnn-flatten", "transformer", "rnn")])
def test_outputs_are_a_gaussian_process_of_this_covariance(case):
    """sample_outputs: the readout drawn too; second moments against the kernel, dense against lazy in law."""
    K = np.asarray(tp.nngp(case.net, case.X))
    for method in ("dense", "lazy"):
        f = tp.sample_outputs(case.net, case.X, width=256, draws=200, seed=3, method=method)
        assert f.shape == (200, len(K))
        spread = np.sqrt((np.outer(np.diag(K), np.diag(K)) + K**2) / 200)
        assert (np.abs(f.T @ f / 200 - K) < 5 * spread + 1e-12).all()


def test_draws_are_the_same_networks_in_both_functions():
    """Draw i of the outputs belongs to draw i of the kernels: with one input f^2 / K_n is a readout's chi-squared."""
    net, X = Sequential(Dense(1.2), tp.nets.Act("erf"), MeanPool(), Dense(1.1, None)), sequences((3,))
    E = tp.empirical_nngp(net, X, width=8, draws=400, seed=4)[:, 0, 0]
    f = tp.sample_outputs(net, X, width=8, draws=400, seed=4)[:, 0]
    assert np.var(f / np.sqrt(E)) == pytest.approx(1.0, abs=0.25)
    assert np.corrcoef(f**2, E)[0, 1] > 0.1


def test_progress_and_refusals():
    net, X = BatchNormMLP(1), points(8)
    seen = []
    tp.empirical_nngp(net, X, width=32, draws=5, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (5, 5)
    with pytest.raises(tp.errors.Misuse, match="method"):
        tp.empirical_nngp(net, X, width=32, draws=5, method="quick")
    with pytest.raises(tp.errors.BudgetError):
        tp.empirical_nngp(net, X, width=32, draws=10**12)


LADDER = [2**k for k in range(5, 13)]


@pytest.mark.verify
@parametrized(ARCHITECTURES)
def test_long_ladder(case, verify_table):
    K = np.asarray(tp.nngp(case.net, case.X, samples=None if case.closed else 2**20))
    found = []
    for k, width in enumerate(LADDER):
        E, deviation = deviations(case.net, case.X, K, width, 64, 100 + k)
        found.append(deviation)
    slope = tp.agreement.slope(LADDER, found)
    scores = np.abs(tp.agreement.zscores(E, K))
    z = np.sqrt((scores**2).mean())
    verify_table(f"NNGP of {case.id}: slope of the deviation, widths 32 to 4096; z at the widest",
                 f"{slope.slope:.3f} +- {slope.stderr:.3f}; {z:.2f}", "-0.5 +- 0.1; below 2.5",
                 -0.6 < slope.slope < -0.4 and z < 2.5)


@pytest.mark.verify
def test_random_logits_have_the_mean_of_the_mixture(verify_table):
    net, X = Sequential(Attention(2, tied=False, scaling="sqrt"), MeanPool(), Dense(1.1, 0.2)), sequences((4, 3))
    K = tp.nngp(net, X, samples=20_000)
    E = tp.empirical_nngp(net, X, width=1024, draws=1000, seed=9)
    z = np.abs(E.mean(axis=0) - K).max() / np.hypot(E.std(axis=0, ddof=1).max() / np.sqrt(1000), K.error)
    verify_table("NNGP of attention with logits q.k / sqrt n: mean over draws, z", f"{z:.2f}", "below 4", z < 4)
