"""Imports point one way: the house's order, read from the source of every module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What each part may import from tpcore, itself aside. Everything may import the ground.
GROUND = {"errors", "checks", "compute"}
PARTS = {
    "errors": set(),
    "compute": {"errors"},
    "checks": {"errors"},
    "jitted": set(),
    "activations": {"jitted"},
    "program": {"activations"},
    "limit": {"program", "activations", "jitted"},
    "finite": {"program", "activations", "jitted"},
    "nets": {"program", "activations", "limit", "finite", "jitted"},
    "gallery": {"program", "activations"},
    "abc": set(),
    "agreement": {"limit", "finite", "program"},
    "train": {"program", "activations", "abc", "limit", "finite", "kernels", "nets", "data", "spectra", "jitted"},
    "data": set(),
    "sums": set(),
    "kernels": {"nets", "agreement", "limit", "finite", "program", "activations", "jitted", "data"},
    "spectra": {"nets", "agreement", "limit", "finite", "program", "activations", "jitted"},
}
MODULES = sorted(p for p in (ROOT / "tpcore").rglob("*.py") if p.parent != ROOT / "tpcore" or p.name != "__init__.py")


def imported(path: Path) -> set[str]:
    """Dotted names that the module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            # ``from tpcore import checks`` imports the part, not the front door.
            names |= within if node.module == "tpcore" and all(map(_is_part, within)) else within | {node.module}
    return names


def _is_part(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def part(dotted: str) -> str | None:
    bits = dotted.split(".")
    return bits[1] if bits[0] == "tpcore" and len(bits) > 1 else None


def forbidden(own: str, names: set[str]) -> set[str]:
    """The parts among `names` that `own` must not import."""
    allowed = PARTS[own] | {own} | (GROUND if own not in GROUND and own != "jitted" else set())
    return {part(name) for name in names} - allowed - {None}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_arrow_points_back(path):
    own = path.relative_to(ROOT / "tpcore").parts[0].removesuffix(".py")
    assert own in PARTS, f"{own} has no place in the house: say in PARTS what it may import"
    names = imported(path)
    assert "tpcore" not in names, "a part imports the front door"
    assert not forbidden(own, names)


def test_a_forbidden_arrow_is_seen():
    assert forbidden("limit", {"tpcore.finite.run", "numpy"}) == {"finite"}
    assert forbidden("program", {"tpcore.limit.expect"}) == {"limit"}
    assert forbidden("jitted", {"tpcore.errors"}) == {"errors"}


def test_numba_lives_in_jitted_alone_behind_one_decorator():
    for path in [*ROOT.glob("tpcore/**/*.py"), *ROOT.glob("app/**/*.py")]:
        names = imported(path)
        uses = any(name == "numba" or name.startswith("numba.") for name in names)
        if path == ROOT / "tpcore/jitted/options.py":
            assert uses
        else:
            assert not uses, f"{path.relative_to(ROOT)} imports Numba"


def test_the_app_computes_in_one_place():
    for path in ROOT.glob("app/**/*.py"):
        relative = path.relative_to(ROOT / "app")
        if relative.parts[0].startswith("compute"):
            continue
        reached = {part(name) for name in imported(path)} - {None}
        assert reached <= {"errors", "compute"}, f"{relative} imports tpcore.{reached}"


def test_plots_know_neither_param_nor_tpcore():
    for path in [*ROOT.glob("app/plots/*.py"), *ROOT.glob("app/plots.py")]:
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & {"param", "tpcore"}, path.name
