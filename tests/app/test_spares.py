"""Labs built ahead: each goes to one visitor, in the default state and his theme; a failure is nobody's."""

from __future__ import annotations

import threading

import pytest
from tests.app.example import MeansLab
from tpapp import shell, spares
from tpapp.spares import Spares


def test_a_spare_is_given_away_once():
    stock, made = Spares(), iter(range(10))
    stock.lay_in("lab", lambda: f"ahead {next(made)}").join()
    assert stock.lay_in("lab", lambda: "another") is None  # one is ready
    assert stock.take("other", lambda: "his own") == "his own"
    assert stock.take("lab", lambda: "his own") == "ahead 0"
    assert stock.take("lab", lambda: "his own") == "his own"


def test_one_at_a_time_is_made():
    stock, go = Spares(), threading.Event()
    thread = stock.lay_in("lab", lambda: go.wait(10) and "ahead")
    assert stock.lay_in("lab", lambda: "another") is None
    assert stock.take("lab", lambda: "his own") == "his own"  # nobody waits for it
    go.set()
    thread.join()
    assert stock.take("lab", lambda: "his own") == "ahead"


def test_a_failure_is_nobodys():
    stock = Spares()
    stock.lay_in("lab", lambda: 1 / 0).join()
    with pytest.raises(ZeroDivisionError):
        stock.take("lab", lambda: 1 / 0)
    stock.lay_in("lab", lambda: "ahead").join()
    assert stock.take("lab", lambda: "his own") == "ahead"


def test_two_visitors_never_share_a_lab(monkeypatch):
    stock = Spares()
    monkeypatch.setattr(spares, "process_spares", lambda: stock)
    first = shell.Shell([MeansLab], theme_name="dark")
    first.start()
    stock.lay_in(MeansLab, lambda: MeansLab(framed=True)).join()
    ahead = stock._ready[MeansLab]
    second = shell.Shell([MeansLab], theme_name="dark")
    second.start()
    (mine,), (his,) = first.pages.values(), second.pages.values()
    assert his is ahead and his is not mine and his.theme == "dark"
    mine.state.param.update(width=64)
    assert his.state.width != 64
    assert mine.on_link == first._link and his.on_link == second._link
