"""Writing a network's program: signals, parameters and the readout.

A signal is what passes from layer to layer: numbers at first (`raw`), then a block of vectors, one for every
position of every item. The first layer with weights embeds: with features X (M, D) its weights act as D input
vectors u_1, .., u_D of variance sigma^2 / D, and h = U X^T is a mix of them. Where D exceeds M only the span of the
inputs matters: X = L Q with orthonormal rows Q, and U Q^T are fewer such vectors with h = (U Q^T) L^T, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tpcore.errors import Misuse
from tpcore.nets.data import Data, Layout
from tpcore.program import ops
from tpcore.program.build import Program
from tpcore.program.variables import Matrix, Vector, stack


@dataclass(frozen=True, eq=False)
class Parameter:
    r"""A trained tensor of a network, as its program names it.

    Its contribution to a tangent kernel, in terms of gradients with respect to the program's own variable: for a
    vector or a block of vectors with columns v_k

    .. math:: \sum_{kl} r_{kl} \langle \partial f/\partial v_k, \partial f'/\partial v_l \rangle

    (r a number stands for r times the identity), for a matrix r / (cols n) times the inner product of
    :math:`\partial f/\partial W` and :math:`\partial f'/\partial W`.

    Attributes
    ----------
    name : str
        Of the program's variable; of the bias that outputs share, for a readout's.
    role : {"input", "matrix", "bias", "readout", "readout bias"}
    multiplier, variance : float or ndarray (k, k)
        r in the two conventions of `tpcore.ntk`. The readout: r <x, x'> / n; its bias: r.
    """

    name: str
    role: str
    multiplier: float | np.ndarray
    variance: float | np.ndarray

    def rate(self, convention: str = "multiplier") -> float | np.ndarray:
        """r in a convention."""
        return self.multiplier if convention == "multiplier" else self.variance


@dataclass(frozen=True, eq=False)
class Built:
    """A network's program on given inputs, and what it means.

    Attributes
    ----------
    program : Program
        With the output ``"f"``; or, where positions were flattened, with outputs ``"f1"``, ``"f2"``, .. of one readout
        each, whose sum is the network's output.
    parameters : tuple of Parameter
        All that trains.
    """

    program: Program
    parameters: tuple[Parameter, ...]

    @property
    def features(self) -> list[ops.Output]:
        """The outputs to be added."""
        return list(self.program.outputs.values())

    @property
    def count(self) -> int:
        """K, how many numbers the network puts out."""
        return int(np.prod(self.program.node(self.features[0].features).shape))

    def outputs(self, drawn: dict[str, np.ndarray]) -> np.ndarray:
        """Network outputs (draws, K) from those of the program."""
        parts = [drawn[o.name] for o in self.features]
        return sum(part.reshape(len(part), self.count) for part in parts)

    def kernel(self, covariance: np.ndarray) -> np.ndarray:
        """Covariance (K, K) of the network's outputs from that of all of the program's."""
        parts = len(self.features)
        return covariance.reshape(parts, self.count, parts, self.count).sum(axis=(0, 2))


@dataclass(frozen=True, eq=False)
class Signal:
    """What passes between layers: numbers `raw` (M, D), or a block `var` of M vectors, in a layout.

    ``parts`` > 0: flattened; `var` is (N, parts), the positions of an item are features of one input.
    """

    layout: Layout
    raw: np.ndarray | None = None
    var: Vector | None = None
    parts: int = 0

    def vectors(self, layer: str) -> Vector:
        """The block; `Misuse` while there are numbers only."""
        if self.raw is not None:
            needs_neurons(layer)
        return self.var


def needs_neurons(layer: str):
    """Refuse `layer` as the first with nothing but numbers to act on."""
    raise Misuse(f"{layer} acts on neurons, and so needs a layer with weights before it", f"{layer} on the inputs",
                 "Begin with Dense, Conv, GraphConv, Attention or a recurrent cell")


@dataclass(eq=False)
class Builder:
    """A program in the making."""

    title: str
    data: Data
    width: int | None = None
    prog: Program = field(init=False)
    parameters: list[Parameter] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.prog = Program(self.title)

    def start(self) -> Signal:
        return Signal(self.data.layout, raw=self.data.features)

    def free(self, prefix: str) -> str:
        """prefix1, prefix2, ..: the next."""
        self.numbers[prefix] = self.numbers.get(prefix, 0) + 1
        return f"{prefix}{self.numbers[prefix]}"

    def matrix(self, prefix: str, sigma: float, parts: float = 1.0, name: str = "") -> Matrix:
        """W of entries N(0, sigma^2 / (parts n)): a layer whose fan-in is `parts` times n."""
        name = name or self.free(prefix)
        self.parameters.append(Parameter(name, "matrix", sigma**2 / parts, 1.0 / parts))
        return self.prog.matrix(name, variance=sigma**2 / parts)

    def bias(self, prefix: str, sigma: float | None, mean: float = 0.0) -> Vector | None:
        """b of entries N(mean, sigma^2); None where there are no biases."""
        if sigma is None:
            return None
        name = self.free(prefix)
        self.parameters.append(Parameter(name, "bias", sigma**2, 1.0))
        return self.prog.vector(name, mean=mean, variance=sigma**2)

    def embed(self, prefix: str, features: np.ndarray, sigma: float) -> Vector:
        """U x for every row x of `features` (M, D), U of variance sigma^2 / D."""
        dimension = features.shape[1]
        if dimension > len(features):
            features = np.linalg.qr(features.T, mode="r").T
        name = self.free(prefix)
        rate = 1.0 / dimension
        self.parameters.append(Parameter(name, "input", sigma**2 * rate, rate))
        U = self.prog.block(name, cov=sigma**2 * rate, shape=(features.shape[1],))
        return U @ np.ascontiguousarray(features.T)

    def linear(self, signal: Signal, sigma_w: float, sigma_b: float | None, w: str = "W", b: str = "b") -> Signal:
        """W x + b, fan-in over all features of an input."""
        h = self.product(signal, sigma_w, w)
        bias = self.bias(b, sigma_b)
        return Signal(signal.layout, var=h if bias is None else h + bias)

    def product(self, signal: Signal, sigma: float, prefix: str = "W") -> Vector:
        """W x, (M,)."""
        if signal.raw is not None:
            return self.embed(prefix, signal.raw, sigma)
        if not signal.parts:
            return self.matrix(prefix, sigma) @ signal.var
        stem = self.free(prefix)
        matrices = [self.matrix(prefix, sigma, signal.parts, f"{stem}_{p}") for p in range(signal.parts)]
        return added(W @ signal.var[:, p] for p, W in enumerate(matrices))

    def gathered(self, vectors: Vector, index: np.ndarray) -> Vector:
        """Columns `index` of a block (M,); -1 gives the zero vector."""
        if not np.any(index < 0):
            return vectors[index]
        zero = self.prog["zero"] if "zero" in self.prog else self.prog.vector("zero", variance=0.0)
        padded = stack([vectors, stack([zero])], new_axis=False)
        return padded[np.where(index < 0, vectors.shape[0], index)]

    def finish(self, signal: Signal, sigma_v: float, sigma_b: float | None, trained: bool = True) -> Built:
        """f = v^T x / sqrt n + bias; `trained` False: v only stands for the inner product <x, x'>/n."""
        x, parts = signal.vectors("The readout"), max(signal.parts, 1)
        bias = (sigma_b or 0.0) ** 2
        for p in range(parts):
            tail = str(p + 1) if signal.parts else ""
            v = self.prog.vector(f"v{tail}", variance=sigma_v**2 / parts)
            if trained:
                self.parameters.append(Parameter(f"v{tail}", "readout", sigma_v**2 / parts, 1.0 / parts))
            y = x[:, p] if signal.parts else x
            self.prog.output(f"f{tail}", v, y, bias_variance=bias / parts**2, bias="bias")
        if trained and sigma_b is not None:
            self.parameters.append(Parameter("bias", "readout bias", sigma_b**2, 1.0))
        return Built(self.prog, tuple(self.parameters))


def added(terms: Iterable[Vector]) -> Vector:
    """The sum of vectors."""
    terms = list(terms)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
