"""The digits: shapes, scales, choices."""

import numpy as np
import pytest

from tpcore.data import digits, images
from tpcore.errors import Misuse


def test_all_of_them():
    X, y = digits()
    assert X.shape == (1797, 64) and set(y) == set(range(10))
    np.testing.assert_allclose((X**2).sum(1) / 64, 1.0, rtol=1e-12)


def test_scales_agree_with_each_other():
    pixels, unit, standard = (digits(50, scale)[0] for scale in ("pixels", "unit", "standard"))
    np.testing.assert_array_equal(pixels / 16, unit)
    assert pixels.max() == 16 and pixels.min() == 0
    whole = digits(scale="standard")[0]
    assert abs(whole.mean(0)).max() < 1e-12 and (whole**2).mean() == pytest.approx(1)
    np.testing.assert_array_equal(whole[:50], standard)


def test_classes_and_counts():
    X, y = digits(20, classes=[3, 8])
    assert len(X) == 20 and set(y) == {3, 8}
    X[:] = 0
    assert digits(20, classes=[3, 8])[0].any()
    assert images(digits(3)[0]).shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: digits(1798), "1,797"),
        (lambda: digits(0), "count"),
        (lambda: digits(5, "spheer"), "sphere"),
        (lambda: digits(5, classes=[]), "one digit"),
        (lambda: digits(5, classes=[10]), "class"),
        (lambda: images(np.zeros((2, 63))), "64"),
    ],
)
def test_misuse_is_refused_in_words(call, word):
    with pytest.raises(Misuse, match=word):
        call()
