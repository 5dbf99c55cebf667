"""From a state to figures: which requests run, which results are on show, what failed.

A slot is a figure or a group of figures. Per slot the flow knows the key that
was asked for last, the key whose (partial) result is drawn, and whether that
drawing is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from tpapp import jobs, shown
from tpapp.resting import Resting

FRAME = 0.06  # s: what is drawn first reaches the screen before the rest is sent


@dataclass(frozen=True)
class Request:
    """One thing that a state needs computed.

    Attributes
    ----------
    slot : str
        The figure or group of figures it is for; a new request replaces the slot's old one.
    key : hashable
        Everything the result depends on. Equal keys share one computation, among all visitors.
    work : callable
        ``work(progress)``: the result, or a generator of partial results.
    show : callable
        ``show(result)`` puts a (partial) result into the figures, on the page's event loop.
    quick : bool
        A few milliseconds: computed on the event loop. The first such request that is new is drawn at once, the others
        a frame later, so that what moves under the visitor's hand is not drawn behind everything that follows from it.
    label : str
        What is computed, for the words about a failure.
    rest : float
        Seconds that the request must have stood before its work begins; what is kept from before does not wait.
    """

    slot: str
    key: Hashable
    work: Callable[[Any], Any]
    show: Callable[[Any], None]
    quick: bool = False
    label: str = "the computation"
    rest: float = 0.0


class Flow:
    """The requests of one page.

    Parameters
    ----------
    clear : callable
        ``clear(slot)`` takes away what a slot showed.
    changed, working : callable
        Called when a result or a failure came, and when the progress did.
    """

    def __init__(self, clear: Callable[[str], None], changed: Callable[[], None], working: Callable[[], None]):
        self.clear, self.changed, self.working = clear, changed, working
        self.jobs: jobs.Jobs | None = None
        self.results: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self.took = 0.0
        self._asked: dict[str, Hashable] = {}
        self._drawn: dict[str, Hashable] = {}
        self._complete: set[str] = set()
        self._fractions: dict[str, float] = {}
        self._open = False
        self._held: dict[str, Request] = {}
        self._resting = Resting(self._start)
        self._behind: list[Request] = []
        self._urgent = True

    def start(self, when_shown: Callable[[Callable[[], None]], None] = shown.when_shown) -> bool:
        """Connect to the current document; False if that was done before."""
        if self.jobs is not None:
            return False
        self.jobs = jobs.Jobs()
        when_shown(self._begin)
        return True

    def _begin(self) -> None:
        """The page is on the screen: background work, which would have slowed that down, may begin."""
        self._open = True
        held, self._held = self._held, {}
        for request in held.values():
            self._submit(request)

    @property
    def done(self) -> float | None:
        """The fraction done of the running work; None when nothing runs."""
        return sum(self._fractions.values()) / len(self._fractions) if self._fractions else None

    def result(self, slot: str) -> Any:
        """The slot's (partial) result if it belongs to the present state, else None."""
        fresh = slot in self._drawn and self._drawn[slot] == self._asked.get(slot)
        return self.results.get(slot) if fresh else None

    def take(self, requests: Callable[[], Iterable[Request]]) -> None:
        """Run what the present state asks for, keep what it shares with the last one, drop the rest."""
        try:
            wanted = list(requests())
        except Exception as error:  # noqa: BLE001 - every failure becomes words
            self.failed["state"] = jobs.words(error, "reading the controls")
            return
        self.failed.pop("state", None)
        for slot in set(self._asked) - {request.slot for request in wanted}:
            self._forget(slot)
        pressed, self._urgent = bool(self._behind), True
        self._drop_behind()
        for request in wanted:
            self._ask(request)
        if pressed or not self._open or self.jobs.loop.immediate:
            self._catch_up()
        elif self._behind:
            self.jobs.loop.later(self._catch_up, FRAME)

    def _catch_up(self) -> None:
        """Quick work behind the most urgent piece, which is on its way to the screen by now."""
        behind, self._behind = self._behind, []
        if behind:
            with self.jobs.loop.together():
                for request in behind:
                    self._now(request)
            self.changed()

    def _drop_behind(self) -> None:
        for request in self._behind:
            self._asked.pop(request.slot, None)
        self._behind = []

    def cancel(self) -> None:
        """Drop everything that runs; the figures keep what had arrived."""
        if self.jobs is not None:
            self.jobs.cancel_all()
        for slot in self._fractions:
            self._asked.pop(slot, None)
        self._fractions.clear()
        self._held.clear()
        self._resting.clear()
        self._drop_behind()
        self.took = 0.0
        self.working()

    def _forget(self, slot: str) -> None:
        self.jobs.cancel(slot)
        self._resting.drop(slot)
        for book in (self._asked, self._fractions, self._held, self.failed, self._drawn, self.results):
            book.pop(slot, None)
        self._complete.discard(slot)
        self.clear(slot)

    def _ask(self, request: Request) -> None:
        slot = request.slot
        if request.key == self._asked.get(slot) and slot not in self.failed:
            return
        self._asked[slot] = request.key
        self.failed.pop(slot, None)
        self._held.pop(slot, None)
        self._resting.drop(slot)
        if slot in self._complete and request.key == self._drawn.get(slot):
            self.jobs.cancel(slot)
            self._fractions.pop(slot, None)
        elif not request.quick:
            self._submit(request)
        else:
            self.jobs.cancel(slot)  # what a slower request of this slot still delivers would be drawn over it
            self._fractions.pop(slot, None)
            if self._urgent:
                self._urgent = False
                self._now(request)
            else:
                self._behind.append(request)

    def _now(self, request: Request) -> None:
        try:
            self._draw(request, self.jobs.now(request.key, request.work))
            self._complete.add(request.slot)
            self.took = 0.0
        except Exception as error:  # noqa: BLE001 - every failure becomes words
            self.failed[request.slot] = jobs.words(error, request.label)

    def _submit(self, request: Request) -> None:
        slot = request.slot
        self._fractions[slot] = 0.0
        if not self._open:
            self._held[slot] = request
        elif request.rest and not self.jobs.loop.immediate and not self.jobs.kept(request.key):
            self.jobs.cancel(slot)
            self._resting.add(request, self.jobs.loop.later)
        else:
            self._start(request)

    def _start(self, request: Request) -> None:
        slot = request.slot

        def publish(result) -> None:
            self._draw(request, result)
            self.changed()

        def progress(fraction: float) -> None:
            self._fractions[slot] = fraction
            self.working()

        def failed(words: str) -> None:
            self._fractions.pop(slot, None)
            self.failed[slot] = words
            self.changed()

        def finished(seconds: float) -> None:
            self._complete.add(slot)
            self._fractions.pop(slot, None)
            self.took = seconds
            self.changed()

        self.jobs.submit(slot, request.work, key=request.key, label=request.label,
                         publish=publish, progress=progress, failed=failed, finished=finished)

    def _draw(self, request: Request, result: Any) -> None:
        self._complete.discard(request.slot)
        self.results[request.slot] = result
        self._drawn[request.slot] = request.key
        request.show(result)
