"""Second moments of many small features at once: against the recursion by hand, and against one pair at a time."""

import numpy as np
import pytest
from scipy import sparse

import tpcore as tp
from tests.random_programs import draw
from tpcore.limit import expect, named
from tpcore.limit.forms import Combo, Family, stacked


def chain(length, phi="relu", variance=1.7, mean=0.0):
    """h = phi(W h) again and again."""
    prog = tp.Program("chain")
    h = prog.vector("x", mean=mean, variance=1.3)
    W = prog.matrix("W", variance=variance)
    for k in range(length):
        h = prog.name(f"h{k}", getattr(tp, phi)(prog.name(f"z{k}", W @ h)))
    prog.output("f", prog.vector("v"), h)
    return prog


def arc_cosine(cov):
    """E relu(u) relu(v) for all pairs of centred Gaussians."""
    s = np.sqrt(np.diag(cov))
    rho = np.clip(cov / np.outer(s, s), -1, 1)
    angle = np.arccos(rho)
    return np.outer(s, s) * (np.sqrt(1 - rho**2) + (np.pi - angle) * rho) / (2 * np.pi)


@pytest.mark.parametrize("mean", [0.0, 0.6])
def test_a_long_chain_of_one_matrix(mean):
    """Cov(z_i, z_j) = s^2 E h_i-1 h_j-1 for all pairs."""
    length, s2 = 40, 1.7
    lim = tp.limit(chain(length, variance=s2, mean=mean))
    cov, top = np.zeros((length, length)), s2 * (1.3 + mean**2)
    cov[0, 0] = top
    for k in range(1, length):
        first = mean * np.sqrt(np.diag(cov)[:k] / (2 * np.pi)) if mean else np.zeros(k)  # E x h_j, x independent of h_j
        inner = arc_cosine(cov[:k, :k])
        cov[k, 0] = cov[0, k] = s2 * first[k - 1]
        cov[k, 1 : k + 1] = cov[1 : k + 1, k] = s2 * inner[k - 1]
    found = np.array([[lim.cov(f"z{i}", f"z{j}") for j in range(0, length, 13)] for i in range(0, length, 13)])
    np.testing.assert_allclose(found, cov[::13, ::13], rtol=1e-11, atol=1e-13 * top)
    assert lim.error("f") < 1e-12 * top and lim.kernel()[0, 0] == lim.kernel()[0, 0]


def test_few_integrals_for_many_pairs(monkeypatch):
    """Some calls a product, not one for every pair of products."""
    calls, pair = [], expect.pair
    monkeypatch.setattr(expect, "pair", lambda *args, **more: calls.append(1) or pair(*args, **more))
    tp.limit(chain(30, "tanh")).kernel()
    assert len(calls) <= 2 * 30 + 2


@pytest.mark.parametrize("program", ["erf", "tanh", 1, 3, 4, 6, 7, 8, 9])
def test_one_pair_at_a_time_gives_the_same(program, monkeypatch):
    prog = draw(program) if isinstance(program, int) else chain(9, program, mean=0.4)
    lim = tp.limit(prog, samples=256)
    monkeypatch.setattr(named, "SMALL", 0)
    other = tp.limit(prog, samples=256)
    for node in prog.nodes:
        if node.kind in "GH":
            found, wanted = lim.cov(node.name), other.cov(node.name)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-12 * max(1.0, np.abs(wanted).max()))
            np.testing.assert_array_equal(lim.cov(node.name), found)
        elif node.kind == "C":
            np.testing.assert_allclose(lim.scalar(node.name), other.scalar(node.name), rtol=1e-11, atol=1e-12)


def test_features_without_room_are_found_one_by_one(monkeypatch):
    lim = tp.limit(chain(9, "gelu"))
    monkeypatch.setattr(named, "MOST", 4)
    np.testing.assert_allclose(tp.limit(chain(9, "gelu")).kernel(), lim.kernel(), rtol=1e-12)


def test_stacked_combos():
    rng = np.random.default_rng(0)
    a, b = (Family(label, np.zeros(3), np.eye(3)) for label in "ab")
    parts = [Combo(rng.standard_normal(n), {f: sparse.random(n, 3, 0.5, "csr", random_state=n) for f in own})
             for n, own in ((2, [a]), (4, [a, b]), (1, []), (3, [b]))]
    whole = stacked(parts)
    for f in (a, b):
        rows = [p.terms[f].toarray() if f in p.terms else np.zeros((p.size, 3)) for p in parts]
        np.testing.assert_array_equal(whole.terms[f].toarray(), np.concatenate(rows))
    np.testing.assert_array_equal(whole.const, np.concatenate([p.const for p in parts]))
