"""A real graph that comes with networkx: Zachary's karate club."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tpcore import checks

FEATURES = ("laplacian", "identity")
DIMENSION = 8


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph with a class and a vector for each node.

    Attributes
    ----------
    name : str
    adjacency : ndarray, (N, N)
        0 or 1, symmetric, without self-loops: what `tp.nets.GraphConv` takes.
    labels : ndarray of int, (N,)
    classes : tuple of str
        What the labels mean.
    features : ndarray, (N, d)
        One input vector a node, of norm sqrt(d).

    None of the arrays is writable.
    """

    name: str
    adjacency: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.adjacency)

    @property
    def edges(self) -> np.ndarray:
        """Pairs of neighbours i < j, (E, 2)."""
        return np.argwhere(np.triu(self.adjacency))


def karate(features: str = "laplacian", dimension: int = DIMENSION) -> Graph:
    r"""Zachary's karate club: 34 members, 78 friendships, and which of two clubs each joined when it split.

    Parameters
    ----------
    features : {"laplacian", "identity"}
        What is known of a node. "laplacian": its coordinates in the first eigenvectors of the normalized Laplacian
        :math:`I - D^{-1/2} A D^{-1/2}` after the constant one, a position in the graph that uses no label.
        "identity": one coordinate a node, nothing but its name.
    dimension : int
        How many eigenvectors, from 1 to 33; of no account for "identity".

    Returns
    -------
    Graph
        Features have :math:`\langle x, x \rangle / d = 1`.

    Notes
    -----
    Sources: Zachary, *An information flow model for conflict and fission in small groups*, J. Anthropological Research
    33 (1977); Belkin and Niyogi, *Laplacian eigenmaps*, Neural Computation 15 (2003), for the coordinates.
    """
    checks.choice("features", features, FEATURES)
    adjacency, labels = _karate()
    size = len(adjacency)
    dimension = checks.integer("dimension", dimension, 1, size - 1)
    X = np.eye(size) if features == "identity" else _eigenmap(adjacency, dimension)
    X = X * np.sqrt(X.shape[1]) / np.linalg.norm(X, axis=1, keepdims=True)
    X.setflags(write=False)
    return Graph("karate club", adjacency, labels, ("Mr. Hi", "Officer"), X)


@lru_cache(maxsize=1)
def _karate() -> tuple[np.ndarray, np.ndarray]:
    import networkx as nx

    graph = nx.karate_club_graph()
    adjacency = nx.to_numpy_array(graph, nodelist=sorted(graph), weight=None)
    labels = np.array([int(graph.nodes[i]["club"] == "Officer") for i in sorted(graph)])
    for array in (adjacency, labels):
        array.setflags(write=False)
    return adjacency, labels


def _eigenmap(adjacency: np.ndarray, dimension: int) -> np.ndarray:
    """Eigenvectors 2 to d + 1 of the normalized Laplacian; the largest entry of each is positive."""
    scale = adjacency.sum(axis=1) ** -0.5
    _, vectors = np.linalg.eigh(np.eye(len(adjacency)) - scale[:, None] * adjacency * scale)
    vectors = vectors[:, 1 : dimension + 1]
    return vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(dimension)])
