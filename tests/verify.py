"""``make verify``: the tests marked `verify`, and their table in tests/verify.md."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import pytest

TABLE = Path(__file__).resolve().parent / "verify.md"


def write(rows: list[list], seconds: float) -> None:
    """Write the table of measured against expected."""
    lines = [
        "# The long ladders",
        "",
        f"Made by `make verify` in {seconds / 60:.1f} minutes "
        f"(Python {platform.python_version()}, {platform.machine()}).",
        "",
        "| claim | measured | expected | |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {got} | {want} | {'holds' if ok else 'FAILS'} |" for name, got, want, ok, _ in rows]
    TABLE.write_text("\n".join(lines) + "\n")


def main(arguments: list[str]) -> int:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.touch()
        os.environ["VERIFY_ROWS"] = str(path)
        code = int(pytest.main(["-m", "verify", *arguments]))
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    if rows and not arguments:
        write(rows, time.perf_counter() - start)
        print(TABLE.read_text())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
