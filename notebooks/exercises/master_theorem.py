"""Checkers of the third lecture's exercises."""

from __future__ import annotations

import math

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, array, called, function, near, number, program

RECURSION = {"mean": 2.0, "variance": 1.0, "skip": 0.5}


def recursion(answer) -> str:
    """3.1: mean and variance of z = W relu(W x) + x/2 and its covariance with W x, by the rules of the recursion."""
    values, (mean, variance, skip) = array(answer, (3,)), RECURSION.values()
    square = mean**2 + variance
    first, second = (float(tp.expect.one(lambda h, k=k: np.maximum(h, 0) ** k, square)) for k in (1, 2))
    truth = np.array([skip * mean, second + skip**2 * variance, first * mean])
    if near(values, truth, 2e-3):
        return "Three rules, one for each instruction: there is nothing else in the theorem."
    if not near(values[0], truth[0], 2e-3):
        zero = " W relu(Wx) has mean zero, x/2 has not." if abs(values[0]) < 1e-9 else ""
        raise Wrong("The mean does not hold: means go through sums, and W x has mean zero whatever x is." + zero)
    if not near(values[1], truth[1], 2e-3):
        raise Wrong(_variance_slip(values[1], second, square, variance, skip))
    if abs(values[2]) < 1e-9:
        raise Wrong("The covariance is not zero: both are images under the same W.")
    if near(values[2], mean * float(tp.expect.one("relu", variance)), 2e-3):
        raise Wrong("The covariance: the variance of W x is E x^2, the mean of x included, and not Var x.")
    if near(values[2], truth[2] / math.sqrt(truth[1] * square), 2e-3):
        raise Wrong("The third number is a correlation; the covariance is asked for.")
    raise Wrong("The covariance does not hold: that of W x and W x' is the mean of the product of Z^x and Z^x'.")


def _variance_slip(value, second, square, variance, skip) -> str:
    if near(value, second, 2e-3):
        return "The variance lacks that of x/2, which is independent of every image under W."
    if near(value, second + skip**2 * square, 2e-3):
        return "The variance: what x/2 adds is its variance, not its mean square."
    if near(value, variance / 2 + skip**2 * variance, 2e-3):
        return "The variance: that of W x is E x^2, the mean of x included, and not Var x."
    if near(value, square + skip**2 * variance, 2e-3):
        return "The variance: relu sets half of the coordinates to zero."
    return "The variance does not hold: that of W h is E h^2 with h = relu(Z), Z the Gaussian of W x."


SQUARE, INNER = 2.0, 1.0  # E x^2 and E x of x ~ N(1, 1)


def most_reuse(answer) -> str:
    """3.2: the correlation of W phi(W x) and W x, integrated on a grid, against the bound of Cauchy and Schwarz."""
    phi = function(answer)
    z = math.sqrt(SQUARE) * np.linspace(-12, 12, 24_001)
    weight = np.exp(-(z**2) / (2 * SQUARE))
    weight /= weight.sum()
    try:
        values = np.broadcast_to(np.asarray(called(phi, z), float), z.shape)
    except (TypeError, ValueError):
        raise Wrong("phi takes an array and returns numbers, one for each of its entries or one for all.") from None
    if not np.isfinite(values).all():
        raise Wrong("Some values of phi are not finite.")
    size = float(weight @ values**2)
    if size == 0:
        raise Wrong("phi is zero there, and then W phi(W x) is zero: it has no correlation with anything.")
    if not math.isfinite(size) or max(weight[0] * values[0] ** 2, weight[-1] * values[-1] ** 2) > 1e-9 * size:
        raise Wrong("phi grows so fast that its square has no mean.")
    reached = float(weight @ values) * INNER / math.sqrt(size * SQUARE)
    best = INNER / math.sqrt(SQUARE)
    if reached > best - 1e-6:
        return "By the inequality of Cauchy and Schwarz nothing gives more: correlation 0.71."
    if reached < -best + 1e-6:
        raise Wrong("As strong as can be, but negative: the sign counts.")
    odd = " Functions with phi(-z) = -phi(z) have mean zero under a centred Gaussian." if abs(reached) < 1e-9 else ""
    close = " You are close, a step further in the same direction." if reached > best - 0.03 else ""
    raise Wrong(
        f"With that phi the correlation is {round(reached, 3) + 0.0:.3f}, and more is possible. It is "
        "E phi(Z) E x over "
        f"sqrt(E phi(Z)^2 E x^2): what does phi decide in it?{odd}{close}"
    )


