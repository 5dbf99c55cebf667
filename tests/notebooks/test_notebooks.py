"""The lectures as committed: no outputs, no machine in them; each runs to its end, quietly, in under a minute."""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from tests.notebooks.conftest import NOTEBOOKS

LECTURES = sorted(NOTEBOOKS.glob("*.ipynb"))
SECONDS = 45
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# What Jupyter itself says on stderr, whatever the notebook.
NOT_OURS = re.compile(r"IPKernelApp|Debugger warning|frozen modules|PYDEVD|to python to disable")


def load(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed(path):
    """(the notebook with outputs, seconds of computing that it took: a busy computer does not count)."""
    notebook = load(path)
    notebook.cells.append(nbformat.v4.new_code_cell("import time; print(time.process_time())"))
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    options = {"timeout": 3 * SECONDS, "kernel_name": "python3", "resources": resources, "allow_errors": True}
    NotebookClient(notebook, **options).execute()
    return notebook, float(notebook.cells.pop().outputs[0].text)


def test_the_lectures():
    stems = [path.stem for path in LECTURES]
    assert stems[:4] == [
        "01_wide_networks_are_gaussian", "02_semicircle", "03_master_theorem", "04_any_architecture_is_a_gp",
    ]  # fmt: skip
    assert {"05_sums_and_matrices", "06_jacobians", "07_feature_learning"} <= set(stems)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_committed_without_outputs_and_machine(path):
    notebook = load(path)
    nbformat.validate(notebook)
    assert notebook.metadata == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in code(notebook):
        assert cell.outputs == [] and cell.execution_count is None, cell.id
    for cell in notebook.cells:
        assert cell.metadata == {} and cell.source.strip(), cell.id
        assert re.fullmatch(r"[a-z0-9-]+", cell.id), "cells have names of their own, so that a change is a small change"


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lecture_has_its_parts(path):
    notebook = load(path)
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    source = "\n".join(cell.source for cell in code(notebook))
    assert "**Theorem**" in words or "**Master Theorem**" in words
    assert "**Sources.**" in words and "arXiv" in words
    number = path.stem[1]
    exercises = re.findall(r'check\("(\d)\.(\d)", ', source)
    assert exercises == [(number, str(i + 1)) for i in range(len(exercises))] and 4 <= len(exercises) <= 6
    assert re.findall(r"### Exercise (\d)\.(\d)", words) == exercises
    assert "matplotlib" not in source and re.search(r"\nfrom tpapp import \w+Lab\n\n\w+Lab\(", "\n" + source)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_runs_to_its_end_and_holds_what_it_claims(path):
    """One test a lecture: it takes long to run, and its parts may else run it on every core."""
    notebook, seconds = executed(path)
    no_complaint(notebook)
    assert seconds < SECONDS, f"{seconds:.0f} s"
    all_is_shown(notebook)
    claims(notebook)


def no_complaint(notebook):
    """No cell failed or wrote to stderr."""
    for cell in code(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", f"{cell.id}: {output.get('ename')}: {output.get('evalue')}"
            if output.output_type == "stream" and output.name == "stderr":
                ours = [line for line in output.text.splitlines() if line.strip() and not NOT_OURS.search(line)]
                assert not ours, f"{cell.id}: {ours}"


def all_is_shown(notebook):
    """Unanswered exercises say so, figures and labs show, tables have lines."""
    for cell in code(notebook):
        if "check(" in cell.source and "import" not in cell.source:
            assert cell.outputs[-1].data["text/plain"] == "… Not answered yet.", cell.id
        if cell.id.endswith("-figure") or cell.id.endswith("lab-cell"):
            assert "application/vnd.holoviews_exec.v0+json" in cell.outputs[-1].data, cell.id
        if cell.id.endswith("-table"):
            assert "".join(o.text for o in cell.outputs if o.output_type == "stream").count("\n") >= 4, cell.id


def numbers(notebook, cell_id):
    """The lines of numbers that a table's cell printed."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    found = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
    return [[float(word.replace(",", "")) for word in found.findall(line)] for line in text.splitlines()]


def claims(notebook):
    """What the lecture says of its numbers is true of those that it printed."""
    ids = {cell.id for cell in notebook.cells}
    if "layer-table" in ids:
        rows = [row for row in numbers(notebook, "layer-table") if len(row) == 5]
        assert all(abs(row[2]) < 4 for row in rows), "the variance is the limit's at every width"
        assert rows[0][3] > 4 and abs(rows[-1][3] - 3) < 4 * rows[-1][4], "the tails are Gaussian only at the end"
        slope, low, high, _ = numbers(notebook, "rate-table")[-1]
        assert low < -0.5 < high and abs(slope + 0.5) < 0.06
        assert numbers(notebook, "dial-million")[-1][:2][0] == 1e6 and numbers(notebook, "dial-million")[-1][1] < 0.01
    elif "million-table" in ids:
        program, trace = (row[:3] for row in numbers(notebook, "rate-table")[-2:])
        assert program[1] < -0.5 < program[2] and trace[1] < -1.0 < trace[2] + 0.02
        million = numbers(notebook, "million-table")[-1]
        assert million[0] == 1e6 and million[2] < 10 < million[3]
        assert all(abs(row[-1]) < 4 for row in numbers(notebook, "program-table")[1:])
    elif "between-table" in ids:
        spread = [row[-1] for row in numbers(notebook, "mean-table")[1:6]]
        assert np.allclose(spread, (35 / 12) ** 0.5, rtol=4 / 20_000**0.5)
        slopes = [row[-3:] for row in numbers(notebook, "bell-table")[1:]]
        assert np.allclose([row[0] for row in slopes], [-0.5] * 4 + [-1.0], atol=0.005)
        total = numbers(notebook, "blocks-table")[-1]
        assert total[0] == 41 and total[1] == total[2] > total[3] == 15
        genus = numbers(notebook, "genus-table")[1:]
        assert [row[2] for row in genus] == [row[5] for row in genus] and all(sum(row[2:5]) == row[1] for row in genus)
        between = numbers(notebook, "between-table")[1:]
        assert all(row[1] == row[6] and abs(row[5] / row[7] - 1) < 1e-3 and row[8] < 4 for row in between)
        for row in numbers(notebook, "program-table")[1:]:
            assert row[1] == row[2] and row[5] == row[6] and abs(row[4]) < 4 and abs(row[8]) < 4
        halves = [row[-4:] for row in numbers(notebook, "failure-table")[2:]]
        assert np.allclose(halves[3], 1.0, atol=0.05) and np.allclose(halves[4][1:], 0.1, atol=1e-3)
        assert halves[2][3] / halves[2][2] == pytest.approx(100 ** (-1 / 3), rel=0.1) and halves[0][3] < 0.001
    elif "isometry-table" in ids:
        for row in numbers(notebook, "gradients-table")[1:4]:
            assert all(abs(mean - chi) < 4 * error for chi, mean, error in zip(row[3::3], row[4::3], row[5::3]))
        words = [row for row in numbers(notebook, "free-table") if len(row) == 6]
        assert len(words) == 6 and all(abs(mean - row[0]) < 3.5 * error for row in words for mean, error in [row[4:]])
        alternate = [words[k][1] > 1.3 * words[k][0] and words[k][4] < 0.9 * words[k][1] for k in (3, 5)]
        assert all(alternate), "they alternate"
        laws = [row for row in numbers(notebook, "law-table") if len(row) == 7]
        assert len(laws) == 2
        for formula, law, mean, error, edge, largest, gap in laws:
            assert abs(law - formula) < 1e-3 and abs(mean - law) < 4 * error + 0.01 * law
            assert abs(largest / edge - 1) < 0.1 and gap < 0.02
        spread = [row[3] for row in numbers(notebook, "isometry-table")[1:]]
        assert spread[:4] == sorted(spread[:4], reverse=True)
        assert spread[3] < 0.1 and spread[4] == pytest.approx(16, rel=1e-3)
        slope, low, high, _ = next(row for row in numbers(notebook, "wide-table") if len(row) == 4)
        assert low - 0.02 < -0.5 < high + 0.02 and abs(slope + 0.5) < 0.1
        apart = [row[-2:] for row in numbers(notebook, "sparse-table")[1:]]
        assert all(abs(x) < 4 * error + 0.01 for x, error in apart[:2]) and apart[2][0] > 5 * apart[2][1] > 0
    elif "parity-table" in ids:
        slopes = [row for row in numbers(notebook, "slopes-table") if len(row) >= 5]
        assert len(slopes) == 10 and {row[-4] for row in slopes} == {0.0, -0.2, -0.5, -1.5}
        for *_, predicted, slope, low, high in slopes:
            assert low - 0.02 < predicted < high + 0.02 and abs(slope - predicted) < 0.05
        _, slope, low, high, _ = numbers(notebook, "limits-table")[-1]
        assert low < -0.5 < high and abs(slope + 0.5) < 0.06
        moved = [row[2:] for row in numbers(notebook, "limits-table") if len(row) == 4 and row[0] >= 64]
        limit = numbers(notebook, "limits-table")[2][-1]
        assert moved[-1][0] < 0.03 * moved[0][0] and abs(moved[-1][1] / limit - 1) < 0.01
        errors = numbers(notebook, "parity-table")[1:]
        assert [row[0] for row in errors] == [20, 40, 80, 160]
        assert errors[-1][1] > 10 and errors[-1][3] < 1 and errors[-1][5] > 20 and errors[-1][6] < 2
        counts = [row[0] for row in numbers(notebook, "phases-table")]
        assert sum(counts) == 9**4 and counts == sorted(counts, reverse=True)
    elif "slopes-table" in ids:
        slopes = [row for row in numbers(notebook, "slopes-table") if len(row) == 5]
        assert len(slopes) == 4, "RNN, GRU, transformer, batchnorm"
        for slope, low, high, first, last in slopes:
            assert low < slope < high and abs(slope + 0.5) < 0.06 and low < -0.45 and high > -0.55
            assert 9 < first / last < 27, "sixteen times smaller at 256 times the width"
        zoo = [row for row in numbers(notebook, "architectures-table") if len(row) == 4]
        assert len(zoo) == 8 and all(row[3] < 4.5 for row in zoo)
        context = [row for row in numbers(notebook, "context-table") if len(row) == 2][:2]
        assert context[0][0] < context[0][1] and context[1][0] == 1 > context[1][1]
    else:
        slope, low, high, _ = numbers(notebook, "own-rate-table")[-1]
        assert low < -0.5 < high and abs(slope + 0.5) < 0.06
        rows = [row for row in numbers(notebook, "own-rate-table") if len(row) == 6]
        assert [row[0] for row in rows] == [64, 256, 1024, 4096, 16384] and all(abs(row[3]) < 4 for row in rows)
        averages = np.array([row[-4:] for row in numbers(notebook, "averages-table")[1:]])
        assert np.all(np.abs(averages[:, 3] - averages[:, 0]) < 0.01), "one draw of width 10^6"
        trips = np.array(numbers(notebook, "correction-table")[1:])
        assert np.allclose(trips[:, 1], trips[:, 2]) and np.all(trips[2:, 0] == 0) and np.all(trips[:, 3] == 0)
        assert np.all(np.abs(trips[:, 4] - trips[:, 2]) < 4 * trips[:, 5])
