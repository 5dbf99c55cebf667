"""The Kernels lab's tabs in a browser: each opened, its figures drawn, controls that move them, export, both themes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.drive import findings
from tests.browser.test_kernels import FIGURE, lab

pytestmark = pytest.mark.browser


def column(seen, figure: str, glyph: str, name: str, k: int = 0) -> list:
    """A column of the k-th glyph of its kind in a figure; values that are nowhere left out."""
    code = f"""([figure_, glyph, name, k]) => {{ {FIGURE}
      const all = figure(figure_).renderers.filter((r) => r.glyph.type === glyph)
      return column(all[k].data_source, name).filter((v) => typeof v !== "number" || isFinite(v)) }}"""
    return seen.page.evaluate(code, [figure, glyph, name, k])


def drawn(seen, figure: str, glyph: str = "Line", k: int = 0, name: str = "x") -> None:
    """Wait until a glyph has data."""
    seen.until(f"""([figure_, glyph, name, k]) => {{ {FIGURE} if (!figure(figure_)) return false
      const all = figure(figure_).renderers.filter((r) => r.glyph.type === glyph)
      return all.length > k && column(all[k].data_source, name).filter((v) => isFinite(v)).length > 0 }}""",
               [figure, glyph, name, k])  # fmt: skip


def tab(seen, name: str) -> None:
    seen.see(f".bk-btn >> text={name}").click()


def on_screen(seen, figure: str) -> tuple[float, float]:
    """Width and height of a figure as it stands on the page, once it does."""
    seen.until(f"""name => {{ {FIGURE} const view = figure(name) && Bokeh.index.find_one(figure(name))
      return view != null && view.el.getBoundingClientRect().width > 50 }}""", figure)
    return tuple(seen.page.evaluate(f"""name => {{ {FIGURE}
      const view = Bokeh.index.find_one(figure(name)), box = view.el.getBoundingClientRect()
      return [box.width, box.height] }}""", figure))


def test_every_tab_opens_with_its_figures(visit, app_url):
    seen = visit(lab(app_url, width=256, draws=200))
    tab(seen, "Depth")
    seen.address("kernels.figures=depth")
    drawn(seen, "depth-correlation", "Scatter")
    drawn(seen, "correlation-map", "Line", 2)
    c = column(seen, "depth-correlation", "Scatter", "y")
    assert len(c) == 3 and c == sorted(c) and 0.5 < c[0] < 0.7, "ReLU brings inputs together"
    assert min(*on_screen(seen, "depth-variance")) > 150
    tab(seen, "Eigenvalues")
    drawn(seen, "eigenvalues", "Scatter")
    values = column(seen, "eigenvalues", "Scatter", "y")
    assert len(values) == 24 and values == sorted(values, reverse=True)
    seen.see(".tp-numbers >> text=Effective rank").wait_for()
    tab(seen, "Predictions")
    drawn(seen, "accuracy", "Scatter")
    seen.see(".tp-numbers >> text=NTK, 1,000 inputs").wait_for()
    seen.page.locator("[role=progressbar]").wait_for(state="detached")
    seen.until(f"""() => {{ {FIGURE} return column(source("accuracy", "Line"), "y").length === 12 }}""")
    right = column(seen, "accuracy", "Line", "y")
    assert right[0] < 60 < 95 < right[-1]
    tab(seen, "Outputs")
    seen.see(".tp-title >> text=Output at").wait_for()
    assert min(*on_screen(seen, "outputs")) > 150


def test_training_time_moves_the_prior_to_the_data(visit, app_url):
    seen = visit(lab(app_url, width="inf", figures="predictions", task="function", rule="ntk", time=-3))
    drawn(seen, "functions-after", "Line", 1)
    assert np.allclose(column(seen, "functions-after", "Line", "y", 1), 0), "before training the mean is zero"
    seen.page.get_by_role("slider", name="Training time t").press("End")
    seen.see(".tp-title >> text=Trained for t = ∞").wait_for()
    mean = column(seen, "functions-after", "Line", "y", 1)
    at, y = (column(seen, "functions-after", "Scatter", name) for name in "xy")
    assert np.allclose(np.interp(at, np.linspace(-np.pi, np.pi, len(mean)), mean), y, atol=0.1), "it meets the data"
    before = column(seen, "functions-before", "VArea", "high")
    after = column(seen, "functions-after", "VArea", "high")
    assert len(before) == len(after) == 121
    seen.see(".bk-btn >> text=/^GP$/").click()
    seen.see(".tp-title >> text=After the data").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sentences_label_the_heatmaps_and_steps_are_depth(visit, app_url, scheme):
    seen = visit(lab(app_url, preset="rnn", figures="depth", draws=200, width=64), color_scheme=scheme)
    drawn(seen, "depth-correlation", "Scatter")
    names = seen.page.evaluate(f"""() => {{ {FIGURE}
      return [...figure("kernel-limit").below[0].major_label_overrides.values()] }}""")
    assert "list" in names and "the" in names
    sides = [on_screen(seen, f"kernel-{what}") for what in ("limit", "draw", "difference")]
    assert max(abs(a[1] - b[1]) for a in sides for b in sides) < 8, "equal frames"
    seen.see("text=A recurrent network is as deep as its sequence is long.").wait_for()
    assert not findings(seen)
    seen.shot(f"kernels-depth-{scheme}")


def test_what_a_tab_shows_is_exported(visit, app_url):
    seen = visit(lab(app_url, figures="eigenvalues", width=64, draws=200))
    drawn(seen, "eigenvalues", "Scatter")
    seen.button("Export").click()
    with seen.page.expect_download() as got:
        seen.see("text=Data, CSV").click()
    text = open(got.value.path()).read()
    assert "eigenvalues.limit" in text and "trace-share.network" in text and "outputs.outputs" not in text
    with seen.page.expect_download() as got:
        seen.see("text=Figures, SVG").click()
    assert "Share of the trace" in open(got.value.path()).read()


def test_another_network_leaves_no_gap_and_the_projector_shows_one_figure(visit, app_url):
    seen = visit(lab(app_url, figures="depth", width=64, draws=200, phi="tanh", depth=6))
    drawn(seen, "correlation-map", "Line", 2)
    three = on_screen(seen, "depth-variance")[0]
    seen.page.get_by_label("Preset").first.select_option(label="Simple RNN on sentences")
    seen.address("kernels.preset=rnn")
    tab(seen, "Depth")  # a preset shows the outputs
    seen.until(f"""width => {{ {FIGURE} const view = Bokeh.index.find_one(figure("depth-variance"))
      return view != null && view.el.getBoundingClientRect().width > 1.2 * width }}""", three)
    seen.page.keyboard.press("p")
    seen.until(f"""() => {{ {FIGURE} const high = (name) => {{ const view = Bokeh.index.find_one(figure(name))
      return view ? view.el.getBoundingClientRect().height : 0 }}
      return high("depth-correlation") > 400 && high("depth-variance") < 1 }}""")
