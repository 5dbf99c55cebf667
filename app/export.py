"""Export: the figures as PNG or SVG, drawn by the browser that shows them; their data as CSV or NPZ; the snippet.

No server-side browser and no network: BokehJS paints each live figure once more onto an off-screen
canvas (PNG, two pixels a point) or an SVG context, and all figures are put on one sheet as they stand
on the page, with their titles.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import panel as pn

from tpapp.theme import FONT

KINDS = {"png": "image/png", "svg": "image/svg+xml"}

_SHEET = """
const find = (model) => Bokeh.index.find_one(model)
const views = plots.map((plot, k) => ({view: find(plot), title: titles[k], caption: captions[k]}))
  .filter(({view}) => view != null && view.bbox.width > 1 && view.el.getClientRects().length > 0)
if (views.length === 0) { console.warn("no figure is visible"); return }
const boxes = views.map(({view}) => view.el.getBoundingClientRect())
const HEAD = 44, PAD = 16
const left = Math.min(...boxes.map((b) => b.left)), top = Math.min(...boxes.map((b) => b.top))
const width = Math.ceil(Math.max(...boxes.map((b) => b.right)) - left) + 2 * PAD
const height = Math.ceil(Math.max(...boxes.map((b) => b.bottom)) - top) + 2 * PAD + HEAD
const place = (b) => ({x: b.left - left + PAD, y: b.top - top + PAD + HEAD})
const colour = (plot) => plot.background_fill_color?.value ?? plot.background_fill_color
const paper = colour(views[0].view.model)
const [ink, ink3] = /^#[89a-f]/i.test(paper) ? ["#13161C", "#626A78"] : ["#F3F5F8", "#929CAB"]
const font = "FONT"
const save = (blob) => {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = stem + "." + kind
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10000)
}
"""
_SHEET = _SHEET.replace("FONT", FONT)
_PNG = _SHEET + """
const ratio = Math.max(2, window.devicePixelRatio || 1)
const sheet = document.createElement("canvas")
sheet.width = width * ratio; sheet.height = height * ratio
const ctx = sheet.getContext("2d")
ctx.scale(ratio, ratio)
ctx.fillStyle = paper; ctx.fillRect(0, 0, width, height)
const had = Object.getOwnPropertyDescriptor(window, "devicePixelRatio")
Object.defineProperty(window, "devicePixelRatio", {value: ratio, configurable: true})
try {
  views.forEach(({view, title, caption}, k) => {
    const {x, y} = place(boxes[k]), layer = view.export("png")
    ctx.drawImage(layer.canvas, x, y, boxes[k].width, boxes[k].height)
    ctx.textBaseline = "alphabetic"
    ctx.fillStyle = ink; ctx.font = "600 14px " + font; ctx.fillText(title, x, y - 26)
    ctx.fillStyle = ink3; ctx.font = "12px " + font; ctx.fillText(caption, x, y - 8)
  })
} finally {
  if (had) Object.defineProperty(window, "devicePixelRatio", had); else delete window.devicePixelRatio
}
sheet.toBlob((blob) => save(blob), "image/png")
"""
_SVG = _SHEET + """
const escape = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
const parts = views.map(({view, title, caption}, k) => {
  const {x, y} = place(boxes[k])
  const body = view.export("svg").ctx.get_serialized_svg(true).replace(/<\\?xml[^>]*\\?>/, "")
    .replace(/\\bid="([^"]+)"/g, `id="f${k}-$1"`).replace(/url\\(#([^)]+)\\)/g, `url(#f${k}-$1)`)
    .replace(/href="#([^"]+)"/g, `href="#f${k}-$1"`)
  const text = (dy, size, weight, fill, words) => `<text x="${x}" y="${y - dy}" font-family="${font}" `
    + `font-size="${size}" font-weight="${weight}" fill="${fill}">${escape(words)}</text>`
  return text(26, 14, 600, ink, title) + text(8, 12, 400, ink3, caption)
    + `<g transform="translate(${x} ${y})">${body}</g>`
})
save(new Blob([`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" `
  + `height="${height}" viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="${paper}"/>`
  + parts.join("") + "</svg>"], {type: "image/svg+xml"}))
