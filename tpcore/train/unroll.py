r"""Training by SGD, unrolled into a program: its limit is that of training, at any learning rate.

One step: forward with the current parameters, chi = loss'(f, y) / batch size, the backward pass of
sum(chi f) by the rules of ``tp.grad`` in the current parameters alone, and then, for adjoints
vbar = n d(loss)/dv, the muP updates

.. math:: U \leftarrow U - \eta \bar U, \quad V \leftarrow V - \eta \bar V, \quad
          W \leftarrow W - \eta \sum \bar y x^\top / n,

the sum over all products y = W x. So W_t x = W_0 x - eta sum_s ybar_s <x_s, x>: no matrix changes, and nothing
but instructions of the language is written. Source: Tensor Programs IV (arXiv 2011.14522), sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.program import instructions
from tpcore.program.backprop import seed
from tpcore.program.build import Program
from tpcore.program.graph import arguments
from tpcore.program.tape import Tape, add_up
from tpcore.program.variables import Matrix
from tpcore.train.descent import schedule, targets
from tpcore.train.losses import LOSSES, BatchLoss, BatchSlope
from tpcore.train.models import Model
from tpcore.train.trained import TrainedMatrix


def unroll(model: Model, X, y, steps: int, lr: float, *, loss: str = "squared",
           batches: Sequence[Sequence[int]] | None = None, rates: Mapping[str, float] | None = None,
           gamma: float = 1.0, center: bool = False, kernels: bool = False) -> Program:
    r"""The program of a network and `steps` steps of SGD.

    Parameters
    ----------
    model : Model
        ``tpcore.train.MLPModel(depth=2, phi="tanh")``, ``RNNModel``, or anything with their methods.
    X : array_like, (B, ...)
        All inputs, trained on or not.
    y : array_like, (B,)
        Targets; -1 and 1 for the logistic loss. Those of inputs in no batch do not matter.
    steps : int
    lr : float
        eta.
    loss : {"squared", "logistic"}
        mean over the batch of (f - y)^2 / 2, or of log(1 + exp(-y f)).
    batches : sequence of sequences of int, optional
        The inputs of each step, repeated when they run out; all by default.
    rates : dict, optional
        Learning rates of single parameters ("U", "W2", "b1", "V", ..) in units of `lr`; 0 freezes one.
    gamma : float
        The network's output is gamma f, and its learning rate lr / gamma^2: 1 is muP; sqrt(n) is the NTK
        parametrization at width n; between lies the way from the one to the other.
    center : bool
        Subtract the outputs at the start.
    kernels : bool
        Also the C-vars ``"K_x1[t]"`` = <x^1, x^1'>, (B, B), of every hidden layer.

    Returns
    -------
    Program
        With the C-vars ``"f[t]"``, (B,), the outputs after t steps, t = 0 .. steps, ``"loss[t]"``, the loss of the
        batch before step t + 1, and the vectors ``"h1[t]"``, ``"x1[t]"``, .. of shape (B,). `series` stacks them.

    Raises
    ------
    Misuse
        For arrays that do not fit.
    """
    X = model.inputs(X)
    y = targets(y, len(X))
    steps = checks.integer("steps", steps, 0)
    lr, gamma = checks.real("lr", lr), checks.real("gamma", gamma, 0.0, open_low=True)
    found = LOSSES[checks.choice("loss", loss, LOSSES)]
    if loss == "logistic" and not np.all(np.abs(y) == 1):
        raise Misuse("The logistic loss takes the targets -1 and 1", f"{y}"[:80])
    training = Training(model, X, y, lr, found, rates, gamma, center, kernels)
    rows = schedule(batches, len(X))
    for t in range(steps):
        training.step(t, rows[t % len(rows)])
    training.evaluate(steps)
    return training.program


class Training:
    """The program while it is unrolled: parameters are variables, or matrices with their updates."""

    def __init__(self, model: Model, X, y, lr: float, loss, rates, gamma: float, center: bool, kernels: bool):
        self.model, self.X, self.y, self.loss = model, X, y, loss
        self.gamma, self.center, self.kernels = gamma, center, kernels
        self.program = Program(f"{type(model).__name__}, trained")
        start = model.parameters(self.program, X)
        rates = dict(rates or {})
        for name in rates:
            checks.choice("rates", name, start)
        self.rates = {name: lr / gamma**2 * checks.real(f"the rate of {name}", rates.get(name, 1.0)) for name in start}
        self.current = {
            name: TrainedMatrix(v, self.rates[name]) if isinstance(v, Matrix) else v for name, v in start.items()
        }
        self._initial = None

    def evaluate(self, t: int):
        """The outputs after t steps; f of shape (B,)."""
        prog = self.program
        f, hidden = self.model.forward(self.current, self.X, lambda name, v: prog.name(f"{name}[{t}]", v))
        if self.kernels:
            for name, x in hidden.items():
                prog.name(f"K_{name}[{t}]", instructions.inner(x, x))
        f = f if self.gamma == 1.0 else self.gamma * f
        if self.center:
            if self._initial is None:
                self._initial = prog.name("start", instructions.scalar(add_up, [f], label="start", shape=f.shape))
            f = f - self._initial
        return prog.name(f"f[{t}]", f)

    def step(self, t: int, rows: np.ndarray) -> None:
        """One step of SGD on the inputs `rows`."""
        prog, start = self.program, len(self.program.nodes)
        f = self.evaluate(t)
        whole = np.array_equal(rows, np.arange(len(self.X)))
        if not whole:
            start = len(prog.nodes)
            f = self._batch(t, rows)
        y = self.y[rows]
        label = f"{self.loss.name} loss"
        prog.name(f"loss[{t}]", instructions.scalar(BatchLoss(self.loss, y), [f], label=label, shape=()))
        self._descend(t, f, BatchSlope(self.loss, y), start)

    def _batch(self, t: int, rows: np.ndarray):
        """The outputs of a batch, as lines of their own."""
        prog = self.program
        f, _ = self.model.forward(self.current, self.X[rows], lambda name, v: prog.name(f"{name}[{t},batch]", v))
        f = f if self.gamma == 1.0 else self.gamma * f
        return f - self._initial[rows] if self.center else f

    def _descend(self, t: int, f, slope: BatchSlope, start: int) -> None:
        """Differentiate in the current parameters, then update them."""
        prog = self.program
        vectors = {k: v for k, v in self.current.items() if not isinstance(v, TrainedMatrix) and self.rates[k]}
        matrices = {v.matrix.index: v for k, v in self.current.items() if isinstance(v, TrainedMatrix) and v.rate}
        roots = {v.index for v in vectors.values()}
        still = set() if self._initial is None else {self._initial.index}
        tape = Tape(prog, between(prog.nodes, roots | set(matrices), f.index, start) - still)
        seed(tape, None, f.index, instructions.scalar(slope, [f], label=f"{self.loss.name} loss'", shape=f.shape))
        tape.run()
        for name, v in vectors.items():
            bar = tape.adjoint(v.index)
            if bar is not None:
                self.current[name] = prog.name(f"{name}[{t + 1}]", v - self.rates[name] * bar)
        for use in tape.matrix_uses:
            if use.matrix in matrices:
                matrices[use.matrix].update(use.left, use.right)


def between(nodes, roots: set[int], last: int, start: int) -> set[int]:
    """The lines from `start` on that depend on `roots` and on which line `last` depends, and the roots."""
    below = set(roots)
    for node in nodes[start : last + 1]:
        if not below.isdisjoint(arguments(node.op)):
            below.add(node.index)
    above, todo = set(), [last]
    while todo:
        i = todo.pop()
        if i in below and i not in above:
            above.add(i)
            if i not in roots:
                todo += arguments(nodes[i].op)
    return above


def series(result, name: str = "f") -> np.ndarray:
    """The C-vars ``name[0]``, ``name[1]``, .. of a limit or a run of `unroll`'s program, stacked: (steps + 1, ...).

    Parameters
    ----------
    result : Limit or Run
    name : str
        "f", "loss", "K_x1", ..
    """
    found, prog = [], getattr(result, "prog", None) or result._prog
    while f"{name}[{len(found)}]" in prog:
        found.append(np.asarray(result.scalar(f"{name}[{len(found)}]"), float))
    if not found:
        raise Misuse("The program must have a series of C-vars of that name", repr(name), 'series(result, "f")')
    return np.stack(found)
