"""Uploaded inputs: .npy (points, sequences, images) and .csv (points), checked before and after reading.

Nothing is ever unpickled. Every refusal is a `tpcore.errors.Misuse`: what must hold, what came, what to try.
"""

from __future__ import annotations

import io
import math
import struct

import numpy as np
from numpy.lib import format as npy

from tpapp.results import Inputs
from tpcore.errors import Misuse

MAX_BYTES = 8 * 2**20
MAX_ROWS = 256
MAX_COLUMNS = 4096
MAX_HEADER = 10_000
LARGEST = 1e6
KINDS = {2: "points", 3: "sequences", 4: "images"}  # by the number of axes
MOST_PLACES = {0: 0, 1: 64, 2: 32}  # steps, pixels along an axis
_SMALLEST_NORM = 1e-12


def read(name: str, content: bytes) -> Inputs:
    """Inputs from an uploaded file.

    Parameters
    ----------
    name : str
        The file's name; its ending decides how it is read.
    content : bytes

    Returns
    -------
    Inputs
        Points (N, d), sequences (N, T, d) or images (N, H, W, C), float64, 2 <= N <= 256, at most 4096 values each and
        64 steps or 32 x 32 pixels, real, finite, |x| <= 10^6, no input of zeros. Points of a square number of values
        between 0 and 1, 16 or 255 are also shown as images, and images of one channel are.

    Raises
    ------
    Misuse
        In words, for every file that is not this.
    """
    shown = _shown(name)
    if not isinstance(content, (bytes, bytearray)) or len(content) == 0:
        raise Misuse("The uploaded file must not be empty", f"{shown} with 0 bytes")
    if len(content) > MAX_BYTES:
        raise Misuse(f"An uploaded file must have at most {MAX_BYTES // 2**20} MB", f"{len(content) / 2**20:.1f} MB",
                     "Take fewer rows")  # fmt: skip
    ending = name.lower().rsplit(".", 1)[-1] if "." in name else ""
    if ending not in ("npy", "csv"):
        raise Misuse("An uploaded file must be a .npy or a .csv file", shown, "Save the array with numpy.save")
    X, code = _npy(bytes(content), shown) if ending == "npy" else _csv(bytes(content), shown)
    X = _checked(X.reshape(len(X), -1)).reshape(X.shape)
    rows = tuple(str(k + 1) for k in range(len(X)))
    return Inputs(name=shown, X=X, labels=rows, images=_images(X), code=code, kind=KINDS[X.ndim])


def _shown(name: str) -> str:
    """A visitor's file name, fit to be shown: without path and odd characters, 40 at most."""
    clean = "".join(c if c.isalnum() or c in "._- ()" else "_" for c in str(name).replace("\\", "/").rsplit("/", 1)[-1])
    return clean[-40:] or "upload"


