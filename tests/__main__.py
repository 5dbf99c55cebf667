"""Every test: those of the core and the pages on all cores, then the browser's, each core with a server of its own.

``python -m tests [pytest arguments]``, which is ``make test ARGS=...``.
"""

from __future__ import annotations

import os
import subprocess
import sys

NOTHING = 5  # pytest's exit code where no test was chosen
PARTS = (
    ["-m", "not verify and not browser", "--numprocesses=auto", "--dist=worksteal"],
    ["-m", "browser and not verify", "--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal"],
)


def main(arguments: list[str]) -> int:
    """Run both parts; 0 where all chosen tests passed, and some were chosen."""
    environment = {"OMP_NUM_THREADS": "1"} | dict(os.environ)  # the cores are taken: BLAS need not share them again
    commands = [[sys.executable, "-m", "pytest", *part, *arguments] for part in PARTS]
    codes = [subprocess.call(command, env=environment) for command in commands]
    failed = [code for code in codes if code not in (0, NOTHING)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
