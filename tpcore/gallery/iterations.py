r"""Powers of random matrices and approximate message passing, as programs."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.activations import NAMED
from tpcore.gallery.example import Example
from tpcore.program.build import Program
from tpcore.program.variables import inner, moment, nonlin

tanh = NAMED["tanh"]
_LAWS = "Tensor Programs III (arXiv 2009.10685): new proofs of the semicircle and Marchenko-Pastur laws"
HIGHEST = 64


def semicircle(k: int = 6, scale: float = 1.0) -> Program:
    """v^T A^j v / n for j <= k, A = scale (W + W^T) / sqrt 2: C-vars "m1", ..., "mk".

    Parameters
    ----------
    k : int
        From 1 to 64. The limit of m_j is Catalan(j/2) scale^j for even j, 0 for odd j.
    scale : float
        A's off-diagonal entries have variance scale^2 / n.
    """
    k, scale = checks.integer("k", k, 1, HIGHEST), checks.real("scale", scale, 0.0)
    prog = Program(f"vᵀ Aʲ v / n, A = (W + Wᵀ)/√2, j ≤ {k}")
    W, v = prog.matrix("W", variance=scale**2), prog.vector("v")
    x = v
    for j in range(1, k + 1):
        x = prog.name(f"A{j}v", (W @ x + W.T @ x) * 0.5**0.5)
        prog.name(f"m{j}", inner(v, x))
    return prog


def marchenko_pastur(k: int = 4, ratio: float = 0.5) -> Program:
    """v^T (W W^T)^j v / length for j <= k, W of ratio n x n with entries N(0, 1/n): C-vars "m1", ..., "mk".

    Parameters
    ----------
    k : int
        From 1 to 64.
    ratio : float
        y, rows for a column. The limit of m_j is sum_r y^r/(r+1) C(j,r) C(j-1,r).
    """
    k, ratio = checks.integer("k", k, 1, HIGHEST), checks.real("ratio", ratio, 0.0, open_low=True)
    prog = Program(f"vᵀ (W Wᵀ)ʲ v / {ratio:g}n, j ≤ {k}")
    W, v = prog.matrix("W", variance=1.0, rows=ratio, cols=1.0), prog.vector("v", dim=ratio)
    x = v
    for j in range(1, k + 1):
        x = prog.name(f"x{j}", W @ (W.T @ x))
        prog.name(f"m{j}", inner(v, x))
    return prog


def amp(steps: int = 4, beta: float = 0.8) -> Program:
    """Bolthausen's iteration for the TAP equations of the Sherrington-Kirkpatrick model.

    x_{t+1} = beta A m_t - beta^2 (1 - <m_t^2>) m_{t-1}, m_t = tanh(x_t + h), A = (W + W^T)/sqrt 2, m_{-1} = 0.
    The subtracted (Onsager) term is dotZ, so that x_{t+1} is Gaussian with
    Cov(x_{s+1}, x_{t+1}) = beta^2 E m_s m_t: state evolution.

    Parameters
    ----------
    steps : int
        How many iterations.
    beta : float
        The inverse temperature.
    """
    steps, beta = checks.integer("steps", steps, 1, HIGHEST), checks.real("beta", beta, 0.0)
    prog = Program("Approximate message passing, SK model")
    W, h = prog.matrix("W", variance=beta**2), prog.vector("h", mean=0.3, variance=0.5)
    before, m = None, prog.name("m0", tanh(h))
    for t in range(1, steps + 1):
        x = (W @ m + W.T @ m) * 0.5**0.5
        if before is not None:
            overlap = moment(m * m)
            x = x - beta**2 * (1 - overlap) * before
        x = prog.name(f"x{t}", x)
        before, m = m, prog.name(f"m{t}", tanh(x + h))
    prog.name("q", inner(m, m))
    return prog


def spikes(u, s):
    """A sparse signal: s where u > 1, which has probability 0.16, else 0."""
    return s * (u > 1)


def soft(r, size):
    """Soft thresholding at 1.2 root mean squares."""
    return np.sign(r) * np.maximum(np.abs(r) - 1.2 * np.sqrt(size), 0)


def survives(r, size):
    """The derivative of `soft` in r."""
    return np.where(np.abs(r) > 1.2 * np.sqrt(size), 1.0, 0.0)


def compressed_sensing() -> Program:
    """Two iterations that recover a sparse signal s from y = A s + w, with 0.6 n measurements.

    r_t = A^T z_t + s_t, s_{t+1} = soft(r_t), z_{t+1} = y - A s_{t+1} + (1/0.6) <soft'(r_t)> z_t. By the Onsager
    term r_t - s is Gaussian, independent of s, of variance E z_t^2 (state evolution).
    """
    ratio = 0.6
    prog = Program("Compressed sensing by message passing")
    A = prog.matrix("A", variance=1 / ratio, rows=ratio)
    s = prog.name("s", nonlin(spikes, prog.vector("u"), prog.vector("a", variance=2.0)))
    y = prog.name("y", A @ s + prog.vector("w", variance=0.02, dim=ratio))
    z, guess = y, None
    for t in (1, 2):
        size = inner(z, z)
        back = A.T @ z
        r = prog.name(f"r{t}", back if guess is None else back + guess)
        guess = prog.name(f"s{t}", nonlin(soft, r, params=[size]))
        prog.name(f"e{t}", r - s)
        prog.name(f"mse{t}", moment((guess - s) ** 2))
        z = prog.name(f"z{t}", y - A @ guess + moment(survives, r, params=[size]) / ratio * z)
    return prog


EXAMPLES = (
    Example(
        "semicircle", "vᵀ Aᵏ v / n", "Catalan numbers come out of a program: the moments of the semicircle.",
        semicircle, ("A2v", "A4v", "A3v", "A1v", "v"), ("A2v", "v"), "netsort+",
        "It never sees a path return, so every moment is zero; in truth the even ones are 1, 2, 5, 14 and so on.",
        ("m2", "m4", "m6"), _LAWS,
    ),
    Example(
        "marchenko-pastur", "vᵀ (W Wᵀ)ᵏ v / n",
        "The spectrum of a sample covariance, one moment at a time, from the products of a program.",
        marchenko_pastur, ("x1", "x2", "x3", "v"), ("x1", "v"), "netsort+",
        "It says that all moments are zero; in truth the first is one.", ("m1", "m2", "m3", "m4"), _LAWS,
    ),
    Example(
        "amp", "AMP for the SK model",
        "Physicists subtract Onsager's term to keep each iterate Gaussian: it is exactly the memory of the matrix.",
        amp, ("x3", "x2", "x4", "x1", "m3"), ("x3", "x2"), "netsort+",
        "It finds no memory, so that subtracting Onsager's term leaves it behind as a spurious part of every iterate.",
        ("q",), "Bolthausen (arXiv 1201.2891); Bayati and Montanari (arXiv 1001.3448)",
    ),
    Example(
        "compressed-sensing", "AMP for compressed sensing",
        "A sparse signal from too few measurements: the error of each guess looks like fresh Gaussian noise.",
        compressed_sensing, ("e2", "r2", "s", "e1", "s2"), ("r2", "s"), "netsort+",
        "It says that the guess is independent of the signal, and that nothing is recovered.",
        ("mse1", "mse2"), "Donoho, Maleki and Montanari (arXiv 0907.3574); Bayati and Montanari (arXiv 1001.3448)",
    ),
)  # fmt: skip
