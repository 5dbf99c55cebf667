"""abc-parametrizations: how a network's weights, start and learning rates scale decides whether its features move.

``tp.abc.mup(2).phase`` is "feature". `Parametrization` holds the exponents and says what they mean: `stable`, `phase`,
every condition with its value, reasons in words, the predicted power of n of all that can be measured. Named points:
`sp`, `ntp`, `mup`, `mfp`, the path `up`; other ways to write one: `rates`, `six`, `adaptive`; `largest_rate`. Pictures
as data: `slice`, `unfold`.
"""

from tpcore.abc.edges import Edge, Region
from tpcore.abc.largest import largest_rate
from tpcore.abc.parametrization import Parametrization
from tpcore.abc.phase import PHASES, Phase
from tpcore.abc.plane import Plane
from tpcore.abc.points import adaptive, mfp, mup, ntp, rates, six, sp, up
from tpcore.abc.predicted import Exponent
from tpcore.abc.slices import Slice, slice
from tpcore.abc.stability import Condition
from tpcore.abc.unfold import Facet, Unfolded, unfold

__all__ = [
    "PHASES",
    "Condition",
    "Edge",
    "Exponent",
    "Facet",
    "Parametrization",
    "Phase",
    "Plane",
    "Region",
    "Slice",
    "Unfolded",
    "adaptive",
    "largest_rate",
    "mfp",
    "mup",
    "ntp",
    "rates",
    "six",
    "slice",
    "sp",
    "unfold",
    "up",
]
