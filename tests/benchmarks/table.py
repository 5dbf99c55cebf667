"""A row of the benchmark table, and how the table is printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement beside what is asked of it.

    ``ok`` is None where nothing could be compared (a peer that cannot be
    installed here, say); ``note`` then says why.
    """

    name: str
    value: float | str
    unit: str
    target: str = ""
    ok: bool | None = None
    note: str = ""


def median_seconds(work: Callable[[], object], repeats: int = 5, warm: int = 1) -> float:
    """Median wall time of ``work()``, after ``warm`` calls that do not count."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def render(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| measured | value | asked | |", "|---|---|---|---|"]
    for row in rows:
        value = row.value if isinstance(row.value, str) else f"{row.value:.3g}"
        verdict = {True: "met", False: "missed", None: ""}[row.ok]
        note = f" {row.note}" if row.note else ""
        lines.append(f"| {row.name} | {value} {row.unit} | {row.target} | {verdict}{note} |")
    return "\n".join(lines)
