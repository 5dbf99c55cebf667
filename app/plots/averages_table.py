"""The table of moments of standardized sums, beside those of the normal."""

from __future__ import annotations

import math

from tpapp.colours import width_label
from tpapp.plots import format as fmt


def powers(rows, n: float, theme: str = "light") -> str:
    """``<table>`` of `PowerRow`s: k, measured ± s.e. in the colour of N, of the exact law, of the normal."""
    colour = width_label(n, theme)
    drawn = any(math.isfinite(row.error) for row in rows)
    body = []
    for row in rows:
        exact = "–" if math.isnan(row.exact) else "∞" if math.isinf(row.exact) else short(row.exact)
        value = f'<td class="measured" style="color:{colour}">{_measured(row)}</td><td>{exact}</td>' if drawn else ""
        body.append(f'<tr><td>{row.k}</td>{value}<td class="limit">{row.normal:,.0f}</td></tr>')
    heads = f"<th>N = {fmt.width(n)}</th><th>exactly</th>" if drawn else ""
    head = f"<tr><th>k</th>{heads}<th>normal</th></tr>"
    return f'<table class="tp-table"><thead>{head}</thead><tbody>{"".join(body)}</tbody></table>'


def short(value: float) -> str:
    """Three to four figures."""
    return fmt.power(value, 3) if abs(value) >= 1e4 else fmt.minus(f"{value:,.{2 if abs(value) >= 10 else 3}f}")


def _measured(row) -> str:
    value, error = fmt.measured(row.measured, row.error)
    return f"{value}<small>± {error}</small>" if error else value
