"""What figures 2 and 3 show: kernels in the limit, and of random networks of finite width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tpcore as tp

SENTENCES = ("The local name refers to the object.", "The same local name refers to the new object.")
WIDTHS = tuple(2**k for k in range(5, 14))
BATCH = 32


@dataclass(frozen=True, eq=False)
class Text:
    """Sentences as tokens and vectors; T tokens over all of them."""

    tokens: tuple[tuple[str, ...], ...]
    X: list[np.ndarray]

    @property
    def labels(self) -> list[str]:
        """All tokens, one sentence after the other."""
        return [token for sentence in self.tokens for token in sentence]

    @property
    def ends(self) -> np.ndarray:
        """The place of each sentence's last token among all."""
        return np.cumsum([len(sentence) for sentence in self.tokens]) - 1

    @property
    def gram(self) -> np.ndarray:
        """<x, x'>/d of all pairs of tokens, (T, T)."""
        rows = np.concatenate(self.X)
        return rows @ rows.T / rows.shape[1]


def read(words: tp.data.Words, sentences: Sequence[str] = SENTENCES) -> Text:
    """Sentences in the vocabulary of `words`."""
    return Text(tuple(words.tokens(s) for s in sentences), [words.sentence(s) for s in sentences])


def correlation(K: np.ndarray) -> np.ndarray:
    """K_ij / sqrt(K_ii K_jj)."""
    scale = np.sqrt(np.diagonal(K))
    return K / np.outer(scale, scale)


def rnn() -> tp.nets.RNN:
    """The network of figure 2: one erf-RNN, its state weighed twice as much as a new word, no bias."""
    return tp.nets.RNN("erf", sigma_w=1.0, sigma_u=0.5, sigma_b=0.0)


@dataclass(frozen=True, eq=False)
class Sentences:
    """Figure 2. All matrices (T, T); `outputs` (draws, 2) at the ends of the first two sentences."""

    text: Text
    limit: np.ndarray
    kernels: np.ndarray
    outputs: np.ndarray
    width: int

    @property
    def ends(self) -> np.ndarray:
        """The limit's covariance of the two outputs, (2, 2)."""
        return self.limit[np.ix_(self.text.ends[:2], self.text.ends[:2])]

    @property
    def spread(self) -> np.ndarray:
        """Root mean square of the kernels' deviation from the limit, entry by entry."""
        return np.sqrt(((self.kernels - self.limit) ** 2).mean(axis=0))


def sentences(text: Text, width: int = 1000, networks: int = 100, draws: int = 100_000, seed: int = 0) -> Sentences:
    """Figure 2: the limit kernel of the RNN over two sentences, and random RNNs.

    Parameters
    ----------
    text : Text
        At least two sentences.
    width : int
    networks : int
        How many kernels of width n are compared with the limit.
    draws : int
        How many independent networks give an output at the end of both sentences.
    seed : int

    Returns
    -------
    Sentences
    """
    net = rnn()
    limit = np.asarray(tp.nngp(net, text.X))
    kernels = tp.empirical_nngp(net, text.X, width=width, draws=networks, seed=seed)
    outputs = tp.sample_outputs(net, text.X, width=width, draws=draws, seed=seed + 1)[:, text.ends[:2]]
    return Sentences(text, limit, kernels, outputs, width)


@dataclass(frozen=True, eq=False)
class Ladder:
    """Figure 3, one architecture: its limit, and deviations (widths, networks) of random networks from it."""

    name: str
    limit: np.ndarray
    labels: list[str]
    splits: np.ndarray
    widths: tuple[int, ...]
    deviations: np.ndarray

    @property
    def fit(self) -> tp.agreement.Slope:
        """log deviation against log width."""
        return tp.agreement.slope(self.widths, self.deviations)


def architectures(text: Text) -> dict[str, tuple]:
    """Figure 3's networks with their inputs: name -> (network, inputs, labels, where the inputs' groups end).

    The paper's batchnorm network sees 64 images of CIFAR-10 in two batches; here they are digits. Its nonlinearity is
    ReLU of the normalized neuron, in one layer.
    """
    images, digits = tp.data.digits(2 * BATCH)
    batches = [images[:BATCH], images[BATCH:]]
    split = text.ends[:-1] + 1
    over_words = {
        "RNN": rnn(),
        "GRU": tp.nets.GRU(sigma_w=1.0, sigma_u=1.0, sigma_b=1.0),
        "transformer": tp.nets.Transformer(depth=2, sigma_u=1.0, sigma_w=1.0, sigma_b=0.0),
    }
    rows = {name: (net, text.X, text.labels, split) for name, net in over_words.items()}
    rows["batchnorm"] = (tp.nets.BatchNormMLP(depth=1, phi="relu"), batches, list(map(str, digits)), np.array([BATCH]))
    return rows


def ladders(text: Text, widths: Sequence[int] = WIDTHS, networks: int = 100, seed: int = 0) -> list[Ladder]:
    """Figure 3: four architectures, each at all `widths` with so many independent networks.

    Parameters
    ----------
    text : Text
    widths : sequence of int
    networks : int
        At each width.
    seed : int

    Returns
    -------
    list of Ladder
    """
    rows = []
    for name, (net, X, labels, splits) in architectures(text).items():
        K = np.asarray(tp.nngp(net, X))
        drawn = [tp.empirical_nngp(net, X, width=n, draws=networks, seed=seed + n) for n in widths]
        deviations = np.stack([tp.agreement.deviation(E, K) for E in drawn])
        rows.append(Ladder(name, K, labels, splits, tuple(widths), deviations))
    return rows
