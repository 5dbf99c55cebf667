"""`tp.train.limit`: what training tends to as the width grows, whatever the parametrization."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.abc import Parametrization, Phase
from tpcore.abc.stability import WHENS
from tpcore.activations import Activation
from tpcore.compute.progress import Progress, as_progress
from tpcore.errors import Misuse, Unsupported
from tpcore.limit.expect import differentiable
from tpcore.train import kernel_regime
from tpcore.train.arguments import FAR, FULL, moments, parametrization, rule, scales, with_batch
from tpcore.train.feature_learning import feature_learning
from tpcore.train.history import History
from tpcore.train.tasks import Task, task

FEW, DEEPEST, GAMMA = 10, 3, 1e4
METHODS = ("auto", "program", "networks")
AFTERWARDS = (
    "There is no limit: the network is infinite from the start.",
    "The limit ends with the first step, which takes it to infinity; only the start is left.",
    "The limit ends with the second step, which takes it to infinity; the start and the first step are left.",
)


def limit(p: Parametrization, task: Task | str, steps: int = 50, lr: float = 0.1,
          phi: str | Activation | Callable = "tanh", *, sigma_w: float = 1.0, sigma_u: float | None = None,
          sigma_v: float | None = None, sigma_b: float | None = None, gamma: float = 1.0, center: bool = False,
          optimizer: str | None = None, batch: int | None = None, record: Iterable[int] | None = None,
          at: Iterable[int] | None = None, ntk: bool = False, f0=None, seed: int = 0, samples: int | None = None,
          method: str = "auto", progress: Progress | Callable[[int, int], None] | None = None) -> History:
    r"""The limit of `sgd` at infinite width, by the parametrization's phase.

    - "kernel": gradient descent with the kernel that it selects (`Parametrization.kernel_parts`);
      where f_0 is Gaussian, ``f`` is the mean and ``cov`` the covariance. For adaptive optimizers an operator instead,
      found as the feature-learning limit at gamma = 10^4.
    - "feature": the limit of training, by SGD, sign descent or Adam, unrolled into a program, at muP and at every other
      stable point with r = 0.
    - "trivial": the function stays as it starts. "unstable": nothing has a limit beyond the step that blows up;
      ``words`` say what does.

    Parameters
    ----------
    p, task, steps, lr, phi, sigma_w, sigma_u, sigma_v, sigma_b, center, optimizer, batch
        As in `sgd`; outputs of a feature-learning limit start at 0, `center` or not.
    gamma : float
        As in `sgd`, a number that stays while the width grows: feature-learning limits go from rich to lazy, features
        move by about 1/gamma. ``float("inf")`` is where that ends, descent with the tangent kernel of the layers
        that train, from 0: from muP, the limit of NTP less its start.
    record, at : iterables of int, optional
        As in `sgd`; in the feature-learning phase with test inputs, 11 steps are recorded by default.
    ntk : bool
        Also the tangent kernel at the steps `at`.
    f0 : array_like, (B + M,), optional
        In the kernel regime: outputs at the start on all inputs, in place of their law: those of one network, say.
    seed : int
    samples : int, optional
        Particles of the feature-learning limit, 2^15 by default, up to 2^17 where that takes about a second, and more
        where its matrices meet vectors in more than samples / 32 directions; their errors fall about like
        samples^-0.75. Or neurons of all the networks together, 2^14 by default; those errors fall like samples^-0.5,
        and are about 3 times as large.
    method : {"auto", "program", "networks"}
        Of the feature-learning limit: that of the unrolled program, in compressed form (`tpcore.train.particles`), or
        the mean over 16 wide networks in muP, less their outputs at the start. "auto" takes the program unless that
        would need more than a minute or two; ``history.method`` says which it was.
    progress : Progress or callable ``(done, total)``, optional
        Its `cancel` is obeyed at the next step.

    Returns
    -------
    History
        With ``width = None``, estimated errors ``f_error``, and sentences in ``words``.

    Raises
    ------
    Misuse, BudgetError
    Unsupported
        For feature learning in more than three hidden layers, and for adaptive optimizers where f_0 is Gaussian: what
        moves the function then is an operator, nonlinear in the slopes of the loss, so that there is no mean and
        covariance to follow; ``center=True`` and `f0` give it a start.

    Notes
    -----
    Sources: Tensor Programs IV (arXiv 2011.14522), theorems 3.3 to 3.5 and appendix H; the limit of the program:
    Tensor Programs III (2009.10685). Errors: of the kernel regime rounding, or those of the draws where the loss is not
    squared; of particles see `tpcore.limit`.
    """
    began = time.perf_counter()
    request = _Request(p, task, steps, lr, phi, scales(sigma_w, sigma_u, sigma_v, sigma_b), batch, record, at, ntk, f0,
                       checks.integer("seed", seed, 0), samples, as_progress(progress),
                       checks.choice("method", method, METHODS), gamma, bool(center), optimizer)  # fmt: skip
    fields = {Phase.KERNEL: _kernel, Phase.FEATURE: _feature, Phase.TRIVIAL: _trivial, Phase.UNSTABLE: _unstable}[
        request.p.phase
    ](request)
    defaults = {"f_error": np.zeros_like(fields["f"]), "f_test_error": np.zeros_like(fields["f_test"])}
    return History(
        p=request.p, task=request.task, phi=request.phi, lr=request.lr, width=None, seed=None,
        optimizer=request.optimizer, steps=request.steps, seconds=time.perf_counter() - began,
        words=_words(request.p, fields), gamma=request.gamma,
        **(defaults | fields),
    )  # fmt: skip


def _words(p: Parametrization, fields: dict) -> list[str]:
    """The phase's reasons, what the limit is where it has no numbers, and what the learning rate did."""
    said = list(p.reasons)
    if p.phase == Phase.UNSTABLE:
        first = p.violated[0]
        if first.growth < 0:
            return [*said, "In the limit the network is a constant from the start: its inputs do not come through."]
        return [*said, AFTERWARDS[WHENS.index(first.when)]]
    if p.phase == Phase.TRIVIAL:
        return [*said, "In the limit training does nothing: after any number of steps the function is what it was."]
    if fields.get("diverged") is None:
        return said
    return [*said, f"At this learning rate training diverges at step {fields['diverged']}, at any width."]


