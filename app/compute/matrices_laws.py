"""What the Matrices lab shows of a kind of matrix: which function of its eigenvalues, which law, which range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpapp.matrix_results import LawCurve
from tpcore import spectra
from tpcore.spectra import Parameters

ORDERS, SQUARES = (2, 4, 6, 8, 10), (1, 2, 3, 4, 5)
REACH, HEAVY_REACH = 2.6, 8.0


@dataclass(frozen=True)
class View:
    """How a kind is shown.

    Attributes
    ----------
    law : Law
        Of the shown values, where the entries have a variance.
    finite, holds : bool
        The entries have a variance; the law is the limit at these very parameters.
    variable : str
    outlier : float or None
        Where a spike drives an eigenvalue.
    factors : int
        Of a product.
    """

    family: str
    law: spectra.Law
    finite: bool
    holds: bool
    variable: str
    outlier: float | None
    factors: int = 2

    @property
    def name(self) -> str:
        """The law's, as in a legend."""
        if self.family == "product":
            return f"{self.factors} factors" if self.factors > 1 else "one factor: the quarter circle"
        return {"wishart": "Marchenko–Pastur"}.get(self.family, self.law.name)

    def shown(self, values: np.ndarray) -> np.ndarray:
        """Eigenvalues -> values on the axis: moduli in the plane, singular values of products."""
        if self.family == "iid":
            return np.abs(values)
        return np.sqrt(values) if self.family == "product" else values

    @property
    def positive(self) -> bool:
        return self.family in ("wishart", "product", "iid")

    @property
    def start(self) -> float:
        if not self.finite:
            return -0.2 if self.positive else -HEAVY_REACH
        return -0.04 * self.reach if self.positive else -REACH

    @property
    def reach(self) -> float:
        if not self.finite:
            return HEAVY_REACH / 2 if self.family == "iid" else HEAVY_REACH
        high = 1.3 * self.law.support[1] if self.family != "wishart" else 1.16 * self.law.support[1]
        return max(high, 1.12 * (self.outlier or 0.0))


VARIABLES = {"iid": "modulus |λ|", "product": "singular value s"}


def view(kind: str, given: dict) -> View:
    """The `View` of a kind with these parameters."""
    source, p = spectra.KINDS[kind], Parameters(**given)
    family = source.family.name
    gaussian = spectra.KINDS[family] if family in spectra.KINDS else spectra.KINDS["symmetric:gaussian"]
    law = gaussian.law(p)
    if family == "iid":
        law = spectra.modulus()
    elif family == "product":
        law = spectra.singular_values(law)
    name = VARIABLES.get(family, "eigenvalue λ")
    out = spectra.outlier(kind, **given) if source.entries.finite(p) else None
    return View(family, law, source.entries.finite(p), source.holds(p), name, out, p.factors)


def curve(seen: View) -> LawCurve:
    """The law's density on a grid that is dense at both ends, cut where it is infinite."""
    (low, high), *_ = seen.law.bands
    x = (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, 401))
    x[:1] += 1e-9 * (high - low) * (low == 0)
    pdf = seen.law.pdf(x)
    inner = seen.law.pdf(low + (high - low) * np.linspace(0.04, 0.96, 47))
    top = min(float(pdf.max()), 1.6 * float(inner.max()))
    atoms = tuple((at, mass) for at, mass in seen.law.atoms)
    return LawCurve(seen.name, x, np.minimum(pdf, 1.6 * top), seen.law.support, top, atoms, seen.outlier,
                    seen.variable, seen.start, seen.reach)  # fmt: skip


def cells(total: int) -> int:
    """Bins in half of a symmetric law's support, for so many eigenvalues."""
    return 5 if total < 64 else 10 if total < 1500 else 20 if total < 10**4 else 30 if total < 10**5 else 40


def bin_edges(total: int, heavy: bool = False) -> np.ndarray:
    """Edges for so many eigenvalues of a symmetric matrix; ±2 are among them unless tails are heavy."""
    if heavy:
        return np.linspace(-HEAVY_REACH, HEAVY_REACH, 81)
    each = cells(total)
    outer = each + -(-3 * each // 10)
    return 2.0 * np.arange(-outer, outer + 1) / each


def edges_of(seen: View, total: int) -> np.ndarray:
    """Edges for so many eigenvalues of any kind: the end of the support is among them, and the range holds a spike."""
    if not seen.positive:
        edges = bin_edges(total, not seen.finite)
        if seen.outlier is None or not seen.finite:
            return edges
        each, first = cells(total), -(edges.size // 2)
        return 2.0 * np.arange(first, int(np.ceil(seen.reach * each / 2 - 1e-9)) + 1) / each
    if not seen.finite:
        return np.linspace(0, seen.reach, 81)
    step = seen.law.support[1] / (2 * cells(total))
    return step * np.arange(int(np.ceil(seen.reach / step - 1e-9)) + 1)


def orders(kind: str) -> tuple[int, ...]:
    """Which powers of the matrix the table shows."""
    return SQUARES if view_family(kind) in ("wishart", "product", "iid") else ORDERS


def view_family(kind: str) -> str:
    return spectra.KINDS[kind].family.name


def limit_moments(kind: str, given: dict) -> list[float]:
    """The limits of the table's moments: Catalan, Narayana's polynomials, Fuss and Catalan's numbers, 1/(k+1)."""
    family, p = view_family(kind), Parameters(**given)
    if family == "iid":
        return [1 / (k + 1) for k in SQUARES]
    if family in ("wishart", "product"):
        law = spectra.KINDS[family].law(p)
        return [law.moment(k) for k in SQUARES]
    return [float(spectra.catalan(k // 2)) for k in ORDERS]


def powers(kind: str, values: np.ndarray) -> np.ndarray:
    """Means of powers of eigenvalues (draws, n) -> (draws, orders); of |λ|^2 in the plane."""
    base = np.abs(values) ** 2 if np.iscomplexobj(values) else values
    with np.errstate(over="ignore"):
        return np.stack([(base**k).mean(axis=1) for k in orders(kind)], axis=1)


