"""Input images: as data URIs for HTML and tooltips, and as a grid whose marks follow the heatmaps."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable

import numpy as np
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, CustomJS, LinearColorMapper, Range1d

from tpapp import colours
from tpapp.plots.base import Plot


def png(image: np.ndarray) -> bytes:
    """An 8-bit grey PNG of `image` (h, w) with values in [0, 1]; ink on paper: 1 is black."""
    grey = np.uint8(np.round(255 * (1 - np.clip(np.asarray(image, float), 0, 1))))
    rows = b"".join(b"\0" + row.tobytes() for row in grey)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def data_uris(images: np.ndarray | None) -> list[str]:
    """``data:image/png;base64,...`` of each image; empty without images."""
    if images is None:
        return []
    return ["data:image/png;base64," + base64.b64encode(png(image)).decode() for image in images]


class Thumbnails(Plot):
    """The inputs in a grid: x and x' boxed, the row and column under the pointer outlined.

    Parameters
    ----------
    kernels : Kernels
        Shares its `point` source: pointing at a cell marks its two inputs here, and pointing at an input
        marks its row and column there, all in the browser.
    on_pick : callable, optional
        ``on_pick(index)`` when an input is tapped.
    """

    COLUMNS = 8
    exported = False

    def __init__(self, kernels, *, theme: str = "light", projector: bool = False,
                 on_pick: Callable[[int], None] | None = None, columns: int = COLUMNS, width: int = 228):  # fmt: skip
        super().__init__("Inputs", name="inputs", theme=theme, projector=projector)
        self.columns, self._count, self._cell = columns, 0, width / columns
        self._on_pick = on_pick
        self.source = ColumnDataSource({"image": [], "x": [], "y": []})
        self.marks = ColumnDataSource({"x": [], "y": [], "text": [], "tx": [], "ty": []})
        self.near = ColumnDataSource({"x": [], "y": []})
        fig = self.axes(height=80, x_range=Range1d(0, columns), y_range=Range1d(1, 0))
        fig.axis.visible, fig.grid.visible, fig.min_border = False, False, 1
        mapper = LinearColorMapper(low=0, high=1)
        self.paint(mapper, palette=lambda s: list(colours.grey_ramp(s.theme)))
        self.paint(fig, background_fill_color="bg", border_fill_color="bg")
        fig.image("image", x="x", y="y", dw=0.88, dh=0.88, source=self.source, color_mapper=mapper)
        near = fig.rect("x", "y", 0.94, 0.94, source=self.near, fill_color=None, line_width=1)
        self.paint(near.glyph, line_color="control")
        boxes = fig.rect("x", "y", 0.96, 0.96, source=self.marks, fill_color=None, line_width=2)
        self.paint(boxes.glyph, line_color="ink")
        self._badge(fig)
        kernels.point.js_on_change("data", CustomJS(
            args={"point": kernels.point, "near": self.near, "columns": columns}, code="""
            const at = [...new Set([...point.data.r, ...point.data.c])].filter((k) => k >= 0)
            near.data = {x: at.map((k) => k % columns + 0.5), y: at.map((k) => Math.floor(k / columns) + 0.5)}
            """))  # fmt: skip
        fig.on_event(Tap, self._tapped)
        self.build(fig)

    def _badge(self, fig) -> None:
        block = fig.rect("tx", "ty", 0.4, 0.42, source=self.marks, line_color=None)
        text = fig.text("tx", "ty", "text", source=self.marks, text_align="center", text_baseline="middle",
                        text_font_style="bold italic", y_offset=0)  # fmt: skip
        self.paint(block.glyph, fill_color="ink")
        self.paint(text.glyph, text_color="surface", text_font_size=lambda s: s.text(11))

    def _tapped(self, event) -> None:
        index = int(np.floor(event.y)) * self.columns + int(np.floor(event.x))
        if self._on_pick is not None and 0 <= event.x < self.columns and 0 <= index < self._count:
            self._on_pick(index)

    def update(self, images: np.ndarray | None) -> None:
        """Show these images (N, h, w); None shows nothing."""
        images = np.zeros((0, 1, 1)) if images is None else np.asarray(images, dtype=np.float32)
        self._count = len(images)
        at = np.arange(len(images))
        self.source.data = {  # the y axis points down: each image is drawn from its bottom edge, flipped
            "image": [np.ascontiguousarray(image) for image in images],
            "x": at % self.columns + 0.06,
            "y": at // self.columns + 0.06,
        }
        rows = max(1, -(-len(images) // self.columns))
        self.fig.y_range.update(start=rows, end=0)
        self.fig.height = int(round(rows * self._cell)) + 2
        self.fig.visible = len(images) > 0
        self.near.data = {"x": [], "y": []}
        self.push()

    def mark(self, i: int, j: int) -> None:
        """Box inputs i (x) and j (x')."""
        at = [i] if i == j else [i, j]
        x = [k % self.columns + 0.5 for k in at]
        y = [k // self.columns + 0.5 for k in at]
        self.marks.data = {
            "x": x, "y": y, "text": ["x = x′" if i == j else "x", "x′"][: len(at)],
            "tx": [v + 0.3 for v in x], "ty": [v - 0.3 for v in y],
        }  # fmt: skip
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        return {"images": np.array(self.source.data["image"])} if self._count else {}
