"""Word vectors of one's own: a GloVe-format text, or an array."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from tpcore import checks
from tpcore.data.words import SCALES, Words, of
from tpcore.errors import Misuse

MAX_BYTES = 512 * 2**20
MAX_WORDS, MAX_DIMENSION, LARGEST = 500_000, 4096, 1e6
MAX_HEADER = 10_000


def load_words(source, name: str = "", *, scale: str = "sphere", max_bytes: int = MAX_BYTES) -> Words:
    """Word vectors from a file.

    Parameters
    ----------
    source : path or bytes
        A text with a word and its numbers on each line, separated by blanks, as GloVe's (word2vec's first line, two
        integers, is passed over); or a ``.npy`` with an array (V, d), whose words are the numbers of its rows from 1
        on: the sentence ``"3 1 2"`` is three of its rows.
    name : str
        The file's name, where `source` is its content; shown in errors.
    scale : {"sphere", "raw"}
        As in `tpcore.data.words`.
    max_bytes : int
        Larger files are refused before they are read.

    Returns
    -------
    Words
        At most 500,000 words of 4,096 finite numbers, |x| <= 10^6. A word that comes twice has its first vector.

    Raises
    ------
    Misuse
        In words, for every file that is not this.
    """
    checks.choice("scale", scale, SCALES)
    content, name = _content(source, name, max_bytes)
    vocabulary, vectors = _array(content) if content[:6] == npy.MAGIC_PREFIX else _text(content, name)
    bad = np.argwhere(~(np.abs(vectors) <= LARGEST))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise Misuse(f"All numbers must be finite and at most {LARGEST:,.0f} in size",
                     f"{vectors[row, column]} for “{vocabulary[row][:40]}”")  # fmt: skip
    return of(name, vocabulary, vectors, scale)


def _content(source, name: str, max_bytes: int) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray)):
        size, read, name = len(source), lambda: bytes(source), name or "the file"
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        name = name or path.name
        if not path.is_file():
            raise Misuse("The file of words must exist", str(source)[:80])
        size, read = path.stat().st_size, path.read_bytes
    else:
        raise Misuse("Words must come from a path or from a file's bytes", type(source).__name__)
    if size > max_bytes:
        raise Misuse(f"A file of words must have at most {max_bytes / 2**20:,.0f} MB", f"{size / 2**20:,.0f} MB",
                     "Take its first lines")  # fmt: skip
    try:
        content = read()
    except OSError as error:
        raise Misuse("The file of words must be readable", str(error.strerror)) from None
    if not content.strip():
        raise Misuse("A file of words must not be empty", name)
    return content, name[-40:]


def _array(content: bytes) -> tuple[list[str], np.ndarray]:
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = header(stream, max_header_size=MAX_HEADER)
    except Exception:  # noqa: BLE001 - whatever a broken header raises
        raise Misuse("A .npy file must have a readable header", "a damaged one", "Save the array again") from None
    if dtype.kind not in "biuf":
        raise Misuse("The array must hold real numbers", f"dtype {dtype}"[:40])
    if len(shape) != 2 or not (1 <= shape[0] <= MAX_WORDS and 1 <= shape[1] <= MAX_DIMENSION):
        raise Misuse(f"The array must have a row a word: 1 to {MAX_WORDS:,} rows, 1 to {MAX_DIMENSION:,} columns",
                     f"shape {shape}"[:60])  # fmt: skip
    count = math.prod(shape)
    if len(content) - stream.tell() != count * dtype.itemsize:
        raise Misuse("A .npy file must hold as much data as its header says", f"{len(content) - stream.tell():,} bytes")
    values = np.frombuffer(content, dtype, count, stream.tell()).reshape(shape, order="F" if fortran else "C")
    return [str(i + 1) for i in range(shape[0])], values.astype(np.float64)


def _text(content: bytes, name: str) -> tuple[list[str], np.ndarray]:
    if b"\0" in content[:4096]:
        raise Misuse("Words must come as a GloVe-format text or a .npy file", f"something else in {name}")
    try:
        lines = [line for line in content.decode("utf-8-sig").split("\n") if line.strip()]
    except UnicodeDecodeError:
        raise Misuse("A file of words must be text in UTF-8", f"bytes that are not, in {name}") from None
    first = lines[0].split()
    if len(first) == 2 and all(field.isdecimal() for field in first) and len(lines) > 1:
        lines = lines[1:]
    dimension = len(lines[0].split()) - 1
    if not 1 <= dimension <= MAX_DIMENSION:
        raise Misuse(f"Each line must be a word and 1 to {MAX_DIMENSION:,} numbers", f"“{lines[0][:40]}”")
    if len(lines) > MAX_WORDS:
        raise Misuse(f"A file must have at most {MAX_WORDS:,} words", f"{len(lines):,}", "Take its first lines")
    vectors, vocabulary = np.empty((len(lines), dimension)), []
    for i, line in enumerate(lines):
        word, *fields = line.strip().rsplit(None, dimension)
        try:
            vectors[i] = np.fromiter(map(float, fields), np.float64, dimension)  # exactly so many
        except ValueError:
            raise Misuse(f"Each line must be a word and {dimension} numbers, as the first is",
                         f"“{line.strip()[:40]}” in line {i + 1}") from None  # fmt: skip
        vocabulary.append(word)
    return vocabulary, vectors
