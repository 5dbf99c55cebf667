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
    seen.see(f".tp-pill[data-phase={phase}]").wait_for(timeout=10_000)


def measured(seen, predicted: str) -> list[tuple[float, float]]:
    """(predicted, measured) powers of every layer, once all networks have trained."""
    seen.see(f".tp-powers td >> text={predicted}").wait_for()
    seen.page.wait_for_timeout(500)  # the status follows the figures
    seen.see("text=23 of 23 networks").wait_for(timeout=90_000)
    rows = seen.page.locator(".tp-powers tbody tr >> visible=true").all_inner_texts()
    return [tuple(float(x.replace("−", "-")) for x in re.findall(r"[−-]?\d+\.\d+", row)[:2]) for row in rows]


def test_a_click_in_each_phase_is_the_right_verdict_beside_measured_powers(visit, app_url):
    seen = visit(lab(app_url))
    assert seen.see("h1").inner_text() == "Phases"
    verdict(seen, "kernel")
    assert seen.see(".tp-claim").inner_text() == "The function moves, the features freeze: they change like n⁻⁰·²."
    (pair,) = measured(seen, "−0.20")
    assert pair[0] == -0.2 and abs(pair[1] - pair[0]) < 0.1
    click(seen, -0.51, 1.3)
    verdict(seen, "feature")
    seen.address("phases.a=-0.5")
    (pair,) = measured(seen, "0.00")
    assert pair[0] == 0 and abs(pair[1]) < 0.1
    click(seen, 1.1, 1.2, "phases-across")
    verdict(seen, "trivial")
    seen.see("text=The function never moves").wait_for()
    click(seen, 0.4, 0.1)
    verdict(seen, "unstable")
    assert seen.page.locator(".tp-checks tr.no >> visible=true").count() >= 1
    seen.button("Reset").click()
    verdict(seen, "kernel")


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
    seen.see("text=points farther than 0.1 from a border agree").wait_for(timeout=20_000)
    seen.button("Hide the measured phases").click()
    seen.page.locator("text=points farther than 0.1").first.wait_for(state="hidden")
    seen.page.get_by_role("button", name="Slice", exact=True).click()
    seen.address("phases.view=slice")
    seen.page.get_by_label("Start b").fill("0.3, x")
    seen.page.get_by_label("Start b").press("Enter")
    seen.see("[role=alert]").wait_for()
    assert "must be a number" in seen.see("[role=alert]").inner_text()
    seen.button("Reset").click()
    seen.see(".tp-pill[data-phase=kernel]").wait_for()


def test_dark_links_and_accessibility(visit, app_url):
    seen = visit(lab(app_url, preset="six", steps=3), color_scheme="dark")
    verdict(seen, "feature")
    assert seen.page.get_by_label("Learning rates c").input_value() == "-1, 0, 1"
    assert not findings(seen)
