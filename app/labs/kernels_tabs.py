"""Which figures stand in the Kernels lab's lower rows: the choice, and what one choice has to offer.

`Tab` is what `tpapp.labs.kernels_figures.TABS` holds: classes, in the order of the choice. The lab makes each when it
is first chosen, shows its `views` in the row under the heatmaps, and asks for its `requests` only while it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tpapp.page import Number, Request
from tpapp.results import Inputs, Net


class Tab:
    """One choice of the lower figures. Everything has a harmless default.

    Attributes
    ----------
    key, title : str
        In the link (``kernels.figures=<key>``) and on the segment.
    lab : KernelsLab
        ``lab.result(slot)``, ``lab.theme``, ``lab.projector``, ``lab.state``, ``lab.complain``.
    plots : list
        Restyled and exported while shown. Slots of requests begin with the tab's key: ``"depth"``, ``"depth-draws"``.
    """

    key, title = "", ""

    def __init__(self, lab):
        self.lab = lab
        self.plots: list = []
        self.build()

    def build(self) -> None:
        """Make the figures: ``self.plots = [...]``, in the theme ``self.lab.theme``."""

    def views(self) -> Sequence:
        """The row of figures; the first one is the projector's."""
        return [plot.view for plot in self.plots]

    def controls(self) -> Sequence:
        """Small controls beside the choice."""
        return []

    def requests(self, s, X: Inputs, net: Net, i: int, j: int) -> Iterable[Request]:
        """What the state needs computed; x and x' are rows i and j of the kernel. `Misuse` is shown in words."""
        return []

    def clear(self, slot: str) -> None:
        """Take away what a slot showed."""

    def claim(self, s) -> str:
        """One sentence that is true of the state; empty for the lab's own."""
        return ""

    def formula(self, s) -> str:
        """LaTeX between dollars; empty for the lab's own."""
        return ""

    def numbers(self, s) -> Sequence[Number]:
        """Lines under the lab's own numbers."""
        return []

    def code(self, s) -> str:
        """Python behind the lab's own: it has X, net, K and the imports."""
        return ""

    def data(self) -> dict[str, Any]:
        """Name -> array, for the export."""
        return {}
