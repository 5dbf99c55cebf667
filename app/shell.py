"""The served explorer: the frame around the labs, routing, theme, projector mode, keys.

``serve()`` is all that `app/main.py` does. Each lab is built on its first
visit and kept. The address is ``?page=<lab>&<lab>.<name>=...``: sliders
replace the entry of the browser's history, pages and presets push one, and
Back and Forward bring the state back.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
from types import SimpleNamespace

import panel as pn
import param
from markupsafe import Markup
from panel.custom import JSComponent
from panel.io.resources import LOCAL_DIST

from tpapp import shown, sockets, spares, theme
from tpapp.page import Page
from tpapp.state import format_query, parse_query
from tpapp.uploads import MAX_BYTES

LABS = {  # slug: class in tpapp.labs.<slug>; those that exist are shown, in this order
    "averages": "AveragesLab", "matrices": "MatricesLab", "programs": "ProgramsLab", "kernels": "KernelsLab",
    "jacobians": "JacobiansLab", "phases": "PhasesLab", "training": "TrainingLab", "transfer": "TransferLab",
    "spectral": "SpectralLab", "words": "WordsLab",
}
THEMES = ("light", "dark")
SPARE_MS = 1500  # after a visitor's page is on the screen
SCRIPTS_FIRST_MS = 150  # the page is built while the browser reads the scripts, which it has been given by then


def labs() -> list[type[Page]]:
    """The classes of the labs that exist, in the rail's order."""
    found = [slug for slug in LABS if importlib.util.find_spec(f"tpapp.labs.{slug}")]
    return [getattr(importlib.import_module(f"tpapp.labs.{slug}"), LABS[slug]) for slug in found]


class Wire(JSComponent):
    """The browser's address bar, history, keys and theme."""

    address = param.Dict({}, doc="link: the present state's query; push: as a new entry of the history")
    formulas = param.Boolean(False, doc="whether the script that typesets them is wanted; it says so when there")
    largest = param.Integer(MAX_BYTES, doc="bytes of a file that a visitor may send")
    page = param.String(doc="slug of the present lab")

    _esm = theme.asset("stack.js") + theme.asset("wire.js")


class Shell:
    """One visitor's explorer."""

    def __init__(self, classes: list[type[Page]], search: str = "", theme_name: str = "light"):
        self.classes = {lab.slug: lab for lab in classes}
        self.default = "kernels" if "kernels" in self.classes else next(iter(self.classes))
        self.theme = theme_name
        self.projector = self.reduced_motion = self.formulas = False
        self.pages: dict[str, Page] = {}
        sheets = [":host { display: block !important; min-width: 0 !important; }"]
        self.stage = pn.Column(sizing_mode="stretch_width", margin=0, stylesheets=sheets)
        self.wire = Wire(width=0, height=0, margin=0)
        self.wire.on_msg(self._heard)
        self.slug = ""
        self.search = search
        self.wanted = self._slug(parse_query(search))

    def start(self) -> None:
        """Show the page that the address asks for, unless the visitor is already elsewhere."""
        if not self.slug:
            self.go(self.search)
            shown.when_shown(lambda: self.wire.param.update(formulas=True))
            shown.when_shown(self._see_to_the_next)

    def _see_to_the_next(self) -> None:
        doc = pn.state.curdoc
        if doc is not None and doc.session_context is not None:
            doc.add_timeout_callback(self.lay_in, SPARE_MS)

    def _slug(self, query: dict[str, str]) -> str:
        """The lab that a link means; the default one where it means none."""
        slug = query.get("page", self.default)
        return slug if slug in self.classes else self.default

    def go(self, search: str, restore: bool = True) -> None:
        """Show the page of a link: in exactly the link's state (`restore`), or as it was left."""
        query = parse_query(search)
        slug = self._slug(query)
        unknown = query.get("page", slug) != slug
        if self.slug and slug != self.slug:
            self.pages[self.slug].leave()
        self.slug = slug
        page = self._page(slug)
        self.wire.page = slug
        if restore:
            page.read(query)
        page.start()
        self._show(page)
        if unknown:
            known = ", ".join(self.classes)
            page.complain(f"There is no lab “{query['page'][:40]}”; this is {page.title}. The labs are {known}.")
        self._link(False)

    def _page(self, slug: str) -> Page:
        if slug not in self.pages:
            lab = self.classes[slug]
            page = self.pages[slug] = spares.process_spares().take(lab, lambda: lab(framed=True, theme=self.theme))
            page.on_link = self._link
        page = self.pages[slug]
        page.set_style(self.theme, self.projector)
        if self.formulas:
            page.typeset()
        if page.dial is not None:
            page.dial.reduced_motion = self.reduced_motion
        return page

    def lay_in(self) -> None:
        """Another of the present lab, for the next visitor."""
        lab = self.classes[self.slug]
        spares.process_spares().lay_in(lab, lambda: lab(framed=True))

    def _show(self, page: Page) -> None:
        """Pages seen before stay in the document, hidden: coming back costs nothing."""
        with page.together():
            for other in self.pages.values():
                other.root.visible = other is page
            if page.root not in self.stage.objects:
                self.stage.append(page.root)

    def _link(self, push: bool) -> None:
        page = self.pages[self.slug]
        query = page.query
        link = format_query(query if self.slug == self.default and not query else {"page": self.slug, **query})
        self.wire.address = {"link": link or "?", "push": push}

    def _heard(self, event) -> None:
        message = event.data
        if isinstance(message, dict):
            shown.when_heard(lambda: self._obey(message))

    def _obey(self, message: dict) -> None:
        if isinstance(message.get("go"), str):
            self.go(message["go"], restore=message.get("from") != "rail")
        if message.get("theme") in THEMES:
            self.theme = message["theme"]
        if isinstance(message.get("projector"), bool):
            self.projector = message["projector"]
        if isinstance(message.get("motion"), bool):
            self.reduced_motion = message["motion"]
        if message.get("formulas") is True:
            self.formulas = True
        if self.slug:
            page = self._page(self.slug)
            if isinstance(message.get("key"), str):
                page.key(message["key"])
            if isinstance(message.get("large"), str):
                page.complain(f"{message['large'][:80]} is too large: a file may have {MAX_BYTES // 2**20} MB.")


