"""Which engine `tp.limit` takes, and what it says."""

import time

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.limit.budget import Beyond, Budget
from tpcore.limit.interpret import QUICK, Chosen, exact
from tpcore.limit.particles import interpret as many
from tpcore.limit.particles.interpret import particles
from tpcore.limit.particles.law import ParticleLimit
from tpcore.limit.rules import symbolic


def training(phi="tanh", steps=3, batch=4, hidden=True):
    """Gradient descent of a two-layer network with squared loss in the muP scaling, unrolled."""
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(batch, 2)) / 2**0.5, rng.normal(size=batch)
    p = tp.Program("training")
    U, V, W = p.block("U", shape=(2,), cov=np.eye(2)), p.vector("V"), p.matrix("W")
    act = tp.tanh if phi == "tanh" else lambda h: h
    slope = (lambda h, b: b * tp.nonlin(lambda s: 1 - np.tanh(s) ** 2, h)) if phi == "tanh" else lambda h, b: b
    updates = []
    for t in range(steps + 1):
        h = U @ data.T
        x = act(h)
        g = W @ x if hidden else h
        for back, old in updates:
            g = g - back @ tp.inner(old, x)
        z = act(g) if hidden else x
        chi = (p.name(f"f{t}", tp.inner(V, z)) - target) / batch
        back = slope(g, V * chi)
        if hidden:
            dx = W.T @ back
            for other, old in updates:
                dx = dx - old @ tp.inner(other, back)
            updates.append((back, x))
            back = slope(h, dx)
        V, U = V - z @ chi, U - back @ data
    return p


def test_linear_training_is_exact():
    prog = training("linear", steps=5)
    lim, cloud = tp.limit(prog), particles(prog)
    assert isinstance(lim, Chosen)
    for t in range(6):
        np.testing.assert_allclose(lim.scalar(f"f{t}"), cloud.scalar(f"f{t}"), rtol=1e-12, atol=1e-12)
    assert lim.method("f5") == "exact"


def test_long_training_goes_to_particles_at_once():
    """Counted, not clocked: what is spent before the choice is below a fifth of a nominal second."""
    prog = training(steps=6)
    with pytest.raises(Beyond, match="Gaussians at once"):
        exact(prog)
    budget = Budget(QUICK)
    with pytest.raises(Beyond):
        symbolic(prog, budget)
    assert budget.spent < QUICK + 0.05
    start = time.perf_counter()
    with pytest.raises(Beyond):
        exact(prog)
    assert time.perf_counter() - start < 5, "0.1 s on an idle machine"
    lim = tp.limit(prog, samples=2**10)
    assert isinstance(lim, ParticleLimit) and lim.method("f3") == "particles"
    assert any("Found with particles" in note for note in lim.notes)


def test_what_takes_long_is_exact_only_where_asked():
    """One layer, two samples: three Gaussians at once, but many integrals."""
    prog = training(steps=4, batch=2, hidden=False)
    with pytest.raises(Beyond):
        exact(prog, tol=1e-3)
    short = training(steps=1, batch=2, hidden=False)
    fine, rough = tp.limit(short), particles(short)
    assert isinstance(fine, Chosen) and fine.error("f1") < 1e-10
    assert np.max(np.abs(fine.scalar("f1") - rough.scalar("f1"))) < 5 * rough.error("f1")


def test_the_choice_does_not_depend_on_the_order_of_questions():
    prog = tp.Program("two")
    a, b, c, d = prog.vectors("a b c d")
    prog.name("s", tp.nonlin(lambda s, t, u, w: np.cos(s * t + u * w), a, b, c, d))
    first, second = tp.limit(prog, samples=2**10), tp.limit(prog, samples=2**10)
    one = first.mean("s"), first.cov("s")
    assert one == (second.cov("s"), second.mean("s"))[::-1]


def test_outputs_are_laws_not_numbers():
    prog = tp.Program("outputs")
    W, v = prog.matrix("W"), prog.vector("v")
    y = W.T @ tp.relu(W @ prog.vector("x", mean=0.5))
    prog.output("f", v, y)
    lim = tp.limit(prog)
    with pytest.raises(Misuse, match=r"f is an output.*Gaussian.*kernel\(\)"):
        lim.scalar("f")
    assert lim.kernel()[0, 0] == pytest.approx(lim.cov("c0" if "c0" in prog else y) + lim.mean(y) ** 2, rel=1e-13)
    assert lim.error("f") < 1e-12 and lim.method("f") in ("closed form", "quadrature")
    W @ v
    with pytest.raises(Misuse, match="readout of output 'f', so nothing else may use it"):
        tp.limit(prog)


