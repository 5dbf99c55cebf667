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
            self.law = plots.SpectrumPlot(...)                  # tpapp.plots: they have their title and caption
            self.plots = [self.law, ...]                        # these are restyled and exported
        def controls(self):                                     # left column: a list of sections
            return [section("Network", self.control("depth"), self.control("phi", segmented=True), aside="Netsor")]
        def figures(self):                                      # middle: rows; the very first is the projector's
            # share(view, 2) is twice as wide as its neighbours
            return [[share(self.law.view, 2), self.other.view], [figure("Title", "caption", anything)]]
        def requests(self, s):                                  # what this state needs, most urgent first
            key = ("nngp", s.depth, s.phi)
            yield Request("limit", key, lambda progress: compute.nngp(s), self.show_limit, quick=True)
            if finite(s):
                yield Request("finite", s, lambda progress: compute.draws(s, progress), self.show_finite)
        def show_limit(self, result): self.law.update(result)   # push data into the figure, on the page's event loop
        def clear(self, slot): self.law.update(None)            # the state asks for this slot no more (width ∞, say)
        def claim(self, s): return "A wide random network is a Gaussian process."
        def formula(self, s): return r"$f \\to \\mathcal N(0, K)$"  # LaTeX between dollars, MathJax
        def numbers(self, s): return [Number("Deviation", 0.033, 0.0045), ...]
        def code(self, s): return "import tpcore as tp\\n..."     # must run as shown
        def status(self, s): return "2,000 draws"               # bold line at the right of the dial
        # optional:
        def beside(self): return [self.moments]                 # reading column: views above the numbers
        def restyle(self, theme, projector): ...                # default: every plot's own restyle
        def data(self): return {"limit": array, ...}            # what CSV and NPZ hold; default: every plot's data()
        def ask_next(self, s): return [("Question?", callable)] # default: the presets that have a question
        def hero(self): return AnotherDial(...)                 # default: the width's, where the state has a width

