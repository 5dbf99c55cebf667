"""Random programs: every instruction, blocks, rectangular matrices, transposes, functions with and without kinks.

`draw(seed, transposes=True)` writes a program whose quantities stay of order
one: matrices of variance about 1, coefficients below 1, functions that grow
linearly at most, denominators bounded away from 0. It ends in C-vars that pin
down the joint law of its last vectors. The same seed gives the same program.
"""

from __future__ import annotations

import numpy as np

import tpcore as tp

SMOOTH = ("tanh", "erf", "sin", "cos", "gauss", "sigmoid", "softplus", "gelu")
KINKED = ("relu", "abs", "step", "sign", "leaky_relu", "elu")
LEAST, MOST = 5, 11


def gate(s, t):
    return s * np.tanh(t)


def wave(s, t):
    return np.sin(s + 0.5 * t)


def larger(s, t):
    return np.maximum(s, t)


def chosen(s, t):
    return np.where(t > 0.2, s, 0.5 * np.tanh(s))


def divided(s, q):
    return s / np.sqrt(0.3 + np.abs(q))


def turned(s, q):
    return np.tanh(s + q)


def softmax(c):
    weights = np.exp(np.tanh(c))
    return weights / weights.sum(axis=-1, keepdims=True)


class Writer:
    """A program in the making: its vectors by dimension, its matrices, and a method for each instruction."""

    def __init__(self, rng: np.random.Generator, transposes: bool):
        self.rng, self.transposes = rng, transposes
        self.prog = tp.Program("random")
        self.ratio = float(rng.choice([0.5, 1.5, 2.0]))
        self.matrices = [self._matrix("W"), self._matrix("V"), self._matrix("R", rows=self.ratio)]
        self.pool = {1.0: list(self._inputs()), self.ratio: []}
        self.scalars: list = []
        if rng.random() < 0.5:
            self.pool[self.ratio].append(self.prog.vector("r", mean=self.number(), variance=0.8, dim=self.ratio))

    def number(self) -> float:
        """Between 0.3 and 0.9, of either sign."""
        return round(float(self.rng.uniform(0.3, 0.9) * self.rng.choice([-1, 1])), 2)

    def _matrix(self, name, rows=1.0):
        return self.prog.matrix(name, variance=round(float(self.rng.uniform(0.5, 1.4)), 2), rows=rows)

    def _inputs(self):
        rng = self.rng
        root = rng.normal(size=(3, int(rng.integers(2, 4))))  # singular where it has two columns
        x, y, z = self.prog.vectors("x y z", mean=rng.uniform(-0.7, 0.7, 3).round(2), cov=0.5 * root @ root.T)
        return x, y, z

    def dim(self) -> float:
        """A dimension in which there are vectors, mostly n."""
        return self.ratio if self.pool[self.ratio] and self.rng.random() < 0.3 else 1.0

    def pick(self, dim=None):
        """A vector, the later ones more often."""
        vectors = self.pool[self.dim() if dim is None else dim]
        return vectors[-1 - min(int(self.rng.geometric(0.35)) - 1, len(vectors) - 1)]

    def add(self, vector) -> None:
        self.pool[vector.dim].append(vector)

    # ---- one method an instruction ---------------------------------------------------------------------------

    def matmul(self):
        matrix = self.matrices[int(self.rng.integers(3))]
        if self.transposes and self.rng.random() < 0.5:
            matrix = matrix.T
        if self.pool[matrix.cols]:
            self.add(matrix @ self.pick(matrix.cols))

    def and_back(self):
        """W phi(W^T x) + c x: the transpose at once."""
        matrix = self.matrices[int(self.rng.integers(2))]
        one, other = (matrix, matrix.T) if self.transposes else (matrix, self.matrices[2])
        x = self.pick(1.0)
        y = other @ x
        self.add(y)
        if y.dim == one.cols:
            self.add(one @ self._smooth()(y))

    def _smooth(self):
        return getattr(tp, self.rng.choice(SMOOTH))

    def lincomb(self):
        dim = self.dim()
        total = self.number() * self.pick(dim) + self.number() * self.pick(dim)
        self.add(total + self.number() if self.rng.random() < 0.4 else total)

    def smooth(self):
        self.add(self._smooth()(self.pick()))

    def kinked(self):
        self.add(getattr(tp, self.rng.choice(KINKED))(self.pick()))

    def two_arguments(self):
        dim = self.dim()
        function = (gate, wave, larger, chosen)[int(self.rng.integers(4))]
        self.add(tp.nonlin(function, self.pick(dim), self.pick(dim)))

    def with_moment(self):
        x = self.pick()
        kind = int(self.rng.integers(4))
        if kind == 0:
            self.add(tp.nonlin(divided, x, params=[tp.moment(x * x)]))
        elif kind == 1:
            self.add(x - tp.moment(tp.tanh(x)))
        elif kind == 2:
            self.add(tp.nonlin(turned, x, params=[tp.moment("cos", x)]))
        else:
            self.add(0.5 * tp.inner(x, self.pick(x.dim)) * tp.tanh(x))

    def block(self):
        """Stack, a product of the block, Mix, Reshape, sum: a block in and single vectors out."""
        dim, rng = self.dim(), self.rng
        X = tp.stack([self.pick(dim), self.pick(dim), tp.tanh(self.pick(dim))])
        kind = int(rng.integers(4))
        if kind == 0:
            self.add((X @ (0.5 * rng.normal(size=(3, 2)).round(2)))[1])
        elif kind == 1:
            Y = X @ tp.scalar(softmax, tp.inner(X, X))
            self.add(Y[int(rng.integers(3))])
        elif kind == 2 and dim == 1.0:
            Y = self.matrices[int(rng.integers(2))] @ X.reshape(3, 1)
            self.add(tp.tanh(Y).mean(axis=0)[0])
            self.add(Y[2, 0])
        else:
            self.add(tp.relu(X).mean() + X[::2].sum() * 0.3)

    # ---- what is measured ------------------------------------------------------------------------------------

    def probe(self, vectors) -> None:
        """First, second and crossed moments, one that is bounded and one that is crossed and nonlinear."""
        for i, v in enumerate(vectors):
            tp.moment(v), tp.moment("cos", v)
            for w in vectors[: i + 1]:
                if w.dim == v.dim:
                    tp.inner(v, w)
        same = [v for v in vectors if v.dim == vectors[0].dim]
        if len(same) > 1:
            tp.moment(gate, same[0], same[1])


def draw(seed: int, transposes: bool = True) -> tp.Program:
    """The program of this seed."""
    rng = np.random.default_rng((seed, transposes))
    writer = Writer(rng, transposes)
    steps = [
        (writer.matmul, 0.32), (writer.lincomb, 0.12), (writer.smooth, 0.12), (writer.kinked, 0.12),
        (writer.two_arguments, 0.1), (writer.with_moment, 0.08), (writer.block, 0.08), (writer.and_back, 0.06),
    ]  # fmt: skip
    methods, weights = zip(*steps, strict=True)
    for _ in range(int(rng.integers(LEAST, MOST))):
        methods[rng.choice(len(methods), p=weights)]()
    writer.matmul()
    last = writer.pool[1.0][-2:] + writer.pool[writer.ratio][-1:]
    writer.probe([*last, writer.pool[1.0][0]])
    if rng.random() < 0.5:
        writer.prog.output("f", writer.prog.vector("v", variance=1.2), writer.pool[1.0][-1], bias_variance=0.1)
    return writer.prog
