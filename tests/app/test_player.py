"""What plays, without a clock: its steps, where it begins and ends, the names of its buttons."""

from __future__ import annotations

import pytest

from tpapp import player as module
from tpapp.player import Player


class Counter(Player):
    """From 0 to 3."""

    def __init__(self, eager: bool, still: bool):
        self.at, self.eager, self.reduced_motion, self.messages = 2, eager, still, 0
        self.arm(self._message, ("One back", "Play all", "One on"))

    def _message(self):
        self.messages += 1
        return module.nullcontext()

    def step(self, steps):
        self.at = max(0, min(3, self.at + steps))

    def at_end(self):
        return self.at == 3

    def rewind(self):
        self.at = 0


@pytest.fixture
def started(monkeypatch):
    """The callbacks that were started: [callback, period, stopped]."""
    found = []

    class Callback:
        def __init__(self, work, period):
            self.row = [work, period, False]
            found.append(self.row)

        def stop(self):
            self.row[2] = True

    monkeypatch.setattr(module.pn.state, "add_periodic_callback", lambda work, period: Callback(work, period))
    return found


@pytest.mark.parametrize("eager", [False, True])
def test_play_goes_to_the_end_and_starts_over(started, eager):
    one = Counter(eager, False)
    one.toggle()
    assert one.at == 2 + eager and one.playing and one.play.name == "Pause all" and started[0][1] == 667
    started[0][0]()
    assert one.at == 3 and not one.playing and started[0][2] and one.play.name == "Play all"
    one.toggle()
    assert one.at == 0 and one.playing  # over again, the first step comes with the period
    started[1][0]()
    assert one.at == 1 and one.playing
    one.toggle()
    assert one.at == 1 and not one.playing and started[1][2]


def test_a_hand_stops_it_and_unwanted_motion_is_a_step_a_press(started):
    one = Counter(False, False)
    one.toggle()
    one.press(-1)
    assert one.at == 1 and not one.playing and started[0][2] and one.messages == 2
    one.on.clicks += 1
    assert one.at == 2
    still = Counter(False, True)
    still.play.clicks += 1
    assert still.at == 3 and not still.playing
    still.play.clicks += 1
    assert still.at == 0 and len(started) == 1
