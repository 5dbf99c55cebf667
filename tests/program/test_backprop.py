"""`tp.grad` against central differences of the program's own values, every instruction and function."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tpcore as tp
from tests.program.test_build import EXPRESSIONS, evaluate

STEP = 1e-3
SKIP = {"boolean function"}


def values_for(prog, seed=5):
    """Arrays for all inputs, four coordinates each, bounded away from kinks and zero."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in prog.nodes:
        if node.kind == "A":
            found[node.name] = rng.normal(size=(4, 4))
        elif node.name in ("x", "y", "X", "Y", "v", "Z"):
            found[node.name] = rng.choice([-1, 1], (4, *node.shape)) * rng.uniform(0.3, 1.6, (4, *node.shape))
    return found


def slopes(prog, values, objective, name):
    """n d objective / d input, entry by entry, by fourth-order central differences."""
    base, out = values[name], np.empty(values[name].shape)
    for at in np.ndindex(base.shape):
        total = 0.0
        for j, w in ((1, 2 / 3), (2, -1 / 12)):
            for sign in (1, -1):
                moved = base.copy()
                moved[at] += sign * j * STEP
                total += sign * w * objective(evaluate(prog, values | {name: moved}))
        out[at] = total / STEP
    return 4 * out


def scene():
    prog = tp.Program("p")
    made = {"W": prog.matrix("W", 1.3), "x": prog.vector("x"), "y": prog.vector("y"), "X": prog.block("X", shape=3)}
    made["Y"] = prog.block("Y", cov=0.5, shape=(2, 3))
    return prog, made


def assert_gradients(prog, objective, cotangent=None, positive=False, rtol=2e-9):
    """tp.grad of a C-var against differences, in all inputs it depends on; how many those are."""
    back = tp.grad(prog, objective, cotangent)
    values = values_for(prog)
    if positive:
        values = {k: v if v.ndim == 2 and k == "W" else np.abs(v) for k, v in values.items()}
    index = prog.node(objective).index
    weight = 1.0 if cotangent is None else cotangent
    ran = {node.name: value for node, value in zip(back.nodes, evaluate(back, values), strict=True)}
    checked = 0
    for name in values:
        if name == "W":
            continue
        expected = slopes(prog, values, lambda done: float(np.sum(weight * done[index])), name)
        own = "d" + name
        while own in prog:
            own += "'"
        if own in ran:
            scale = max(np.abs(expected).max(), 1.0)
            np.testing.assert_allclose(ran[own], expected, rtol=rtol, atol=rtol * scale)
            checked += 1
        else:
            assert np.abs(expected).max() < 1e-9
    return checked


@pytest.mark.parametrize("case", [name for name in EXPRESSIONS if name not in SKIP])
def test_every_expression(case):
    prog, made = scene()
    result = EXPRESSIONS[case][0](made)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, result.shape)
    if result.kind == "C":
        objective = tp.scalar(lambda c: np.sum(np.sin(c) * weights), result)
    else:
        objective = tp.moment(tp.nonlin("sin", (result * weights) if result.shape else result).sum()
                              if result.shape else tp.nonlin("sin", result))
    steep = case in ("powers", "number to the power", "number divided", "array divided")
    assert assert_gradients(prog, objective, positive=case == "powers", rtol=1e-7 if steep else 2e-9) >= 1


# ---- functions --------------------------------------------------------------------------------------------------


def smooth_names():
    return [n for n, phi in tp.activations.NAMED.items() if not phi.jumps] + ["hermite(3)", "leaky_relu(0.3)"]


@pytest.mark.parametrize("name", smooth_names())
def test_every_activation(name):
    prog, v = scene()
    assert assert_gradients(prog, tp.moment(tp.nonlin(name, v["x"]) * v["y"])) == 2


def no_duals(s, t):
    """Leaves NumPy's functions, so that only differences are left."""
    return np.vectorize(lambda a, b: float(np.sin(a) * b + np.exp(0.3 * b)))(s, t)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def batchnorm(h):
    return (h - h.mean(axis=-1, keepdims=True)) / np.sqrt(h.var(axis=-1, keepdims=True) + 0.1)


