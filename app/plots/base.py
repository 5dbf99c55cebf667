"""A plot: one Bokeh figure built once, restyled and fed in place.

`view` is what Panel shows, `update(...)` patches sources, `restyle(...)` changes theme and type size
without rebuilding, `data()` gives the arrays behind the figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import numpy as np
import panel as pn
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, CustomJS, CustomJSTickFormatter, FixedTicker, Range1d, Text
from bokeh.plotting import figure

from tpapp import colours
from tpapp.panes import HTML, Bokeh
from tpapp.theme import FONT

DASH = [6, 4]
HEAD_CSS = """
:host { width: 100%; }
.tp-title { font: 600 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink, inherit); margin: 0; }
.tp-caption { font: 400 var(--tp-caption, 12px)/var(--tp-caption-line, 16px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink3, inherit); margin: 0; font-variant-numeric: tabular-nums; }
sub { line-height: 0; }
"""
NUMBER_TICKS = CustomJSTickFormatter(code="""
    const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : Math.abs(tick) || 1
    const places = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))
    const text = Math.abs(tick) < step * 1e-9 ? "0" : tick.toFixed(places)
    return text.replace("-", "−")
""")
POWER_TICKS = CustomJSTickFormatter(code="""
    if (tick >= 1e6) return (tick / 1e6) + "M"
    if (tick >= 1e3) return (tick / 1e3) + "k"
    return String(+tick.toPrecision(3))
""")


NOWHERE = float("nan")
FILLING = {"x": NOWHERE, "y": NOWHERE, "x0": NOWHERE, "y0": NOWHERE, "x1": NOWHERE, "y1": NOWHERE, "low": NOWHERE,
           "high": NOWHERE, "text": "", "full": "", "n": "", "words": "", "colour": "#000000",
           "ring": "#000000"}  # fmt: skip


@dataclass(frozen=True)
class Style:
    """What a figure's appearance depends on besides its data."""

    theme: str = "light"
    projector: bool = False

    def token(self, name: str) -> str:
        return colours.TOKENS[self.theme][name]

    def width(self, n: float) -> str:
        return colours.width_colour(n, self.theme)

    def width_text(self, n: float) -> str:
        return colours.width_label(n, self.theme)

    def line(self, px: float) -> float:
        return px * (1.5 if self.projector else 1.0)

    def px(self, px: float) -> int:
        """A length that grows with the type."""
        return round(px * (1.4 if self.projector else 1.0))

    def text(self, px: int = 12) -> str:
        return f"{self.px(px)}px"


