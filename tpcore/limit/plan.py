"""Evaluating columns of features from the values of the Gaussians that they depend on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.limit.branches import Affine, branches
from tpcore.limit.budget import MOST_LEAVES, Beyond
from tpcore.limit.forms import Combo, Family, Opaque, Product, clean


Values = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Plan:
    """How to evaluate the opaque factors of requests from the values of their leaves.

    `values` has one function a factor: from the leaves' values (leaves, points, R) for requests r (R,) to (points, R).
    What occurs twice is evaluated once.
    """

    def __init__(self, factors: list[tuple[Combo, np.ndarray]]):
        self.leaves: list[Combo] = []
        self.kinks: list[tuple[Affine, np.ndarray]] = []
        self.names: list[str] = []
        self._numbers: dict[tuple, int] = {}
        self._features: dict[tuple, Values] = {}
        self.affine = [combo[columns] for combo, columns in factors if combo.gaussian]
        self.values = [self.combo(combo[columns]) for combo, columns in factors if not combo.gaussian]

    def leaf(self, rows: Combo) -> int:
        number = self._numbers.setdefault(rows.key(), len(self.leaves))
        if number == len(self.leaves):
            self.leaves.append(rows)
        if number >= MOST_LEAVES:
            raise Beyond(
                f"A function must be made of at most {MOST_LEAVES} combinations of Gaussians to be integrated exactly",
                f"a function of more than {MOST_LEAVES}" + (f", through {self.names[0]}" if self.names else ""),
                "Particles take any number of them",
            )
        return number

    def combo(self, rows: Combo) -> Values:
        """Values of the rows of a combo."""
        parts: list[Values] = []
        gaussian = {f: matrix for f, matrix in rows.terms.items() if isinstance(f, Family)}
        const = rows.const
        if gaussian:
            number = self.leaf(Combo(const, gaussian))
            parts.append(lambda v, r: v[number])
            const = np.zeros(rows.size)
        for feature, matrix in rows.terms.items():
            if feature not in gaussian:
                parts.extend(self.layer(feature, *layer) for layer in layers(matrix))
        if len(parts) == 1 and not const.any():
            return parts[0]

        def evaluate(v, r):
            result = np.broadcast_to(const[r], v.shape[1:])
            for part in parts:
                result = result + part(v, r)
            return result

        return evaluate

    def layer(self, feature, columns: np.ndarray, coefficients: np.ndarray) -> Values:
        inner = self.feature(feature, columns)
        return inner if np.all(coefficients == 1) else lambda v, r: coefficients[r] * inner(v, r)

    def feature(self, feature, columns: np.ndarray) -> Values:
        """Values of column columns[r] of a feature for request r."""
        key = id(feature), columns.tobytes()
        if key not in self._features:
            self._features[key] = _once(self._feature(feature, columns))
        return self._features[key]

    def _feature(self, feature, columns: np.ndarray) -> Values:
        if isinstance(feature, Product):
            factors = [self.combo(factor[columns]) for factor in feature.factors]
            return lambda v, r: np.prod([factor(v, r) for factor in factors], axis=0)
        self.names.append(feature.where)
        if feature.depends is not None:
            return self._mixing(feature, columns)
        args = [self.combo(arg[columns]) for arg in feature.args]
        if len(args) == 1 and feature.kinks.shape[1]:
            found = branches(feature.args[0][columns], self.leaf, layers) or []
            self.kinks.extend((each, kink) for each in found if each.slopes for kink in feature.kinks[columns].T)
        if feature.uniform is not None:
            return lambda v, r: feature.uniform(columns[r], *(arg(v, r) for arg in args))
        return lambda v, r: whole(feature, columns[r], [arg(v, r) for arg in args])

    def _mixing(self, feature: Opaque, columns: np.ndarray) -> Values:
        args = []
        for arg, depends in zip(feature.args, feature.depends, strict=True):
            args.append([self.combo(arg[depends[columns, g]]) for g in range(depends.shape[1])])

        def evaluate(v, r):
            points, count = v.shape[1:]
            blocks = []
            for arg, depends, shape, own in zip(feature.args, feature.depends, feature.shapes, args, strict=True):
                block = np.ones((points, count, arg.size))
                for g, value in enumerate(own):
                    block[:, np.arange(count), depends[columns[r], g]] = value(v, r)
                blocks.append(block.reshape(points * count, *shape))
            result = feature.call(*blocks).reshape(points, count, feature.size)
            return result[:, np.arange(count), columns[r]]

        return evaluate


def _once(evaluate: Values) -> Values:
    """`evaluate`, which remembers its last values."""
    last: list = [None, None]

    def remembered(v, r):
        if last[0] is not v:
            last[:] = v, evaluate(v, r)
        return last[1]

    return remembered


def whole(feature: Opaque, columns: np.ndarray, values: list[np.ndarray]) -> np.ndarray:
    """Column columns[r] from values (points, R) when only whole blocks may be given to the function."""
    points, count = values[0].shape
    result, rounds = np.empty((points, count)), np.zeros(count, int)
    order = np.argsort(columns, kind="stable")
    starts = np.searchsorted(columns[order], columns[order])
    rounds[order] = np.arange(count) - starts
    for turn in range(rounds.max(initial=-1) + 1):
        now = np.flatnonzero(rounds == turn)
        blocks = []
        for value, shape in zip(values, feature.shapes, strict=True):
            block = np.ones((points, feature.size))
            block[:, columns[now]] = value[:, now]
            blocks.append(block.reshape(points, *shape))
        result[:, now] = feature.call(*blocks)[:, columns[now]]
    return result


def layers(matrix) -> list[tuple[np.ndarray, np.ndarray]]:
    """A sparse matrix as a sum of matrices with at most one entry a row: (columns, coefficients) each."""
    matrix = clean(matrix)
    counts = np.diff(matrix.indptr)
    found = []
    for depth in range(counts.max(initial=0)):
        here = counts > depth
        columns, values = np.zeros(len(counts), int), np.zeros(len(counts))
        columns[here] = matrix.indices[matrix.indptr[:-1][here] + depth]
        values[here] = matrix.data[matrix.indptr[:-1][here] + depth]
        found.append((columns, values))
    return found
