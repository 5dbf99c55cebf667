"""What a vector of a program is in the limit: sums of features.

A coordinate of a vector x has a limit law Z^x, which is written here as

    Z = const + sum_f L_f f,

with features f of three sorts: the Gaussians of a `Family` (an input group, or
the images of one matrix), the columns of an `Opaque` coordinatewise function,
and the columns of a `Product`. The matrices L_f are sparse, one row a column
of the block. Linear instructions act on the L_f alone, so whatever is linear
stays exact, and expectations are needed between features only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy import sparse

CANCELLED = 32 * float(np.finfo(float).eps)


class Family:
    """Jointly Gaussian variables that are independent of every other family.

    Parameters
    ----------
    label : str
        Of the group or matrix they come from.
    mean, cov : ndarray
        Shapes (size,), (size, size).
    filled : int, optional
        How many of them have come into being: a matrix's images come one MatMul after another.

    Attributes
    ----------
    parts : ndarray of int
        Label of each variable's independent component: uncorrelated Gaussians are independent.
    """

    def __init__(self, label: str, mean: np.ndarray, cov: np.ndarray, filled: int | None = None):
        self.label, self.mean, self.cov = label, mean, cov
        self.filled = len(mean) if filled is None else filled
        self.parts = np.arange(len(mean))
        self._join(range(self.filled))

    @property
    def size(self) -> int:
        return len(self.mean)

    def extend(self, cross: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Fill in centred variables with covariance `own`, and `cross` (filled, new) with the present ones."""
        old, new = slice(0, self.filled), slice(self.filled, self.filled + len(own))
        self.cov[new, new], self.cov[old, new], self.cov[new, old] = own, cross, cross.T
        self._join(range(new.start, new.stop))
        self.filled = new.stop
        return np.arange(new.start, new.stop)

    def _join(self, variables: range) -> None:
        """Unite the components that each of `variables` correlates with."""
        if variables and np.all(self.cov[variables[-1], : variables[-1] + 1]):
            self.parts[: variables[-1] + 1] = self.parts[0]
            return
        for k in variables:
            met = np.unique(self.parts[: k + 1][self.cov[k, : k + 1] != 0])
            if len(met) > 1:
                self.parts[: k + 1][np.isin(self.parts[: k + 1], met)] = met[0]


class Combo:
    """``const + sum_f L_f f`` for a block of `size` columns.

    Attributes
    ----------
    const : ndarray, shape (size,)
    terms : dict
        Feature to sparse matrix (size, feature.size).
    """

    def __init__(self, const: np.ndarray, terms: dict | None = None):
        self.const, self.terms = const, terms or {}

    @classmethod
    def of(cls, feature, columns: np.ndarray | None = None) -> Combo:
        """The columns `columns` (all of them by default) of one feature."""
        columns = np.arange(feature.size) if columns is None else np.asarray(columns)
        return cls(np.zeros(len(columns)), {feature: selection(columns, feature.size)})

    @property
    def size(self) -> int:
        return len(self.const)

    @property
    def gaussian(self) -> bool:
        """Whether it is an affine combination of Gaussians."""
        return all(isinstance(feature, Family) for feature in self.terms)

    def key(self) -> tuple:
        """Equal for equal combos (of the same features, which must outlive it)."""
        terms = ((id(f), m.indptr.tobytes(), m.indices.tobytes(), m.data.tobytes()) for f, m in self.terms.items())
        return (self.const.tobytes(), *sorted(terms))

    def __getitem__(self, columns: np.ndarray) -> Combo:
        return Combo(self.const[columns], {f: matrix[columns] for f, matrix in self.terms.items()})

    def mapped(self, matrix) -> Combo:
        """``matrix @ self`` for a sparse or dense matrix (new size, size)."""
        matrix = sparse.csr_matrix(matrix)
        return Combo(matrix @ self.const, {f: clean(matrix @ own) for f, own in self.terms.items()})

    def scaled(self, factor: np.ndarray | float) -> Combo:
        """Column j times factor[j]."""
        diagonal = sparse.diags(np.broadcast_to(np.asarray(factor, float), (self.size,))).tocsr()
        return Combo(diagonal @ self.const, {f: clean(diagonal @ own) for f, own in self.terms.items()})