class Plot:
    """Base of all figures.

    Parameters
    ----------
    title, caption : str
        The HTML lines above the figure: what it is; of what, how many, what the bars mean.
    name : str
        Stem of exported files.
    theme, projector
        The first style; see `restyle`.
    """

    exported = True  # part of exported sheets and data

    def __init__(self, title: str, caption: str = "", *, name: str, theme: str = "light", projector: bool = False):
        self.name = name
        self.style = Style(theme, projector)
        self._painted: list[tuple[Any, str, Callable[[Style], Any]]] = []
        self._text = [title, caption]
        self.head = HTML(self._head(), stylesheets=[HEAD_CSS], sizing_mode="stretch_width", margin=0)
        self.fig = None
        self.pane: Bokeh | None = None
        self.view: pn.Column | None = None

    def _head(self) -> str:
        title, caption = self._text
        return f'<h3 class="tp-title">{title}</h3><p class="tp-caption">{caption or "&nbsp;"}</p>'

    def describe(self, title: str | None = None, caption: str | None = None) -> None:
        """Change the lines above the figure (plain text with ``<i>``, ``<sub>``; escape what a visitor wrote)."""
        self._text = [self._text[0] if title is None else title, self._text[1] if caption is None else caption]
        if self.head.object != self._head():
            self.head.object = self._head()
            self._tag()

    def _tag(self) -> None:
        """Leave the title on the figure, where an exported image finds it."""
        if not self.exported:
            return
        plain = [re.sub(r"<[^>]*>", "", text.replace("<sub>n</sub>", "ₙ")) for text in self._text]
        self.fig.tags = [unescape(text).strip() for text in plain]

    @property
    def title(self) -> str:
        return self._text[0]

    @property
    def caption(self) -> str:
        return self._text[1]

    def paint(self, model: Any, **roles: str | Callable[[Style], Any]) -> Any:
        """Set properties of `model` now and at every restyle: a token's name, or a function of the style."""
        for prop, role in roles.items():
            rule = role if callable(role) else (lambda style, name=role: style.token(name))
            self._painted.append((model, prop, rule))
            setattr(model, prop, rule(self.style))
        return model

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        """Take another theme or type size, in place."""
        self.style = Style(
            self.style.theme if theme is None else theme, self.style.projector if projector is None else projector
        )
        self.repaint()
        self.push()

    def repaint(self) -> None:
        """Apply the style's rules again (equal values cost nothing)."""
        for model, prop, rule in self._painted:
            value = rule(self.style)
            if getattr(model, prop) != value:
                setattr(model, prop, value)

    def build(self, fig: Any) -> None:
        """Make the pane of the finished figure."""
        self.fig = fig
        fig.name = self.name
        self._tag()
        plain = ":host { background-color: transparent !important; }"
        self.pane = Bokeh(fig, sizing_mode="stretch_width", margin=0, stylesheets=[plain])
        classes = ["tp-figure", "tp-plot"]
        self.view = pn.Column(self.head, self.pane, sizing_mode="stretch_width", margin=0, css_classes=classes)

    def push(self) -> None:
        """Send what changed to a notebook (a served page needs no push)."""
        if self.pane is not None and self.pane._models and pn.state.curdoc is None:
            pn.io.push_notebook(self.pane)

    def update(self, result: Any) -> None:
        raise TypeError(f"{type(self).__name__} has its own update")

    def data(self) -> dict[str, np.ndarray]:
        """The arrays behind the figure, by column name."""
        return {}

    # -- parts that figures share ------------------------------------------------------------------

    def axes(self, *, height: int, x_range: Range1d, y_range: Range1d, x_label: str = "", y_label: str = "",
             tools: str = "", **options: Any) -> Any:  # fmt: skip
        """A figure without frame, legend or titles, with a horizontal grid and quiet axes."""
        fig = figure(
            height=height, sizing_mode="stretch_width", x_range=x_range, y_range=y_range, tools=tools,
            toolbar_location="above" if tools else None, x_axis_label=x_label, y_axis_label=y_label,
            min_border=4, min_border_right=10, output_backend="canvas", lod_threshold=None, **options,
        )  # fmt: skip
        fig.toolbar.logo = None
        fig.toolbar.autohide = True
        fig.outline_line_color = None
        fig.xgrid.grid_line_color = None
        self.paint(fig, background_fill_color="surface")
        fig.border_fill_color = None  # the page shows through: a painted border leaves half pixels of another theme
        self.paint(fig.ygrid[0], grid_line_color="line")
        for axis in (*fig.xaxis, *fig.yaxis):
            self.quiet(axis, line=axis in fig.xaxis)
        return fig

    def quiet(self, axis: Any, line: bool = True) -> None:
        """The axis style: 1 px control, ticks 4 px outward, 12 px ink3, numbers with a true minus; or no line."""
        axis.major_tick_in, axis.major_tick_out, axis.minor_tick_line_color = 0, 4, None
        if line:
            self.paint(axis, axis_line_color="control", major_tick_line_color="control")
        else:
            axis.axis_line_color = axis.major_tick_line_color = None
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_standoff, axis.major_label_standoff = 4, 4
        axis.formatter = NUMBER_TICKS.clone()
        axis.ticker.desired_num_ticks, axis.ticker.num_minor_ticks = 5, 0
        self.paint(
            axis, major_label_text_color="ink3", axis_label_text_color="ink3",
            major_label_text_font_size=lambda s: s.text(12), axis_label_text_font_size=lambda s: s.text(12),
        )  # fmt: skip

    def theory(self, fig: Any, source: ColumnDataSource, x: str = "x", y: str = "y") -> Any:
        """A dashed line of ink; call it last so that it is drawn last."""
        line = fig.line(x, y, source=source, line_dash=DASH, line_cap="butt", line_join="round", level="overlay")
        self.paint(line.glyph, line_color="ink", line_width=lambda s: s.line(2))
        return line

    def labels(self, fig: Any, **options: Any) -> ColumnDataSource:
        """Direct labels with a halo of the surface: a source with x, y, text, colour, dx, dy."""
        source = ColumnDataSource({name: [] for name in ("x", "y", "text", "colour", "dx", "dy")})
        write(source, source.data)
        halo, text = (
            Text(x="x", y="y", text="text", x_offset="dx", y_offset="dy", text_font=value(FONT),
                 text_font_style="bold", **options)
            for _ in range(2)
        )  # fmt: skip
        text.text_color, halo.text_outline_width = "colour", 3  # the outline is painted over the letters: two glyphs
        self.paint(halo, text_color="surface", text_outline_color="surface")
        for glyph in (halo, text):
            self.paint(glyph, text_font_size=lambda s: s.text(12))
            fig.add_glyph(source, glyph, level="overlay")
        return source

    def corner(self, source: ColumnDataSource, fig: Any, rows: list[tuple[str, str]]) -> None:
        """Write `rows` of (text, colour) under each other in the upper right corner."""
        step = self.style.px(18)
        write(source, {
            "x": [fig.x_range.end] * len(rows),
            "y": [fig.y_range.end] * len(rows),
            "text": [text for text, _ in rows],
            "colour": [colour for _, colour in rows],
            "dx": [-2] * len(rows),
            "dy": [self.style.px(16) + step * i for i in range(len(rows))],  # the halo of an M has spikes
        })


