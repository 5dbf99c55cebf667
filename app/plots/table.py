"""Tables of numbers as HTML: moments beside Catalan numbers, and plain rows of name and value."""

from __future__ import annotations

import math
from html import escape

from tpapp.colours import width_label
from tpapp.plots import format as fmt

CSS = """
h3.tp-title { font: 600 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif);
  margin: 0 0 4px; }
h3.tp-title small { color: var(--tp-ink3, inherit);
  font: 400 var(--tp-caption, 12px)/var(--tp-caption-line, 16px) var(--tp-font, system-ui, sans-serif); }
table.tp-table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font: 400 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif);
  color: var(--tp-ink, inherit); }
table.tp-table th { font-weight: 400; color: var(--tp-ink3, inherit); text-align: right; padding: 3px 0 3px 8px; }
table.tp-table td { text-align: right; padding: 3px 0 3px 8px; border-top: 1px solid var(--tp-line, #E2E5EA); }
table.tp-table th:first-child, table.tp-table td:first-child { text-align: left; padding-left: 0;
  color: var(--tp-ink2, inherit); }
table.tp-table.tp-close th, table.tp-table.tp-close td { padding-top: 1px; padding-bottom: 1px; }
table.tp-table td.measured, table.tp-table td.limit { font-weight: 600; }
table.tp-table td.error, table.tp-table small { color: var(--tp-ink3, inherit); }
table.tp-table small { display: block;
  font: 400 var(--tp-caption, 12px)/var(--tp-caption-line, 16px) var(--tp-font, system-ui, sans-serif); }
"""


def moments(rows, width: float, theme: str = "light", name: str = "Catalan", order: str = "k") -> str:
    """``<table>`` of `MomentRow`s: k (its letter: `order`), (1/n) tr A^k in the width's colour, the limit's (`name`),
    difference ± s.e."""
    colour = width_label(width, theme)
    body = "".join(
        f'<tr><td>{row.k}</td><td class="measured" style="color:{colour}">{_moment(row.measured)}</td>'
        f'<td class="limit">{_count(row.limit)}</td><td>{_difference(row)}</td></tr>'
        for row in rows
    )
    head = f"<tr><th>{order}</th><th>n = {fmt.width(width)}</th><th>{escape(name)}</th><th>difference</th></tr>"
    return f'<table class="tp-table"><thead>{head}</thead><tbody>{body}</tbody></table>'


def programs(found, name: str, theme: str = "light", order: str = "k") -> str:
    """``<table>`` of `ProgramRows`: k, the program run at width n, its limit, the number of cycles (`name`)."""
    run = "run" if found.n is None else f"run, n = {fmt.width(found.n)}"
    colour = width_label(found.n or 8, theme)
    body = "".join(
        f'<tr><td>{row.k}</td><td class="measured" style="color:{colour}">'
        f'{"" if row.finite is None else _moment(row.finite)}</td>'
        f'<td class="limit">{_count(row.limit)}</td><td class="limit">{_count(row.count)}</td></tr>'
        for row in found.rows
    )
    head = f"<tr><th>{order}</th><th>{run}</th><th>program’s limit</th><th>{escape(name)}</th></tr>"
    return f'<table class="tp-table tp-close"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _count(value: float) -> str:
    """A number of cycles, or a sum of weights: whole where it is."""
    whole = abs(value - round(value)) < 1e-9 * max(1.0, abs(value))
    return f"{value:,.0f}" if whole else f"{value:,.4g}"


def _moment(value: float) -> str:
    if abs(value) >= 1e5:
        return fmt.power(value, 3)
    return fmt.minus(f"{value:,.5f}" if abs(value) < 100 else f"{value:,.1f}")


def _difference(row) -> str:
    error = getattr(row, "error", 0.0)
    bar = f"<small>± {fmt.power(error, 1)}</small>" if math.isfinite(error) and error > 0 else ""
    rounding = abs(row.difference) < 1e-13 * abs(row.limit)
    return fmt.power(0.0 if rounding else row.difference, 1, sign=True) + bar


def numbers(rows: list[tuple[str, str, str]]) -> str:
    """``<table>`` of (name, value, error or word), as the reading column shows it."""
    body = "".join(
        f'<tr><td>{escape(name)}</td><td class="limit">{escape(value)}</td>'
        f'<td class="error">{"± " + escape(error) if error else ""}</td></tr>'
        for name, value, error in rows
    )
    return f'<table class="tp-table"><tbody>{body}</tbody></table>'
