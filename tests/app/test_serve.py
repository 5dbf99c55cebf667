"""The launcher: the first free port, and what Panel is told."""

from __future__ import annotations

import socket

import pytest

from tpapp import serve


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_said_and_the_next_one_taken(taken, capsys):
    port = serve.first_free(taken)
    assert port > taken and serve.free(port)
    assert f"Port {taken} is in use; taking {port}." in capsys.readouterr().out


def test_a_free_port_is_taken_as_asked(taken, capsys):
    port = serve.first_free(taken + 1)
    capsys.readouterr()
    assert serve.first_free(port) == port
    assert capsys.readouterr().out == ""


def test_no_free_port_ends_in_words(monkeypatch):
    monkeypatch.setattr(serve, "free", lambda port: False)
    with pytest.raises(SystemExit, match="No free port from 5006 to 5055"):
        serve.first_free(5006)


def test_only_this_machine_may_connect_by_default():
    arguments = serve.command(5010, [])
    origins = [a.split("=")[1] for a in arguments if a.startswith("--allow-websocket-origin")]
    assert origins == ["localhost:5010", "127.0.0.1:5010"]
    assert "--warm" in arguments
    named = serve.command(5010, ["lecture.local:80"])
    assert "--allow-websocket-origin=lecture.local:80" in named
    assert "--allow-websocket-origin=localhost:5010" not in named


def test_messages_are_capped_below_the_default():
    (cap,) = [int(a.split("=")[1]) for a in serve.command(5006, []) if a.startswith("--websocket-max-message-size")]
    assert 2**20 < cap < 20 * 2**20
