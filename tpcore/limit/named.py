"""Second moments of named activations of Gaussians, column by column: each found once, all that are missing at once.

A long program has many features of few columns, and a product of a matrix asks for their inner products with all
before. One call for all of these costs hardly more than one for two of them.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from scipy import sparse

from tpcore.errors import Misuse
from tpcore.limit import columns, expect
from tpcore.limit.budget import Beyond
from tpcore.limit.closed import form_of
from tpcore.limit.forms import Combo, Opaque, stacked, tokens
from tpcore.limit.known import ORDER, Known

SMALL, MOST, AT_ONCE = 48, 1024, 400  # columns of a feature, of all, pairs of an integral
_CALL, _CLOSED, _INTEGRAL = 1e-4, 1e-6, 2e-5  # nominal seconds
_SETTLED = 1e-2
_EPS = float(np.finfo(float).eps)


class Named:
    """E f_i f_j for the columns of features that are named activations, up to `MOST` columns in all.

    Parameters
    ----------
    moments : tpcore.limit.evaluate.Moments
        Knows the features' means, what they depend on and whether they are square integrable.
    """

    def __init__(self, moments):
        self._moments, self._first, self._features = moments, {}, []
        self._args: list[Combo] = []
        self._owner, self._variance, self._mean = np.zeros(0, int), np.zeros(0), np.zeros(0)
        self._value, self._error = np.zeros((0, 0)), np.zeros((0, 0))
        self._method = np.full((0, 0), -1, np.int8)

    def holds(self, feature) -> bool:
        """Whether a feature is kept here; it is from now on if it can be."""
        if feature in self._first:
            return True
        if not isinstance(feature, Opaque) or not feature.named or feature.size > SMALL:
            return False
        if len(self._owner) + feature.size > MOST:
            return False
        self._take(feature)
        return True

    def _take(self, feature: Opaque) -> None:
        arg = feature.args[0]
        q, m = columns.row_cov(arg, arg), columns.gaussian_mean(arg)
        self._first[feature] = len(self._owner)
        self._owner = np.append(self._owner, np.full(feature.size, len(self._features)))
        self._variance, self._mean = np.append(self._variance, q), np.append(self._mean, rounded(m, q))
        self._features.append(feature)
        self._args.append(arg)
        size, room = len(self._owner), len(self._value)
        if size > room:
            more = (0, max(size, 2 * room, 64) - room)
            self._value, self._error = np.pad(self._value, more), np.pad(self._error, more)
            self._method = np.pad(self._method, more, constant_values=-1)

    def inner(self, x: dict, y: dict) -> Known:
        """sum_ab left_a E[a b'] right_b' for features with their matrices, all of them held."""
        (left, rows), (right, cols) = self._gathered(x), self._gathered(y)
        self._moments.budget.spend(_CALL)
        value, error, method = self._at(*np.broadcast_arrays(rows[:, None], cols))
        bound = abs(right) @ (abs(left) @ error).T
        return Known((right @ (left @ value).T).T, float(bound.max(initial=0.0)), method)

    def block(self, a, rows: np.ndarray, b, cols: np.ndarray) -> Known:
        """E a_i b_j for i in rows, j in cols."""
        return self.pairs(a, rows[:, None], b, cols)

    def pairs(self, a, i: np.ndarray, b, j: np.ndarray) -> Known:
        """E a_i b_j for broadcast i, j."""
        value, error, method = self._at(*np.broadcast_arrays(self._first[a] + i, self._first[b] + j))
        return Known(value, float(error.max(initial=0.0)), method)

    def _gathered(self, terms: dict) -> tuple[sparse.csr_matrix, np.ndarray]:
        """The matrices side by side, columns that are used only, and these."""
        parts = [(np.repeat(np.arange(m.shape[0]), np.diff(m.indptr)), m.indices + self._first[f], m.data)
                 for f, m in terms.items()]
        row, col, data = (np.concatenate(part) for part in zip(*parts, strict=True))
        used, back = np.unique(col, return_inverse=True)
        shape = next(iter(terms.values())).shape[0], len(used)
        return sparse.csr_matrix((data, (row, back)), shape=shape), used

    def _at(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
        missing = self._method[i, j] < 0
        if missing.any():
            pairs = np.sort(np.stack([i[missing], j[missing]]), axis=0)
            self._find(*np.unique(pairs, axis=1))
        method = ORDER[self._method[i, j].max(initial=0)]
        return self._value[i, j], self._error[i, j], method

    def _find(self, i: np.ndarray, j: np.ndarray) -> None:
        """Fill in pairs: products of means where the features are independent, and integrals."""
        both = np.stack([self._owner[i], self._owner[j]])
        owners, which = np.unique(both, axis=1, return_inverse=True)
        which, kinds = which.ravel(), {}
        for number, (a, b) in enumerate(owners.T):
            chosen, pair = which == number, (self._features[a], self._features[b])
            if self._independent(*pair):
                self._multiply_means(i[chosen], j[chosen], *pair)
            else:
                kinds.setdefault(tuple(id(f.activation) for f in pair), []).append(np.flatnonzero(chosen))
        for parts in kinds.values():
            chosen = np.concatenate(parts)
            self._integrate(i[chosen], j[chosen])

    def _independent(self, a, b) -> bool:
        memo = self._moments._tokens
        return tokens(a, memo).isdisjoint(tokens(b, memo))

    def _multiply_means(self, i, j, a, b) -> None:
        left, right = (self._moments.feature_mean(f)[k - self._first[f]] for f, k in ((a, i), (b, j)))
        found = left * right
        self._set(i, j, found.value, found.error, found.method)

    def _integrate(self, i: np.ndarray, j: np.ndarray) -> None:
        """Pairs of two activations."""
        phi, psi = (self._features[self._owner[k[0]]].activation for k in (i, j))
        owners = np.unique(self._owner[np.concatenate([i, j])])
        self._moments.integrable(*(self._features[o] for o in owners))
        quick = phi is psi and (form_of(phi) is not None or not phi.kinks)
        self._moments.budget.spend((_CLOSED if quick else _INTEGRAL) * len(i))
        if len(self._args) > 1:
            self._args = [stacked(self._args)]
        whole = self._args[0]
        step = len(i) if quick else AT_ONCE
        for start in range(0, len(i), step):
            u, v = i[start : start + step], j[start : start + step]
            c = columns.row_cov(whole[u], whole[v])
            means = {"m1": self._mean[u], "m2": self._mean[v]}
            means = means if any(np.any(m) for m in means.values()) else {}
            other = {} if phi is psi else {"psi": psi}
            found = self._pair(phi, self._variance[u], self._variance[v], c, **other, **means)
            self._set(u, v, np.asarray(found.value), np.asarray(found.error), found.method)

    def _pair(self, phi, q1, q2, c, **more):
        """`expect.pair`; what it does not settle of a user's square integrable function is left to particles."""
        mine = "unknown" in (phi.growth, more.get("psi", phi).growth)
        try:
            found = expect.pair(phi, q1, q2, c, **more)
        except Misuse:
            if not mine or _grows(phi, q1) or _grows(more.get("psi", phi), q2):
                raise
            self._leave(phi)
        if mine and np.max(found.error, initial=0.0) > _SETTLED * np.max(np.abs(found.value), initial=1e-300):
            self._leave(phi)
        return found

    def _leave(self, phi) -> NoReturn:
        raise Beyond(
            f"Quadrature must settle on the expectations of {phi.name}",
            f"expectations of {phi.name} that quadrature does not settle (poles, or fast oscillations)",
            "Particles give an estimate, with an error",
        )

    def _set(self, i, j, value, error, method: str) -> None:
        for u, v in ((i, j), (j, i)):
            self._value[u, v], self._error[u, v], self._method[u, v] = value, error, ORDER.index(method)


def _grows(phi, q: np.ndarray) -> bool:
    """Whether phi^2 times the density is not small far out."""
    s = np.sqrt(q)
    with np.errstate(all="ignore"):
        near, far = (np.abs(phi.f(r * s)) ** 2 * np.exp(-r * r / 2) + np.abs(phi.f(-r * s)) ** 2 * np.exp(-r * r / 2)
                     for r in (1.1, 9.1))
        return bool(np.any(~(far <= 1e-6 * near)))


def rounded(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Means that are rounding errors become 0: the closed forms are for centred Gaussians."""
    return np.where(np.abs(mean) <= 16 * _EPS * np.sqrt(np.maximum(variance, 0.0)), 0.0, mean)
