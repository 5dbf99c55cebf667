"""The state of one draw while its plan is carried out."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import Cancelled
from tpcore.finite.dense import DenseMatrix
from tpcore.finite.lazy import LazyMatrix
from tpcore.finite.plan import Plan, Product, Source, Stage, Sweep
from tpcore.finite.values import evaluate, factor, generator, length, normals, scalar, size, summed, tile_rows

_SOURCE, _MATRIX, _BIAS = range(3)


class Draw:
    """The state of one draw while its plan is executed: whole arrays, scalars, outputs, matrices."""

    def __init__(self, plan: Plan, width: int, root: np.random.SeedSequence, dtype, progress: Progress | None = None):
        self.plan, self.width, self.root = plan, int(width), root
        self.dtype = np.dtype(dtype)
        self.progress = progress
        self.vectors: dict[int, np.ndarray] = {}
        self.scalars: dict[int, np.ndarray] = {}
        self.outputs: dict[str, np.ndarray] = {}
        self._factors: dict[int, np.ndarray] = {}
        self._matrices: dict[int, DenseMatrix | LazyMatrix] = {}

    def execute(self, tick: Callable[[], None] = lambda: None) -> None:
        """Stage after stage; afterwards `vectors` holds those kept, `scalars` and `outputs` all.

        `tick` is called after every stage's sweeps and after every product, `Plan.pieces` times in all.
        """
        for stage in self.plan.stages:
            for node in stage.scalars:
                self.scalars[node.index] = scalar(node, self.scalars)
            for sweep in stage.sweeps.values():
                self._sweep(sweep)
            tick()
            for product in stage.products:
                self._multiply(product)
                tick()
            self._forget(stage)

    def _check(self) -> None:
        if self.progress is not None and self.progress.cancelled:
            raise Cancelled("cancelled by the caller")

    def _sweep(self, sweep: Sweep) -> None:
        rows = length(sweep.dim, self.width)
        for i in sweep.stores:
            self.vectors[i] = np.empty((rows, *self.plan.nodes[i].shape), self.dtype)
        tiles = row_tiles(rows, tile_rows(self.plan.columns[sweep.dim]))
        parts = map_tiles(lambda tile: self._tile(sweep, *tile), enumerate(tiles))
        for position, (kind, what) in enumerate(sweep.sums):
            total = parts[0][position]
            for part in parts[1:]:
                total = total + part[position]
            self._reduce(kind, what, np.asarray(total, dtype=np.float64), rows)

    def _tile(self, sweep: Sweep, index: int, span: slice) -> list:
        self._check()
        made: dict[int, np.ndarray] = {}
        rows = span.stop - span.start

        def vector(i: int) -> np.ndarray:
            tile = made.get(i)
            return self.vectors[i][span] if tile is None else tile

        for source in sweep.sources:
            self._sample(source, index, rows, made)
        for node in sweep.nodes:
            made[node.index] = evaluate(node, vector, self.scalars, rows, self.dtype)
        for i in sweep.stores:
            self.vectors[i][span] = made[i]
        return [self._part(kind, what, vector, rows) for kind, what in sweep.sums]

    def _sample(self, source: Source, index: int, rows: int, made: dict[int, np.ndarray]) -> None:
        key = source.nodes[0]
        weights = source.group_factor if source.product is None else self._factors[key]
        noise = normals(self.root, (_SOURCE, key, index), (rows, weights.shape[-1]), self.dtype)
        weights = weights.astype(self.dtype, copy=False)
        columns = noise * weights if weights.ndim == 1 else noise @ weights.T
        if source.product is None and source.group_mean is not None:
            columns += source.group_mean.astype(self.dtype)
        for i, picked in zip(source.nodes, source.pickers, strict=True):
            made[i] = columns[:, picked].reshape(rows, *self.plan.nodes[i].shape)

    def _part(self, kind: str, what, vector: Callable, rows: int) -> np.ndarray:
        """What one tile adds to a sum over the coordinates."""
        if kind == "moment":
            return summed(what, vector, self.scalars, rows, self.dtype)
        if kind == "inner":
            x, y = vector(what.op.x), vector(what.op.y)
            return _gram(x.reshape(rows, -1), y.reshape(rows, -1)).reshape(x.shape[1:] + y.shape[1:])
        if kind == "gram":
            x = _columns([vector(i) for i in what.inputs], rows)
            return _gram(x, x)
        output = self.plan.outputs[what]
        readout, features = vector(output.readout), vector(output.features)
        return np.asarray(readout @ features.reshape(rows, -1), dtype=np.float64).reshape(features.shape[1:])

    def _reduce(self, kind: str, what, total: np.ndarray, rows: int) -> None:
        if kind == "output":
            output = self.plan.outputs[what]
            label = zlib.crc32(output.bias.encode())
            bias = np.sqrt(output.bias_variance) * generator(self.root, _BIAS, label).standard_normal()
            self.outputs[what] = total / np.sqrt(rows) + bias
        elif kind == "gram":
            variance, cols = self._matrix_shape(what.matrix)[::2]
            self._factors[what.key] = factor(total * (variance / cols))
        else:
            self.scalars[what.index] = total / rows

    def _matrix_shape(self, matrix: int) -> tuple[float, int, int]:
        node = self.plan.nodes[matrix]
        rows, cols = node.dim
        return node.op.variance, length(rows, self.width), length(cols, self.width)

    def _multiply(self, product: Product) -> None:
        self._check()
        matrix = self._matrices.get(product.matrix)
        if matrix is None:
            matrix = self._matrices[product.matrix] = self._open(product.matrix)
        x = _columns([self.vectors[i] for i in product.inputs], len(self.vectors[product.inputs[0]]))
        if self.plan.dense:
            result = matrix.multiply(x, product.transposed)
        else:
            result = matrix.multiply(x, product.transposed, self.root, (_SOURCE, product.key), self._check)
        end = 0
        for i in product.nodes:
            shape = self.plan.nodes[i].shape
            start, end = end, end + size(shape)
            self.vectors[i] = result[:, start:end].reshape(len(result), *shape)

    def _open(self, matrix: int) -> DenseMatrix | LazyMatrix:
        shape = self._matrix_shape(matrix)
        if self.plan.dense:
            return DenseMatrix(*shape, self.root, (_MATRIX, matrix), self.dtype, self._check)
        columns = [0, 0]
        for product in self.plan.products:
            if product.matrix == matrix:
                columns[product.transposed] += product.columns
        return LazyMatrix(*shape, *columns, self.dtype)

    def _forget(self, stage: Stage) -> None:
        for i in stage.frees:
            self.vectors.pop(i, None)
        for matrix in stage.last_products:
            self._matrices.pop(matrix, None)


def _columns(blocks: list[np.ndarray], rows: int) -> np.ndarray:
    flat = [block.reshape(rows, -1) for block in blocks]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def _gram(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """In float64: columns of float32 that differ by little must stay different."""
    left = x.astype(np.float64, copy=False)
    return left.T @ (left if y is x else y.astype(np.float64, copy=False))
