"""Kernels held against independent values: Tensor Programs I's and II's limits recomputed, and neural-tangents 0.6.5.

The numbers written here are the first digits of the reference files A, B, C, D, E and F (sources in each test), which
are compared whole where they are at hand. Words enter as rows whose Gram matrix is that of the published sentences.
"""

import numpy as np
import pytest

import tpcore as tp
from tpcore.nets import (
    CNN, GRU, RNN, Act, Attention, BatchNorm, Dense, Flatten, LayerNormMLP, MeanPool, ResNet, Sequential, Transformer,
)

# Gram matrix over the first three words of both sentences of Tensor Programs I's figure 2 ("The" begins both).
WORDS = np.array([
    [0.0820567724950569, 0.008615220050375006, 0.00593569886708588, 0.0820567724950569, 0.019712727864090514,
     0.008615220050375006],
    [0.008615220050375006, 0.15963469916205084, 0.06077932144137373, 0.008615220050375006, 0.02831981486194844,
     0.15963469916205084],
    [0.00593569886708588, 0.06077932144137373, 0.13976046887062443, 0.00593569886708588, 0.0235283242251317,
     0.06077932144137373],
    [0.0820567724950569, 0.008615220050375006, 0.00593569886708588, 0.0820567724950569, 0.019712727864090514,
     0.008615220050375006],
    [0.019712727864090514, 0.02831981486194844, 0.0235283242251317, 0.019712727864090514, 0.10668373361404566,
     0.02831981486194844],
    [0.008615220050375006, 0.15963469916205084, 0.06077932144137373, 0.008615220050375006, 0.02831981486194844,
     0.15963469916205084],
])


def rows_of(gram):
    """Inputs (k, k) with x.x'/k = gram."""
    values, vectors = np.linalg.eigh(gram)
    return vectors * np.sqrt(np.maximum(values, 0.0) * len(gram))


def sentences(count=3):
    rows = rows_of(WORDS)
    return [rows[:count], rows[3 : 3 + count]]


def glove(file):
    tokens = file["tokens"].astype(float)
    return [tokens[:7], tokens[7:]]


def test_rnn():
    """A, W variance 4, U 1/4, b 0.01: erf-RNN, closed form."""
    K = tp.nngp(RNN("erf", 2.0, 0.5, 0.1), sentences())
    want = [0.036637409836450315, 0.012729907920584815, 0.008896065702721575, 0.036637409836450315,
            0.015787108182058876, 0.00953515791675873]
    np.testing.assert_allclose(K[0], want, rtol=1e-13)
    want = [0.415470953533168, 0.045637430478388995, 0.33714607659394036]
    np.testing.assert_allclose(K[2, [2, 4, 5]], want, rtol=1e-13)


def test_rnn_file(reference):
    file = reference("A_gp4a_rnn_erf.npz")
    for i, (w, u, b) in enumerate(np.sqrt(file["combos"])):
        np.testing.assert_allclose(tp.nngp(RNN("erf", w, u, b), glove(file)), file[f"K_{i}"], atol=1e-14)
    # The published code stops early: its last two words of the second sentence are off (README of the reference).
    assert np.abs(file["ref_asis_0"] - file["K_0"]).max() > 1e-3


def test_rnn_readouts_file(reference):
    """E: the same network read out at the last step, or on average."""
    file = reference("E_ntk4a_rnn.npz")
    X = file["tokens_digits"].reshape(4, 8, 8)
    for i, (w, u, b, v, pooled) in enumerate(file["combos_digits"]):
        net = RNN("erf", *np.sqrt([w, u, b, v]), readout="mean" if pooled else "last")
        np.testing.assert_allclose(tp.nngp(net, X), file[f"nngp_digits_{i}"], atol=1e-14)


def test_gru():
    """B (short): all variances 1; RQMC errors below 1.4e-8."""
    K = tp.nngp(GRU(1, 1, 1), sentences(2))
    want = [[0.17734709254428888, 0.18691540615711177, 0.17734709254428888, 0.19144461279671054],
            [0.18691540615711177, 0.2624108542109377, 0.18691540615711177, 0.23799130562357448],
            [0.17734709254428888, 0.18691540615711177, 0.17734709254428888, 0.19144461279671052],
            [0.19144461279671054, 0.23799130562357448, 0.19144461279671052, 0.25916657756376654]]
    np.testing.assert_allclose(K, want, atol=1e-5)
    assert K.error < 1e-5


