"""The plane of order and chaos: chi_1 or q* over weights and biases, curves of equal chi_1, the present point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from tpapp.colours import VALUES, interpolate
from tpapp.plots.base import Plot, write
from tpapp.plots.hand import Hand

REACH = 0.6  # |log10 chi_1| of the fullest colour
ORDER, CHAOS = "#80cdc1", "#dfc27d"  # the two sides of BrBG
LABELLED = {0.25: 0.93, 0.5: 0.93, 1.0: 0.76, 1.25: 0.93, 2.0: 0.08}  # where along the height a curve says its chi_1
SHADES = {"chi": "χ₁", "q": "q*"}


class ChaosPlane(Plot):
    """`update(plane, shade)`, `point(sigma_w, sigma_b)`; `on_point(sigma_w, sigma_b)` follows a click or a drag."""

    def __init__(self, *, on_point: Callable[[float, float], None] | None = None, theme: str = "light",
                 projector: bool = False, height: int = 280):  # fmt: skip
        super().__init__("Order and chaos", name="order-chaos", theme=theme, projector=projector)
        self._on_point, self._plane, self._shade = on_point, None, "chi"
        fig = self.axes(height=height, x_range=Range1d(0, 3), y_range=Range1d(0, 1.5), x_label="σ of weights",
                        y_label="σ of biases")  # fmt: skip
        fig.ygrid.visible = False
        self.picture = ColumnDataSource({"image": [np.zeros((2, 2), np.float32)]})
        self.mapper = LinearColorMapper(palette=["#FFFFFF"], low=-REACH, high=REACH)
        self.image = fig.image("image", x=0, y=0, dw=3, dh=1.5, source=self.picture, color_mapper=self.mapper)
        self.lost = ColumnDataSource({"x": [], "low": [], "high": []})
        area = fig.varea("x", "low", "high", source=self.lost, hatch_pattern="/", hatch_alpha=0.3, hatch_scale=9,
                         hatch_weight=0.7)  # fmt: skip
        self.paint(area.glyph, fill_color="unstable-fill", hatch_color="unstable")
        self.curves, self.edge = (ColumnDataSource({"xs": [], "ys": []}) for _ in range(2))
        thin = fig.multi_line("xs", "ys", source=self.curves, line_alpha=0.55)
        thick = fig.multi_line("xs", "ys", source=self.edge)
        self.paint(thin.glyph, line_color="ink2", line_width=lambda s: s.line(1))
        self.paint(thick.glyph, line_color="ink", line_width=lambda s: s.line(2.5))
        self.values = self.labels(fig, text_align="center", text_baseline="middle")
        self.here = ColumnDataSource({"x": [], "y": [], "full": []})
        ring = fig.scatter("x", "y", source=self.here, line_width=2.5, level="overlay")
        core = fig.scatter("x", "y", source=self.here, line_color=None, level="overlay")
        self.paint(ring.glyph, fill_color="surface", line_color="ink", size=lambda s: s.px(17))
        self.paint(core.glyph, fill_color="ink", size=lambda s: s.px(7))
        fig.toolbar_location = None
        self.build(fig)
        if self._on_point is not None:
            self._hand = Hand(fig, self.here, lambda x, y, done: self._on_point(x, y))

    def update(self, plane, shade: str = "chi") -> None:
        """A `Plane`, coloured by chi_1 ("chi": green below 1, brown above) or by q* ("q")."""
        self._plane, self._shade = plane, shade
        w, b = plane.sigma_w, plane.sigma_b
        fixed = np.isfinite(plane.q)
        self.image.glyph.update(x=float(w[0]), y=float(b[0]), dw=float(np.ptp(w)), dh=float(np.ptp(b)))
        self.fig.x_range.update(start=float(w[0]), end=float(w[-1]))
        self.fig.y_range.update(start=float(b[0]), end=float(b[-1]))
        self._colour()
        gone = ~fixed.all(axis=0)
        first = np.array([b[column.argmin()] if lost else b[-1] for column, lost in zip(fixed.T, gone)])
        self.lost.data = {"x": w[gone], "low": first[gone], "high": np.full(int(gone.sum()), b[-1])}
        parts = [(chi, curve) for chi, curves in plane.contours for curve in curves]
        for source, mine in ((self.edge, [c for chi, c in parts if chi == 1]),
                             (self.curves, [c for chi, c in parts if chi != 1])):  # fmt: skip
            source.data = {"xs": [c[0] for c in mine], "ys": [c[1] for c in mine]}
        self._relabel()

    def _colour(self) -> None:
        if self._plane is None:
            return
        if self._shade == "q":
            values = np.log10(np.clip(np.where(np.isfinite(self._plane.q), self._plane.q, 1e1), 1e-2, 1e1))
            palette, low, high = list(VALUES), -2.0, 1.0
        else:
            chi = np.where(np.isfinite(self._plane.chi), self._plane.chi, 1.0)
            values = np.log10(np.clip(chi, 10**-REACH, 10**REACH))
            palette, low, high = self._diverging(), -REACH, REACH
        self.mapper.update(palette=palette, low=low, high=high)
        self.picture.data = {"image": [values.astype(np.float32)]}

    def _diverging(self) -> list[str]:
        """From BrBG's green over the surface to its brown, in the theme's lightness."""
        surface = self.style.token("surface")
        full = 0.9 if self.style.theme == "light" else 0.55
        green, brown = (interpolate((surface, end), full) for end in (ORDER, CHAOS))
        half = [k / 127 for k in range(128)]
        return [interpolate((green, surface), t) for t in half] + [interpolate((surface, brown), t) for t in half]

    def point(self, sigma_w: float, sigma_b: float) -> None:
        """Where the network is."""
        data = {"x": [sigma_w], "y": [sigma_b], "full": [1.0]}
        if {k: list(v) for k, v in self.here.data.items()} != data:
            self.here.data = data
            self.push()

    def _relabel(self) -> None:
        if self._plane is None:
            return
        p, ink, ink2 = self._plane, self.style.token("ink"), self.style.token("ink2")
        rows = []
        for chi, curves in sorted(p.contours, key=lambda row: abs(np.log(row[0]))):  # the nearest to 1 first
            if not curves:
                continue
            curve = max(curves, key=lambda c: c[1].max())
            at = int(np.argmin(np.abs(curve[1] - LABELLED.get(chi, 9.0) * p.sigma_b[-1])))
            x, y = float(curve[0][at]), float(curve[1][at])
            if curve.shape[1] == 2:
                y = LABELLED.get(chi, 9.0) * float(p.sigma_b[-1])
            if abs(y / p.sigma_b[-1] - LABELLED.get(chi, 9.0)) > 0.1 or not 0.06 < x / p.sigma_w[-1] < 0.92:
                continue
            if any(abs(x - r[0]) < 0.12 * p.sigma_w[-1] and abs(y - r[1]) < 0.1 * p.sigma_b[-1] for r in rows):
                continue
            rows.append((x, y, f"χ₁ = {chi:g}" if chi == 1 else f"{chi:g}", ink if chi == 1 else ink2))
        rows += [(x, y, name, ink) for name, (x, y) in self._names().items()]
        write(self.values, {"x": [r[0] for r in rows], "y": [r[1] for r in rows], "text": [r[2] for r in rows],
                            "colour": [r[3] for r in rows], "dx": [0] * len(rows), "dy": [0] * len(rows)}, 16)
        self.push()

    def _names(self) -> dict[str, tuple[float, float]]:
        """The names of the regions, and where there is room for them."""
        p = self._plane
        w, b = np.meshgrid(p.sigma_w, p.sigma_b)
        low = (b > 0.3 * p.sigma_b[-1]) & (b < 0.7 * p.sigma_b[-1])
        fixed = np.isfinite(p.q)
        chi = np.where(np.isfinite(p.chi), p.chi, np.inf)
        regions = {"order": fixed & (chi < 0.95), "chaos": fixed & (chi > 1.05), "no fixed point": ~fixed}
        return {name: (float(np.median(w[at & low])), 0.5 * float(p.sigma_b[-1]))
                for name, at in regions.items() if (at & low).sum() > 0.06 * low.sum()}  # fmt: skip

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._colour()
        self._relabel()

    def data(self) -> dict[str, np.ndarray]:
        p = self._plane
        if p is None:
            return {}
        known = np.isfinite(p.q)
        w, b = np.meshgrid(p.sigma_w, p.sigma_b)
        return {"sigma_w": w[known], "sigma_b": b[known], "chi": p.chi[known], "q": p.q[known]}
