"""The project's own Gaussian generator: its law, and the independence of its streams."""

import numpy as np
from scipy import stats

from tpcore.jitted.normal import fill, fill_draws, mix, stream


def draw(key, count):
    out = np.empty(count, np.float32)
    fill(np.uint64(key), out)
    return out.astype(float)


def test_moments_and_law():
    z = draw(3, 2_000_000)
    n = len(z)
    assert abs(z.mean()) * np.sqrt(n) < 4
    assert abs((z**2).mean() - 1) * np.sqrt(n / 2) < 4
    assert abs((z**4).mean() - 3) * np.sqrt(n / 96) < 4
    assert abs((z**3).mean()) * np.sqrt(n / 15) < 4
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for t in (2.0, 3.0, 4.0):
        p = 2 * stats.norm.sf(t)
        assert abs((np.abs(z) > t).sum() - n * p) < 4 * np.sqrt(n * p)


def test_the_halves_of_a_pair_are_independent():
    z = draw(11, 2_000_000)
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
