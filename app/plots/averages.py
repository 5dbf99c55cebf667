"""The table of averages over coordinates: finite, limit, naive rule, method."""

from __future__ import annotations

import math
from html import escape

from tpapp.colours import width_label
from tpapp.plots import format as fmt

CSS = """
:host { width: 100%; overflow: hidden; }
table.tp-averages { border-collapse: collapse; width: 100%; margin-top: 6px; font-variant-numeric: tabular-nums;
  font: 400 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink, inherit); }
.tp-averages th { font: 400 var(--tp-caption, 12px)/var(--tp-caption-line, 16px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink3, inherit); text-align: right; padding: 4px 0 4px 10px; }
.tp-averages thead th { border-bottom: 1px solid var(--tp-control, #868D99); }
.tp-averages td { text-align: right; padding: 4px 0 4px 10px; border-bottom: 1px solid var(--tp-line, #E2E5EA);
  white-space: nowrap; }
.tp-averages th:first-child { text-align: left; padding-left: 0; }
.tp-averages tbody th {
  font: italic 400 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink, inherit); border-bottom: 1px solid var(--tp-line, #E2E5EA); white-space: nowrap; }
.tp-averages tbody th b { font-weight: 400; font-style: normal; color: var(--tp-ink2, inherit); }
.tp-averages td.limit, .tp-averages td.measured { font-weight: 600; }
.tp-averages small { font: inherit; font-weight: 400; color: var(--tp-ink3, inherit); }
.tp-averages s { color: var(--tp-ink3, inherit); }
.tp-averages em { font-style: normal; font-weight: 600; }
.tp-averages td.word { font-size: var(--tp-caption, 12px); color: var(--tp-ink3, inherit); }
.tp-averages td.word em { color: var(--tp-ink, inherit); }
@container (max-width: 520px) { .tp-averages .method { display: none; } }
@container (max-width: 420px) { .tp-averages .error { display: none; } }
"""
_WORDS = {"mean": "mean {0}", "variance": "var {0}", "correlation": "corr {0}, {1}", "scalar": "{0}"}


def name(average) -> str:
    """An `Average` as HTML: ``var h``."""
    word = _WORDS[average.kind]
    kind, _, rest = word.partition(" ")
    views = [escape(view) for view in average.views]
    return f"<b>{kind}</b> {rest.format(*views)}" if rest else word.format(*views)


def number(value: float, places: int = 4) -> str:
    """A value as the table writes it; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    if abs(value) < 0.5 * 10**-places:
        return "0"
    return fmt.minus(f"{value:,.{places}f}") if abs(value) < 1e4 else fmt.power(value, 4)


def table(truths, averages, theme: str = "light") -> str:
    """``<table>`` of `Truth` rows and `Measured` rows, either of which may be missing (None)."""
    measured = {} if averages is None else {row.average: row for row in averages.rows}
    known = {} if truths is None else {row.average: row for row in truths}
    rules = any(truth.naive is not None for truth in known.values())
    colour = "" if averages is None else f' style="color:{width_label(averages.width, theme)}"'
    head = ""
    if averages is not None:
        head = f"<th{colour}>finite, n = {fmt.width(averages.width)}</th><th class='error'></th>"
    naive_head = '<th>naive rule</th><th></th>' if rules else ""
    rows = []
    for average in known or measured:
        seen = _finite(measured.get(average), averages is not None, colour)
        rows.append(f"<tr><th scope='row'>{name(average)}</th>{seen}{_limit(known.get(average), rules)}</tr>")
    columns = f"<th>average</th>{head}<th>limit</th>{naive_head}<th class='method'>method</th>"
    return f'<table class="tp-averages"><thead><tr>{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _finite(row, shown: bool, colour: str) -> str:
    if not shown:
        return ""
    if row is None or not math.isfinite(row.mean):
        return "<td class='measured'>–</td><td class='error'></td>"
    bar = f"± {number(2 * row.spread)}" if math.isfinite(row.spread) else ""
    return f"<td class='measured'{colour}>{number(row.mean)}</td><td class='error'><small>{bar}</small></td>"


def _limit(truth, rules: bool) -> str:
    if truth is None:
        return "<td class='limit'>–</td>" + ("<td></td><td></td>" if rules else "") + "<td class='method'></td>"
    cells = f"<td class='limit'>{number(truth.value)}</td>"
    if rules:
        told = truth.naive is not None and math.isfinite(truth.naive)
        value = number(truth.naive) if told else "–"
        value = f"<s>{value}</s>" if truth.wrong else value
        word = "<em>wrong</em>" if truth.wrong else "agrees" if told else ""
        cells += f"<td>{value}</td><td class='word'>{word}</td>"
    return cells + f"<td class='word method'>{escape(truth.method)}</td>"
