"""What all tests share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "reference"
LONGEST = ("tests/notebooks/test_jupyterlab.py", "tests/notebooks/test_notebooks.py")


def missing(what: str) -> None:
    """Something the browser tests need is not there: a failure under CI, else a skip."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture
def reference():
    """Load a file of independent reference values by name; skip where they are not at hand."""
    import numpy as np

    def load(name: str):
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"reference values {name} are not at hand; the key numbers are tested elsewhere in this file")
        return np.load(path)

    return load


def pytest_collection_modifyitems(items):
    """What takes longest comes first, and together: one worker begins it, and nobody waits for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture
def verify_table(request):
    """``verify_table(name, measured, expected, ok)``: one line of tests/verify.md, and an assertion."""

    def add(name: str, measured: str, expected: str, ok: bool) -> None:
        path = os.environ.get("VERIFY_ROWS")
        if path:
            with open(path, "a") as file:
                file.write(json.dumps([name, measured, expected, bool(ok), request.node.nodeid]) + "\n")
        assert ok, f"{name}: measured {measured}, expected {expected}"

    return add


@pytest.fixture(scope="session")
def browser():
    """An installed Chromium or Chrome with one profile for all; without one, a failure under CI, else a skip."""
    from tests.browser.drive import profile

    with profile() as found:
        if found is None:
            missing("no Chromium or Chrome is installed; python -m tests.browser.chromium installs one")
        yield found
