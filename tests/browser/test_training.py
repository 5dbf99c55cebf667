"""The Training lab in a browser: its sentence, the moment by hand and by Play, tasks, divergence, both themes."""

from __future__ import annotations

import pytest

from tests.browser.drive import findings

pytestmark = pytest.mark.browser

MODEL = """(name) => {
  const fig = [...Bokeh.documents[0]._all_models.values()].find((m) => m.type === "Figure" && m.name === name)
  return fig && Bokeh.index.find_one(fig)
}"""


def lab(url: str, **state) -> str:
    return f"{url}?page=training" + "".join(f"&training.{name}={value}" for name, value in state.items())


def trained(seen) -> None:
    """Wait until nothing is computed any more."""
    seen.see("text=done in").wait_for(timeout=90_000)


def spot(seen, figure: str, x: float) -> tuple[float, float]:
    """Where x of a figure is on the screen, in the middle of its height."""
    return tuple(seen.page.evaluate(f"""([name, x]) => {{
      const v = ({MODEL})(name), box = v.el.getBoundingClientRect(), frame = v.frame
      return [box.left + frame.x_scale.compute(x), box.top + frame.bbox.top + frame.bbox.height / 2]
    }}""", [figure, x]))


HERE = f"""(steps) => steps.includes(({MODEL})("loss").model.renderers
  .find((r) => r.glyph.type === "VSpan").data_source.data.x[0])"""  # the step on show, as the loss's line says


def test_three_machines_and_the_moment_by_hand(visit, app_url):
    seen = visit(lab(app_url, width=256))
    assert seen.see("h1").inner_text() == "Training"
    trained(seen)
    assert seen.see(".tp-claim").inner_text().startswith("In μP function and features both move, the features by")
    cells = seen.page.locator(".tp-machines tbody td >> visible=true").all_inner_texts()
    assert len(cells) == 15 and "…" not in cells and cells[6] == "0.0\u00a0%"
    for name in ("kernel", "network", "feature"):
        assert seen.page.evaluate(f"(name) => ({MODEL})(name) !== undefined", f"function-{name}")
    seen.see("text=step 100 of 100").wait_for()
    seen.page.wait_for_timeout(500)  # the words have changed the heights
    seen.page.mouse.move(*spot(seen, "loss", 99))
    seen.page.mouse.down()
    seen.page.mouse.move(*spot(seen, "loss", 40), steps=8)
    seen.page.wait_for_timeout(100)
    seen.page.mouse.up()
    seen.address("training.moment=")
    seen.see("text=step 45 of 100").or_(seen.see("text=step 35 of 100")).wait_for()
    seen.button("Moment back").click()
    seen.until(HERE, [27, 35])


def test_play_goes_through_the_training(visit, app_url):
    seen = visit(lab(app_url, width=64, moment=8, steps=30))
    trained(seen)
    seen.button("Play training").click()
    seen.button("Pause training").wait_for()
    seen.see("text=step 30 of 30").wait_for()
    seen.button("Play training").wait_for()
    seen.see(".tp-value input").fill("inf")
    seen.see(".tp-value input").press("Enter")
    seen.see("text=The limits alone").wait_for()
    assert seen.page.locator("text=n = 64 >> visible=true").count() == 0


def test_the_task_where_kernels_fail_and_its_questions(visit, app_url):
    seen = visit(lab(app_url, width=256), color_scheme="dark")
    seen.button("Where do kernels fail?").click()
    seen.address("training.preset=parity")
    seen.see("text=Learned features pay").wait_for()
    trained(seen)
    seen.shot("training-parity-dark")
    assert not findings(seen)
    seen.button("Can it be learnt lazily?").click()
    seen.see(".tp-pill[data-phase=kernel]").wait_for()
    seen.see("text=freeze like 1/√n").wait_for()
    seen.page.go_back()
    seen.see(".tp-pill[data-phase=feature]").wait_for()


def test_divergence_in_words_and_bad_links(visit, app_url):
    seen = visit(lab(app_url, preset="fast", width=64, task="zebra", r=9))
    seen.see("text=is not one of").wait_for()
    seen.see("text=At η = 4 training diverges: the kernel limit at step").wait_for()
    seen.see("text=diverged at step").wait_for()
    seen.button("Reset").click()
    trained(seen)
    assert not findings(seen)
