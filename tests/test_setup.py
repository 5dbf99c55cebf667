"""The set-up says one thing in all its files."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirement(line: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", line).groups()
    return name.lower().replace("_", "-"), bound


def test_conda_and_pip_name_the_same_packages():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    conda = dict(map(requirement, lines))
    assert conda.pop("python") == PROJECT["project"]["requires-python"]
    assert "pip" in conda and conda.pop("pip") == ""
    extras = PROJECT["project"]["optional-dependencies"]
    assert conda == dict(map(requirement, PROJECT["project"]["dependencies"] + extras["lab"]))


def test_conda_installs_the_project_itself():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"pip": ["-e ."]} in environment["dependencies"]


def test_constraints_pin_every_dependency_and_hold_no_address():
    text = (ROOT / "constraints.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+]+", line) for line in lines)
    pinned = {requirement(line)[0] for line in lines}
    extras = PROJECT["project"]["optional-dependencies"]
    needed = PROJECT["project"]["dependencies"] + extras["test"] + extras["lab"]
    assert {requirement(line)[0] for line in needed} <= pinned


def test_every_package_is_listed_and_mapped():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("tpcore/**/__init__.py")}
    app = {".".join(("tpapp", *p.parent.relative_to(ROOT / "app").parts)) for p in ROOT.glob("app/**/__init__.py")}
    assert listed == found | app
    mapped = PROJECT["tool"]["setuptools"]["package-dir"]
    assert mapped == {name: name.replace("tpapp", "app", 1).replace(".", "/") for name in app}


def test_the_top_level_is_the_house():
    allowed = {
        "environment.yml", "app", "tpcore", "notebooks", "assets", "tests", "README.md", "pyproject.toml",
        "constraints.txt", "Makefile", "LICENSE", ".gitignore", ".ci",
    }  # fmt: skip
    made = {".git", ".venv", ".cache", ".pytest_cache", "build", "dist", "tpcore.egg-info", "__pycache__"}
    assert {p.name for p in ROOT.iterdir()} - made == allowed


def test_jupyterlab_opens_for_whoever_asks_for_it(tmp_path):
    """Root too, as in most containers: JupyterLab refuses that unless it is told."""
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "python"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    for made in (stand_in, tmp_path / ".lab"):  # as new as it gets: nothing is to be installed
        made.touch()
    said = subprocess.run(["make", "--silent", "lab", f"VENV={tmp_path}", "ARGS=--no-browser"], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout.split()
    assert said[:4] == ["-m", "jupyterlab", "--notebook-dir", "notebooks"] and said[-1] == "--no-browser"
    assert ("--allow-root" in said) == (os.geteuid() == 0)


def test_ci_calls_the_readmes_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "make test" in readme and "make app" in readme


def test_no_machine_or_registry_is_named():
    banned = re.compile(r"(/root/|/work/|/tmp/|/home/\w+/|pypi\.org|files\.pythonhosted|registry\.npmjs|"
                        r"conda\.anaconda)")  # fmt: skip
    tracked = [p for d in ("app", "tpcore", "notebooks", "tests", ".ci") for p in (ROOT / d).rglob("*")]
    texts = [p for p in (*tracked, ROOT / "README.md", ROOT / "Makefile", ROOT / "constraints.txt") if p.is_file()]
    kinds = {".py", ".md", ".ipynb", ".txt", ".yml", ".toml", ".js", ".css", ".html", ""}
    for path in texts:
        if path.suffix in kinds and path != Path(__file__).resolve() and "node_modules" not in path.parts:
            hit = banned.search(path.read_text(errors="ignore"))
            assert hit is None, f"{path.relative_to(ROOT)}: {hit.group()}"
