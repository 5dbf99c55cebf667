"""Long programs: soft rank, blocks that grow, vectors that are forgotten and made again."""

import numpy as np
import pytest

import tpcore as tp
from tests.limit.particles.training import mlp, tanh_slope
from tpcore.limit.particles import space
from tpcore.limit.particles.cloud import Cloud
from tpcore.limit.particles.forms import Table
from tpcore.limit.particles.interpret import particles
from tpcore.limit.particles.matrix import ParticleMatrix
from tpcore.limit.particles.points import Points
from tpcore.limit.particles.rules import RULES, linear_lines
from tpcore.limit.particles.space import Exhausted, Space
from tpcore.program.graph import arguments
from tpcore.train import MLPModel, unroll

X = np.random.default_rng(2).normal(size=(3, 2))
Y = np.array([0.6, -0.8, 0.3])
STEPS = 14


@pytest.fixture(scope="module")
def prog():
    return mlp(X, Y, 0.4, tp.tanh, tanh_slope, 2, STEPS)


def cloud(prog, key=0, soft=0.0, forget=False):
    nodes = list(prog.nodes)
    last = {j: node.index for node in nodes for j in arguments(node.op)} if forget else {}
    return Cloud(nodes, 2**11, (5, key), soft, linear_lines(nodes), last).run(RULES)


def trajectory(prog, found):
    return np.array([found.scalars[prog.node(f"f{t}").index] for t in range(STEPS + 1)])


def test_soft_rank(prog):
    """At 0.3 % far fewer Gaussians, and no difference that could be seen: the mean over clouds stays within noise."""
    sharp = [cloud(prog, key) for key in range(6)]
    soft = [cloud(prog, key + 10, soft=3e-3) for key in range(6)]
    counts = [[c.space(1.0).count for c in clouds] for clouds in (sharp, soft)]
    assert max(counts[1]) < 0.8 * min(counts[0]), counts
    a, b = (np.array([trajectory(prog, c) for c in clouds]) for clouds in (sharp, soft))
    spread = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 6)
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * spread + 1e-12).all()


def test_soft_rank_keeps_the_dot_part():
    """W^T y for y just outside the span of earlier inputs: its part in the span of the images is kept."""
    space = Space(Points(2**10, (1,)))
    W = ParticleMatrix(1.0, 1.0, 1.0, space, space, soft=1e-2)
    x = np.zeros((3, 1))
    x[space.fresh(2)] = [[1.0], [0.0]]
    image = W.multiply(x, W.floor(np.ones(1), False), False)
    small = np.zeros_like(image)
    small[: len(image)] = 5e-3 * image
    opened = W._sides[1].inputs.shape[1]
    y = W.multiply(small, np.full(1, 1e-2), True)
    assert W._sides[1].inputs.shape[1] == opened == 0
    # <W^T y, x> = <y, W x> = 5e-3 <Wx, Wx>
    assert (y[: len(x), 0] @ x[:, 0]) == pytest.approx(5e-3 * (image**2).sum(), rel=1e-12)


def test_forgotten_vectors_come_back(prog):
    kept, forgot = cloud(prog), cloud(prog, forget=True)
    np.testing.assert_allclose(trajectory(prog, kept), trajectory(prog, forgot), atol=1e-5)
    vectors = [node.index for node in prog.nodes if node.kind in "GH"]
    alive = sum(forgot.forms[i].rows is not None for i in vectors)
    assert alive < len(vectors) / 20
    for i in vectors[:: len(vectors) // 25] + vectors[-2:]:
        np.testing.assert_allclose(forgot.form(i).numbers(), kept.form(i).numbers(), atol=1e-5)


def test_a_table_grows_at_its_end():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(rows, 3)) for rows in (4, 4, 6, 9, 30)]
    table, whole = Table(parts[0]), parts[0]
    for part in parts[1:]:
        found = table.extend(part)
        whole = np.concatenate([np.pad(whole, ((0, len(part) - len(whole)), (0, 0))), part], axis=1)
        assert np.array_equal(found, whole)


