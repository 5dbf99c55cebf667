"""The Jacobians lab in a browser: first sight, the plane in hand, presets and Back, refusals, export, themes."""

from __future__ import annotations

import pytest

from tests.browser.drive import findings_in_both_themes

pytestmark = pytest.mark.browser

COLUMNS = """
  const models = [...Bokeh.documents[0]._all_models.values()];
  const figure = (name) => models.find((m) => m.type === "Figure" && m.name === name);
  const column = (source, name) => Array.from(source.data.get ? source.data.get(name) : source.data[name]);
"""


def lab(url: str, **state) -> str:
    return f"{url}?page=jacobians" + "".join(f"&jacobians.{name}={value}" for name, value in state.items())


def outline(seen) -> tuple[int, float]:
    """Points of the histogram's outline, and its area."""
    points, area = seen.page.evaluate(f"""() => {{ {COLUMNS}
      const source = figure("singular-values").renderers.find((r) => r.glyph.type === "VArea").data_source;
      const x = column(source, "x"), y = column(source, "y");
      let area = 0;
      for (let i = 1; i < x.length; i++) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
      return [x.length, area];
    }}""")
    return points, area


def place(seen, sigma_w: float, sigma_b: float) -> tuple[float, float]:
    """Where a point of the plane is on the screen."""
    box = seen.page.locator(".tp-plot:visible canvas").nth(1).bounding_box()
    left, top, width, height = seen.page.evaluate(f"""() => {{ {COLUMNS}
      const fig = figure("order-chaos"), view = Bokeh.index.find_one(fig);
      const frame = view.frame.bbox;
      return [frame.left, frame.top, frame.width, frame.height];
    }}""")
    canvas = seen.page.locator(".tp-plot:visible").nth(1).locator(".bk-Canvas, canvas").first.bounding_box() or box
    return canvas["x"] + left + sigma_w / 3 * width, canvas["y"] + top + (1 - sigma_b / 1.5) * height


def drawn(seen, text: str) -> None:
    """Wait until a label in a figure says `text`."""
    seen.until("""text => [...Bokeh.documents[0]._all_models.values()].some((m) => m.type === "ColumnDataSource" &&
      m.columns().includes("text") && [...(m.data.get ? m.data.get("text") : m.data.text)].includes(text))""",
               text, 40_000)  # fmt: skip


def test_it_teaches_with_no_click(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.see("h1").inner_text() == "Jacobians"
    assert "depth spreads the singular values" in seen.see(".tp-claim").inner_text()
    for text in ("limit: free probability", "n = 256", "n = 32", "χ₁ = 1", "order", "chaos", "dashed: if free"):
        drawn(seen, text)
    seen.see("text=4 networks").wait_for()
    seen.until(f"""() => {{ {COLUMNS}
      const area = figure("singular-values").renderers.find((r) => r.glyph.type === "VArea")
      return column(area.data_source, "x").length > 30 }}""")  # the networks come one after the other
    points, area = outline(seen)
    assert points > 30 and 0.85 < area <= 1.0001
    assert seen.page.locator(".tp-mixed td.limit >> visible=true").count() == 6
    seen.see("text=Ask next").wait_for()


def test_a_click_and_a_drag_move_the_network(visit, app_url):
    seen = visit(lab(app_url, width=64, depth=4))
    x, y = place(seen, 2.4, 0.3)
    seen.page.mouse.click(x, y)
    seen.until("() => /sigma_w=2\\.[34]/.test(location.search) && /sigma_b=0\\.(2|3)/.test(location.search)")
    seen.see("text=Chaos: gradients explode").wait_for()
    there = place(seen, 0.8, 1.0)
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(*there, steps=6)
    seen.page.mouse.up()
    seen.until("() => /sigma_w=0\\.[78]/.test(location.search) && /sigma_b=(1\\.0|1&|1$|0\\.9)/.test(location.search)")
    seen.see("text=Order: gradients vanish").wait_for()


def test_questions_are_presets_and_back_brings_the_first_again(visit, app_url):
    seen = visit(lab(app_url))
    seen.see("button >> text=Orthogonal weights?").click()
    seen.address("jacobians.preset=orthogonal")
    seen.see("button >> text=Can ReLU be an isometry?").click()
    seen.address("jacobians.preset=relu")
    drawn(seen, "mass 0.5 at 0")
    drawn(seen, "no fixed point")
    seen.see("text=% are 0").wait_for()
    seen.page.go_back()
    seen.page.go_back()
    seen.see("text=At the edge gradients keep their mean size").wait_for()
    assert "preset" not in seen.page.evaluate("location.search")


def test_refusals_in_words_and_the_ways_out(visit, app_url):
    seen = visit(lab(app_url, phi="gelu", sigma_w=1.3, sigma_b=0.2, width=64))
    field = seen.see(".tp-value input")
    field.fill("1M")
    field.press("Enter")
    remark = seen.see("text=At most n =")
    remark.wait_for()  # the limit stands alone
    seen.see("button >> text=which fits").wait_for()
    assert outline(seen)[0] == 0
    field.fill("64")
    field.press("Enter")
    remark.wait_for(state="detached")
    x, y = place(seen, 2.5, 0.2)
    seen.page.mouse.click(x, y)
    alert = seen.see("[role=alert]")
    alert.wait_for()
    assert "must have a fixed point" in alert.inner_text()
    seen.see("button >> text=Start at q⁰ = 1").click()
    alert.wait_for(state="detached")
    seen.address("jacobians.start=chosen")


def test_a_link_the_code_and_exports(visit, app_url):
    seen = visit(lab(app_url, width=48, depth=3, weights="orthogonal", axis="plain", shade="q", seed=3))
    seen.width("48")
    drawn(seen, "n = 48")
    seen.see("text=colour: q*").wait_for()
    code = seen.code()
    assert 'tp.spectra.jacobian(net, weights="orthogonal")' in code and "seed=3" in code
    seen.button("Export").click()
    for name in ("Figures, PNG", "Figures, SVG", "Data, CSV", "Data, NPZ"):
        ending = f".{name[-3:].lower()}"
        with seen.page.expect_download() as download:
            seen.see(f"button >> text={name}").click()
        assert download.value.suggested_filename.endswith(ending) and download.value.path().stat().st_size > 1000
        if ending == ".csv":
            text = download.value.path().read_text()
            assert "singular-values.counts" in text and "mixed-moments.measured" in text and "nan" not in text


def test_dark_projector_and_the_limit_alone(visit, app_url):
    seen = visit(lab(app_url, width="inf"), color_scheme="dark")
    drawn(seen, "limit: free probability")
    seen.see("text=the limit alone").wait_for()
    assert outline(seen)[0] == 0
    seen.page.keyboard.press("p")
    seen.see(".tp-banner").wait_for()
    assert seen.page.locator("text=Gradients through depth >> visible=true").count() == 0


def test_axe_finds_nothing_serious(visit, app_url):
    seen = visit(lab(app_url, preset="sparse"))
    assert findings_in_both_themes(seen) == []
