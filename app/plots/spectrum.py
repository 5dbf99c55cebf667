"""Eigenvalues: their histogram beside the limit law, and the eigenvalues of a small matrix as moving points."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, staircase, write

DOTS = [0, 4]


class SpectrumPlot(Plot):
    """Histogram of eigenvalues in the width's colour, a narrow ghost as a step line, the limit law dashed."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 400, reach: float = 2.6):
        super().__init__("Eigenvalues", name="spectrum", theme=theme, projector=projector)
        self._result = self._ghost = self._law = None
        self.top, self.bounded = 0.0, True
        self.width = self.ghost_width = 0.0
        self.main, self.ghost, self.limit = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        fig = self.axes(height=height, x_range=Range1d(-reach, reach), y_range=Range1d(0, 0.42), x_label="eigenvalue λ")
        area = fig.varea("x", 0, "y", source=self.main)
        line = fig.line("x", "y", source=self.main, line_join="miter")
        step = fig.line("x", "y", source=self.ghost)
        self.paint(area.glyph, fill_color=lambda s: s.width(self.width), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1.25))
        self.paint(step.glyph, line_color=lambda s: s.width(self.ghost_width), line_width=lambda s: s.line(1.5))
        self.holds = True
        curve = self.theory(fig, self.limit)
        self.paint(curve.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                   line_dash=lambda s: DASH if self.holds else DOTS,
                   line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        self.stem = ColumnDataSource({"x": [], "y0": [], "y1": []})
        self.flag = ColumnDataSource({"x": [], "y0": [], "y1": []})
        self.marks = ColumnDataSource({"x": [], "y": []})
        for source, dash in ((self.stem, "solid"), (self.flag, DASH)):
            rule = fig.segment("x", "y0", "x", "y1", source=source, line_dash=dash, level="overlay")
            self.paint(rule.glyph, line_color="ink", line_width=lambda s: s.line(2))
        dots = fig.scatter("x", "y", source=self.marks, size=9, level="overlay")
        self.paint(dots.glyph, fill_color=lambda s: s.width(self.width), line_color="surface", size=lambda s: s.line(9))
        self.notes = self.labels(fig, text_align="left")
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_law(self, law, holds: bool = True) -> None:
        """A `LawCurve`: the dashed line and the frozen axes. Where it is not the limit (`holds` False), grey dots."""
        self._law, self.holds = law, holds
        self.repaint()
        pdf = finite("The limit's density", law.pdf)
        inside = (law.x >= law.support[0]) & (law.x <= law.support[1])
        self.limit.data = {"x": np.asarray(law.x)[inside], "y": pdf[inside]}
        self.top = float(pdf.max()) if law.top is None else law.top
        self.bounded = float(pdf.max()) <= 1.01 * self.top
        self.fig.y_range.end = 1.32 * self.top
        self.fig.x_range.update(start=float(law.start), end=float(law.reach))
        if self.fig.xaxis[0].axis_label != law.variable:
            self.fig.xaxis[0].axis_label = law.variable
        at = [place for place, _ in law.atoms] if holds else []
        self.stem.data = {"x": at, "y0": [0.0] * len(at), "y1": [1.12 * self.top] * len(at)}
        out = [law.outlier] if law.outlier is not None else []
        self.flag.data = {"x": out, "y0": [0.0] * len(out), "y1": [0.42 * self.top] * len(out)}
        self._relabel()

    def update(self, result) -> None:
        """A `Spectrum`; None clears the histogram (the limit alone)."""
        self._result = result
        self._draw(self.main, result)
        if result is not None:
            self.width = result.request.n
            if result.done:
                self._fit()
        self.repaint()
        self._relabel()

    def update_ghost(self, result) -> None:
        """A narrow `Spectrum` that stays for comparison; None removes it."""
        self._ghost = result
        self._draw(self.ghost, result)
        if result is not None:
            self.ghost_width = result.request.n
            self._fit()
        self.repaint()
        self._relabel()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _draw(self, source: ColumnDataSource, result) -> None:
        if result is None:
            source.data = {"x": [], "y": []}
            if source is self.main:
                self.marks.data = {"x": [], "y": []}
            return
        x, y = staircase(result.edges, finite("The histogram", result.density))
        source.data = {"x": x, "y": y}
        if source is self.main:
            if list(result.marks) != list(self.marks.data["x"]):
                self.marks.data = {"x": list(result.marks), "y": [0.0] * len(result.marks)}
            start = -result.reach if result.start is None else result.start
            self.fig.x_range.update(start=float(start), end=float(result.reach))

    def _fit(self) -> None:
        """Room for the highest bin up to four times the law's peak, in steps."""
        peak = max([max(s.data["y"]) for s in (self.main, self.ghost) if len(s.data["y"])], default=0.0)
        base = self.top
        if base:
            most = 4.0 if self.bounded else 1.6
            self.fig.y_range.end = base * min(most, max(1.32, np.ceil(10 * peak / base * 1.04) / 10))

    def _relabel(self) -> None:
        style, rows = self.style, []
        if self._law is not None:
            name = f"limit: {self._law.name}" if self.holds else f"{self._law.name}: not the limit"
            rows.append((name, style.token("ink" if self.holds else "ink3")))
        if self._result is not None:
            rows.append((f"n = {fmt.width(self.width)}", style.width_text(self.width)))
        if self._ghost is not None:
            rows.append((f"n = {fmt.width(self.ghost_width)}", style.width_text(self.ghost_width)))
        self.corner(self.text, self.fig, rows)
        self._annotate()
        self.push()

    def _annotate(self) -> None:
        """Words at an atom and where a spike's eigenvalue should stand."""
        rows = []
        if self._law is not None and self.holds:
            rows += [(at, 1.12 * self.top, f"mass {mass:.3g} at {at:g}") for at, mass in self._law.atoms]
        if self._law is not None and self._law.outlier is not None:
            rows.append((self._law.outlier, 0.42 * self.top, f"spike: {self._law.outlier:.4g}"))
        right = self.fig.x_range.start + 0.72 * (self.fig.x_range.end - self.fig.x_range.start)
        px = self.style.px
        write(self.notes, {
            "x": [x for x, _, _ in rows], "y": [y for _, y, _ in rows], "text": [text for _, _, text in rows],
            "colour": [self.style.token("ink")] * len(rows), "dx": [-px(34) if x > right else 6 for x, _, _ in rows],
            "dy": [-4 if x > right else px(10) for x, _, _ in rows],
        })  # fmt: skip

    def data(self) -> dict[str, np.ndarray]:
        out = {} if self._law is None else {"law_x": self._law.x, "law_density": self._law.pdf}
        for prefix, result in (("", self._result), ("narrow_", self._ghost)):
            if result is not None:
                out |= {f"{prefix}{name}": getattr(result, name) for name in ("edges", "counts", "density")}
        if self._result is not None and len(self._result.marks):
            out["largest"] = np.array(self._result.marks)
        return out


_MOVE = """
const T = all.data.t.length
if (T === 0) return
const turn = Math.max(1, 2 * T - 2)  // there and back again: the motion looks the same in both directions
clock.data = {frame: [(clock.data.frame[0] + %s + turn) %% turn]}
"""
_SHOW = """
const T = all.data.t.length
if (T === 0) { now.data = {x: [], y: []}; return }
const k = clock.data.frame[0], frame = k < T ? k : 2 * T - 2 - k
const x = all.data.row[frame]
now.data = {x: Array.from(x), y: Array.from(x, () => all.data.t[frame])}
"""


class EigenvaluePoints(Plot):
    """Eigenvalues of a small matrix that moves: points now, thin lines where they have been and will be.

    All frames are sent once; `step` (from Python) or `player` (a CustomJS for a button, in the browser) moves on.
    """

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 220, reach: float = 2.6):
        super().__init__("A small matrix in motion", "eigenvalues while the entries move; upward is time",
                         name="eigenvalue-points", theme=theme, projector=projector)  # fmt: skip
        self._path = None
        self.width = 8.0
        self.all = ColumnDataSource({"t": [], "row": []})
        self.trails = ColumnDataSource({"xs": [], "ys": []})
        self.now = ColumnDataSource({"x": [], "y": []})
        self.clock = ColumnDataSource({"frame": [0]})
        fig = self.axes(height=height, x_range=Range1d(-reach, reach), y_range=Range1d(0, 1), x_label="eigenvalue λ")
        fig.yaxis.visible, fig.ygrid.visible = False, False
        lines = fig.multi_line("xs", "ys", source=self.trails)
        lines.glyph.line_alpha = 0.6
        self.paint(lines.glyph, line_color=lambda s: s.width(self.width), line_width=lambda s: s.line(1))
        level = fig.line("x", "y", source=self.now)
        self.paint(level.glyph, line_color="line", line_width=lambda s: s.line(1))
        dots = fig.scatter("x", "y", source=self.now, size=9, level="overlay")
        self.paint(dots.glyph, fill_color=lambda s: s.width(self.width), line_color="surface",
                   line_width=lambda s: s.line(1), size=lambda s: s.line(9))  # fmt: skip
        args = {"all": self.all, "now": self.now, "clock": self.clock}
        self.clock.js_on_change("data", CustomJS(args=args, code=_SHOW))
        self.forward, self.back = (CustomJS(args=args, code=_MOVE % step) for step in (1, -1))
        self.build(fig)

    def update(self, path, variable: str = "eigenvalue λ") -> None:
        """An `EigenvaluePath`; the frame shown stays where it is."""
        self._path = path
        rows = finite("The eigenvalues", path.eigenvalues)
        self.width = path.request.n
        self.all.data = {"t": path.times, "row": [row.astype(np.float32) for row in rows]}
        self.trails.data = {"xs": list(rows.T), "ys": [path.times] * rows.shape[1]}
        positive = float(rows.min()) >= 0
        reach = 1.04 * float(np.abs(rows).max()) if positive else max(2.6, 1.04 * float(np.abs(rows).max()))
        self.fig.x_range.update(start=-0.02 * reach if positive else -reach, end=reach)
        if self.fig.xaxis[0].axis_label != variable:
            self.fig.xaxis[0].axis_label = variable
        self.repaint()
        self.fig.y_range.end = float(path.times[-1]) or 1.0
        self.show(self.frame)

    @property
    def frame(self) -> int:
        return int(self.clock.data["frame"][0])

    def show(self, frame: int) -> None:
        """Put the points at one of the path's frames; frames beyond the last run back."""
        if self._path is None:
            return
        frames = len(self._path.times)
        frame %= max(1, 2 * frames - 2)
        at = frame if frame < frames else 2 * frames - 2 - frame
        x = self._path.eigenvalues[at]
        self.clock.data = {"frame": [frame]}
        self.now.data = {"x": x, "y": np.full(len(x), self._path.times[at])}
        self.push()

    def step(self, frames: int = 1) -> None:
        """Move on by so many frames, round and round."""
        self.show(self.frame + frames)

    def player(self, frames_a_second: int = 30) -> CustomJS:
        """For a toggle's `js_on_change`: plays in the browser while it is on; steps once where motion is unwanted."""
        return CustomJS(
            args={"all": self.all, "clock": self.clock, "forward": self.forward, "rate": frames_a_second},
            code="""
            const on = cb_obj.active ?? cb_obj.value ?? true
            if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
              if (on) { forward.execute(cb_obj); if (cb_obj.active != null) cb_obj.active = false }
              return
            }
            const mark = "tp_play_" + clock.id
            if (window[mark]) { clearInterval(window[mark]); delete window[mark] }
            if (on) window[mark] = setInterval(() => {
              if (clock.document == null) { clearInterval(window[mark]); delete window[mark]; return }
              forward.execute(cb_obj)
            }, 1000 / rate)
            """,
        )

    def data(self) -> dict[str, np.ndarray]:
        return {} if self._path is None else {"time": self._path.times, "eigenvalues": self._path.eigenvalues}