MEMORY = ((0.7, 0.8, 1.3, 0.5), (-0.4, 2.0, 0.6, 3.0), (1.0, 1.0, 1.0, 1.0))


def memory(answer) -> str:
    """3.3: y = W W^T x with a rectangular W, against the interpreter's limit of that program."""
    f = function(answer)
    for case in MEMORY:
        values, truth = array(called(f, *case), (3,)), _memory(*case)
        if not near(values, truth, 1e-6):
            where = "With mean {:g}, variance {:g}, s2 = {:g}, ratio {:g}: ".format(*case)
            raise Wrong(where + _memory_slip(values, truth, *case))
    return "The copy of x counts the columns of W, the noise its rows: only the second knows the ratio."


def _memory(mean, variance, s2, ratio) -> np.ndarray:
    prog = tp.Program("W W^T x, rectangular")
    W, x = prog.matrix("W", variance=s2, rows=ratio), prog.vector("x", mean=mean, variance=variance, dim=ratio)
    prog.name("y", W @ (W.T @ x))
    limit = tp.limit(prog)
    return np.array([limit.mean("y"), limit.cov("y"), limit.cov("y", "x")])


def _memory_slip(values, truth, mean, variance, s2, ratio) -> str:
    noise = s2**2 * ratio * (mean**2 + variance)
    if near(values, [0.0, noise, 0.0]):
        return "these are the naive rule's; y remembers x."
    if not near(values[0], truth[0]):
        if ratio != 1 and near(values[0], ratio * truth[0]):
            return "the mean. Entry alpha of y has the sum over the columns of W_alpha,beta^2, n terms of size s2/n."
        return "the mean. How much of x is in y, that is, where does the sum of W_alpha,beta^2 over beta go?"
    if not near(values[2], truth[2]):
        return "the covariance with x. It comes from the copy of x alone, since the noise is independent of x."
    if near(values[1], truth[1] - noise) or near(values[1], noise):
        return "the variance has two parts, the copy of x and the noise."
    if near(values[1], truth[1] - noise + s2**2 * ratio * variance):
        return "the variance. That of W^T x comes from the mean square of x, its mean included."
    if near(values[1], truth[1] - noise + noise / ratio):
        return "the variance. W^T x is a sum over the rows of W, of which there are ratio * n."
    return "the variance. The noise is W applied to a fresh Gaussian of the variance of W^T x."


STEP = {"variance": 2.0, "threshold": 1.0}


def jump(answer) -> str:
    """3.4: E Z 1(Z > 1) for Z of variance 2, by quadrature that knows the jump."""
    value, (q, a) = number(answer), STEP.values()
    density = math.exp(-(a**2) / (2 * q)) / math.sqrt(2 * math.pi * q)
    truth = float(tp.expect.one(tp.activations.custom(lambda z: z * (z > a), kinks=(a,)), q))
    if near(value, truth, 2e-3):
        return "The derivative of a step is all in one place, and a Gaussian has a density there."
    if abs(value) < 1e-9:
        raise Wrong("The derivative of the step is zero wherever it exists, yet v is in there. Use Stein's form.")
    if near(value, density, 2e-3):
        raise Wrong("That is the coefficient of dotZ; the inner product with v has a factor E v^2 more.")
    if near(value, math.sqrt(q / (2 * math.pi)), 2e-3):
        raise Wrong("That is the value for a step at 0; this one is at 1.")
    if near(value, math.exp(-(a**2) / 2) / math.sqrt(2 * math.pi), 2e-3):
        raise Wrong("That is for Var v = 1; here W v has variance 2.")
    if near(value, 2 * truth / math.erfc(a / math.sqrt(2 * q)), 2e-3):
        raise Wrong("That is the mean of Z given Z > 1; coordinates where the step is 0 count too.")
    if abs(value - truth) < 0.1 * truth:
        raise Wrong("Close, but three digits are asked for: more draws, or the integral.")
    raise Wrong(
        "The limit is E Z step(Z - 1) with Z the Gaussian of W v: an integral from 1 to infinity, or a "
        "million draws."
    )


ORDER = 6


