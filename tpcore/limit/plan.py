"""Evaluating columns of features from the values of the Gaussians that they depend on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.limit.forms import Combo, Family, Opaque, Product, clean


class Plan:
    """How to evaluate the opaque factors of requests from the values of their leaves."""

    def __init__(self, factors: list[tuple[Combo, np.ndarray]]):
        self.leaves: list[Combo] = []
        self.kinks: list[tuple[int, np.ndarray]] = []
        self.names: list[str] = []
        self.affine = [combo[columns] for combo, columns in factors if combo.gaussian]
        self.values = [self.combo(combo[columns]) for combo, columns in factors if not combo.gaussian]

    def leaf(self, rows: Combo) -> int:
        self.leaves.append(rows)
        return len(self.leaves) - 1

    def combo(self, rows: Combo) -> Callable:
        """Values (points, R) of the rows of a combo from the leaves' values (leaves, points, R)."""
        parts: list[Callable] = []
        gaussian = {f: matrix for f, matrix in rows.terms.items() if isinstance(f, Family)}
        const = rows.const
        if gaussian:
            number = self.leaf(Combo(const, gaussian))
            parts.append(lambda v: v[number])
            const = np.zeros(rows.size)
        for feature, matrix in rows.terms.items():
            if feature not in gaussian:
                parts.extend(self.layer(feature, *layer) for layer in layers(matrix))

        def evaluate(v):
            result = np.broadcast_to(const, v.shape[1:])
            for part in parts:
                result = result + part(v)
            return result

        return evaluate

    def layer(self, feature, columns: np.ndarray, coefficients: np.ndarray) -> Callable:
        inner = self.feature(feature, columns)
        return (lambda v: inner(v)) if np.all(coefficients == 1) else (lambda v: coefficients * inner(v))

    def feature(self, feature, columns: np.ndarray) -> Callable:
        """Values of column columns[r] of a feature for request r."""
        if isinstance(feature, Product):
            factors = [self.combo(factor[columns]) for factor in feature.factors]
            return lambda v: np.prod([factor(v) for factor in factors], axis=0)
        self.names.append(feature.where)
        if feature.depends is not None:
            return self.mixing(feature, columns)
        first = len(self.leaves)
        args = [self.combo(arg[columns]) for arg in feature.args]
        if len(args) == 1 and feature.args[0].gaussian:
            self.kinks.extend((first, kink) for kink in feature.kinks[columns].T)
        if feature.uniform is not None:
            return lambda v: feature.uniform(columns, *(arg(v) for arg in args))
        return lambda v: whole(feature, columns, [arg(v) for arg in args])

    def mixing(self, feature: Opaque, columns: np.ndarray) -> Callable:
        args = []
        for arg, depends in zip(feature.args, feature.depends, strict=True):
            args.append([self.combo(arg[depends[columns, g]]) for g in range(depends.shape[1])])

        def evaluate(v):
            points, count = v.shape[1:]
            blocks = []
            for arg, depends, shape, own in zip(feature.args, feature.depends, feature.shapes, args, strict=True):
                block = np.ones((points, count, arg.size))
                for g, value in enumerate(own):
                    block[:, np.arange(count), depends[columns, g]] = value(v)
                blocks.append(block.reshape(points * count, *shape))
            result = feature.call(*blocks).reshape(points, count, feature.size)
            return result[:, np.arange(count), columns]

        return evaluate


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
