"""The strip under the header: the dial, the status, Cancel; under it the progress bar and the bar of words."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from tpapp import theme
from tpapp.reading import update
from tpapp.widgets import button, column, escape, html, row

HERE = {"visibility": "visible"}
AWAY = {"visibility": "hidden"}  # its place stays: a track that changed its length would slip from under a drag


class Strip(pn.viewable.Viewer):
    """The hero dial across the page, what is being computed, and errors in words."""

    def __init__(self, dial, cancel: Callable[[], None], **params):
        super().__init__(**params)
        self.dial = dial
        self.text = html("", "status", sizing_mode=None, css_classes=["tp-status"])
        self.cancel = button("Cancel", "close", "plain", styles=AWAY, on_click=lambda event: cancel())
        self.bar = html("", "bar", height=2, css_classes=["tp-bar"])
        self.words = html("", "words", visible=False, css_classes=["tp-words"])

    def show(self, status: str, done: float | None, took: float) -> None:
        """`done`: fraction of the running work, None when all is done; `took`: seconds of the last work."""
        busy = done is not None
        under = f"{100 * done:.0f} % done" if busy else f"done in {_seconds(took)}" if took else ""
        update(self.text, f'<div role="status" aria-live="{"off" if busy else "polite"}">'
                          f"<b>{escape(status)}</b><span>{under}</span></div>")
        self.cancel.styles = HERE if busy else AWAY
        update(self.bar, f'<div role="progressbar" aria-label="Computing" aria-valuemin="0" aria-valuemax="100" '
                         f'aria-valuenow="{100 * done:.0f}" style="width:{100 * done:.1f}%"></div>' if busy else "")

    def tell(self, words: str, alarm: bool) -> None:
        """Words under the strip: an error (`alarm`) or a remark; empty to take them away."""
        text = ""
        if words:
            role, kind = ("alert", "tp-alarm") if alarm else ("status", "tp-remark")
            sign = theme.icon("alert" if alarm else "info", 20)
            text = f'<div role="{role}" class="{kind}">{sign}<p>{escape(words)}</p></div>'
        update(self.words, text)
        if self.words.visible != bool(words):
            self.words.visible = bool(words)

    def __panel__(self):
        parts = [self.dial] if self.dial is not None else []
        line = row(*parts, self.cancel, self.text, parts=("strip",), css_classes=["tp-strip"])
        return column(line, self.bar, self.words, parts=("strip-box",), css_classes=["tp-strip-box"])


def _seconds(took: float) -> str:
    return f"{1000 * took:.0f} ms" if took < 0.0995 else f"{took:.1f} s" if took < 10 else f"{took:.0f} s"