class Frame(pn.Template):
    """`pn.Template` without the description of all its contents that adding a part to it writes anew."""

    def __repr__(self) -> str:
        return "Frame()"


def template(shell: Shell) -> pn.Template:
    """The HTML around a shell."""
    made = Frame(theme.asset("shell.html"))
    made.add_panel("page", shell.stage)
    made.add_panel("wire", shell.wire)
    icons = {name: Markup(theme.icon(name, 20)) for name in ("projector", "moon", "sun", "info")}
    rail = [{"slug": lab.slug, "title": lab.title, "icon": Markup(theme.icon(lab.glyph, 20))}
            for lab in shell.classes.values()]
    favicon = theme.icon("logo", 28).replace("<svg ", '<svg style="color:#626A78" ')
    tokens = theme.tokens_css(":root") + theme.sizes_css("body.tp-projector")
    values = {"tokens": Markup(tokens), "shell_css": Markup(theme.asset("shell.css")),
              "logo": Markup(theme.icon("logo", 28)),
              "icons": SimpleNamespace(**icons), "labs": rail, "page_slug": shell.wanted, "favicon": favicon}
    for name, value in values.items():
        made.add_variable(name, value)
    return made


def _own_stylesheets() -> None:
    """Panel's stylesheets from this server, also in a session that was made ahead of its page's HTML."""
    doc, path = pn.state.curdoc, pn.state.rel_path
    if doc is not None:
        doc.template_variables["dist_url"] = f"{path}/{LOCAL_DIST}" if path else LOCAL_DIST


def serve(classes: list[type[Page]] | None = None) -> None:
    """Serve the explorer to the visitor whose session this is."""
    pn.extension("mathjax", notifications=False)
    _own_stylesheets()
    location = pn.state.location
    search = location.search if location is not None else ""
    cookie = (pn.state.cookies or {}).get("tp-theme", "light")
    asked = parse_query(search).get("theme", cookie)
    classes = classes or labs()
    served = pn.state.curdoc is not None
    sockets.send_at_once()
    if served and not gc.get_freeze_count():
        gc.freeze()  # modules stay: looking through them at every collection would stop all pages for 0.2 s
    if not classes:
        pn.pane.HTML("<p>No lab is installed yet.</p>").servable(title="Tensor Programs Explorer")
        return
    shell = Shell(classes, search, asked if asked in THEMES else "light")
    template(shell).servable(title="Tensor Programs Explorer")
    if served and pn.state.headers:  # a browser asks; else the server warms up
        pn.state.curdoc.add_timeout_callback(lambda: shown.when_heard(shell.start), SCRIPTS_FIRST_MS)
    else:
        shell.start()
        if served:
            gc.freeze()  # and what the first page has loaded
        shell.lay_in()
