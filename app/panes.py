"""Panes and widgets whose updates ask no other host for a stylesheet.

Panel sends all properties of a text pane again when its object changes, and all stylesheets of a widget when one
changes. Panel's own among them are then addresses of a CDN in a notebook, where the first ones were inline.
"""

from __future__ import annotations

import panel as pn
from bokeh.models import ImportedStyleSheet
from panel.io.notebook import replace_inline_css
from panel.io.resources import CDN_DIST, patch_stylesheet


class _Styled:
    """A pane that is styled once."""

    def _update(self, ref: str, model) -> None:
        properties = self._get_properties(model.document)
        properties.pop("stylesheets", None)
        model.update(**properties)


class HTML(_Styled, pn.pane.HTML):
    """`pn.pane.HTML`, styled once."""


class LaTeX(_Styled, pn.pane.LaTeX):
    """`pn.pane.LaTeX`, styled once."""


class RadioButtonGroup(pn.widgets.RadioButtonGroup):
    """`pn.widgets.RadioButtonGroup`, whose stylesheets may change in a notebook."""

    def _update_model(self, events, msg, root, model, doc, comm) -> None:
        if "stylesheets" in msg and comm is not None and pn.config.inline:
            msg["stylesheets"] = [_inline(sheet) for sheet in msg["stylesheets"]]
        super()._update_model(events, msg, root, model, doc, comm)


def _inline(sheet):
    """A stylesheet of Panel's as its text; any other as it is."""
    if not isinstance(sheet, ImportedStyleSheet):
        return sheet
    patch_stylesheet(sheet, CDN_DIST)
    return replace_inline_css(sheet)
