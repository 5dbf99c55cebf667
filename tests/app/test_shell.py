"""What serving the first visitor settles for the whole process."""

from __future__ import annotations

import gc

import pytest
from bokeh.document import Document
from bokeh.server.views.ws import WSHandler
from panel.io.state import set_curdoc

from tests.app.example import MeansLab
from tpapp import shell, sockets


@pytest.fixture
def frozen(monkeypatch):
    """How often the collector was told to leave alone what there is; it is not told here."""
    times: list[bool] = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: len(times))
    monkeypatch.setattr(gc, "freeze", lambda: times.append(True))
    monkeypatch.setattr(WSHandler, "open", WSHandler.open)
    return times


def test_the_collector_passes_over_modules_and_websockets_do_not_wait(frozen):
    with set_curdoc(Document()):
        shell.serve([MeansLab])
    assert len(frozen) == 2, "once for what is imported, once for what the first page has loaded"
    assert WSHandler.open.__module__ == sockets.__name__


def test_outside_a_server_the_collector_is_left_as_it_is(frozen):
    shell.serve([MeansLab])
    assert not frozen
