"""Background work: latest wins, cancel, turns, single flight, batching, errors in words, the end of a session."""

import asyncio
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc

from tpapp.jobs import Jobs, Loop
from tpapp.pool import Cache, Pool, size_of, words
from tpapp.shown import when_heard
from tpcore.errors import BudgetError, Misuse


@pytest.fixture
def pool():
    pool = Pool(threads=2)
    yield pool
    pool.close()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


def counted(total, pause=0.002):
    """A work that yields 1..total."""

    def work(progress):
        progress.start(total)
        for i in range(total):
            time.sleep(pause)
            progress.tick()
            yield i + 1

    return work


def test_result_progress_and_seconds(pool):
    jobs, got, fractions, seconds = Jobs(pool=pool), [], [], []
    jobs.submit("a", counted(5), publish=got.append, progress=fractions.append, finished=seconds.append)
    until(lambda: seconds)
    assert got[-1] == 5 and got == sorted(got)
    assert fractions[-1] == 1.0 and fractions == sorted(fractions)
    assert 0.005 < seconds[0] < 5 and not jobs.busy


def test_a_plain_function_may_return(pool):
    jobs, got = Jobs(pool=pool), []
    jobs.submit("a", lambda progress: 7, publish=got.append)
    until(lambda: got)
    assert got == [7]


def test_latest_wins_in_a_slot_and_slots_are_independent(pool):
    jobs, first, second, other = Jobs(pool=pool), [], [], []
    jobs.submit("other", counted(20), publish=other.append)
    jobs.submit("a", counted(200), publish=first.append)
    until(lambda: first)
    jobs.submit("a", counted(3), publish=second.append)
    seen = len(first)
    until(lambda: second and second[-1] == 3 and other and other[-1] == 20)
    time.sleep(0.03)
    assert len(first) <= seen + 1 and first[-1] < 200


def test_a_stale_result_is_dropped_just_before_publishing(pool):
    async def run():
        jobs, got = Jobs(pool=pool), []
        jobs.submit("a", lambda progress: "old", publish=got.append)
        await asyncio.sleep(0)  # the result may be on its way already
        time.sleep(0.05)  # the loop is busy: nothing can be published
        jobs.submit("a", lambda progress: "new", publish=got.append)
        await asyncio.sleep(0.1)
        return got

    assert asyncio.run(run()) == ["new"]


def test_what_a_replaced_request_still_delivers_is_dropped(pool):
    jobs, got, said = Jobs(pool=pool), [], []
    gate = threading.Event()
    jobs.submit("a", lambda progress: gate.wait(5), publish=got.append, failed=said.append)
    old = jobs._active["a"]
    jobs.submit("a", lambda progress: "new", publish=got.append)
    gate.set()
    until(lambda: got)
    old("result", ("old", 0.1))
    old("error", "late words")
    jobs.close()
    old("partial", "later still")
    assert got == ["new"] and not said


def test_publishing_happens_on_the_loop_and_is_batched(pool):
    async def run():
        jobs, got, threads, done = Jobs(pool=pool), [], set(), []

        def publish(value):
            got.append(value)
            threads.add(threading.current_thread())

        jobs.submit("a", counted(150), publish=publish, finished=done.append)
        start = time.monotonic()
        while not done:
            await asyncio.sleep(0.005)
        return got, threads, time.monotonic() - start

    got, threads, seconds = asyncio.run(run())
    assert threads == {threading.main_thread()}
    assert got[-1] == 150 and got == sorted(set(got))
    assert len(got) <= 10 * seconds + 4, "a stream floods the page"


def test_the_first_result_of_a_request_does_not_wait_for_the_stream_of_another(pool, monkeypatch):
    monkeypatch.setattr("tpapp.jobs.MIN_GAP", 30.0)

    def endless(progress):
        for i in range(100_000):
            time.sleep(0.005)
            yield i

    async def run():
        jobs, got = Jobs(pool=pool), []
        for slot in ("a", "b"):
            jobs.submit(slot, endless, publish=lambda value, slot=slot: got.append(slot))
            end = time.monotonic() + 5
            while slot not in got and time.monotonic() < end:
                await asyncio.sleep(0.005)
        first = list(got)
        jobs.cancel_all()
        return first

    first = asyncio.run(run())
    assert set(first) == {"a", "b"}, "a stream holds up what has just been asked for"