def total(combos: Iterable[Combo], slack: float = 0.0) -> Combo:
    """Sum of combos of one size; coefficients that cancel up to rounding, or up to `slack` times their size, go."""
    combos = list(combos)
    const, terms, sizes = combos[0].const.copy(), dict(combos[0].terms), {}
    for combo in combos[1:]:
        const += combo.const
        for feature, matrix in combo.terms.items():
            if feature in terms:
                sizes[feature] = sizes.get(feature, abs(terms[feature])) + abs(matrix)
            terms[feature] = terms[feature] + matrix if feature in terms else matrix
    for feature, size in sizes.items():
        terms[feature] = _without_residue(terms[feature], size, max(slack, CANCELLED))
    return Combo(const, {f: matrix for f, matrix in terms.items() if matrix.nnz})


def _without_residue(matrix: sparse.csr_matrix, size: sparse.csr_matrix, slack: float) -> sparse.csr_matrix:
    """`matrix` without the entries that are at most `slack` of those of `size`, the sum of what they came from."""
    if np.abs(matrix.data).min(initial=np.inf) <= slack * size.data.max(initial=0.0):
        matrix = matrix.multiply(abs(matrix) > slack * size)
    return clean(matrix)


def stacked(combos: Iterable[Combo]) -> Combo:
    """Columns of several combos, one combo after another."""
    combos, parts, start = list(combos), {}, 0
    for combo in combos:
        for feature, matrix in combo.terms.items():
            parts.setdefault(feature, []).append((start, matrix))
        start += combo.size
    terms = {feature: _placed(own, start) for feature, own in parts.items()}
    return Combo(np.concatenate([combo.const for combo in combos]), terms)


def _placed(parts: list[tuple[int, sparse.csr_matrix]], rows: int) -> sparse.csr_matrix:
    """Matrices at the rows where they start, in a matrix of so many rows."""
    counts = np.zeros(rows + 1, int)
    for start, matrix in parts:
        counts[start + 1 : start + 1 + matrix.shape[0]] = np.diff(matrix.indptr)
    indices, data = (np.concatenate([getattr(m, what) for _, m in parts]) for what in ("indices", "data"))
    return sparse.csr_matrix((data, indices, np.cumsum(counts)), shape=(rows, parts[0][1].shape[1]))


def selection(columns: np.ndarray, size: int) -> sparse.csr_matrix:
    """The matrix with a one at (r, columns[r])."""
    count = len(columns)
    return sparse.csr_matrix((np.ones(count), (np.arange(count), columns)), shape=(count, size))


def clean(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """`matrix` in CSR form without stored zeros."""
    matrix = sparse.csr_matrix(matrix)
    matrix.eliminate_zeros()
    return matrix


def monomial(matrix: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray] | None:
    """(columns, coefficients) when every row has at most one entry (else None); empty rows have coefficient 0."""
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) > 1:
        return None
    columns, values = np.zeros(len(counts), int), np.zeros(len(counts))
    columns[counts == 1], values[counts == 1] = matrix.indices, matrix.data
    return columns, values