FUNCTIONS = {
    "two arguments": lambda v: tp.nonlin(lambda s, t: s * np.tanh(t), v["x"], v["y"]),
    "by differences": lambda v: tp.nonlin(no_duals, v["x"], v["y"]),
    "ranks": lambda v: tp.nonlin(lambda s, t: np.sin(s) * t**2, v["X"], v["Y"]),
    "a user's activation": lambda v: tp.activations.custom(lambda s: s * np.exp(-s))(v["x"]),
    "a user's activation with its derivative": lambda v: tp.activations.custom(np.exp, df=np.exp)(v["x"]),
    "softmax over a block": lambda v: tp.nonlin(softmax, v["Y"]) * v["Y"],
    "batch normalization": lambda v: tp.nonlin(batchnorm, v["X"]) * v["x"],
    "a reduction": lambda v: tp.nonlin(lambda a: (a**2).sum(-1), v["Y"]),
    "columns of two blocks meet": lambda v: tp.nonlin(lambda a, b: a[..., ::-1] * b, v["X"], v["Y"]),
    "where": lambda v: tp.nonlin(lambda s: np.where(s > 0, s**2, -s), v["x"]),
    "layer normalization": lambda v: tp.nonlin(
        lambda s, m, q: (s - m) / np.sqrt(q + 0.2), v["X"], params=[tp.moment(v["X"]), tp.moment(v["X"] ** 2)]),
    "one parameter for a block": lambda v: tp.nonlin(
        lambda s, c: np.sin(s * c), v["Y"], params=[tp.moment(v["x"] ** 2)]),
    "parameters that mix": lambda v: tp.nonlin(
        lambda s, c: np.tanh(s @ c), v["X"], params=[tp.inner(v["X"], v["X"])]),
    "attention": lambda v: v["X"] @ tp.scalar(softmax, tp.inner(v["X"], v["X"])),
    "a block by one axis of scalars": lambda v: v["Y"] @ tp.inner(v["X"], v["x"]),
    "a block of two axes by scalars": lambda v: v["Y"] @ tp.inner(v["X"], v["X"]),
    "scalars on both sides": lambda v: tp.moment(v["x"] ** 2) - v["X"] / tp.moment(v["X"] ** 2),
    "a power of two vectors": lambda v: (v["x"] ** 2) ** v["y"],
    "scalar to a power": lambda v: v["x"] * 2 ** tp.moment(v["X"]).sum(),
}


@pytest.mark.parametrize("case", list(FUNCTIONS))
def test_functions(case):
    prog, v = scene()
    result = FUNCTIONS[case](v)
    rng = np.random.default_rng(7)
    weighted = tp.nonlin("sin", result * rng.uniform(0.5, 1.5, result.shape) if result.shape else result)
    objective = tp.moment(weighted.sum() if weighted.shape else weighted)
    assert assert_gradients(prog, objective, rtol=1e-7) >= 1


SCALARS = {
    "matrix product": lambda a, b: a @ b,
    "array from the left": lambda a, b: np.arange(9.0).reshape(3, 3) @ a * b,
    "array from the right": lambda a, b: b - a @ np.arange(9.0).reshape(3, 3) / 4,
    "powers and ratios": lambda a, b: (a + 4) ** 1.5 / (b + 3) - 2.0 / (a + 5) + (a + 4) ** 2,
    "two powers": lambda a, b: (a + 4) ** b,
    "softmax": lambda a, b: tp.scalar(softmax, a) * b[0],
    "a function of two": lambda a, b: tp.scalar(lambda s, t: np.tanh(s) * t.sum(), a, b),
    "sums": lambda a, b: a.sum(0) * b.mean(1) - a.mean(),
    "items": lambda a, b: a[1, :2] + b[0, 0] * a[:, 2][:2],
    "stacks": lambda a, b: tp.stack([a, 2 * b, a[0, 0]]),
    "activation": lambda a, b: tp.tanh(a) - tp.gelu(b),
    "differences": lambda a, b: tp.scalar(lambda s: np.vectorize(lambda x: float(np.sin(x)))(s), a) * b,
}


