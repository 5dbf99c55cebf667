"""What is learnt: inputs, targets, a loss, and the order in which minibatches come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.train.losses import LOSSES, Loss


@dataclass(frozen=True, eq=False)
class Task:
    r"""Inputs, targets and a loss: the mean over the batch of (f - y)^2 / 2, or of log(1 + exp(-y f)).

    Parameters
    ----------
    X : array_like, (B, d)
        Inputs, one a row; the network gets them as they are, without 1/sqrt(d).
    y : array_like, (B,)
        Targets; -1 and 1 for the logistic loss.
    loss : {"squared", "logistic"}
    X_test : array_like, (M, d), optional
        Inputs that are only looked at.
    y_test : array_like, (M,), optional
        Their targets.
    batch : int, optional
        Size of minibatches; all inputs by default.
    order : int
        Seed of the order of the minibatches: a new shuffle of the inputs every epoch.
    name : str
        For titles.
    hidden : ndarray, (k, d), optional
        Directions whose inner products with an input determine its target, where the task has such.

    Raises
    ------
    Misuse
        For arrays that do not fit.
    """

    X: np.ndarray
    y: np.ndarray
    loss: str = "squared"
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    batch: int | None = None
    order: int = 0
    name: str = "task"
    hidden: np.ndarray | None = field(default=None, repr=False)
    _all: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        put("X", checks.array("X", self.X, 2))
        put("y", checks.array("y", self.y, 1))
        if not self.X.size:
            raise Misuse("X must hold at least one input of at least one number", f"shape {self.X.shape}")
        if len(self.y) != len(self.X):
            raise Misuse(f"y must have one target for each of the {len(self.X)} inputs", f"{len(self.y)}")
        checks.choice("loss", self.loss, LOSSES)
        if self.loss == "logistic" and not np.all(np.abs(self.y) == 1):
            raise Misuse("The logistic loss takes the targets -1 and 1", f"{self.y}"[:80])
        put("X_test", np.empty((0, self.dimension)) if self.X_test is None else checks.array("X_test", self.X_test, 2))
        if self.X_test.shape[1] != self.dimension:
            raise Misuse(f"X_test must have inputs of length {self.dimension}, as X has", f"{self.X_test.shape[1]}")
        if self.y_test is not None:
            put("y_test", checks.array("y_test", self.y_test, 1))
            if len(self.y_test) != len(self.X_test):
                raise Misuse(f"y_test must have {len(self.X_test)} targets, one an input", f"{len(self.y_test)}")
        if self.batch is not None:
            checks.integer("batch", self.batch, 1, self.count)
        checks.integer("order", self.order, 0)
        put("_all", np.concatenate([self.X, self.X_test]))

    @property
    def count(self) -> int:
        """B, the inputs that are trained on."""
        return len(self.X)

    @property
    def dimension(self) -> int:
        """d."""
        return self.X.shape[1]

    @property
    def inputs(self) -> np.ndarray:
        """(B + M, d): X, then X_test."""
        return self._all

    @property
    def rule(self) -> Loss:
        """The loss and its slope."""
        return LOSSES[self.loss]

    def mean_loss(self, f: np.ndarray) -> np.ndarray:
        """Loss over all of X of outputs (..., B)."""
        return np.mean(self.rule.value(np.asarray(f), self.y), axis=-1)

    def batches(self, steps: int) -> list[np.ndarray]:
        """The inputs (rows of X) of each of `steps` steps.

        Every epoch is a shuffle of all inputs, cut into pieces of `batch`; what is left over at its end waits for the
        next one.
        """
        if self.batch is None or self.batch == self.count:
            return [np.arange(self.count)] * steps
        rng, rows = np.random.default_rng(np.random.SeedSequence(self.order)), []
        while len(rows) < steps:
            shuffled = rng.permutation(self.count)
            rows += [shuffled[i : i + self.batch] for i in range(0, self.count - self.batch + 1, self.batch)]
        return rows[:steps]

    def __repr__(self) -> str:
        tests = f", {len(self.X_test)} more to look at" if len(self.X_test) else ""
        batch = "" if self.batch is None else f", batches of {self.batch}"
        return f"Task({self.name!r}: {self.count} inputs in dimension {self.dimension}{tests}, {self.loss} loss{batch})"


def task(which: str | Task, **options) -> Task:
    """A task by its name, one of `TASKS`; a `Task` is returned as it is.

    Examples
    --------
    >>> task("parity", count=16, dimension=5, degree=2)
    Task('parity': 16 inputs in dimension 5, 64 more to look at, squared loss)
    """
    if isinstance(which, Task):
        if options:
            raise Misuse("A task that is made already takes no options", ", ".join(options))
        return which
    make = TASKS[checks.choice("A task", which, TASKS)]
    try:
        return make(**options)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        said = (make.__doc__ or "").split("\n")[0]
        raise Misuse(f"The task {which!r} has other options", ", ".join(options), said) from None


def curve(count: int = 8, function: str | Callable = "sine", points: int = 41, seed: int = 0, **more) -> Task:
    """A function of one variable on [-2, 2], the inputs (x, 1): "sine", "bump", "step", "abs", or any function."""
    count, points = checks.integer("count", count, 1), checks.integer("points", points, 0)
    rule = function if callable(function) else CURVES[checks.choice("function", function, CURVES)]
    label = getattr(function, "__name__", "a function") if callable(function) else function
    jitter = np.random.default_rng(checks.integer("seed", seed, 0)).uniform(-0.3, 0.3, count)
    x = -2 + 4 * (np.arange(count) + 0.5 + jitter) / count
    grid = np.linspace(-2, 2, points)
    X, X_test = (np.column_stack([u, np.ones(len(u))]) for u in (x, grid))
    return Task(X, rule(x), X_test=X_test, y_test=rule(grid), name=f"{label} on an interval", **more)


def parity(count: int = 32, dimension: int = 6, degree: int = 2, tests: int = 64, seed: int = 0, **more) -> Task:
    """y = product of the first `degree` coordinates of inputs +-1/sqrt(d), times sqrt(d): kernels need n ~ d^degree."""
    d = checks.integer("dimension", dimension, 1)
    k = checks.integer("degree", degree, 1, d)
    x, rest = _cube(checks.integer("count", count, 1), checks.integer("tests", tests, 0), d, seed)
    y, y_test = (np.prod(u[:, :k], axis=1) for u in (x, rest))
    return Task(x / np.sqrt(d), y, X_test=rest / np.sqrt(d), y_test=y_test, name="parity",
                hidden=np.sqrt(d) * np.eye(k, d), **more)  # fmt: skip


def single_index(count: int = 32, dimension: int = 10, link: str | Callable = "square", tests: int = 64, seed: int = 0,
                 **more) -> Task:
    """y = link(<u, x>), u one hidden direction: "square" (z^2 - 1)/sqrt 2, "cubic" He_3/sqrt 6, "relu", "sine"."""
    d = checks.integer("dimension", dimension, 1)
    rule = link if callable(link) else LINKS[checks.choice("link", link, LINKS)]
    rng = np.random.default_rng(checks.integer("seed", seed, 0))
    u = rng.normal(size=d)
    u /= np.linalg.norm(u)
    x = rng.normal(size=(checks.integer("count", count, 1) + checks.integer("tests", tests, 0), d))
    y = rule(x @ u)
    return Task(x[:count] / np.sqrt(d), y[:count], X_test=x[count:] / np.sqrt(d), y_test=y[count:],
                name="one hidden direction", hidden=np.sqrt(d) * u[None], **more)  # fmt: skip


def digits(count: int = 32, classes=(3, 8), tests: int = 64, **more) -> Task:
    """Two handwritten digits, the first of `classes` -1, the second 1; inputs of norm 1."""
    from tpcore.data import digits as load

    count, tests = checks.integer("count", count, 1), checks.integer("tests", tests, 0)
    if len(set(classes)) != 2:
        raise Misuse("The task needs two different digits", repr(classes))
    X, label = load(count + tests, "sphere", classes)
    X, y = X / np.sqrt(X.shape[1]), np.where(label == classes[1], 1.0, -1.0)
    name = f"digits {classes[0]} and {classes[1]}"
    return Task(X[:count], y[:count], X_test=X[count:], y_test=y[count:], name=name, **more)


def words(count: int = 16, dimension: int = 16, tests: int = 16, **more) -> Task:
    """Word vectors of norm 1; the target says whether a word is longer than the median word (1) or not (-1)."""
    from tpcore.data import words as load

    found = load(dimension)
    total = checks.integer("count", count, 1) + checks.integer("tests", tests, 0)
    chosen = [i for i, word in enumerate(found.vocabulary) if word.isalpha() and len(word) > 2][:total]
    if len(chosen) < total:
        raise Misuse(f"There are {len(chosen):,} words to choose from", f"{total:,}")
    lengths = np.array([len(found.vocabulary[i]) for i in chosen])
    y = np.where(lengths > np.median(lengths), 1.0, -1.0)
    X = found.vectors[chosen] / np.sqrt(dimension)
    return Task(X[:count], y[:count], X_test=X[count:], y_test=y[count:], name="lengths of words", **more)


def _cube(count: int, tests: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the cube {-1, 1}^d: distinct ones where there are enough, those to train on first."""
    rng = np.random.default_rng(checks.integer("seed", seed, 0))
    if d <= 16 and count <= 2**d:
        picked = rng.permutation(2**d)
        picked = np.concatenate([picked, rng.integers(0, 2**d, max(0, count + tests - len(picked)))])[: count + tests]
        corners = 2.0 * (picked[:, None] >> np.arange(d) & 1) - 1
    else:
        corners = rng.choice([-1.0, 1.0], size=(count + tests, d))
    return corners[:count], corners[count:]


CURVES = {
    "sine": lambda x: np.sin(2 * x),
    "bump": lambda x: np.exp(-4 * x**2),
    "step": lambda x: np.where(x > 0, 1.0, -1.0),
    "abs": lambda x: np.abs(x) - 1.0,
}
LINKS = {
    "square": lambda z: (z**2 - 1) / np.sqrt(2),
    "cubic": lambda z: (z**3 - 3 * z) / np.sqrt(6),
    "relu": lambda z: np.maximum(z, 0.0),
    "sine": lambda z: np.sin(2 * z),
}
TASKS = {"curve": curve, "parity": parity, "single-index": single_index, "digits": digits, "words": words}
