"""What an ensemble depends on besides its name and size, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tpcore import checks
from tpcore.errors import Misuse

MOST_FACTORS = 12


@dataclass(frozen=True)
class Parameters:
    """The parameters of an ensemble; each kind uses those it needs.

    Attributes
    ----------
    ratio : float
        Rows by columns m/n of X, 1e-9 to 1e9, for the kinds "wishart..."; one row at least.
    nu : float
        Degrees of freedom of Student's t, at least 0.1, for the kinds "...:student".
    degree : float
        Mean number of nonzero entries a row, for the kinds "...:sparse"; at most as many as a row has.
    band : int
        Entries further than this from the diagonal, around the corners, are zero, for the kinds "band..."; the
        others are those of a row of 2 band + 1.
    factors : int
        Number of matrices multiplied, for the kinds "product...".
    spike : float
        Strength of a perturbation of rank one, 0 to 1e100: added as spike v v^T with a unit vector v to symmetric
        matrices and to "iid"; for "wishart" one row of X has variance 1 + spike. 0 means none.
    """

    ratio: float = 1.0
    nu: float = 3.0
    degree: float = 4.0
    band: int = 16
    factors: int = 2
    spike: float = 0.0


NAMES = tuple(field.name for field in fields(Parameters))


def parameters(**given) -> Parameters:
    """`Parameters` from keywords, checked; an unknown name or a value out of range is refused in words."""
    for name in given:
        if name not in NAMES:
            raise Misuse("A parameter of an ensemble must be known", repr(name), f"There are {', '.join(NAMES)}")
    p = Parameters(**given)
    return Parameters(
        checks.real("The ratio", p.ratio, 1e-9, 1e9),
        checks.real("The degrees of freedom nu", p.nu, 0.1),
        checks.real("The mean degree of a sparse matrix", p.degree, 0.0, open_low=True),
        checks.integer("The width of a band", p.band, 0),
        checks.integer("The number of factors of a product", p.factors, 1, MOST_FACTORS),
        checks.real("The strength of a spike", p.spike, 0.0, 1e100),
    )
