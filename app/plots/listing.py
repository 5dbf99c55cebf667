"""A program's typed listing: one stock radio group in a stylesheet, so it is read aloud and shows in a notebook.

Each line is a button; its number, its type as a letter in a frame (A square, G circle, H dashed circle, C dotted
square), the law of its Z and the brackets of shared matrices are rules of a stylesheet written for the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

import panel as pn

from tpapp import theme
from tpapp.panes import RadioButtonGroup
from tpapp.widgets import css_text, dress

FRAMES = {
    "A": "<rect x='33' y='7' width='20' height='20' rx='3'/>",
    "G": "<circle cx='43' cy='17' r='10'/>",
    "H": "<circle cx='43' cy='17' r='10' stroke-dasharray='3 2.700'/>",
    "C": "<rect x='33' y='7' width='20' height='20' rx='2' stroke-dasharray='1.500 2.500'/>",
    "": "<path d='M35 17H51M45 11L51 17L45 23'/>",
}
ROOMS = (258, 180)  # pixels for an instruction and its law in a wide and in a narrow column
NAMES = {"A": "matrix", "G": "Gaussian", "H": "image", "C": "scalar"}
SEE = """
const view = Bokeh.index.find_one(group);
if (view != null) setTimeout(() => {
  const list = view.shadow_el.querySelector(".bk-btn-group"), active = view.shadow_el.querySelector(".bk-active");
  if (list == null || active == null) return;
  const top = active.offsetTop, bottom = top + active.offsetHeight;
  if (top < list.scrollTop + active.offsetHeight) list.scrollTop = Math.max(0, top - active.offsetHeight);
  else if (bottom > list.scrollTop + list.clientHeight - active.offsetHeight)
    list.scrollTop = bottom - list.clientHeight + active.offsetHeight;
}, 30);
"""


def mark(number: int, kind: str, brackets: list[str]) -> str:
    """The mask of one line: brackets, number, type in its frame; in a box of 62 by 34."""
    letter = f"<text x='43' y='21.500' font-size='12' font-weight='700' text-anchor='middle'>{kind}</text>"
    figure = f"<text x='29.500' y='21' font-size='11' text-anchor='end'>{number}</text>"
    image = (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 62 34' font-family='system-ui, Roboto, sans-serif'>"
             f"<g fill='none' stroke='#000' stroke-width='1.500'>{FRAMES[kind]}{''.join(brackets)}</g>{figure}"
             f"{letter if kind else ''}</svg>")
    return f'url("data:image/svg+xml,{quote(image)}")'


def bracket_paths(number: int, brackets) -> list[str]:
    """What passes through a line of the brackets that join lines sharing a matrix."""
    found = []
    for lane, (_, lines) in enumerate(brackets[:3]):
        x = 7 - 3 * lane
        first, last = min(lines), max(lines)
        if not first <= number <= last:
            continue
        above, below = number > first, number < last
        stroke = f"M{x} {0 if above else 17}V{34 if below else 17}"
        if number in lines:
            stroke += f"M{x} 17H{10}"
        found.append(f"<path d='{stroke}'/>")
        if number in lines:
            found.append("<circle cx='10' cy='17' r='1.800' fill='#000'/>")
    return found


class Listing(pn.viewable.Viewer):
    """The lines of a `tpapp.compute.programs_results.Listing`.

    Parameters
    ----------
    pick : callable
        Called with the number of the line that the visitor chose.
    """

    def __init__(self, pick: Callable[[int], None], **params):
        super().__init__(**params)
        self.pick, self._showing, self._shown = pick, False, None
        self.group = dress(RadioButtonGroup(label="Lines of the program", options={"": 1}, value=1,
                                            orientation="vertical", css_classes=["tp-listing"]))
        self._plain = [theme.part("base"), theme.asset("listing.css")]
        self.group.stylesheets = [*self._plain]
        self.group.param.watch(self._picked, "value")
        self.group.jscallback(args={"group": self.group}, value=SEE, stylesheets=SEE)

    def show(self, listing, line: int, laws: Mapping[int, str]) -> None:
        """Light line `line`; `laws`: line -> what is known of its Z."""
        key = listing.source, tuple(sorted(laws.items()))
        self._showing = True
        try:
            if self._shown is None or self._shown[0] != listing.source:
                options = {f"{r.name} = {r.text}" if r.text else r.name: r.number for r in listing.lines}
                self.group.param.update(options=options, value=line)
            elif self.group.value != line:
                self.group.value = line
            if self._shown != key:
                self.group.stylesheets = [*self._plain, _rules(listing, laws)]
        finally:
            self._showing = False
        self._shown = key

    def _picked(self, event) -> None:
        if not self._showing and event.new is not None:
            self.pick(event.new)

    def __panel__(self):
        return self.group


def _rules(listing, laws: Mapping[int, str]) -> str:
    rows = []
    for line in listing.lines:
        image = mark(line.number, line.kind, bracket_paths(line.number, listing.brackets))
        words = laws.get(line.number, "") or (line.law if line.rule == "Input" else line.rule)
        law, brief = (css_text(_fitting(line, words, room)) for room in ROOMS)
        given = f"--tp-mark: {image}; --tp-law: {law}; --tp-brief: {brief};"
        rows.append(f":host .bk-btn:nth-child({line.number}) {{ {given} }}")
    return "\n".join(rows)


def _fitting(line, law: str, room: int) -> str:
    """As much of the law as stands beside the instruction."""
    instruction = len(f"{line.name} = {line.text}" if line.text else line.name)
    for words in (law, law.rpartition(", ")[2] if law.startswith("mean") else ""):
        if 8.4 * instruction + 6.7 * len(words) + 8 <= room:
            return words
    return ""
