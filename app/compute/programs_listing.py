"""Programs of the page: found in the gallery or built from text, and listed line by line."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import tpcore as tp
from tpapp.compute import programs_text as text
from tpapp.compute.programs_back import lines_of
from tpapp.compute.programs_build import build, in_words
from tpapp.compute.programs_results import Line, Listing
from tpcore.errors import Misuse
from tpcore.program import ops
from tpcore.program.fragment import explain, fragment
from tpcore.program.graph import arguments
from tpcore.program.listing import NAMES, rows

COLUMNS_SHOWN = 8  # columns of a block that can be looked at
OWN = "own"
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program of tpcore and its listing; `places`: view -> (line in the program, column or None)."""

    prog: tp.Program
    listing: Listing
    places: dict[str, tuple[int, int | None]]


def examples() -> dict[str, tuple[str, str]]:
    """name -> (title, sentence) of the gallery."""
    return {example.name: (example.title, example.sentence) for example in tp.gallery.EXAMPLES}


def compiled(source: str) -> Compiled:
    """The program that `source` names or writes. Raises `tpcore.errors.Misuse` in words."""
    with _lock:
        return _compiled(source)


def listing(source: str) -> Listing:
    """As `compiled`, without the program."""
    return compiled(source).listing


@lru_cache(maxsize=128)
def _compiled(source: str) -> Compiled:
    if source in tp.gallery.NAMES:
        example = tp.gallery.get(source)
        prog = example.build()
        code = (f'prog = tp.gallery.get("{source}").build()',)
        return _listed(source, prog, example, code, tuple(lines_of(prog) or ()))
    if "=" not in source:
        known = ", ".join(tp.gallery.NAMES)
        must = "A program must be written as lines, or be one of the gallery"
        raise Misuse(must, repr(source[:40]), f"The gallery has {known}")
    found = text.lines(source)
    prog, code = build(found, OWN)
    return _listed(source, prog, None, (f'prog = tp.Program("{OWN}")', *code), tuple(found))


def _listed(source: str, prog: tp.Program, example, code: tuple[str, ...], editable: tuple[str, ...]) -> Compiled:
    with in_words():
        name, reason = fragment(prog), explain(prog)
    nodes, listed = prog.nodes, rows(prog)
    reason = _renumbered(reason, {row.line: k for k, row in enumerate(listed, 1) if row.line})
    numbers = {row.index: k for k, row in enumerate(listed, 1) if row.index >= 0}
    gaussian, back = _gaussian(nodes, name), _back(nodes)
    readouts = {output.readout for output in prog.outputs.values()}
    places: dict[str, tuple[int, int | None]] = {}
    lines = []
    for k, row in enumerate(listed, 1):
        node = nodes[row.index] if row.index >= 0 else None
        views = _views(node, places) if node is not None else ()
        if node is None:
            output = prog.outputs[row.name]
            args = (nodes[output.readout].name, nodes[output.features].name)
        else:
            args = tuple(nodes[i].name for i in dict.fromkeys(arguments(node.op)))
        function = getattr(getattr(node.op, "function", None), "label", "") if node is not None else ""
        lines.append(Line(
            k, row.index, row.kind, row.name, row.text, row.rule, row.law, args, views, function,
            gaussian.get(row.index, False), tuple(numbers[i] for i in back.get(row.index, ())), row.index in readouts,
            _dim(node),
        ))  # fmt: skip
    watch, pair = _opening(lines, example)
    title, sentence, naive = "Your own program", "", ""
    if example:
        title, sentence, naive = (text.replace("'", "’") for text in (example.title, example.sentence, example.naive))
    made = Listing(source, title, sentence, naive, NAMES[name], reason, tuple(lines), _brackets(nodes, numbers),
                   watch, pair, code, editable, _scalars(nodes, example, editable))  # fmt: skip
    return Compiled(prog, made, places)


def _renumbered(reason: str, numbers: dict[int, int]) -> str:
    """Words about lines of the body, by the numbers of the page, which counts inputs too."""
    return re.sub(r"\bline (\d+)(?=, `)", lambda match: f"line {numbers[int(match[1])]}", reason)


