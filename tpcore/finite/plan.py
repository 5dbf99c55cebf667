"""From a program to stages: what one sweep over the neurons can do, and what has to wait for a sum over them.

Within a stage every vector is made tile by tile and thrown away, unless a later
stage needs it. A stage ends where a sum over the neurons is needed: a Moment,
an inner product, the Gram matrix of vectors about to be multiplied by a matrix
that is never met again. Products with other matrices happen between stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tpcore.finite.values import factor, picker, same_dim, size
from tpcore.program.graph import arguments
from tpcore.program.ops import GaussianGroup, GaussianInput, Inner, MatMul, MatrixInput, Moment, Node, Output, Scalar


@dataclass(frozen=True, eq=False)
class Product:
    """The MatMuls of one matrix (or its transpose) that are ready at the same stage, as one block."""

    key: int
    matrix: int
    transposed: bool
    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    stage: int
    fused: bool
    columns: int


@dataclass(frozen=True, eq=False)
class Source:
    """Fresh Gaussian columns: a group of input vectors, or the images under a matrix that is met once."""

    nodes: tuple[int, ...]
    pickers: tuple[slice | np.ndarray, ...]
    stage: int
    columns: int
    group: GaussianGroup | None = None
    product: Product | None = None

    @cached_property
    def group_factor(self) -> np.ndarray:
        """F with F F^T = cov; of one axis where cov is diagonal."""
        cov = np.asarray(self.group.cov, dtype=np.float64)
        diagonal = np.diag(cov)
        return np.sqrt(np.maximum(diagonal, 0)) if np.array_equal(cov, np.diag(diagonal)) else factor(cov)

    @cached_property
    def group_mean(self) -> np.ndarray | None:
        mean = np.asarray(self.group.mean, dtype=np.float64).ravel()
        return mean if mean.any() else None


@dataclass(eq=False)
class Sweep:
    """One pass over the tiles of all vectors of one dimension, in one stage."""

    dim: float
    sources: list[Source] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    stores: list[int] = field(default_factory=list)
    sums: list[tuple[str, object]] = field(default_factory=list)


@dataclass(eq=False)
class Stage:
    """Scalars first, then one sweep a dimension, then products of whole arrays; then what is no longer needed goes."""

    scalars: list[Node] = field(default_factory=list)
    sweeps: dict[float, Sweep] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)
    frees: list[int] = field(default_factory=list)
    last_products: list[int] = field(default_factory=list)

    def sweep(self, dim: float) -> Sweep:
        dim = same_dim(dim)
        return self.sweeps.setdefault(dim, Sweep(dim))


class Plan:
    """The stages of a program.

    Parameters
    ----------
    prog : Program
        The program.
    dense : bool
        Products are done with stored matrices; else no matrix is ever stored.
    keep : set of int
        Nodes (vectors) whose whole arrays are wanted at the end.
    """

    def __init__(self, prog, dense: bool, keep: frozenset[int] = frozenset()):
        self.nodes: list[Node] = list(prog.nodes)
        self.outputs: dict[str, Output] = dict(prog.outputs)
        self.dense, self.keep = dense, keep
        self._ready, self._at = self._levels()
        self.products = self._products()
        self._whole_inputs = {i for product in self.products if not product.fused for i in product.inputs}
        self._whole_nodes = {i for product in self.products if not product.fused for i in product.nodes}
        self.last_use, first_use = self._uses()
        self.sources = self._sources(first_use)
        self.made = self._made()
        self.columns = self._columns()
        self.stages = self._stages()

    def _levels(self) -> tuple[list[int], dict[int, int]]:
        """For each node the first stage in which it may be used, and for each sum the stage that computes it."""
        ready, at = [], {}
        for node in self.nodes:
            op, level = node.op, max((ready[i] for i in arguments(node.op)), default=0)
            if isinstance(op, (Moment, Inner)):
                at[node.index] = level
                level += 1
            ready.append(level + isinstance(op, MatMul))
        return ready, at

    def output_stage(self, output: Output) -> int:
        return max(self._ready[output.readout], self._ready[output.features])

    def _products(self) -> list[Product]:
        groups: dict[tuple, list[Node]] = {}
        for node in self.nodes:
            if isinstance(node.op, MatMul):
                groups.setdefault((node.op.matrix, node.op.transposed, self._ready[node.op.x]), []).append(node)
        met = [matrix for matrix, _, _ in groups]
        return [
            Product(
                key=members[0].index,
                matrix=matrix,
                transposed=transposed,
                nodes=tuple(node.index for node in members),
                inputs=tuple(node.op.x for node in members),
                stage=stage,
                fused=not self.dense and met.count(matrix) == 1,
                columns=sum(size(node.shape) for node in members),
            )
            for (matrix, transposed, stage), members in groups.items()
        ]

    def _uses(self) -> tuple[dict[int, int], dict[int, int]]:
        uses: dict[int, list[int]] = {}
        for node in self.nodes:
            if not isinstance(node.op, (MatMul, Scalar)):
                for i in arguments(node.op):
                    uses.setdefault(i, []).append(self._at.get(node.index, self._ready[node.index]))
        for product in self.products:
            for i in product.inputs:
                uses.setdefault(i, []).append(product.stage)
        for output in self.outputs.values():
            for i in (output.readout, output.features):
                uses.setdefault(i, []).append(self.output_stage(output))
        return {i: max(stages) for i, stages in uses.items()}, {i: min(stages) for i, stages in uses.items()}

    def _sources(self, first_use: dict[int, int]) -> list[Source]:
        groups: dict[int, list[Node]] = {}
        for node in self.nodes:
            if isinstance(node.op, GaussianInput):
                groups.setdefault(id(node.op.group), []).append(node)
        sources = []
        for members in groups.values():
            used = [first_use[node.index] for node in members if node.index in first_use]
            sources.append(
                Source(
                    nodes=tuple(node.index for node in members),
                    pickers=tuple(picker(node.op.columns) for node in members),
                    stage=min(used, default=0),
                    columns=len(members[0].op.group.cov),
                    group=members[0].op.group,
                )
            )
        for product in self.products:
            if product.fused:
                ends = np.cumsum([size(self.nodes[i].shape) for i in product.nodes])
                used = [first_use[i] for i in product.nodes if i in first_use]
                sources.append(
                    Source(
                        nodes=product.nodes,
                        pickers=tuple(
                            slice(int(end) - size(self.nodes[i].shape), int(end))
                            for i, end in zip(product.nodes, ends, strict=True)
                        ),
                        stage=max(product.stage + 1, min(used, default=0)),
                        columns=product.columns,
                        product=product,
                    )
                )
        return sources

    def _made(self) -> list[int]:
        """The stage in which each vector's tiles are made."""
        made = list(self._ready)
        for source in self.sources:
            for i in source.nodes:
                made[i] = source.stage
        return made

    def _columns(self) -> dict[float, int]:
        """For each dimension the columns of its widest block."""
        columns: dict[float, int] = {}
        for node in self.nodes:
            if node.kind in "GH":
                dim = same_dim(node.dim)
                columns[dim] = max(columns.get(dim, 1), size(node.shape))
        for source in self.sources:
            dim = same_dim(self.nodes[source.nodes[0]].dim)
            columns[dim] = max(columns[dim], source.columns)
        return columns

    def stored(self, node: Node) -> bool:
        """Whether the whole array of a vector that tiles make is needed after its stage's sweep."""
        i = node.index
        return i in self.keep or i in self._whole_inputs or self.last_use.get(i, -1) > self.made[i]

    def _stages(self) -> list[Stage]:
        stages = [Stage() for _ in range(max([0, *self._ready, *self.made]) + 1)]
        for source in self.sources:
            stages[source.stage].sweep(self.nodes[source.nodes[0]].dim).sources.append(source)
        for node in self.nodes:
            i, stage = node.index, stages[self.made[node.index]]
            if isinstance(node.op, MatrixInput):
                continue
            if isinstance(node.op, Scalar):
                stage.scalars.append(node)
            elif i in self._at:
                first = self.nodes[arguments(node.op)[0]]
                kind = "inner" if isinstance(node.op, Inner) else "moment"
                stages[self._at[i]].sweep(first.dim).sums.append((kind, node))
            elif i not in self._whole_nodes:
                sweep = stage.sweep(node.dim)
                if not isinstance(node.op, (GaussianInput, MatMul)):
                    sweep.nodes.append(node)
                if self.stored(node):
                    sweep.stores.append(i)
        for product in self.products:
            if product.fused:
                dim = self.nodes[product.inputs[0]].dim
                stages[product.stage].sweep(dim).sums.append(("gram", product))
            else:
                stages[product.stage].products.append(product)
        for name, output in self.outputs.items():
            stages[self.output_stage(output)].sweep(self.nodes[output.features].dim).sums.append(("output", name))
        for node in self.nodes:
            if node.kind in "GH" and node.index not in self.keep:
                stages[self.last_use.get(node.index, self.made[node.index])].frees.append(node.index)
        for matrix, products in self.whole_matrices().items():
            stages[products[-1].stage].last_products.append(matrix)
        return stages

    @property
    def pieces(self) -> int:
        """How many pieces of work progress is counted in: the stages, and the products of whole arrays."""
        return len(self.stages) + sum(len(stage.products) for stage in self.stages)

    def whole_matrices(self) -> dict[int, list[Product]]:
        """Of `by_matrix` the matrices with state: stored, or met more than once."""
        return {matrix: products for matrix, products in self.by_matrix().items() if not products[0].fused}

    def by_matrix(self) -> dict[int, list[Product]]:
        """For each matrix that is met its products, in the order of their stages."""
        found: dict[int, list[Product]] = {}
        for product in sorted(self.products, key=lambda p: p.stage):
            found.setdefault(product.matrix, []).append(product)
        return found

    def array_stage(self, node: Node) -> int | None:
        """The stage in which a vector's whole array comes to be, or None."""
        if node.index in self._whole_nodes:
            return self.made[node.index] - 1
        return self.made[node.index] if self.stored(node) else None