def test_gru_files(reference):
    tokens = glove(reference("A_gp4a_rnn_erf.npz"))
    for name, X in (("short", [tokens[0][:4], tokens[1][:5]]), ("full", tokens)):
        K = tp.nngp(GRU(1, 1, 1), X)
        np.testing.assert_allclose(K, reference(f"B_gp4a_gru_erf_{name}.npz")["K"], atol=6e-6)


def test_transformer():
    """C: depth 3, U variance 5, W 2, b 0.05; closed form. Words before the fourth see no later ones."""
    K = tp.nngp(Transformer(3, np.sqrt(5), np.sqrt(2), np.sqrt(0.05)), sentences())
    want = [1.0, 0.6118982075031081, 0.6078794341570356, 1.0, 0.7061142587762973, 0.6288728084888298]
    np.testing.assert_allclose(K[0], want, rtol=1e-13)
    np.testing.assert_allclose(K[1, [2, 4, 5]], [0.8167436197949667, 0.630702886890372, 0.9853745737317263], rtol=1e-13)


def test_transformer_files(reference):
    file, X = reference("C_gp4a_transformer.npz"), glove(reference("A_gp4a_rnn_erf.npz"))
    for i, (depth, temperature, u, w, b) in enumerate(file["combos"]):
        net = Transformer(int(depth), *np.sqrt([u, w, b]), temperature)
        np.testing.assert_allclose(tp.nngp(net, X), file[f"K_{i}"], atol=1e-13)
    file = reference("E_ntk4a_transformer.npz")
    for i, (depth, u, w, v) in enumerate(file["combos_digits"]):
        net = Transformer(int(depth), np.sqrt(u), np.sqrt(w), None, masked=False, sigma_v=np.sqrt(v), readout="mean")
        np.testing.assert_allclose(tp.nngp(net, file["tokens_digits"]), file[f"nngp_digits_{i}"], atol=1e-13)


def batchnorm(depth):
    return Sequential(*(Dense(1.0, None), BatchNorm(), Act("relu")) * depth)


def test_batchnorm():
    """D: batches of eight digits each; quadrature converged to 1e-11."""
    X = raw_digits(16) / 16
    K = tp.nngp(batchnorm(3), [X[:8], X[8:]])
    np.testing.assert_allclose(K[0, :3], [0.5243376361459396, 0.0975415863818406, 0.1246930518572237], rtol=1e-11)
    np.testing.assert_allclose(K[0, 8:10], [0.1607999979778301, 0.1921093355770094], rtol=1e-11)
    np.testing.assert_allclose(K[9, 8:10], [0.1273182678117583, 0.481657203469296], rtol=1e-11)


def test_batchnorm_file(reference):
    file = reference("D_gp4a_batchnorm_relu.npz")
    for depth in (1, 2):
        K = tp.nngp(batchnorm(depth), [file["X1_digits"], file["X2_digits"]])
        np.testing.assert_allclose(K, file[f"K_digits_d{depth}"], atol=1e-12)


def raw_digits(count):
    from sklearn.datasets import load_digits

    return load_digits().data[:count]


def scaled_digits(count):
    """Rows of norm 8."""
    X = raw_digits(count)
    return 8 * X / np.linalg.norm(X, axis=1, keepdims=True)


CONVOLUTIONS = {  # F, first row: (Conv 3x3, relu) x L, head, Dense; W_std 1.4, b_std 0.1
    (1, "same", "flatten"): [1.8194290119435395, 1.075735446575343, 1.2565419279272392],
    (1, "same", "mean"): [0.9552450147078844, 0.8493570472507886, 0.913232364981504],
    (1, "circular", "flatten"): [1.940599999999999, 1.1811806150910025, 1.3267469606409084],
    (1, "circular", "mean"): [1.0514722701665562, 0.9439561222998083, 1.0114576626550122],
    (3, "same", "flatten"): [1.4756553841080806, 1.0957582332960296, 1.1671804469238305],
    (3, "same", "mean"): [0.9040917778249997, 0.8773621744895105, 0.8925802449678089],
    (3, "circular", "flatten"): [1.8835522399999989, 1.3792740243864652, 1.4615850495145926],
    (3, "circular", "mean"): [1.3056166797458144, 1.2164355586411801, 1.2683359896583974],
}


