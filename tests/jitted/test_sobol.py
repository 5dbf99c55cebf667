"""Scrambled Sobol points: against SciPy's where nothing is scrambled, and still a net where they are."""

import numpy as np
from scipy.stats import qmc

from tpcore.jitted import sobol
from tpcore.limit.particles.points import CHUNK, Points, _directions


def points(dimensions, count, masks, shifts):
    scrambled = np.empty((dimensions, count.bit_length() - 1), np.uint64)
    out = np.empty((dimensions, count))
    sobol.scramble(_directions(1)[:dimensions], 30, masks, scrambled)
    sobol.fill(scrambled, shifts, out)
    return out


def test_without_scrambling_they_are_scipys():
    masks = np.zeros((9, sobol.DIGITS), np.uint64)
    ours = points(9, 256, masks, np.zeros(9, np.uint64))
    np.testing.assert_allclose(ours, qmc.Sobol(9, scramble=False).random(256).T, atol=1e-15)


def test_scrambled_points_are_still_a_net():
    """One point in every interval of length 1/N in each dimension, and in every box of area 1/N in the first two."""
    rng = np.random.default_rng(4)
    masks = rng.integers(0, 2**64, (20, sobol.DIGITS), dtype=np.uint64)
    u = points(20, 512, masks, rng.integers(0, 2**sobol.DIGITS, 20, dtype=np.uint64))
    for row in u:
        assert np.array_equal(np.sort((row * 512).astype(int)), np.arange(512))
    for split in range(10):
        boxes = (u[0] * 2**split).astype(int) * 2 ** (9 - split) + (u[1] * 2 ** (9 - split)).astype(int)
        assert np.array_equal(np.sort(boxes), np.arange(512)), split


def test_low_digits_are_random_too():
    """The direction numbers end at 30 digits; those below still take all values."""
    rng = np.random.default_rng(4)
    masks = rng.integers(0, 2**64, (1, sobol.DIGITS), dtype=np.uint64)
    u = points(1, 4096, masks, np.zeros(1, np.uint64))[0]
    low = (u * 2.0**40) % 1
    assert abs(np.mean(low) - 0.5) < 0.05 and abs(np.var(low) - 1 / 12) < 0.01


def test_normals_are_named_by_their_key():
    first, again, other = (Points(64, key) for key in ((1, 2), (1, 2), (1, 3)))
    a = [first.normals() for _ in range(3)]
    b = [again.normals() for _ in range(3)]
    assert np.array_equal(a, b) and not np.array_equal(a[0], other.normals())
    assert np.shape(a) == (3, CHUNK, 64)
    assert np.abs(np.reshape(a, (-1, 64)).mean(axis=1)).max() < 0.05
    assert np.abs(np.reshape(a, (-1, 64)).var(axis=1) - 1).max() < 0.15
