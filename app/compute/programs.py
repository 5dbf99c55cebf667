"""Programs at finite width: coordinates of a draw, averages over draws, errors against width; refusals in words."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

import tpcore as tp
from tpapp.compute.ladder import deviation, silent
from tpapp.compute.programs_build import in_words
from tpapp.compute.programs_law import law, moments, cross
from tpapp.compute.programs_listing import Compiled, compiled
from tpapp.compute.programs_results import Average, Averages, Coordinates, Ladder, Line, Measured
from tpapp.results import Deviation
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError, Misuse
from tpcore.finite import budget
from tpcore.finite.ensemble import ensemble_chunks
from tpcore.finite.run import make_plan

MEMORY = 2**30  # what one draw may take
SECONDS, TABLE_SECONDS, LADDER_SECONDS = 20.0, 3.0, 8.0
OVERHEAD = 6e-5  # seconds an instruction, besides arithmetic
LOADED = 4.0  # arithmetic on a busy machine, times its estimate
WHOLE = 2**22  # numbers of a draw that is kept with all its vectors
RUNS = 2**24  # numbers in all draws that are kept
LADDER = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
LADDER_DRAWS = 40
QUICK_SECONDS = 0.012
_runs: OrderedDict = OrderedDict()
_lock = threading.Lock()


@lru_cache(maxsize=256)
def _columns(made: Compiled) -> int:
    """Vectors of length n in all."""
    return sum(int(np.prod(node.shape)) * max(1, round(node.dim)) for node in made.prog.nodes if node.kind in "GH")


def _kept(made: Compiled, width: int, views: tuple[str, ...]) -> tuple[int, ...]:
    """The vectors of a draw that are kept: all of them while that is cheap, so that stepping draws nothing anew."""
    if _columns(made) * width <= WHOLE:
        return tuple(node.index for node in made.prog.nodes if node.kind in "GH")
    return tuple(sorted({made.places[view][0] for view in views}))


@lru_cache(maxsize=512)
def _plan(source: str, width: int, kept: tuple[int, ...]):
    made = compiled(source)
    with in_words():
        return make_plan(made.prog, width, keep=frozenset(kept), budget=float("inf"))


def seconds(source: str, width: int, views: tuple[str, ...] = ()) -> float:
    """About how long one draw takes."""
    made = compiled(source)
    plan = _plan(source, width, _kept(made, width, views))
    return LOADED * budget.seconds(plan, width) + OVERHEAD * len(made.prog.nodes)


def check(source: str, width: int, views: tuple[str, ...] = ()) -> None:
    """Refuse what needs more memory or time than one page may take, with the width that fits."""
    if not _fits(source, width, views):
        low, high = 1, width
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _fits(source, middle, views) else (low, middle)
        must = f"A draw of this program must fit into {MEMORY / 2**30:g} GiB of memory and {SECONDS:.0f} seconds"
        raise BudgetError(must, f"n = {width:,}", f"At most n = {low:,} fits", fits=low)


def _fits(source: str, width: int, views: tuple[str, ...]) -> bool:
    plan = _plan(source, width, _kept(compiled(source), width, views))
    return budget.need(plan, width) <= MEMORY and seconds(source, width, views) <= SECONDS


def quick(source: str, width: int, views: tuple[str, ...]) -> bool:
    """Whether the coordinates are at hand or take a few milliseconds."""
    made = compiled(source)
    return seconds(source, width, views) <= QUICK_SECONDS and _columns(made) * width <= WHOLE


def coordinates(source: str, width: int, seed: int, views: tuple[str, ...],
                progress: Progress | None = None) -> Coordinates:  # fmt: skip
    """The coordinates of one or two views in the draw ``tp.run(prog, width, seed)``."""
    check(source, width, views)
    made = compiled(source)
    kept = _kept(made, width, views)
    run = _run(source, width, seed, kept, progress)
    found = []
    for view in views:
        index, column = made.places[view]
        found.append(run[index].reshape(len(run[index]), -1)[:, column or 0])
    y = found[1] if len(found) > 1 else None
    return Coordinates(width, found[0], y, run.method, run.seconds)


def _run(source: str, width: int, seed: int, kept: tuple[int, ...], progress: Progress | None):
    key = source, width, seed, kept
    with _lock:
        if key in _runs:
            _runs.move_to_end(key)
            return _runs[key]
    with in_words():
        run = tp.run(compiled(source).prog, width, seed, keep=list(kept), budget=float(MEMORY), progress=progress)
    with _lock:
        _runs[key] = run
        while len(_runs) > 1 and sum(sum(v.size for v in each.vectors.values()) for each in _runs.values()) > RUNS:
            _runs.popitem(last=False)
    return run


# -- averages over coordinates ---------------------------------------------------------------------------------


def averages_of(source: str, x: str, y: str | None) -> tuple[Average, ...]:
    """What the table shows: both views' moments, their correlation, and the program's first scalars."""
    made = compiled(source).listing
    views = [view for view in dict.fromkeys((x, y)) if view and not _readout(made.line_of(view))]
    found = [Average(kind, (view,)) for view in views for kind in ("mean", "variance")]
    if len(views) == 2:
        found.append(Average("correlation", tuple(views)))
    found += [Average("scalar", (name,)) for name in made.scalars[: 7 - len(found)]]
    return tuple(found)


def _readout(line: Line | None) -> bool:
    return line is None or line.readout


def _measuring(source: str, views: tuple[str, ...]):
    """A copy of the program that also averages products of the views, and the names of these averages."""
    made = compiled(source)
    prog, names = made.prog.copy(), {}
    found = {}
    for view in views:
        index, column = made.places[view]
        block = prog.var(index)
        found[view] = block if column is None else block.reshape(-1)[column]
        name = f"mean.{len(found)}"
        prog.name(_free(prog, name), tp.moment(found[view]))
        names[view,] = name
    pairs = [(a, b) for i, a in enumerate(views) for b in views[i:]]
    for a, b in pairs:
        if _same_length(made, a, b):
            name = f"inner.{len(names)}"
            prog.name(_free(prog, name), tp.inner(found[a], found[b]))
            names[a, b] = name
    return prog, names


def _free(prog, name: str) -> str:
    if prog.taken(name):
        raise Misuse("The program's names must leave room for the page's averages", name)
    return name


def _same_length(made: Compiled, a: str, b: str) -> bool:
    return made.prog.nodes[made.places[a][0]].dim == made.prog.nodes[made.places[b][0]].dim


def draws_that_fit(source: str, width: int, asked: int, limit: float = TABLE_SECONDS) -> int:
    """As many draws as were asked for and fit into the time of a table."""
    return max(1, min(asked, int(limit / seconds(source, width))))


def averages(source: str, wanted: tuple[Average, ...], width: int, draws: int, seed: int,
             progress: Progress | None = None) -> Iterator[Averages]:  # fmt: skip
    """The averages over coordinates of a growing number of draws."""
    check(source, width)
    views = tuple(dict.fromkeys(view for average in wanted if average.kind != "scalar" for view in average.views))
    with in_words():
        prog, names = _measuring(source, views)
        scalars = [average.views[0] for average in wanted if average.kind == "scalar"]
        keep = [*names.values(), *scalars]
        for chunk in ensemble_chunks(prog, width, draws, seed, progress, keep=keep, budget=float(MEMORY)):
            rows = tuple(_measured(average, chunk, names) for average in wanted)
            yield Averages(width, chunk.draws, draws, rows, chunk.method)


def _measured(average: Average, chunk, names: dict) -> Measured:
    if average.kind == "scalar":
        values = chunk.values(average.views[0])
    elif average.kind == "mean":
        values = chunk.values(names[average.views])
    else:
        first, *rest = average.views
        other = rest[0] if rest else first
        if (first, other) not in names:
            return Measured(average, float("nan"))
        values = _cov(chunk, names, first, other)
        if rest:
            scale = np.sqrt(_cov(chunk, names, first, first) * _cov(chunk, names, other, other))
            values = np.divide(values, scale, out=np.full(len(values), np.nan), where=scale > 0)
    values = values[np.isfinite(values)]  # a constant vector has no correlation
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return Measured(average, float(np.mean(values)) if len(values) else float("nan"), spread)


def _cov(chunk, names: dict, a: str, b: str) -> np.ndarray:
    return chunk.values(names[a, b]) - chunk.values(names[a,]) * chunk.values(names[b,])


# -- errors against width --------------------------------------------------------------------------------------


def ladder(source: str, views: tuple[str, ...]) -> tuple[tuple[int, ...], int]:
    """The widths and the draws of the errors, as many as their time allows."""
    if any(_readout(compiled(source).listing.line_of(view)) for view in views):
        return (), 0
    cost = {n: seconds(source, n) for n in LADDER}
    widths = [n for n in LADDER if cost[n] <= LADDER_SECONDS / 12]
    draws = int(min(LADDER_DRAWS, LADDER_SECONDS / max(sum(cost[n] for n in widths), 1e-9)))
    return tuple(widths), draws


def errors(source: str, views: tuple[str, ...], widths: tuple[int, ...], draws: int, seed: int,
           progress: Progress | None = None) -> Iterator[Deviation]:  # fmt: skip
    """||M_n - M|| / ||M||, M the second moments of the views (E Z^x Z^y), one width more at each step."""
    progress = progress or Progress()
    progress.start(len(widths))
    law(source, progress=progress)
    with in_words():
        prog, names = _measuring(source, views)
    pairs = [pair for pair in names if len(pair) == 2]
    limit = np.array([_second(source, *pair) for pair in pairs])
    if not np.abs(limit).max(initial=0.0) > 1e-12:
        raise Misuse("A relative error needs a limit that is not zero", "second moments that vanish",
                     "Look at another variable")
    seen: list[np.ndarray] = []
    for n in widths:
        with in_words():
            root, keep = np.random.SeedSequence([seed, n]), list(names.values())
            *_, whole = ensemble_chunks(prog, n, draws, root, silent(progress), keep=keep)
        found = np.stack([whole.values(names[pair]) for pair in pairs], axis=1)
        seen.append(np.linalg.norm(found - limit, axis=1) / np.linalg.norm(limit))
        progress.tick()
        yield deviation(Ladder(widths, draws), seen)


def _second(source: str, a: str, b: str) -> float:
    mean = moments(source, a).mean * moments(source, b).mean
    return mean + (moments(source, a).variance if a == b else cross(source, a, b))


# -- code ------------------------------------------------------------------------------------------------------


def code(source: str, views: tuple[str, ...], width: int | None, seed: int) -> str:
    """A snippet that writes the program, takes its limit and draws it once, as the figures show it."""
    made = compiled(source)
    written = made.listing.code
    whole = [view for view in views if made.places[view][1] is None]
    names = ", ".join(f'"{view}"' for view in whole)
    lines = [*(["import numpy as np"] if any("np." in line for line in written) else []), "import tpcore as tp", ""]
    lines += [*written, "print(prog)", "", "lim = tp.limit(prog)"]
    lines += [f"for v in [{names}]:", "    print(v, lim.mean(v), lim.cov(v))"]
    if len(whole) == 2 and _same_length(made, *whole):
        lines.append(f"print(lim.cov({names}))")
    if width is not None:
        lines += ["", f"n = {width}", f"run = tp.run(prog, width=n, seed={seed})"]
        lines += [f"for v in [{names}]:", "    print(v, run[v].mean(), run[v].var())"]
    return "\n".join(lines) + "\n"
