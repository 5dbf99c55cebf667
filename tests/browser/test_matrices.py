"""The Matrices lab in a browser: dial, play, presets, links, Back, entries, refusals, motion, export, themes."""

from __future__ import annotations

import pytest

from tests.browser.drive import findings_in_both_themes

pytestmark = pytest.mark.browser

SPECTRUM = """
  const figure = [...Bokeh.documents[0]._all_models.values()].find((m) => m.type === "Figure" && m.name === "spectrum");
  const source = figure.renderers.find((r) => r.glyph.type === "VArea").data_source;
  const column = (name) => Array.from(source.data.get ? source.data.get(name) : source.data[name]);
"""


def lab(url: str, **state) -> str:
    return f"{url}?page=matrices" + "".join(f"&matrices.{name}={value}" for name, value in state.items())


def histogram(seen) -> tuple[int, float]:
    """How many points the histogram's outline has, and its area: data that came through the whole chain."""
    points, area = seen.page.evaluate(f"""() => {{ {SPECTRUM}
      const x = column("x"), y = column("y");
      let area = 0;
      for (let i = 1; i < x.length; i++) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
      return [x.length, area];
    }}""")
    return points, area


def drawn(seen, text: str) -> None:
    """Wait until a label in the figure says `text`."""
    seen.until("""text => [...Bokeh.documents[0]._all_models.values()].some((m) => m.type === "ColumnDataSource" &&
      m.columns().includes("text") && [...(m.data.get ? m.data.get("text") : m.data.text)].includes(text))""",
               text, 40_000)  # fmt: skip


def numbers(seen, text: str) -> None:
    """Wait until the reading column's numbers hold `text`."""
    seen.see(f".tp-numbers >> text={text}").wait_for()


def test_it_teaches_with_no_click(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.see("h1").inner_text() == "Matrices"
    assert seen.see(".tp-claim").inner_text() == "Eigenvalues of a big random matrix are not random."
    assert seen.see(".tp-value input").input_value() == "1,024"
    drawn(seen, "limit: semicircle")
    drawn(seen, "n = 1,024")
    drawn(seen, "n = 64")
    points, area = histogram(seen)
    assert points > 40 and 0.99 < area <= 1.0001
    numbers(seen, "Sturm counts")
    catalan = seen.page.locator(".tp-table td.limit >> visible=true").all_inner_texts()
    assert catalan == ["1", "2", "5", "14", "42"]
    assert seen.page.locator(".tp-pairs svg >> visible=true").count() == 5
    assert seen.page.locator("text=Ask next >> visible=true").count() == 1


def test_dragging_the_dial_redraws(visit, app_url):
    seen = visit(lab(app_url))
    few, _ = histogram(seen)
    handle = seen.see(".tp-dial-slider .noUi-handle").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 150, y, steps=8)
    seen.page.mouse.up()
    seen.until("() => /matrices\\.n=(8192|16384|32768)/.test(location.search)")
    width = seen.see(".tp-value input").input_value()
    drawn(seen, f"n = {width}")
    assert histogram(seen)[0] > few


def test_play_to_a_million(visit, app_url):
    seen = visit(lab(app_url, n=131072))
    before = seen.page.evaluate("history.length")
    seen.button("Play").click()
    seen.width("1,000,000")
    drawn(seen, "n = 1,000,000")
    seen.button("Play").wait_for()
    assert seen.page.evaluate("history.length") == before
    numbers(seen, "1,000,000")
    assert 0.999 < histogram(seen)[1] <= 1.0001


def test_questions_are_presets_and_back_brings_the_first_again(visit, app_url):
    seen = visit(lab(app_url))
    seen.see("button >> text=What if the entries are coin flips?").click()
    seen.address("matrices.preset=coins")
    numbers(seen, "dense eigenvalues")
    seen.see("button >> text=What if the variance is infinite?").click()
    seen.address("matrices.preset=cauchy")
    drawn(seen, "semicircle: not the limit")
    seen.see("text=of 512 lie beyond ±8").wait_for()
    seen.page.go_back()
    drawn(seen, "limit: semicircle")
    seen.page.go_back()
    numbers(seen, "Sturm counts")
    seen.page.go_forward()
    numbers(seen, "dense eigenvalues")
    seen.page.get_by_role("button", name="iid", exact=True).click()
    seen.address("matrices.ensemble=iid")
    drawn(seen, "limit: the disc")
    drawn(seen, "limit: circular law")


def test_a_link_reproduces_the_page(visit, app_url):
    seen = visit(lab(app_url, n=300, entries="uniform", draws=10, seed=3, pairs=2))
    seen.width("300")
    drawn(seen, "n = 300")
    numbers(seen, "dense eigenvalues")
    seen.see("text=10 draws").wait_for()
    assert seen.page.locator(".tp-pairs svg >> visible=true").count() == 2
    search = seen.page.evaluate("location.search")
    assert "matrices.n=300" in search and "matrices.entries=uniform" in search and "matrices.seed=3" in search
    first = histogram(seen)
    again = visit(lab(app_url) + "&" + search.lstrip("?"))
    drawn(again, "n = 300")
    numbers(again, "dense eigenvalues")
    assert histogram(again) == first
    seed = again.page.get_by_label("Seed", exact=True).locator("visible=true").first
    for typed, taken in (("-3", "0"), ("12345678", "999999")):
        seed.fill(typed)
        seed.press("Enter")
        again.until("([field, taken]) => field.value === taken", [seed.element_handle(), taken], 15_000)
    again.address("matrices.seed=999999")


