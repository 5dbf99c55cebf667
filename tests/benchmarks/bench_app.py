"""The labs in Chromium: slider to repaint, first plot, the widest draw, the server's memory.

A time counts from the key that moves the slider to the second animation frame after the figure's data arrived: the
visitor's whole way, Panel's debounce, the computation and the wire included.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from tests.benchmarks.table import Row
from tests.browser.drive import ROOT, Server, Visit, launched, served

MOVES = 40
WATCH = """figures => {
  window.tpSeen = {};
  window.addEventListener('keydown', event => { window.tpSeen = {}; window.tpPressed = event.timeStamp; }, true);
  for (const model of Bokeh.documents[0]._all_models.values()) {
    if (!figures.includes(model.name) || !model.renderers) continue;
    const seen = () => requestAnimationFrame(() => requestAnimationFrame(() => {
      window.tpSeen[model.name] ??= performance.now();
    }));
    for (const {data_source} of model.renderers) {
      if (!data_source) continue;
      data_source.properties.data.change.connect(seen);
      data_source.patching.connect(seen);
      data_source.streaming.connect(seen);
    }
  }
}"""
LIMIT_SLIDERS = (("kernels", "Weights", "kernel-limit"), ("kernels", "Depth", "kernel-limit"),
                 ("jacobians", "Weights", "singular-values"))  # fmt: skip
WIDTH = "Width"
FINITE_SLIDERS = (("kernels", WIDTH, "kernel-draw"), ("kernels", WIDTH, "outputs"), ("matrices", WIDTH, "spectrum"),
                  ("averages", "Number of terms", "averages-scaled"),
                  ("jacobians&jacobians.width=8", WIDTH, "singular-values"))  # fmt: skip


def quantiles(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile of milliseconds."""
    return statistics.median(times), statistics.quantiles(times, n=20, method="inclusive")[-1]


def focus(visit: Visit, slider: str) -> None:
    visit.page.locator(f"[role=slider][aria-label^='{slider}'] >> visible=true").first.focus(timeout=20_000)


def press(visit: Visit, key: str, figure: str) -> float:
    """Milliseconds from a key to the repaint of `figure`."""
    visit.page.keyboard.press(key)
    visit.until("figure => window.tpSeen[figure] !== undefined", figure, timeout=60_000)
    return visit.page.evaluate("figure => window.tpSeen[figure] - window.tpPressed", figure)


def settle(visit: Visit) -> None:
    """Wait until nothing is computed any more."""
    visit.page.wait_for_timeout(150)
    visit.button("Cancel").wait_for(state="hidden", timeout=60_000)


def sweep(visit: Visit, slider: str, figure: str, wait: int = 400) -> tuple[float, float]:
    """Median and p95 over `MOVES` moves, five up and five down in turn."""
    visit.page.evaluate(WATCH, [figure])
    focus(visit, slider)
    times = []
    for move in range(MOVES + 4):
        times.append(press(visit, "ArrowRight" if move // 5 % 2 == 0 else "ArrowLeft", figure))
        visit.page.wait_for_timeout(wait)
    return quantiles(times[4:])


def repaints(server: Server, browser) -> Iterator[Row]:
    for sliders, asked, what in ((LIMIT_SLIDERS, 100, "limit"), (FINITE_SLIDERS, 150, "finite")):
        for lab, slider, figure in sliders:
            visit = Visit(browser)
            visit.open(f"{server.url}?page={lab}")
            settle(visit)
            visit.page.wait_for_timeout(3000)
            median, high = sweep(visit, slider, figure)
            visit.end()
            name = f"{lab.partition('&')[0]}: slider “{slider}” to repaint of {figure} ({what})"
            yield Row(name, f"{median:.0f} / {high:.0f}", "ms median / p95", f"p95 <= {asked} ms", high <= asked)


def first_plots(server: Server, browser) -> Iterator[Row]:
    for lab in ("kernels", "matrices", "averages", "jacobians"):
        times = []
        for _ in range(5):
            visit = Visit(browser)
            start = time.perf_counter()
            visit.page.goto(f"{server.url}?page={lab}")
            visit.page.wait_for_selector("canvas", timeout=60_000)
            times.append(time.perf_counter() - start)
            settle(visit)  # the next visitor finds an idle server
            visit.end()
        middle = statistics.median(times)
        yield Row(f"{lab}: first plot, warm server, empty browser cache", middle, "s", "<= 2 s", middle <= 2.0)


def widest(server: Server, browser) -> Iterator[Row]:
    """Each time another seed: the result is in no cache."""
    times = []
    for seed in range(1, 6):
        visit = Visit(browser)
        visit.open(f"{server.url}?page=kernels&kernels.seed={seed}&kernels.width=inf")
        settle(visit)
        visit.page.evaluate(WATCH, ["kernel-draw"])
        focus(visit, WIDTH)
        times.append(press(visit, "ArrowLeft", "kernel-draw") / 1000)
        visit.end()
    middle = statistics.median(times)
    yield Row("kernels: a draw at n = 1,000,000, release to repaint", middle, "s", "<= 1.5 s", middle <= 1.5)


def rows() -> list[Row]:
    """The table's rows; a complaint of a page or a request that leaves the machine raises."""
    with launched() as browser, served(ROOT / "app") as server:
        if browser is None:
            return [Row("the labs in Chromium", "-", "", note="no browser here")]
        found = [*first_plots(server, browser), *repaints(server, browser), *widest(server, browser)]
        peak = server.peak_bytes() / 2**30
        return [*found, Row("peak memory of the server after all that", peak, "GiB", "< 2 GiB", peak < 2.0),
                Row("requests to other hosts, console errors", 0, "", "0", True)]
