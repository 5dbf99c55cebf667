"""Checkers of the second lecture's exercises."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import tpcore as tp

from exercises.answers import Wrong, array, called, function, near, number, program


def inner_share(answer) -> str:
    """2.1: the integral of the density over [-1, 1]."""
    value = number(answer)
    points, weights = np.polynomial.legendre.leggauss(60)
    truth = float(weights @ tp.spectra.semicircle().pdf(points))
    if near(value, truth, 1e-3):
        return "And one draw at n = 10,000 agrees to about one eigenvalue."
    if near(value, 0.5, 1e-3):
        raise Wrong("The inner half of the support holds more than half: the density is highest in the middle.")
    if near(value, math.erf(math.sqrt(0.5)), 5e-3):
        raise Wrong("That is the Gaussian's share within one standard deviation; this law is not Gaussian.")
    if near(value, truth / 2, 1e-3):
        raise Wrong("That is one side only.")
    if near(value, 100 * truth, 1e-2):
        raise Wrong("As a share between 0 and 1, please.")
    if abs(value - truth) < 0.02:
        raise Wrong(
            "Close; three digits are asked for, and a sum over a coarse grid (or one small matrix) "
            "does not give them."
        )
    raise Wrong("Integrate law.pdf from -1 to 1, or take a difference of law.cdf.")


def crossing_pairings(answer) -> str:
    """2.2: counted one by one."""
    truth = np.array([_crossing(k) for k in range(1, 6)])
    values = array(answer, (5,))
    if near(values, truth, 1e-9):
        return "They outgrow the Catalan numbers quickly, yet each is worth only 1/n or less."
    everything = np.array([math.prod(range(1, 2 * k, 2)) for k in range(1, 6)])
    if near(values, everything, 1e-9):
        raise Wrong("These are all pairings; take away those without a crossing.")
    if near(values, everything - truth, 1e-9):
        raise Wrong("These are the pairings without a crossing; those that do cross are asked for.")
    wrong = int(np.argmax(values != truth)) + 1
    raise Wrong(
        f"The first one that does not hold is at k = {wrong}. How many pairings of {2 * wrong} points "
        "are there in all?"
    )


def _crossing(k: int) -> int:
    """How many pairings of 2k points have two chords a < c < b < d."""
    count = 0
    for pairs in _pairings(tuple(range(2 * k))):
        count += any(a < c < b < d for (a, b), (c, d) in itertools.permutations(pairs, 2))
    return count


def _pairings(points: tuple[int, ...]):
    if not points:
        yield ()
    for at in range(1, len(points)):
        for rest in _pairings(points[1:at] + points[at + 1 :]):
            yield ((points[0], points[at]), *rest)


FOURTH = 12


def fourth_moment(answer) -> str:
    """2.3: by Wick's formula summed over all indices of a matrix of that size."""
    value, n, eye = number(answer), FOURTH, np.eye(FOURTH)
    cov = (np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye)) / n
    nested = np.einsum("ijjk,klli->", cov, cov) + np.einsum("ijli,jkkl->", cov, cov)
    crossed = np.einsum("ijkl,jkli->", cov, cov)
    truth = float(nested + crossed) / n
    if near(value, truth):
        return "The limit, plus corrections in 1/n: the crossing pairing and the coincidences."
    if near(value, 2):
        raise Wrong("That is the limit, a Catalan number; at n = 12 it has not been reached.")
    if near(value, truth * n):
        raise Wrong("Divide the trace by n.")
    if near(value, 2 + 1 / n) or near(value, 2 + 1 / n**2):
        raise Wrong(
            "Off the diagonal alone this might be; the diagonal has variance 2/n, and A_ij = A_ji "
            "lets indices coincide."
        )
    if abs(value - truth) < 0.03:
        raise Wrong("Close, as a simulation is; the exact number is asked for.")
    raise Wrong(
        "Sum E[A_ij A_jk A_kl A_li] over the indices: three pairings of the four factors, each a "
        "product of two covariances."
    )


