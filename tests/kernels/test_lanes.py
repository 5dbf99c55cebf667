"""Single-precision activations and their derivatives against SciPy in double precision."""

import numpy as np
import pytest

from tpcore.activations import NAMED, get
from tpcore.kernels.lanes import slope_on, value_of

X = np.concatenate([np.linspace(-12, 12, 40_001), np.linspace(-100, 100, 501), [0.0]]).astype(np.float32)


@pytest.mark.parametrize("name", [name for name, phi in NAMED.items() if not phi.jumps])
def test_values_and_slopes(name):
    phi, wide = get(name), X.astype(np.float64)
    for fast, exact in ((value_of(phi), phi.f), (slope_on(phi), phi.df)):
        got = fast(X.copy())
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, exact(wide), rtol=4e-7, atol=1e-6)
        np.testing.assert_array_equal(fast(wide), exact(wide))


def test_a_matrix_keeps_its_shape_and_its_argument():
    x = np.linspace(-2, 2, 24).reshape(2, 3, 4).astype(np.float32)
    kept = x.copy()
    y = value_of(get("erf"))(x)
    assert y.shape == x.shape
    np.testing.assert_array_equal(x, kept)
