"""The typed listing of a program, in the form of Tensor Programs I (arXiv 1910.12478), Programs 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass

from tpcore.program.fragment import fragment
from tpcore.program.render import law_text, line_numbers, op_text, output_text, rule_text, type_text

NAMES = {"netsor": "Netsor", "netsor+": "Netsor+", "netsort": "NetsorT", "netsort+": "NetsorT+"}


@dataclass(frozen=True)
class Row:
    """One line of a listing.

    Attributes
    ----------
    line : int
        Number in the body, from 1; 0 for inputs and outputs.
    kind : str
        "A", "G", "H" or "C"; "" for an output.
    name, type, text : str
        ``name := text : type``; an input has no text.
    rule : str
        "Input", "MatMul", "LinComb", "Nonlin", "Nonlin+", "Moment", "Scalar", "Block" or "Output".
    law : str
        Of one coordinate of an input, or of an entry of a matrix.
    index : int
        In ``prog.nodes``; -1 for an output.
    where : str
        ``file:line`` of the user's code.
    """

    line: int
    kind: str
    name: str
    type: str
    text: str
    rule: str
    law: str
    index: int
    where: str


def rows(prog) -> list[Row]:
    """The listing as data: inputs, then the body in order, then outputs."""
    nodes = prog.nodes
    numbers = line_numbers(nodes)
    made = [
        Row(
            numbers.get(node.index, 0), node.kind, node.name, type_text(node), op_text(nodes, node),
            rule_text(node), law_text(nodes, node), node.index, node.where,
        )
        for node in nodes
    ]  # fmt: skip
    inputs = [row for row in made if row.rule == "Input"]
    body = [row for row in made if row.rule != "Input"]
    outputs = [Row(0, "", o.name, "", output_text(nodes, o), "Output", "", -1, "") for o in prog.outputs.values()]
    return inputs + body + outputs


def text(prog) -> str:
    """The listing that ``print(prog)`` shows."""
    lines: list[tuple[str, str, str]] = []
    listed = rows(prog)
    digits = len(str(max((row.line for row in listed), default=0)))
    for row in listed:
        if row.rule == "Input":
            lines.append(("Input ", f"{row.name} : {row.type}", row.law))
        elif row.rule == "Output":
            lines.append(("Output", f"{row.name} = {row.text}", ""))
        else:
            lines.append((f"{row.line:>{digits}}:".rjust(6), f"{row.name} := {row.text} : {row.type}", row.rule))
    width = min(max((len(middle) for _, middle, _ in lines), default=0), 72)
    body = [f"{first}  {middle:<{width}}  {last}".rstrip() for first, middle, last in lines]
    return "\n".join([f'{NAMES[fragment(prog)]} program "{prog.title}"', *body])
