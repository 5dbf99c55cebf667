"""The figures of Tensor Programs I: what is measured, what is drawn, and the files that the script writes."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import holoviews as hv
import numpy as np
import pytest
import tpcore as tp
from figures import draw, measure
from PIL import Image
from tests.conftest import missing
from tests.notebooks.architectures import recurrent
from tests.notebooks.conftest import NOTEBOOKS


@pytest.fixture(scope="module")
def text():
    return measure.read(tp.data.words())


@pytest.fixture(scope="module")
def sentences(text):
    return measure.sentences(text, width=300, networks=60, draws=500, seed=3)


@pytest.fixture(scope="module")
def ladders(text):
    return measure.ladders(text, widths=(32, 512), networks=12, seed=1)


def test_figure_2_is_measured(sentences):
    """The limit by a recursion written independently; entrywise deviations and outputs against it."""
    s = sentences
    assert s.limit.shape == (16, 16) and s.text.ends.tolist() == [6, 15]
    np.testing.assert_allclose(s.limit, recurrent(s.text.X, 1.0, 0.5, 0.0), atol=1e-12)
    assert np.abs(tp.agreement.zscores(s.kernels, s.limit)).max() < 4.5
    assert 0.9 < np.sqrt((s.spread**2).mean()) / s.kernels.std(axis=0).mean() < 1.3
    products = s.outputs[:, :, None] * s.outputs[:, None, :]
    assert np.abs(tp.agreement.zscores(products, s.limit[np.ix_([6, 15], [6, 15])])).max() < 4
    np.testing.assert_allclose(np.diagonal(measure.correlation(s.limit)), 1)


def test_figure_3_is_measured(ladders):
    assert [row.name for row in ladders] == ["RNN", "GRU", "transformer", "batchnorm"]
    assert [row.limit.shape for row in ladders] == [(16, 16)] * 3 + [(64, 64)]
    for row in ladders:
        assert row.deviations.shape == (2, 12) and row.fit.low < -0.5 < row.fit.high
        assert np.linalg.eigvalsh(row.limit).min() > -1e-10 * row.limit.max()


def test_figures_show_what_was_measured(sentences, ladders):
    hv.extension("bokeh", logo=False)
    second = draw.figure_2(sentences)
    assert len(second) == 5
    for part, values in zip(list(second)[:4], (measure.correlation(sentences.text.gram),
                            measure.correlation(sentences.limit), sentences.limit, sentences.spread)):  # fmt: skip
        cells = part.get(0).dframe()
        rows, columns = cells["y0"].astype(int), cells["x0"].astype(int)
        np.testing.assert_array_equal(cells["value"], values[rows, columns])
        assert (cells["row"] == np.array(sentences.text.labels)[rows]).all()
    image, *rings = list(second)[4]
    assert image.dimension_values(2).sum() == pytest.approx(len(sentences.outputs), rel=0.02)
    for size, ring in zip((1, 2, 3), rings, strict=True):
        points = ring.array()
        np.testing.assert_allclose(np.einsum("pi,ij,pj->p", points, np.linalg.inv(sentences.ends), points), size**2)
    edges = np.linspace(*image.range(0), image.interface.shape(image, gridded=True)[1] + 1)
    counts = np.histogram2d(*sentences.outputs.T, bins=(edges, edges))[0]
    np.testing.assert_array_equal(image.dimension_values(2, flat=False), counts.T)  # sentence 1 across, 2 upwards
    rates = list(draw.figure_3(ladders))[4]
    dots = [element for element in rates if isinstance(element, hv.Scatter)]
    for row, scatter in zip(ladders, dots, strict=True):
        np.testing.assert_allclose(scatter.dimension_values(1), np.exp(np.log(row.deviations).mean(axis=1)))
        assert f"{row.fit.slope:.3f}".replace("-", "−") in scatter.label


def _script(monkeypatch, tmp_path, *arguments):
    monkeypatch.chdir(NOTEBOOKS.parent)
    monkeypatch.syspath_prepend(str(NOTEBOOKS.parent))
    from notebooks.figures import __main__ as script

    monkeypatch.setattr(sys, "argv", ["figures", "--out", str(tmp_path), *arguments])
    return script


def test_the_script_refuses_in_words(monkeypatch, tmp_path):
    for arguments, words in ((["--sentences", "the fox", "a name"], "fox"), (["--sentences", "the name"], "two"),
                             (["--words", "no-such-file.txt"], "exist")):  # fmt: skip
        with pytest.raises(SystemExit, match=words):
            _script(monkeypatch, tmp_path, *arguments).main()


@pytest.mark.browser
def test_pages_become_pictures(monkeypatch, tmp_path, sentences):
    """Playwright runs in a thread of its own, since other tests may hold its loop in this one."""
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    script = _script(monkeypatch, tmp_path)
    hv.extension("bokeh", logo=False)
    page = tmp_path / "figure.html"
    page.write_text(file_html(hv.render(draw.figure_2(sentences), backend="bokeh"), INLINE))
    assert "http" not in page.read_text().split("<body>")[0].split("<script")[0], "no request to another host"
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(script.pictures, [page]).result()
    if not made:
        missing("no Chromium or Chrome is installed; python -m tests.browser.chromium installs one")
    png, svg = made
    picture = Image.open(png)
    assert picture.width > 2000 and len(picture.convert("RGB").getcolors(1 << 24)) > 200
    root = ElementTree.parse(svg).getroot()
    words = "".join(root.itertext())
    assert "refers" in words and "limit: covariances" in words
    turned = [element.get("transform", "") for element in root.iter() if element.tag.endswith("text")]
    assert turned and not any("matrix(2," in turn or ", 2, -2," in turn for turn in turned), "drawn at its own size"
