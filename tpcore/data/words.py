"""Words as vectors, made from the text that comes with every Python: its own language reference."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from tpcore import checks
from tpcore.data import cooccurrence
from tpcore.data.cache import kept
from tpcore.errors import Misuse

SCALES = ("sphere", "raw")
DIMENSION, LARGEST = 100, 300
LEAST, WINDOW, SMOOTHING = 3, 5, 0.75
MAX_TOKENS = 256
_VERSION = 1  # of how vectors are made from the text: part of the file's name in the cache
_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


@dataclass(frozen=True, eq=False)
class Words:
    """A vocabulary and a vector for each word.

    Attributes
    ----------
    name : str
        Where they are from.
    vocabulary : tuple of str, V words
        The most frequent first, where that is known.
    vectors : ndarray, (V, d)
        Not writable.
    """

    name: str
    vocabulary: tuple[str, ...]
    vectors: np.ndarray

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: i for i, word in reversed(list(enumerate(self.vocabulary)))}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word) -> bool:
        return word in self._index

    def __repr__(self) -> str:
        return f"Words({self.name!r}, {len(self):,} words, {self.vectors.shape[1]} dimensions)"

    @property
    def dimension(self) -> int:
        """d, the length of a vector."""
        return self.vectors.shape[1]

    def tokens(self, text: str) -> tuple[str, ...]:
        """The words of a free text as the vocabulary writes them, at most 256.

        Punctuation is passed over. A word is looked up as it is written, then in lower case, then, with hyphens or an
        apostrophe in it, part by part.

        Raises
        ------
        Misuse
            Where there is no word, too many, or one that the vocabulary lacks; words like it are named.
        """
        if not isinstance(text, str):
            raise Misuse("A sentence must be text", type(text).__name__)
        written = _TOKEN.findall(text.replace("’", "'"))
        if not written:
            raise Misuse("A sentence must have at least one word", "none")
        if len(written) > MAX_TOKENS:
            raise Misuse(f"A sentence must have at most {MAX_TOKENS} words", f"{len(written):,}", "Shorten it")
        return tuple(token for word in written for token in self._known(word))

    def _known(self, word: str) -> tuple[str, ...]:
        parts = re.split("['-]", word)
        for attempt in ((word,), (word.lower(),), tuple(parts), tuple(part.lower() for part in parts)):
            if all(part in self._index for part in attempt):
                return attempt
        missing = next(part for part in attempt if part not in self._index)
        hint = self._like(missing)
        raise Misuse(f"Every word must be among the {len(self):,} of {self.name}", f"“{word[:40]}”", hint)

    def _like(self, word: str) -> str:
        if word.isdecimal() and all(known.isdecimal() for known in (self.vocabulary[0], self.vocabulary[-1])):
            return f"Rows are numbered from {self.vocabulary[0]} to {self.vocabulary[-1]}"
        near = difflib.get_close_matches(word[:40], self.vocabulary[:100_000], n=3, cutoff=0.6)
        return "Near it: " + ", ".join(near) if near else "Take a word from its vocabulary"

    def sentence(self, text: str) -> np.ndarray:
        """The vectors of a text's words, (T, d): a sequence for `tp.nets.RNN` and the like.

        Raises
        ------
        Misuse
            As `tokens`.
        """
        return self.vectors[[self._index[token] for token in self.tokens(text)]]

    def neighbours(self, word: str, count: int = 5) -> list[tuple[str, float]]:
        """The words of the largest cosine with `word`, itself left out, and those cosines."""
        (token,) = self.tokens(word)[:1]
        count = checks.integer("count", count, 1)
        norms = np.maximum(np.linalg.norm(self.vectors, axis=1), 1e-300)
        own = self._index[token]
        cosines = self.vectors @ self.vectors[own] / (norms * norms[own])
        order = [i for i in np.argsort(-cosines, kind="stable") if i != own][:count]
        return [(self.vocabulary[i], float(cosines[i])) for i in order]


def words(dimension: int = DIMENSION, scale: str = "sphere") -> Words:
    r"""Word vectors made from Python's language reference (``pydoc_data.topics``, about 60,000 words of prose).

    Counts of neighbours at most 5 words apart in a sentence, weighted by 1/distance, over all words that occur 3 times;
    positive pointwise mutual information with contexts smoothed by 3/4; the first `dimension` singular vectors, times
    the roots of the singular values.

    Parameters
    ----------
    dimension : int
        d, from 1 to 300.
    scale : {"sphere", "raw"}
        "sphere": every vector has norm sqrt(d), so that :math:`\langle x, x \rangle / d = 1` and
        :math:`\langle x, y \rangle / d` is the cosine. "raw": as they come.

    Returns
    -------
    Words
        About 1,700 words. Kept in memory, and on disk (`tpcore.data.cache`).

    Notes
    -----
    The text, and with it vocabulary and vectors, differs a little from one version of Python to the next; one version
    gives the same vectors everywhere, up to rounding. Source: Levy, Goldberg and Dagan, TACL 3 (2015), with their
    settings win = 5, cds = 0.75, eig = 0.5.
    """
    dimension = checks.integer("dimension", dimension, 1, LARGEST)
    return _made(dimension, checks.choice("scale", scale, SCALES))


@lru_cache(maxsize=8)
def _made(dimension: int, scale: str) -> Words:
    text = _text()
    settings = f"{_VERSION} {LEAST} {WINDOW} {SMOOTHING} {dimension}\n"
    key = hashlib.sha256((settings + text).encode()).hexdigest()[:24]
    arrays = kept(f"words-{dimension}-{key}", lambda: _vectors(text, dimension))
    return of("Python's reference", arrays["vocabulary"].tolist(), arrays["vectors"], scale)


def _text() -> str:
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def _vectors(text: str, dimension: int) -> dict[str, np.ndarray]:
    vocabulary, C = cooccurrence.counts(cooccurrence.sentences(text), LEAST, WINDOW)
    M = cooccurrence.ppmi(C, SMOOTHING)
    met = np.flatnonzero(np.asarray(M.sum(axis=1)).ravel() > 0)
    vectors = cooccurrence.factors(M[met][:, met].tocsr(), dimension)
    return {"vocabulary": np.array([vocabulary[i] for i in met]), "vectors": vectors}


def of(name: str, vocabulary, vectors: np.ndarray, scale: str) -> Words:
    """`Words` at a scale; a vector of zeros, which has no direction, is refused on the sphere."""
    vectors = np.array(vectors, dtype=np.float64)
    if scale == "sphere":
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (empty := np.flatnonzero(norms == 0)).size:
            word = vocabulary[empty[0]][:40]
            raise Misuse("Every word's vector must have an entry that is not zero", f"zeros for “{word}”",
                         "Take the word out, or scale=\"raw\"")  # fmt: skip
        vectors *= np.sqrt(vectors.shape[1]) / norms
    vectors.setflags(write=False)
    return Words(name, tuple(vocabulary), vectors)