def test_theorems_and_their_conditions_are_said():
    forward = tp.Program("forward")
    forward.matrix("W") @ tp.nonlin(lambda s: np.exp(s / 2), forward.vector("x"))
    lim = tp.limit(forward)
    assert lim.theorem.startswith("Netsor:") and "slower than exp" in lim.notes[0]

    def back(f):
        prog = tp.Program("back")
        W = prog.matrix("W")
        prog.name("y", W.T @ tp.nonlin(f, W @ prog.vector("x")))
        return tp.limit(prog)

    assert back(lambda s: np.exp(s / 2)).theorem.startswith("NetsorT+")
    (note,) = back(lambda s: np.exp(s / 2)).notes
    assert "polynomially bounded" in note and "grows faster" in note
    (note,) = back(lambda s: np.log1p(s * s)).notes
    assert "polynomially bounded" in note and "at its word" in note
    assert back(tp.relu).notes == back(lambda s: s**3 - s).notes == []
    assert back(lambda s: np.exp(s / 2)).mean("y") == 0


def test_rank_stability_is_watched():
    def build(scale):
        prog = tp.Program("ranks")
        W, x = prog.matrix("W"), prog.vector("x")
        y = W @ x
        W.T @ y
        theta = tp.moment(y**3)
        prog.name("z", W.T @ (scale(theta, y)))
        return tp.limit(prog)

    (note,) = build(lambda theta, y: y + theta * tp.tanh(y)).notes
    assert "rank stability" in note and "W^T" in note
    assert build(lambda theta, y: y * y + theta * tp.tanh(y)).notes == []


def test_more_than_three_gaussians():
    prog = tp.Program("five")
    x = prog.block("x", 0, np.eye(5))
    s = prog.name("s", tp.nonlin(lambda a: np.tanh((a * a).sum(axis=-1)), x))
    prog.name("m", tp.moment(s))
    lim = tp.limit(prog, samples=2**14)
    draws = np.tanh((np.random.default_rng(0).normal(size=(10**6, 5)) ** 2).sum(axis=1))
    assert abs(lim.scalar("m") - draws.mean()) < 5 * (lim.error("m") + draws.std() / 1000)
    assert lim.method("m") == "particles" and lim.error("m") > 0
    assert any("5 Gaussians at once, through f1 in s" in note for note in lim.notes)
    assert tp.limit(prog, samples=2**14).scalar("m") == lim.scalar("m")


def test_particles_answer_what_is_asked_of_an_exact_limit():
    """The program needs no expectation of four Gaussians; the questions do, and only they are answered roughly."""
    prog = tp.Program("asked")
    xs = prog.vectors("a b c d", mean=0.3, cov=np.diag([1.0, 0.5, 2.0, 1.2]))
    prog.name("s", tp.nonlin(lambda a, b, c, d: np.cos(a + b + c * d), *xs))
    prog.output("f", prog.vector("v"), prog["s"])
    prog.name("m", tp.moment(tp.tanh(xs[0])))
    lim = tp.limit(prog, samples=2**14)
    assert lim.method("m") == "quadrature" and [n for n in lim.notes if "word" not in n] == []
    rng = np.random.default_rng(1)
    a, b, c, d = 0.3 + rng.standard_normal((4, 10**6)) * np.sqrt([[1.0], [0.5], [2.0], [1.2]])
    draws = np.cos(a + b + c * d)
    for value, error, truth in (
        (lim.mean("s"), lim.error("s"), draws),
        (lim.kernel()[0, 0], lim.error("f"), draws**2),
        (*(getattr(lim.expect(lambda s: s * s, "s"), k) for k in ("value", "error")), draws**2),
    ):
        assert abs(value - truth.mean()) < 5 * (error + truth.std() / 1000)
    assert lim.method("s") == lim.method("f") == "particles"
    assert sum("Particles answer" in note for note in lim.notes) == 1
    assert lim.sample(10)["s"].shape == (10,)


def _five_gaussians():
    prog = tp.Program("five")
    xs = prog.vectors("a b c d e", cov=1.2 * np.eye(5))
    prog.name("m", tp.moment(lambda a, b, c, d, e: np.sin(a + b * c) * np.cos(d * e) + a * a, *xs))
    return prog


def test_a_tolerance_buys_points_where_particles_are_taken():
    exact = 1.2  # of a^2; the rest changes sign with a and b
    loose, tight = (tp.limit(_five_gaussians(), tol=tol) for tol in (0.05, 2e-4))
    size = np.sqrt(3 * 1.2**2 + 1)  # bounds the root mean square of what is averaged
    assert tight.error("m") <= 2e-4 * size and tight.error("m") < loose.error("m")
    assert abs(tight.scalar("m") - exact) < 5 * tight.error("m")
    assert tight.method("m") == "particles"


def test_a_tolerance_holds_for_questions_that_come_later(monkeypatch):
    def psi(a, b, c, d, e):
        return np.sin(a + b * c) * np.cos(d * e) + a * a

    size = np.sqrt(3 * 1.2**2 + 1)
    prog = tp.Program()
    prog.vectors("a b c d e", cov=1.2 * np.eye(5))
    for asked in (prog, _five_gaussians()):
        found = tp.limit(asked, tol=2e-4).expect(psi, *"abcde")
        assert found.method == "particles" and found.error <= 2e-4 * size and abs(found.value - 1.2) < 5 * found.error
    monkeypatch.setattr(many, "_MOST", 2**15)
    lim = tp.limit(prog, tol=2e-4)
    assert lim.expect(psi, *"abcde").error > 2e-4 and any("not reached" in note for note in lim.notes)
