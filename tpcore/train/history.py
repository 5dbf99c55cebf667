"""What training leaves behind: outputs, loss, sizes of changes, kernels; of a finite network or of the limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tpcore import checks
from tpcore.activations import Activation
from tpcore.errors import Misuse
from tpcore.train.tasks import Task


@dataclass(frozen=True, eq=False)
class History:
    r"""One training run. Every number in it is finite: where training diverges, the records end before.

    Attributes
    ----------
    p : Parametrization
    task : Task
    phi : Activation
    lr : float
        eta.
    width : int or None
        n; None for the limit.
    seed : int or None
    optimizer : {"sgd", "sign", "adam"}
    steps : int
        Asked for.
    gamma : float
        The outputs are gamma times the network's, the learning rate lr / gamma^2; infinite: the kernel limit of that.
    method : str
        "dense", "lazy"; of limits "kernel", "operator", "program", "16 networks of width ..", "words".
    f : ndarray, (T + 1, B)
        Outputs on X after 0 .. T steps, T = `steps` unless it diverged. The mean where they are Gaussian.
    loss : ndarray, (T + 1,)
        Loss of the outputs `f` over all of X.
    f_error, cov : ndarrays or None
        Of limits: estimated errors of `f`, (T + 1, B); covariance of the outputs on all inputs, X and then X_test,
        (T + 1, N, N), where f_0 is Gaussian.
    recorded : ndarray of int, (R,)
        The steps at which the next two were recorded.
    f_test : ndarray, (R, M)
        Outputs on X_test.
    delta : dict of ndarrays, (R,)
        Name -> root mean square of a change since the start, under the names of `Parametrization.exponents`: ``df``,
        ``gradient``; for each layer ``dh1``, ``dx1``, ``dx1_kernel``, ``dWx1`` = (Delta W^1) x^0; of the change of its
        weights ``dW1`` (entries), ``dW1_norm`` (spectral), ``dW1_frobenius``.
    at : ndarray of int, (A,)
        The steps at which kernels were recorded.
    kernel : ndarray, (A, N, N)
        <x^L, x'^L>/n over all N inputs, X and then X_test. `kernels` has every layer's, name -> array.
    ntk : ndarray, (A, N, N), or None
        The tangent kernel with the learning rates in it: one step of SGD moves f by -eta ntk chi.
    overlap : ndarray, (A, N, A, N)
        <x_t^L, x'_s^L>/n between the features at any two of the steps `at`; `features` makes a picture of it.
    diverged : int or None
        The step after which outputs were no longer finite (beyond 10^6 times their scale).
    words : list of str
        What there is to say.
    """

    p: object
    task: Task
    phi: Activation
    lr: float
    width: int | None
    seed: int | None
    optimizer: str
    steps: int
    method: str
    f: np.ndarray = field(repr=False)
    loss: np.ndarray = field(repr=False)
    recorded: np.ndarray = field(repr=False)
    f_test: np.ndarray = field(repr=False)
    delta: Mapping[str, np.ndarray] = field(repr=False)
    at: np.ndarray = field(repr=False)
    kernels: Mapping[str, np.ndarray] = field(repr=False)
    overlap: np.ndarray | None = field(repr=False)
    ntk: np.ndarray | None = field(default=None, repr=False)
    f_error: np.ndarray | None = field(default=None, repr=False)
    f_test_error: np.ndarray | None = field(default=None, repr=False)
    delta_error: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    cov: np.ndarray | None = field(default=None, repr=False)
    diverged: int | None = None
    words: list[str] = field(default_factory=list, repr=False)
    seconds: float = 0.0
    gamma: float = 1.0

    @property
    def kernel(self) -> np.ndarray:
        """(A, N, N): <x^L, x'^L>/n, L the last hidden layer."""
        return self.kernels[f"x{self.p.depth}"]

    @property
    def std(self) -> np.ndarray:
        """(T + 1, N): the standard deviation of the limit's outputs on all inputs; zeros where they are numbers."""
        if self.cov is None:
            return np.zeros((len(self.f), len(self.task.inputs)))
        return np.sqrt(np.maximum(np.diagonal(self.cov, axis1=1, axis2=2), 0.0))

    @property
    def test_loss(self) -> np.ndarray | None:
        """(R,): the loss on X_test, if it has targets."""
        if self.task.y_test is None:
            return None
        return np.mean(self.task.rule.value(self.f_test, self.task.y_test), axis=-1)

    @property
    def features(self) -> np.ndarray:
        """(A, N, 2): the first two principal components of the last layer's features; see `principal`."""
        return self.principal(2)

    def principal(self, components: int = 2) -> np.ndarray:
        """Principal components of the last layer's features over all steps `at` and all inputs, (A, N, components).

        Scores in units of one coordinate: squared distances are those of features, divided by n. Found from inner
        products alone, so that networks of any width, and their limit, can lie in one picture (up to signs).
        """
        if self.overlap is None:
            raise Misuse("This history must hold features", " ".join(self.words)[:120])
        steps, count = self.overlap.shape[:2]
        components = checks.integer("components", components, 1, steps * count)
        gram = self.overlap.reshape(steps * count, steps * count)
        centre = gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean()
        values, vectors = np.linalg.eigh((centre + centre.T) / 2)
        scores = vectors[:, ::-1][:, :components] * np.sqrt(np.maximum(values[::-1][:components], 0.0))
        largest = np.argmax(np.abs(scores), axis=0)
        signs = np.where(scores[largest, np.arange(components)] < 0, -1.0, 1.0)
        return (scores * signs).reshape(steps, count, components)

    def alignment(self, kernel: np.ndarray | None = None) -> np.ndarray:
        """(A,): y^T K y / (|y|^2 |K|_F) of centred kernels on X (by default of the last features): how much of the
        kernel points along the target, between 0 and 1."""
        B, y = self.task.count, self.task.y - self.task.y.mean()
        K = (self.kernel if kernel is None else kernel)[:, :B, :B]
        K = K - K.mean(1, keepdims=True) - K.mean(2, keepdims=True) + K.mean((1, 2), keepdims=True)
        scale = np.linalg.norm(K, axis=(1, 2)) * (y @ y)
        return np.where(scale > 0, np.einsum("i,aij,j->a", y, K, y) / np.where(scale > 0, scale, 1.0), 0.0)

    def __repr__(self) -> str:
        who = "the limit" if self.width is None else f"width {self.width:,}"
        end = f"diverged at step {self.diverged}" if self.diverged is not None else f"{self.steps} steps"
        loss = f", loss {self.loss[0]:.3g} -> {self.loss[-1]:.3g}" if len(self.loss) else ""
        return f"<training of {who}: {end}{loss}>"
