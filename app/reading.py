"""The reading column: claim, formula, numbers, code; and how numbers are written.

A number stands with its error bar and its method: `Number` is one line of the
table, `figures` writes a value with as many digits as its error allows.
"""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass

import panel as pn

from tpapp import theme
from tpapp.panes import LaTeX
from tpapp.widgets import button, column, escape, html, row

MINUS = "\u2212"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹·ʳ", MINUS + "0123456789.r")
_POWER = re.compile("⁻[⁰¹²³⁴⁵⁶⁷⁸⁹ʳ]+(?:·[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|[⁰¹²³⁴⁵⁶⁷⁸⁹]+·[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_TOKENS = re.compile(r"(#[^\n]*)|(\"[^\"\n]*\"|'[^'\n]*')|\b(" + "|".join(keyword.kwlist) + r")\b")


@dataclass(frozen=True)
class Number:
    """One line of the numbers table.

    Attributes
    ----------
    label : str
        What it is ("Deviation").
    value : float, int or str
        A number is written with thousands separators and as many digits as its error allows; a str as it is.
    error : float, optional
        Its error bar, in the same unit; written after ±.
    note : str
        A word in grey instead of the error: a method, a unit, "exact".
    """

    label: str
    value: float | int | str
    error: float | None = None
    note: str = ""


def figures(value: float | int | str, error: float | None = None, digits: int = 4) -> str:
    """A value as text: true minus, thousands separators, digits down to the second figure of the error."""
    if isinstance(value, str):
        return value
    if value != value:
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if float(value).is_integer() and error is None and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", MINUS)
    known = abs(error) if error and math.isfinite(error) else 0.0
    size = math.floor(math.log10(max(abs(value), known))) if value or known else 0
    if size < -4 or size > 6:
        return scientific(value)
    places = min(12, max(0, 1 - math.floor(math.log10(known)))) if known else max(0, digits - 1 - size)
    text = f"{value:,.{places}f}"
    return (text if float(text.replace(",", "")) else text.removeprefix("-")).replace("-", MINUS)


def scientific(value: float) -> str:
    """``3 × 10⁻¹⁵``: two figures at most."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    mantissa = mantissa.removesuffix(".0").replace("-", MINUS)
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def raised(text: str) -> str:
    """Powers in the letters of the rest: ``n⁻⁰·²`` as ``n<sup>−0.2</sup>``; few fonts have more than ², ³."""
    return _POWER.sub(lambda found: f"<sup>{found[0].translate(_PLAIN)}</sup>", text)


def table(numbers) -> str:
    """The numbers as an HTML table: label, value, ± error or a note."""
    rows = []
    for item in numbers:
        bar = ""
        if item.error is not None:
            bar = f' <small>± {raised(escape(figures(item.error, item.error)))}</small>'
        if item.note:
            bar += f" <small>{escape(item.note)}</small>"
        value = raised(escape(figures(item.value, item.error)))
        rows.append(f'<tr><th scope="row">{escape(item.label)}</th><td>{value}{bar}</td></tr>')
    return f'<table class="tp-numbers"><tbody>{"".join(rows)}</tbody></table>'


def highlight(code: str) -> str:
    """Python as escaped HTML with comments, strings and keywords marked."""
    out, at = [], 0
    for match in _TOKENS.finditer(code):
        kind = "c" if match[1] else "s" if match[2] else "k"
        out += [escape(code[at:match.start()]), f'<span class="{kind}">{escape(match[0])}</span>']
        at = match.end()
    return f'<pre tabindex="0" aria-label="Python code"><code>{"".join(out)}{escape(code[at:])}</code></pre>'


def update(pane, text: str) -> None:
    """Change a pane's object where it differs."""
    if pane.object != text:
        pane.object = text


COPY = """
const button = cb_obj.origin ?? cb_obj;
const text = button.tags[0];
const done = () => {
  const label = button.label;
  button.label = "Copied";
  setTimeout(() => { button.label = label; }, 1200);
};
const old = () => {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.appendChild(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  done();
};
if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done, old); } else { old(); }
"""


class Reading(pn.viewable.Viewer):
    """The column at the right, always in this order: claim, formula, numbers, code drawer.

    `beside` (a lab's own tables of numbers) stands above the numbers; `banner`
    is the claim once more, shown above the figure while projecting.
    """

    def __init__(self, beside=(), **params):
        super().__init__(**params)
        self.beside = beside
        self.claim = html("", "claim", css_classes=["tp-claim-box"])
        self.banner = html("", "claim", css_classes=["tp-banner"])
        self.formula = LaTeX("", renderer="mathjax", margin=0, sizing_mode="stretch_width",
                             stylesheets=[theme.part("base"), theme.part("formula")])
        self.numbers = html("", "numbers")
        self.code = html("", "code")
        self.copy = button("Copy code", "copy", "icon", css_classes=["tp-bare"], tags=[""])
        self.copy.js_on_click(code=COPY)
        self.drawer = button("Hide the code", "code", "drawer", on_click=lambda event: self.toggle_code())
        self.projecting = False
        self._root = self._build()

    def typeset(self) -> None:
        """Put the formula in its place; before its script is there it must not be in the page."""
        if self.formula not in self._root.objects:
            self._root.insert(self._root.index(self.claim) + 1, self.formula)

    def toggle_code(self) -> None:
        """Open or shut the code drawer."""
        if self.projecting:
            self.box.visible = not self.box.visible
            return
        shown = not self.code.visible
        self.code.visible = self.copy.visible = shown
        self.drawer.name = "Hide the code" if shown else "Show the code"

    def project(self, projecting: bool) -> None:
        """While projecting the claim stands above the figure and the code waits behind its key."""
        self.projecting = projecting
        self.claim.visible = self.box.visible = not projecting

    def show(self, claim: str, formula: str, numbers, code: str) -> None:
        """Bring the column up to date; what did not change is left alone."""
        update(self.claim, f'<p class="tp-claim">{raised(escape(claim))}</p>')
        update(self.banner, self.claim.object)
        update(self.formula, formula)
        update(self.numbers, table(numbers))
        update(self.code, highlight(code))
        if self.copy.tags != [code]:
            self.copy.tags = [code]

    def __panel__(self):
        return self._root

    def _build(self) -> pn.Column:
        head = row(self.drawer, self.copy, parts=("drawer-head",))
        self.box = column(head, self.code, parts=("drawer",), css_classes=["tp-code-box"])
        return column(self.claim, *self.beside, self.numbers, self.box, parts=("reading",))
