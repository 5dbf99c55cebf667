r"""The tangent kernel of a program's outputs, as C-vars of a program: made from forward and backward lines alone.

With :math:`\bar y = \sqrt n\,\partial f/\partial y`, and W of variance sigma^2 written as
:math:`W = \sigma\omega/\sqrt{n}`, the gradient in omega of all products y = W x is
:math:`\sigma\sum \bar y x^\top / n`, so W gives to the kernel

.. math:: \Theta_{ab} = \sigma^2 \sum_{u, u'} \langle \bar y_u^a, \bar y_{u'}^b\rangle \langle x_u, x_{u'} \rangle,
          \qquad \langle s, t \rangle = s^\top t / \text{length},

u, u' over all uses of W: tied weights make the cross terms. A group of input vectors x = F z with covariance
C = F F^T gives sum_ij C_ij <xbar_i, xbar_j>, which covers biases and, with C the Gram matrix of the data, input
weights; the readout gives sigma_v^2 <y_a, y_b>. Source: Tensor Programs II (arXiv 2006.14548), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tpcore import checks
from tpcore.program import check, instructions, ops
from tpcore.program.backprop import objective, seed
from tpcore.program.graph import ancestors, arguments
from tpcore.program.influence import Influence, passes
from tpcore.program.tape import MatrixUse, Tape, VectorUse
from tpcore.program.where import fail


def tangent(prog, output: str | Sequence[str], weights: Mapping[str, object] | None = None):
    """A program whose C-var ``"ntk"`` is the tangent kernel of an output of `prog`, or of the sum of several.

    Parameters
    ----------
    prog : Program
        Stays as it is.
    output : str or list of str
        The name of an output; with a block of features of shape S the kernel has the shape (*S, *S). Several names, of
        outputs of one shape that have readouts of their own, stand for their sum.
    weights : dict, optional
        Learning rates times variances, by the names of matrices and input vectors, and the output's name for its
        bias. By default a matrix has its variance, a group of vectors its covariances, the readout and the output's
        bias their variances: all parameters are N(0, 1), multipliers carry sigma, as in ``tp.ntk`` with
        convention "multiplier". A number replaces these for that input (times the identity for a block); a
        block takes a matrix over its columns too. 0 freezes it.

    Returns
    -------
    Program
        The lines of `prog`, its backward passes, one C-var ``"ntk_" + name`` a parameter and their sum ``"ntk"``.
        ``tp.limit(tangent(prog, "f")).scalar("ntk")`` is the kernel at infinite width, ``tp.run(..)`` gives a draw.

    Raises
    ------
    ProgramError
        If `output` is no output, a weight does not fit, or a function has no derivative.

    Notes
    -----
    As many backward passes as there are entries that share a column: one for a batch whose inputs never meet, one
    for each step of a recurrent net.
    """
    check.check_program(prog)
    back = prog.copy(f"{prog.title}, tangent kernel")
    outs = summands(back, output, prog)
    uses = collect(back, outs)
    kernel = Kernel(back, outs, dict(weights or {}))
    kernel.readouts()
    kernel.matrices(uses)
    kernel.vectors(uses)
    kernel.total()
    back.outputs = {k: o for k, o in back.outputs.items() if o.readout not in {out.readout for out in outs}}
    return back


def summands(back, output, prog) -> list[ops.Output]:
    """The outputs that `output` names."""
    outs = []
    for name in output if isinstance(output, list | tuple) else [output]:
        out, roots = objective(back, name, prog)
        if out is None:
            fail("tangent", "the kernel is that of an output", check.describe(back.var(roots[0])),
                 "Declare one: prog.output(name, v, y) with a readout v used nowhere else")
        outs.append(out)
    shapes = {back.nodes[out.features].shape for out in outs}
    if len(shapes) != 1 or len({out.readout for out in outs}) < len(outs):
        fail("tangent", "outputs to be added must have one shape, and readouts of their own",
             ", ".join(out.name for out in outs) or "none")
    return outs


def collect(back, outs: list[ops.Output]) -> list[tuple[MatrixUse | VectorUse, np.ndarray]]:
    """All uses of parameters below the readouts, each with the entry of the sum that owns each column (-1: none)."""
    nodes = list(back.nodes)
    roots = [out.features for out in outs]
    active = ancestors(nodes, roots)
    found = Influence(nodes, roots)
    slopes, uses = {}, []
    for group in apart(nodes, found):
        tape = Tape(back, active - set(back._constants.values()), slopes, inputs=False)
        cotangent = np.zeros(found.entries)
        cotangent[group] = 1.0
        for out in outs:
            seed(tape, out, out.features, cotangent.reshape(nodes[out.features].shape))
        tape.run()
        for use in [*tape.matrix_uses, *tape.vector_uses]:
            uses.append((use, _owners(found, use, group)))
    return uses


def apart(nodes: list[ops.Node], found: Influence) -> list[list[int]]:
    """Entries that one backward pass can serve: none of its columns at a parameter moves two of them."""
    columns = []
    for i, moved in found.of.items():
        if isinstance(nodes[i].op, ops.MatMul):
            columns.append(moved)
        columns += [found.through(i, arg) for arg in _inputs(nodes, nodes[i])]
    return passes(columns, found.entries)


def _inputs(nodes: list[ops.Node], node: ops.Node) -> list[int]:
    return [i for i in dict.fromkeys(arguments(node.op)) if isinstance(nodes[i].op, ops.GaussianInput)]


def _owners(found: Influence, use: MatrixUse | VectorUse, group: list[int]) -> np.ndarray:
    if isinstance(use, MatrixUse):
        moved = found.of[use.reader]
    else:
        moved = found.of[use.vector] if use.reader < 0 else found.through(use.reader, use.vector)
        moved = np.broadcast_to(moved, (*use.bar.shape, found.entries))
    moved = moved.reshape(-1, found.entries)[:, group]
    return np.where(moved.any(axis=1), np.asarray(group)[moved.argmax(axis=1)], -1)


class Kernel:
    """The kernel while it is put together, parameter after parameter."""

    def __init__(self, back, outs: list[ops.Output], weights: dict):
        self.back, self.outs, self.weights = back, outs, weights
        self.shape = back.nodes[outs[0].features].shape
        self.entries = int(np.prod(self.shape, dtype=int))
        self.parts: list = []
        names = {n.name for n in back.nodes if isinstance(n.op, ops.MatrixInput | ops.GaussianInput)}
        names |= {out.name for out in outs}
        for name in weights:
            if name not in names:
                fail("tangent", "weights are given to matrices and input vectors by name", repr(name),
                     f"They are {', '.join(sorted(names))}")

    def readouts(self) -> None:
        """sigma_v^2 <y_a, y_b>, and the variance of the output's bias; outputs that share a bias add its slopes."""
        slopes: dict[str, float] = {}
        for out in self.outs:
            bias = np.sqrt(self._number(out.name, out.bias_variance))
            slopes[out.bias] = slopes.get(out.bias, 0.0) + bias
        shared = sum(slope**2 for slope in slopes.values())
        for out in self.outs:
            node = self.back.nodes[out.readout]
            column = int(node.op.columns)
            weight = self._number(node.name, float(node.op.group.cov[column, column]))
            y = _flat(self.back.var(out.features))
            self._part(f"ntk_{node.name}", Sum(np.arange(self.entries), weight, shared, self.entries), [_gram(y)])
            shared = 0.0

    def matrices(self, uses) -> None:
        """sigma^2 rows <ybar, ybar'> <x, x'> for every matrix."""
        for index, members in _grouped(uses, MatrixUse, lambda use: use.matrix).items():
            node = self.back.nodes[index]
            weight = self._number(node.name, node.op.variance) * node.dim[0]
            owners, left = _join([(use.left, owned, 1.0) for use, owned in members])
            if weight and len(owners):
                right = _join([(use.right, owned, 1.0) for use, owned in members])[1]
                self._part(f"ntk_{node.name}", Sum(owners, weight, 0.0, self.entries), [_gram(left), _gram(right)])

    def vectors(self, uses) -> None:
        """dim sum_ij C_ij <xbar_i, xbar_j> for every group of input vectors."""
        for members in _grouped(uses, VectorUse, lambda use: self.back.nodes[use.vector].op.group).values():
            group = self.back.nodes[members[0][0].vector].op.group
            cov = self._covariance(group, {use.vector for use, _ in members})
            columns = [self._columns(use)[owned >= 0] for use, owned in members]
            columns = np.concatenate(columns)
            if not len(columns) or not cov[np.ix_(columns, columns)].any():
                continue
            owners, bars = _join([(use.bar, owned, use.coefficient) for use, owned in members])
            weight = cov[np.ix_(columns, columns)] * group.dim
            name = self.back.nodes[members[0][0].vector].name
            self._part(f"ntk_{name}", Sum(owners, weight, 0.0, self.entries), [_gram(bars)])

    def total(self) -> None:
        """The sum, in the shape of two outputs."""
        formula = " + ".join(f"{{{k}}}" for k in range(len(self.parts)))
        total = instructions.scalar(Arrange((*self.shape, *self.shape)), self.parts, label="+", formula=formula,
                                    structure="sum", shape=(*self.shape, *self.shape))
        self._name("ntk", total)

    def _part(self, name: str, call, grams: list) -> None:
        label = f"sum of {' * '.join(f'{{{k}}}' for k in range(len(grams)))} over uses"
        part = instructions.scalar(call, grams, label="sum over uses", formula=label, shape=(self.entries,) * 2)
        self.parts.append(self._name(name, part))

    def _name(self, name: str, var):
        self.back._rename(var.index, self.back._free(name))
        self.back._automatic.discard(var.index)
        return self.back.var(var.index)

    def _columns(self, use: VectorUse) -> np.ndarray:
        own = self.back.nodes[use.vector]
        return np.broadcast_to(np.reshape(own.op.columns, own.shape), use.bar.shape).ravel()

    def _number(self, name: str, usual: float) -> float:
        if name not in self.weights:
            return usual
        return check.checked("tangent", checks.real, f"the weight of {name}", self.weights[name], 0.0)

    def _covariance(self, group: ops.GaussianGroup, members: set[int]) -> np.ndarray:
        """The group's covariance, with what `weights` puts in its place."""
        cov = np.array(group.cov, dtype=float)
        for index in sorted(members):
            node = self.back.nodes[index]
            if node.name in self.weights:
                columns = np.ravel(node.op.columns)
                given = check.checked("tangent", checks.array, f"the weight of {node.name}", self.weights[node.name])
                if given.ndim and given.shape != (len(columns),) * 2:
                    fail("tangent", f"the weight of {node.name} must be a number or a matrix over its columns",
                         f"shape {given.shape}")
                cov[columns, :] = cov[:, columns] = 0.0
                cov[np.ix_(columns, columns)] = given if given.ndim else given * np.eye(len(columns))
        return cov


