"""Tensor Programs: a computation, its draws at finite width and its limit at infinite width.

``import tpcore as tp``; every public name hangs on ``tp``:

- programs: `Program`, `nonlin`, `moment`, `inner`, `scalar`, `stack`, the activations by name (`relu`, ...) and
  `activations`;
- their two meanings: `limit`; `run`, `ensemble`; `agreement` compares them; `grad` is the backward pass, a program
  again, `tangent` the tangent kernel as one, `untie` the naive rule as one;
- Gaussian expectations: `expect`, `Estimate`;
- named programs: `gallery`;
- networks: `nets`, `data`; kernels: `nngp`, `ntk`, `empirical_nngp`, `empirical_ntk`, `sample_outputs`; `regression`
  with them: `posterior`, `flow`;
- training and its limits: `train`; how it scales with the width: `abc`;
- sums of random terms: `sums`; random matrices: `spectra`;
- errors: `errors`, all of them `errors.Misuse`.
"""

from tpcore import abc, activations, agreement, compute, data, errors, gallery, nets, spectra, sums, train
from tpcore.activations import NAMED as _NAMED
from tpcore.finite.ensemble import ensemble
from tpcore.finite.run import run
from tpcore.kernels import regression
from tpcore.kernels.empirical import empirical_nngp, empirical_ntk, sample_outputs
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.limit import expect
from tpcore.limit.estimate import Estimate
from tpcore.limit.interpret import limit  # after the package of that name, whose place it takes here
from tpcore.program.backprop import grad
from tpcore.program.build import Program
from tpcore.program.tangent import tangent
from tpcore.program.untie import untie
from tpcore.program.variables import Var, inner, moment, nonlin, scalar, stack

globals().update(_NAMED)

__all__ = [
    "Estimate",
    "Program",
    "Var",
    "abc",
    "activations",
    "agreement",
    "compute",
    "data",
    "empirical_nngp",
    "empirical_ntk",
    "ensemble",
    "errors",
    "expect",
    "gallery",
    "grad",
    "inner",
    "limit",
    "moment",
    "nets",
    "nngp",
    "nonlin",
    "ntk",
    "regression",
    "run",
    "sample_outputs",
    "scalar",
    "spectra",
    "stack",
    "sums",
    "tangent",
    "train",
    "untie",
    *_NAMED,
]
