"""The Phases lab: how you scale decides whether features move."""

from __future__ import annotations

import numpy as np

from tpapp import theme as themes
from tpapp.compute import phases as compute
from tpapp.compute import phases_code
from tpapp.compute import phases_pictures as draw
from tpapp.compute import phases_region as regions
from tpapp.compute import phases_train as trains
from tpapp.labs import phases_words as words
from tpapp.labs.phases_controls import Controls
from tpapp.labs.phases_dial import PathDial
from tpapp.labs.phases_state import NEXT, PRESETS, PhasesState
from tpapp.page import Number, Page, Request
from tpapp.phase_results import PictureRequest, PointRequest
from tpapp.plots.phase_diagram import PhaseDiagram
from tpapp.plots.phase_training import Curves, Powers
from tpapp.plots.phase_text import number, plain
from tpapp.reading import update
from tpapp.widgets import column, html, share

HEIGHT, LOW = 300, 190
METHODS = {"program": "particles", "kernel": "kernel descent"}
SNAP = 0.03  # of the picture's size: within it a click means the border


class PhasesLab(Controls, Page):
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
            pane.stylesheets = [*pane.stylesheets, themes.asset("phases.css")]
        self.legend = html(words.legend(True, False))
        self.legend.stylesheets = [*self.legend.stylesheets, themes.asset("phases.css")]

    def figures(self):
        return [[share(self.diagram.view, 2), self.across.view], [self.legend],
                [self.loss.view, self.output.view, self.change.view]]

    def beside(self):
        return [column(self.powers, self.why, parts=("group",)), self.misses, self.checks]

    def hero(self):
        return PathDial(self.state, self.complain, self.together, seen=self._seen)

    def _seen(self) -> bool:
        """Whether the networks at the present point have shown how fast their features freeze."""
        training = self.result("training")
        fitted = training is not None and any(one.slope == one.slope for one in training.ladders)
        return fitted or self.flow.done is None

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
            self.put(chosen, done)

    def put(self, values: dict, done: bool = True) -> None:
        """Take values of the state: one entry of the browser's history once it is `done`, none on the way there."""
        self._set(lambda: self.state.param.update(**values), push=True if done else None)

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
        return PointRequest(s.depth, s.optimizer, s.path, s.a, s.b, s.c, s.d if s.optimizer != "sgd" else "")

    def _pictures(self, s) -> list[PictureRequest]:
        point = self.point(s)
        if s.view == "slice":
            return [PictureRequest("slice", point, s.x, s.y, s.tie)]
        if s.view == "six":
            return [PictureRequest("six", point, "c1", "c2"), PictureRequest("six", point, "c3", "b3")]
        return [PictureRequest("facets", point), PictureRequest("across", point)]

    def requests(self, s):
        point, pictures = self.point(s), self._pictures(s)
        compute.verdict(point)  # refuses what is no parametrization
        keys = [compute.key(request) for request in pictures]
        self._show_controls(s)
        update(self.legend, words.legend(s.view == "facets", s.optimizer != "sgd"))
        yield Request("verdict", point, lambda progress: compute.verdict(point), lambda v: self._show(s, v),
                      quick=True)  # fmt: skip
        yield Request("picture", keys[0], lambda progress: draw.picture(pictures[0]), self._show_picture, quick=True)
        if len(pictures) > 1:
            yield Request("across", keys[1], lambda progress: draw.picture(pictures[1]), self._show_across,
                          quick=True)  # fmt: skip

        asked = trains.request(point, s.task, s.phi, s.lr, s.steps, s.seed)
        if trains.has_limit(point):
            yield Request("limit", ("limit", asked), lambda progress: trains.limit(asked, progress),
                          lambda limit: self._draw(asked), label="the limit of training")  # fmt: skip
        yield Request("training", asked, lambda progress: trains.training(asked, progress),
                      lambda training: self._draw(asked), label="the training")  # fmt: skip

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
        elif slot == "limit" and self._asked is not None:
            self._draw(self._asked)

    _asked = None

    def _draw(self, r) -> None:
        """What has come of the training `r` and of its limit."""
        self._asked = r
        result, limit = self.result("training"), self.result("limit")
        curves, ladders = (result.curves, result.ladders) if result is not None else ((), ())
        dashed = limit.curve if limit is not None else None
        y = trains.task(r.task).y
        shown = int(np.argmax(np.abs(y)))
        fit = len(curves) <= 1 or result.done
        self.loss.update(curves, dashed, steps=r.steps, fit=fit)
        self.output.update(curves, dashed, steps=r.steps, column=shown, target=float(y[shown]), fit=fit)
        self.change.update(ladders, r.widths)
        known = "dashed: the limit" if trains.has_limit(r.point) else "no limit"
        stopped = any(curve.stopped is not None for curve in curves)
        self.loss.describe(None, f"mean over seeds; {known}{'; ✕ has diverged' if stopped else ''}")
        self.output.describe(None, "output at one input, dots: its target")
        self.change.describe(None, f"after {r.steps} steps, ± 2 s.e.; dashed: predicted")
        growth = result.growth if result is not None else None
        update(self.powers, words.powers(compute.verdict(r.point), ladders, growth))

    def _show(self, s, verdict) -> None:
        update(self.pill, words.pill(verdict))
        update(self.checks, words.checks(verdict))
        update(self.why, words.why(verdict))
        known = self.result("training")
        update(self.powers, words.powers(verdict, *((known.ladders, known.growth) if known is not None else ())))
        self._mark(s)

    def _mark(self, s) -> None:
        """The point, in the pictures of the state."""
        point = self.point(s)
        for request, plot in zip(self._pictures(s), (self.diagram, self.across)):
            plot.point(*compute.here(request, point))

    def _show_picture(self, picture) -> None:
        self.diagram.update(picture)
        self.across.view.visible = picture.kind != "slice" and not self.projector
        title = {"facets": "Where you are", "slice": "A slice", "six": "How fast U and W learn"}[picture.kind]
        self.diagram.describe(title, f"{plain(picture.words)}; click or drag the point")
        self._mark(self.state.snapshot())

    def _show_across(self, picture) -> None:
        self.across.update(picture)
        if picture.kind == "six":
            self.across.describe("Start and rate of V", plain(picture.words))
        else:
            self.across.describe("Across the facets", "the readout varies; click here too")
        self._mark(self.state.snapshot())

    def restyle(self, theme, projector):
        super().restyle(theme, projector)
        self.across.view.visible = self.state.view != "slice" and not projector

    # -- words and numbers -------------------------------------------------------------------------------------

    def claim(self, s):
        return words.claim(compute.verdict(self.point(s)))

    def formula(self, s):
        return words.formula(compute.verdict(self.point(s)), s.depth)

    def numbers(self, s):
        verdict = compute.verdict(self.point(s))
        lines = [Number("r", number(verdict.r), note="exact")]
        limit = self.result("limit")
        if limit is not None and limit.method != "words":
            lines.append(Number("Method of the limit", METHODS.get(limit.method, limit.method)))
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