class Sum:
    """A^T (weight * product of the arguments) A + constant, A the owners of the columns."""

    def __init__(self, owners: np.ndarray, weight, constant: float, entries: int):
        self.matrix = np.zeros((len(owners), entries))
        self.matrix[np.arange(len(owners)), owners] = 1.0
        self.weight, self.constant = weight, constant

    def __call__(self, *grams):
        product = self.weight
        for gram in grams:
            product = product * gram
        return np.matmul(self.matrix.T, np.matmul(product, self.matrix)) + self.constant


class Arrange:
    """The sum of the arguments, in another shape."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def __call__(self, *parts):
        return sum(parts[1:], start=parts[0]).reshape(self.shape)


def _grouped(uses, kind: type, key) -> dict:
    found: dict = {}
    for use, owned in uses:
        if isinstance(use, kind):
            found.setdefault(key(use), []).append((use, owned))
    return found


def _flat(x):
    return x.reshape(-1) if x.shape != (int(np.prod(x.shape, dtype=int)),) else x


def _gram(x):
    return instructions.inner(x, x)


def _join(blocks) -> tuple[np.ndarray, object]:
    """The owned columns of (block, owners, coefficient) side by side, and their owners."""
    kept, parts = [], []
    for block, owned, coefficient in blocks:
        if not (owned >= 0).any():
            continue
        flat = _flat(block)
        flat = flat if (owned >= 0).all() else instructions.arrange(flat, np.flatnonzero(owned >= 0))
        parts.append(flat if coefficient == 1.0 else coefficient * flat)
        kept.append(owned[owned >= 0])
    if not parts:
        return np.zeros(0, int), None
    return np.concatenate(kept), parts[0] if len(parts) == 1 else instructions.stack(parts, new_axis=False)