@pytest.mark.parametrize("case", list(SCALARS))
def test_scalars(case):
    prog, v = scene()
    result = SCALARS[case](tp.inner(v["X"], v["X"]), tp.inner(v["X"], v["Y"].reshape(-1)[2:5]))
    weights = np.random.default_rng(8).uniform(0.5, 1.5, result.shape)
    assert assert_gradients(prog, tp.scalar(lambda c: np.sum(c * weights), result), rtol=1e-7) == 2
    assert assert_gradients(prog, result, cotangent=weights, rtol=1e-7) == 2


def test_moments_of_functions_and_parameters():
    prog, v = scene()
    m = tp.moment(lambda s, t: np.sin(s) * t**2, v["x"], v["X"])
    c = tp.moment(lambda s, q: np.exp(-s * q), v["Y"], params=[m])
    mixed = tp.moment(lambda h, q: batchnorm(h) * q, v["X"], params=[m])
    named = tp.moment("tanh", v["y"])
    assert assert_gradients(prog, c.sum() * mixed.sum() + named, rtol=1e-7) == 4


# ---- programs ---------------------------------------------------------------------------------------------------


def recurrent(prog, v):
    """The same matrix three times, its transpose once."""
    s = tp.tanh(v["X"])
    for _ in range(2):
        s = prog.name(f"s{len(prog.nodes)}", tp.tanh(v["W"] @ s + v["x"]))
    return tp.inner(v["W"].T @ s[0], tp.erf(v["W"] @ v["y"]))


def test_tied_weights_and_transposes():
    prog, v = scene()
    assert assert_gradients(prog, recurrent(prog, v)) == 3


def test_the_gradient_in_a_matrix_is_the_sum_over_its_uses():
    """dF/dW = sum of left right^T / n over the recorded uses, against differences in the entries of W."""
    from tpcore.program.backprop import ancestors, seed
    from tpcore.program.tape import Tape

    prog, v = scene()
    objective = recurrent(prog, v)
    values = values_for(prog)
    back = prog.copy()
    tape = Tape(back, ancestors(back.nodes, [objective.index]))
    seed(tape, None, objective.index, np.ones(()))
    tape.run()
    ran = evaluate(back, values)
    found = sum(np.tensordot(ran[u.left.index].reshape(4, -1), ran[u.right.index].reshape(4, -1), (1, 1)) / 4
                for u in tape.matrix_uses)
    expected = slopes(prog, values, lambda done: float(done[objective.index]), "W") / 4
    assert len(tape.matrix_uses) == 4
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_an_output_of_a_batch():
    """sqrt(n) df/dv, entry by entry and with cotangents, against NumPy's own chain rule."""
    prog = tp.Program("net")
    h1, W, v = prog.block("Z", cov=0.7, shape=3), prog.matrix("W", 1.3), prog.vector("v", variance=2.0)
    x1 = prog.name("x1", tp.tanh(h1))
    h2 = prog.name("h2", W @ x1)
    prog.output("f", v, prog.name("x2", tp.erf(h2)))
    prog.output("g", prog.vector("u"), x1)
    rng = np.random.default_rng(4)
    values = {"W": rng.normal(size=(4, 4)), "Z": rng.normal(size=(4, 3)), "v": rng.normal(size=4), "u": np.ones(4)}
    A, Z, V = values["W"], values["Z"], values["v"]
    for cotangent in (None, np.array([0.5, -1.0, 2.0]), 3.0):
        c = np.ones(3) if cotangent is None else np.broadcast_to(cotangent, 3)
        back = tp.grad(prog, "f", cotangent)
        ran = {n.name: x for n, x in zip(back.nodes, evaluate(back, values), strict=True)}
        dh2 = V[:, None] * c * 2 / np.sqrt(np.pi) * np.exp(-((A @ np.tanh(Z)) ** 2))
        np.testing.assert_allclose(ran["dh2"], dh2, rtol=1e-12)
        np.testing.assert_allclose(ran["dZ"], A.T @ dh2 / np.cosh(Z) ** 2, rtol=1e-12)
        np.testing.assert_allclose(ran["dv"], (ran["x2"] * c).sum(1), rtol=1e-12)
        assert ran["dx2"].shape == (4, 3) and list(back.outputs) == ["g"] and list(prog.outputs) == ["f", "g"]


