"""Windows and layouts by hand."""

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.nets import Act, AvgPool, Conv, Dense, Flatten, MeanPool, Sequential
from tpcore.nets.data import Data, Layout, batches, read
from tpcore.nets.positions import averages, steps, windows


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "want"),
    [
        (5, 3, 1, "same", [[-1, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, -1]]),
        (4, 2, 1, "same", [[0, 1, 2, 3], [1, 2, 3, -1]]),
        (5, 3, 2, "same", [[-1, 1, 3], [0, 2, 4], [1, 3, -1]]),
        (4, 3, 2, "same", [[0, 2], [1, 3], [2, -1]]),
        (5, 3, 1, "circular", [[4, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 0]]),
        (5, 2, 2, "valid", [[0, 2], [1, 3]]),
        (2, 5, 1, "circular", [[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]]),
    ],
)
def test_taps(size, window, stride, padding, want):
    """As TensorFlow and JAX pad: ceil(size / stride) outputs, an odd zero behind."""
    np.testing.assert_array_equal(steps(size, window, stride, padding), want)


def test_windows_of_images_and_ragged_lines():
    index, layout = windows(Layout(((2, 3),) * 2), (2, 2), 1, "valid", "Conv")
    np.testing.assert_array_equal(index, [[0, 1, 6, 7], [1, 2, 7, 8], [3, 4, 9, 10], [4, 5, 10, 11]])
    assert layout.shapes == ((1, 2), (1, 2))
    index, layout = windows(Layout(((3,), (2,))), (2,), 1, "same", "Conv")
    np.testing.assert_array_equal(index, [[0, 1, 2, 3, 4], [1, 2, -1, 4, -1]])
    np.testing.assert_allclose(averages(layout), [[1 / 3] * 3 + [0] * 2, [0] * 3 + [1 / 2] * 2])


def test_layouts():
    data = read([np.ones((3, 2)), np.ones((1, 2))]) + read([np.ones((2, 2))])
    assert data.layout.sizes.tolist() == [3, 1, 2] and data.layout.starts.tolist() == [0, 3, 4]
    assert read(np.ones((4, 5))).layout.axes == 0 and read(np.ones((4, 5)), lone=True).layout.shapes == ((4,),)
    groups = batches([np.ones((3, 2)), np.ones((2, 2))]).layout.groups()
    assert groups == [slice(0, 3), slice(3, 5)]
    images = batches([np.ones((2, 2, 3, 1)), np.ones((1, 2, 3, 1))])
    assert isinstance(images, Data) and images.layout.groups() == [slice(0, 12), slice(12, 18)]
    with pytest.raises(Misuse, match="axes of positions"):
        read(np.ones((2, 3))) + read(np.ones((2, 2, 3)))


def test_even_windows_and_strides_by_hand():
    """h_p = W_0 x_p + W_1 x_{p+1}, zero beyond the edge; then every second position."""
    X = np.random.default_rng(1).normal(size=(3, 4, 2))
    K = np.einsum("apc,bqc->apbq", X, X) / 2
    padded = np.zeros((3, 5, 3, 5))
    padded[:, :4, :, :4] = K
    sigma = 1.44 / 2 * (padded[:, :4, :, :4] + padded[:, 1:, :, 1:]) + 0.09
    V = np.asarray(tp.expect.V("erf", sigma.reshape(12, 12))).reshape(3, 4, 3, 4)
    net = Sequential(Conv(2, "same", 1, 1.2, 0.3), Act("erf"), MeanPool(), Dense(0.8, 0.1))
    np.testing.assert_allclose(tp.nngp(net, X), 0.64 * V.mean(axis=(1, 3)) + 0.01, rtol=1e-13)
    pooled = (V[:, ::2, :, ::2] + V[:, 1::2, :, 1::2] + V[:, ::2, :, 1::2] + V[:, 1::2, :, ::2]) / 4
    net = Sequential(Conv(2, "same", 1, 1.2, 0.3), Act("erf"), AvgPool(2), Flatten(), Dense(0.8, 0.1))
    np.testing.assert_allclose(tp.nngp(net, X), 0.64 * np.einsum("apbp->ab", pooled) / 2 + 0.01, rtol=1e-13)


def test_a_finite_convolution_is_a_convolution():
    """One dense draw: h of the second layer from the matrices of the taps, by hand."""
    X = np.random.default_rng(2).normal(size=(2, 5, 3))
    prog = Sequential(Conv(3), Act("erf"), Conv(3, "same", 2, 1.3, 0.2), Act("erf"), MeanPool(), Dense()).program(X)
    taps = [n.name for n in prog.nodes if n.kind == "A"]
    assert taps == ["W2_0", "W2_1", "W2_2"]
    run = tp.run(prog, 30, seed=1, method="dense")
    first = next(n for n in prog.nodes if type(n.op).__name__ == "Nonlin")
    products = [n for n in prog.nodes if type(n.op).__name__ == "MatMul"]
    second = next(n for n in prog.nodes if type(n.op).__name__ == "Nonlin" and n.index > first.index)
    h, b = run[prog.var(second.op.args[0]).name], run["b2"]
    x = [run[n.name] for n in products]
    # Windows are centred at 0, 2, 4; tap 0 does not reach the first output, tap 2 not the last.
    want = np.zeros((30, 6))
    for item in range(2):
        for out in range(3):
            want[:, 3 * item + out] = b + x[1][:, 3 * item + out]
            if out > 0:
                want[:, 3 * item + out] += x[0][:, 2 * item + out - 1]
            if out < 2:
                want[:, 3 * item + out] += x[2][:, 2 * item + out]
    np.testing.assert_allclose(h, want, rtol=1e-12)
