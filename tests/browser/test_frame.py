"""The frame in a browser: dial, play, presets, links, Back and Forward, errors, themes, keys, axe-core."""

from __future__ import annotations

import pytest

from tests.browser.drive import Visit, findings, findings_in_both_themes

pytestmark = pytest.mark.browser


def bars(visit) -> float:
    """The tallest bar of the first figure: data that came through the whole chain."""
    return visit.page.evaluate("""() => {
      const tall = (m) => Math.max(0, ...Array.from(m.data.get ? m.data.get("top") : m.data.top));
      const models = [...Bokeh.documents[0]._all_models.values()];
      const sources = models.filter((m) => m.type === "ColumnDataSource" && m.columns().includes("top"));
      return Math.max(...sources.map(tall));
    }""")


def test_first_sight(visit, frame_url):
    seen = visit(frame_url)
    assert seen.see("h1").inner_text() == "Means"
    assert seen.see(".tp-value input").input_value() == "4,096"
    assert "nearly Gaussian" in seen.see(".tp-claim").inner_text()
    seen.page.locator("mjx-container").first.wait_for()
    assert "200 draws" in seen.see("[role=status]").inner_text()
    assert seen.page.evaluate("location.search") in ("", "?page=means")
    seen.see("text=done in").wait_for()
    assert bars(seen) > 0.2


def test_what_changes_while_the_browser_reads_the_page_is_not_lost(browser, frame_url):
    """The browser's first word, that it has drawn the page, is held back until the late word has been said."""
    seen, held = Visit(browser), []

    def between(socket):
        server, open_ = socket.connect_to_server(), []
        held.append((server, open_, waiting := []))
        socket.on_message(lambda frame: server.send(frame) if open_ or not (waiting or "PATCH-DOC" in str(frame))
                          else waiting.append(frame))

    seen.page.route_web_socket("**/ws*", between)
    seen.page.goto(f"{frame_url}?means.late=true")
    seen.see("text=smoother bars").wait_for()
    seen.page.wait_for_timeout(1500)
    (server, open_, waiting), = held
    assert waiting and seen.page.locator("text=A late word.").count() == 0
    open_.append(True)
    for frame in waiting:
        server.send(frame)
    seen.see("text=A late word.").wait_for()
    seen.see("text=Ask next").wait_for()
    seen.end()


def test_the_dial_steps_types_and_knows_infinity(visit, frame_url):
    seen = visit(frame_url)
    seen.button("Step on").click()
    seen.width("8,192")
    seen.address("means.width=8192")
    field = seen.see(".tp-value input")
    field.fill("1e5")
    field.press("Enter")
    seen.width("100,000")
    field.fill("a lot")
    field.press("Enter")
    seen.see("[role=status] >> text=A width must be a number").wait_for()
    seen.width("100,000")
    field.fill("inf")
    field.press("Enter")
    seen.width("∞")
    seen.see("text=The limit is Gaussian").wait_for()
    seen.address("means.width=inf")
    assert bars(seen) == 0
    seen.button("Reset").click()
    seen.width("4,096")


def test_the_track_keeps_its_length_while_something_is_computed(visit, frame_url):
    seen = visit(frame_url)
    cancel, track = seen.button("Cancel"), seen.see(".tp-dial-slider")
    cancel.wait_for(state="hidden")
    idle = track.bounding_box()
    seen.page.get_by_label("Preset").locator("visible=true").first.select_option("Slow")
    cancel.wait_for(state="visible")
    assert track.bounding_box() == idle, "a track that moves slips from under a drag"


def test_dragging_the_track_moves_the_width(visit, frame_url):
    seen = visit(frame_url)
    handle = seen.see(".tp-dial-slider .noUi-handle").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 120, y, steps=6)
    seen.page.mouse.up()
    seen.until("() => /means\\.width=(16384|32768|65536|131072)/.test(location.search)")


def test_play_runs_and_stops(visit, frame_url):
    seen = visit(frame_url + "?page=means&means.width=262144")
    before = seen.page.evaluate("history.length")
    seen.button("Play").click()
    seen.width("1,000,000")
    seen.button("Play").wait_for()
    assert seen.page.evaluate("history.length") == before


def test_reduced_motion_plays_one_step_a_press(visit, frame_url):
    seen = visit(frame_url, reduced_motion="reduce")
    seen.page.wait_for_timeout(300)
    seen.button("Play").click()
    seen.width("8,192")
    seen.page.wait_for_timeout(1500)
    seen.width("8,192")


def test_presets_pages_back_and_forward(visit, frame_url):
    seen = visit(frame_url)
    seen.see("text=What if they are uniform?").click()
    seen.address("means.preset=uniform")
    seen.page.get_by_role("link", name="Sums").click()
    seen.address("page=sums")
    seen.see("h1 >> text=Sums").wait_for()
    seen.page.go_back()
    seen.see("h1 >> text=Means").wait_for()
    seen.address("means.preset=uniform")
    assert seen.see("select").evaluate("e => e.selectedOptions[0].label") == "Uniform numbers"
    seen.page.go_back()
    seen.until("() => !location.search.includes('uniform')")
    seen.see("text=What if they are uniform?").wait_for()
    seen.page.go_forward()
    seen.page.go_forward()
    seen.see("h1 >> text=Sums").wait_for()
    assert seen.page.locator("[aria-current=page]").inner_text() == "Sums"
    seen.until("() => location.search.includes('page=sums')")
    more = seen.page.evaluate("""() => {
      const before = history.length;
      for (const page of ["means", "sums"]) document.querySelector(`[data-page=${page}]`).click();
      return history.length - before;
    }""")
    assert more == 2, "a second click counts, however soon after the first"
    seen.page.wait_for_timeout(1500)
    seen.see("h1 >> text=Sums").wait_for()
    assert seen.page.locator("[aria-current=page]").inner_text() == "Sums"


