"""The Phases lab in a browser: a click in each phase, the drag, Play, links, keyboard, the measured region, export."""

from __future__ import annotations

import re

import pytest

from tests.browser.drive import findings

pytestmark = pytest.mark.browser

PLACE = """
  const models = [...Bokeh.documents[0]._all_models.values()];
  const find = (name) => models.find((m) => m.type === "Figure" && m.name === name);
  const view = (name) => Bokeh.index.find_one(find(name));
"""


def lab(url: str, **state) -> str:
    return f"{url}?page=phases" + "".join(f"&phases.{name}={value}" for name, value in state.items())


def spot(seen, x: float, y: float, figure: str = "phases") -> tuple[float, float]:
    """Where a point of a diagram is on the screen."""
    return tuple(seen.page.evaluate(f"""([name, x, y]) => {{ {PLACE}
      const v = view(name), box = v.el.getBoundingClientRect(), frame = v.frame;
      return [box.left + frame.x_scale.compute(x), box.top + frame.y_scale.compute(y)];
    }}""", [figure, x, y]))


def click(seen, x: float, y: float, figure: str = "phases") -> None:
    seen.page.mouse.click(*spot(seen, x, y, figure))


def verdict(seen, phase: str) -> None:
    """Wait until the pill says the phase."""
    seen.see(f".tp-pill[data-phase={phase}]").wait_for()


def measured(seen) -> list[tuple[float, float]]:
    """(predicted, measured) powers of every layer, or of what blows up, once all networks have trained."""
    seen.page.wait_for_timeout(800)  # the status follows the figures
    seen.see("text=23 of 23 networks").wait_for(timeout=90_000)
    rows = seen.page.locator(".tp-powers tbody tr >> visible=true").all_inner_texts()
    return [tuple(float(x.replace("−", "-")) for x in re.findall(r"[−-]?\d+\.\d+", row)[:2]) for row in rows]


CLICKS = {  # phase: figure, place, the claim there, and the power of n that theory predicts there (a hand is not exact)
    "feature": ("phases", (-0.51, 1.3), "The function moves, and so do the features.", 0.0),
    "kernel": ("phases", (-0.1, 0.9), "The function moves, the features freeze: they change like n", -0.7),
    "trivial": ("phases-across", (1.0, 1.2), "The function never moves: its change vanishes like n", -1.0),
    "unstable": ("phases", (0.25, 0.1), "The logits grow like n", 0.325),
}


