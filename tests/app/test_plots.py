"""Figures: what their models hold after updates, in place, in both themes; what must not be drawn is refused."""

from types import SimpleNamespace as Of

import numpy as np
import pytest
from bokeh.document import Document
from scipy import stats

from tpapp import colours, plots
from tpapp.matrix_results import LawCurve
from tpapp.plots import format as fmt
from tpapp.plots import table, thumbnails
from tpapp.plots.base import NotDrawable, staircase
from tpapp.plots.heatmaps import groups
from tpapp.plots.outputs import bins_for, ellipse, histogram
from tpapp.pool import words

RNG = np.random.default_rng(5)


def kernel(n=6):
    A = RNG.normal(size=(n, 3))
    return A @ A.T


def texts(plot):
    """The labels that are there; empty ones fill up their source."""
    return [text for text in plot.text.data["text"] if text]


def dots(plot):
    """The points that are there."""
    here = np.isfinite(np.asarray(plot.points.data["x"], float))
    return {name: [v for v, shown in zip(values, here) if shown] for name, values in plot.points.data.items()}


def trio(n=6):
    shown = plots.Kernels()
    shown.inputs(tuple("001177"[:n]))
    return shown


def spectrum(n=100, done=True, density=None):
    edges = np.linspace(-2.5, 2.5, 11)
    counts = np.full(10, 10) if density is None else density
    density = counts / (np.sum(counts) * 0.5) if np.isfinite(counts).all() else counts
    return Of(edges=edges, counts=counts, density=density, request=Of(n=n), reach=2.6, done=done,
              start=None, marks=())  # fmt: skip


SEMICIRCLE = LawCurve(
    x=np.linspace(-3, 3, 301), pdf=np.sqrt(np.maximum(4 - np.linspace(-3, 3, 301) ** 2, 0)) / 2 / np.pi,
    name="semicircle", support=(-2.0, 2.0),
)  # fmt: skip
DEVIATION = Of(
    widths=np.array([8, 64, 512]), mean=np.array([0.5, 0.2, 0.06]), error=np.array([0.02, 0.01, 0.003]),
    slope=-0.51, slope_error=0.02, bound=1.5, band=None, done=True,
)  # fmt: skip
ALL = [plots.OutputHistogram, plots.OutputDensity, plots.DeviationPlot, plots.SpectrumPlot, plots.EigenvaluePoints]


def test_heatmaps_share_one_range_and_the_difference_is_symmetric():
    shown, K, D = trio(), kernel(), kernel()
    D[0, 1] = D[1, 0] = 40.0
    shown.update_limit(K)
    shown.update_draw(K + D, D)
    assert (shown.values.low, shown.values.high) == pytest.approx((K.min(), K.max()))
    assert shown.signed.low == -shown.signed.high == pytest.approx(-np.abs(D).max())
    image = shown.draw.source.data["image"][0]
    assert image.dtype == np.float32 and np.allclose(image, K + D, atol=1e-5)
    assert shown.draw.source.data["size"] == [6]
    assert np.array_equal(shown.difference.data()["kernel_difference"], D)
    mappers = [plot.fig.renderers[0].glyph.color_mapper for plot in shown.plots]
    assert mappers[0] is mappers[1] is shown.values and mappers[2] is shown.signed
    assert list(mappers[0].palette) == list(colours.VALUES)


def test_heatmaps_are_fed_in_place_and_cleared_for_new_inputs():
    shown = trio()
    models = [(plot.fig, plot.source, plot.fig.renderers[0]) for plot in shown.plots]
    for _ in range(3):
        shown.update_limit(kernel())
    shown.update_draw(None, None)
    shown.inputs(tuple("0123"))
    assert [(plot.fig, plot.source, plot.fig.renderers[0]) for plot in shown.plots] == models
    assert shown.limit.source.data["image"] == [] and shown.limit.data() == {}
    assert shown.range.end == 4


def test_a_constant_kernel_has_a_range():
    shown = trio()
    shown.update_limit(np.ones((6, 6)))
    assert shown.values.high > shown.values.low
    shown.update_draw(np.ones((6, 6)), np.zeros((6, 6)))
    assert shown.signed.high > 0


def test_boxes_mark_the_pair_and_its_mirror():
    shown = trio()
    shown.mark(1, 4)
    assert shown.boxes.data["x"] == 2 * [4.5, 1.5] and shown.boxes.data["y"] == 2 * [1.5, 4.5]
    assert shown.boxes.data["width"] == [3, 3, 1.5, 1.5] and shown.boxes.data["line"][0] != shown.boxes.data["line"][2]
    shown.mark(2, 2)
    assert shown.boxes.data["x"] == [2.5, 2.5] and shown.boxes.data["width"] == [3, 1.5]


