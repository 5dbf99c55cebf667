"""Labs driven without a browser: wait for their work, run their snippets."""

from __future__ import annotations

import time

SECONDS = 60


def settled(lab, *, well: bool = False):
    """The state's snapshot once nothing is computed any more; `well`: and nothing was refused."""
    end = time.monotonic() + SECONDS
    while lab.flow.done is not None:
        assert time.monotonic() < end, "still computing"
        time.sleep(0.01)
    assert not (well and lab.flow.failed), lab.flow.failed
    return lab.state.snapshot()


def run(code: str) -> dict:
    """The names that a page's own snippet makes."""
    names: dict = {}
    exec(compile(code, "shown", "exec"), names)  # noqa: S102 - the page's own snippet
    return names
