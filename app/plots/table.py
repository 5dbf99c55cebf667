"""Tables of numbers as HTML: moments beside Catalan numbers, and plain rows of name and value."""

from __future__ import annotations

from html import escape

from tpapp.colours import width_label
from tpapp.plots import format as fmt

CSS = """
table.tp-table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font: 400 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif); color: var(--tp-ink, inherit); }
table.tp-table th { font-weight: 400; color: var(--tp-ink3, inherit); text-align: right; padding: 4px 0 4px 8px; }
table.tp-table td { text-align: right; padding: 4px 0 4px 8px; border-top: 1px solid var(--tp-line, #E2E5EA); }
table.tp-table th:first-child, table.tp-table td:first-child { text-align: left; padding-left: 0; color: var(--tp-ink2, inherit); }
table.tp-table td.measured, table.tp-table td.limit { font-weight: 600; }
table.tp-table td.error { color: var(--tp-ink3, inherit); }
"""


def moments(rows, width: float, theme: str = "light") -> str:
    """``<table>`` of `MomentRow`s: k, (1/n) tr A^k in the width's colour, the Catalan number, the difference."""
    colour = width_label(width, theme)
    body = "".join(
        f'<tr><td>{row.k}</td><td class="measured" style="color:{colour}">{fmt.minus(f"{row.measured:,.5f}")}</td>'
        f'<td class="limit">{row.limit:,.0f}</td><td>{fmt.power(row.difference, 1, sign=True)}</td></tr>'
        if abs(row.measured) < 1e6
        else f'<tr><td>{row.k}</td><td class="measured" style="color:{colour}">{fmt.power(row.measured, 3)}</td>'
        f'<td class="limit">{row.limit:,.0f}</td><td>{fmt.power(row.difference, 2, sign=True)}</td></tr>'
        for row in rows
    )
    head = f"<tr><th>moment</th><th>n = {fmt.width(width)}</th><th>Catalan</th><th>difference</th></tr>"
    return f'<table class="tp-table"><thead>{head}</thead><tbody>{body}</tbody></table>'


def numbers(rows: list[tuple[str, str, str]]) -> str:
    """``<table>`` of (name, value, error or word), as the reading column shows it."""
    body = "".join(
        f'<tr><td>{escape(name)}</td><td class="limit">{escape(value)}</td>'
        f'<td class="error">{"± " + escape(error) if error else ""}</td></tr>'
        for name, value, error in rows
    )
    return f'<table class="tp-table"><tbody>{body}</tbody></table>'