def test_taps_name_a_row_and_a_column():
    got = []
    shown = plots.Kernels(on_pair=lambda i, j: got.append((i, j)))
    shown.inputs(tuple("001177"))
    for x, y in ((4.2, 1.9), (-0.5, 2), (2, 6.01)):
        shown._tapped(Of(x=x, y=y))
    assert got == [(1, 4)]


def test_labels_stand_in_the_middle_of_their_runs():
    assert groups(tuple("001177")) == ([1, 3, 5], ["0", "1", "7"])
    places, texts = groups(tuple(str(k) for k in range(60)))
    assert len(places) <= 12 and texts[0] == "0" and places[0] == 0.5
    assert groups(()) == ([], [])


def test_hostile_labels_are_not_markup():
    shown = plots.Kernels()
    shown.inputs(("<img src=x onerror=alert(1)>",) * 2)
    assert "{safe}" not in shown.limit.hover.tooltips, "BokehJS escapes what a formatter returns, unless told not to"


def test_histogram_is_a_density_and_the_limit_is_normal():
    plot, f = plots.OutputHistogram(), RNG.normal(0, 1.3, 5000)
    plot.update_limit(1.69)
    x, y = plot.limit.data["x"], plot.limit.data["y"]
    assert np.allclose(y, stats.norm.pdf(x, scale=1.3), rtol=1e-12)
    plot.update(f, 4096)
    data = plot.data()
    mass = np.sum(data["outputs_density"] * np.diff(data["outputs_edges"]))
    assert mass == pytest.approx(np.mean(np.abs(f) < 3.6 * 1.3))
    assert np.max(plot.main.data["y"]) == np.max(data["outputs_density"]) < plot.fig.y_range.end
    assert texts(plot) == ["limit", "n = 4,096"]
    plot.update_ghost(f[:500], 8)
    assert texts(plot)[-1] == "n = 8"
    plot.update_ghost(np.zeros(0), 8)
    assert texts(plot) == ["limit", "n = 4,096"] and len(plot.ghost.data["x"]) == 0
    plot.update_limit(1.0)
    assert len(plot.main.data["x"]) == 0 and texts(plot) == ["limit"]


def test_axes_are_frozen_until_a_stream_is_done():
    plot = plots.OutputHistogram()
    plot.update_limit(1.0)
    before = plot.fig.y_range.end
    plot.update(np.full(50, 0.01), 64, done=False)
    assert plot.fig.y_range.end == before
    plot.update(np.full(50, 0.01), 64, done=True)
    assert plot.fig.y_range.end > before


def test_histogram_counts_what_lies_outside():
    edges = np.array([0.0, 1.0, 3.0])
    assert np.allclose(histogram(np.array([0.5, 2.0, 2.5, 9.0]), edges), [0.25, 0.25])
    assert all(bins_for(m) % 2 == 1 for m in (0, 1, 10, 1000, 10**6)) and bins_for(10) < bins_for(2000)
    x, y = staircase(np.array([0, 1, 3]), np.array([5, 2]))
    assert x.tolist() == [0, 0, 1, 1, 3, 3] and y.tolist() == [0, 5, 5, 2, 2, 0]


@pytest.mark.parametrize("mass", [0.5, 0.9])
def test_ellipses_hold_their_mass(mass):
    covariance = np.array([[1.7, 0.9], [0.9, 0.8]])
    ring = ellipse(covariance, mass)
    radius = np.einsum("ik,ij,jk->k", ring, np.linalg.inv(covariance), ring)
    assert np.allclose(radius, stats.chi2(2).ppf(mass))
    line = ellipse(np.array([[1.0, 2], [2, 4]]), mass)
    assert np.isfinite(line).all() and np.allclose(line[1], 2 * line[0])


def test_density_has_equal_axes_and_all_points_inside():
    plot, C = plots.OutputDensity(), np.array([[1.7, 0.9], [0.9, 0.8]])
    plot.update_limit(C)
    assert (plot.fig.x_range.start, plot.fig.x_range.end) == (plot.fig.y_range.start, plot.fig.y_range.end)
    points = RNG.multivariate_normal([0, 0], C, 3000)
    plot.update(points, 256)
    image = plot.image.data["image"][0]
    assert image.sum() == plot.data()["density_counts"].sum() > 2980
    rows, columns = np.indices(image.shape)
    centred = (image * (rows - 21.5) * (columns - 21.5)).sum() / image.sum()
    assert centred > 0, "rows are f(x'), columns f(x)"
    assert (image * (columns - 21.5) ** 2).sum() > (image * (rows - 21.5) ** 2).sum(), "the wider output lies along x"
    assert texts(plot) == ["50 %", "90 %"]
    assert plot.mapper.palette[-1].startswith(colours.width_colour(256))


