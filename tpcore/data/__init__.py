"""Data that needs no download: digits, words, a graph; and word vectors of one's own."""

from tpcore.data.digits import digits, images
from tpcore.data.graphs import Graph, karate
from tpcore.data.wordfiles import load_words
from tpcore.data.words import Words, words

__all__ = ["Graph", "Words", "digits", "images", "karate", "load_words", "words"]
