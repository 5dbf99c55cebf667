"""The phase of a parametrization in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tpcore.abc.numbers import power
from tpcore.abc.phase import Phase
from tpcore.abc.stability import layers_text

if TYPE_CHECKING:
    from tpcore.abc.parametrization import Parametrization


def sentences(p: Parametrization) -> list[str]:
    """Why `p` is in its phase: what happens first, then what makes it so, then how it starts."""
    if p.phase == Phase.UNSTABLE:
        return [one.sentence for one in p.violated]
    start = next(one.sentence for one in p.conditions if one.name == "init")
    if p.phase == Phase.TRIVIAL:
        return [*_trivial(p), start]
    if p.phase == Phase.KERNEL:
        return [*_kernel(p), start]
    return [*_feature(p), start]


def _trivial(p: Parametrization) -> list[str]:
    said = [f"The function never moves: its change vanishes like {power(p.exponents['df'].power)}."]
    if abs(p.r) <= p.tolerance:
        return [*said, "The features do move, but no output sees it."]
    return [*said, f"The features freeze too: they change like {power(-p.r)}."]


def _kernel(p: Parametrization) -> list[str]:
    said = [f"The function moves, the features freeze: they change like {power(-p.r)}."]
    readout, layers = p.kernel_parts
    parts = ["the readout's"] if readout else []
    parts += [f"{layers_text(list(layers))}'s"] if layers else []
    kind = "nonlinear operator (an adaptive optimizer has no kernel)" if p.adaptive else "kernel"
    makes = "updates make" if readout + len(layers) > 1 else "update makes"
    owner = " and ".join(parts)
    return [*said, f"{owner[0].upper()}{owner[1:]} {makes} the {kind}."]


def _feature(p: Parametrization) -> list[str]:
    said = ["The function moves, and so do the features."]
    if p.maximal:
        return [*said, "Every layer moves as much as it can: this is muP, up to the symmetry."]
    readout, layers = p.kernel_parts
    if not readout:
        said.append(f"The readout lags: its own update moves the function by {power(1 - p.readout_step)} only.")
    if not layers:
        said.append("The initial readout is too small to matter.")
    for layer, r in enumerate(p.layer_r, 1):
        if r > p.tolerance:
            said.append(f"Layer {layer} lags: its own update moves its preactivations by {power(-r)} only.")
    return said
