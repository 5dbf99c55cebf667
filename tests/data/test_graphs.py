"""The karate club: counts known from the paper, features by an independent route."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tpcore.data import karate
from tpcore.errors import Misuse


def test_the_club():
    """Zachary (1977): 34 members, 78 ties; 17 join each side, and a leader stands on either."""
    graph = karate()
    A = graph.adjacency
    assert A.shape == (34, 34) and len(graph) == 34 and A.sum() == 156 and np.array_equal(A, A.T)
    assert set(np.unique(A)) == {0, 1} and not A.diagonal().any()
    assert np.bincount(graph.labels).tolist() == [17, 17] and graph.classes[graph.labels[0]] == "Mr. Hi"
    assert graph.labels[33] != graph.labels[0] and sorted(A.sum(0))[-2:] == [16, 17]
    assert len(graph.edges) == 78 and A[tuple(graph.edges.T)].all()
    assert not A.flags.writeable and not graph.features.flags.writeable


def test_features_are_eigenvectors_of_the_laplacian():
    graph = karate(dimension=5)
    np.testing.assert_allclose((graph.features**2).sum(1) / 5, 1)
    from scipy.sparse.csgraph import laplacian

    L = laplacian(graph.adjacency, normed=True)
    values, vectors = np.linalg.eigh(L)
    rows = vectors[:, 1:6] / np.linalg.norm(vectors[:, 1:6], axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(graph.features), np.abs(rows) * np.sqrt(5), atol=1e-10)
    # The first of them alone all but finds the two clubs, without having seen one label.
    found = np.mean((graph.features[:, 0] > 0) == graph.labels)
    assert max(found, 1 - found) > 0.85


def test_identity_and_a_kernel():
    graph = karate("identity")
    np.testing.assert_allclose(graph.features, np.eye(34) * 34**0.5)
    K = np.asarray(tp.nngp(tp.nets.GraphConv(2, "relu", 1.4, 0.1, graph.adjacency), karate().features))
    assert K.shape == (34, 34)
    same = graph.labels[:, None] == graph.labels
    C = K / np.sqrt(np.outer(K.diagonal(), K.diagonal()))
    assert C[same].mean() > C[~same].mean() + 0.1, "members of a club are alike to the network"


@pytest.mark.parametrize(
    ("call", "phrase"),
    [(lambda: karate("degree"), "laplacian"), (lambda: karate(dimension=34), "33"), (lambda: karate(dimension=0), "1")],
)
def test_misuse_is_refused_in_words(call, phrase):
    with pytest.raises(Misuse, match=phrase):
        call()