def test_a_cotangent_may_be_a_scalar_of_the_program():
    prog, v = scene()
    f = prog.name("f", tp.moment(tp.tanh(v["X"]) * v["x"]))
    chi = prog.name("chi", (f - np.array([1.0, 0.0, -1.0])) / 3)
    loss = ((f - np.array([1.0, 0.0, -1.0])) ** 2).mean() / 2
    values = values_for(prog)
    ran = []
    for back in (tp.grad(prog, f, "chi"), tp.grad(prog, "f", chi), tp.grad(prog, loss)):
        ran.append({n.name: x for n, x in zip(back.nodes, evaluate(back, values), strict=True)})
    for name in ("dX", "dx"):
        np.testing.assert_allclose(ran[0][name], ran[2][name], rtol=1e-12)
        np.testing.assert_allclose(ran[1][name], ran[2][name], rtol=1e-12)


def test_dimensions_that_differ():
    """n = 8: vectors of length 8 and 4, W 4 x 8; n times the derivative whatever the length."""
    prog = tp.Program("rectangular")
    x, W = prog.vector("x", variance=1.2), prog.matrix("W", 1.5, rows=0.5)
    y = prog.name("y", tp.tanh(W @ x))
    u = prog.vector("u", dim=0.5)
    m = tp.moment(y**2)
    z = prog.name("z", tp.nonlin(lambda s, c: s * c, W.T @ (y * m), params=[tp.inner(u, y)]))
    objective = tp.inner(z, x) + tp.moment(y)
    back = tp.grad(prog, objective)
    assert back.node("dy").dim == 0.5 and back.node("dx").dim == 1.0
    rng = np.random.default_rng(3)
    A, X, U = rng.normal(size=(4, 8)), rng.normal(size=8), rng.normal(size=4)

    def value(a, s, t):
        y = np.tanh(a @ s)
        return np.mean((a.T @ (y * np.mean(y**2))) * (t @ y / 4) * s) + y.mean()

    ones = {n.name: np.ones(4 if n.dim == 0.5 else 8) for n in back.nodes if n.name.startswith("1")}
    done = evaluate(back, {"W": A, "x": X, "u": U, **ones}, {0.5: 4, 1.0: 8})
    done = {n.name: value for n, value in zip(back.nodes, done, strict=True)}
    for name, arrays in (("x", (A, X, U)), ("u", (A, X, U))):
        k = 1 if name == "x" else 2
        expected = np.empty(len(arrays[k]))
        for i in range(len(expected)):
            moved = [list(arrays), list(arrays)]
            for sign, args in zip((1, -1), moved, strict=True):
                args[k] = args[k].copy()
                args[k][i] += sign * 1e-5
            expected[i] = 8 * (value(*moved[0]) - value(*moved[1])) / 2e-5
        np.testing.assert_allclose(done["d" + name], expected, rtol=1e-7, atol=1e-8)


def test_second_derivatives():
    """grad of a function of grad's lines: a Hessian-vector product, through every kind of line."""
    prog, v = scene()
    m = tp.moment(v["X"] ** 2)
    z = tp.nonlin(lambda s, q: np.sin(s) / np.sqrt(q + 1), v["W"] @ tp.tanh(v["X"]), params=[m])
    first = tp.inner(z @ np.array([1.0, -0.5, 2.0]), tp.gelu(v["W"].T @ v["y"]))
    first = first + tp.moment(tp.nonlin(softmax, v["X"])[1] ** 3)
    back = tp.grad(prog, first)
    objective = tp.moment(back["dX"] ** 2).sum() + tp.inner(back["dy"], back["x"])
    objective = objective + tp.moment(back["dX"] * back["y"])[0]
    assert assert_gradients(back, objective, rtol=1e-6) == 3


def test_only_what_is_asked_for():
    prog, v = scene()
    objective = tp.moment(tp.tanh(v["x"]) * (v["W"] @ v["y"]))
    assert {"dx", "dy"} <= set(n.name for n in tp.grad(prog, objective).nodes)
    only = tp.grad(prog, objective, wrt="x")
    assert "dx" in only and "dy" not in only and not any(n.name.startswith("dg") for n in only.nodes)
    assert "dy" in tp.grad(prog, objective, wrt=[v["y"]])


