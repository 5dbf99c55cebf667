"""The lower figures of the Kernels lab: the outputs, or one of the tabs; only what is shown is made and computed."""

from __future__ import annotations

from tpapp.labs.kernels_figures import TABS
from tpapp.labs.kernels_program import ProgramTab
from tpapp.labs.kernels_tabs import Tab
from tpapp.widgets import control, row

OUTPUTS = "outputs"
KINDS: tuple[type[Tab], ...] = (*TABS, ProgramTab)


class Lower:
    """Which figures stand under the heatmaps.

    Attributes
    ----------
    choice : view
        The segments, and the chosen tab's small controls.
    tab : Tab or None
        The chosen one; None while the outputs are shown.
    """

    def __init__(self, lab, outputs: list):
        self.lab, self.outputs = lab, outputs
        self.made: dict[str, Tab] = {}
        self.tab: Tab | None = None
        parameter = lab.state.param.figures
        parameter.objects = {"Outputs": OUTPUTS, **{kind.title: kind.key for kind in KINDS}}
        segments = control(parameter, "Figures", segmented=True)
        segments.width, segments.sizing_mode = 104 * (1 + len(KINDS)), "fixed"
        segments.stylesheets = [*segments.stylesheets, ":host { max-width: 100%; width: auto; }"]
        self.extras = row(parts=("transport",))
        self.choice = row(segments, self.extras, parts=("figure-row",))

    def show(self, key: str) -> None:
        """Put the figures of a choice into the row; nothing if they are there."""
        if key == (OUTPUTS if self.tab is None else self.tab.key):
            return
        lab = self.lab
        self.tab = None if key == OUTPUTS else self._made(key)
        lab.plots = [*lab.always, *(lab.own if self.tab is None else self.tab.plots)]
        for plot in lab.plots[len(lab.always) :]:
            plot.restyle(theme=lab.theme, projector=lab.projector)
        views = self.outputs if self.tab is None else list(self.tab.views())
        self.extras.objects = [] if self.tab is None else list(self.tab.controls())
        lab.layout.put(2, views)
        lab.layout.main = views[0]
        if lab.projector:
            lab.layout.project(True)

    def _made(self, key: str) -> Tab:
        if key not in self.made:
            self.made[key] = next(kind for kind in KINDS if kind.key == key)(self.lab)
        return self.made[key]

    def clear(self, slot: str) -> None:
        """Take away what a tab's slot showed."""
        for tab in self.made.values():
            if slot.startswith(tab.key):
                tab.clear(slot)
