"""Checkers of the fourth lecture's exercises."""

from __future__ import annotations

import math

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, array, called, function, near, number

STEP = {"cosine": 0.3, "sigma_u": 1.0, "sigma_b": 0.5}


def one_step(answer) -> str:
    """4.1: E erf(u) erf(v) for the first states of two sentences, by `tp.expect`."""
    value, (cosine, _, b) = number(answer), STEP.values()
    q, c = 1 + b**2, cosine + b**2
    truth = _erf(q, c)
    if near(value, truth, 2e-3):
        return "One step, one expectation; a second step takes these numbers and adds the words again."
    if near(value, c, 2e-3):
        raise Wrong("That is the covariance of h and h'; the states are erf of them.")
    if near(value, _erf(1.0, cosine), 2e-3):
        raise Wrong("The bias is missing: it is the same for both sentences.")
    if near(value, _erf(q, cosine), 2e-3):
        raise Wrong("The bias belongs to the covariance too: both sentences have the same b.")
    if near(value, _erf(1 + b, cosine + b), 2e-3):
        raise Wrong("sigma_b is a standard deviation.")
    if near(value, truth / _erf(q, q), 2e-3):
        raise Wrong("That is the correlation of the states; the mean product is asked for.")
    if near(value, truth * math.pi / 2, 2e-3):
        raise Wrong("The factor before the arcsine is missing.")
    raise Wrong("First the variance of h and the covariance of h and h', each with its bias; then the formula.")


def _erf(q: float, c: float) -> float:
    return float(tp.expect.pair("erf", q, q, c))


def recurrent_kernel(answer) -> str:
    """4.2: the kernel of a tied erf-RNN, against `tp.nngp` on other sentences and settings."""
    f = function(answer)
    rng = np.random.default_rng(11)
    for lengths in ((3,), (2, 4), (1, 3, 2)):
        X = [rng.standard_normal((T, 6)) for T in lengths]
        for w, u, b in ((1.3, 0.7, 0.0), (0.8, 1.2, 0.4)):
            size = sum(lengths)
            values, truth = array(called(f, X, w, u, b), (size, size)), _rnn(X, w, u, b)
            if near(values, truth, 1e-6):
                continue
            where = f"Sentences of {', '.join(map(str, lengths))} words, sigma_w = {w}, sigma_u = {u}, sigma_b = {b}: "
            raise Wrong(where + _recurrent_slip(values, truth, X, w, u, b))
    return "A Gaussian process over sentences of any length, in a few lines."


def _rnn(X, w: float, u: float, b: float) -> np.ndarray:
    return np.asarray(tp.nngp(tp.nets.RNN("erf", w, u, b), X))


def _recurrent_slip(values, truth, X, w: float, u: float, b: float) -> str:
    if not near(values, values.T, 1e-8):
        return "a kernel must be symmetric."
    starts = np.concatenate([[0], np.cumsum([len(x) for x in X])[:-1]])
    first = np.ix_(starts, starts)
    if not near(values[first], truth[first], 1e-6):
        if near(values[first], _rnn([x * math.sqrt(x.shape[1]) for x in X], w, u, b)[first], 1e-6):
            return "the first words. The variance of U is sigma_u^2 / d; where is the d?"
        return "the first words of the sentences, where no state comes before. The output is erf of h, not h."
    if near(np.diagonal(values), np.diagonal(truth), 1e-6):
        return ("the diagonal holds, the rest does not. W is the same at every step and for every sentence, and so is "
                "b: any step of one meets any step of the other.")  # fmt: skip
    if b and near(values, _rnn(X, w, u, 0.0), 1e-6):
        return "the bias does not enter."
    if near(values, _rnn(X, w**2, u, b), 1e-6) or near(values, _rnn(X, math.sqrt(w), u, b), 1e-6):
        return "the first words hold, later ones do not: sigma_w is a standard deviation, and enters as its square."
    return "the first words hold, later ones do not. What comes from the state before, and what from the new word?"


EDGE = {"sigma_u": 0.5}


def edge(answer) -> str:
    """4.3: where correlation 1 stops being attracting, by iteration and bisection."""
    value, sigma_u = number(answer), EDGE["sigma_u"]
    truth = _edge(sigma_u)
    if near(value, truth, 0.012):
        return "Below it the first word is lost, above it is never forgotten: order and chaos."
    if near(value, truth**2, 0.012):
        raise Wrong("That is the variance; sigma_w is asked for.")
    if near(value, _edge(0.0), 0.012) or near(value, math.sqrt(math.pi) / 2, 0.01):
        raise Wrong("That is for no words at all, sigma_u = 0: there the state vanishes. Words keep it alive.")
    if near(value, _edge(1.0), 0.012):
        raise Wrong("That is for sigma_u = 1.")
    if abs(value / truth - 1) < 0.06:
        raise Wrong("Close, but one percent is asked for. Is q in equilibrium at every sigma_w that you try?")
    side = "remembered" if value > truth else "forgotten, and at a somewhat larger one still"
    raise Wrong(f"At that sigma_w the first word is {side}. Where is chi = sigma_w^2 E erf'(Z)^2 equal to 1?")


