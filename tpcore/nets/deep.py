"""Named deep networks that are stacks of layers: LayerNormMLP, BatchNormMLP, ResNet, CNN, GraphConv, Transformer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from numbers import Integral
from typing import Any

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.errors import Misuse
from tpcore.nets.attention import TokenAverage, truth
from tpcore.nets.base import Network, described, maybe_spread, spread
from tpcore.nets.batch import BatchNorm
from tpcore.nets.convolution import Conv, GraphConvLayer, checked_adjacency, window_size
from tpcore.nets.data import Data
from tpcore.nets.layers import Act, Dense, Layer, LayerNorm, Residual
from tpcore.nets.pooling import Flatten, MeanPool
from tpcore.nets.positions import PADDINGS
from tpcore.nets.sequential import Sequential
from tpcore.nets.steps import READOUTS, read_steps, sequences

MOST_DEPTH = 1000


def depth_of(what: str, value) -> int:
    return checks.integer(what, value, 1, MOST_DEPTH)


class Named(Sequential):
    """A stack of layers with a name and few arguments; `stack` has the layers."""

    _names: tuple[str, ...] = ()

    def __init__(self):
        raise Misuse("Named networks have constructors of their own", type(self).__name__)

    @property
    @abstractmethod
    def stack(self) -> tuple[Layer, ...]:
        """The layers."""

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def __repr__(self) -> str:
        return Network.__repr__(self)

    def spec(self) -> dict[str, Any]:
        return {"net": type(self).__name__, **described(self._fields())}

    @property
    def random(self) -> bool:
        return False


class Normalized(Named):
    """(Dense, a normalization, phi) x depth, Dense: what `LayerNormMLP` and `BatchNormMLP` share."""

    _norm: type

    _names = ("depth", "phi", "sigma_w", "sigma_b")

    def __init__(self, depth: int, phi: str | Activation | Callable = "relu", sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0):
        self.depth, self.phi = depth_of("depth", depth), get(phi)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)

    @cached_property
    def stack(self):
        dense = Dense(self.sigma_w, self.sigma_b)
        return (dense, self._norm(), Act(self.phi)) * self.depth + (dense,)


class LayerNormMLP(Normalized):
    r"""(Dense, LayerNorm, phi) x depth, Dense.

    Parameters
    ----------
    depth : int
    phi : str, Activation or callable
    sigma_w : float
    sigma_b : float or None
        As in `MLP`; the readout has the same.

    Notes
    -----
    LayerNorm without gain, bias or epsilon. Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    _norm = LayerNorm


class BatchNormMLP(Normalized):
    r"""(Dense, BatchNorm, phi) x depth, Dense.

    Inputs: one batch (B, d), or a list of batches (B_i, d), each with statistics of its own. The kernel is over all
    inputs of all batches.

    Parameters
    ----------
    depth, phi, sigma_w, sigma_b
        As in `LayerNormMLP`. Positively homogeneous phi (relu, abs, leaky_relu, identity) have an exact kernel,
        others one by sampling.

    Notes
    -----
    Biased variance, no gain, bias or epsilon: what comes out does not depend on the scale of what goes in. Source:
    Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    _norm = BatchNorm


class ResNet(Named):
    r"""Dense, blocks x [x + Dense(phi(x))], phi, Dense.

    Parameters
    ----------
    blocks : int
    phi, sigma_w, sigma_b
        As in `LayerNormMLP`.

    Notes
    -----
    A skip connection is a LinComb. Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    _names = ("blocks", "phi", "sigma_w", "sigma_b")

    def __init__(self, blocks: int, phi: str | Activation | Callable = "relu", sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0):
        self.blocks, self.phi = depth_of("blocks", blocks), get(phi)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)

    @cached_property
    def stack(self):
        dense, act = Dense(self.sigma_w, self.sigma_b), Act(self.phi)
        return (dense, *(Residual(act, dense),) * self.blocks, act, dense)


class CNN(Named):
    r"""(Conv, phi) x depth, Flatten or MeanPool, Dense, on inputs (N, H, W, C) or (N, L, C).

    Parameters
    ----------
    depth, phi, sigma_w, sigma_b
        As in `LayerNormMLP`; weights have variance sigma_w^2 / (k^axes C_in), a bias for each channel.
    kernel_size, padding, stride
        As in `Conv`.
    head : {"flatten", "mean"}
        The readout sees all positions, or their average.

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), section 4: a convolution is the same A-vars used at every position.
    """

    _names = ("depth", "phi", "sigma_w", "sigma_b", "kernel_size", "padding", "stride", "head")

    def __init__(self, depth: int, phi: str | Activation | Callable = "relu", sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0, kernel_size=3, padding: str = "same", stride: int = 1,
                 head: str = "flatten"):
        self.depth, self.phi = depth_of("depth", depth), get(phi)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)
        self.kernel_size = window_size("kernel_size", kernel_size)
        self.padding = checks.choice("padding", padding, PADDINGS)
        self.stride = checks.integer("stride", stride, 1, 64)
        self.head = checks.choice("head", head, ("flatten", "mean"))

    @cached_property
    def stack(self):
        conv = Conv(self.kernel_size, self.padding, self.stride, self.sigma_w, self.sigma_b)
        head = Flatten() if self.head == "flatten" else MeanPool()
        return (conv, Act(self.phi)) * self.depth + (head, Dense(self.sigma_w, self.sigma_b))


