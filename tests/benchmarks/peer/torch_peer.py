"""PyTorch in an environment of its own: made once under .cache, spoken to line by line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from tests.benchmarks.peer import CACHE, HERE, Unavailable

VERSION = "2.13.0"
INDEX = "https://download.pytorch.org/whl/cpu"


def environment():
    """The peer's Python; installs the CPU build on first use, from the configured index or PyTorch's own."""
    folder = CACHE / f"peer-torch-{VERSION}"
    python, stamp = folder / "bin" / "python", folder / ".installed"
    if stamp.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Installing PyTorch {VERSION} (CPU) into its own environment ...", file=sys.stderr, flush=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "numpy<3"]
    subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True)
    for wanted in ([f"torch=={VERSION}+cpu"], [f"torch=={VERSION}", "--index-url", INDEX]):
        done = subprocess.run(pip + wanted, capture_output=True, text=True)
        if done.returncode == 0:
            stamp.touch()
            return python
    raise Unavailable(done.stderr.strip().splitlines()[-1][:120] if done.stderr.strip() else "no network")


class TorchPeer:
    """A running peer: ``ask(width=.., depth=.., ...)`` gives (seconds, final outputs). Use as a context."""

    def __init__(self):
        env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        self._process = subprocess.Popen(
            [str(environment()), str(HERE / "torch_training.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env,
        )
        if "version" not in json.loads(self._process.stdout.readline() or "{}"):
            self.__exit__()
            raise Unavailable("it does not start")

    def ask(self, **request) -> tuple[list[float], list[float]]:
        """Timed warm."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable("it stopped while computing")
        answer = json.loads(line)
        return answer["seconds"], answer["f"]

    def __enter__(self) -> TorchPeer:
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
