"""Panes and widgets whose updates ask no other host for a stylesheet.

Panel sends all properties of a text pane again when its object changes, and all stylesheets of a widget when one
changes. Panel's own among them are then addresses of a CDN in a notebook, where the first ones were inline.
"""

from __future__ import annotations

import panel as pn
from bokeh.models import ImportedStyleSheet
from panel.io.model import remove_root
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


class Bokeh(pn.pane.Bokeh):
    """`pn.pane.Bokeh` of a figure whose scripts do not name its root, which Panel's looks for among all its models."""

    def _get_model(self, doc, root=None, parent=None, comm=None):
        figure = self.object
        if root is None or figure is None:
            return super()._get_model(doc, root, parent, comm)
        if comm and self.autodispatch:
            self._wrap_bokeh_callbacks(root, figure, doc, comm)
        if figure.document is not None and figure.document is not doc:
            remove_root(figure, doc)
        self._models[root.ref["id"]] = (figure, parent)
        self._design.apply_bokeh_theme_to_model(figure, self.theme)
        return figure


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
