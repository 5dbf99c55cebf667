"""`tp.limit`: which engine takes a program to its limit.

Exact computation (`tpcore.limit.rules`) is better wherever it reaches: every
expectation in closed form or over at most three Gaussians, within a budget of
work that is counted, not clocked, so that the choice is the same everywhere.
All else goes to particles (`tpcore.limit.particles`), which take any program.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.limit.budget import Beyond, Budget, TooLong
from tpcore.limit.known import Known
from tpcore.limit.law import Limit
from tpcore.limit.particles.interpret import particles
from tpcore.limit.rules import symbolic
from tpcore.limit.symbolic import SymbolicLimit
from tpcore.limit.watch import Watch
from tpcore.program.check import check_program
from tpcore.program.ops import Function, Node

QUICK = 0.1


def limit(
    prog,
    seed: int = 0,
    samples: int | None = None,
    tol: float | None = None,
    progress: Progress | Callable[[int, int], None] | None = None,
) -> Limit:
    """The law of a program's vectors at infinite width.

    (1/n) sum_alpha psi(g^1_alpha, ..., g^M_alpha) tends to E psi(Z^1, ..., Z^M) almost surely; the result knows
    the law of Z. Every program of the language has one: Netsor, Netsor+ and BP-like ones by the Gaussian recursion,
    those that use a matrix and its transpose in any way by Z^{Wx} = hatZ + dotZ. ``lim.theorem`` tells which and why.

    Parameters
    ----------
    prog : Program
    seed : int
        Of the particles, where they are needed.
    samples : int, optional
        How many particles to take where expectations are not exact: 64 or more, 2^16 by default. Nothing else depends
        on it.
    tol : float, optional
        Accuracy asked of every expectation, relative to the size (root mean square) of what is averaged. The exact way
        is taken where it does not take long for so little (quadrature aims at 1e-11 in any case); particles are as
        many as that needs, where `samples` does not say. ``notes`` tells where the accuracy was missed.
    progress : Progress or callable ``(done, total)``, optional
        Counts lines of the program; starts anew where particles take over, times their scramblings.

    Returns
    -------
    Limit
        With ``mean``, ``cov``, ``corr``, ``expect``, ``scalar``, ``kernel``, ``sample``; ``method(name)`` and
        ``error(name)``; ``notes`` in words. All numbers are in the units of the coordinates: variances per
        coordinate, C-vars as averages over coordinates.

    Raises
    ------
    Misuse
        What has no limit: an expectation that is not finite, 0 / 0, a readout that is used elsewhere.
    Cancelled
        Soon after the caller asks `progress` to stop.

    Notes
    -----
    Errors are absolute: rounding for closed forms; for quadrature the change in the last refinement, which bounds the
    error where functions are smooth or their kinks known. Kinks hidden in a function of two vectors leave 1e-8 of
    what is averaged, in one of three 1e-5 to 1e-2, with a 95 % interval as the error. Of particles, 95 % of the truths
    lie within two errors, which fall about like N^-0.75.

    Cost: a second at most is spent on exactness without a `tol`, up to half a minute with one below 1e-5. The choice
    counts operations and not the clock, so that it is the same on every machine. Particles take time ~ N M^2 and memory
    ~ 16 N M bytes for M Gaussians.

    Sources: Tensor Programs I (arXiv 1910.12478), theorem 5.4 and appendices C and F; Tensor Programs II
    (2006.14548), appendix A.3; Tensor Programs III (2009.10685), section 2.
    """
    seed = checks.integer("seed", seed, 0)
    if samples is not None:
        samples = checks.integer("samples", samples, 64, 2**26)
    if tol is not None:
        tol = checks.real("tol", tol, 0.0, 1.0, open_low=True)
    check_program(prog)
    progress = as_progress(progress)
    watch = Watch(progress)
    try:
        watch.start(len(prog.nodes))
        return Chosen(exact(prog, tol, watch), seed, samples, tol)
    except Beyond as reason:
        found = particles(prog, seed, samples, tol, progress)
        found.note(f"Found with particles: exactly, there would be {reason.came}.")
        return found
    finally:
        watch.end()


def exact(prog, tol: float | None = None, watch: Watch | None = None) -> SymbolicLimit:
    """The exact limit.

    A program that is not done in no time is first gone through with rough integrals, which shows whether an
    expectation of many Gaussians waits further down and how long all of it will take.

    Raises
    ------
    Beyond
        Where that is out of reach, or not worth the work.
    """
    watch = watch or Watch()
    try:
        return symbolic(prog, Budget(QUICK, tol, watch=watch))
    except TooLong:
        outline = Budget(3 * QUICK, tol, rough=True, worth=patience(tol), watch=watch)
    try:
        symbolic(prog, outline)
    except TooLong:
        outline.predict((outline.spent + outline.predicted) * (1 / max(outline.done, 1e-9) - 1))
    return symbolic(prog, Budget(patience(tol, outline.predicted), tol, watch=watch))


def patience(tol: float | None, predicted: float = np.inf) -> float:
    """Nominal seconds that exactness is worth, where so many are foreseen; three or four are a second of one core."""
    if tol is not None and tol < 1e-5:
        return 60.0
    return min(5.0 if tol is None else 1.0, 2 * predicted + 10 * QUICK)


class Chosen(Limit):
    """An exact limit, with particles for the questions that are beyond it."""

    def __init__(self, found: SymbolicLimit, seed: int, samples: int | None, tol: float | None):
        super().__init__(found._prog, found._nodes, found._said)
        self._exact, self._asked, self._cloud = found, (seed, samples, tol), None

    def _either(self, what: str, *args):
        """The exact answer, or that of the particles."""
        try:
            self._exact.allow(patience(self._asked[2]))
            return getattr(self._exact, what)(*args)
        except Beyond as reason:
            if self._cloud is None:
                self._cloud = particles(self._prog, *self._asked)
                self.note(f"Particles answer what exactly would take {reason.came}.")
            found = getattr(self._cloud, what)(*args)
            for sentence in self._cloud.notes:
                self.note(sentence)
            return found

    def _mean(self, node: Node) -> Known:
        return self._either("_mean", node)

    def _cov(self, x: Node, y: Node) -> Known:
        return self._either("_cov", x, y)

    def _inner(self, x: Node, y: Node) -> Known:
        return self._either("_inner", x, y)

    def _value(self, node: Node) -> Known:
        return self._either("_value", node)

    def _expectation(self, function: Function, nodes: list[Node], shape: tuple[int, ...]) -> Known:
        return self._either("_expectation", function, nodes, shape)

    def _kernel(self) -> Known:
        return self._either("_kernel")

    def _draws(self, nodes: list[Node], draws: int, seed: int) -> list[np.ndarray]:
        return self._exact._draws(nodes, draws, seed)