def antisymmetric(answer) -> str:
    """3.5: v^T B^6 v / n for B = (W - W^T)/sqrt 2: its limit, exactly, and a few draws."""
    prog = program(answer)
    _has_scalar(prog, "m", "prog.name(\"m\", tp.inner(v, x))")
    matrices = [node for node in prog.nodes if node.kind == "A"]
    if len(matrices) != 1:
        raise Wrong(f"One matrix W is used again and again; the program has {len(matrices)}.")
    if not near(matrices[0].op.variance, 1.0) or matrices[0].dim != (1.0, 1.0):
        raise Wrong("W is square with entries of variance 1/n: prog.matrix(\"W\"). Put the root of 2 into the sums.")
    ways = [node.op.transposed for node in prog.nodes if hasattr(node.op, "matrix") and hasattr(node.op, "transposed")]
    if not any(ways) or all(ways):
        raise Wrong("B needs both W and its transpose: W @ x and W.T @ x.")
    value, catalan = _limit(prog).scalar("m"), tp.spectra.catalan(ORDER // 2)
    if near(value, -catalan, 1e-9):
        if len(ways) < ORDER:
            raise Wrong("The limit is right, but not the program: B to the sixth takes more products.")
        drawn = tp.ensemble(prog, width=400, draws=32, seed=5)
        mean, error = float(drawn.mean("m")), float(drawn.std("m")) / math.sqrt(32)
        return f"At width 400 its mean is {mean:.2f} ± {error:.2f}: the eigenvalues of B are i times a semicircle's."
    raise Wrong(_antisymmetric_slip(value, catalan))


def _antisymmetric_slip(value: float, catalan: int) -> str:
    if near(value, catalan, 1e-9):
        return "The size is right, the sign is not: is it W minus its transpose, and is v on both sides the same?"
    if near(abs(value), catalan * 2 ** (ORDER // 2), 1e-9):
        return "B is divided by the root of 2, each time that it is applied."
    if any(near(abs(value), tp.spectra.catalan(k), 1e-9) for k in (ORDER // 2 - 1, ORDER // 2 + 1)):
        return "That is another power of B: it is applied six times."
    if abs(value) < 1e-9:
        return "The limit of m is zero, as for odd powers. How often is B applied?"
    return f"The limit of m is {value:.4g}, and that is not it. Has v variance 1, and is B applied to what came before?"


def own(answer) -> str:
    """3.6: a program on which the naive rule errs though its inputs are centred; both limits, then draws."""
    prog = program(answer)
    _has_scalar(prog, "theta", "prog.name(\"theta\", tp.moment(y * y)), for example")
    if prog.node("theta").shape != ():
        raise Wrong("theta must be one number.")
    if prog.fragment in ("netsor", "netsor+"):
        raise Wrong("No vector meets a transpose in it, so the naive rule has nothing to get wrong.")
    if prog.fragment == "netsort":
        raise Wrong("It looks like backpropagation, and there the naive rule is a theorem: tp.limit(prog).theorem.")
    limit, naive = _limit(prog), _limit(tp.untie(prog)).scalar("theta")
    for node in prog.nodes:
        if hasattr(node.op, "group") and np.any(limit.cov(node.name)) and np.any(limit.mean(node.name)):
            raise Wrong(f"All inputs must have mean zero; {node.name} has not.")
    truth = limit.scalar("theta")
    if abs(naive) < 1e-9:
        raise Wrong("The naive rule says 0 there: a number, please, that it gets wrong without being zero.")
    if abs(truth - naive) < 0.2 * abs(naive):
        raise Wrong(f"The naive rule says {naive:.4g}, the theorem {truth:.4g}: they differ by less than a fifth.")
    drawn = tp.ensemble(prog, width=2000, draws=32, seed=6)
    mean, error = float(drawn.mean("theta")), float(drawn.std("theta")) / math.sqrt(32)
    if abs(mean - truth) > 5 * error + 0.01 * abs(truth):
        raise Wrong(
            f"At width 2,000 theta is {mean:.4g} ± {error:.2g}, far from its limit {truth:.4g}: try a "
            "milder program."
        )
    return f"Naive rule {naive:.4g}, theorem {truth:.4g}, and width 2,000 says {mean:.4g} ± {error:.2g}."


def _has_scalar(prog: tp.Program, name: str, example: str) -> None:
    if name not in prog or prog.node(name).kind != "C":
        raise Wrong(f"The program needs a scalar called \"{name}\": {example}.")


def _limit(prog: tp.Program):
    try:
        return tp.limit(prog)
    except tp.errors.Misuse as error:
        raise Wrong(f"The program has no limit here: {error}") from None
