"""The Kernels lab's inputs: pictures to click, menus of the rows, where they come from, sentences, a file."""

from __future__ import annotations

import panel as pn

from tpapp import uploads
from tpapp.compute.kernels_nets import Rows
from tpapp.dropper import dropper
from tpapp.labs.kernels_state import DATA
from tpapp.plots import Thumbnails, data_uris
from tpapp.results import Inputs
from tpapp.widgets import dress, escape, row, section
from tpcore.errors import Misuse

LONG = 8  # letters of a row's name that fit half the column
FIRST = {"digits": (1, 10), "all": (1, 10), "sentences": (0, 8), "graph": (0, 33), "upload": (0, 1)}


class InputControls(pn.viewable.Viewer):
    """The section "Inputs" of a `KernelsLab`."""

    def __init__(self, lab, **params):
        super().__init__(**params)
        self.lab, self.state = lab, lab.state
        self.shown = self.rows_shown = None
        self.second = self.filling = False
        self.thumbnails = Thumbnails(lab.trio, theme=lab.theme, on_pick=self.pick)
        self.menus = {name: dress(pn.widgets.Select(label=label, options={}), "beside")
                      for name, label in {"x": "x", "x2": "x′"}.items()}
        for name, widget in self.menus.items():
            widget.param.watch(lambda event, name=name: self._chose_row(name, event.new), "value")
        self.source = dress(pn.widgets.Select(label="Data", options=sources(None), value=self.state.data), "beside")
        self.source.param.watch(lambda event: self._chose_source(event.new), "value")
        self.text = dress(pn.widgets.TextAreaInput(label="Sentences, one a line", value=self.state.text, height=108,
                                                   max_length=600, visible=False), "field", "area")  # fmt: skip
        self.text.param.watch(lambda event: self._typed(event.new), "value")
        self.both = row(*self.menus.values(), parts=("halves",))
        self._root = section("Inputs", self.thumbnails.pane, self.text, self.both, self.source,
                             dropper(self.take_file), aside=" ")  # fmt: skip

    # -- what a visitor does -----------------------------------------------------------------------------------

    def pick(self, k: int) -> None:
        """Clicks on inputs move x and x' in turns: to the first row of the input."""
        items = self.rows_shown.items if self.rows_shown is not None else ()
        if k in items:
            setattr(self.state, "x2" if self.second else "x", items.index(k))
            self.second = not self.second

    def take_file(self, name: str, content: bytes) -> None:
        """An uploaded file: shown if it can be, else words; what was shown stays."""
        try:
            read = uploads.read(name, content)
        except Misuse as refusal:
            self.lab.flow.failed["upload"] = str(refusal)
            self.lab.flow.changed()
            return
        self.state.param.update(upload=read, data="upload", x=0, x2=1)

    def _chose_row(self, name: str, k: int | None) -> None:
        if not self.filling and k is not None:
            setattr(self.state, name, k)

    def _chose_source(self, data: str) -> None:
        if not self.filling:
            x, x2 = FIRST.get(data, (0, 1))
            self.state.param.update(data=data, x=x, x2=x2)

    def _typed(self, text: str) -> None:
        if not self.filling:
            try:
                self.state.param.update(text=text, x=0, x2=1)
            except ValueError as refusal:
                self.lab.complain(str(refusal))

    # -- what it shows -----------------------------------------------------------------------------------------

    def show(self, s, X: Inputs, rows: Rows, i: int, j: int) -> bool:
        """Pictures, names and marks; whether the rows are new."""
        self.filling = True
        try:
            new = (self.shown, self.rows_shown) != (X, rows)
            if new:
                self._inputs(s, X, rows, i, j)
            for widget, value in ((self.menus["x"], i), (self.menus["x2"], j), (self.source, s.data)):
                if widget.value != value:
                    widget.value = value
            typed = s.data == "sentences"
            if self.text.visible != typed:
                self.text.visible = typed
            if self.text.value != s.text:
                self.text.value = s.text
        finally:
            self.filling = False
        return new

    def mark(self, rows: Rows, i: int, j: int) -> None:
        """Boxes around the inputs of rows i and j."""
        self.thumbnails.mark(rows.items[i], rows.items[j])

    def _inputs(self, s, X: Inputs, rows: Rows, i: int, j: int) -> None:
        self.shown, self.rows_shown = X, rows
        uris = data_uris(X.images)
        self.lab.trio.inputs(rows.labels, [uris[item] for item in rows.items] if uris else [])
        self.thumbnails.update(X.images)
        self._root.objects[0].object = heading(X)
        options = dict(zip(rows.names, range(len(rows))))
        beside = 1 if max(map(len, rows.names)) > LONG else 2
        self.both.styles = {"grid-template-columns": f"repeat({beside}, minmax(0, 1fr))"}
        for name, k in (("x", i), ("x2", j)):
            self.menus[name].param.update(options=options, value=k)
        if self.source.options != sources(s.upload):
            self.source.options = sources(s.upload)

    def __panel__(self):
        return self._root


def heading(X: Inputs) -> str:
    """The head of the inputs' section."""
    how = " · click x, then x′" if X.images is not None else ""
    return f'<div class="tp-head"><h2>Inputs</h2><span>{escape(X.name)}{how}</span></div>'


def sources(upload: Inputs | None) -> dict[str, str]:
    """What the inputs may be; an upload once there is one."""
    options = {words: key for key, words in DATA.items()}
    return options if upload is None else options | {upload.name: "upload"}