def _chi(sigma_w: float, sigma_u: float) -> float:
    q = 1.0
    for _ in range(400):
        q = sigma_w**2 * float(2 / math.pi * math.asin(2 * q / (1 + 2 * q))) + sigma_u**2
    return sigma_w**2 * 4 / math.pi / math.sqrt(1 + 4 * q)


def _edge(sigma_u: float) -> float:
    low, high = 0.5, 4.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _chi(middle, sigma_u) < 1 else (low, middle)
    return low


def attention(answer) -> str:
    """4.4: A C A^T with C = sigma_u^2 G and A = softmax(C), against `tp.nngp` of that attention."""
    f = function(answer)
    rng = np.random.default_rng(3)
    for size, sigma_u in ((3, 1.0), (5, 1.6)):
        X = rng.standard_normal((size, 4))
        G = X @ X.T / 4
        net = tp.nets.Sequential(tp.nets.Dense(sigma_u, None), tp.nets.Attention(sigma_k=1.0, sigma_v=1.0, sigma_o=1.0))
        values, truth = array(called(f, G.copy(), sigma_u), (size, size)), np.asarray(tp.nngp(net, [X]))
        if not near(values, truth, 1e-6):
            raise Wrong(f"With {size} words and sigma_u = {sigma_u}: " + _attention_slip(values, G, sigma_u))
    return "No attention weight is random in the limit: they are a function of the words' Gram matrix."


def _attention_slip(values, G, sigma_u: float) -> str:
    C = sigma_u**2 * G
    A = _softmax(C)
    if near(values, C):
        return "that is the covariance of the keys, before any attention."
    if near(values, A @ C):
        return "attention acts on both sides of a covariance."
    if near(values, A.T @ C @ A):
        return "the weights of word i add up to 1 over the words j that it looks at: which side is transposed?"
    B = _softmax(G)
    if sigma_u != 1 and (near(values, B @ C @ B.T) or near(values, A @ G @ A.T) or near(values, B @ G @ B.T)):
        return "keys and values have covariance sigma_u^2 G, in the logits and outside of them."
    if near(values, np.exp(C) @ C @ np.exp(C).T):
        return "softmax divides by the sum of each row."
    if near(values, np.tril(1.0 * A) @ C @ np.tril(1.0 * A).T) or near(values, _causal(C)):
        return "nothing is masked here: each word looks at all words of its sentence."
    if near(values, C + A @ C @ A.T) or near(values, (np.eye(len(C)) + A) @ C @ (np.eye(len(C)) + A).T):
        return "there is no skip connection here."
    return "what is the limit of <k^i, k^j>/n, what are the weights then, and the covariance of sums with these weights?"


def _softmax(C: np.ndarray) -> np.ndarray:
    A = np.exp(C - C.max(axis=1, keepdims=True))
    return A / A.sum(axis=1, keepdims=True)


def _causal(C: np.ndarray) -> np.ndarray:
    A = np.tril(np.exp(C))
    A /= A.sum(axis=1, keepdims=True)
    return A @ C @ A.T


ORDER = ("The class calls the function.", "The function calls the class.")
APART = 0.99


def word_order(answer) -> str:
    """4.5: an assembled network with one output a sentence that tells two orders of the same words apart."""
    if _recurrent(answer):
        raise Wrong("That one is recurrent, and reads in order by its nature. Can it be done without?")
    if not isinstance(answer, tp.nets.Network):
        raise Wrong(f"A network is asked for, tp.nets.Sequential(...); this is of type {type(answer).__name__}.")
    words = tp.data.words()
    X = [words.sentence(text) for text in (*ORDER, "The name of a class is local.")]
    try:
        K = np.asarray(tp.nngp(answer, X))
    except tp.errors.Misuse as error:
        raise Wrong(f"It has no kernel over sentences of five and seven words: {error}") from None
    if K.shape != (3, 3):
        raise Wrong(f"One output a sentence is asked for; three give {len(K)}. Which layer averages over words?")
    scale = np.sqrt(np.outer(K.diagonal(), K.diagonal()))
    if not (scale > 0).all():
        raise Wrong("Some output is zero in the limit.")
    C = K / scale
    if C[0, 1] > 1 - 1e-9:
        raise Wrong(
            "The correlation is 1: it cannot tell them apart. Each word is treated alike wherever it stands, and the "
            "mean forgets the order. Which layer knows what stands beside a word, or before it?"
        )
    if C[0, 1] > APART:
        raise Wrong(f"The correlation is {C[0, 1]:.4f}: it tells them apart, but hardly. What would tell more?")
    drawn = tp.sample_outputs(answer, X[:2], width=500, draws=400, seed=9)
    seen = float(np.corrcoef(drawn.T)[0, 1])
    return f"Correlation {C[0, 1]:.3f} in the limit; {seen:.3f} over 400 networks of width 500."


def _recurrent(part) -> bool:
    """Is it a recurrent cell, or is there one in it?"""
    cell = isinstance(part, (tp.nets.RNN, tp.nets.GRU, tp.nets.LSTM)) or getattr(part, "recurrent", False)
    return cell or any(map(_recurrent, getattr(part, "layers", ())))
