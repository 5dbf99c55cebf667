"""Figures 2 and 3 as HoloViews pictures."""

from __future__ import annotations

import holoviews as hv
import numpy as np
from bokeh.models import FixedTicker
from tpapp.colours import TOKENS, VALUES, width_colour, width_ramp

from .measure import Ladder, Sentences, correlation

INK, GREY = TOKENS["light"]["ink"], TOKENS["light"]["ink3"]
THEORY = {"color": INK, "line_dash": "dashed", "line_width": 1.5}
WIDTH, HEIGHT, LEFT, RIGHT = 410, 368, 60, 68  # px, of every picture: their frames are alike
MARKERS = ("circle", "square", "triangle", "diamond")
CELLS = 60


def _words_on_axes(labels, each: int):
    """A hook: every `each`-th label at its row and column; words stand upright under the columns."""
    places = [i + 0.5 for i in range(0, len(labels), each)]
    texts = {place: labels[int(place)] for place in places}

    def hook(plot, element):
        plot.state.min_border_left = LEFT
        for axis in (*plot.state.xaxis, *plot.state.yaxis):
            axis.ticker = FixedTicker(ticks=places)
            axis.major_label_overrides = texts
            axis.major_tick_line_color = axis.minor_tick_line_color = None
        plot.state.xaxis[0].major_label_orientation = "vertical" if max(map(len, labels)) > 2 else "horizontal"

    return hook


def _borders(plot, element):
    """A hook for pictures without a colour bar."""
    plot.state.update(min_border_left=LEFT, min_border_right=RIGHT)


def matrix(values, labels, title: str, *, splits=(), clim=None, each: int = 1):
    """A square matrix, first row on top; ink lines between the groups of rows; pointing at a cell names its pair."""
    size = len(values)
    r, c = (index.ravel() for index in np.indices(values.shape))
    columns = (c, r, c + 1, r + 1, values.ravel(), np.array(labels)[r], np.array(labels)[c])
    cells = hv.Rectangles(columns, vdims=["value", "row", "column"]).opts(
        color="value", cmap=list(VALUES), clim=clim or (float(values.min()), float(values.max())), colorbar=True,
        clabel="", line_color=None, tools=["hover"], hover_tooltips=["row", "column", "value"],
    )  # fmt: skip
    lines = [line(s).opts(color="white", line_width=2) for s in splits for line in (hv.VLine, hv.HLine)]
    figure = hv.Overlay([cells, *lines])
    return figure.opts(
        title=title, width=WIDTH, height=HEIGHT, xlim=(0, size), ylim=(0, size), xlabel="", ylabel="",
        invert_yaxis=True, show_legend=False, hooks=[_words_on_axes(labels, each)],
    )  # fmt: skip


def tokens(s: Sentences):
    """A: cosines of the words' vectors, which know of no context."""
    C = correlation(s.text.gram)
    return matrix(C, s.text.labels, "A  word vectors: cosines", splits=s.text.ends[:-1] + 1, clim=(_floor(s), 1.0))


def correlations(s: Sentences):
    """B: the limit's correlations of the outputs after each word."""
    C = correlation(s.limit)
    return matrix(C, s.text.labels, "B  limit: correlations", splits=s.text.ends[:-1] + 1, clim=(_floor(s), 1.0))


def _floor(s: Sentences) -> float:
    return float(min(correlation(s.text.gram).min(), correlation(s.limit).min()))


def covariances(s: Sentences):
    """C: the limit's covariances."""
    return matrix(s.limit, s.text.labels, "C  limit: covariances", splits=s.text.ends[:-1] + 1)


def spread(s: Sentences):
    """D: how far single networks are from C."""
    title = f"D  deviation of {len(s.kernels)} RNNs from C, n = {s.width:,}"
    return matrix(s.spread, s.text.labels, title, splits=s.text.ends[:-1] + 1)


