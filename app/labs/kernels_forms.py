"""The parameters of a network or a layer as a small form, two controls a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import panel as pn

from tpapp.palette import Field
from tpapp.widgets import column, css_text, dress, row


def field_control(field: Field, value: Any) -> pn.widgets.Widget:
    """The dressed widget of one parameter."""
    if field.choices:
        options = {words: choice for choice, words in field.choices.items()}
        return dress(pn.widgets.Select(label=field.label, options=options, value=value))
    low, high = field.bounds
    kind = pn.widgets.IntSlider if field.whole else pn.widgets.FloatSlider
    step, form = (1, "0,0") if field.whole else (0.01, "0.00")
    return dress(kind(label=field.label, start=low, end=high, step=step, value=value, tooltips=False, format=form,
                      styles={"--tp-label": css_text(field.label)}))  # fmt: skip


class Form(pn.viewable.Viewer):
    """Controls for some fields.

    Parameters
    ----------
    change : callable
        ``change(name, value)`` when a visitor sets one.
    """

    def __init__(self, change: Callable[[str, Any], None], **params):
        super().__init__(**params)
        self.change = change
        self.fields: tuple[Field, ...] = ()
        self.widgets: dict[str, pn.widgets.Widget] = {}
        self._showing = False
        self._root = column(parts=("group",))

    def show(self, fields: Sequence[Field], values: Mapping[str, Any]) -> None:
        """These fields with these values; the same fields keep their controls."""
        self._showing = True
        try:
            if tuple(fields) != self.fields:
                self._make(tuple(fields), values)
            for name, widget in self.widgets.items():
                if widget.value != values[name]:
                    widget.value = values[name]
        finally:
            self._showing = False

    def _make(self, fields: tuple[Field, ...], values: Mapping[str, Any]) -> None:
        self.fields = fields
        self.widgets = {field.name: field_control(field, values[field.name]) for field in fields}
        for name, widget in self.widgets.items():
            widget.param.watch(lambda event, name=name: self._set(name, event.new), "value")
        made = list(self.widgets.values())
        self._root.objects = [row(*made[k : k + 2], parts=("halves",)) for k in range(0, len(made), 2)]

    def _set(self, name: str, value: Any) -> None:
        if not self._showing and value is not None:
            self.change(name, value)

    def __panel__(self):
        return self._root
