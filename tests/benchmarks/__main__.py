"""``make bench``: every benchmark of this folder, one table.

A module ``bench_*.py`` here has a function ``rows()`` that yields `Row`s.
Names on the command line choose modules: ``make bench ARGS=kernels``.
"""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path

from tests.benchmarks.table import Row, render


def main(names: list[str]) -> int:
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = [stem for stem in found if not names or stem.removeprefix("bench_") in names]
    if not chosen:
        known = ", ".join(s.removeprefix("bench_") for s in found)
        print(f"No benchmark is called {' '.join(names)}; there are {known}.")
        return 2
    rows: list[Row] = []
    for stem in chosen:
        print(f"Measuring {stem.removeprefix('bench_')} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"tests.benchmarks.{stem}").rows()
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    print(render(rows))
    return int(any(row.ok is False for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