def write(source: ColumnDataSource, columns: dict[str, list], block: int = 8) -> None:
    """Set a source with colours, one a row, where it differs; empty rows at a place that is nowhere fill up a block.

    The browser may paint once with the new rows and the old colours: they must not be fewer.
    """
    count = len(columns["x"])
    short = -count % block if count else block
    filled = {name: [*values, *[FILLING.get(name, 0)] * short] for name, values in columns.items()}
    if any(list(source.data[name]) != values for name, values in filled.items()):
        source.data = filled


def square(fig: Any, largest: int = 520) -> None:
    """Keep the frame square, in the browser, as the page's width changes."""
    fig.max_width = largest + 90
    code = """
        const side = Math.min(largest, fig.inner_width), off = Math.round(side - fig.inner_height)
        if (side > 40 && fig.inner_height > 0 && Math.abs(off) > 1) fig.height = fig.height + off
    """
    keep = CustomJS(args={"fig": fig, "largest": largest}, code=code)
    fig.js_on_change("inner_width", keep)
    fig.js_on_change("inner_height", keep)


def fixed_ticks(axis: Any, places: list[float], texts: list[str] | None = None) -> None:
    """Ticks at `places`, labelled with `texts`; an axis on show keeps its ticker: a new one is a new model to send."""
    if isinstance(axis.ticker, FixedTicker):
        axis.ticker.ticks = list(places)
    else:
        axis.ticker = FixedTicker(ticks=list(places), minor_ticks=[])
    if texts is not None:
        axis.major_label_overrides = dict(zip(places, texts))


def staircase(edges: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outline of a histogram as a polyline that starts and ends on the axis."""
    x = np.repeat(np.asarray(edges, float), 2)
    y = np.concatenate([[0.0], np.repeat(np.asarray(heights, float), 2), [0.0]])
    return x, y


def finite(what: str, values: Any) -> np.ndarray:
    """`values` as an array, refused where it is not finite: such values are never drawn."""
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise NotDrawable(f"{what} has {bad:,} values that are not finite; nothing is drawn.")
    return array


class NotDrawable(ValueError):
    """A result that no figure can show honestly; its words are for the visitor."""

    for_visitor = True