@dataclass
class _Request:
    """The arguments of `limit`, checked."""

    p: Parametrization
    task: Task
    steps: int
    lr: float
    phi: Activation
    sigmas: tuple
    batch: int | None
    record: Iterable[int] | None
    at: np.ndarray
    ntk: bool
    f0: np.ndarray | None
    seed: int
    samples: int | None
    progress: Progress
    method: str
    gamma: float
    center: bool
    optimizer: str | None

    def __post_init__(self):
        self.p = parametrization(self.p)
        self.task = with_batch(task(self.task), self.batch)
        self.steps, self.lr = checks.integer("steps", self.steps, 0, 10**6), checks.real("lr", self.lr, 0.0)
        lazy = self.gamma == float("inf") and self.p.phase == Phase.FEATURE and not self.p.adaptive
        self.gamma = self.gamma if lazy else checks.real("gamma", self.gamma, 0.0, open_low=True)
        self.phi, self.ntk = differentiable(self.phi), bool(self.ntk)
        self.optimizer = rule(self.p, self.optimizer)
        if self.ntk and self.p.adaptive:
            raise Misuse("A tangent kernel belongs to SGD", f"optimizer={self.optimizer!r}")
        self.at = moments("at", self.at, self.steps, (0, self.steps))
        few = self.p.phase == Phase.FEATURE and len(self.task.X_test) > 0
        count = min(self.steps, FEW if few else FULL)
        self.recorded = moments("record", self.record, self.steps, np.linspace(0, self.steps, count + 1))
        if self.f0 is not None:
            self.f0 = checks.array("f0", self.f0, 1)
            if len(self.f0) != len(self.task.inputs):
                raise Misuse(f"f0 must have an output for each of the {len(self.task.inputs)} inputs",
                             f"{len(self.f0)}")  # fmt: skip
            if self.p.phase not in (Phase.KERNEL, Phase.TRIVIAL):
                raise Misuse("f0 is for the kernel regime: the start of a feature-learning limit is 0", self.p.phase)
        if self.samples is not None:
            self.samples = checks.integer("samples", self.samples, 64, 2**24)
        self.batches = self.task.batches(self.steps)


def _frozen(request: _Request, K: np.ndarray, found: kernel_regime.Kernels, start, method: str) -> dict:
    """Fields where features stay: kernel gradient descent with K."""
    task_, recorded, at, depth = request.task, request.recorded, request.at, request.p.depth
    progress = request.progress
    start = None if request.f0 is not None or request.center or start is None else request.gamma**2 * start
    with np.errstate(all="ignore"):
        done = kernel_regime.descend(K, task_, request.lr, request.batches, start, request.f0, request.seed)
        largest = np.abs(done.mean).max(1)
        if done.cov is not None:
            largest = np.maximum(largest, np.sqrt(np.abs(done.cov).max((1, 2))))
    bound = FAR * (1 + float(np.abs(task_.y).max()))
    bad = np.flatnonzero(~(largest <= bound))
    progress.start(1)
    progress.tick()
    end = len(done.mean) if not len(bad) else int(bad[0])
    recorded, at = recorded[recorded < end], at[at < end]
    zeros = np.zeros(len(recorded))
    names = [f"{what}{layer}" for layer in range(1, depth + 1) for what in ("dh", "dx", "dWx")]
    names += [f"dx{layer}_kernel" for layer in range(1, depth + 1)]
    spread = lambda kernel: np.repeat(kernel[None], len(at), axis=0)  # noqa: E731
    last, size, count = found.features[-1], len(at), task_.count
    return {
        "method": method,
        "f": done.mean[:end, :count],
        "f_error": done.error[:end, :count],
        "f_test": done.mean[recorded][:, count:],
        "f_test_error": done.error[recorded][:, count:],
        "loss": task_.mean_loss(done.mean[:end, :count]),
        "cov": None if done.cov is None else done.cov[:end],
        "recorded": recorded,
        "delta": {"df": done.moved[recorded]} | {name: zeros for name in names},
        "at": at,
        "kernels": {f"x{i + 1}": spread(F) for i, F in enumerate(found.features)},
        "overlap": np.broadcast_to(last[None, :, None, :], (size, len(last), size, len(last))).copy(),
        "ntk": spread(K) if request.ntk else None,
        "diverged": None if not len(bad) else end,
    }


