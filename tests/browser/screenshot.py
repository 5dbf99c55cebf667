"""``make screenshot``: the README's picture, taken from the running app."""

from __future__ import annotations

from tests.browser.drive import ROOT, Visit, launched, served

PICTURE = ROOT / "assets" / "kernels.png"


def main() -> None:
    with launched() as browser, served(ROOT / "app") as server:
        visit = Visit(browser)
        visit.open(f"{server.url}?page=kernels")
        visit.page.wait_for_timeout(1000)
        visit.button("Cancel").wait_for(state="hidden", timeout=120_000)
        visit.page.wait_for_timeout(1000)
        PICTURE.parent.mkdir(exist_ok=True)
        visit.page.screenshot(path=str(PICTURE))
        visit.end()
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