def test_urgent_results_of_others_do_not_make_a_stream_faster(pool):
    others = 6

    async def run():
        jobs, got, done = Jobs(pool=pool), [], []
        start = time.monotonic()
        jobs.submit("a", counted(200), publish=got.append, finished=done.append)
        for i in range(others):
            await asyncio.sleep(0.03)
            jobs.submit("b", lambda progress: 0, publish=lambda value: None, key=("b", i))
        while not done:
            await asyncio.sleep(0.005)
        return got, time.monotonic() - start

    got, seconds = asyncio.run(run())
    assert len(got) <= 10 * seconds + 4 + others, "each urgent result has left another timer behind"


def test_without_a_loop_threads_take_turns():
    """In plain Python results arrive in the pool's threads; of two figures' callbacks one waits for the other."""
    loop, done, inside, go_on = Loop(), [], threading.Event(), threading.Event()
    assert loop.immediate

    def slow():
        inside.set()
        done.append("slow begins")
        assert go_on.wait(5)
        done.append("slow ends")

    first = threading.Thread(target=loop.post, args=(slow,))
    first.start()
    assert inside.wait(5)
    loop.post(lambda: done.append("quick"))
    assert done == ["slow begins"], "not in the middle of another's drawing"
    go_on.set()
    first.join()
    assert done == ["slow begins", "slow ends", "quick"]


def test_without_a_loop_a_change_of_the_page_is_one():
    loop, done = Loop(), []
    with loop.together():
        with loop.together():
            other = threading.Thread(target=loop.post, args=(lambda: done.append("theirs"),))
            other.start()
            other.join()
            loop.post(lambda: done.append("own"))
        done.append("change")
    assert done == ["change", "theirs", "own"]
    loop.later(lambda: done.append("later"), 0.1)
    assert done[-1] == "later"


def test_cancel_stops_the_work(pool):
    jobs, got, count = Jobs(pool=pool), [], []

    def work(progress):
        progress.start(10_000)
        for i in range(10_000):
            time.sleep(0.001)
            count.append(i)
            progress.tick()
        return "never"

    jobs.submit("a", work, publish=got.append)
    until(lambda: count)
    jobs.cancel("a")
    assert not jobs.busy
    time.sleep(0.02)
    stopped = len(count)
    time.sleep(0.05)
    assert len(count) == stopped and not got


def test_generators_take_turns():
    pool, ends = Pool(threads=1), {}
    try:
        visitors = [Jobs(pool=pool) for _ in range(2)]
        visitors[0].submit("a", counted(200), publish=lambda v: None, finished=lambda s: ends.setdefault("long", s))
        time.sleep(0.01)
        visitors[1].submit("a", counted(3), publish=lambda v: None, finished=lambda s: ends.setdefault("short", s))
        until(lambda: "short" in ends)
        assert "long" not in ends, "a long stream kept its thread"
    finally:
        pool.close()


def test_equal_requests_are_computed_once_and_kept(pool):
    calls, got = [], []

    def work(progress):
        calls.append(1)
        time.sleep(0.05)
        return np.arange(3)

    visitors = [Jobs(pool=pool) for _ in range(3)]
    for jobs in visitors:
        jobs.submit("a", work, key=("request", 1), publish=got.append)
    until(lambda: len(got) == 3)
    visitors[0].submit("a", work, key=("request", 1), publish=got.append)
    until(lambda: len(got) == 4)
    assert len(calls) == 1 and all(item is got[0] for item in got)
    assert visitors[0].now(("request", 1), work) is got[0] and len(calls) == 1


def test_one_leaving_visitor_does_not_end_what_another_waits_for(pool):
    a, b, got, lost = Jobs(pool=pool), Jobs(pool=pool), [], []
    a.submit("s", counted(30), key="k", publish=lost.append)
    b.submit("s", counted(30), key="k", publish=got.append)
    until(lambda: got)
    a.cancel("s")
    until(lambda: got[-1] == 30)
    assert not lost or lost[-1] < 30