def test_a_link_reproduces_the_page(visit, frame_url):
    seen = visit(frame_url + "?page=sums&sums.width=300&sums.scale=2.5&sums.law=uniform")
    assert seen.see("h1").inner_text() == "Sums"
    seen.width("300")
    assert "300" in seen.see(".tp-numbers").inner_text()
    assert "sums.scale=2.5" in seen.page.evaluate("location.search")


def test_hostile_links_are_bounded_in_words(visit, frame_url):
    seen = visit(frame_url + "?page=%3Cscript%3E&means.draws=1e9")
    words = seen.see("[role=status] >> text=There is no lab").inner_text()
    assert "<script>" in words and "Means" in words
    image = "%3Cimg%20src=x%20onerror=alert(1)%3E"
    other = visit(frame_url + f"?page=means&means.draws=1e9&means.law={image}&means.scale=nan")
    words = other.see("[role=status] >> text=became").inner_text()
    assert "became 2,000" in words and "<img" in words and "not a number" in words
    other.see("text=2,000 draws").wait_for()


def test_errors_in_words_keep_the_last_figure(visit, frame_url):
    seen = visit(frame_url)
    seen.see("text=done in").wait_for()
    tall = bars(seen)
    box = seen.page.get_by_role("checkbox").nth(1)
    box.click()
    alert = seen.see("[role=alert]")
    alert.wait_for()
    assert "The impossible needs 3 TB" in alert.inner_text() and "Try n = 1,000" in alert.inner_text()
    seen.see("text=from the last valid state").wait_for()
    assert bars(seen) == tall
    box.click()
    alert.wait_for(state="detached")


def test_progress_and_cancel(visit, frame_url):
    seen = visit(frame_url + "?page=means&means.preset=slow")
    seen.see("[role=progressbar]").wait_for()
    seen.button("Cancel").click()
    seen.see("text=Cancelled.").wait_for()
    seen.page.locator("[role=progressbar]").wait_for(state="detached")


def test_keys(visit, frame_url):
    seen = visit(frame_url)
    seen.page.keyboard.press("ArrowRight")
    seen.width("8,192")
    seen.page.keyboard.press("ArrowLeft")
    seen.width("4,096")
    seen.page.keyboard.press("c")
    seen.see("text=Show the code").wait_for()
    seen.page.keyboard.press("?")
    seen.see("text=Play or pause the width").wait_for()
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("d")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    seen.until("""() => [...Bokeh.documents[0]._all_models.values()]
      .some((m) => m.type === 'LinearAxis' && m.axis_line_color === '#707B8C')""")
    seen.page.keyboard.press("p")
    assert seen.page.evaluate("document.body.classList.contains('tp-projector')")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"
    seen.see(".tp-banner").wait_for()
    assert seen.page.locator("canvas >> visible=true").count() < 3 * 3
    seen.page.keyboard.press("p")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    field = seen.see(".tp-value input")
    field.click()
    seen.page.keyboard.type("d")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_theme_is_remembered(visit, frame_url):
    seen = visit(frame_url + "?theme=dark")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    seen.page.keyboard.press("d")
    seen.open(frame_url)
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"
    night = visit(frame_url, color_scheme="dark")
    assert night.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 31)"


def test_export(visit, frame_url):
    seen = visit(frame_url)
    seen.button("Export").click()
    items = {"Figures, PNG": ".png", "Figures, SVG": ".svg", "Data, CSV": ".csv", "Data, NPZ": ".npz",
             "Code, Python": ".py"}
    for name, ending in items.items():
        with seen.page.expect_download() as download:
            seen.see(f"button >> text={name}").click()
        assert download.value.suggested_filename.endswith(ending)
        assert download.value.path().stat().st_size > 40
    seen.page.keyboard.press("Escape")
    seen.page.locator("text=Figures, PNG >> visible=true").wait_for(state="detached")


def test_axe_finds_nothing_serious(visit, frame_url):
    seen = visit(frame_url)
    seen.button("Export").click()
    seen.page.get_by_role("checkbox").nth(1).click()
    seen.see("[role=alert]").wait_for()
    assert findings_in_both_themes(seen) == []


def test_axe_on_a_narrow_page_and_the_projector(visit, frame_url):
    seen = visit(frame_url)
    for width in (1440, 1000, 400):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.until("document.documentElement.scrollWidth <= innerWidth")
    seen.page.locator("text=more draws, smoother bars >> visible=true").wait_for(state="detached")
    seen.button("Controls").click()
    seen.see("text=more draws, smoother bars").wait_for()
    seen.page.wait_for_timeout(1500)
    assert findings(seen) == []
    seen.page.set_viewport_size({"width": 1440, "height": 900})
    seen.page.locator("h1 >> visible=true").click()  # keys mean the page
    seen.page.keyboard.press("p")
    seen.page.wait_for_timeout(1500)
    assert findings(seen) == []
