"""What is quick is drawn in order of urgency: the first new piece at once, the rest a frame later, nothing twice."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from tpapp.flow import Flow, Request


class Loop:
    """A page's loop whose later callbacks the test runs by hand."""

    immediate = False

    def __init__(self):
        self.waiting = []

    def later(self, callback, seconds):
        assert seconds > 0
        self.waiting.append(callback)

    def together(self):
        return nullcontext()

    def run(self):
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


@pytest.fixture
def flow():
    """An open flow of quick requests; `drawn` is what reached the figures."""
    made = Flow(lambda slot: made.drawn.append(("clear", slot)), lambda: None, lambda: None)
    made.drawn, made.loop = [], Loop()
    cancel = lambda slot: None  # noqa: E731
    now = lambda key, work: work(None)  # noqa: E731
    made.jobs = SimpleNamespace(loop=made.loop, now=now, cancel=cancel, cancel_all=lambda: None)
    made._open = True
    return made


def ask(flow, **keys):
    """Take a state that asks for the slots `keys`, in this order."""
    flow.take(lambda: [
        Request(slot, key, lambda p, key=key: key, lambda got, slot=slot: flow.drawn.append((slot, got)), quick=True)
        for slot, key in keys.items()
    ])


def test_the_most_urgent_piece_comes_first_and_alone(flow):
    ask(flow, limit=1, pair=1, draw=1)
    assert flow.drawn == [("limit", 1)]
    assert flow.result("limit") == 1 and flow.result("pair") is None
    flow.loop.run()
    assert flow.drawn == [("limit", 1), ("pair", 1), ("draw", 1)] and flow.result("draw") == 1
    ask(flow, limit=1, pair=1, draw=2)
    assert flow.drawn[3:] == [("draw", 2)], "what has not changed does not hold the urgent place"
    flow.loop.run()
    assert len(flow.drawn) == 4


def test_a_fast_drag_starves_nothing(flow):
    ask(flow, limit=1, pair=1)
    ask(flow, limit=2, pair=2)
    assert flow.drawn == [("limit", 1), ("limit", 2), ("pair", 2)], "what waited is drawn with the second move"
    flow.loop.run()
    assert len(flow.drawn) == 3


def test_what_waits_is_not_lost_when_the_next_state_shares_it(flow):
    ask(flow, limit=1, pair=1, draw=1)
    ask(flow, limit=2, pair=1, draw=1)
    assert sorted(flow.drawn) == [("draw", 1), ("limit", 1), ("limit", 2), ("pair", 1)]
    assert flow.result("pair") == 1


def test_what_waits_may_be_cancelled_or_asked_for_no_more(flow):
    ask(flow, limit=1, pair=1)
    flow.cancel()
    flow.loop.run()
    assert flow.drawn == [("limit", 1)]
    ask(flow, limit=1, pair=1)
    assert flow.drawn == [("limit", 1), ("pair", 1)]
    ask(flow, limit=2, pair=2)
    ask(flow, limit=2)
    flow.loop.run()
    assert ("clear", "pair") in flow.drawn and ("pair", 2) not in flow.drawn


def test_before_the_page_is_on_the_screen_all_is_drawn_at_once(flow):
    flow._open = False
    ask(flow, limit=1, pair=1)
    assert flow.drawn == [("limit", 1), ("pair", 1)]


def test_a_quick_request_ends_the_slow_one_that_its_slot_was_busy_with(flow):
    """A limit that is drawn at once must not be drawn over by the one that the pool was computing."""
    stopped = []
    flow.jobs.cancel = stopped.append
    flow.jobs.submit = lambda slot, work, **callbacks: None
    flow.take(lambda: [Request("limit", 1, lambda p: 1, lambda got: flow.drawn.append(("limit", got)))])
    assert flow.done == 0.0 and not stopped
    ask(flow, limit=2)
    assert stopped == ["limit"] and flow.done is None and flow.drawn == [("limit", 2)]


class Clock:
    """A page's loop with its own time: `pass_` lets seconds go by and rings what is due."""

    immediate = False

    def __init__(self):
        self.now, self.timers, self.set = 100.0, [], 0

    def later(self, callback, seconds):
        self.set += 1
        self.timers.append((self.now + seconds, callback))

    def pass_(self, seconds):
        end = self.now + seconds
        while due := sorted((timer for timer in self.timers if timer[0] <= end), key=lambda timer: timer[0]):
            self.timers.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end


@pytest.fixture
def resting(flow, monkeypatch):
    """The flow at a clock; `begun` and `stopped` are the keys and slots that reached the pool."""
    clock = flow.jobs.loop = Clock()
    monkeypatch.setattr("tpapp.resting.time", SimpleNamespace(monotonic=lambda: clock.now))
    flow.begun, flow.stopped = [], []
    flow.jobs.cancel = flow.stopped.append
    flow.jobs.kept = lambda key: key == "kept"
    flow.jobs.submit = lambda slot, work, key, **callbacks: flow.begun.append(key)
    return flow


def want(flow, **requests):
    """Take a state that asks for (key, rest) by slot."""
    flow.take(lambda: [Request(slot, key, lambda p: key, lambda got: None, rest=rest)
                       for slot, (key, rest) in requests.items()])


def test_what_rests_begins_when_it_has_stood(resting):
    clock = resting.jobs.loop
    want(resting, now=("a", 0.0), slow=("b", 0.7), slower=("c", 0.9))
    assert resting.begun == ["a"] and resting.done == 0.0, "what rests is being worked at for the visitor"
    clock.pass_(0.69)
    assert resting.begun == ["a"]
    clock.pass_(0.02)
    assert resting.begun == ["a", "b"]
    clock.pass_(0.2)
    assert resting.begun == ["a", "b", "c"]


def test_a_drag_begins_nothing_that_rests_and_sets_few_timers(resting):
    clock = resting.jobs.loop
    for key in range(100):
        want(resting, slow=(key, 0.5), slower=(key, 0.7))
        clock.pass_(0.02)
    assert resting.begun == [] and clock.set < 12
    clock.pass_(0.5)
    assert resting.begun == [99]
    clock.pass_(0.2)
    assert resting.begun == [99, 99]


def test_what_rests_less_does_not_wait_for_what_rests_more(resting):
    want(resting, slower=("c", 0.9))
    want(resting, slower=("c", 0.9), slow=("b", 0.1))
    resting.jobs.loop.pass_(0.11)
    assert resting.begun == ["b"]


def test_what_rests_ends_what_its_slot_was_at_and_may_itself_be_dropped(resting):
    clock = resting.jobs.loop
    want(resting, slow=("a", 0.0))
    want(resting, slow=("b", 0.5))
    assert resting.stopped == ["slow"], "the last state's work goes on for nobody"
    resting.cancel()
    clock.pass_(1)
    want(resting, slow=("b", 0.5))
    want(resting)
    clock.pass_(1)
    want(resting, slow=("b", 0.5))
    want(resting, slow=("d", 0.0))
    clock.pass_(1)
    assert resting.begun == ["a", "d"]
    want(resting, slow=("kept", 0.5))
    assert resting.begun == ["a", "d", "kept"], "what is kept from before is shown at once"
