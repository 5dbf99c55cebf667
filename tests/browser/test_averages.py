"""The Averages lab in a browser: dial, play, questions, links, conspiracy, bad input, export, themes, narrow pages."""

from __future__ import annotations

import pytest

from tests.browser.drive import findings

pytestmark = pytest.mark.browser

AREA = """name => {
  const figure = [...Bokeh.documents[0]._all_models.values()].find((m) => m.type === "Figure" && m.name === name);
  const source = figure.renderers.find((r) => r.glyph.type === "VArea").data_source;
  const [x, y] = ["x", "y"].map((n) => Array.from(source.data.get ? source.data.get(n) : source.data[n]));
  let area = 0;
  for (let i = 1; i < x.length; i++) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
  return area; }"""


def lab(url: str, **state) -> str:
    return f"{url}?page=averages" + "".join(f"&averages.{name}={value}" for name, value in state.items())


def drawn(seen, text: str) -> None:
    """Wait until a label in a figure says `text`."""
    seen.until("""text => [...Bokeh.documents[0]._all_models.values()].some((m) => m.type === "ColumnDataSource" &&
      m.columns().includes("text") && [...(m.data.get ? m.data.get("text") : m.data.text)].includes(text))""",
               text, 40_000)  # fmt: skip


def numbers(seen, text: str) -> None:
    """Wait until the reading column's numbers hold `text`."""
    seen.see(f".tp-numbers >> text={text}").wait_for()


def claim(seen, text: str) -> None:
    seen.see(f".tp-claim >> text={text}").wait_for()


def test_it_teaches_with_no_click_and_the_dial_redraws(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.see("h1").inner_text() == "Averages"
    assert seen.see(".tp-claim").inner_text() == "Sums settle, and their fluctuations turn Gaussian."
    assert seen.see(".tp-value input").input_value() == "1,024"
    for text in ("limit: 3.5", "limit: normal", "N = 1,024"):
        drawn(seen, text)
    for name in ("averages-means", "averages-scaled"):
        assert 0.99 < seen.page.evaluate(AREA, name) <= 1.0001
    drawn(seen, "slope −0.50")
    normal = seen.page.locator(".tp-table td.limit >> visible=true").all_inner_texts()
    assert normal == ["1", "0", "3", "15", "105"]
    handle = seen.see(".tp-dial-slider .noUi-handle")
    assert handle.get_attribute("aria-label") == "Number of terms"
    handle.focus()
    seen.page.keyboard.press("ArrowRight")
    seen.address("averages.n=2048")
    drawn(seen, "N = 2,048")


def test_play_to_a_million_and_the_limit_alone(visit, app_url):
    seen = visit(lab(app_url, n=262144, terms="student"))
    before = seen.page.evaluate("history.length")
    seen.button("Play").click()
    seen.width("1,000,000")
    drawn(seen, "N = 1,000,000")
    seen.button("Play").wait_for()
    assert seen.page.evaluate("history.length") == before
    assert 0.98 < seen.page.evaluate(AREA, "averages-scaled") <= 1.0001
    seen.button("Step on").click()
    claim(seen, "In the limit the mean is not random")
    assert seen.page.evaluate(AREA, "averages-scaled") == 0


def test_questions_are_presets_and_back_brings_the_first_again(visit, app_url):
    seen = visit(lab(app_url))
    seen.see("button >> text=What if there is no mean?").click()
    seen.address("averages.preset=cauchy")
    drawn(seen, "limit: Cauchy again")
    claim(seen, "Cauchy means never settle")
    numbers(seen, "law: 1")
    seen.see("button >> text=What if the terms conspire?").click()
    drawn(seen, "normal: not the limit")
    numbers(seen, "0.06250")
    seen.page.go_back()
    drawn(seen, "limit: Cauchy again")
    seen.page.go_back()
    drawn(seen, "limit: 3.5")


def test_a_link_cards_conspiracy_and_bad_input(visit, app_url):
    seen = visit(lab(app_url, n=64, terms="exponential", draws=1000, seed=3))
    seen.width("64")
    drawn(seen, "limit: 1")
    seen.see("text=1,000 draws").wait_for()
    seen.page.get_by_role("button", name="Coin").click()
    seen.address("averages.terms=coin")
    drawn(seen, "limit: 0.5")
    seen.page.locator("[role=slider][aria-label^='Correlation'] >> visible=true").first.focus()
    seen.page.keyboard.press("ArrowRight")
    seen.address("averages.rho=0.01")
    drawn(seen, "normal: not the limit")
    field = seen.see(".tp-value input")
    field.fill("a dozen")
    field.press("Enter")
    seen.see("text=N must be a number from 1 to 1,000,000").wait_for()
    assert field.input_value() == "64"


def test_export_and_code(visit, app_url):
    seen = visit(lab(app_url, draws=1000))
    drawn(seen, "N = 1,024")
    assert "tp.sums.draw" in seen.code()
    seen.button("Export").click()
    for name, ending in (("Figures, PNG", ".png"), ("Figures, SVG", ".svg"), ("Data, CSV", ".csv"),
                         ("Data, NPZ", ".npz")):  # fmt: skip
        with seen.page.expect_download() as download:
            seen.see(f"button >> text={name}").click()
        path = download.value.path()
        assert download.value.suggested_filename.endswith(ending) and path.stat().st_size > 1000
        if ending == ".csv":
            text = path.read_text()
            assert "averages-means.counts" in text and "moments.measured" in text and "nan" not in text


def test_dark_and_the_projector_and_axe(visit, app_url):
    seen = visit(lab(app_url, preset="student", draws=1000), color_scheme="dark")
    drawn(seen, "limit: normal")
    seen.page.wait_for_timeout(1000)
    assert findings(seen) == []
    seen.page.keyboard.press("p")
    seen.see(".tp-banner").wait_for()
    assert seen.page.locator("text=Distance to the normal >> visible=true").count() == 0
