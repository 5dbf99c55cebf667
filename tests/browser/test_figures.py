"""Figures as a browser draws them, from a page without a server: images saved, cells pointed at, eigenvalues moved."""

from __future__ import annotations

import xml.dom.minidom
from types import SimpleNamespace as Of

import numpy as np
import pytest
from bokeh.embed import file_html
from bokeh.layouts import column, row
from bokeh.models import Button, CustomJS
from bokeh.resources import INLINE

from tests.browser.drive import Visit
from tpapp import colours, export, plots

pytestmark = pytest.mark.browser
N = 6


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A static page: three heatmaps, thumbnails, a histogram, moving points, a button for each kind of image."""
    rng = np.random.default_rng(3)
    K = np.cov(rng.normal(size=(N, 9)))
    trio, hist, points = plots.Kernels(), plots.OutputHistogram(), plots.EigenvaluePoints()
    thumbs = plots.Thumbnails(trio)
    images = rng.random((N, 8, 8))
    trio.inputs(tuple("001177"), plots.data_uris(images))
    thumbs.update(images)
    trio.update_limit(K)
    trio.update_draw(K + 0.1, np.full_like(K, 0.1))
    hist.update_limit(1.0)
    hist.update(rng.normal(size=500), 4096)
    points.update(Of(times=np.arange(4) / 4, eigenvalues=np.sort(rng.normal(size=(4, 3)), axis=1), request=Of(n=3)))
    shown = [*trio.plots, hist]
    buttons = []
    for kind in export.KINDS:
        buttons.append(Button(label=kind))
        args, code = export.image_call(shown, kind, "sheet")
        buttons[-1].js_on_event("button_click", CustomJS(args=args, code=code))
    buttons.append(Button(label="step"))
    buttons[-1].js_on_event("button_click", points.forward)
    for plot in (*shown, points):
        plot.fig.sizing_mode, plot.fig.width = None, 300
    lines = [row(buttons), row([p.fig for p in trio.plots]), row(hist.fig, points.fig, thumbs.fig)]
    html = file_html(column(lines), INLINE)
    path = tmp_path_factory.mktemp("figures") / "page.html"
    path.write_text(html)
    visit = Visit(browser)
    failed: list[str] = []
    visit.page.on("requestfailed", lambda request: failed.append(request.url))
    visit.page.goto(path.as_uri())
    visit.page.wait_for_selector("canvas")
    visit.until("Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle")
    yield Of(visit=visit, page=visit.page, trio=trio, points=points, failed=failed,
             uris=plots.data_uris(images))
    visit.close()


def saved(page, kind, folder):
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name=kind, exact=True).click()
    path = folder / f"sheet.{kind}"
    assert download.value.suggested_filename == path.name
    download.value.save_as(path)
    return path


def test_png_holds_all_figures_with_their_colours(page, tmp_path):
    from PIL import Image

    image = Image.open(saved(page, "png", tmp_path)).convert("RGB")
    assert image.width > 1800 and image.height > 1000, "two pixels a point"
    seen = {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3)[::3]}
    wanted = {colours.VALUES[0], colours.VALUES[-1], colours.TOKENS["light"]["ink"], colours.width_colour(4096)}
    for colour in wanted:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert min(np.abs(np.array(list(seen)) - rgb).sum(axis=1)) <= 6, colour


def test_svg_is_well_formed_vectors_with_unique_names(page, tmp_path):
    text = saved(page, "svg", tmp_path).read_text()
    tree = xml.dom.minidom.parseString(text)
    count = {name: len(tree.getElementsByTagName(name)) for name in ("path", "text", "image")}
    assert count["path"] > 40 and count["text"] > 20 and count["image"] >= 3
    words = {node.firstChild.data for node in tree.getElementsByTagName("text") if node.firstChild}
    assert {"Limit", "Difference", "Output at x", "limit", "n = 4,096"} <= words
    names = [node.getAttribute("id") for node in tree.getElementsByTagName("*") if node.getAttribute("id")]
    assert len(names) == len(set(names)), "clips of one figure would cut another"
    assert "http" not in text.replace("http://www.w3.org", "")


def test_pointing_at_a_cell_marks_row_and_column_and_names_the_pair(page):
    box = page.page.locator(".bk-Figure").first.bounding_box()
    page.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    find = f"Bokeh.documents[0].get_model_by_id('{page.trio.point.id}').data"
    page.visit.until(f"{find}.r.length === 2")
    r, c = page.page.evaluate(f"[{find}.r[0], {find}.c[0]]")
    assert 0 <= r < N and 0 <= c < N
    labels = "001177"
    page.page.get_by_text(f"{labels[r]} (row {r + 1}), {labels[c]} (row {c + 1})").wait_for()
    sources = [img.get_attribute("src") for img in page.page.locator(".bk-Tooltip img").all()]
    assert sources == [page.uris[r], page.uris[c]]
    page.page.mouse.move(2, 2)
    page.page.mouse.move(box["x"] + 2, box["y"] + box["height"] - 2)


def test_points_move_in_the_browser_there_and_back(page):
    now = f"Bokeh.documents[0].get_model_by_id('{page.points.now.id}').data"
    seen = [page.page.evaluate(f"{now}.y[0]")]
    for _ in range(7):
        page.page.get_by_role("button", name="step", exact=True).click()
        seen.append(page.page.evaluate(f"{now}.y[0]"))
    assert seen == [0, 0.25, 0.5, 0.75, 0.5, 0.25, 0, 0.25]


def test_heatmaps_are_square(page):
    figures = page.page.evaluate(
        "Bokeh.documents[0].roots()[0].children[1].children.map((f) => [f.inner_width, f.inner_height])"
    )
    assert len(figures) == 3 and len({tuple(f) for f in figures}) == 1
    assert all(abs(w - h) <= 2 and w > 150 for w, h in figures)


def test_nothing_was_complained_of(page):
    # Panel names a script of its own (es-module-shims) by its address on its server, which a page without one looks
    # for beside itself.
    assert [text for text in page.visit.complaints if "ERR_FILE_NOT_FOUND" not in text] == []
    assert [url for url in page.failed if not url.startswith("file:")] == []