# ---- the result as a program ------------------------------------------------------------------------------------


def net():
    return tp.nets.MLP(depth=2, phi="tanh", sigma_w=1.3, sigma_b=0.2).program(np.eye(3))


def test_the_listing_reads_like_backpropagation():
    prog = net()
    before = str(prog)
    back = tp.grad(prog, "f")
    text = str(back)
    assert str(prog) == before
    for line in ("dh2 := dx2 * x2'", "x2' := tanh'(h2)", "dx1 := W2\u1d40 dh2", "dh1 := dx1 * x1'", "db2 := sum(dh2)"):
        assert line in text, text
    assert back.fragment == "netsort" and "backward" in text.split("\n")[0]


def test_it_has_both_meanings_and_travels():
    back = tp.grad(net(), "f")
    again = pickle.loads(pickle.dumps(back))
    run, same = tp.run(back, 300, seed=2), tp.run(again, 300, seed=2)
    for name in ("dh1", "dx1", "dv"):
        assert np.array_equal(run[name], same[name])
    phi = np.tanh(run["h1"])
    np.testing.assert_allclose(run["dh1"], run["dx1"] * (1 - phi**2), rtol=1e-12)
    # <dh2, W x1> = <W^T dh2, x1>, whatever method did the products
    for method in ("dense", "lazy"):
        run = tp.run(back, 300, seed=2, method=method)
        np.testing.assert_allclose(run["dh2"].T @ (run["h2"] - run["b2"][:, None]), run["dx1"].T @ run["x1"],
                                   atol=1e-9 * 300)


def test_names_that_are_taken_get_a_prime():
    prog = tp.Program("p")
    x = prog.vector("x")
    dx = prog.vector("dx")
    back = tp.grad(prog, tp.moment(tp.tanh(x) * dx))
    assert isinstance(back.node("dx").op, type(back.node("x").op)) and "dx'" in back and "ddx" in back


def test_kinks_take_the_activation_s_side_and_jumps_are_refused():
    prog, v = scene()
    for phi in ("step", "sign"):
        with pytest.raises(tp.errors.ProgramError, match="jump") as error:
            tp.grad(prog, tp.moment(tp.nonlin(phi, v["x"])))
        assert phi in str(error.value) and "erf" in str(error.value)
    with pytest.raises(tp.errors.ProgramError, match="jumps"):
        tp.grad(prog, tp.moment(lambda s: np.where(s > 0, 1.0, 0.0), v["x"]))
    with pytest.raises(tp.errors.ProgramError, match="jump"):
        back = tp.grad(prog, tp.moment(tp.relu(v["x"]) * v["y"]))
        tp.grad(back, tp.moment(back["dx"] * back["y"]))


def test_misuse_in_words():
    prog, v = scene()
    x = prog.name("h", v["W"] @ v["x"])
    theta = prog.name("theta", tp.moment(tp.tanh(x)))
    prog.output("f", prog.vector("v"), x)
    for call, words in [
        (lambda: tp.grad(prog, "tehta"), "Did you mean 'theta'"),
        (lambda: tp.grad(prog, "W"), "A-var"),
        (lambda: tp.grad(prog, v["W"]), "parameter"),
        (lambda: tp.grad(prog, "h"), "tp.moment(h)"),
        (lambda: tp.grad(prog, 3.0), "float 3.0"),
        (lambda: tp.grad(prog, "f", [1.0, 2.0]), "shape ()"),
        (lambda: tp.grad(prog, "f", "h"), "cotangent must be a C-var"),
        (lambda: tp.grad(prog, "f", np.nan), "finite"),
        (lambda: tp.grad(prog, "f", wrt="nothing"), "nothing"),
        (lambda: tp.grad("f", prog), "tensor program is needed"),
        (lambda: tp.grad(tp.Program("q"), theta), "belong"),
    ]:
        with pytest.raises(tp.errors.Misuse) as error:
            call()
        assert words in str(error.value), str(error.value)
