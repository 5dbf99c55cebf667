"""The Phases lab: how you scale decides whether features move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import panel as pn

from tpapp.compute import phases as compute
from tpapp.compute import phases_code
from tpapp.compute import phases_region as regions
from tpapp.compute import phases_train as trains
from tpapp.labs import phases_words as words
from tpapp.labs.phases_dial import PathDial
from tpapp.labs.phases_state import NEXT, PRESETS, PhasesState, on_path
from tpapp.page import Number, Page, Request, note, section
from tpapp.phase_results import PictureRequest, PointRequest
from tpapp.plots.phase_diagram import PhaseDiagram
from tpapp.plots.phase_training import Curves, Powers
from tpapp.plots.phase_text import NAMES, number, plain
from tpapp.reading import update
from tpapp.widgets import button, column, dress, html, row, share

HEIGHT, LOW = 300, 190
SNAP = 0.03  # of the picture's size: within it a click means the border
LEGEND = (f'<p class="tp-legend">' + "".join(f'<span><i data-of="{k}"></i>{v.lower()}</span>' for k, v in NAMES.items())
          + '<span><i data-of="path"></i>path from μP to NTP</span></p>')  # fmt: skip
LEGEND_CSS = """
.tp-legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0; font-size: var(--tp-caption); line-height: var(--tp-caption-line); color: var(--tp-ink2); }
.tp-legend span { display: inline-flex; align-items: center; gap: 8px; white-space: nowrap; }
.tp-legend i { width: 14px; height: 12px; border-radius: 2px; }
i[data-of=kernel] { background: var(--tp-kernel-fill); border: 1px solid var(--tp-kernel); box-sizing: border-box; }
i[data-of=feature] { height: 6px !important; background: var(--tp-feature); }
i[data-of=trivial] { background: radial-gradient(var(--tp-trivial) 1px, transparent 1.2px) 0 0 / 5px 5px, var(--tp-trivial-fill); }
i[data-of=unstable] { background: repeating-linear-gradient(-45deg, var(--tp-unstable) 0 1px, transparent 1px 4px), var(--tp-unstable-fill); }
i[data-of=path] { height: 0 !important; width: 22px !important; border-top: 3px dotted var(--tp-ink); border-radius: 0 !important; }
"""


class PhasesLab(Page):
    """How you scale decides whether features move."""

    slug, title, glyph = "phases", "Phases", "phases"
    State = PhasesState
    presets = PRESETS

    # -- what stands where -------------------------------------------------------------------------------------

    def build(self):
        options = {"theme": self.theme, "height": HEIGHT, "on_point": self._picked}
        self.diagram = PhaseDiagram("Where you are", name="phases", **options)
        across = options | {"on_point": self._picked_across}
        self.across = PhaseDiagram("Across the facets", name="phases-across", brief=True, **across)
        low = {"theme": self.theme, "height": LOW}
        self.loss = Curves("Loss", name="training-loss", log=True, **low)
        self.output = Curves("The function", name="training-output", log=False, **low)
        self.change = Powers(**low)
        self.plots = [self.diagram, self.across, self.loss, self.output, self.change]
        self.pill, self.why, self.checks, self.powers, self.misses = (html("") for _ in range(5))
        for pane in (self.pill, self.why, self.checks, self.powers, self.misses):
            pane.stylesheets = [*pane.stylesheets, words.CSS]
        self.legend = html(LEGEND)
        self.legend.stylesheets = [*self.legend.stylesheets, LEGEND_CSS]

    def controls(self):
        self.x, self.y = (self._axis(name) for name in "xy")
        self.tie = self.control("tie")
        self._slice_parts = [row(self.x, self.y, parts=("halves",)), self.tie]
        self.slice_box = column(parts=("group",))
        self.measure = button("Measure this region", on_click=lambda event: self._measure())
        self.fields = {name: self._field(name) for name in "abc"}
        self.go = dress(pn.widgets.Select(name="Named point", options=[""]))
        self.go.param.watch(self._named, "value")
        return [
            section("Point", self.go, *self.fields.values(), note("For each layer, commas between; one c serves all.")),
            section("Network", self.control("depth", segmented=True), self.control("optimizer", segmented=True),
                    aside="hidden layers; optimizer"),
            section("Picture", self.control("view", segmented=True), self.slice_box, self.measure),
            section("Training", self.control("task"), self.control("phi"), self.control("lr"), self.control("steps"),
                    aside="five widths"),
        ]

    def _axis(self, name: str):
        widget = dress(pn.widgets.Select(name=self.state.param[name].label, options=["a1"]))
        widget.param.watch(lambda event: None if self._showing else self.state.param.update(**{name: event.new}), "value")
        return widget

    def _field(self, name: str):
        widget = dress(pn.widgets.TextInput(name=self.state.param[name].label, max_length=80))
        widget.param.watch(lambda event: self._typed(name, event.new), "value")
        return widget

    _showing = False

    def figures(self):
        return [[share(self.diagram.view, 2), self.across.view], [self.legend],
                [self.loss.view, self.output.view, self.change.view]]

    def beside(self):
        return [column(self.powers, self.why, parts=("group",)), self.misses, self.checks]

    def hero(self):
        return PathDial(self.state, self.complain, self.together)

    def _frame(self):
        root = super()._frame()
        reading = self.reading.__panel__()
        reading.insert(0, self.pill)
        self.reading.toggle_code()  # shut at first: the conditions fit a screen
        return root

    # -- a hand ------------------------------------------------------------------------------------------------

    def _picked(self, x: float, y: float, done: bool) -> None:
        self._take(self._pictures(self.state.snapshot())[0], x, y, done)

    def _picked_across(self, x: float, y: float, done: bool) -> None:
        self._take(self._pictures(self.state.snapshot())[1], x, y, done)

    def _take(self, request: PictureRequest, x: float, y: float, done: bool) -> None:
        """The point goes where the hand is, on the border it means."""
        with self.together():
            self.dial.stop()
            chosen = compute.pick(request, x, y, SNAP)
            if all(getattr(self.state, name) == text for name, text in chosen.items()):
                self._mark(self.state.snapshot())  # the browser has moved the marker already
            self.state.param.update(**chosen)

    def _typed(self, name: str, text: str) -> None:
        if not self._showing and text.strip() != self._shown_texts.get(name):
            self.dial.stop()
            self.state.param.update(**{name: text.strip()})

    def _named(self, event) -> None:
        if not self._showing and event.new in self._points:
            self.dial.stop()
            self.state.param.update(**self._points[event.new])

    def _measure(self) -> None:
        """Measure the phases of the present picture, or take the measurement away."""
        measured = self._region_key is not None and self._region_key == self._key(self.state.snapshot())
        self._region_key = None if measured else self._key(self.state.snapshot())
        self.state.region = not self.state.region  # another state: what is asked for is asked again

    _region_key = None

    def _key(self, s) -> tuple:
        return (compute.key(self._pictures(s)[0]), s.phi, s.seed)

    # -- state -> requests -> figures --------------------------------------------------------------------------

    @staticmethod
    def point(s) -> PointRequest:
        """The snapshot's parametrization as a request."""
        return PointRequest(s.depth, s.optimizer, s.path, s.a, s.b, s.c)

    def _pictures(self, s) -> list[PictureRequest]:
        point = self.point(s)
        if s.view == "slice":
            return [PictureRequest("slice", point, s.x, s.y, s.tie)]
        return [PictureRequest("facets", point), PictureRequest("across", point)]

    def requests(self, s):
        point, pictures = self.point(s), self._pictures(s)
        compute.verdict(point)  # refuses what is no parametrization
        keys = [compute.key(request) for request in pictures]
        self._show_controls(s)
        yield Request("verdict", point, lambda progress: compute.verdict(point), lambda v: self._show(s, v), quick=True)
        yield Request("picture", keys[0], lambda progress: compute.picture(pictures[0]), self._show_picture, quick=True)
        if len(pictures) > 1:
            yield Request("across", keys[1], lambda progress: compute.picture(pictures[1]), self._show_across, quick=True)

        asked = trains.request(point, s.task, s.phi, s.lr, s.steps, s.seed)
        yield Request("training", asked, lambda progress: trains.training(asked, progress), self._show_training,
                      label="the training")  # fmt: skip

        here = self._key(s)
        measured = self._region_key == here
        name = "Hide the measured phases" if measured else "Measure this region"
        if self.measure.name != name:
            self.measure.name = name
        if measured:
            region = regions.request(pictures[0], s.phi, s.seed)
            yield Request("region", ("region", here), lambda progress: regions.region(region, progress),
                          self._show_region, label="the measurement")  # fmt: skip

    def _show_region(self, result) -> None:
        self.diagram.measured(result.probes)
        update(self.misses, words.misses(result))

    def clear(self, slot):
        if slot == "region":
            self.diagram.measured(())
            update(self.misses, "")

    def _show_training(self, result) -> None:
        r = result.request
        y = trains.task(r.task).y
        shown = int(np.argmax(np.abs(y)))
        fit = result.done or len(result.curves) <= 1
        self.loss.update(result.curves, steps=r.steps, fit=fit)
        self.output.update(result.curves, steps=r.steps, column=shown, target=float(y[shown]), fit=fit)
        self.change.update(result.ladders, r.widths)
        self.loss.describe(None, "training loss, mean over seeds")
        self.output.describe(None, "output at one input, dots: its target")
        self.change.describe(None, f"after {r.steps} steps, ± 2 s.e.; dashed: predicted")
        update(self.powers, words.powers(compute.verdict(r.point), result.ladders))

    def _show(self, s, verdict) -> None:
        update(self.pill, words.pill(verdict))
        update(self.checks, words.checks(verdict))
        update(self.why, words.why(verdict))
        known = self.result("training")
        update(self.powers, words.powers(verdict, known.ladders if known is not None else ()))
        self._mark(s)

    def _mark(self, s) -> None:
        """The point, in the pictures of the state."""
        point = self.point(s)
        for request, plot in zip(self._pictures(s), (self.diagram, self.across)):
            plot.point(*compute.here(request, point))

    def _show_picture(self, picture) -> None:
        self.diagram.update(picture)
        self.across.view.visible = picture.kind == "facets" and not self.projector
        facets = picture.kind == "facets"
        title = "Where you are" if facets else "A slice"
        self.diagram.describe(title, f"{plain(picture.words)}; click or drag the point")
        self._mark(self.state.snapshot())

    def _show_across(self, picture) -> None:
        self.across.update(picture)
        self.across.describe("Across the facets", "the readout varies; click here too")
        self._mark(self.state.snapshot())

    def _show_controls(self, s) -> None:
        self._showing = True
        try:
            self._shown_texts = compute.point_texts(self.point(s))
            for name, text in self._shown_texts.items():
                if self.fields[name].value != text:
                    self.fields[name].value = text
            self._points = compute.named_texts(s.depth, s.optimizer)
            verdict = compute.verdict(self.point(s))
            elsewhere = "on the path" if on_path(s) else "elsewhere"
            self.go.param.update(options=[elsewhere, *self._points], value=verdict.name or elsewhere)
            self.slice_box.objects = self._slice_parts if s.view == "slice" else []
            if s.view == "slice":
                known = compute.coordinates(s.depth, len(s.c.split(",")) < 2 and s.optimizer == "sgd")
                for widget, name in zip((self.x, self.y), compute.axes(self._pictures(s)[0])):
                    widget.param.update(options={plain_name(k): k for k in known}, value=name if name in known else known[0])
        finally:
            self._showing = False

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        self.across.view.visible = self.state.view == "facets" and not projector

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(compute.verdict(self.point(s)))

    def formula(self, s):
        return words.formula(compute.verdict(self.point(s)), s.depth)

    def numbers(self, s):
        verdict = compute.verdict(self.point(s))
        lines = [Number("r", number(verdict.r), note="exact")]
        region = self.result("region")
        if region is not None and region.clear:
            share_ = f"{100 * region.agree / region.clear:.0f} %"
            lines.append(Number("Phases agree", share_, note=f"of {region.clear} points"))
        return lines

    def status(self, s):
        result = self.result("training")
        region = self.result("region")
        if region is not None and len(region.probes) < region.total:
            return f"{len(region.probes)} of {region.total} points"
        return f"{result.count if result else 0} of {sum(trains.SEEDS)} networks"

    def code(self, s):
        asked = trains.request(self.point(s), s.task, s.phi, s.lr, s.steps, s.seed)
        return phases_code.code(self.point(s), self._pictures(s)[0]) + "\n" + trains.code(asked)

    def ask_next(self, s):
        return [(self.presets[key].question, lambda key=key: self.choose(key)) for key in NEXT[s.preset]]


def plain_name(name: str) -> str:
    """ "a2+b2" as a menu shows it."""
    return plain("".join(f"_{c}" if c.isdigit() else f" {c} " if c == "+" else c for c in name))
