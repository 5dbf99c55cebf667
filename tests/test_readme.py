"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_code_runs_as_shown():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["lim"].cov("y") == pytest.approx(1.0)
    tp, prog = names["tp"], names["prog"]
    assert tp.limit(prog).corr("z", "x") == pytest.approx(0.5**0.5) and tp.limit(tp.untie(prog)).corr("z", "x") == 0
    assert names["K"].shape == (20, 20) and names["Kn"].shape == (20, 20, 20)


def test_every_file_it_names_exists():
    paths = re.findall(r"`((?:app|tpcore|tests|notebooks|assets)/[\w/.]+)`", README)
    paths += re.findall(r"\]\(([\w/.]+)\)", README)
    assert len(paths) > 10
    assert [path for path in paths if "<" not in path and not (ROOT / path).exists()] == []


def test_every_command_it_names_is_a_target():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target