def wigner_matrix(answer) -> str:
    """2.4: shape, symmetry, law of the entries, then the spectrum against the semicircle."""
    f, n = function(answer), 600
    first, again = (np.asarray(called(f, n, seed)) for seed in (0, 1))
    first, again = array(first, (n, n)), array(again, (n, n))
    if not near(first, first.T, 1e-12):
        raise Wrong("The matrix must be symmetric: reflect one triangle.")
    if near(first, again, 1e-12):
        raise Wrong("Two seeds must give two matrices.")
    upper = first[np.triu_indices(n, 1)] * math.sqrt(n)
    error = 6 / math.sqrt(upper.size)
    if near(upper.mean(), 1.0, 0.02) or abs(upper.mean()) > 2 * error * upper.std():
        raise Wrong("The entries must have mean zero; a mean shifts one eigenvalue far out.")
    scale = float(np.mean(upper**2))
    if abs(scale - 1) > 0.05:
        doubled = " What does adding the transpose do to it?" if near(scale, 2, 0.05) else ""
        raise Wrong(f"Off the diagonal n times the variance must be 1; here it is {scale:.3g}." + doubled)
    skewness = float(np.mean(upper**3))
    if skewness < 1:
        raise Wrong("The entries should be skewed, as those of an exponential variable are; yours look symmetric.")
    gap = tp.spectra.cdf_gap(tp.spectra.semicircle(), np.linalg.eigvalsh(first), np.arange(n), n)
    if gap > 0.02:
        raise Wrong(
            "The entries look right, yet the spectrum is not the semicircle: are they independent, "
            "the diagonal small?"
        )
    return "Even skewed entries give the same law: two moments are all that matters."


def wishart_program(answer) -> str:
    """2.5: run at finite width and compared with the Marchenko-Pastur moment of order 3 at ratio 1/2."""
    prog, k, ratio = program(answer), 3, 0.5
    if "m" not in prog or prog.node("m").kind != "C":
        raise Wrong("The program needs a scalar called \"m\": prog.name(\"m\", tp.inner(v, x)).")
    shapes = [(node.op.rows, node.op.cols) for node in prog.nodes if node.kind == "A"]
    if len(shapes) != 1:
        raise Wrong(f"One matrix W is used again and again; the program has {len(shapes)}.")
    if shapes != [(ratio, 1.0)]:
        raise Wrong("W has n/2 rows and n columns: prog.matrix(\"W\", rows=0.5, cols=1).")
    truth = sum(ratio**r / (r + 1) * math.comb(k, r) * math.comb(k - 1, r) for r in range(k))
    drawn = tp.ensemble(prog, width=800, draws=64, seed=3)
    mean, error = float(drawn.mean("m")), float(drawn.std("m")) / 8
    if abs(mean - truth) < 4 * error + 0.03 * truth:
        return f"At width 800 its mean is {mean:.2f} ± {error:.2f}, the third moment of Marchenko and Pastur's law."
    products = sum(1 for node in prog.nodes if hasattr(node.op, "matrix"))
    if products != 2 * k:
        raise Wrong(f"Three times W W^T makes six products; the program has {products}.")
    raise Wrong(
        f"At width 800 its mean is {mean:.2f} ± {error:.2f}, and that is not the third moment. Which "
        "comes first, W or W^T, and what variance have v and W?"
    )


def sturm(answer) -> str:
    """2.6: against the eigenvalues of small matrices, then on a large one, timed."""
    f, generator = function(answer), np.random.default_rng(2)
    for n in (1, 2, 7, 40):
        diagonal, off = generator.standard_normal(n), generator.standard_normal(n - 1)
        values = np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
        for x in (-9.0, -0.4, 0.3, 9.0):
            count, truth = number(called(f, diagonal, off, x)), int((values < x).sum())
            if count == truth:
                continue
            if count == n - truth and x in (-9.0, 9.0):
                raise Wrong("You count the eigenvalues above x.")
            if n == 1:
                raise Wrong("Start with n = 1: is the entry below x?")
            raise Wrong(f"For a matrix of size {n} and x = {x} there are {truth} eigenvalues below, not {count:g}. "
                        "Is the off-diagonal squared, and divided by the pivot before?")
    diagonal, off = tp.spectra.tridiagonal(3000, seed=1)
    start = time.perf_counter()
    count = number(called(f, diagonal, off, 0.5))
    seconds = time.perf_counter() - start
    if count != tp.spectra.sturm_counts(diagonal, off, [0.5])[0]:
        raise Wrong(
            "Small matrices hold, but not one of size 3,000: does anything grow, or overflow? Ratios "
            "do not, determinants do."
        )
    if seconds > 0.3:
        raise Wrong(
            f"Right, but n = 3,000 took {seconds:.1f} s: no n x n matrix is needed, one pass over the "
            "diagonal is enough."
        )
    return "O(n) work, no matrix: that is how the eigenvalues of a million by a million matrix are counted."
