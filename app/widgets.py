"""Stock Panel widgets in the clothes of the design system, and the few arrangements all labs use.

Nothing here is a custom component: stylesheets only, so that everything also
shows in JupyterLab without internet.
"""

from __future__ import annotations

import html as _html

import panel as pn
import param

from tpapp import theme
from tpapp.panes import HTML

DEBOUNCE_MS = 1

_PARTS = {
    pn.widgets.RadioButtonGroup: "segmented",
    pn.widgets.Button: "button",
    pn.widgets.Toggle: "button",
    pn.widgets.FileDownload: "button",
    pn.widgets.Select: "field",
    pn.widgets.TextInput: "field",
    pn.widgets.IntInput: "field",
    pn.widgets.FloatInput: "field",
    pn.widgets.IntSlider: "slider",
    pn.widgets.FloatSlider: "slider",
    pn.widgets.Checkbox: "check",
    pn.widgets.Switch: "check",
}


def escape(text) -> str:
    """`text` safe to stand in HTML, also inside an attribute."""
    return _html.escape(str(text), quote=True)


def css_text(text: str) -> str:
    """`text` as a CSS string."""
    return '"' + "".join(c if c.isalnum() or c in " .,-" else f"\\{ord(c):x} " for c in text) + '"'


def dress(widget: pn.widgets.Widget, *extra: str, fill: bool = True) -> pn.widgets.Widget:
    """Give a stock widget its stylesheet (and the parts `extra` of assets/lab.css) and a short debounce."""
    widget._debounce = DEBOUNCE_MS
    part = next((name for kind, name in _PARTS.items() if isinstance(widget, kind)), None)
    sheets = [theme.part(name) for name in ("base", part, *extra) if name]
    widget.stylesheets = [*widget.stylesheets, *sheets]
    widget.margin = 0
    if fill:
        widget.sizing_mode = "stretch_width"
    return widget


def button(label: str, icon: str = "", kind: str = "plain", **params) -> pn.widgets.Button:
    """A button. `kind`: "plain" (outlined), "solid" (ink), "quiet" (no outline), "icon" (name only spoken), "chip"."""
    params = {"icon": theme.icon(icon, 16), "icon_size": "16px"} | params if icon else params
    classes = ["tp-button", f"tp-{kind}", *params.pop("css_classes", [])]
    widget = pn.widgets.Button(label=label, css_classes=classes, **params)
    return dress(widget, fill=False)


def control(parameter: param.Parameter, label: str | None = None, segmented: bool = False,
            **params) -> pn.widgets.Widget:
    """The widget of a State's parameter, linked both ways: ``control(state.param.depth)``.

    A number with bounds becomes a slider, a choice a select (or a row of
    segments), a flag a checkbox, a text a field. `params` go to the widget.
    """
    kinds = {param.Boolean: pn.widgets.Checkbox, param.Selector: pn.widgets.Select, param.Integer: pn.widgets.IntSlider,
             param.Number: pn.widgets.FloatSlider, param.String: pn.widgets.TextInput}
    kind = next((widget for owner, widget in kinds.items() if isinstance(parameter, owner)), pn.widgets.TextInput)
    if segmented:
        kind = pn.widgets.RadioButtonGroup
    name = parameter.label if label is None else label
    if kind in (pn.widgets.IntSlider, pn.widgets.FloatSlider):
        whole = kind is pn.widgets.IntSlider
        params = {"tooltips": False, "step": parameter.step or (1 if whole else 0.01),
                  "format": "0,0" if whole else "0.00", "styles": {"--tp-label": css_text(name)}} | params
    widget = kind.from_param(parameter, label=name, **params)
    return dress(widget)


class WholeNumber(pn.widgets.IntInput):
    """A field for a whole number; emptied, or filled with what is none, it goes back to the last one.

    What lies outside `reach` is cut here: the browser's own limits would leave it standing there, and say nothing.
    """

    reach = (-(2**53), 2**53)

    def _process_events(self, events: dict) -> None:
        low, high = self.reach
        known = {name: min(max(value, low), high) if name.startswith("value") else value
                 for name, value in events.items() if value is not None}
        if known:
            super()._process_events(known)
        if known != events:
            self.param.trigger("value")


def seed_field(parameter: param.Parameter, *parts: str) -> WholeNumber:
    """The field of a State's seed. Its spin buttons would have no names; the arrow keys do the same."""
    field = dress(WholeNumber.from_param(parameter, label="Seed", start=None, end=None), *parts)
    field.reach = parameter.bounds
    field.stylesheets = [*field.stylesheets, ".bk-spin-btn { display: none !important; }"]
    return field


def html(markup: str = "", *parts: str, **params) -> HTML:
    """An HTML pane without margins. Escape what a user typed with `escape` first."""
    params = {"sizing_mode": "stretch_width", "margin": 0} | params
    return HTML(markup, stylesheets=[theme.part(name) for name in ("base", *parts)], **params)


def column(*objects, parts: tuple[str, ...] = (), kind: type[pn.Column] = pn.Column, **params) -> pn.Column:
    """A column without margins, with parts of assets/lab.css."""
    params = {"sizing_mode": "stretch_width", "margin": 0} | params
    return kind(*objects, stylesheets=[theme.part(name) for name in ("base", *parts)], **params)


def row(*objects, parts: tuple[str, ...] = (), **params) -> pn.Row:
    """A row without margins, with parts of assets/lab.css."""
    params = {"sizing_mode": "stretch_width", "margin": 0} | params
    return pn.Row(*objects, stylesheets=[theme.part(name) for name in ("base", *parts)], **params)


def section(title: str, *objects, aside: str = "") -> pn.Column:
    """A titled group of controls; `aside` stands at the right in grey. Bare widgets in it are dressed."""
    head = html(f'<div class="tp-head"><h2>{escape(title)}</h2><span>{escape(aside)}</span></div>', "section")
    for widget in objects:
        if isinstance(widget, pn.widgets.Widget) and not widget.stylesheets:
            dress(widget)
    return column(head, *objects, parts=("group",))


def share(view, parts: int):
    """`view` (a figure, a plot's view) with `parts` times the width of its neighbours in the row; at most 4."""
    view.css_classes = [*view.css_classes, f"tp-grow-{parts}"]
    return view


def figure(title: str, caption: str, body, *aside, **params) -> pn.Column:
    """Anything as a figure, with its title in HTML: what it is, and under it of what, how many, what the bars mean.

    The two lines may be changed later with `retitle`; `aside` stands at their right (a switch, say).
    """
    heading = html(figure_heading(title, caption), "figure-head")
    head = row(heading, *aside, parts=("figure-row",)) if aside else heading
    return column(head, body, parts=("figure",), css_classes=["tp-figure"], **params)


def figure_heading(title: str, caption: str) -> str:
    """The HTML of a figure's two heading lines; both may hold markup."""
    return f'<h3 class="tp-title">{title}</h3><p class="tp-caption">{caption}</p>'


def retitle(box: pn.Column, title: str, caption: str) -> None:
    """Change the two heading lines of a `figure`."""
    heading = box.objects[0]
    heading = heading.objects[0] if isinstance(heading, pn.Row) else heading
    text = figure_heading(title, caption)
    if heading.object != text:
        heading.object = text


def note(text: str) -> HTML:
    """A line of small grey text among the controls."""
    return html(f'<p class="tp-note">{escape(text)}</p>', "note")