def test_bases_stay_orthonormal(prog):
    """To the grain of their precision: double in a linear program, single where inputs of matrices are sampled."""
    linear = tp.Program("linear")
    W, x = linear.matrix("W"), linear.block("X", cov=np.eye(3))
    for _ in range(6):
        x = W @ x + W.T @ x
    for found, dtype, grain in ((cloud(linear), float, 1e-13), (cloud(prog, soft=1e-3), np.float32, 1e-5)):
        rows = found.space(1.0).rows
        assert rows.dtype == dtype and len(rows) > 30
        assert np.abs(np.matmul(rows, rows.T, dtype=float) / rows.shape[1] - np.eye(len(rows))).max() < grain


def test_single_precision_changes_no_digit_that_is_known(prog, monkeypatch):
    """The same cloud with a double basis: far below the sampling error, which is 1e-3 here."""
    single = cloud(prog, soft=1e-3)
    monkeypatch.setattr(space, "_LARGE", 2**30)
    double = cloud(prog, soft=1e-3)
    assert double.space(1.0).dtype == float and single.space(1.0).dtype == np.float32
    assert 0 < np.abs(trajectory(prog, single) - trajectory(prog, double)).max() < 2e-5


def test_unrolled_training_costs_what_a_program_by_hand_does(monkeypatch):
    """Products with the basis, counted: for the grown blocks of `tpcore.train.unroll` coefficients are enough."""
    done = []

    def counted(method, size):
        def call(self, x, *args):
            done.append(size(self, x, *args))
            return method(self, x, *args)
        return call

    monkeypatch.setattr(Space, "combine", counted(Space.combine, lambda s, x: x.size))
    monkeypatch.setattr(Space, "project", counted(
        Space.project, lambda s, x, known=None: len(x) * (s.count - (0 if known is None else len(known)))))
    spent, steps = [], 40
    for prog in (mlp(X, Y, 0.4, tp.tanh, tanh_slope, 2, steps), unroll(MLPModel(2, "tanh"), X, Y, steps, 0.4)):
        done.clear()
        cloud(prog, soft=3e-3)
        spent.append(sum(done))
    assert spent[1] < 1.15 * spent[0], spent


def test_few_particles_become_more():
    """More Gaussians than a quarter of the particles asked for."""
    p = tp.Program("wide")
    X = p.block("X", cov=np.eye(30))
    p.name("S", tp.inner(p.matrix("W") @ X, X))
    lim = particles(p, samples=64)
    assert lim.particles >= 8 * 4 * 61
    assert np.abs(lim.scalar("S")).max() < 1e-12
    with pytest.raises(Exhausted):
        Space(Points(64, (0,))).fresh(16)


def test_particles_are_noted_as_soft():
    p = tp.Program("many")
    W, x = p.matrix("W"), p.block("X", cov=np.eye(2))
    for _ in range(140):
        x = 0.7 * (W @ tp.tanh(x))
    tp.inner(x, x)
    lim = particles(p, samples=2**12)
    assert any("no fresh Gaussian" in note for note in lim.notes)


def test_a_block_may_be_extended_in_two_ways():
    """Two stacks that begin with the same grown block do not write over each other."""
    p = tp.Program("branches")
    X = p.block("X", cov=np.eye(6))
    grown = tp.stack([X[:2], X[2:4]], new_axis=False)
    one, two = (tp.stack([grown, X[i:i + 1]], new_axis=False) for i in (4, 5))
    p.name("one", tp.inner(one, X)), p.name("two", tp.inner(two, X))
    lim = particles(p, samples=512)
    np.testing.assert_allclose(lim.scalar("one"), np.eye(6)[[0, 1, 2, 3, 4]], atol=1e-13)
    np.testing.assert_allclose(lim.scalar("two"), np.eye(6)[[0, 1, 2, 3, 5]], atol=1e-13)
