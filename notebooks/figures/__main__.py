"""Write figures 2 and 3: ``make figures``, or ``python -m notebooks.figures --help``.

One page a figure (it needs no network), and a PNG and an SVG of it where Chromium and Playwright are there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import holoviews as hv
import tpcore as tp
from bokeh.embed import file_html
from bokeh.resources import INLINE

from . import draw, measure

FOLDER = Path("build") / "figures"
_READY = "() => window.Bokeh?.documents?.length > 0 && Bokeh.documents.every((d) => d.is_idle)"
_SVG = """() => [...Bokeh.index.roots][0].export("svg").ctx.get_serialized_svg(true)"""


def main() -> None:
    options = _options()
    try:
        text = measure.read(_words(options.words), options.sentences)
        if len(options.sentences) < 2:
            raise tp.errors.Misuse("Figure 2 compares two sentences", "one")
    except tp.errors.Misuse as error:
        raise SystemExit(str(error)) from None
    hv.extension("bokeh", logo=False)
    options.out.mkdir(parents=True, exist_ok=True)
    pages = []
    for name, make in (("figure-2", lambda: _second(text, options)), ("figure-3", lambda: _third(text, options))):
        start = time.perf_counter()
        figure = hv.render(make(), backend="bokeh")
        path = options.out / f"tensor-programs-1-{name}.html"
        page = file_html(figure, INLINE, title=f"Tensor Programs I, {name.replace('-', ' ')}")
        path.write_text(page, encoding="utf-8")
        pages.append(path)
        print(f"{path}  ({time.perf_counter() - start:.0f} s)", flush=True)
    for path in pictures(pages):
        print(path)


def _second(text: measure.Text, options: argparse.Namespace):
    return draw.figure_2(measure.sentences(text, networks=options.networks, draws=options.draws, seed=options.seed))


def _third(text: measure.Text, options: argparse.Namespace):
    rows = measure.ladders(text, networks=options.networks, seed=options.seed)
    for row in rows:
        print(f"{row.name:18s} slope {row.fit.slope:+.3f}, between {row.fit.low:+.3f} and {row.fit.high:+.3f}")
    return draw.figure_3(rows)


def _words(path: Path | None) -> tp.data.Words:
    return tp.data.words() if path is None else tp.data.load_words(path, scale="raw")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m notebooks.figures", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the files (default: %(default)s)")
    parser.add_argument("--networks", type=int, default=100, help="random networks a width (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=100_000, help="dots of figure 2 E (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--words", type=Path, help="word vectors of your own: a GloVe-format .txt, or a .npy")
    parser.add_argument("--sentences", nargs="+", default=list(measure.SENTENCES), help="two, or more")
    return parser.parse_args()


def pictures(pages: list[Path]) -> list[Path]:
    """A PNG (two pixels a point) and an SVG of each page, drawn by a browser; none where there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
        from tests.browser.chromium import FLAGS, find
    except ImportError:
        print("No pictures: they need the extra `test` and the project's folder (make figures has both).")
        return []
    made = []
    with sync_playwright() as playwright:
        where = find(playwright)
        if where is None:
            print("No pictures: no Chromium or Chrome is installed (python -m tests.browser.chromium installs one).")
            return []
        browser = playwright.chromium.launch(executable_path=where, args=FLAGS)
        for path in pages:
            for kind, scale in (("png", 2), ("svg", 1)):  # an SVG has no pixels, and Bokeh would double its figures
                page = browser.new_page(device_scale_factor=scale, viewport={"width": 1240, "height": 800})
                page.goto(path.resolve().as_uri())
                page.wait_for_function(_READY)
                made.append(path.with_suffix(f".{kind}"))
                if kind == "png":
                    page.locator(".bk-GridPlot").screenshot(path=made[-1])
                else:
                    made[-1].write_text(page.evaluate(_SVG), encoding="utf-8")
                page.close()
        browser.close()
    return made


if __name__ == "__main__":
    main()
