"""Random matrices by name: a family, the law of the entries, the law of the eigenvalues, dense draws.

Every matrix is normalized so that the law of its eigenvalues has a limit:
off-diagonal variance 1/n where the entries have a variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.compute.tiles import tile_generators
from tpcore.errors import BudgetError, Misuse
from tpcore.spectra import laws
from tpcore.spectra.entries import ENTRIES, Entries
from tpcore.spectra.families import FAMILIES, Family
from tpcore.spectra.parameters import Parameters, parameters
from tpcore.spectra.tridiagonal import MEMORY, MODELS

DENSE_WORK = 1.25e11  # n^3 * draws, about ten seconds of LAPACK on one core
TRIDIAGONAL_WORK = 9e8  # n^2 * draws, likewise
DEFAULT = Parameters()


@dataclass(frozen=True)
class Ensemble:
    """A kind of random matrix: a `Family` and the `Entries` it is filled with.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    family, entries
    exact : bool
        It has a tridiagonal model, so that no matrix is needed.
    """

    name: str
    family: Family
    entries: Entries

    @property
    def label(self) -> str:
        return self.family.label if self.name in FAMILIES else f"{self.family.label}, {self.entries.label}"

    @property
    def exact(self) -> bool:
        return self.name in MODELS

    def law(self, p: Parameters = DEFAULT) -> laws.Law | None:
        """The law of the eigenvalues at infinite n, None where the entries have no variance.

        The semicircle (of sparse matrices only as the degree grows, of band matrices as the band does, see `holds`),
        Marchenko and Pastur's law, the circular law, or that of a product's squared singular values.
        """
        if not self.entries.finite(p):
            return None
        made = {"wishart": lambda: laws.marchenko_pastur(p.ratio), "iid": lambda: laws.circular(),
                "product": lambda: laws.product(p.factors)}  # fmt: skip
        return made.get(self.family.name, laws.semicircle)()

    def holds(self, p: Parameters = DEFAULT) -> bool:
        """Whether `law` is the limit at fixed parameters; sparse and band matrices need a growing degree or width."""
        return self.entries.finite(p) and self.entries.name != "sparse" and self.family.name != "band"

    def finite_variance(self, p: Parameters = DEFAULT) -> bool:
        return self.entries.finite(p)

    def draw(self, generator: np.random.Generator, count: int, n: int, p: Parameters) -> np.ndarray:
        """A stack of `count` matrices, as the family's `solve` wants them."""
        across = self.family.across(n, p)
        return self.built(self.entries.draw(generator, (count, *self.family.shape(n, p)), across, p), n, p)

    def built(self, x: np.ndarray, n: int, p: Parameters) -> np.ndarray:
        """A stack of matrices from iid entries of variance 1, which are overwritten."""
        x = np.asarray(x, float)
        x *= self.family.across(n, p) ** (-1 / self.entries.index(p))
        return self.family.build(x, n, p)


def _kinds() -> dict[str, Ensemble]:
    gaussian = ENTRIES["gaussian"]
    found = {name: Ensemble(name, family, gaussian) for name, family in FAMILIES.items() if name != "symmetric"}
    for family in ("symmetric", "band", "wishart", "iid", "product"):
        for entries in ENTRIES.values():
            if entries is not gaussian or family == "symmetric":
                name = f"{family}:{entries.name}"
                found[name] = Ensemble(name, FAMILIES[family], entries)
    return found


KINDS: dict[str, Ensemble] = _kinds()


def ensemble(kind: str, nu: float = 3.0, ratio: float = 1.0, **more) -> tuple[Ensemble, Parameters]:
    """The ensemble called `kind` and its checked parameters; refuses unknown names and what the kind does not have."""
    p = parameters(nu=nu, ratio=ratio, **more)
    source = KINDS[checks.choice("A kind of random matrix", kind, KINDS)]
    if p.ratio != 1.0 and source.family.name != "wishart":
        raise Misuse("A symmetric matrix is square, so ratio must be 1", repr(ratio), 'Only "wishart" has a ratio')
    if p.spike and source.family.name in ("band", "product"):
        raise Misuse(f"A {source.family.label} has no spike here, so spike must be 0", repr(p.spike))
    return source, p


def eigenvalues_each(kind: str, n: int, **given) -> int:
    """How many eigenvalues one matrix has: n, or round(ratio * n) for "wishart"."""
    source, p = ensemble(kind, **given)
    return source.family.size(checks.integer("The size n of a matrix", n, 1), p)


def largest_n(kind: str, draws: int = 1, **given) -> int:
    """The largest n whose eigenvalues `eigenvalues` computes within its budgets of memory and work."""
    draws = checks.integer("The number of draws", draws, 1)
    source, p = ensemble(kind, **given)
    if source.exact:
        share = min(max(p.ratio, 1e-9), 1.0)
        return int(min((TRIDIAGONAL_WORK / draws) ** 0.5 / share, MEMORY / (40 * draws * max(p.ratio, share))))
    area = float(np.prod(source.family.shape(1000, p))) / 1e6
    size = max(1.0, p.ratio)
    work = (DENSE_WORK / draws / source.family.cost(p)) ** (1 / 3) + 1e-9
    return int(min(work, (MEMORY / (32 * area)) ** (1 / 2), MEMORY / (16 * draws * size)))


def matrix(kind: str, n: int, seed: int = 0, nu: float = 3.0, ratio: float = 1.0, **more) -> np.ndarray:
    """One dense matrix of the kind (see `eigenvalues`), (n, n); "wishart": X X^T / n, (m, m); "product": P P^T."""
    source, p = ensemble(kind, nu, ratio, **more)
    n = checks.integer("The size n of a matrix", n, 1)
    area = float(np.prod(source.family.shape(1000, p))) / 1e6
    fits = int((MEMORY / (24 * max(area, p.ratio**2, 1.0))) ** (1 / 2))
    if n > fits:
        raise BudgetError("A dense matrix must fit into memory", f"n = {n:,}", f"At most n = {fits:,} fits", fits=fits)
    (generator,) = tile_generators(checks.integer("The seed", seed, 0), 1)
    return source.family.full(source.draw(generator, 1, n, p))[0]
