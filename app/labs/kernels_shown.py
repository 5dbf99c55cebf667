"""How results come into the Kernels lab's figures: heatmaps, outputs, deviations."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tpapp.labs import kernels_words as words
from tpapp.results import Inputs
from tpapp.widgets import escape

GHOST = 8  # the narrow width that stays for comparison
LADDER = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Shown:
    """The part of a `KernelsLab` that draws."""

    def show_inputs(self, s, X: Inputs, rows, i: int, j: int) -> None:
        """Thumbnails, names and marks; new inputs only where they are new."""
        new = self.given.show(s, X, rows, i, j)
        if new or self.marked != (i, j):
            self.marked = i, j
            self.trio.mark(i, j)
            self.given.mark(rows, i, j)
        if self.ringed != s.width:
            self.ringed = s.width
            self.deviation.current(s.width)
        if self.drawn_as != s.shown:
            self.drawn_as = s.shown
            for slot, show in (("limit", self.show_limit), ("draw", self.show_draw)):
                if not new and (held := self.flow.results.get(slot)) is not None:
                    show(held)

    def as_shown(self, K: np.ndarray) -> np.ndarray:
        return words.correlations(K) if self.state.shown == "correlation" else K

    def show_limit(self, result) -> None:
        self.trio.update_limit(self.as_shown(result.K))
        self.trio.limit.describe("Limit", f"{escape(result.method)}; boxes mark (<i>x</i>, <i>x′</i>)")

    def show_pair(self, covariance) -> None:
        self.covariance = covariance
        self.histogram.update_limit(covariance[0, 0])
        self.density.update_limit(covariance)
        self.histogram.describe(caption="the limit’s density")
        self.density.describe(caption="the limit’s ellipses")
        for slot, show in (("ghost", self.show_ghost), ("outputs", self.show_outputs)):
            held = self.flow.results.get(slot)
            if held is not None and np.array_equal(held.covariance, covariance):
                show(held)

    def show_draw(self, result) -> None:
        n, name = result.request.width, words.letter(result.request.kernel)
        K = self.as_shown(result.K)
        difference = result.difference if K is result.K else K - self.as_shown(result.K - result.difference)
        self.trio.update_draw(K, difference)
        self.trio.draw.describe(f"Width {n:,}", "one network, same colours")
        self.trio.difference.describe("Difference", f"{name}<sub>n</sub> − {name}, own scale")
        if n not in LADDER and n not in self.kept(result.request):
            self.points[n] = result.deviation, math.nan
            self.show_deviation()

    def show_outputs(self, result) -> None:
        n, got, asked = result.request.width, len(result.f), result.request.draws
        many = f"{got:,} networks" if got == asked else f"{got:,} of {asked:,} networks"
        many += f", {result.lost:,} died" if result.lost else ""
        self.histogram.update(result.f[:, 0], n, done=result.done)
        self.density.update(result.f, n)
        mixed = words.mixture(result.request.net)
        self.histogram.describe(caption=f"density over {many}{', dashed a Gaussian of its variance' if mixed else ''}")
        whose = "Gaussian’s" if mixed else "limit’s"
        self.density.describe(caption=f"f(<i>x′</i>) against f(<i>x</i>), {whose} ellipses")

    def show_ghost(self, result) -> None:
        self.histogram.update_ghost(result.f[:, 0], GHOST)

    def show_here(self, result) -> None:
        self.kept(result.request)[int(result.widths[0])] = float(result.mean[0]), float(result.error[0])
        self.show_deviation()

    def kept(self, request) -> dict[int, tuple[float, float]]:
        """Deviations at widths beside the ladder that the dial has visited, for this network alone."""
        of = request.inputs, request.net, request.kernel, request.seed
        if of != self.points_of:
            self.points_of, self.points = of, {}
        return self.points

    def show_deviation(self, result=None) -> None:
        """The ladder, with the widths visited beside it."""
        ladder = self.result("ladder")
        if ladder is None or self.deviation.fig is None:
            return
        k = words.letter(ladder.request.kernel)
        many = f"up to {ladder.request.draws} draws"
        self.deviation.describe(caption=f"‖{k}<sub>n</sub> − {k}‖ / ‖{k}‖, {many}, ± 2 s.e.")
        rows = dict(zip(ladder.widths.tolist(), zip(ladder.mean, ladder.error))) | self.kept(ladder.request)
        widths = np.array(sorted(rows))
        mean, error = np.array([rows[n] for n in widths.tolist()]).T
        bound = math.nan if words.mixture(ladder.request.net) else ladder.bound
        shown = dataclasses.replace(ladder, widths=widths, mean=mean, error=error, bound=bound)
        self.deviation.update(shown, self.state.width)

    def clear(self, slot):
        if slot == "draw":
            self.trio.update_draw(None, None)
            self.trio.draw.describe("Width ∞", "the limit alone: choose a finite width")
            self.trio.difference.describe("Difference", "none: this is the limit")
        elif slot == "ghost":
            self.histogram.update_ghost(np.zeros(0), GHOST)
        elif slot == "outputs" and self.covariance is not None:
            self.show_pair(self.covariance)
        elif slot == "ladder":
            self.deviation.update(None)
        else:
            self.lower.clear(slot)
