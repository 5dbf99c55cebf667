"""The project's own Gaussian generators, in both precisions: their law, and the independence of their streams."""

import numpy as np
import pytest
from scipy import stats

from tpcore.jitted import normal64
from tpcore.jitted.normal import fill, fill_draws, mix, stream

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def draw(key, count, dtype=np.float32):
    out = np.empty(count, dtype)
    (fill if dtype == np.float32 else normal64.fill)(np.uint64(key), out)
    return out.astype(float)


@both
def test_moments_and_law(dtype):
    z = draw(3, 2_000_000, dtype)
    n = len(z)
    assert abs(z.mean()) * np.sqrt(n) < 4
    assert abs((z**2).mean() - 1) * np.sqrt(n / 2) < 4
    assert abs((z**4).mean() - 3) * np.sqrt(n / 96) < 4
    assert abs((z**3).mean()) * np.sqrt(n / 15) < 4
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for t in (2.0, 3.0, 4.0):
        p = 2 * stats.norm.sf(t)
        assert abs((np.abs(z) > t).sum() - n * p) < 4 * np.sqrt(n * p)


@both
def test_the_halves_of_a_pair_are_independent(dtype):
    z = draw(11, 2_000_000, dtype)
    a, b = z[:1_000_000], z[1_000_000:]
    for f, g in [(a, b), (a**2 - 1, b**2 - 1), (np.abs(a), b), (a[1:], a[:-1]), (a[1:] ** 2 - 1, a[:-1] ** 2 - 1)]:
        assert abs(np.corrcoef(f, g)[0, 1]) * np.sqrt(len(f)) < 4
    angle = np.arctan2(b, a)
    assert stats.kstest(angle[:200_000], stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_streams_differ_in_each_index_and_are_uncorrelated():
    root = np.uint64(99)
    keys = {int(stream(root, *np.array(k, np.uint64))) for k in np.ndindex(8, 8, 8)}
    assert len(keys) == 512
    block = np.stack([draw(k, 4096) for k in sorted(keys)])
    corr = block @ block.T / 4096 - np.eye(512)
    upper = corr[np.triu_indices(512, 1)] * np.sqrt(4096)
    assert abs(upper.mean()) * np.sqrt(upper.size) < 4
    assert abs((upper**2).mean() - 1) * np.sqrt(upper.size / 2) < 4


def test_draws_do_not_depend_on_how_they_are_grouped():
    together, alone = np.empty((5, 77), np.float32), np.empty((1, 77), np.float32)
    fill_draws(np.uint64(5), 0, 2, 3, together)
    for k in range(5):
        fill_draws(np.uint64(5), k, 2, 3, alone)
        np.testing.assert_array_equal(alone[0], together[k])


def test_mix_is_splitmix64():
    # reference values of SplitMix64 seeded with 0 (first outputs 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4)
    golden = 0x9E3779B97F4A7C15
    assert int(mix(np.uint64(golden))) == 0xE220A8397B1DCDAF
    assert int(mix(np.uint64(2 * golden % 2**64))) == 0x6E789E6AA1B965F4


def _pairs_by_formula(key, count):
    """Box-Muller in NumPy's functions from the bits of SplitMix64 in Python's integers."""
    whole = 2**64
    finalize = lambda z: int(mix(np.uint64(z % whole)))  # noqa: E731
    gamma = finalize(key ^ 0x9E3779B97F4A7C15) | 1
    bits = [finalize(key + gamma * j) >> 12 for j in range(1, 2 * count + 1)]
    u, t = (np.array(bits[0::2]) + 0.5) / 2**52, np.array(bits[1::2]) / 2**52
    r, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * (t - 0.5)
    return r * np.cos(angle), r * np.sin(angle)


def test_double_precision_is_the_formula_to_rounding():
    left, right = _pairs_by_formula(77, 20_000)
    z = draw(77, 40_000, np.float64)
    np.testing.assert_allclose(z[:20_000], left, rtol=1e-11, atol=4e-14)
    np.testing.assert_allclose(z[20_000:], right, rtol=1e-11, atol=4e-14)


def test_double_precision_reaches_its_tails():
    """The numbers past 5 in 16 million, which the formula's 52 bits allow up to 8.6; odd lengths and no repetitions."""
    z = np.concatenate([draw(k, 2**21 + 1, np.float64) for k in range(8)])
    for t in (4.0, 4.5, 5.0):
        p = 2 * stats.norm.sf(t)
        assert abs((np.abs(z) > t).sum() - z.size * p) < 4 * np.sqrt(z.size * p)
    assert np.unique(z[: 2**21]).size == 2**21
    np.testing.assert_array_equal(draw(3, 1001, np.float64), draw(3, 1001, np.float64))
