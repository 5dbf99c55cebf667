"""The header of a lab: title, preset, reset, copy link, export, and the button of the controls' drawer."""

from __future__ import annotations

import panel as pn

from tpapp import export, theme
from tpapp.reading import COPY
from tpapp.widgets import button, column, dress, escape, html, row

COPY_LINK = COPY.replace("button.tags[0]", """
  (() => {
    const served = document.documentElement.dataset.wired;
    return (served ? location.origin + location.pathname : "http://localhost:5006/app") + button.tags[0];
  })()""")


class Header(pn.viewable.Viewer):
    """Built once by a `Page`; `show` keeps it in step with the state."""

    def __init__(self, page, **params):
        super().__init__(**params)
        self.page = page
        self.drawer: pn.Column | None = None
        options = {preset.label: key for key, preset in page.presets.items()}
        select = pn.widgets.Select(label="Preset", options=options, value=page.state.preset, css_classes=["tp-inline"])
        self.preset = dress(select, "inline", fill=False)
        self.preset.param.watch(self._chosen, "value")
        self.reset = button("Reset", "reset", "quiet", css_classes=["tp-compact"], on_click=lambda event: page.reset())
        self.link = button("Copy link", "link", "quiet", css_classes=["tp-compact"], tags=[""])
        self.link.js_on_click(code=COPY_LINK)
        self.export = button("Export", "export", "quiet", css_classes=["tp-compact", "tp-export"],
                             on_click=lambda event: self._toggle_menu())
        self.menu = column(*export_items(page), parts=("menu",), css_classes=["tp-menu"], visible=False,
                           sizing_mode=None)
        self.controls = button("Controls", "menu", "quiet", css_classes=["tp-only-narrow", "tp-compact"],
                               on_click=lambda event: self._toggle_drawer())

    def _chosen(self, event) -> None:
        if event.new != self.page.state.preset:
            self.page.choose(event.new)

    def shut(self) -> None:
        """Close the export menu."""
        self.menu.visible = False

    def _toggle_menu(self) -> None:
        self.menu.visible = not self.menu.visible

    def _toggle_drawer(self) -> None:
        shut = "tp-open" not in self.drawer.css_classes
        self.drawer.css_classes = ["tp-controls", "tp-open"] if shut else ["tp-controls"]
        self.controls.name = "Hide controls" if shut else "Controls"

    def show(self, state) -> None:
        """Bring the header up to date with the state."""
        if self.preset.value != state.preset:
            self.preset.value = state.preset
        idle = not state.changed
        if self.reset.disabled != idle:
            self.reset.disabled = idle
        link = self.page.link()
        if self.link.tags != [link]:
            self.link.tags = [link]

    def __panel__(self):
        title = html(f"<h1>{escape(self.page.title)}</h1>", "title", sizing_mode=None, css_classes=["tp-lab-title"])
        spacer = html("", sizing_mode="stretch_width", css_classes=["tp-spacer"])
        return row(title, self.preset, spacer, self.controls, self.reset, self.link, self.export, self.menu,
                   parts=("header",), css_classes=["tp-header"])


def export_items(page) -> list:
    """The entries of the export menu: the visible figures as one image, their data, the code."""
    stem = f"{page.slug}-figures"
    images = [button(f"Figures, {kind.upper()}", "image", "quiet", css_classes=["tp-item"]) for kind in export.KINDS]
    for widget, kind in zip(images, export.KINDS):
        export.attach_image(widget, page.plots, kind, stem)
    files = {
        "Data, CSV": (f"{page.slug}.csv", lambda: export.csv(page.data(), page.exported()[0])),
        "Data, NPZ": (f"{page.slug}.npz", lambda: export.npz(page.data(), page.exported()[0])),
        "Code, Python": (f"{page.slug}.py", lambda: export.snippet(page.exported()[1])),
    }
    style = {"css_classes": ["tp-button", "tp-quiet", "tp-item"], "icon": theme.icon("table", 16),
             "icon_size": "16px"}
    downloads = [export.download(label, name, make, **style)
                 for label, (name, make) in files.items()]
    return [*images, *(dress(widget, "item", fill=False) for widget in downloads)]