class Opaque:
    """A function of combos of which only values are known.

    Parameters
    ----------
    call : callable
        ``call(*values)``, one array (points, *shapes[i]) an argument, gives (points, size).
    size : int
        Number of columns.
    args : tuple of Combo
    shapes : tuple of tuple of int
        How `call` wants each argument's columns arranged.
    depends : tuple of ndarray or None
        None when column j needs column j of every argument only; else one array (size, g) an argument, with
        the columns of that argument on which column j depends.
    uniform : callable or None
        ``uniform(columns, *values)``: the columns `columns` of the result from values (points, len(columns)),
        for functions that treat columns alike; None when only whole blocks may be given.
    activation : object or None
        The named activation, when the function is one.
    kinks : ndarray, shape (size, K)
        Where a function of one argument is not smooth; inf fills up.
    where : str
        Which instruction wrote it, for messages.
    """

    def __init__(
        self,
        call: Callable,
        size: int,
        args: tuple[Combo, ...],
        shapes: tuple[tuple[int, ...], ...],
        depends: tuple[np.ndarray, ...] | None = None,
        uniform: Callable | None = None,
        activation: object | None = None,
        kinks: np.ndarray | None = None,
        where: str = "",
    ):
        self.call, self.size, self.args, self.shapes = call, size, args, shapes
        self.depends, self.uniform, self.activation, self.where = depends, uniform, activation, where
        self.kinks = np.zeros((size, 0)) if kinks is None else kinks

    @property
    def named(self) -> bool:
        """Whether it is a named activation of one Gaussian a column."""
        return self.activation is not None and len(self.args) == 1 and self.args[0].gaussian


class Product:
    """Columnwise product of combos of one size."""

    def __init__(self, factors: tuple[Combo, ...], where: str = ""):
        self.factors, self.where = factors, where
        self.size = factors[0].size


def factors_of(feature) -> tuple[Combo, ...]:
    """The factors of a product; another feature is its own only factor."""
    return feature.factors if isinstance(feature, Product) else (Combo.of(feature),)


def tokens(feature, memo: dict) -> frozenset:
    """The independent components (family, label) on which any column of `feature` depends."""
    if feature in memo:
        return memo[feature]
    if isinstance(feature, Family):
        found = frozenset((feature, int(part)) for part in np.unique(feature.parts))
    else:
        inner = feature.factors if isinstance(feature, Product) else feature.args
        found = frozenset().union(*(combo_tokens(combo, memo) for combo in inner))
    memo[feature] = found
    return found


def combo_tokens(combo: Combo, memo: dict) -> frozenset:
    """As `tokens`, for the columns that `combo` uses."""
    found = frozenset()
    for feature, matrix in combo.terms.items():
        if isinstance(feature, Family):
            used = np.unique(feature.parts[np.unique(matrix.indices)])
            found |= frozenset((feature, int(part)) for part in used)
        else:
            found |= tokens(feature, memo)
    return found


def multiply(combos: list[Combo], where: str = "") -> Combo:
    """Columnwise product of combos, expanded into products of single features where that stays small."""
    pieces = [_pieces(combo) for combo in combos]
    if np.prod([len(p) for p in pieces]) > 32:
        return Combo.of(Product(tuple(combos), where))
    expanded = [(np.ones(combos[0].size), [])]
    for options in pieces:
        expanded = [(c * coefficient, f + factors) for c, f in expanded for coefficient, factors in options]
    parts = []
    for coefficient, factors in expanded:
        if not factors:
            parts.append(Combo(coefficient))
        elif len(factors) == 1:
            parts.append(factors[0].scaled(coefficient))
        else:
            parts.append(Combo.of(Product(tuple(factors), where)).scaled(coefficient))
    return total(parts) if parts else Combo(np.zeros(combos[0].size))


def _pieces(combo: Combo) -> list[tuple[np.ndarray, list[Combo]]]:
    """A combo as a sum of (coefficient, factors)."""
    ones, found = np.ones(combo.size), []
    if np.any(combo.const):
        found.append((combo.const, []))
    gaussian = {f: matrix for f, matrix in combo.terms.items() if isinstance(f, Family)}
    if gaussian:
        found.append((ones, [Combo(np.zeros(combo.size), gaussian)]))
    for feature, matrix in combo.terms.items():
        if feature in gaussian:
            continue
        single = monomial(matrix)
        if single is None:
            found.append((ones, [Combo(np.zeros(combo.size), {feature: matrix})]))
        else:
            columns, coefficient = single
            found.append((coefficient, [factor[columns] for factor in factors_of(feature)]))
    return found
