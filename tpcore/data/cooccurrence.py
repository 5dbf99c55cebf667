"""Vectors for words from a text: counts of neighbours, positive pointwise mutual information, a truncated SVD."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_NAMES = re.compile(r"[\w.]*[\d_.]\w[\w.]*|\w*_\w*|\w*\d\w*")  # a.b, __init__, x1: code, not words
_ENDS = re.compile(r"[.!?:;](?:\s|$)|\n\s*\n")


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence in lower case; identifiers with dots, digits or underscores are left out."""
    text = _NAMES.sub(" ", text.replace("’", "'"))
    return [words for part in _ENDS.split(text) if (words := WORD.findall(part.lower()))]


def counts(parts: list[list[str]], least: int, window: int) -> tuple[list[str], sparse.csr_array]:
    """Words that occur at least `least` times, the most frequent first, and how often they are neighbours.

    Returns
    -------
    vocabulary : list of str
    C : sparse array, (V, V), symmetric
        C[v, w] = sum of 1/k over all places where w stands k <= `window` words from v in one sentence.
    """
    frequency = Counter(word for part in parts for word in part)
    vocabulary = sorted((w for w, c in frequency.items() if c >= least), key=lambda w: (-frequency[w], w))
    index = {word: i for i, word in enumerate(vocabulary)}
    known = [[index[w] for w in part if w in index] for part in parts]
    words = np.array([i for part in known for i in part], dtype=np.int64)
    sentence = np.repeat(np.arange(len(known)), [len(part) for part in known])
    C = sparse.csr_array((len(vocabulary),) * 2)
    for k in range(1, window + 1):
        together = sentence[:-k] == sentence[k:]
        pairs = (words[:-k][together], words[k:][together])
        C = C + sparse.csr_array((np.full(len(pairs[0]), 1 / k), pairs), shape=C.shape)
    return vocabulary, (C + C.T).tocsr()


def ppmi(C: sparse.csr_array, smoothing: float) -> sparse.csr_array:
    r"""Positive pointwise mutual information :math:`\max(0, \log p(v, w) / (p(v)\, p_\alpha(w)))`.

    p(v, w) is proportional to C, p its margin, :math:`p_\alpha \propto p^\alpha` with `smoothing` alpha: rare words get
    less of it. Source: Levy, Goldberg and Dagan, *Improving distributional similarity with lessons learned from word
    embeddings*, TACL 3 (2015), sections 2.1 and 3.2.
    """
    C = C.tocoo()
    margin = np.asarray(C.sum(axis=1)).ravel()
    context = margin**smoothing / (margin**smoothing).sum()
    row, column = C.coords
    values = np.maximum(np.log(C.data / (margin[row] * context[column])), 0.0)
    return sparse.csr_array((values, (row, column)), shape=C.shape)


def factors(M: sparse.csr_array, dimension: int) -> np.ndarray:
    """U sqrt(S) of the `dimension` largest singular values, (V, dimension), largest first.

    The sign of a column is that in which its largest entry is positive, and the iteration starts at one fixed vector:
    the same matrix gives the same vectors, up to rounding.
    """
    U, S, _ = svds(M, k=dimension, v0=np.full(M.shape[0], M.shape[0] ** -0.5))
    order = np.argsort(-S)
    U, S = U[:, order], S[order]
    largest = U[np.abs(U).argmax(axis=0), np.arange(dimension)]
    return U * np.sign(largest) * np.sqrt(S)
