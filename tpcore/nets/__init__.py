"""Networks: each a function from inputs to a tensor program."""

from tpcore.nets.base import Network
from tpcore.nets.mlp import MLP
from tpcore.nets.spec import from_spec

__all__ = ["MLP", "Network", "from_spec"]
