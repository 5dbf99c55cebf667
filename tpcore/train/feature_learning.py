r"""The feature-learning limit: SGD unrolled into a program, and the law of its vectors.

Where r = 0 and training is stable, min(a_{L+1} + b_{L+1}, 2 a_{L+1} + c_{L+1}) = 1 if the function moves: a layer with
r_l = 0 is updated as in muP and any other stays as it starts; the readout starts as in muP if a_{L+1} + b_{L+1} = 1,
else from zero, and is updated as in muP if 2 a_{L+1} + c_{L+1} = 1, else never (Tensor Programs IV, appendix H).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.activations import get
from tpcore.activations.prime import prime
from tpcore.limit.particles.interpret import particles
from tpcore.program import instructions
from tpcore.program.arithmetic import binary
from tpcore.program.tape import add_up
from tpcore.train.losses import BatchSlope
from tpcore.train.models import MLPModel
from tpcore.train.tasks import Task
from tpcore.train.trained import TrainedMatrix
from tpcore.train.unroll import Training

SAMPLES = 2**15


class Divergence(Exception):
    """Outputs beyond all bounds after `step` steps."""

    def __init__(self, step: int):
        super().__init__(step)
        self.step = step


class Watched(BatchSlope):
    """The loss's derivative after `step` steps; every evaluation is progress, and looks at the size of the outputs."""

    def __init__(self, loss, y, step: int, bound: float, tick: Callable[[], None]):
        super().__init__(loss, y)
        for name, value in (("step", step), ("bound", bound), ("tick", tick)):
            object.__setattr__(self, name, value)

    def __call__(self, f):
        self.tick()
        if not np.abs(f).max() <= self.bound:
            raise Divergence(self.step)
        return super().__call__(f)


class Unrolled(Training):
    """The program of one training, with what is recorded as C-vars.

    ``f[t]`` on X; at the steps `wide` on all inputs as ``F[t]``, with the second moments of changes; at the steps `at`
    the kernels.
    """

    def __init__(self, model: MLPModel, task: Task, lr: float, rates, wide: set[int], at: list[int], ntk: bool,
                 bound: float, tick: Callable[[], None], gamma: float = 1.0):
        super().__init__(model, task.inputs, task.y, lr, task.rule, rates, gamma, True, False)
        self.task, self.wide, self.at, self.ntk = task, wide, at, ntk
        self.watch = (bound, tick)
        self.start = {name: v.matrix if isinstance(v, TrainedMatrix) else v for name, v in self.current.items()}
        self.first: dict[str, object] = {}
        self.kept: dict[int, object] = {}

    def unroll(self, batches) -> None:
        """All steps."""
        alone = self.task.count == len(self.X)
        for t, rows in enumerate(batches):
            start, f = len(self.program.nodes), self.look(t) if t in self.wide else None
            whole = len(rows) == self.task.count
            if not (whole and alone and f is not None):
                if f is None:
                    start = len(self.program.nodes)
                    f = self.program.name(f"f[{t}]", self._outputs(f"[{t}]", slice(self.task.count))[0])
                if not whole or t in self.wide:
                    start = len(self.program.nodes)
                    f = self._outputs(f"[{t},batch]", slice(self.task.count) if whole else rows)[0]
            y = self.task.y if whole else self.task.y[rows]
            self._descend(t, f, Watched(self.loss, y, t, *self.watch), start)
        self.look(len(batches))

    def _outputs(self, label: str, rows):
        """gamma f minus its start on the inputs `rows`, and the hidden layers.

        The start vanishes in the limit; what particles have of it goes off again.
        """
        hidden = {}

        def name(text, v):
            hidden[text] = v
            return self.program.name(text + label, v)

        f, _ = self.model.forward(self.current, self.X[rows], name)
        f = f if self.gamma == 1.0 else self.gamma * f
        if self._initial is None:  # the first pass is one on all inputs
            self._initial = self.program.name("start", instructions.scalar(add_up, [f], label="start", shape=f.shape))
        return f - self._initial[rows], hidden

    def look(self, t: int):
        """The pass on all inputs after t steps; their outputs."""
        prog = self.program
        f, hidden = self._outputs(f"[{t},all]", slice(None))
        prog.name(f"F[{t}]", f)
        if t == 0:
            self.first = hidden
        for name, v in hidden.items():
            change = v - self.first[name]
            if t:
                prog.name(f"d{name}[{t}]", instructions.inner(change, change))
            if name[0] == "x":
                prog.name(f"K{name}[{t}]", instructions.inner(v, v))
        if t:
            self._updates(t, hidden)
        if t in self.at:
            self._kernels(t, hidden)
        return f

    def _updates(self, t: int, hidden) -> None:
        """dWx of every layer: second moments of (W_t - W_0) x; for the readout the numbers themselves."""
        prog, depth = self.program, self.model.depth
        for layer in range(2, depth + 1):
            trained, total = self.current[f"W{layer}"], None
            x = hidden[f"x{layer - 1}"]
            for left, right, _ in trained._pairs:
                part = binary("@", left, instructions.inner(right, x))
                total = part if total is None else total + part
            if total is not None:
                prog.name(f"dWx{layer}[{t}]", instructions.inner(total, total))
        if self.rates["U"]:
            act = (self.current["U"] - self.start["U"]) @ self.X.T
            prog.name(f"dWx1[{t}]", instructions.inner(act, act))
        if self.rates["V"]:
            moved = self.current["V"] - self.start["V"]
            prog.name(f"dWx{depth + 1}[{t}]", self.gamma * instructions.inner(hidden[f"x{depth}"], moved))

    def _kernels(self, t: int, hidden) -> None:
        prog, depth = self.program, self.model.depth
        last = hidden[f"x{depth}"]
        for s, other in self.kept.items():
            prog.name(f"O[{s},{t}]", instructions.inner(other, last))
        self.kept[t] = last
        if not self.ntk:
            return
        slope, back = prime(get(self.model.phi)), None
        for layer in range(depth, 0, -1):
            before = self.current["V"] if back is None else self.current[f"W{layer + 1}"].T @ back
            back = slope(hidden[f"h{layer}"]) * before
            prog.name(f"B{layer}[{t}]", instructions.inner(back, back))


class Found:
    """Values and errors of the program's C-vars at infinite width."""

    def __init__(self, unrolled: Unrolled, seed: int, samples: int | None):
        self.prog = unrolled.program
        self.law = particles(self.prog, seed=seed, samples=SAMPLES if samples is None else samples)

    def __call__(self, name: str, shape: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
        """(value, error) of a C-var; zeros where the program does not have it."""
        if name not in self.prog:
            return np.zeros(shape), np.zeros(shape)
        known = self.law._value(self.prog.node(name))
        value, error = np.asarray(known.value, float).reshape(shape), np.asarray(known.error, float)
        return value, error.reshape(shape) if error.size == value.size else np.full(shape, float(error))
