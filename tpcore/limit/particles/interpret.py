"""The limit of any program by particles: how many of them, and what is to be said of the result."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log2, prod

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles
from tpcore.errors import BudgetError
from tpcore.limit.particles.cloud import Cloud
from tpcore.limit.particles.law import ParticleLimit
from tpcore.limit.particles.rules import RULES, linear_lines
from tpcore.limit.particles.space import Exhausted
from tpcore.limit.particles.tails import HEAVY
from tpcore.limit.watch import Watch
from tpcore.program import ops
from tpcore.program.check import check_program
from tpcore.program.graph import arguments

CLOUDS, LONG_CLOUDS, LONG = 8, 4, 2000
SOFT, MANY_COLUMNS = 3e-3, 256
_DEFAULT, _FIRST, _MOST = 2**16, 2**13, 2**24
_WORK, _TOL_WORK = 3e11, 2e12
_KEPT_BYTES, _BYTES = 2**29, 2 * 2**30


def particles(
    prog,
    seed: int = 0,
    samples: int | None = None,
    tol: float | None = None,
    progress: Progress | Callable[[int, int], None] | None = None,
) -> ParticleLimit:
    """The law of a program's vectors at infinite width, of any fragment, by quasi-random particles.

    The coordinates of vectors are the points of several independently scrambled Sobol sequences; each fresh Gaussian
    is one dimension. Matrices and their transposes act by the Z-calculus in orthonormal bases
    (`tpcore.limit.particles.matrix`).

    Parameters
    ----------
    prog : Program
    seed : int
        Of the scramblings. The same seed gives the same numbers on any number of threads.
    samples : int, optional
        Particles in all, at least 64: 8 clouds (4 for programs of more than 2,000 lines), each rounded up to a power
        of two and to four times the Gaussians that it needs. 2^16 by default, fewer for long programs.
    tol : float, optional
        Accuracy asked of the program's results, relative to the size of what is averaged: of the outputs' covariance
        and of the C-vars that were given a name or that no other line uses. The number of particles grows until the
        errors are below, or until memory or time are used up; ``notes`` tells.
    progress : Progress or callable ``(done, total)``, optional
        Counts lines times scramblings; starts anew with every number of particles.

    Returns
    -------
    ParticleLimit

    Raises
    ------
    Misuse
        Where a C-var is not finite.
    Cancelled
        Soon after the caller asks `progress` to stop.
    BudgetError
        Where the program needs more Gaussians than memory holds particles for.

    Notes
    -----
    Source: Tensor Programs III (arXiv 2009.10685), section on the Z-calculus. Ranks are soft: a new direction below
    0.3 % (for every other cloud 0.1 %; less where `tol` is below 1e-4) of the largest vector that the matrix met gets
    no fresh Gaussian but keeps its dot part. What is linear in the inputs stays exact, as long as the matrices meet 256
    vectors at most.
    """
    seed = checks.integer("seed", seed, 0)
    if samples is not None:
        samples = checks.integer("samples", samples, 64, _MOST)
    if tol is not None:
        tol = checks.real("tol", tol, 0.0, 1.0, open_low=True)
    check_program(prog)
    watch = Watch(as_progress(progress))
    return _Attempt(prog, seed, SOFT if tol is None else min(SOFT, 30 * tol), watch).until(samples, tol)


class _Attempt:
    """One program on its way to enough particles."""

    def __init__(self, prog, seed: int, soft: float, watch: Watch):
        self.prog, self.nodes, self.seed, self.soft, self.watch = prog, list(prog.nodes), seed, soft, watch
        self.linear = linear_lines(self.nodes)
        self.clouds = CLOUDS if len(self.nodes) <= LONG else LONG_CLOUDS
        columns = [prod(node.shape) for node in self.nodes if isinstance(node.op, ops.MatMul)]
        self.exact = sum(columns) <= MANY_COLUMNS
        self.basis = min(2 * sum(columns), 2 * MANY_COLUMNS) + 8
        kept = (node for node in self.nodes if node.kind in "GH" and not isinstance(node.op, ops.Stack | ops.Reshape))
        self.vectors = sum(prod(node.shape) for node in kept)
        self.work = 8.0 * self.basis * sum(columns) + 30.0 * self.vectors

    def until(self, samples: int | None, tol: float | None) -> ParticleLimit:
        """Run with as many particles as asked, or until the errors are small enough."""
        most = min(_MOST, _BYTES / (8.0 * self.basis), (_WORK if tol is None else _TOL_WORK) / self.work)
        first = _DEFAULT if tol is None else _FIRST
        size = self._power(samples or max(min(first, most), 2**12))
        while True:
            found = self._run(size)
            if tol is None:
                return found
            self._promise(found, size, tol, most)
            name, ratio = worst(found, tol)
            if ratio <= 1.0:
                return found
            larger = self._larger(size, ratio, most)
            if larger <= size:
                found.note(
                    f"The accuracy {tol:g} was not reached: {name} has {ratio:.1f} times that error with "
                    f"{found.particles:,} particles, and more of them take too much memory or time."
                )
                return found
            size = larger

    def _larger(self, size: int, ratio: float, most: float) -> int:
        """Particles of a cloud for errors smaller by `ratio`, or as many as there may be."""
        larger = size << min(max(1, ceil(log2(ratio) / 0.75)), 4)
        while larger > size and larger * self.clouds > most:
            larger //= 2
        return larger

    def _promise(self, found: ParticleLimit, size: int, tol: float, most: float) -> ParticleLimit:
        """More particles for questions that come later."""

        def larger(ratio: float) -> ParticleLimit | None:
            more = self._larger(size, ratio, most)
            return None if more <= size else self._promise(self._run(more), more, tol, most)

        return found.asked(tol, larger)

    def _run(self, size: int) -> ParticleLimit:
        while True:
            kept = 8.0 * self.clouds * size * self.vectors <= _KEPT_BYTES
            last = {} if kept else {j: node.index for node in self.nodes for j in arguments(node.op)}
            self.watch.start(self.clouds * len(self.nodes))
            try:
                clouds = map_tiles(lambda k: self._cloud(k, size, last), range(self.clouds))
                return ParticleLimit(self.prog, self.nodes, clouds, self._notes(clouds))
            except Exhausted:
                size *= 2
            if 8.0 * self.clouds * size * size / 4 > 4 * _BYTES:
                raise BudgetError(
                    "The Gaussians of this program must be few enough for clouds of four times as many particles",
                    f"more than {size // 8:,} of them", "Fewer steps or smaller batches need fewer Gaussians",
                )

    def _cloud(self, number: int, size: int, last: dict[int, int]) -> Cloud:
        soft = self.soft / 3.0 ** (number % 2)
        cloud = Cloud(self.nodes, size, (self.seed, number), soft, self.linear, last, self.exact, self.basis)
        return cloud.run(RULES, self.watch.step)

    def _power(self, samples: float) -> int:
        """Particles of each cloud, a power of two."""
        return max(16, 1 << ceil(log2(max(samples / self.clouds, 1.0)) - 1e-9))

    def _notes(self, clouds: list[Cloud]) -> list[str]:
        found = []
        if not self.exact:
            found.append(
                f"The matrices meet more than {MANY_COLUMNS} vectors: directions below {100 * self.soft:g} % of the "
                "largest have no fresh Gaussian."
            )
        for node in self.nodes:
            share = np.median([cloud.tails.get(node.index, 0.0) for cloud in clouds])
            if share > HEAVY:
                found.append(
                    f"What {node.name} averages has heavy tails: a single particle makes up {100 * share:.0f} % of its "
                    "second moment, so its error may be larger than estimated."
                )
        return found


def worst(limit: ParticleLimit, tol: float) -> tuple[str, float]:
    """The result of the program with the largest error over tolerance, and that ratio."""
    name, ratio = "", 0.0
    for node in results(limit._prog):
        error = float(np.max(limit._value(node).error, initial=0.0))
        scale = max(cloud.scales[node.index] for cloud in limit._clouds)
        if error > ratio * tol * max(scale, 1e-300):
            name, ratio = node.name, error / (tol * scale)
    if limit._prog.outputs:
        known = limit._kernel()
        error, scale = float(np.max(known.error)), float(np.abs(known.value).max())
        if error > ratio * tol * max(scale, 1e-300):
            name, ratio = "the covariance of the outputs", error / (tol * scale)
    return name, ratio


def results(prog) -> list[ops.Node]:
    """The C-vars that were given a name, and those that no other line uses: not what stands between, as adjoints do."""
    used = {j for node in prog.nodes for j in arguments(node.op)}
    return [n for n in prog.nodes if n.kind == "C" and not (n.index in prog._automatic and n.index in used)]