"""
_CODE = {"png": _PNG, "svg": _SVG}
# Figures and titles are read when the button is pressed: figures that came later stand in the same document, and those
# that are exported keep their titles in their tags.
_PRELUDE = """
const later = plots.flatMap((p) => [...(p.document?._all_models.values() ?? [])])
  .filter((m) => m.type === "Figure" && m.tags.length > 1)
plots = [...new Set([...plots, ...later])]
const titles = plots.map((p) => p.tags[0] ?? ""), captions = plots.map((p) => p.tags[1] ?? "")
"""


def image_call(plots: Sequence[Any], kind: str, stem: str) -> tuple[dict[str, Any], str]:
    """Arguments and JavaScript that save all visible `plots` as one sheet, ``<stem>.png`` or ``<stem>.svg``.

    One figure is named and leads to the others: those that stand lower on a page need not be sent with its first.
    """
    args = {"plots": [plot.fig for plot in plots if plot.exported][:1], "kind": kind, "stem": safe_stem(stem)}
    return args, _PRELUDE + _CODE[kind]


def attach_image(button: pn.widgets.Button, plots: Sequence[Any], kind: str, stem: str) -> None:
    """Make `button` save `plots` (tpapp.plots.Plot) as an image, "png" or "svg"."""
    args, code = image_call(plots, kind, stem)
    button.js_on_click(args=args, code=code)


def safe_stem(stem: str) -> str:
    """A file name without anything but letters, digits, dots, dashes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", stem).strip("-.")[:80] or "figure"


def collect(plots: Sequence[Any]) -> dict[str, np.ndarray]:
    """``{"<figure>.<array>": array}`` of all figures."""
    shown = [plot for plot in plots if plot.exported]
    return {f"{plot.name}.{name}": np.asarray(array) for plot in shown for name, array in plot.data().items()}


def csv(arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> io.BytesIO:
    """Arrays as one tidy table ``array, row, column, value``; the metadata as lines that start with ``#``.

    ``pandas.read_csv(file, comment="#")`` reads it; an array of more than two axes is flattened to two. An entry
    that is NaN (the standard error of a single draw, say) has no line.
    """
    out = io.StringIO(newline="")
    for key, value in (metadata or {}).items():
        out.write(f"# {_line(key)}: {_line(value)}\n")
    out.write("array,row,column,value\n")
    for name, array in arrays.items():
        table = _table(np.asarray(array))
        stem = _line(name).replace(",", ";").replace('"', "'")
        for r, row in enumerate(table.tolist()):
            out.writelines(f"{stem},{r},{c},{value!r}\n" for c, value in enumerate(row) if value == value)
    return io.BytesIO(out.getvalue().encode())


def npz(arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> io.BytesIO:
    """Arrays as a compressed ``.npz`` that loads without pickle; ``metadata`` is a JSON text in it.

    Of an array with NaN in it only the numbers are there, in one axis; ``<name>.row`` and ``<name>.column`` say where
    they stand, as in `csv`.
    """
    out = io.BytesIO()
    numeric = {name: np.asarray(array) for name, array in arrays.items()}
    if any(array.dtype.kind not in "biuf" for array in numeric.values()):
        raise TypeError("only arrays of numbers can be exported")
    known = {name: part for whole in numeric for name, part in _known(whole, numeric[whole]).items()}
    np.savez_compressed(out, metadata=np.array(json.dumps(dict(metadata or {}), default=str)), **known)
    out.seek(0)
    return out


def _table(array: np.ndarray) -> np.ndarray:
    """Rows and columns of an array."""
    return array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)


def _known(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """The array; where it has NaN, its numbers with their rows and columns."""
    if not np.isnan(array).any():
        return {name: array}
    table = _table(array)
    rows, columns = np.nonzero(~np.isnan(table))
    return {name: table[rows, columns], f"{name}.row": rows, f"{name}.column": columns}


def snippet(code: str) -> io.BytesIO:
    """The code of "show the code" as a file."""
    return io.BytesIO((code.rstrip() + "\n").encode())


def download(label: str, filename: str, make: Callable[[], io.BytesIO], **params) -> pn.widgets.FileDownload:
    """A button that builds its file when it is pressed."""
    return pn.widgets.FileDownload(label=label, filename=safe_stem(filename), callback=make, embed=False, **params)


def _line(value: Any) -> str:
    return re.sub(r"[\r\n\x00-\x1f]+", " ", str(value))[:2000]