def density(s: Sentences):
    """E: outputs at the ends of two sentences, and level curves of the limit's Gaussian at 1, 2 and 3 radii."""
    reach = 3.6 * float(np.sqrt(np.diagonal(s.ends).max()))
    cells = int(np.clip(np.sqrt(len(s.outputs)) / 2, 20, CELLS))
    edges = np.linspace(-reach, reach, cells + 1)
    counts, _, _ = np.histogram2d(*s.outputs.T, bins=(edges, edges))
    names = [f"output at the end of sentence {i}" for i in (1, 2)]
    image = hv.Image(counts.T[::-1], bounds=(-reach, -reach, reach, reach), kdims=names, vdims="networks").opts(
        cmap=list(width_ramp(s.width)), clim=(0, float(counts.max())), tools=["hover"])  # fmt: skip
    values, vectors = np.linalg.eigh(s.ends)
    turn = np.linspace(0, 2 * np.pi, 181)
    ring = vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * [np.cos(turn), np.sin(turn)])
    curves = [hv.Curve((size * ring[0], size * ring[1]), *names).opts(**THEORY) for size in (1, 2, 3)]
    title = f"E  {len(s.outputs):,} RNNs, n = {s.width:,}; dashed: limit"
    return hv.Overlay([image, *curves]).opts(title=title, width=WIDTH, height=HEIGHT, hooks=[_borders])


def figure_2(s: Sentences):
    """All of figure 2."""
    return _sheet([tokens(s), correlations(s), covariances(s), spread(s), density(s)])


def kernel(row: Ladder, letter: str):
    """One of figure 3's A to D."""
    each = max(1, len(row.labels) // 16)
    return matrix(correlation(row.limit), row.labels, f"{letter}  {row.name}", splits=row.splits, each=each)


def rates(rows: list[Ladder]):
    """Figure 3 E: geometric mean of the deviations against width, two standard errors, fitted lines with slopes."""
    parts, lowest, highest = [], np.inf, 0.0
    for row, marker in zip(rows, MARKERS, strict=True):
        widths, fit = np.array(row.widths, float), row.fit
        logs = np.log(row.deviations)
        mean = np.exp(logs.mean(axis=1))
        error = np.exp(2 * logs.std(axis=1, ddof=1) / np.sqrt(logs.shape[1]))
        lowest, highest = min(lowest, mean.min()), max(highest, mean.max())
        label = f"{row.name}  {fit.slope:.3f} ± {fit.high - fit.slope:.3f}".replace("-", "−")
        parts.append(hv.Curve((widths, fit.line(widths)), "width n", "deviation").opts(**THEORY | {"line_width": 1}))
        bars = (widths, mean / error, widths, mean * error)
        parts.append(hv.Segments(bars, ["width n", "deviation", "n", "high"]).opts(color=GREY))
        dots = hv.Scatter((widths, mean, [width_colour(n) for n in row.widths]), "width n", ["deviation", "colour"],
                          label=label)  # fmt: skip
        parts.append(dots.opts(marker=marker, size=10, color="colour", line_color="white", tools=["hover"],
                               hover_tooltips=["width n", "deviation"]))  # fmt: skip
    widths = rows[0].widths
    legend = {"label_text_font_size": "8.5pt", "background_fill_alpha": 0.85, "padding": 4, "spacing": 0}
    return hv.Overlay(parts).opts(
        title="E  deviation, slope ± 95 %", ylabel="|K_n − K| / |K|", xticks=[(n, f"{n:,}") for n in widths[::2]],
        logx=True, logy=True, xlim=(min(widths) / 1.5, 1.5 * max(widths)), ylim=(lowest / 9, 1.5 * highest),
        width=WIDTH, height=HEIGHT, show_grid=True, hooks=[_borders], legend_position="bottom_left", legend_opts=legend,
    )  # fmt: skip


def figure_3(rows: list[Ladder]):
    """All of figure 3."""
    return _sheet([*(kernel(row, letter) for row, letter in zip(rows, "ABCD", strict=True)), rates(rows)])


def _sheet(parts):
    return hv.Layout(parts).cols(3).opts(shared_axes=False, toolbar=None)