def _npy(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """The array of a .npy file, and the code that loads it.

    Its header is read first, so that nothing is allocated that the file does not contain.
    """
    if content[:2] == b"PK":
        raise Misuse("A .npy file must hold one array", "a zip archive (.npz)", "Save the one array with numpy.save")
    if content[:6] != npy.MAGIC_PREFIX:
        raise Misuse("A .npy file must be written by numpy.save", "something else under that name")
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        reader = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if reader is None:
            raise ValueError("version")
        size = struct.unpack("<H" if version == (1, 0) else "<I", content[8 : 10 if version == (1, 0) else 12])[0]
        if size > MAX_HEADER or size > len(content):
            raise ValueError("header")
        shape, fortran, dtype = reader(stream, max_header_size=MAX_HEADER)
    except Exception:  # noqa: BLE001 - whatever a broken header raises
        raise Misuse("A .npy file must have a readable header", "a damaged one", "Save the array again") from None
    if dtype.hasobject or dtype.fields is not None:
        raise Misuse("The array must hold plain numbers; Python objects are never unpickled", f"dtype {_word(dtype)}")
    if dtype.kind not in "biuf":
        raise Misuse("The array must hold real numbers", f"dtype {_word(dtype)}", "Take X.real or X.astype(float)")
    _shape(shape)
    count = math.prod(shape)
    if len(content) - stream.tell() != count * dtype.itemsize:
        raise Misuse("A .npy file must hold as much data as its header says",
                     f"{len(content) - stream.tell():,} bytes for {count:,} numbers", "Upload it again")  # fmt: skip
    values = np.frombuffer(content, dtype=dtype, count=count, offset=stream.tell())
    X = values.reshape(shape, order="F" if fortran else "C")
    return X, f"X = np.load({name!r}, allow_pickle=False).astype(float)"


def _word(dtype: np.dtype) -> str:
    return str(dtype)[:40]


def _shape(shape: tuple) -> None:
    if len(shape) not in KINDS:
        raise Misuse("The array must be points (N, d), sequences (N, T, d) or images (N, H, W, C)",
                     f"shape {tuple(int(s) for s in shape)}"[:80], "Use X.reshape(len(X), -1)")  # fmt: skip
    places = shape[1:-1]
    if any(not 1 <= size <= MOST_PLACES[len(places)] for size in places):
        steps, side = MOST_PLACES[1], MOST_PLACES[2]
        raise Misuse(f"An upload must have at most {steps} steps, or {side} x {side} pixels",
                     f"shape {tuple(int(s) for s in shape)}"[:80], "Take fewer")  # fmt: skip
    rows, columns = shape[0], math.prod(shape[1:])
    if not (2 <= rows <= MAX_ROWS and 1 <= columns <= MAX_COLUMNS):
        raise Misuse(f"An upload must have 2 to {MAX_ROWS} rows and 1 to {MAX_COLUMNS:,} columns",
                     f"{rows:,} rows and {columns:,} columns")  # fmt: skip


def _csv(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """Numbers separated by commas, semicolons, tabs or blanks, and the code that loads them; one header is skipped."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misuse("A .csv file must be text in UTF-8", "bytes that are not") from None
    if "\0" in text:
        raise Misuse("A .csv file must be text", "binary data")
    every = [line.strip() for line in text.splitlines()]
    lines = [line for line in every if line and not line.startswith("#")]
    if not lines:
        raise Misuse("A .csv file must hold numbers", "no line with data")
    if len(lines) > MAX_ROWS + 1:
        raise Misuse(f"An upload must have 2 to {MAX_ROWS} rows", f"{len(lines):,} lines")
    split = next((mark for mark in (",", ";", "\t") if mark in lines[0]), None)
    rows = [[cell.strip() for cell in line.split(split)] for line in lines]
    skipped = every.index(lines[0]) + 1 if _is_header(rows[0]) else 0
    rows = rows[1:] if skipped else rows
    if not rows:
        raise Misuse("A .csv file must hold numbers", "a header alone")
    _shape((len(rows), len(rows[0])))
    for k, cells in enumerate(rows):
        if len(cells) != len(rows[0]):
            raise Misuse("All rows of a .csv file must be equally long",
                         f"{len(cells)} values in row {k + 1}, {len(rows[0])} in row 1")  # fmt: skip
        for cell in cells:
            if not _is_number(cell):
                raise Misuse("A .csv file must hold numbers alone", f"“{cell[:20]}” in row {k + 1}")
    X = np.array([[float(cell) for cell in cells] for cells in rows])
    return X, _loading(name, split, skipped, content.startswith(b"\xef\xbb\xbf"))


def _is_header(cells: list[str]) -> bool:
    """Whether a first line names columns. A hole among numbers does not, but where the names of rows stand."""
    return any(cell and not _is_number(cell) for cell in cells) or (cells[0] == "" and all(cells[1:]))


def _loading(name: str, split: str | None, skipped: int, marked: bool) -> str:
    """The code that loads such a file as it was read."""
    options = [f"delimiter={split!r}"] * bool(split) + [f"skiprows={skipped}"] * bool(skipped)
    options += ['encoding="utf-8-sig"'] * marked + ["ndmin=2"]
    return f"X = np.loadtxt(\n    {name!r}, {', '.join(options)})"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and len(cell) <= 40


def _checked(values: np.ndarray) -> np.ndarray:
    X = np.array(values, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(X))
    if len(bad):
        at = "row {} and column {}".format(*(int(i) + 1 for i in bad[0]))
        raise Misuse("All values must be finite", f"{values[tuple(bad[0])]} in {at}")
    if np.abs(X).max() > LARGEST:
        raise Misuse(f"All values must be at most {LARGEST:,.0f} in size", f"{np.abs(X).max():.3g}", "Rescale the data")
    empty = np.flatnonzero(np.sqrt((X**2).mean(axis=1)) < _SMALLEST_NORM)
    if len(empty):
        raise Misuse("Every row must have a value that is not zero", f"zeros in row {int(empty[0]) + 1}")
    return X


def _images(X: np.ndarray) -> np.ndarray | None:
    """Rows as square images where they can be ones: non-negative, a square number of values, at least 3 x 3."""
    if X.ndim == 4 and X.shape[3] == 1 and X.min() >= 0 and X.max() > 0:
        return (X[..., 0] / X.max()).astype(np.float32)
    side = math.isqrt(X.shape[1])
    if X.ndim != 2 or side * side != X.shape[1] or side < 3 or X.min() < 0:
        return None
    top = next((level for level in (1, 16, 255) if X.max() <= level), None)
    return None if top is None else (X / top).reshape(-1, side, side).astype(np.float32)
