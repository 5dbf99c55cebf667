"""Each lab once, led there by an impossible link: the link, the seed's field, a small projector, a telephone."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

LINKS = {  # lab -> (what its link asks for, what is made of it)
    "averages": ({"n": -5, "draws": 1000}, "averages.n=1"),
    "matrices": ({"preset": "disc", "n": 1}, "matrices.n=2"),
    "programs": ({"program": "mup-step", "width": 3}, "programs.width=8"),
    "kernels": ({"width": "-1e9", "draws": 1}, "kernels.width=8"),
    "jacobians": ({"width": 0}, "jacobians.width=8"),
    "phases": ({"path": 7, "steps": 1}, "phases.path=0.5"),
    "training": ({"width": 1, "steps": 0}, "training.width=8"),
}
BOXES = """(kind) => [...(function* all(root) {
  for (const el of root.querySelectorAll("*")) {
    if (el.matches(kind) && el.getClientRects().length) yield el
    if (el.shadowRoot) yield* all(el.shadowRoot)
  }
})(document)].map((el) => {
  const {left, right, top, bottom} = el.getBoundingClientRect()
  return {left, right, top: top + scrollY, bottom: bottom + scrollY}
}).sort((a, b) => a.top - b.top)"""


def boxes(seen, kind: str = ".bk-Figure") -> list[dict]:
    """Where the figures stand, from above, once they stand still."""
    seen.see(kind).wait_for()
    before, now = None, seen.page.evaluate(BOXES, kind)
    while now != before:
        seen.page.wait_for_timeout(150)
        before, now = now, seen.page.evaluate(BOXES, kind)
    return now


@pytest.mark.parametrize("lab", LINKS)
def test_every_lab_on_small_screens(visit, app_url, lab):
    asked, made = LINKS[lab]
    asked = asked | {"seed": 7, "nonsense": "zebra"}
    link = "".join(f"&{lab}.{name}={value}" for name, value in asked.items())
    seen = visit(f"{app_url}?page={lab}{link}", viewport={"width": 1280, "height": 720})
    seen.see("text=nonsense").wait_for()  # what was left out or cut is told
    seen.address(made)
    assert "nonsense" not in seen.page.url and "zebra" not in seen.page.url

    seed = seen.page.get_by_label("Seed", exact=True).locator("visible=true").first
    seed.fill("")
    seed.press("Enter")
    seen.until("field => field.value === '7'", seed.element_handle())
    assert f"{lab}.seed=7" in seen.page.url and not seen.page.locator("[role=alert] >> visible=true").count()

    for width in (1100, 400):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.until("width => document.documentElement.scrollWidth <= width", width)
    figures = boxes(seen)
    assert len(figures) > 1 and all(box["left"] >= 0 and box["right"] <= 400 for box in figures)
    assert all(above["bottom"] <= below["top"] for above, below in zip(figures, figures[1:])), "side by side"
    assert boxes(seen, ".tp-ask")[0]["top"] >= figures[1]["bottom"], "questions lie over the figures"
    if lab == "matrices":  # a lab that comes after it is no wider
        for name in ("Kernels", "Matrices"):
            seen.page.get_by_role("link", name=name).click()
            seen.see(f"h1 >> text={name}").wait_for()
            seen.until("document.documentElement.scrollWidth <= 400", timeout=15_000)

    seen.page.set_viewport_size({"width": 1280, "height": 720})
    seen.page.locator("h1 >> visible=true").click()  # keys mean the page again
    seen.page.keyboard.press("p")
    seen.see(".tp-banner").wait_for()
    main, title = boxes(seen)[0], boxes(seen, ".tp-title")[0]
    words = boxes(seen, ".tp-words")[0]  # what was told of the link is still there
    screen = 720 + words["bottom"] - words["top"]
    assert title["bottom"] <= main["top"] < screen - 280 and main["bottom"] <= screen and main["right"] <= 1280
