"""Networks: each a function from inputs to a tensor program.

Named: MLP, LayerNormMLP, BatchNormMLP, ResNet, CNN, GraphConv, Transformer, RNN, GRU, LSTM; assembled: `Sequential`
of layers Dense, Act, LayerNorm, BatchNorm, Residual, Conv, AvgPool, MeanPool, Flatten, Attention, GraphConv, RNN, GRU,
LSTM.
"""

from tpcore.nets.attention import Attention
from tpcore.nets.base import Network
from tpcore.nets.batch import BatchNorm
from tpcore.nets.builder import Parameter
from tpcore.nets.convolution import AvgPool, Conv
from tpcore.nets.deep import CNN, BatchNormMLP, GraphConv, LayerNormMLP, ResNet, Transformer
from tpcore.nets.layers import Act, Dense, LayerNorm, Residual
from tpcore.nets.mlp import MLP
from tpcore.nets.pooling import Flatten, MeanPool
from tpcore.nets.recurrent import GRU, LSTM, RNN
from tpcore.nets.sequential import Sequential
from tpcore.nets.spec import from_spec
from tpcore.nets.variances import fixed_point, order_chaos

__all__ = ["CNN", "GRU", "LSTM", "MLP", "RNN", "Act", "Attention", "AvgPool", "BatchNorm", "BatchNormMLP", "Conv",
           "Dense", "Flatten", "GraphConv", "LayerNorm", "LayerNormMLP", "MeanPool", "Network", "Parameter", "ResNet",
           "Residual", "Sequential", "Transformer", "fixed_point",
           "from_spec", "order_chaos"]
