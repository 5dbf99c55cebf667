"""What the Training lab says: the verdict, the formula, the table of the three machines."""

from __future__ import annotations

import math

from tpapp import theme
from tpapp.plots import format as fmt
from tpapp.plots.phase_text import number, plain
from tpapp.plots.training_machine import NAMES, named

ORDER = ("kernel", "network", "feature")
ROWS = {
    "loss": "loss", "test": "test loss", "change": "moved", "after": "alignment", "before": "at first",
}  # fmt: skip
PAYS = 2.0  # a test loss so many times smaller is worth a sentence


def percent(part: float) -> str:
    """``63 %``; small ones with a digit more."""
    return f"{100 * part:.0f}\u00a0%" if part >= 0.0995 else f"{100 * part:.1f}\u00a0%"


def pill(r: float, width: float) -> str:
    """Where the network stands: in its regime's colours."""
    name = "feature" if r == 0 else "kernel"
    where = "μP, γ = 1" if r == 0 else "NTP, γ = √n" if r == 0.5 else f"γ = n<sup>{number(r)}</sup>"
    size = "" if r == 0 or not math.isfinite(width) else f" = {width**r:,.3g}" if r < 0.5 else f" = {width**0.5:,.3g}"
    title = ("Feature learning" if r == 0 else "Kernel regime") + f": {where}{size}"
    return (f'<div role="status"><span class="tp-pill" data-phase="{name}" style="background: var(--tp-{name}-fill)">'
            f'<i style="background: var(--tp-{name})"></i><span>{title}</span></span></div>')  # fmt: skip


def knob(r: float, width: float) -> str:
    """Which limit the feature limit is."""
    if r == 0:
        return "μP at infinite width"
    if not math.isfinite(width):
        return "γ = ∞: the kernel limit"
    return f"γ = {width**r:,.3g} at infinite width" + (", from 0" if r == 0.5 else "")


def claim(s, machines: dict, networks=None) -> str:
    """The verdict in a sentence or two."""
    ended = [machine for machine in machines.values() if machine.diverged is not None]
    if ended:
        return diverged(s, ended, [machine for machine in machines.values() if machine.diverged is None])
    first = pays(machines, s.r)
    return f"{first} {moved(s, networks, machines.get('feature'), brief=bool(first))}".strip()


def diverged(s, ended: list, others: list) -> str:
    """Which machines left all bounds, when, and which did not."""
    words = f"At η = {s.lr:g} training diverges: {_list(f'{_who(one)} at step {one.diverged}' for one in ended)}."
    if others and len(ended) + len(others) > 2:
        stay = _list(map(_who, others))
        words += f" {stay[0].upper()}{stay[1:]} {'does' if len(others) == 1 else 'do'} not."
    return words


def _list(words) -> str:
    """a, b and c."""
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last


def _who(machine) -> str:
    return f"the {NAMES.get(machine.name, 'network').lower()}"


def moved(s, networks, feature, brief: bool = False) -> str:
    """How far the features moved."""
    change = None
    if networks is not None:
        change = sum(networks.changes) / len(networks.changes)
    elif s.r == 0 and feature is not None:
        change = float(feature.change[-1])
    far = "" if change is None else f" by {percent(change)} of their size"
    if s.r == 0:
        if brief:
            return f"In μP the features move{far}."
        far = f", the features{far}" if far else ""
        return f"In μP function and features both move{far}; in the kernel limit features rest."
    law = "like 1/√n" if s.r == 0.5 else f"like {plain(f'n^-{s.r:g}')}"
    if networks is None:
        return f"The function moves, the features freeze {law}."
    return f"{'F' if brief else 'The function moves; the f'}eatures move{far}, and freeze {law}."


def pays(machines: dict, r: float = 0.0) -> str:
    """Which limit does better on new inputs, where one does by far and both have learnt something."""
    if not {"kernel", "feature"} <= set(machines):
        return ""
    if any(machines[name].loss[-1] > machines[name].loss[0] for name in ("kernel", "feature")):
        return ""  # a learning rate that is too large says nothing about features
    fixed, learnt = (float(machines[name].test_loss[-1]) for name in ("kernel", "feature"))
    if max(fixed, learnt) < PAYS * min(fixed, learnt):
        return ""
    verb = "pay" if fixed > learnt else "do not pay"
    whose = "their limit’s loss" if r == 0 else "the loss of their limit at this γ"
    losses = f"{whose} is {small(learnt)}, the kernel’s {small(fixed)}"
    return f"Learned features {verb}: on new inputs {losses}."


def small(value: float) -> str:
    """Two digits, plain down to 0.00001."""
    return f"{value:#.2g}".removesuffix(".") if 1e-5 <= value < 100 else fmt.power(value, 2)


def formula(s) -> str:
    """The descent, and which kernel it has."""
    tangent = r"K_t = \sum_{l} \partial_{w^l} f_t \, \partial_{w^l} f_t^\top"
    if s.trains == "readout":
        tangent = r"K_0 = \mathbb E\, x^L x'^L"
    return (r"$\begin{array}{l} f_{t+1} = f_t - \eta\, K_t\, \chi_t \\ \text{kernel limit: } K_t = K_0 \\ "
            rf"{tangent} \\ \gamma = n^r,\quad \Delta x^L \sim n^{{-r}} \end{{array}}$")  # fmt: skip


def table(s, machines: dict, networks=None) -> str:
    """The three machines side by side, at the end of training; networks in the mean."""
    shown = [name for name in ORDER if name != "network" or math.isfinite(s.width)]
    heads = "".join(f'<th scope="col"><i data-machine="{name}"></i>{_short(name, s.width)}</th>' for name in shown)
    rows = []
    for key, label in ROWS.items():
        cells = "".join(f"<td>{_cell(key, machines.get(name), networks, s.kernel)}</td>" for name in shown)
        rows.append(f'<tr><th scope="row">{label}</th>{cells}</tr>')
    return (f'<table class="tp-powers tp-machines"><thead><tr><td></td>{heads}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table>')  # fmt: skip


def _short(name: str, width: float) -> str:
    return f"n = {fmt.width(width)}" if name == "network" else name


def _cell(key: str, machine, networks, kind: str) -> str:
    if machine is None:
        return "…"
    if machine.diverged is not None and key in ("loss", "test"):
        return '<span class="tp-ended">diverged</span>' if key == "loss" else f"at {machine.diverged}"
    if key in ("before", "after"):
        return number(float(machine.alignment[kind][0 if key == "before" else -1]))
    last = {"loss": machine.loss, "test": machine.test_loss, "change": machine.change}[key][-1:]
    if machine.name == "network" and networks is not None and networks.paths.f:
        last = {"loss": networks.paths.loss, "test": networks.paths.test_loss, "change": networks.changes}[key]
    value = float(sum(last) / len(last))
    return percent(value) if key == "change" else small(value)


def legend(kind: str) -> str:
    """What the marks of the functions mean."""
    inputs = "rings: what is trained on" if kind == "line" else "rings: trained on, dots: new inputs"
    start = "; grey: the start" if kind == "line" else ""
    return f'<p class="tp-key">Dotted: the target; {inputs}{start}; dashed: limits.</p>'


def title(machine_name: str, width: float) -> str:
    """The heading of a machine's column, with its mark."""
    colour = theme.token_css(machine_name) if machine_name in NAMES else theme.width_css(width)
    return f'<span style="color: {colour}">●</span> {named(machine_name, width)}'


__all__ = ["ORDER", "claim", "formula", "percent", "pill", "table", "title"]
