"""Panel's text panes, whose updates carry what changed and leave their stylesheets alone.

Panel sends all properties of a text pane again when its object changes. The stylesheets among them are
then addresses of a CDN in a notebook, where the first ones were inline.
"""

from __future__ import annotations

import panel as pn


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