def test_errors_become_words(pool, caplog):
    jobs, said = Jobs(pool=pool), []

    def misuse(progress):
        raise BudgetError("The width must fit", "10", "At most 4 fits", fits=4)

    def broken(progress):
        yield 1
        raise KeyError("secret detail")

    jobs.submit("a", misuse, publish=print, failed=said.append)
    until(lambda: said)
    assert said == ["The width must fit. Got 10. At most 4 fits."]
    jobs.submit("a", broken, publish=lambda v: None, failed=said.append, label="the spectrum")
    until(lambda: len(said) == 2)
    assert said[1].startswith("The spectrum failed unexpectedly (KeyError)") and "secret" not in said[1]
    assert any(record.exc_info for record in caplog.records), "no traceback in the log"
    assert "memory" in words(MemoryError())


def test_a_failing_figure_is_told_and_the_pool_lives_on(pool):
    jobs, said, got = Jobs(pool=pool), [], []
    jobs.submit("a", lambda progress: 1, publish=lambda v: 1 / 0, failed=said.append)
    until(lambda: said)
    jobs.submit("a", lambda progress: 2, publish=got.append)
    until(lambda: got)
    assert "ZeroDivisionError" in said[0]


def test_caps_are_told_in_words():
    pool, said, gate = Pool(threads=1, waiting_cap=2), [], threading.Event()
    try:
        jobs = Jobs(pool=pool, slot_cap=2)
        for slot in "abc":
            jobs.submit(slot, lambda progress: gate.wait(5), publish=lambda v: None, failed=said.append)
        assert len(said) == 1 and "At most 2" in said[0]
        others = [Jobs(pool=pool) for _ in range(3)]
        for other in others:
            other.submit("a", lambda progress: 1, publish=lambda v: None, failed=said.append)
        assert "busy" in said[-1]
        gate.set()
        until(lambda: not jobs.busy)
        jobs.submit("c", lambda progress: 3, publish=said.append)
        until(lambda: said[-1] == 3)
    finally:
        gate.set()
        pool.close()


def test_the_end_of_a_session_ends_its_work(pool):
    class Context:
        pass

    document = Document()
    document._session_context = lambda: context
    context = Context()
    jobs, got = Jobs(doc=document, pool=pool), []
    assert jobs.loop.doc is document
    jobs.submit("a", counted(1000), publish=got.append)
    for callback in document.callbacks.session_destroyed_callbacks:
        callback(context)
    assert not jobs.busy
    jobs.submit("a", counted(2), publish=got.append)
    time.sleep(0.03)
    assert got == [] and not jobs.busy


def test_cache_is_bounded_by_bytes_and_forgets_the_oldest():
    @dataclass(frozen=True)
    class Result:
        values: np.ndarray
        note: str = ""

    cache = Cache(max_bytes=10_000, max_items=100)
    assert size_of(Result(np.zeros(200))) >= 1600
    for i in range(10):
        cache.put(i, Result(np.zeros(200)), 0.1)
    assert cache.get(0) is None and cache.get(9) is not None and cache.bytes <= 10_000
    cache.put("big", Result(np.zeros(10_000)), 0.1)
    assert cache.get("big") is None
    cache.get(5)
    for i in range(10, 13):
        cache.put(i, Result(np.zeros(200)), 0.1)
    assert cache.get(5) is not None, "what was used last is kept"


def test_misuse_keeps_its_words():
    assert words(Misuse("It must hold", "this")) == "It must hold. Got this."


class _Session:
    """What a document knows of the browser that reads it."""

    connection_count = 0


@pytest.fixture
def document():
    """A document whose browser has not drawn it yet, as the current one."""
    document, context = Document(), SimpleNamespace(session=_Session())
    document._session_context = lambda: context
    with set_curdoc(document):
        yield document


def test_nothing_changes_while_a_browser_reads_the_page(document):
    session, called = document.session_context.session, []
    when_heard(lambda: called.append("nobody there"))
    session.connection_count = 1
    when_heard(lambda: called.append("waited"))
    when_heard(lambda: 1 / 0)
    when_heard(lambda: called.append("waited too"))
    assert called == ["nobody there"]
    pn.state._on_load(document)
    assert called == ["nobody there", "waited", "waited too"], "one failure keeps no other back"
    when_heard(lambda: called.append("drawn"))
    assert called[-1] == "drawn"
