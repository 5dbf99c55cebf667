'''What every lab has: `Page`. How to write a lab, and the class that shows it.

A lab is a State (bounded parameters) and a Page (what to compute, how to draw
it, what to say). The frame does the rest: the width dial with Play, presets,
reset, the link, background jobs with progress and cancel, errors in words with
the last good figure kept, the reading column, export, themes, the keyboard.
Only stock Panel widgets and CSS, so a lab also displays in JupyterLab::

    class KernelsState(State):
        width = Width(4096, low=8)                      # the dial; math.inf = the limit alone
        depth = param.Integer(3, bounds=(1, 20), label="Depth")
        phi = param.Selector(objects=["relu", "erf"], default="relu", label="Activation")
        upload = param.Parameter(None, precedence=-1)   # not in the link; must be hashable

    class KernelsLab(Page):
        slug, title, glyph = "kernels", "Kernels", "kernels"    # ?page=kernels; glyph: a symbol of assets/icons.svg
        State = KernelsState
        presets = {"relu": Preset("ReLU on digits"),            # the first one is the default
                   "deep": Preset("Ten layers", {"depth": 10}, question="Does depth matter?")}

        def build(self):                                        # once, before anything else: make the figures
            self.heat = plots.heatmaps(...)
        def controls(self):                                     # left column: a list of sections
            return [section("Network", self.control("depth"), self.control("phi"))]
        def figures(self):                                      # middle: rows of figures
            return [[figure("Limit", "closed form", self.heat), figure(...)], [figure(...)]]
        def requests(self, s):                                  # what this state needs, most urgent first
            yield Request("limit", ("nngp", s.depth, s.phi), lambda progress: compute.nngp(s), self.show_limit, quick=True)
            if s.width < math.inf:
                yield Request("finite", ("draws", s), lambda progress: compute.draws(s, progress), self.show_finite)
        def show_limit(self, result): self.heat.update(...)     # push data into the figure, on the page's event loop
        def claim(self, s): return "A wide random network is a Gaussian process."
        def formula(self, s): return r"$f \\to \\mathcal N(0, K)$"  # LaTeX between dollars, MathJax
        def numbers(self, s): return [Number("Deviation", 0.033, 0.0045), ...]
        def code(self, s): return "import tpcore as tp\\n..."     # must run as shown
        def status(self, s): return "2,000 draws"               # bold line at the right of the dial
        def restyle(self, theme): self.heat.set_theme(theme)    # "light" or "dark"
        def data(self, s): return {"limit": array, ...}         # what CSV and NPZ hold
        def ask_next(self, s): ...                              # optional; default: the presets that have a question

`s` is always the state's snapshot: frozen, hashable, attributes named as the
parameters. `self.results` maps a slot to what it published last (None before,
and for slots the present state does not ask for). A request whose key equals
the one its slot shows is not computed again; with ``quick=True`` it runs at
once on the event loop (a few milliseconds at most) and else in the pool, where
``work(progress)`` may be a generator of partial results (one chunk of 20 to
50 ms a yield). Bad input raises `tpcore.errors.Misuse`, whose words are shown
in the bar under the dial. Text from users goes through `widgets.escape`
wherever markup is accepted (titles and captions of figures, `html`).
'''

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import panel as pn

from tpapp import jobs, theme
from tpapp.dial import Dial
from tpapp.header import Header
from tpapp.reading import Number, Reading, update
from tpapp.state import Preset, State, Width, format_query
from tpapp.strip import Strip
from tpapp.widgets import button, column, control, escape, figure, html, retitle, row, section

