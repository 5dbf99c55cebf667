"""The Programs lab in a browser: it teaches, lines are stepped and played, programs built, links, refusals, themes."""

from __future__ import annotations

import pytest

from tests.browser.drive import findings_in_both_themes

pytestmark = pytest.mark.browser

COORDINATES = """
  const models = [...Bokeh.documents[0]._all_models.values()];
  const figure = models.find((m) => m.type === "Figure" && m.name === "coordinates");
  const source = figure.renderers.find((r) => r.glyph.type === "VArea").data_source;
  const column = (name) => Array.from(source.data.get ? source.data.get(name) : source.data[name]);
"""
LINES = ".tp-listing .bk-btn"


def lab(url: str, **state) -> str:
    return f"{url}?page=programs" + "".join(f"&programs.{name}={value}" for name, value in state.items())


def area(seen) -> float:
    """The area of the histogram: data that came through the whole chain."""
    return seen.page.evaluate(f"""() => {{ {COORDINATES}
      const x = column("x"), y = column("y");
      let area = 0;
      for (let i = 1; i < x.length; i++) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
      return area;
    }}""")


def axis(seen, text: str) -> None:
    """Wait until the histogram is that of `text`."""
    seen.until("""text => { const figure = [...Bokeh.documents[0]._all_models.values()].find(
      (m) => m.type === "Figure" && m.name === "coordinates");
      return figure.below[0].axis_label.startsWith(text + ",") }""", text)  # fmt: skip


def row(seen, text: str) -> None:
    """Wait until the table has `text`."""
    seen.see(f".tp-averages >> text={text}").wait_for()


def test_it_teaches_with_no_click(visit, app_url):
    seen = visit(lab(app_url))
    claim = "Every coordinate of a big program looks like an independent draw of Z."
    assert seen.see(".tp-claim").inner_text() == claim
    row(seen, "0.7500")
    row(seen, "wrong")
    axis(seen, "g")
    assert seen.page.locator(f"{LINES} >> visible=true").count() == 7
    assert seen.see(".tp-listing .bk-btn.bk-active").inner_text() == "g = W y"
    assert 0.98 < area(seen) < 1.001
    seen.see("text=Line 3 already used Wᵀ, so g keeps a memory of x.").wait_for()
    assert seen.page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    law = seen.page.evaluate("""() => { const walk = (root) => { for (const el of root.querySelectorAll("*")) {
      const here = el.classList.contains("bk-active") && el.textContent === "g = W y";
      if (here) return getComputedStyle(el, "::after").content;
      if (el.shadowRoot) { const found = walk(el.shadowRoot); if (found) return found; }
      } return null; }; return walk(document); }""")
    assert law == '"N(0, 0.75)"'


def test_lines_are_clicked_stepped_and_played(visit, app_url):
    seen = visit(lab(app_url, width=256, draws=1))
    seen.see(f"{LINES} >> text=y = relu(h)").click()
    axis(seen, "y")
    seen.address("programs.step=4")
    seen.button("Line on").click()
    axis(seen, "g")
    seen.button("Line back").click()
    axis(seen, "y")
    seen.button("Play lines").click()
    seen.see("text=Line 7").wait_for()
    seen.button("Play lines").wait_for()
    seen.address("programs.step=7")


def test_play_over_width_to_a_hundred_thousand_and_more(visit, app_url):
    seen = visit(lab(app_url, program="wwt", width=65536, draws=1))
    seen.button("Play").click()
    seen.width("1,000,000")
    seen.see("text=density over 1,000,000 coordinates").wait_for()
    assert 0.98 < area(seen) < 1.001


def test_a_program_is_built_and_its_link_brings_it_back(visit, app_url):
    seen = visit(lab(app_url, program="own", width=500, draws=1))
    field = seen.page.get_by_label("Line", exact=True).locator("visible=true").first
    field.fill("g = W.T @ tanh(h)")
    field.press("Enter")
    seen.see(f"{LINES} >> text=g = Wᵀ h2").wait_for()
    axis(seen, "g")
    field.fill("z = W @ W")
    seen.button("Add").click()
    seen.see("[role=alert] >> text=the right operand must be a vector").wait_for()
    seen.page.get_by_label("Instruction").locator("visible=true").first.select_option("Moment of a vector")
    seen.until("""() => [...Bokeh.documents[0]._all_models.values()].some((m) => m.value === "m=moment(g)")""")
    seen.button("Add").click()
    seen.see(f"{LINES} >> text=m = 1/n Σ g").wait_for()
    seen.address("m=moment(g)")
    search = seen.page.evaluate("location.search")
    seen.button("Remove last").click()
    seen.see(f"{LINES} >> text=m = 1/n Σ g").wait_for(state="detached")
    seen.button("Undo").click()
    seen.see(f"{LINES} >> text=m = 1/n Σ g").wait_for()
    again = visit(lab(app_url) + "&" + search.lstrip("?"))
    again.see(f"{LINES} >> text=m = 1/n Σ g").wait_for()
    assert "tp.moment(g)" in again.see("pre").inner_text()


def test_questions_links_and_a_hostile_program(visit, app_url):
    seen = visit(lab(app_url, program="x=vector();y=alert(1)", draws=1))
    seen.see("text=The link's program is none").wait_for()
    seen.page.get_by_label("Preset").locator("visible=true").first.select_option("W W x")
    seen.address("programs.program=wwx")
    axis(seen, "WWx")
    seen.see("button >> text=When does reuse show?").click()
    seen.address("programs.program=w-relu-wx")
    seen.page.go_back()
    axis(seen, "WWx")


def test_errors_fall_and_figures_are_exported(visit, app_url):
    seen = visit(lab(app_url, program="wwt", width=1024, draws=1, view="error"))
    seen.until("""() => [...Bokeh.documents[0]._all_models.values()].some((m) => m.type === "ColumnDataSource" &&
      m.columns().includes("text") && [...(m.data.get ? m.data.get("text") : m.data.text)]
        .some((t) => String(t).startsWith("fit −0.")))""", None, 60_000)
    seen.see("text=Slope in log n").wait_for()
    seen.button("Export").click()
    for name, ending in (("Figures, PNG", ".png"), ("Data, CSV", ".csv"), ("Code, Python", ".py")):
        with seen.page.expect_download() as download:
            seen.see(f"button >> text={name}").click()
        assert download.value.suggested_filename.endswith(ending) and download.value.path().stat().st_size > 100


def test_the_limit_alone_dark_and_on_a_projector(visit, app_url):
    seen = visit(lab(app_url, width="inf", program="wt-step", step=4), color_scheme="dark")
    seen.see("text=In the limit nothing is left but Z").wait_for()
    axis(seen, "g")
    assert area(seen) == 0
    seen.page.keyboard.press("p")
    seen.see(".tp-banner").wait_for()
    assert seen.page.locator(".tp-averages >> visible=true").count() == 0


def test_axe_finds_nothing_serious(visit, app_url):
    seen = visit(lab(app_url, program="own", draws=1))
    row(seen, "limit")
    assert findings_in_both_themes(seen) == []