def test_deviation_has_bars_ring_line_and_slope():
    plot = plots.DeviationPlot()
    plot.update(DEVIATION, 64)
    data = dots(plot)
    assert np.allclose(np.subtract(data["high"], data["y"]), 2 * DEVIATION.error)
    assert np.all(np.asarray(data["low"]) > 0)
    assert list(data["size"]) == [8, 12, 8] and data["ring"][1] == colours.TOKENS["light"]["ink"]
    assert data["colour"] == [colours.width_colour(n) for n in (8, 64, 512)]
    x, y = plot.line.data["x"], plot.line.data["y"]
    assert np.allclose(np.diff(np.log(y)) / np.diff(np.log(x)), -0.5)
    assert texts(plot) == ["slope −1/2", "fit −0.51 ± 0.04"]
    assert plot.fig.y_range.start < min(y) and plot.fig.y_range.end > 0.5
    plot.current(512)
    assert dots(plot)["size"] == [8, 8, 12]
    plot.update(None)
    assert dots(plot)["x"] == [] and plot.data() == {}


def test_rows_with_colours_never_become_fewer_and_equal_ones_are_not_sent():
    plot, sent = plots.DeviationPlot(), []
    for source in (plot.points, plot.text):
        source.on_change("data", lambda attr, old, new: sent.append(len(new["colour"])))
    for result in (DEVIATION, None, DEVIATION):
        plot.update(result, 64)
    assert set(sent) == {8, 32}, "a browser that paints old colours with new rows finds enough of them"
    before = len(sent)
    plot.update(DEVIATION, 64)
    assert len(sent) == before


def test_deviation_without_slope_or_error_is_drawn():
    plot = plots.DeviationPlot()
    unknown = {"error": np.full(3, np.nan), "slope": np.nan, "slope_error": np.nan, "done": False}
    plot.update(Of(**{**vars(DEVIATION), **unknown}), 8)
    assert np.isfinite(dots(plot)["low"]).all() and texts(plot) == ["slope −1/2"]


def test_spectrum_law_ends_at_its_support_and_labels_follow():
    plot = plots.SpectrumPlot()
    plot.update_law(SEMICIRCLE)
    assert plot.limit.data["x"].min() >= -2 and plot.limit.data["x"].max() <= 2
    plot.update(spectrum(4096))
    plot.update_ghost(spectrum(64))
    assert texts(plot) == ["limit: semicircle", "n = 4,096", "n = 64"]
    assert plot.text.data["colour"][1] == colours.width_label(4096)
    assert set(plot.data()) == {"law_x", "law_density", "edges", "counts", "density",
                                "narrow_edges", "narrow_counts", "narrow_density"}  # fmt: skip
    plot.update(None)
    plot.update_ghost(None)
    assert texts(plot) == ["limit: semicircle"] and len(plot.main.data["x"]) == 0


def test_a_spike_does_not_flatten_the_law():
    plot = plots.SpectrumPlot()
    plot.update_law(SEMICIRCLE)
    plot.update(spectrum(density=np.eye(10)[4] * 100))
    assert plot.fig.y_range.end <= 4.01 * SEMICIRCLE.pdf.max()


def test_eigenvalue_points_go_there_and_back():
    plot = plots.EigenvaluePoints()
    rows = np.sort(RNG.normal(size=(5, 4)), axis=1)
    plot.update(Of(times=np.arange(5) * 0.1, eigenvalues=rows, request=Of(n=4)))
    seen = []
    for _ in range(9):
        seen.append(int(round(plot.now.data["y"][0] * 10)))
        assert np.array_equal(plot.now.data["x"], rows[seen[-1]])
        plot.step()
    assert seen == [0, 1, 2, 3, 4, 3, 2, 1, 0]
    assert len(plot.trails.data["xs"]) == 4 and plot.fig.y_range.end == pytest.approx(0.4)


@pytest.mark.parametrize("make", ALL)
def test_restyling_changes_colours_in_place_and_back(make):
    plot = make()
    if make is plots.SpectrumPlot:
        plot.update_law(SEMICIRCLE)
        plot.update(spectrum())
    if make is plots.DeviationPlot:
        plot.update(DEVIATION, 8)
    before = {id(model) for model in plot.fig.references()}
    light = plot.fig.background_fill_color
    plot.restyle("dark", True)
    assert plot.fig.background_fill_color == colours.TOKENS["dark"]["surface"]
    assert plot.fig.xaxis[0].major_label_text_font_size == "17px"
    line = [r.glyph for r in plot.fig.renderers if getattr(r.glyph, "line_dash", None) not in (None, [])]
    for glyph in line:
        assert getattr(glyph.line_color, "value", glyph.line_color) == colours.TOKENS["dark"]["ink"]
    plot.restyle("light", False)
    assert plot.fig.background_fill_color == light
    assert {id(model) for model in plot.fig.references()} == before, "a model was replaced"


