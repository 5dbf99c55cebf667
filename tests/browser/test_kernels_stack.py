"""Assembling in a browser: every preset, cards by mouse and keyboard, random legal stacks."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace

import pytest

from tests.app.test_kernels_nets import random_stack
from tests.browser.drive import findings
from tests.browser.test_kernels import FIGURE, drawn, image, lab
from tpapp import stack
from tpapp.compute import kernels_cost, kernels_nets
from tpapp.labs.kernels_presets import PRESETS
from tpapp.labs.kernels_state import KernelsState, inputs, net
from tpcore.errors import Misuse

pytestmark = pytest.mark.browser

STACKS = 30
SIZE = f"() => {{ {FIGURE} return figure('kernel-limit').x_range.end }}"


def cards(seen) -> list[str]:
    """Names of the layers on show."""
    return [button.inner_text() for button in seen.page.locator(".tp-card:not(.tp-fixed) button >> visible=true").all()]


def legal_stacks(seed: int) -> list[tuple[str, str, int]]:
    """(link, data, rows) of random stacks of 2 to 8 layers, grown layer by layer, whose limits have a recursion."""
    rng, found = random.Random(seed), []
    while len(found) < STACKS:
        data, wanted, best = rng.choice(["digits", "sentences"]), rng.randint(2, 8), None
        for _ in range(40):
            more = random_stack(rng, 1)
            made = more if best is None else replace(best[0], cards=best[0].cards + more.cards)
            try:
                s = KernelsState(PRESETS, net=stack.checked(made).text(), data=data, width=float("inf")).snapshot()
                rows = kernels_nets.rows(inputs(s), net(s))
                if kernels_cost.quick_limit(net(s), inputs(s)):
                    best = made, (s.net, s.data, len(rows))
            except Misuse:
                continue
            if best is not None and sum(not card.inside for card in best[0].cards) == wanted:
                found.append(best[1])
                break
    return found


def shown(seen, rows: int, words: str) -> None:
    """Wait for a limit of so many rows."""
    size = "column(source('kernel-limit', 'Image'), 'size')[0]"
    seen.until(f"rows => {{ {FIGURE} return {size} === rows }}", rows)
    assert not seen.page.locator(".tp-words [role=alert] >> visible=true").count(), words


def chosen(seen, label: str) -> None:
    """Wait until the preset's menu shows `label`."""
    menu = seen.see(".tp-inline select")
    end = time.monotonic() + 20
    while menu.evaluate("menu => menu.selectedOptions[0].textContent") != label:
        assert time.monotonic() < end, label
        seen.page.wait_for_timeout(30)


def go(seen, query: str) -> None:
    """Another link on the same page, as the Back button brings it."""
    code = "query => { history.pushState({}, '', location.pathname + query); "
    seen.page.evaluate(code + "dispatchEvent(new PopStateEvent('popstate')) }", query)


def test_every_preset_is_assembled(visit, app_url):
    seen = visit(lab(app_url, width="inf", figures="program"))
    drawn(seen, "kernel-limit")
    for key, preset in PRESETS.items():
        s = KernelsState(PRESETS, preset=key).snapshot()
        go(seen, f"?page=kernels&kernels.preset={key}&kernels.width=inf&kernels.figures=program")
        chosen(seen, preset.label)
        shown(seen, len(kernels_nets.rows(inputs(s), net(s))), key)
    seen.see("pre[aria-label^=Listing]").wait_for()
    assert len(image(seen, "kernel-limit")) == 15 * 15


def test_thirty_random_stacks(visit, app_url):
    stacks = legal_stacks(11)
    seen = visit(lab(app_url, net=stacks[0][0], data=stacks[0][1], width="inf", figures="program"))
    for text, data, rows in stacks:
        go(seen, f"?page=kernels&kernels.net={text}&kernels.data={data}&kernels.width=inf&kernels.figures=program")
        shown(seen, rows, text)
    assert len({rows for _, _, rows in stacks}) >= 3 and any("res" in text for text, _, _ in stacks)


def test_cards_by_mouse_and_keyboard(visit, app_url):
    seen = visit(lab(app_url, preset="attention", width="inf", figures="program"))
    drawn(seen, "kernel-limit")
    names = ["Dense", "ReLU", "LayerNorm", "Attention", "Dense", "ReLU", "MeanPool"]
    assert cards(seen) == names
    seen.page.locator(".tp-card button >> text=Attention >> visible=true").click()
    seen.see("text=Attends to").wait_for()
    seen.page.keyboard.press("Alt+ArrowUp")
    seen.address("act~attention~layernorm~dense")
    active = "a => a.classList.contains('bk-active') && a.textContent"
    seen.until(f"""() => {{ let at = document.activeElement;
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
      return ({active})(at) === 'Attention' }}""")
    seen.page.keyboard.press("Alt+ArrowDown")
    seen.until("() => !location.search.includes('kernels.net')")
    assert cards(seen) == names
    seen.page.wait_for_timeout(300)
    pool, first = (seen.page.locator(f".tp-card button >> text={name} >> visible=true").first.bounding_box()
                   for name in ("MeanPool", "LayerNorm"))  # fmt: skip
    seen.page.mouse.move(pool["x"] + 20, pool["y"] + 16)
    seen.page.mouse.down()
    seen.page.mouse.move(first["x"] + 20, first["y"] + 6, steps=8)
    seen.page.mouse.up()
    alert = seen.see(".tp-words [role=alert]")
    alert.wait_for()
    assert "positions" in alert.inner_text()
    assert len(image(seen, "kernel-limit")) == 24 * 24, "the last good figure stays"
    seen.address("act~meanpool~layernorm~attention")
    seen.page.keyboard.press("Escape")
    seen.button("Reset").click()
    alert.wait_for(state="detached")
    seen.page.locator(".tp-card button >> text=LayerNorm >> visible=true").click()
    seen.button("Delete layer").click()
    seen.address("dense~act~attention~dense")
    seen.button("+ Add layer").click()
    seen.button("Residual").click()
    seen.until("() => location.search.includes('res')")
    seen.page.locator(".tp-card button >> text=Residual >> visible=true").wait_for()
    assert findings(seen) == []


def test_a_form_sentences_and_a_hostile_link(visit, app_url):
    seen = visit(lab(app_url, net="RNN", data="sentences", width="inf"))
    drawn(seen, "kernel-limit")
    seen.page.locator("textarea >> visible=true").fill("the value\na list of values")
    seen.page.keyboard.press("Tab")
    shown(seen, 6, "sentences")
    seen.page.get_by_label("Readout of").select_option("the last step")
    shown(seen, 2, "one row a sentence")
    seen.address("kernels.net=RNN-rlast")
    go(seen, "?page=kernels&kernels.net=dense~%3Cscript%3E")
    seen.see("text=The page is as it was").wait_for()
    assert seen.page.evaluate(SIZE) == 2
    assert re.search(r"tp\.nets\.RNN\(", seen.see("pre").inner_text())