class GraphConv(Named):
    r"""(graph convolution, phi) x depth, Dense: one output for each node.

    ``GraphConv(depth, phi, sigma_w, sigma_b, adjacency)`` is the network, on features (nodes, d) or (N, nodes, d);
    ``GraphConv(adjacency, sigma_w, sigma_b)`` is the layer of a `Sequential`.

    Parameters
    ----------
    depth, phi, sigma_w, sigma_b
        As in `LayerNormMLP`.
    adjacency : array_like, (nodes, nodes)
        Symmetric, entries >= 0. Self-loops are added, then D^{-1/2} (A + I) D^{-1/2} mixes the nodes.

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    _names = ("depth", "phi", "sigma_w", "sigma_b", "adjacency")

    def __new__(cls, *args, **kwargs):
        is_layer = not isinstance(args[0], Integral) if args else bool(kwargs) and "depth" not in kwargs
        return GraphConvLayer(*args, **kwargs) if is_layer else super().__new__(cls)

    def __init__(self, depth: int, phi: str | Activation | Callable = "relu", sigma_w: float = 1.0,
                 sigma_b: float | None = 0.0, adjacency=None):
        self.depth, self.phi = depth_of("depth", depth), get(phi)
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)
        if adjacency is None:
            raise Misuse("GraphConv must be given the adjacency of its graph", "none", "adjacency=A, (nodes, nodes)")
        self.adjacency = checked_adjacency(adjacency)

    def __getnewargs__(self):
        return (self.depth,)

    @cached_property
    def stack(self):
        conv = GraphConvLayer(self.adjacency, self.sigma_w, self.sigma_b)
        return (conv, Act(self.phi)) * self.depth + (Dense(self.sigma_w, self.sigma_b),)


class Transformer(Named):
    r"""Tensor Programs I's transformer, appendix D.3: keys = queries = values, logits k.k / n.

    .. math::
        k_i = U^l x_i, \quad z_i = LN(k_i + \sum_{j \le i} \mathrm{softmax}_j(k_i \cdot k_j / (n \tau))\, k_j), \quad
        x_i = LN(W_2\, relu(W_1 z_i + b_1) + b_2 + z_i)

    Parameters
    ----------
    depth : int
    sigma_u, sigma_w : float
        Of U^l (fan-in d, later n) and of W_1, W_2.
    sigma_b : float or None
    temperature : float
        tau.
    masked : bool
        Do steps see earlier steps and themselves alone?
    sigma_v : float
        Of the readout, which has no bias.
    readout : {"each", "mean", "last"}
        An output for every step, or one from the average of all or from the last.

    Notes
    -----
    LN without gain, bias or epsilon; attention within a sequence. One joint kernel over all steps of all sequences.
    """

    _names = ("depth", "sigma_u", "sigma_w", "sigma_b", "temperature", "masked", "sigma_v", "readout")

    def __init__(self, depth: int, sigma_u: float = 1.0, sigma_w: float = 1.0, sigma_b: float | None = 0.0,
                 temperature: float = 1.0, masked: bool = True, sigma_v: float = 1.0, readout: str = "each"):
        self.depth = depth_of("depth", depth)
        self.sigma_u, self.sigma_w = spread("sigma_u", sigma_u), spread("sigma_w", sigma_w)
        self.sigma_b, self.sigma_v = maybe_spread("sigma_b", sigma_b), spread("sigma_v", sigma_v)
        self.temperature = checks.real("temperature", temperature, 0.0, open_low=True)
        self.masked = truth("masked", masked)
        self.readout = checks.choice("readout", readout, READOUTS)

    def read(self, X, what: str = "X") -> Data:
        return sequences(X, what)

    @cached_property
    def stack(self):
        dense, norm = Dense(self.sigma_w, self.sigma_b), LayerNorm()
        block = (Dense(self.sigma_u, None), TokenAverage(self.masked, self.temperature), norm,
                 Residual(dense, Act("relu"), dense), norm)
        return block * self.depth + read_steps(self.readout) + (Dense(self.sigma_v, None),)