__all__ = ["Number", "Page", "Preset", "Request", "State", "Width", "figure", "retitle", "section"]


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
        A few milliseconds: computed at once, before the page returns to the visitor.
    label : str
        What is computed, for the words about a failure.
    """

    slot: str
    key: Hashable
    work: Callable[[Any], Any]
    show: Callable[[Any], None]
    quick: bool = False
    label: str = "the computation"


class Page(pn.viewable.Viewer):
    """A lab. See the guide at the top of this module.

    Parameters
    ----------
    **values
        Values of the lab's state to start from: ``KernelsLab(depth=5, preset="relu", width=1024)``.
    framed : bool
        The shell holds the page (it has the tokens, the themes and the link); False in a notebook.
    theme : {"light", "dark"}
    """

    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""
    glyph: ClassVar[str] = "lab"
    State: ClassVar[type[State]] = State
    presets: ClassVar[dict[str, Preset]] = {"default": Preset("Default")}

    def __init__(self, *, framed: bool = False, theme: str = "light", on_link: Callable[[bool], None] | None = None, **values):
        super().__init__()
        self.framed, self.theme, self._on_link = framed, theme, on_link
        self.state = self.State(self.presets, **values)
        self.results: dict[str, Any] = {}
        self.jobs: jobs.Jobs | None = None
        self._shown: dict[str, Hashable] = {}
        self._asked: dict[str, Hashable] = {}
        self._fractions: dict[str, float] = {}
        self._failed: dict[str, str] = {}
        self._words, self._held, self._started, self._took = "", False, 0.0, 0.0
        self.build()
        self._root = self._frame()
        self.state.param.watch(self._changed, [n for n in self.state.param if n != "name"])

    # -- what a lab gives --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the figures."""

    def controls(self) -> Sequence:
        """The left column: sections."""
        return []

    def figures(self) -> Sequence[Sequence]:
        """The middle: rows of figures."""
        return []

    def requests(self, s) -> Iterable[Request]:
        """What the state `s` needs computed, most urgent first."""
        return []

    def claim(self, s) -> str:
        """One sentence that is true of `s`."""
        return ""

    def formula(self, s) -> str:
        """LaTeX, between dollars."""
        return ""

    def numbers(self, s) -> Sequence[Number]:
        """The numbers table."""
        return []

    def code(self, s) -> str:
        """A snippet that reproduces the figures as it stands."""
        return ""

    def status(self, s) -> str:
        """The bold line at the right of the dial: how many draws, say."""
        return ""

    def restyle(self, theme: str) -> None:
        """Draw the figures in the theme "light" or "dark"."""

    def data(self, s) -> dict[str, Any]:
        """Name -> array: what the export of data holds."""
        return {}

    def ask_next(self, s) -> list[tuple[str, Callable[[], None]]]:
        """(question, what to do) of the chips under the figures. Default: the other presets that have a question."""
        return [(preset.question, lambda key=key: self.choose(key))
                for key, preset in self.presets.items() if preset.question and key != s.preset]

    # -- what a lab uses ---------------------------------------------------------------------------------------

    def control(self, name: str, label: str | None = None, **params) -> pn.widgets.Widget:
        """The dressed widget of a parameter, linked both ways (see `widgets.control`)."""
        return control(self.state.param[name], label, **params)

    def complain(self, words: str) -> None:
        """Say `words` in the bar under the dial, until the next change that works."""
        self._words = words
        self._tell()

    def choose(self, preset: str) -> None:
        """Take a preset, as from its menu: a new entry of the browser's history."""
        self._set(lambda: self.state.choose(preset), push=True)

    def reset(self) -> None:
        """Back to what the preset says."""
        self._set(self.state.reset, push=True)

    @property
    def query(self) -> dict[str, str]:
        """The link's parameters of this lab."""
        return self.state.query(self.slug)

    def read(self, query: dict[str, str]) -> None:
        """Take the state from a link; its corrections are told in words."""
        words: list[str] = []
        self._set(lambda: words.extend(self.state.read(self.slug, query)), push=None)
        if words:
            self.complain(" ".join(words[:3]))

    def set_theme(self, theme: str) -> None:
        """Draw in the theme "light" or "dark"."""
        if theme != self.theme:
            self.theme = theme
            self.restyle(theme)

    # -- keys, called by the shell -----------------------------------------------------------------------------

    def key(self, name: str) -> None:
        """Do what a key means: "play", "back", "on", "code"."""
        act = {"play": self.dial.toggle, "code": self.reading.toggle_code,
               "back": lambda: (self.dial.stop(), self.dial.step(-1)), "on": lambda: (self.dial.stop(), self.dial.step(1))}
        if name in act:
            act[name]()

    def leave(self) -> None:
        """The visitor goes to another lab: stop playing, drop what is being computed."""
        self.dial.stop()
        self._cancel()

    # -- state -> jobs -> figures ------------------------------------------------------------------------------

    def start(self) -> None:
        """Compute and show the present state. Called when the page is first displayed."""
        if self.jobs is None:
            self.jobs = jobs.Jobs()
            self.restyle(self.theme)
        self._refresh()

    def _set(self, change: Callable[[], None], push: bool | None) -> None:
        self._held = True
        try:
            change()
        finally:
            self._held = False
        self._words = ""
        if self.jobs is not None:
            self._refresh()
        if self._on_link is not None and push is not None:
            self._on_link(push)

    def _changed(self, *events) -> None:
        if not self._held:
            preset = any(event.name == "preset" for event in events)
            self._set(self.state.reset if preset else (lambda: None), push=preset)

    def _refresh(self) -> None:
        s = self.state.snapshot()
        try:
            requests = list(self.requests(s))
        except ValueError as error:
            return self._fail("state", str(error))
        self._failed.pop("state", None)
        wanted = {request.slot for request in requests}
        for slot in set(self._asked) - wanted:
            self.jobs.cancel(slot)
            for book in (self._asked, self._fractions, self._failed, self._shown, self.results):
                book.pop(slot, None)
        self._started = time.perf_counter()
        with self.jobs.loop.together():
            for request in requests:
                self._ask(request)
            self._column()

    def _ask(self, request: Request) -> None:
        slot = request.slot
        if request.key == self._asked.get(slot) and slot not in self._failed:
            return
        self._asked[slot] = request.key
        self._failed.pop(slot, None)
        if request.key == self._shown.get(slot):
            self.jobs.cancel(slot)
            self._fractions.pop(slot, None)
        elif request.quick:
            try:
                self._publish(request, self.jobs.now(request.key, request.work))
            except Exception as error:  # noqa: BLE001 - every failure becomes words
                self._fail(slot, jobs.words(error, request.label))
        else:
            self._fractions[slot] = 0.0
            self.jobs.submit(
                slot, request.work, key=request.key, label=request.label,
                publish=lambda result: (self._publish(request, result, False), self._column()),
                progress=lambda fraction: self._progress(slot, fraction),
                failed=lambda words: self._fail(slot, words),
                finished=lambda seconds: self._finish(request, seconds))

    def _publish(self, request: Request, result: Any, final: bool = True) -> None:
        self.results[request.slot] = result
        self._shown.pop(request.slot, None)
        request.show(result)
        if final:
            self._shown[request.slot] = request.key

    def _progress(self, slot: str, fraction: float) -> None:
        self._fractions[slot] = fraction
        self._state_of_work()

    def _finish(self, request: Request, seconds: float) -> None:
        self._shown[request.slot] = request.key
        self._fractions.pop(request.slot, None)
        self._took = seconds
        self._column()

    def _fail(self, slot: str, words: str) -> None:
        self._fractions.pop(slot, None)
        self._failed[slot] = words
        self._column()

    def _cancel(self) -> None:
        if self.jobs is not None:
            self.jobs.cancel_all()
        for slot in list(self._fractions):
            self._asked.pop(slot, None)
        self._fractions.clear()
        self._state_of_work()

    def _column(self) -> None:
        s = self.state.snapshot()
        if not self._failed:
            self.reading.show(self.claim(s), self.formula(s), self.numbers(s), self.code(s))
        self._chips(s)
        self.header.show(self.state)
        self._state_of_work()
        self._tell()

    def _state_of_work(self) -> None:
        busy = self._fractions
        done = sum(busy.values()) / len(busy) if busy else None
        self.strip.show(self.status(self.state.snapshot()), done, self._took)

    def _tell(self) -> None:
        failed = " ".join(dict.fromkeys(self._failed.values()))
        self.strip.tell(failed or self._words, alarm=bool(failed))
        classes = ["tp-figures", "tp-stale"] if failed else ["tp-figures"]
        if self._middle.css_classes != classes:
            self._middle.css_classes = classes

    # -- the frame ---------------------------------------------------------------------------------------------

    def _frame(self) -> pn.Column:
        self.dial = Dial(self.state, self.complain) if "width" in self.state.param else None
        self.reading = Reading()
        self.header = Header(self)
        self.strip = Strip(self.dial, self._cancel)
        self._questions: list[str] = []
        self._ask_row = row(parts=("ask",), css_classes=["tp-ask"])
        controls = column(*self.controls(), parts=("controls",), css_classes=["tp-controls"])
        rows = [row(*figures, parts=("figures",)) for figures in self.figures()]
        stale = html('<p class="tp-last-valid">from the last valid state</p>', "stale", css_classes=["tp-stale-note"])
        self._middle = column(stale, *rows, self._ask_row, parts=("middle",), css_classes=["tp-figures"])
        reading = column(self.reading, parts=("aside",), css_classes=["tp-reading"])
        body = column(controls, self._middle, reading, parts=("body",), css_classes=["tp-body"])
        self.header.drawer = controls
        root = column(self.header, self.strip, body, parts=("lab",), css_classes=["tp-lab"])
        if not self.framed:
            root.stylesheets = [theme.tokens_css(":host"), *root.stylesheets, f":host {{ color-scheme: {self.theme}; }}"]
        pn.state.onload(self.start) if pn.state.curdoc and pn.state.curdoc.session_context else None
        return root

    def _chips(self, s) -> None:
        asked = self.ask_next(s)
        questions = [question for question, _ in asked]
        if questions != self._questions:
            self._questions = questions
            chips = [button(question, kind="chip", on_click=lambda event, act=act: act()) for question, act in asked]
            label = html('<span class="tp-ask-label">Ask next</span>', "ask-label", sizing_mode=None)
            self._ask_row.objects = [label, *chips] if chips else []

    def link(self) -> str:
        """The query of a link that reproduces this page."""
        return format_query({"page": self.slug, **self.query})

    def __panel__(self):
        if self.jobs is None and not self.framed:
            self.start()
        return self._root


def finite(s) -> bool:
    """Whether a snapshot has a finite width (else it asks for the limit alone)."""
    return s.width < math.inf


def note(text: str) -> pn.pane.HTML:
    """A line of small grey text among the controls."""
    return html(f'<p class="tp-note">{escape(text)}</p>', "note")


__all__ += ["finite", "note", "update"]
