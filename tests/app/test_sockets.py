"""Messages to browsers are not held back: a small one after another needs no acknowledgement of the first."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from bokeh.client import pull_session
from bokeh.server.server import Server
from bokeh.server.views.ws import WSHandler

from tpapp import sockets


@pytest.fixture
def bokeh_alone(monkeypatch):
    """Bokeh as it is installed, whatever this process has served before; and so again afterwards."""
    now = WSHandler.open
    monkeypatch.setattr(WSHandler, "open", now.__wrapped__ if now.__module__ == sockets.__name__ else now)


@pytest.fixture
def opened(monkeypatch, bokeh_alone):
    """A function that opens a websocket and tells its TCP_NODELAY."""
    seen: list[int] = []
    ready, ended = threading.Event(), threading.Event()
    where: dict = {}

    def serve():
        asyncio.set_event_loop(asyncio.new_event_loop())
        server = Server({"/": lambda doc: None}, port=0)
        where.update(port=server.port, stop=lambda: server.io_loop.add_callback(server.io_loop.stop))
        server.start()
        server.io_loop.add_callback(ready.set)
        server.io_loop.start()
        server.stop()
        server.unlisten()
        ended.set()

    def visit() -> int:
        plain = WSHandler.open

        def noted(handler):
            plain(handler)
            stream = handler.ws_connection.stream
            seen.append(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        monkeypatch.setattr(WSHandler, "open", noted)
        pull_session(url=f"http://127.0.0.1:{where['port']}/").close()
        return seen[0]

    threading.Thread(target=serve, daemon=True).start()
    assert ready.wait(30)
    yield visit
    where["stop"]()
    assert ended.wait(30)


def test_a_websocket_sends_at_once(opened):
    sockets.send_at_once()
    assert opened() == 1


def test_bokeh_alone_waits_for_acknowledgements(opened):
    assert opened() == 0  # once this fails, `send_at_once` has nothing left to do


def test_asked_twice_it_wraps_once(bokeh_alone):
    sockets.send_at_once()
    once = WSHandler.open
    sockets.send_at_once()
    assert WSHandler.open is once
