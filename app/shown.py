"""What is changed while a browser reads the page is lost; so nothing is changed then.

A browser that connects is sent the whole page, and says when it has drawn it. Of the changes between the two Panel
sends none: it takes a page that has not said so for one that nobody has read yet. On a busy machine, or with many
visitors at once, seconds may lie between, and a figure that came in them would stay empty. `when_heard` waits for
the end of that time; `when_shown` for the first drawing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import panel as pn

LOG = logging.getLogger(__name__)


def when_shown(callback: Callable[[], None]) -> None:
    """Call `callback` once the browser has drawn the current page; at once where no browser is waited for."""
    if pn.state.curdoc is None or pn.state.loaded:
        callback()
    else:
        pn.state.onload(lambda: _guarded(callback))


def when_heard(callback: Callable[[], None]) -> None:
    """Call `callback` at a time when what it changes reaches the browser: now, except while that reads the page."""
    if being_read(pn.state.curdoc):
        when_shown(callback)
    else:
        callback()


def being_read(doc) -> bool:
    """Whether a browser has connected to the document `doc` and has not yet drawn it."""
    session = getattr(getattr(doc, "session_context", None), "session", None)
    return session is not None and session.connection_count > 0 and not pn.state.loaded


def _guarded(callback: Callable[[], None]) -> None:
    """One failure must not keep the others from being called."""
    try:
        callback()
    except Exception:
        LOG.exception("Something that waited for the page to be drawn failed")