@pytest.mark.parametrize("make", ALL)
def test_no_frame_no_legend_theory_on_top_and_a_valid_document(make):
    plot = make()
    assert plot.fig.outline_line_color is None and not plot.fig.legend
    assert plot.fig.xgrid.grid_line_color == [None] or plot.fig.xgrid[0].grid_line_color is None
    dashed = [r for r in plot.fig.renderers if getattr(r.glyph, "line_dash", None) == [6, 4]]
    assert all(r.level == "overlay" for r in dashed)
    document = Document()
    document.add_root(plot.fig)
    document.validate()
    assert "NaN" not in str(document.to_json())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_in_words(bad):
    shown, hist, law, dens = trio(), plots.OutputHistogram(), plots.SpectrumPlot(), plots.OutputDensity()
    K = kernel()
    K[1, 2] = bad
    hist.update_limit(1.0)
    dens.update_limit(np.eye(2))
    attempts = [
        lambda: shown.update_limit(K),
        lambda: shown.update_draw(kernel(), K),
        lambda: hist.update(np.array([0.0, bad]), 8),
        lambda: hist.update_limit(bad),
        lambda: dens.update(np.array([[0.0, bad]]), 8),
        lambda: law.update(spectrum(density=np.array([bad] * 10))),
        lambda: plots.DeviationPlot().update(Of(**{**vars(DEVIATION), "mean": np.array([1, bad, 1])})),
    ]
    for attempt in attempts:
        with pytest.raises(NotDrawable) as refusal:
            attempt()
        assert "not finite" in words(refusal.value) and "unexpectedly" not in words(refusal.value)
    assert shown.limit.source.data["image"] == [] and len(hist.main.data["x"]) == 0


def test_thumbnails_are_pngs_and_a_grid():
    from io import BytesIO

    from PIL import Image

    image = RNG.random((8, 6))
    read = np.asarray(Image.open(BytesIO(thumbnails.png(image))))
    assert read.shape == (8, 6) and np.abs(255 * (1 - image) - read).max() <= 0.5 + 1e-9
    picked, shown = [], plots.Kernels()
    grid = plots.Thumbnails(shown, on_pick=picked.append)
    grid.update(RNG.random((11, 8, 8)))
    assert list(grid.source.data["x"][:2]) == [0.06, 1.06] and grid.source.data["y"][8] == 1.06
    for x, y in ((2.5, 1.5), (5.5, 1.5), (9, 0.2)):
        grid._tapped(Of(x=x, y=y))
    assert picked == [10]
    grid.mark(1, 9)
    assert grid.marks.data["x"] == [1.5, 1.5] and grid.marks.data["y"] == [0.5, 1.5]
    grid.update(None)
    assert not grid.fig.visible
    assert plots.data_uris(None) == [] and plots.data_uris(image[None])[0].startswith("data:image/png;base64,")


def test_titles_are_left_where_the_export_finds_them():
    plot = plots.SpectrumPlot()
    plot.describe("Width <i>n</i>", "<i>K<sub>n</sub></i> &minus; K")
    assert plot.fig.tags == ["Width n", "Kₙ − K"] and "<i>" in plot.head.object


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (3.2e-6, "3.2 × 10⁻⁶"), (-9.99e-7, "−1.0 × 10⁻⁶"), (0.033, "0.033"),
     (12.34, "12"), (4e9, "4.0 × 10⁹"), (np.nan, "–")],
)
def test_numbers_are_written_as_numbers(value, text):
    assert fmt.power(value) == text


def test_errors_round_the_value():
    assert fmt.measured(0.03303, 0.0045) == ("0.0330", "0.0045")
    assert fmt.measured(-0.5012, 0.03) == ("−0.501", "0.030")
    assert fmt.measured(2.0, float("nan"))[1] == ""
    assert fmt.width(float("inf")) == "∞" and fmt.width(4096) == "4,096"
    assert fmt.seconds(0.16) == "0.16 s" and fmt.seconds(0.004) == "4 ms" and fmt.seconds(70) == "70 s"


def test_tables_hold_their_numbers():
    rows = [Of(k=2, measured=1.0000005, limit=1.0, difference=5e-7)]
    rows.append(Of(k=10, measured=1e29, limit=42.0, difference=1e29))
    text = table.moments(rows, 1_000_000)
    assert "1.00000" in text and "+5 × 10⁻⁷" in text and ">42<" in text and "1.00 × 10²⁹" in text
    assert "&lt;b&gt;" in table.numbers([("<b>", "1", "")])
