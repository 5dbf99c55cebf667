"""What the Phases lab says: the verdict, formulas, conditions and exponents as HTML."""

from __future__ import annotations

from tpapp.plots.phase_text import NAMES, markup, number, plain
from tpapp.widgets import escape

PROBE = ("Trains its own small task at 12 × 12 points: one hidden direction, 16 inputs, 5 steps, 2 networks a width "
         "(4 from 3 layers on).")  # fmt: skip
GROUPS = {"stable": "Stable", "nontrivial": "The function moves: one of", "features": "Features move"}


def pill(verdict) -> str:
    """The verdict in its phase's colours."""
    name = verdict.phase
    title = f"{NAMES[name]}{', ' + verdict.name if verdict.name else ''}"
    if verdict.adaptive and name == "kernel":
        title = title.replace("Kernel regime", "Operator regime")
    return (f'<div role="status"><span class="tp-pill" data-phase="{name}" style="background: var(--tp-{name}-fill)">'
            f'<i style="background: var(--tp-{name})"></i>{escape(title)}</span></div>')  # fmt: skip


def legend(path: bool, adaptive: bool) -> str:
    """What colours and patterns mean; `path`: whether the path from μP to NTP is drawn."""
    names = NAMES | ({"kernel": "Operator regime"} if adaptive else {})
    keys = [f'<span><i data-of="{phase}"></i>{name.lower()}</span>' for phase, name in names.items()]
    if path:
        keys.append('<span><i data-of="path"></i>path from μP to NTP, the edge of both facets</span>')
    return f'<p class="tp-legend">{"".join(keys)}</p>'


def claim(verdict) -> str:
    """The verdict as a sentence."""
    return plain(verdict.reasons[0])


def why(verdict) -> str:
    """The other reasons."""
    return "".join(f'<p class="tp-why">{markup(reason)}</p>' for reason in verdict.reasons[1:3])


def checks(verdict) -> str:
    """Every condition with ✓ or ✕ and its value."""
    rows = []
    moves = any(one.holds for one in verdict.checks if one.group == "nontrivial")
    for group, title in GROUPS.items():
        rows.append(f'<tr><th colspan="3" scope="colgroup">{title}</th></tr>')
        for one in verdict.checks:
            if one.group == group:
                fails = not one.holds and (group == "stable" or (group == "nontrivial" and not moves))
                kind = "yes" if one.holds else "no" if fails else "not"
                sign, word = ("✓", "holds") if one.holds else ("✕", "does not hold")
                rows.append(f'<tr class="{kind}" title="{escape(plain(one.sentence))}"><td>'
                            f'<span role="img" aria-label="{word}">{sign}</span></td>'
                            f"<td>{markup(one.formula)}</td><td>{_value(one.value)}</td></tr>")  # fmt: skip
    return f'<table class="tp-checks"><tbody>{"".join(rows)}</tbody></table>'


def _value(text: str) -> str:
    return escape(text.replace("-", "−")) if "/" in text else number(float(text))


def powers(verdict, ladders=(), growing=None) -> str:
    """Predicted and measured powers of n: of each layer's change of features, or of what blows up first."""
    fits = {ladder.layer: ladder for ladder in ladders}
    rows = [_power_row(f"Δ<i>x</i><sup>{layer}</sup>", power, fits.get(layer))
            for layer, power in enumerate(verdict.layers, 1)]  # fmt: skip
    if verdict.growth is not None:
        name, step, power = verdict.growth.name, verdict.growth.step, verdict.growth.power
        what = "<i>f</i>" if name == "f" else "Δ<i>f</i>" if name == "df" else f"Δ<i>h</i><sup>{name[2:]}</sup>"
        rows.append(_power_row(f"{what}, step {step}", power, growing))
    if not rows:
        return ""
    kind = "size of" if verdict.growth is not None else "change of"
    head = f"<tr><th>{kind}</th><th>predicted</th><th>measured</th></tr>"
    return f'<table class="tp-powers"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def _power_row(what: str, power: float, fit) -> str:
    measured = "–"
    if fit is not None and fit.slope == fit.slope:
        bar = f" <small>± {2 * fit.slope_error:.2f}</small>" if fit.slope_error == fit.slope_error else ""
        measured = f"<b>{number(fit.slope)}</b>{bar}"
    return f"<tr><td>{what}</td><td><b>{number(power)}</b></td><td>{measured}</td></tr>"


def misses(region) -> str:
    """The measured phases beside the predicted ones: how many agree, and every point that does not."""
    share = f"{region.agree} of {region.clear}" if region.clear else "none"
    widths = f"{min(region.request.widths):,} to {max(region.request.widths):,}"
    text = (f'<p class="tp-why"><b>Measured</b>: {share} points farther than 0.1 from a border agree '
            f"(task: one hidden direction; widths {widths}; squares in the diagram).</p>")  # fmt: skip
    rows = "".join(
        f'<tr title="{escape(one.words)}"><td>({number(one.at[0])}, {number(one.at[1])})</td>'
        f"<td>{NAMES[one.predicted].split()[0].lower()}</td><td>{NAMES[one.measured].split()[0].lower()}</td></tr>"
        for one in region.misses)  # fmt: skip
    head = "<tr><th>misses</th><th>predicted</th><th>measured</th></tr>"
    return text + (f'<table class="tp-powers"><thead>{head}</thead><tbody>{rows}</tbody></table>' if rows else "")


def formula(verdict, depth: int) -> str:
    """r, and how the features move."""
    top = depth + 1
    if verdict.adaptive:
        law = r"r = \min_{l \le L} \; a_l + c_l - [l > 1]" if depth > 1 else "r = a_1 + c_1"
        return rf"${law}, \quad \Delta x^L \sim n^{{-r}}$"
    one_rate = len(set(verdict.c)) == 1
    rate, last = ("c", "c") if one_rate else ("c_l", f"c_{top}")
    least = r"\min_l (2 a_l + [l = 1])" if one_rate else rf"\min_l (2 a_l + {rate} + [l = 1])"
    if depth == 1:
        least = "2 a_1" if one_rate else "2 a_1 + c_1"
        tail = f"{' + c' if one_rate else ''} + {least}"
    else:
        tail = f"{' + c' if one_rate else ''} - 1 + {least}"
    first = rf"r = \min(a_{top} + b_{top},\; 2 a_{top} + {last})"
    return rf"$\begin{{array}}{{l}} {first} \\ \qquad {tail} \end{{array}}$"
