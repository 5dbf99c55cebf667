"""Where a visitor drops a file: its size is capped in the browser and here; `tpapp.uploads` judges what it holds."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel.models.file_dropper  # noqa: F401 - its script must be in the page before the widget is

from tpapp import theme
from tpapp.uploads import MAX_BYTES
from tpapp.widgets import column, dress, html

CHUNK = 2**20


class Dropper(pn.widgets.FileDropper):
    """Panel's dropper with a bound on what a visitor may make the server hold; bytes come as bytes.

    Parameters
    ----------
    took : callable
        ``took(name, content)``; `content` is None for a file over the cap.
    """

    def __init__(self, took: Callable[[str, bytes | None], None], **params):
        super().__init__(**params)
        self._took, self._name, self._parts = took, "", []

    def _process_event(self, event) -> None:
        data = event.data
        if event.event_name == "delete_event" or not isinstance(data, dict):
            return
        name, content = str(data.get("name", "")), data.get("data")
        if data.get("chunk") == 1 or name != self._name:
            self._name, self._parts = name, []
        self._parts.append(bytes(content) if isinstance(content, (bytes, bytearray, memoryview)) else b"")
        if sum(map(len, self._parts)) > MAX_BYTES:
            self._parts = []
            self._took(name, None)
        elif data.get("chunk") == data.get("total_chunks"):
            whole, self._parts = b"".join(self._parts), []
            self._took(name, whole)


def dropper(took: Callable[[str, bytes | None], None], framed: bool) -> pn.Column:
    """The widget and a line on what it takes. A notebook has the plain file field, whose script is always there."""
    label = "Your own inputs, a .npy or .csv file"
    if framed:
        size = f"{MAX_BYTES // 2**20}MB"
        widget = Dropper(took, name=label, max_file_size=size, max_files=1, multiple=False, chunk_size=CHUNK, height=66)
    else:
        widget = pn.widgets.FileInput(name=label, accept=".npy,.csv")
        widget.param.watch(lambda event: event.new and took(widget.filename, event.new), "value")
    widget.stylesheets = [*widget.stylesheets, theme.asset("dropper.css")]
    words = html('<p class="tp-note">One input a row, 256 at most, 8 MB.</p>', "note")
    return column(dress(widget), words, styles={"gap": "4px"})
