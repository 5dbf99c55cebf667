"""First and second moments of features, by the cheapest exact route.

E f f' is distributed over the linear structure and split over independent
factors. What remains is, in this order: Gaussian algebra (Wick's formula), a
closed form for named activations, Stein's lemma where one feature is Gaussian
(`tpcore.limit.stein`), and quadrature over at most three Gaussians
(`tpcore.limit.columns`).
"""

from __future__ import annotations

import numpy as np

from tpcore.limit import columns, expect
from tpcore.limit.budget import Budget
from tpcore.limit.forms import Combo, Family, Opaque, combo_tokens, factors_of, monomial, tokens
from tpcore.limit.known import Known, known, outer, row_norm
from tpcore.limit.named import Named, rounded
from tpcore.limit.stein import Stein

_PAIR = 1e-4  # nominal seconds


class Moments:
    """Means and second moments of features and combos, each computed once.

    Families grow while a program is interpreted; `grown` must be called then.
    """

    def __init__(self, budget: Budget):
        self.budget = budget
        self._tokens: dict = {}
        self._means: dict = {}
        self._stein, self._small = Stein(self), Named(self)
        self._seconds: dict = {}
        self._squares: dict = {}

    def grown(self) -> None:
        """Forget which features are independent: a family has new members."""
        self._tokens.clear()

    def depends(self, feature, family: Family) -> bool:
        """Whether any column of `feature` is a function of some Gaussian of `family`."""
        return any(owner is family for owner, _ in tokens(feature, self._tokens))

    # combos

    def mean(self, combo: Combo) -> Known:
        """E of every column."""
        result = Known(combo.const)
        for feature, matrix in combo.terms.items():
            result = result + self.feature_mean(feature).mapped(matrix)
        return result

    def inner(self, x: Combo, y: Combo) -> Known:
        """E X_i Y_j, shape (x.size, y.size)."""
        own = Combo(np.zeros(x.size), x.terms)
        result = Known(np.multiply.outer(x.const, y.const))
        if np.any(x.const):
            result = result + outer(Known(x.const), self.mean(Combo(np.zeros(y.size), y.terms)))
        if np.any(y.const):
            result = result + outer(self.mean(own), Known(y.const))
        small = [{f: matrix for f, matrix in z.terms.items() if self._small.holds(f)} for z in (x, y)]
        if all(small):
            result = result + self._small.inner(*small)
        for a, left in x.terms.items():
            for b, right in y.terms.items():
                if a not in small[0] or b not in small[1]:
                    result = result + self._second_mapped(a, left, b, right)
        return result if x is not y else Known((result.value + result.value.T) / 2, result.error, result.method)

    def cov(self, x: Combo, y: Combo) -> Known:
        """Covariance of columns, shape (x.size, y.size); exactly zero between independent features."""
        result = Known(np.zeros((x.size, y.size)))
        for a, left in x.terms.items():
            for b, right in y.terms.items():
                if self._independent(tokens(a, self._tokens), tokens(b, self._tokens)):
                    continue
                if isinstance(a, Family) and isinstance(b, Family):
                    result = result + Known((right @ (left @ a.cov).T).T)
                    continue
                product = outer(self.feature_mean(a).mapped(left), self.feature_mean(b).mapped(right))
                minus = Known(-product.value, product.error, product.method)
                result = result + self._second_mapped(a, left, b, right) + minus
        return result if x is not y else Known((result.value + result.value.T) / 2, result.error, result.method)

    def slopes(self, x: Combo, family: Family) -> Known:
        """E dX_i / dg_j for the Gaussians g of a family: sparse, shape (x.size, family.size)."""
        return self._stein.derivative(x, family)

    def inner_pairs(self, x: Combo, i: np.ndarray, y: Combo, j: np.ndarray) -> Known:
        """E X_{i_r} Y_{j_r} for every r."""
        x, y = x[i], y[j]
        result = Known(x.const * y.const)
        if np.any(x.const):
            result = result + Known(x.const) * self.mean(Combo(np.zeros(y.size), y.terms))
        if np.any(y.const):
            result = result + Known(y.const) * self.mean(Combo(np.zeros(x.size), x.terms))
        for a, left in x.terms.items():
            for b, right in y.terms.items():
                result = result + self._second_rows(a, left, b, right)
        return result

    # features

    def feature_mean(self, feature) -> Known:
        if isinstance(feature, Family):
            return Known(feature.mean)
        if feature not in self._means:
            everything = np.arange(feature.size)
            if isinstance(feature, Opaque) and feature.named and feature.activation.growth != "unknown":
                arg = feature.args[0]
                q = columns.row_cov(arg, arg)
                result = known(expect.one(feature.activation, q, m=columns.gaussian_mean(arg)))
            elif isinstance(feature, Opaque):
                result = self._integral([(Combo.of(feature), everything)])
            else:
                result = self.grouped([(factor, everything) for factor in feature.factors])
            self._means[feature] = result
        return self._means[feature]

    def _second_mapped(self, a, left, b, right) -> Known:
        """left E[a b^T] right^T; only the columns that are used are computed."""
        self.budget.spend(_PAIR)
        if self._independent(tokens(a, self._tokens), tokens(b, self._tokens)):
            return outer(self.feature_mean(a).mapped(left), self.feature_mean(b).mapped(right))
        if isinstance(a, Family) and isinstance(b, Family):
            return Known((right @ (left @ (a.cov + np.outer(a.mean, a.mean))).T).T)
        rows, cols = np.unique(left.indices), np.unique(right.indices)
        return self.second(a, rows, b, cols).mapped(left[:, rows], right[:, cols])

    def second(self, a, rows: np.ndarray, b, cols: np.ndarray) -> Known:
        """E a_i b_j for i in rows, j in cols; whole blocks are kept."""
        if isinstance(a, Family):
            return _transposed(self.second(b, cols, a, rows))
        if isinstance(b, Family):
            return self._with_family(a, rows, b, cols)
        if self._small.holds(a) and self._small.holds(b):
            return self._small.block(a, rows, b, cols)
        key, mirror = (a, rows.tobytes(), b, cols.tobytes()), (b, cols.tobytes(), a, rows.tobytes())
        if key not in self._seconds and mirror in self._seconds:
            return _transposed(self._seconds[mirror])
        if key not in self._seconds:
            self._seconds[key] = self._compute(a, rows, b, cols)
        return self._seconds[key]

    def _compute(self, a, rows, b, cols) -> Known:
        square = a is b and np.array_equal(rows, cols)
        if isinstance(a, Opaque) and isinstance(b, Opaque):
            if a.named and b.named:
                self.integrable(a, b)
                return self._named(a, rows, b, cols, square)
            return self._grid([(Combo.of(a), rows)], [(Combo.of(b), cols)], square)
        left = [(factor, rows) for factor in factors_of(a)]
        right = [(factor, cols) for factor in factors_of(b)]
        result = Known(np.ones((len(rows), len(cols))))
        for group in self._groups([factor for factor, _ in left + right]):
            mine = [left[g] for g in group if g < len(left)]
            theirs = [right[g - len(left)] for g in group if g >= len(left)]
            result = result * self._block(mine, theirs, square)
        return result

    def _block(self, mine: list, theirs: list, square: bool) -> Known:
        """E of dependent factors at every (row, column)."""
        if not theirs:
            return self.grouped(mine)[:, None]
        if not mine:
            return self.grouped(theirs)[None, :]
        if len(mine) == len(theirs) == 1:
            (x, i), (y, j) = mine[0], theirs[0]
            return self.inner(x[i], y[j])
        return self._grid(mine, theirs, square)

    def _grid(self, mine: list, theirs: list, square: bool) -> Known:
        rows, cols = len(mine[0][1]), len(theirs[0][1])
        r, c = np.triu_indices(rows) if square else (ix.ravel() for ix in np.indices((rows, cols)))
        found = self._integral([(x, i[r]) for x, i in mine] + [(y, j[c]) for y, j in theirs])
        value = np.empty((rows, cols))
        value[r, c] = found.value
        if square:
            value[c, r] = found.value
        return Known(value, found.error, found.method)

    def integrable(self, *features: Opaque) -> None:
        """Refuse a user's function without a second moment; adaptive quadrature in one variable tells."""
        for feature in features:
            if feature.activation.growth == "unknown" and feature not in self._squares:
                column, everything = Combo.of(feature), np.arange(feature.size)
                self._squares[feature] = self._integral([(column, everything), (column, everything)])

    def _named(self, a: Opaque, rows, b: Opaque, cols, square: bool) -> Known:
        """E phi(u) psi(v) of named activations: whole Gram matrices."""
        u, v = a.args[0][rows], b.args[0][cols]
        q1, q2 = columns.row_cov(u, u), columns.row_cov(v, v)
        m1, m2 = rounded(columns.gaussian_mean(u), q1), rounded(columns.gaussian_mean(v), q2)
        if square and not np.any(m1):
            return known(expect.V(a.activation, self.cov(u, u).value))
        return self._pair(a, q1[:, None], m1[:, None], b, q2[None, :], m2[None, :], self.cov(u, v).value)

    def _pair(self, a: Opaque, q1, m1, b: Opaque, q2, m2, c) -> Known:
        means = {} if not (np.any(m1) or np.any(m2)) else {"m1": m1, "m2": m2}
        psi = {} if a.activation is b.activation else {"psi": b.activation}
        return known(expect.pair(a.activation, q1, q2, c, **psi, **means))

    def _with_family(self, a, rows, b: Family, cols) -> Known:
        """E a_i g_j."""
        return outer(self.feature_mean(a)[rows], Known(b.mean[cols])) + self._stein.covariance(a, rows, b, cols)

    def _second_rows(self, a, left, b, right) -> Known:
        """sum_{kl} left_{rk} right_{rl} E a_k b_l for every r."""
        if isinstance(a, Family) and isinstance(b, Family):
            zero = np.zeros(left.shape[0])
            x, y = Combo(zero, {a: left}), Combo(zero, {b: right})
            return Known(columns.row_cov(x, y) + columns.gaussian_mean(x) * columns.gaussian_mean(y))
        if self._independent(tokens(a, self._tokens), tokens(b, self._tokens)):
            return self.feature_mean(a).mapped(left) * self.feature_mean(b).mapped(right)
        i, j = monomial(left), monomial(right)
        if i is None or j is None or isinstance(a, Family) or isinstance(b, Family):
            rows, cols = np.unique(left.indices), np.unique(right.indices)
            second = self.second(a, rows, b, cols)
            value = left[:, rows].multiply(right[:, cols] @ second.value.T).sum(axis=1)
            return Known(np.asarray(value).ravel(), second.error * row_norm(left) * row_norm(right), second.method)
        code, back = np.unique(np.stack([i[0], j[0]]), axis=1, return_inverse=True)
        return self._pairs(a, code[0], b, code[1])[back.ravel()] * Known(i[1] * j[1])

    def _pairs(self, a, i: np.ndarray, b, j: np.ndarray) -> Known:
        if self._small.holds(a) and self._small.holds(b):
            return self._small.pairs(a, i, b, j)
        if isinstance(a, Opaque) and isinstance(b, Opaque):
            if a.named and b.named:
                self.integrable(a, b)
                u, v = a.args[0][i], b.args[0][j]
                q1, q2, c = columns.row_cov(u, u), columns.row_cov(v, v), columns.row_cov(u, v)
                m1, m2 = rounded(columns.gaussian_mean(u), q1), rounded(columns.gaussian_mean(v), q2)
                return self._pair(a, q1, m1, b, q2, m2, c)
            return self._integral([(Combo.of(a), i), (Combo.of(b), j)])
        return self.grouped([(x, i) for x in factors_of(a)] + [(y, j) for y in factors_of(b)])

    # products

    def grouped(self, factors: list, integrate: bool = False) -> Known:
        """E of a product of columns (combo, index per request), split over independent groups.

        With `integrate`, groups are integrated at once instead of looked up pairwise.
        """
        result = Known(np.ones(len(factors[0][1])))
        for group in self._groups([factor for factor, _ in factors]):
            members = [factors[g] for g in group]
            if len(members) == 1:
                result = result * self.mean(members[0][0])[members[0][1]]
            elif len(members) == 2 and not integrate:
                (x, i), (y, j) = members
                result = result * self.inner_pairs(x, i, y, j)
            else:
                result = result * self._integral(members)
        return result

    def _groups(self, combos: list[Combo]) -> list[list[int]]:
        """Indices of combos in groups that share no independent component."""
        groups: list[tuple[set, list[int]]] = []
        for index, combo in enumerate(combos):
            mine, members = set(combo_tokens(combo, self._tokens)), [index]
            apart = []
            for found, others in groups:
                if found & mine:
                    mine, members = mine | found, others + members
                else:
                    apart.append((found, others))
            groups = [*apart, (mine, members)]
        return [sorted(members) for _, members in groups]

    @staticmethod
    def _independent(a: frozenset, b: frozenset) -> bool:
        return a.isdisjoint(b)

    def _integral(self, factors: list) -> Known:
        return Known(*columns.integral(factors, self.budget))


def _transposed(a: Known) -> Known:
    return Known(a.value.T, a.error, a.method)
