"""The limit of any program by particles: the number of them, the clouds, and what is to be said."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.tiles import map_tiles
from tpcore.limit.particles.cloud import Cloud
from tpcore.limit.particles.law import ParticleLimit
from tpcore.limit.particles.rules import RULES, linear_lines
from tpcore.limit.particles.space import Exhausted
from tpcore.program.check import check_program
from tpcore.program.graph import arguments

CLOUDS = 8
_DEFAULT = 2**16
_KEPT_BYTES = 2**29


def particles(prog, seed: int = 0, samples: int | None = None, tol: float | None = None) -> ParticleLimit:
    """The law of a program's vectors at infinite width, for every program.

    Parameters
    ----------
    prog : Program
    seed : int
    samples : int, optional
        Particles in all; rounded up to 8 clouds of a power of two.
    tol : float, optional
        Accuracy asked of every C-var, relative to the size of what it averages.

    Returns
    -------
    ParticleLimit
    """
    seed = checks.integer("seed", seed, 0)
    if samples is not None:
        samples = checks.integer("samples", samples, 64, 2**26)
    check_program(prog)
    nodes = list(prog.nodes)
    size = _power(samples or _DEFAULT)
    soft, linear = 0.0, linear_lines(nodes)
    while True:
        try:
            last = _last_uses(nodes) if _bytes(nodes, size) > _KEPT_BYTES else {}
            clouds = map_tiles(lambda k: Cloud(nodes, size, (seed, k), soft, linear, last).run(RULES), range(CLOUDS))
            return ParticleLimit(prog, nodes, clouds, [])
        except Exhausted:
            size *= 2


def _power(samples: int) -> int:
    """Particles of each cloud, a power of two."""
    return max(16, 1 << (-(-samples // CLOUDS) - 1).bit_length())


def _last_uses(nodes) -> dict[int, int]:
    return {j: node.index for node in nodes for j in arguments(node.op)}


def _bytes(nodes, size: int) -> int:
    return 8 * CLOUDS * size * sum(int(np.prod(node.shape, dtype=int)) for node in nodes if node.kind in "GH")