`s` is always the state's snapshot: frozen, hashable, attributes named as the
parameters; methods with a leading underscore belong to the page.
`self.result(slot)` is the slot's (partial) result, None while that does not
belong to the present state. A request whose key equals the one its
slot shows is not computed again; with ``quick=True`` it runs at once on the
event loop (a few milliseconds at most), else in the pool, where
``work(progress)`` may be a generator of partial results (one chunk of 20 to 50
ms a yield). Bad input raises `tpcore.errors.Misuse`, whose words are shown
in the bar under the dial. Text from users goes through `widgets.escape`
wherever markup is accepted (titles and captions of figures, `html`).
'''

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import panel as pn

from tpapp import comms, shown, theme
from tpapp.dial import Dial
from tpapp.flow import Flow, Request
from tpapp.header import Header
from tpapp.hooks import Hooks
from tpapp.layout import Layout
from tpapp.reading import Number, Reading
from tpapp.state import Preset, State, Width, format_query
from tpapp.strip import Strip
from tpapp.widgets import control, figure, note, retitle, section, share

__all__ = ["Number", "Page", "Preset", "Request", "State", "Width",
           "figure", "finite", "note", "retitle", "section", "share"]


AFTER_FIGURES = 0.12


class Page(Hooks, pn.viewable.Viewer):
    """A lab. See the guide at the top of this module.

    Parameters
    ----------
    **values
        Values of the lab's state to start from: ``KernelsLab(depth=5, preset="relu", width=1024)``.
    framed : bool
        The shell holds the page (it has the tokens, the themes and the link); False in a notebook.
    theme : {"light", "dark"}
    """

    def __init__(self, *, framed: bool = False, theme: str = "light",
                 on_link: Callable[[bool], None] | None = None, **values):
        super().__init__()
        self.framed, self.theme, self.projector, self.on_link = framed, theme, False, on_link
        self.plots: list = []
        self.state = self.State(self.presets, **values)
        self.flow = Flow(self.clear, self._soon, self._show_work)
        self._words, self._held, self._due = "", False, False
        self._valid: tuple[dict[str, str], str] | None = None
        self.build()
        self.root = self._frame()
        self.state.param.watch(self._changed, [n for n in self.state.param if n != "name"])

    # -- what a lab uses ---------------------------------------------------------------------------------------

    def control(self, name: str, label: str | None = None, **params) -> pn.widgets.Widget:
        """The dressed widget of a parameter, linked both ways (see `widgets.control`)."""
        return control(self.state.param[name], label, **params)

    def result(self, slot: str) -> Any:
        """The slot's (partial) result if it belongs to the present state, else None."""
        return self.flow.result(slot)

    def together(self):
        """A context in which all changes of the page reach the browser as one message."""
        return self.flow.jobs.loop.together() if self.flow.jobs is not None else nullcontext()

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

    def exported(self) -> tuple[dict[str, str], str]:
        """The link's parameters and the code of what the figures show: while a state is refused, of the last valid."""
        if self.flow.failed and self._valid is not None:
            return self._valid
        return self.query, self.code(self.state.snapshot())

    def read(self, query: dict[str, str]) -> None:
        """Take the state from a link; its corrections are told in words."""
        words: list[str] = []
        self._set(lambda: words.extend(self.state.read(self.slug, query)), push=None)
        if words:
            self.complain(" ".join(words[:3]))

    def set_style(self, theme: str, projector: bool = False) -> None:
        """Draw in the theme "light" or "dark", for a screen or a projector."""
        if (theme, projector) != (self.theme, self.projector):
            self.theme, self.projector = theme, projector
            with self.together():
                self.layout.project(projector)
                self.restyle(theme, projector)

    def typeset(self) -> None:
        """Show formulas: what typesets them is there."""
        self.reading.typeset()

    # -- keys, called by the shell -----------------------------------------------------------------------------

    def key(self, name: str) -> None:
        """Do what a key means: "play", "back", "on", "code", "ask", "escape"."""
        act = {"code": self.reading.toggle_code, "ask": self.layout.toggle_ask, "escape": self.header.shut}
        if self.dial is not None:
            act |= {"play": self.dial.toggle, "back": lambda: self.dial.press(-1), "on": lambda: self.dial.press(1)}
        if name in act:
            with self.together():
                act[name]()

    def leave(self) -> None:
        """The visitor goes to another lab: stop playing, drop what is being computed."""
        if self.dial is not None:
            self.dial.stop()
        with self.together():
            self.flow.cancel()

    def hero(self):
        """The dial across the page: the width's, None where the state has no width, or a lab's own.

        It has `toggle`, `press`, `stop`, `playing` and `reduced_motion`, as `Dial`.
        """
        return Dial(self.state, self.complain, self.together) if "width" in self.state.param else None

    # -- state -> jobs -> figures ------------------------------------------------------------------------------

    def start(self) -> None:
        """Compute and show the present state. Called when the page is first displayed."""
        in_notebook = pn.state.curdoc is None and comms.kernel() is not None
        if self.flow.start(comms.Shown(self.layout.first) if in_notebook else shown.when_shown):
            self.restyle(self.theme, self.projector)
            shown.when_shown(self._complete)
        with self.together():
            self._refresh()

    def _complete(self) -> None:
        with self.together():
            self.layout.complete()

    def _set(self, change: Callable[[], None], push: bool | None) -> None:
        with self.together():
            self._held = True
            try:
                change()
            finally:
                self._held = False
            self._words = ""
            if self.flow.jobs is not None:
                self._refresh()
            if self.on_link is not None and push is not None:
                self.on_link(push)

    def _changed(self, *events) -> None:
        if not self._held:
            preset = any(event.name == "preset" for event in events)
            self._set(self.state.reset if preset else (lambda: None), push=preset)

    def _refresh(self) -> None:
        s = self.state.snapshot()
        self.flow.take(lambda: self.requests(s))
        self._soon()

    def _soon(self) -> None:
        """Bring the words up to date when the figures have gone out: a drag is not slowed by them."""
        if not self._due:
            self._due = True
            self.flow.jobs.loop.later(self._show_words, AFTER_FIGURES)

    def _show_words(self) -> None:
        self._due = False
        with self.together():
            self._say(self.state.snapshot())

    def _say(self, s) -> None:
        if not self.flow.failed:
            code = self.code(s)
            if self.flow.done is None:
                self._valid = self.query, code
            self.reading.show(self.claim(s), self.formula(s), self.numbers(s), code)
        self.layout.ask(self.ask_next(s))
        self.header.show(self.state)
        self._show_work()
        self._tell()

    def _show_work(self) -> None:
        self.strip.show(self.status(self.state.snapshot()), self.flow.done, self.flow.took)

    def _cancel(self) -> None:
        if self.dial is not None:
            self.dial.stop()
        with self.together():
            self.flow.cancel()
        self.complain("Cancelled. The figures show what had arrived.")

    def _tell(self) -> None:
        failed = " ".join(dict.fromkeys(self.flow.failed.values()))
        self.strip.tell(failed or self._words, alarm=bool(failed))
        self.layout.stale(bool(failed))

    # -- the frame ---------------------------------------------------------------------------------------------

    def _frame(self) -> pn.Column:
        self.dial = self.hero()
        self.reading = Reading(self.beside())
        self.header = Header(self)
        self.strip = Strip(self.dial, self._cancel)
        self.layout = Layout(self.header, self.strip, self.controls(), self.figures(), self.reading)
        self.header.drawer = self.layout.controls
        root = self.layout.root
        if not self.framed:
            self.typeset()
            scheme = f":host {{ color-scheme: {self.theme}; }}"
            root.stylesheets = [theme.tokens_css(":host"), *root.stylesheets, scheme]
        return root

    def link(self) -> str:
        """The query of a link that reproduces this page."""
        return format_query({"page": self.slug, **self.query})

    def __panel__(self):
        if self.flow.jobs is None and not self.framed:
            self.start()
        return self.root

    def _repr_mimebundle_(self, include=None, exclude=None):
        return comms.quiet(super()._repr_mimebundle_(include, exclude))


def finite(s) -> bool:
    """Whether a snapshot has a finite width (else it asks for the limit alone)."""
    return s.width < math.inf
