"""Checkers of the fifth lecture's exercises."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, called, function, near, number, program

DEVIATION = 0.01


def throws(answer) -> str:
    """5.1: from the variance of the faces, added up."""
    value, faces = number(answer), [Fraction(face) for face in range(1, 7)]
    mean = sum(faces) / 6
    variance = float(sum((face - mean) ** 2 for face in faces) / 6)
    truth = variance / DEVIATION**2
    if abs(value - truth) < 1.5:
        return "A hundred times more throws for each further digit: the price of the square root."
    if near(value, variance / DEVIATION, 0.01):
        raise Wrong("The variance of the mean is sigma^2 / N; 0.01 is a standard deviation. Square it.")
    if near(value, variance**0.5 / DEVIATION, 0.01):
        raise Wrong("The deviation of the mean falls like 1/sqrt(N), not like 1/N.")
    second = float(sum(face**2 for face in faces) / 6)
    if near(value, second / DEVIATION**2, 0.01):
        raise Wrong("That is with E X^2; the variance is E X^2 - (E X)^2.")
    if near(value, 2.5 / DEVIATION**2, 0.001) or near(value, 3.5 / DEVIATION**2, 0.001):
        raise Wrong("Almost: look at the variance of one throw again, the mean of six squared distances from 3.5.")
    if abs(value - truth) < 0.05 * truth:
        raise Wrong("Close, as a simulation is; the number follows from the variance of one throw.")
    raise Wrong("Which N makes sigma / sqrt(N) equal to 0.01? The variance of one throw stands in section 1.")


FOURTH = 9


def fourth_moment(answer) -> str:
    """5.2: the fourth moment of standardized sums, by adding exponential terms one at a time."""
    f, counts = function(answer), (1, 2, 3, 20)
    truth = {}
    second = fourth = Fraction(0)
    for n in range(1, max(counts) + 1):
        second, fourth = second + 1, fourth + 6 * second + FOURTH
        truth[n] = float(fourth / second**2)
    values = np.array([number(called(f, n)) for n in counts])
    exact = np.array([truth[n] for n in counts])
    if near(values, exact):
        return "Words of two pairs carry the 3; words of four equal letters, and the pairs they displace, the 1/N."
    if near(values, 3):
        raise Wrong("That is the limit; at N = 1 it must be the fourth central moment of one term.")
    if near(values, exact - 3):
        raise Wrong("That is the excess over the Gaussian's value; the moment itself is asked for.")
    if near(values, 3 + FOURTH / np.array(counts)):
        raise Wrong("Words of two pairs need two different letters: there are N (N - 1) choices, not N^2.")
    if near(values, exact * np.array(counts) ** 2):
        raise Wrong("That is the moment of the sum; Z is the sum divided by sqrt(N).")
    if not near(values[0], FOURTH):
        raise Wrong("Start with N = 1: there Z is one term, less its mean.")
    raise Wrong("Right at N = 1. For larger N: how many words are two pairs, and how many four equal letters?")


def _pairings(points: tuple[int, ...]):
    if not points:
        yield ()
    for at in range(1, len(points)):
        for rest in _pairings(points[1:at] + points[at + 1 :]):
            yield ((points[0], points[at]), *rest)


def _free(pairs) -> int:
    """Free indices of a glued polygon: classes of equal indices, found by joining them."""
    k = 2 * len(pairs)
    name = list(range(k))
    for a, b in pairs:
        for one, other in ((a, (b + 1) % k), ((a + 1) % k, b)):
            old, new = name[one], name[other]
            name = [new if each == old else each for each in name]
    return len(set(name))


def crossings(answer) -> str:
    """5.3: on all pairings of up to eight points; zero exactly where the surface is a sphere."""
    f = function(answer)
    for k in range(1, 5):
        for pairs in _pairings(tuple(range(2 * k))):
            truth = sum(a < c < b < d or c < a < d < b for (a, b), (c, d) in itertools.combinations(pairs, 2))
            value = number(called(f, [tuple(pair) for pair in pairs]))
            if value == truth:
                continue
            where = "For " + ", ".join(f"{a}-{b}" for a, b in pairs)
            if truth and value == 2 * truth:
                raise Wrong(f"{where} each crossing is counted twice.")
            if truth > 1 and value == 1:
                raise Wrong(f"{where} there are several: whether any two cross is not the question.")
            if _free(pairs) == k + 1:
                raise Wrong(f"{where} no two chords cross: one that lies inside another does not cross it.")
            raise Wrong(f"{where} the count does not hold. Draw the points on a circle, in order.")
    return "And it is zero exactly where the handles of section 4 are: planar means no crossing."


def tenth_moment(answer) -> str:
    """5.4: every one of the 945 pairings glued by hand."""
    f, sizes = function(answer), (1, 2, 5, 30)
    free = [_free(pairs) for pairs in _pairings(tuple(range(10)))]
    truth = np.array([sum(float(n) ** (v - 6) for v in free) for n in sizes])
    values = np.array([number(called(f, n)) for n in sizes])
    if near(values, truth):
        return "945 at n = 1, where the matrix is a number; 42 in the limit, where it is a semicircle."
    if near(values, truth[0]):
        raise Wrong("Those are all pairings, each counted once; a handle costs n^(-2).")
    if near(values, tp.spectra.catalan(5)):
        raise Wrong("That is the limit; pairings with a crossing count too, for less.")
    if near(values, truth * np.array(sizes)):
        raise Wrong("Divide the trace by n.")
    if near(values, [sum(float(n) ** ((v - 6) / 2) for v in free) for n in sizes]):
        raise Wrong("A handle takes two corners away, so it costs n^(-2), not n^(-1).")
    if not near(values[0], truth[0]):
        raise Wrong("At n = 1 the matrix is one standard Gaussian number; what is its tenth moment?")
    raise Wrong("Right at n = 1. For larger n a pairing is worth n^(V - k/2 - 1): what is k here, and V?")


def two_steps(answer) -> str:
    """5.5: the limit of the program, against Gaussian coordinates whose variance is the semicircle's fourth moment."""
    prog = program(answer)
    if "m" not in prog or prog.node("m").kind != "C":
        raise Wrong("The program needs a scalar called \"m\": prog.name(\"m\", tp.moment(...)).")
    matrices = [node for node in prog.nodes if node.kind == "A"]
    if len(matrices) != 1 or not near(matrices[0].op.variance, 1.0):
        raise Wrong(f"One matrix of variance 1 is used throughout; the program has {len(matrices)}.")
    try:
        value = float(np.asarray(tp.limit(prog).scalar("m")))
    except tp.errors.Misuse as error:
        raise Wrong(f"The program has no limit here: {error}") from None
    second = float(tp.spectra.semicircle().moment(4))
    products = sum(1 for node in prog.nodes if hasattr(node.op, "matrix"))
    if near(value, 3 * second**2) and products == 4:
        return "Both at once: given A, a coordinate is a sum, Gaussian; its variance (A^4)_aa is the matrix's."
    if products != 4:
        raise Wrong(f"A^2 v takes four products, two with W and two with its transpose; the program has {products}.")
    if near(value, second):
        raise Wrong("That is the average of squares; fourth powers are asked for.")
    if near(value, float(tp.spectra.semicircle().moment(8))):
        raise Wrong("That is v^T A^8 v: take fourth powers of the coordinates, do not multiply on.")
    raise Wrong("The limit of \"m\" is not that of the fourth power of A^2 v. Is A = (W + W^T) / sqrt(2), both "
                "times, and is v of variance 1 and mean 0?")  # fmt: skip


NU = 1.5


def heavy_rate(answer) -> str:
    """5.6: the exponent, from medians drawn at large N."""
    value = number(answer)
    counts = (10**4, 10**5, 10**6)
    medians = [np.median(np.abs(tp.sums.draw("student", n, draws=40_000, seed=3, nu=NU))) / n for n in counts]
    truth = tp.agreement.slope(counts, medians).slope
    exact = 1 / NU - 1
    assert abs(truth - exact) < 0.01
    if abs(value - exact) < 0.011:
        return "Slower than any mean with a variance: four times the terms do not even buy a factor of 1.6."
    if near(value, -0.5, 0.02):
        raise Wrong("That is with a variance; this one is infinite, and S grows faster than sqrt(N).")
    if near(value, -exact, 0.03):
        raise Wrong("It falls, so r is negative.")
    if near(value, 1 / NU, 0.02):
        raise Wrong("So grows S; S / N is asked for.")
    if near(value, -1 / NU, 0.02):
        raise Wrong("S grows like N^(1/nu); divide that by N.")
    raise Wrong("Draw medians at N = 10^4 and 10^6 with tp.sums.draw(\"student\", N, nu=1.5) and compare.")