def test_a_click_in_each_phase_is_the_right_verdict_beside_measured_powers(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.see("h1").inner_text() == "Phases"
    verdict(seen, "kernel")
    assert seen.see(".tp-claim").inner_text() == "The function moves, the features freeze: they change like n−0.2."
    for phase, (figure, at, claim, predicted) in CLICKS.items():
        click(seen, *at, figure)
        verdict(seen, phase)
        seen.see(f"text={claim}").wait_for()
        (pair,) = measured(seen)
        assert abs(pair[0] - predicted) < 0.03 and abs(pair[1] - pair[0]) < 0.12, (phase, pair)
        assert (seen.page.locator(".tp-checks tr.no >> visible=true").count() > 0) == (phase in ("trivial", "unstable"))
    seen.button("Reset").click()
    verdict(seen, "kernel")


def test_every_click_is_one_step_of_the_history_and_so_is_a_drag(visit, app_url):
    seen = visit(lab(app_url, steps=3))
    verdict(seen, "kernel")
    length = lambda: seen.page.evaluate("history.length")  # noqa: E731
    before = length()
    click(seen, -0.51, 1.3)
    verdict(seen, "feature")
    seen.address("phases.a=-0.5")
    click(seen, 0.25, 0.0)
    verdict(seen, "unstable")
    assert length() == before + 2
    seen.page.mouse.move(*spot(seen, 0.25, 0.0))
    seen.page.mouse.down()
    for x in (0.3, 0.4, 0.5, 0.6):
        seen.page.mouse.move(*spot(seen, x, 1.1), steps=3)
        seen.page.wait_for_timeout(120)
    assert length() == before + 2
    seen.page.mouse.up()
    verdict(seen, "kernel")
    seen.until("n => history.length === n", before + 3)
    for phase in ("unstable", "feature", "kernel"):
        seen.page.go_back()
        verdict(seen, phase)
    assert seen.see(".tp-value input").input_value() == "0.20"
    seen.page.go_forward()
    verdict(seen, "feature")


def test_dragging_the_point_and_the_dial(visit, app_url):
    seen = visit(lab(app_url, steps=3))
    verdict(seen, "kernel")
    seen.page.mouse.move(*spot(seen, -0.3, 0.8))
    seen.page.mouse.down()
    seen.page.mouse.move(*spot(seen, 0.1, 1.0), steps=6)
    seen.page.mouse.move(*spot(seen, 0.6, 0.1), steps=6)
    seen.page.mouse.up()
    verdict(seen, "unstable")
    seen.see(".tp-value input").fill("0")
    seen.see(".tp-value input").press("Enter")
    verdict(seen, "feature")
    seen.address("phases.path=0")
    seen.button("Step on").click()
    verdict(seen, "kernel")
    seen.address("phases.path=0.05")


def test_play_walks_from_mup_to_ntp(visit, app_url):
    seen = visit(lab(app_url, path=0.4, steps=3))
    before = seen.page.evaluate("history.length")
    seen.button("Play").click()
    seen.width("0.50")
    seen.button("Play").wait_for()
    seen.see("text=Kernel regime, NTP").wait_for()
    assert seen.page.evaluate("history.length") == before


def test_a_slice_is_measured_and_a_bad_exponent_refused(visit, app_url):
    seen = visit(lab(app_url, depth=1, steps=3))
    verdict(seen, "kernel")
    seen.button("Measure this region").click()
    seen.see("text=points farther than 0.1 from a border agree").wait_for()
    seen.button("Hide the measured phases").click()
    seen.page.locator("text=points farther than 0.1").first.wait_for(state="hidden")
    seen.page.get_by_role("button", name="Slice", exact=True).click()
    seen.address("phases.view=slice")
    seen.page.get_by_label("Start b").fill("0.3, x")
    seen.page.get_by_label("Start b").press("Enter")
    seen.see("[role=alert]").wait_for()
    assert "Got “x” in place 2" in seen.see("[role=alert]").inner_text()
    seen.button("Reset").click()
    seen.see(".tp-pill[data-phase=kernel]").wait_for()


def test_dark_links_and_accessibility(visit, app_url):
    seen = visit(lab(app_url, preset="six", steps=3), color_scheme="dark")
    verdict(seen, "feature")
    rates = [seen.page.get_by_label(f"c of {layer}", exact=True) for layer in "UWV"]
    assert [field.input_value() for field in rates] == ["-1", "0", "1"]
    rates[1].fill("0.4")
    rates[1].press("Enter")
    verdict(seen, "feature")  # the first layer's rate alone makes features move
    click(seen, 0.25, 0.75)
    verdict(seen, "kernel")
    seen.until("() => true")
    assert float(rates[0].input_value()) == pytest.approx(0.25, abs=0.05)
    x, y = spot(seen, -1.5, 0.5)
    seen.page.mouse.move(x - 4, y)
    seen.page.mouse.move(x, y)
    tip = seen.page.locator(".bk-Tooltip").filter(has_text="Unstable")
    tip.wait_for()
    text = max(tip.locator("div").all_inner_texts(), key=len).strip()  # inside its shadow
    assert text.startswith("Unstable") and "✕ r ≥ 0" in text and "✓ 2a₃ + c₃ ≥ 1" in text and text.count("\n") > 12
    ink, ground = tip.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    assert ink == "rgb(243, 245, 248)" and ground == "rgb(20, 24, 31)"
    seen.page.mouse.move(5, 5)
    assert not findings(seen)
