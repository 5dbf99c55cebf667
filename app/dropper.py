"""Where a visitor drops a file or chooses one: the browser's own file field; `tpapp.uploads` judges what it holds."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from tpapp import theme
from tpapp.uploads import MAX_BYTES
from tpapp.widgets import column, dress, html


def dropper(took: Callable[[str, bytes], None]) -> pn.Column:
    """The field and a line on what it takes; ``took(name, content)`` gets the file.

    A file over `MAX_BYTES` is stopped in the browser where the page is served (assets/wire.js).
    """
    widget = pn.widgets.FileInput(label="Your own inputs, a .npy or .csv file", accept=".npy,.csv")

    def heard(*events) -> None:  # of an empty file only the name arrives
        if widget.filename:
            took(widget.filename, widget.value or b"")

    widget.param.watch(heard, ["value", "filename"])
    widget.stylesheets = [*widget.stylesheets, theme.asset("dropper.css")]
    limits = f"256 inputs at most, {MAX_BYTES // 2**20} MB"
    words = html(f'<p class="tp-note">Points, sequences or images; {limits}.</p>', "note")
    return column(dress(widget), words, styles={"gap": "4px"})
