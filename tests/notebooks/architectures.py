"""Answers to the fourth lecture's exercises, right and wrong, written without the checkers' means where possible."""

from __future__ import annotations

import math

import numpy as np
import tpcore as tp


def recurrent(X, sigma_w, sigma_u, sigma_b, same=True, bias=True, last=True, scale=None):
    """The tied erf-RNN by its recursion, pair by pair, with the arcsine."""
    steps = [(a, i) for a, x in enumerate(X) for i in range(len(x))]
    place = {step: k for k, step in enumerate(steps)}
    H, S = (np.zeros((len(steps),) * 2) for _ in range(2))

    def state(p, q):
        k, m = place[p], place[q]
        return 2 / np.pi * np.arcsin(2 * H[k, m] / np.sqrt((1 + 2 * H[k, k]) * (1 + 2 * H[m, m])))

    for (a, i), (b, j) in sorted(((p, q) for p in steps for q in steps), key=lambda pair: (
            max(pair[0][1], pair[1][1]), pair[0] != pair[1])):
        k, m = place[a, i], place[b, j]
        H[k, m] = sigma_u**2 * X[a][i] @ X[b][j] / (X[a].shape[1] if scale is None else scale) + bias * sigma_b**2
        if min(i, j) > 0 and (same or i == j):
            H[k, m] += sigma_w**2 * state((a, i - 1), (b, j - 1))
    for p in steps:
        for q in steps:
            S[place[p], place[q]] = state(p, q)
    return S if last else H


def softmax(C, axis=1):
    A = np.exp(C)
    return A / A.sum(axis=axis, keepdims=True)


def attend(G, sigma_u, A=lambda C: softmax(C), inner=2, outer=2):
    weights = A(sigma_u**inner * G)
    return weights @ (sigma_u**outer * G) @ weights.T


def pooled(*layers):
    """Dense, the layers, the mean over words, a readout."""
    return tp.nets.Sequential(tp.nets.Dense(1.4, 0.1), *layers, tp.nets.MeanPool(), tp.nets.Dense(1.0))


def neighbours(size=3, **options):
    return tp.nets.Sequential(tp.nets.Conv(size, sigma_w=1.4, **options), tp.nets.Act("relu"), tp.nets.MeanPool(),
                              tp.nets.Dense(1.0))  # fmt: skip


RIGHT = {
    "4.1": [2 / math.pi * math.asin(1.1 / 3.5), 0.2036],
    "4.2": [recurrent, lambda X, w, u, b: tp.nngp(tp.nets.RNN("erf", w, u, b), X)],
    "4.3": [1.3714, 1.38],
    "4.4": [attend],
    "4.5": [neighbours, lambda: neighbours(4, padding="circular"),
            lambda: pooled(tp.nets.Attention(masked=True), tp.nets.Act("relu"))],
}

WRONG = {
    "4.1": [0.55, 0.3, 0.1282, 0.1097, 0.2620, 0.3197, 0.4018, 0.0],
    "4.2": [lambda X, w, u, b: recurrent(X, w**2, u, b), lambda X, w, u, b: recurrent(X, w**0.5, u, b),
            lambda X, w, u, b: recurrent(X, w, u, b, same=False), lambda X, w, u, b: recurrent(X, w, u, b, bias=False),
            lambda X, w, u, b: recurrent(X, w, u, b, last=False), lambda X, w, u, b: recurrent(X, w, u, b, scale=1),
            lambda X, w, u, b: recurrent(X, 0.0, u, b), lambda X, w, u, b: np.diag(np.diag(recurrent(X, w, u, b))),
            lambda X, w, u, b: np.triu(recurrent(X, w, u, b)), lambda X, w, u, b: recurrent(X[:1], w, u, b)[:1, :1],
            lambda X, w, u, b: X.no_such_thing, "kernel"],
    "4.3": [1.3714**2, 0.8862, 1.6488, 1.42, 1.3, 1.0, 2.0, 0.0],
    "4.4": [lambda G, s: s**2 * G, lambda G, s: softmax(s**2 * G) @ (s**2 * G),
            lambda G, s: attend(G, s, lambda C: softmax(C, 0)), lambda G, s: attend(G, s, lambda C: softmax(C).T),
            lambda G, s: attend(G, s, np.exp), lambda G, s: attend(G, s, inner=0), lambda G, s: attend(G, s, outer=0),
            lambda G, s: attend(G, s, inner=1, outer=1),
            lambda G, s: attend(G, s, lambda C: softmax(np.where(np.tri(len(C)), C, -np.inf))),
            lambda G, s: s**2 * G + attend(G, s), lambda G, s: G @ G, 1.0],
    "4.5": [pooled, lambda: pooled(tp.nets.Attention(), tp.nets.Act("relu")), lambda: neighbours(1),
            lambda: tp.nets.RNN("erf", 1, 1, 0, readout="last"),
            lambda: tp.nets.Sequential(tp.nets.RNN("erf", 1, 1, 0), tp.nets.MeanPool(), tp.nets.Dense(1.0)),
            lambda: tp.nets.Sequential(tp.nets.Conv(3), tp.nets.Act("relu"), tp.nets.Dense(1.0)),
            lambda: tp.nets.Sequential(tp.nets.Dense(1.4), tp.nets.Act("relu"), tp.nets.Flatten(), tp.nets.Dense(1.0)),
            lambda: tp.nets.Transformer(1, 1, 1, 0, readout="mean"), lambda: "a network"],
}  # fmt: skip

SLIPS = [
    ("4.1", 0.55, "erf of them"),
    ("4.1", 0.1282, "bias is missing"),
    ("4.2", lambda X, w, u, b: recurrent(X, w, u, b, same=False), "the same at every step"),
    ("4.2", lambda X, w, u, b: recurrent(X, w, u, b, scale=1), "where is the d"),
    ("4.3", 1.3714**2, "the variance"),
    ("4.4", lambda G, s: attend(G, s, lambda C: softmax(C).T), "transposed"),
    ("4.4", lambda G, s: attend(G, s, lambda C: softmax(np.where(np.tri(len(C)), C, -np.inf))), "masked"),
    ("4.5", pooled, "correlation is 1"),
    ("4.5", lambda: tp.nets.RNN("erf", 1, 1, 0, readout="last"), "recurrent"),
]
