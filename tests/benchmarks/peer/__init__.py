"""A peer in an environment of its own: made once under .cache, spoken to line by line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent.parent / ".cache"
PACKAGES = ["jax==0.4.30", "jaxlib==0.4.30", "numpy<2", "scipy<1.13", "frozendict", "typing_extensions"]
WITHOUT_DEPENDENCIES = ["neural-tangents==0.6.5"]  # it names TensorFlow, which these kernels never touch


class Unavailable(Exception):
    """The peer cannot be installed or run here; the message says why."""


def interpreter() -> str:
    """A Python from 3.9 to 3.12, the newest versions that jaxlib 0.4.30 knows."""
    names = [sys.executable, *(found for v in (12, 11, 10, 9) if (found := shutil.which(f"python3.{v}")))]
    for name in names:
        test = "import sys, venv; sys.exit(not (3, 9) <= sys.version_info < (3, 13))"
        if subprocess.run([name, "-c", test], capture_output=True).returncode == 0:
            return name
    raise Unavailable("needs Python 3.9 to 3.12")


def environment() -> Path:
    """The peer's Python; installs it on first use."""
    folder = CACHE / "peer-neural-tangents-0.6.5"
    python, stamp = folder / "bin" / "python", folder / ".installed"
    if stamp.exists():
        return python
    base = interpreter()
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    print("Installing neural-tangents 0.6.5 into its own environment ...", file=sys.stderr, flush=True)
    for command in ([base, "-m", "venv", str(folder)], pip + PACKAGES, [*pip, "--no-deps", *WITHOUT_DEPENDENCIES]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(done.stderr.strip().splitlines()[-1][:120] if done.stderr.strip() else "no network")
    stamp.touch()
    return python


class Peer:
    """A running peer: ``ask(kind=..., phi=..., get=[..], ...)`` gives (seconds, kernels). Use as a context."""

    def __init__(self, X: np.ndarray):
        python = environment()
        CACHE.mkdir(exist_ok=True)
        self._inputs, self._answer = CACHE / "peer-inputs.npy", CACHE / "peer-answer.npz"
        np.save(self._inputs, X)
        self._process = subprocess.Popen(
            [str(python), str(HERE / "networks.py"), str(self._inputs), str(self._answer)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")},
        )
        if json.loads(self._process.stdout.readline() or "{}").get("inputs") != "float64":
            self.__exit__()
            raise Unavailable("it does not start")

    def ask(self, **request) -> tuple[list[float], list[np.ndarray]]:
        """Timed warm; the kernels that ``get`` names only if ``arrays=True``, else none."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable("it stopped while computing")
        if not request.get("arrays"):
            return json.loads(line)["seconds"], []
        with np.load(self._answer) as answer:
            return json.loads(line)["seconds"], [answer[name] for name in request["get"]]

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for path in (self._inputs, self._answer):
            path.unlink(missing_ok=True)