def _initial(request: _Request) -> kernel_regime.Kernels:
    return kernel_regime.kernels(request.task.inputs, request.p.depth, request.phi, request.sigmas)


def _kernel(request: _Request) -> dict:
    if request.p.adaptive:
        return _operator(request)
    found = _initial(request)
    K = kernel_regime.selected(found, *request.p.kernel_parts)
    return _frozen(request, K, found, found.start if request.p.starts_random else None, "kernel")


def _lazy(request: _Request, moves: list[bool], readout: bool, starts: bool) -> dict:
    """Where gamma has no end: features stay, each layer that trains adds to the kernel."""
    found = _initial(request)
    layers = tuple(layer for layer, move in enumerate(moves, 1) if move and starts)
    return _frozen(request, kernel_regime.selected(found, readout, layers), found, None, "kernel")


def _trivial(request: _Request) -> dict:
    found = _initial(request)
    start = found.start if request.p.starts_random else None
    fields = _frozen(request, np.zeros_like(found.start), found, start, "words")
    if abs(request.p.r) <= request.p.tolerance:  # features move, unseen by the function
        fields |= {"delta": {"df": fields["delta"]["df"]}, "kernels": {}, "overlap": None, "at": request.at[:0]}
        fields["ntk"] = None
    return fields


def _unstable(request: _Request) -> dict:
    """What comes before the step that blows up: the mean of f_0, and where features are still frozen in the first step,
    which is one of kernel descent, that of f_1."""
    p, count, tests = request.p, request.task.count, len(request.task.X_test)
    broken = WHENS.index(p.violated[0].when)
    f = np.zeros((min(broken, 1), count + tests))
    if broken == 2 and p.first_r > p.tolerance and not p.adaptive:
        found = _initial(request)
        layers = [layer for layer, r in enumerate(p.first_layer_r, 1) if abs(p.a[-1] + p.b[-1] + r - 1) <= p.tolerance]
        K = kernel_regime.selected(found, abs(p.readout_step - 1) <= p.tolerance, tuple(layers))
        f = kernel_regime.descend(K, request.task, request.lr, request.batches[:1], None, None).mean
    f, steps = f[: request.steps + 1], np.arange(len(f))
    return {
        "method": "words", "f": f[:, :count], "loss": request.task.mean_loss(f[:, :count]), "recorded": steps[: len(f)],
        "f_test": f[:, count:], "delta": {"df": np.sqrt(np.mean((f - f[:1])[:, :count] ** 2, axis=1))},
        "at": np.arange(0), "kernels": {}, "overlap": None, "diverged": broken if broken <= request.steps else None,
    }  # fmt: skip


def _feature(request: _Request) -> dict:
    """The unrolled program's limit."""
    p = request.p
    readout, _ = p.kernel_parts
    starts = abs(p.a[-1] + p.b[-1] - 1) <= p.tolerance
    moves = [abs(r) <= p.tolerance for r in p.layer_r]
    if request.gamma == float("inf"):
        return _lazy(request, moves, readout, starts)
    if p.depth > DEEPEST:
        raise Unsupported(f"Feature-learning limits are found for 1 to {DEEPEST} hidden layers", f"{p.depth}")
    return feature_learning(request, moves, readout, starts, request.gamma)


def _operator(request: _Request) -> dict:
    """The operator regime of an adaptive optimizer from given outputs: muP with a gamma that has no end."""
    p = request.p
    if p.starts_random and not request.center and request.f0 is None:
        raise Unsupported("The operator that moves the function of an adaptive optimizer is nonlinear, so its limit is "
                          "found from given outputs at the start, not for a Gaussian f_0", repr(p),
                          "center=True starts from 0, f0=... anywhere")  # fmt: skip
    readout, layers = p.kernel_parts
    moves = [layer in layers for layer in range(1, p.depth + 1)]
    fields = feature_learning(request, moves, readout, True, GAMMA * request.gamma)
    start, size = _initial(request), len(fields["at"])
    last = start.features[-1]
    spread = lambda kernel: np.repeat(kernel[None], size, axis=0)  # noqa: E731
    still = {name: values if name == "df" else np.zeros_like(values) for name, values in fields["delta"].items()}
    return fields | {
        "method": "operator", "delta": still, "delta_error": {},
        "kernels": {f"x{i + 1}": spread(F) for i, F in enumerate(start.features)},
        "overlap": np.broadcast_to(last[None, :, None, :], (size, len(last), size, len(last))).copy(),
    }  # fmt: skip