def test_other_entries_a_refusal_and_the_way_out(visit, app_url):
    seen = visit(lab(app_url, n=256))
    seen.page.get_by_role("button", name="± 1").click()
    seen.address("matrices.entries=rademacher")
    numbers(seen, "dense eigenvalues")
    kept = histogram(seen)
    field = seen.see(".tp-value input")
    field.fill("1M")
    field.press("Enter")
    alert = seen.see("[role=alert]")
    alert.wait_for()
    assert "At most n = 5,000 fits" in alert.inner_text()
    seen.see("text=from the last valid state").wait_for()
    assert histogram(seen) == kept
    seen.see("button >> text=Take n = 5,000, which fits").wait_for()
    seen.page.get_by_role("button", name="Gaussian").click()
    alert.wait_for(state="detached")
    drawn(seen, "n = 1,000,000")
    numbers(seen, "Sturm counts")


FRAME = """() => {
  const sources = [...Bokeh.documents[0]._all_models.values()].filter((m) => m.type === "ColumnDataSource");
  const clock = sources.find((m) => m.columns().includes("frame"));
  return (clock.data.get ? clock.data.get("frame") : clock.data.frame)[0]; }"""


def test_small_matrices_move(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.page.evaluate(FRAME) == 0
    seen.button("One step").click()
    step = seen.page.evaluate(FRAME)
    assert 0 < step < 20
    seen.button("Move").click()
    seen.until(f"(step) => ({FRAME})() > step", step + 3)
    seen.button("Move").click()
    rest = seen.page.evaluate(FRAME)
    seen.page.wait_for_timeout(300)
    assert seen.page.evaluate(FRAME) == rest
    seen.page.get_by_role("button", name="Neighbours").click()
    drawn(seen, "limit: GOE")
    numbers(seen, "Mean distance")
    assert seen.page.locator("text=Eigenvalues in motion >> visible=true").count() == 0
    seen.page.get_by_role("button", name="Largest").click()
    drawn(seen, "limit: Tracy–Widom, β = 1")
    seen.address("matrices.figures=largest")


def test_unwanted_motion_is_a_step_a_press(visit, app_url):
    seen = visit(lab(app_url), reduced_motion="reduce")
    for frame in (1, 2, 3):
        seen.button("Move").click()
        seen.until(f"(frame) => ({FRAME})() === frame", frame)
        seen.page.wait_for_timeout(150)
        assert seen.page.evaluate(FRAME) == frame


def test_export_and_code(visit, app_url):
    seen = visit(lab(app_url, figures="moments", ensemble="wishart", ratio=2.5, spike=3))
    drawn(seen, "mass 0.6 at 0")
    drawn(seen, "spike: 7.333")
    seen.see(".tp-cycles figure").first.wait_for()
    assert seen.page.locator(".tp-cycles figure >> visible=true").count() == 5
    said = seen.code()
    assert "tp.spectra.eigenvalue_histogram" in said and "tp.spectra.moment_program" in said
    seen.button("Export").click()
    files = (("Figures, PNG", ".png"), ("Figures, SVG", ".svg"), ("Data, CSV", ".csv"), ("Data, NPZ", ".npz"))
    for name, ending in files:
        with seen.page.expect_download() as download:
            seen.see(f"button >> text={name}").click()
        assert download.value.suggested_filename.endswith(ending)
        path = download.value.path()
        assert path.stat().st_size > 1000
        if ending == ".csv":
            text = path.read_text()
            assert "spectrum.counts" in text and "moments.measured" in text and "nan" not in text
            assert "programs.limit" in text
        if ending == ".svg":
            assert "limit: Marchenko–Pastur" in path.read_text()


def test_dark_projector_and_the_limit_alone(visit, app_url):
    seen = visit(lab(app_url, n="inf"), color_scheme="dark")
    seen.see("text=In the limit nothing is random").wait_for()
    drawn(seen, "limit: semicircle")
    assert histogram(seen)[0] == 0
    seen.until("""() => [...Bokeh.documents[0]._all_models.values()].some((m) =>
      m.type === "Figure" && m.background_fill_color === "#14181F")""")
    seen.page.keyboard.press("p")
    seen.see(".tp-banner").wait_for()
    assert seen.page.locator("text=Eigenvalues in motion >> visible=true").count() == 0
    assert seen.page.locator(".tp-cards >> visible=true").count() == 1


def test_axe_finds_nothing_serious(visit, app_url):
    seen = visit(lab(app_url, preset="narayana"))
    assert findings_in_both_themes(seen) == []