@pytest.mark.parametrize("key", CONVOLUTIONS, ids=str)
def test_convolutions(key):
    depth, padding, head = key
    X = scaled_digits(3).reshape(3, 8, 8, 1)
    K = tp.nngp(CNN(depth, "relu", 1.4, 0.1, padding=padding, head=head), X)
    np.testing.assert_allclose(K[0], CONVOLUTIONS[key], rtol=1e-12)


def test_attention():
    """F: keys = queries, logits q.k/d, softmax; then flatten or average, Dense(1.2, 0.1); images as eight rows."""
    X = scaled_digits(3).reshape(3, 8, 8)
    for layer, want in ((Flatten(), [1.156233783271166, 0.847706596303626, 1.0111254587055463]),
                        (MeanPool(), [1.1449448181647361, 0.8477697592516203, 1.0119070179442131])):
        K = tp.nngp(Sequential(Attention(), layer, Dense(1.2, 0.1)), X)
        np.testing.assert_allclose(K[0], want, rtol=1e-12)


STACKS = {  # F, entries (0, 0), (0, 1)
    ("res", "relu", 3, 1.5, 0.1): [24.4930322265625, 17.63844521412662],
    ("res", "erf", 3, 1.0, 0.0): [0.6327982306025783, 0.2652955580226347],
    ("ln", "relu", 3, 1.5, 0.1): [1.135, 0.8530789860926807],
    ("ln", "erf", 3, 1.0, 0.0): [0.46455905439713147, 0.19418703148297728],
}


@pytest.mark.parametrize("key", STACKS, ids=str)
def test_residual_and_layernorm(key):
    kind, phi, depth, w, b = key
    K = tp.nngp((ResNet if kind == "res" else LayerNormMLP)(depth, phi, w, b), scaled_digits(2))
    # The layer normalizations there add 1e-12 to the variance.
    np.testing.assert_allclose(K[0], STACKS[key], rtol=1e-13 if kind == "res" else 5e-12)


def test_neural_tangents_files(reference):
    file = reference("F_nt_mlp.npz")
    scales = [(1.5, 0.1), (1.0, 0.0)]
    for name in (name for name in file if name.startswith(("nngp_res", "nngp_ln"))):
        _, kind, phi, depth, which = name.split("_")
        net = (ResNet if kind == "res" else LayerNormMLP)(int(depth[1:]), phi, *scales[int(which[2:])])
        np.testing.assert_allclose(tp.nngp(net, file["X"]), file[name], rtol=1e-13 if kind == "res" else 5e-12)
    file = reference("F_nt_cnn.npz")
    for (depth, padding, head) in CONVOLUTIONS:
        K = tp.nngp(CNN(depth, "relu", 1.4, 0.1, padding=padding, head=head), file["X"])
        name = f"nngp_cnn_L{depth}_{padding.upper()}_{'gap' if head == 'mean' else head}"
        np.testing.assert_allclose(K, file[name], rtol=1e-12)


def test_rnn_deviation_file(reference):
    """I: mean relative deviation of the tied erf-RNN at seven widths, 20 networks each."""
    file = reference("I_rnn_deviation_vs_width.npz")
    X = glove(reference("A_gp4a_rnn_erf.npz"))
    net = RNN("erf", *np.sqrt(file["combo_glove"]))
    K = tp.nngp(net, X)
    for place in (0, 3, 5):
        E = tp.empirical_nngp(net, X, width=int(file["widths"][place]), draws=20, seed=place)
        got = tp.agreement.deviation(E, K).mean()
        assert abs(got / file["mean_relfrob_glove"][place] - 1) < 0.3


