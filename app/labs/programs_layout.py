"""What stands where in the Programs lab."""

from __future__ import annotations

import panel as pn

from tpapp import theme as themes
from tpapp.labs.programs_builder import Builder
from tpapp.labs.programs_player import LinePlayer
from tpapp.page import Page, section
from tpapp.panes import LaTeX
from tpapp.plots import averages as table
from tpapp.plots.coordinates import CoordinatesPlot
from tpapp.plots.deviation import DeviationPlot
from tpapp.plots.listing import NAMES, Listing
from tpapp.plots.pairs import PairPlot
from tpapp.widgets import button, column, dress, html, row, seed_field

HEIGHT, TALL = 316, 460
WIDE = """
@container (min-width: 820px) {
  :host(:not(.tp-projecting)) { grid-template-columns: 336px minmax(0, 1fr) !important; }
}
@container (min-width: 1120px) {
  :host(:not(.tp-projecting)) { grid-template-columns: 312px minmax(0, 1fr) 272px !important; }
}
@container (min-width: 1280px) {
  :host(:not(.tp-projecting)) { grid-template-columns: minmax(360px, 27%) minmax(0, 1fr) 296px !important; }
}
"""
KEY = """p { margin: 0; display: flex; flex-wrap: wrap; gap: 0 12px; }
span { color: var(--tp-ink3); font-size: var(--tp-caption); line-height: var(--tp-caption-line); }
b { color: var(--tp-ink); font-weight: 600; }"""
SWITCH = ".bk-btn-group { width: auto !important; } :host { flex: none; width: auto !important; }"
BODY = """p { font-size: var(--tp-body) !important; line-height: var(--tp-body-line) !important;
  color: var(--tp-ink2) !important; }"""


class Layout(Page):
    """The listing and the builder at the left; coordinates, a second figure and the table beside them."""

    def build(self):
        self.coordinates = CoordinatesPlot(theme=self.theme, height=HEIGHT)
        self.pair = PairPlot(theme=self.theme, height=HEIGHT)
        self.errors = DeviationPlot(theme=self.theme, height=HEIGHT)
        self.errors.fig.visible = self.errors.head.visible = False
        self.plots = [self.coordinates, self.pair, self.errors]
        self.averages = html("")
        self.averages.stylesheets = [*self.averages.stylesheets, table.CSS]
        self.list = Listing(self._pick)
        self.builder = Builder(self._changed_program)
        self.words = html("", "figure-head")
        self.words.stylesheets = [*self.words.stylesheets, BODY]
        self.rule = LaTeX("", renderer="mathjax", margin=0, sizing_mode="stretch_width",
                          stylesheets=[themes.part("base"), themes.part("formula")])
        self.player = LinePlayer(self.state, self.together, lambda: self.dial.reduced_motion)
        self.made, self.drawn, self._filling = None, None, False
        self._shown = self._drawn = self.facts = None

    def typeset(self):
        super().typeset()
        if self.rule not in self.told.objects:
            self.told.append(self.rule)

    def controls(self):
        self.where = html("", sizing_mode=None)
        buttons = (self.player.back, self.player.play, self.player.on)
        transport = row(*buttons, html("", css_classes=["tp-spacer"]), self.where, parts=("transport",))
        transport.sizing_mode = "stretch_width"
        key = "".join(f"<span><b>{kind}</b> {NAMES[kind]}</span>" for kind in "AGHC")
        legend = html(f"<p>{key}</p>")
        legend.stylesheets = [*legend.stylesheets, KEY]
        foot = row(legend, self.builder.start, parts=("transport",))
        foot.sizing_mode = "stretch_width"
        self.told = column(self.words)
        self.program = section("Program", self.list, transport, self.told, foot, self.builder, aside=" ")
        self.selects = {name: dress(pn.widgets.Select(label=label, options=[""]))
                        for name, label in (("x", "Variable"), ("y", "Against"))}
        for name, widget in self.selects.items():
            widget.param.watch(lambda event, name=name: self._choose_view(name, event.new), "value")
        seed = seed_field(self.state.param.seed, "beside")
        again = button("Draw again", on_click=lambda event: self._next_seed())
        return [
            self.program,
            row(*self.selects.values(), parts=("halves",)),
            section("Draws", self.control("draws", segmented=True), row(seed, again, parts=("figure-row",)),
                    aside="networks in the table"),
        ]

    def figures(self):
        switch = self.control("view", label="Second figure", segmented=True)
        switch.stylesheets = [*switch.stylesheets, SWITCH]
        switch.sizing_mode = None
        for plot in (self.pair, self.errors):
            plot.head.sizing_mode = "stretch_width"
        self.coordinates.head.sizing_mode = "stretch_width"
        head = row(self.coordinates.head, parts=("figure-row",))
        first = column(head, self.coordinates.pane, css_classes=["tp-figure"])
        head = row(column(self.pair.head, self.errors.head), switch, parts=("figure-row",))
        second = column(head, self.pair.pane, self.errors.pane, css_classes=["tp-figure"])
        self.table_head = html("", "figure-head")
        return [[first, second], [column(self.table_head, self.averages, css_classes=["tp-figure"])]]

    def _frame(self):
        root = super()._frame()
        self.layout.body.stylesheets = [*self.layout.body.stylesheets, WIDE]
        return root