def _dim(node: ops.Node | None) -> float:
    """The length of a vector in units of the width; rows for a column of a matrix."""
    if node is None or node.kind == "C":
        return 1.0
    return float(node.dim[0] / node.dim[1] if node.kind == "A" else node.dim)


def _views(node: ops.Node, places: dict) -> tuple[str, ...]:
    """The vectors of a line: itself, or the first columns of its block."""
    if node.kind not in "GH":
        return ()
    if node.shape == ():
        places[node.name] = (node.index, None)
        return (node.name,)
    found = []
    for column, where in enumerate(itertools.islice(np.ndindex(*node.shape), COLUMNS_SHOWN)):
        found.append(f"{node.name}[{','.join(map(str, where))}]")
        places[found[-1]] = (node.index, column)
    return tuple(found)


def _opening(lines: list[Line], example) -> tuple[int, tuple[str, ...]]:
    """Where to open: the example's first vector and pair, else the last vector and what it is made of."""
    vectors = [line for line in lines if line.views]
    if example is not None:
        by_name = {line.name: line for line in vectors}
        first = by_name[example.watch[0]]
        pair = [by_name[name].views[0] for name in example.pairs if name in by_name]
        return first.number, tuple(pair)
    if not vectors:
        return len(lines), ()
    usable = [line for line in vectors if not line.readout and line.name != "1"] or vectors
    return usable[-1].number, (usable[-1].views[0], *([usable[0].views[0]] if len(usable) > 1 else []))


def _scalars(nodes: list[ops.Node], example, editable: tuple[str, ...]) -> tuple[str, ...]:
    """The example's C-vars, or those that the visitor named."""
    named = example.scalars if example else [line.partition("=")[0] for line in editable]
    return tuple(node.name for node in nodes if node.kind == "C" and node.shape == () and node.name in named)


def _back(nodes: list[ops.Node]) -> dict[int, tuple[int, ...]]:
    """MatMul -> earlier MatMuls by the same matrix the other way."""
    found: dict[int, tuple[int, ...]] = {}
    for node in nodes:
        if isinstance(node.op, ops.MatMul):
            found[node.index] = tuple(
                m.index for m in nodes[: node.index]
                if isinstance(m.op, ops.MatMul) and m.op.matrix == node.op.matrix
                and m.op.transposed != node.op.transposed
            )  # fmt: skip
    return found


def _brackets(nodes: list[ops.Node], numbers: dict[int, int]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found = []
    for matrix in nodes:
        uses = [n for n in nodes if isinstance(n.op, ops.MatMul) and n.op.matrix == matrix.index]
        if len({n.op.transposed for n in uses}) == 2:
            found.append((matrix.name, tuple(numbers[n.index] for n in uses)))
    return tuple(found)


def _gaussian(nodes: list[ops.Node], name: str) -> dict[int, bool]:
    """Which Z are Gaussian for a reason that the program shows: linear in images and Gaussian inputs."""
    found: dict[int, bool] = {}
    back = _back(nodes)
    for node in nodes:
        op = node.op
        if isinstance(op, ops.GaussianInput):
            found[node.index] = True
        elif isinstance(op, ops.MatMul):
            remembered = (nodes[i].op.x for i in back[node.index])
            found[node.index] = name != "netsort+" or all(found[i] for i in remembered)
        elif isinstance(op, (ops.LinComb, ops.Mix, ops.Reshape, ops.Stack)):
            found[node.index] = all(found[i] for i in arguments(op))
        elif isinstance(op, ops.Nonlin):
            linear = len(op.args) == 1 and op.params and op.function.formula in ("{0} * {1}", "{1} * {0}", "{0} / {1}",
                                                                               "{0} + {1}", "{1} + {0}", "{0} - {1}")
            identity = op.function.activation is not None and op.function.activation.form == "identity"
            found[node.index] = bool(linear or identity) and found[op.args[0]]
    return found
