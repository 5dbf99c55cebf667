"""Uploads: good files are read exactly, hostile ones refused in words, nothing is ever unpickled."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from tests.app.driven import run
from tpapp import uploads
from tpcore.errors import Misuse

GOOD = np.random.default_rng(1).normal(size=(5, 7))


def saved(array, **options) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


class Bomb:
    fired = False

    def __reduce__(self):
        return (setattr, (Bomb, "fired", True))


@pytest.mark.parametrize(
    "array",
    [
        GOOD, np.asfortranarray(GOOD), GOOD.astype(np.float32), GOOD.astype(">f8"), GOOD.astype(np.float16),
        np.arange(1, 13).reshape(4, 3), np.arange(1, 13, dtype=np.uint8).reshape(4, 3), np.eye(3, dtype=bool),
    ],
    ids=lambda a: f"{a.dtype}{'F' if a.flags.f_contiguous else 'C'}",
)  # fmt: skip
def test_npy_is_read_exactly(array):
    inputs = uploads.read("x.npy", saved(array))
    assert inputs.X.dtype == np.float64 and np.array_equal(inputs.X, array.astype(float))
    assert len(inputs.labels) == len(array) and hash(inputs) == hash(uploads.read("x.npy", saved(array)))


@pytest.mark.parametrize(
    "text",
    ["1,2\n3,4.5\n", "a,b\n1,2\n3,4.5", "\ufeff1;2\r\n3;4.5\r\n", "1 2\n\n3   4.5\n# end", "1\t2\n3\t4.5",
     "\ufeff# made by hand\n\na;b\n1;2\n\n3; 4.5", ",0\n1,2\n3,4.5"],
)
def test_csv_is_read_and_the_code_on_show_reads_the_same(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_bytes(text.encode())
    read = uploads.read("x.csv", text.encode())
    assert np.array_equal(read.X, [[1, 2], [3, 4.5]])
    assert np.array_equal(run("import numpy as np\n" + read.code)["X"], read.X)


def test_one_column_is_loaded_as_one_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("height\n1.5\n2\n")
    read = uploads.read("x.csv", (tmp_path / "x.csv").read_bytes())
    assert np.array_equal(run("import numpy as np\n" + read.code)["X"], [[1.5], [2]]) and read.X.shape == (2, 1)


def header(text: str, version=(1, 0)) -> bytes:
    raw = text.encode("latin1")
    size = len(raw).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + size + raw


def npz() -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, x=np.zeros((4000, 4000)))
    return out.getvalue()


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * 50_000_000)
    return out.getvalue()


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9999999), }\n"
EVIL = "{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').system('touch was_run'), 2), }\n"
HOSTILE = {
    "empty file": ("x.npy", b"", "empty"),
    "no ending": ("x", saved(GOOD), ".npy or a .csv"),
    "wrong ending": ("x.pkl", pickle.dumps(GOOD), ".npy or a .csv"),
    "too large": ("x.npy", b"\x93NUMPY" + bytes(9 * 2**20), "at most 8 MB"),
    "npz renamed": ("x.npy", npz(), "zip archive"),
    "zip bomb renamed": ("x.npy", zip_bomb(), "zip archive"),
    "pickle renamed": ("x.npy", pickle.dumps([Bomb()]), "numpy.save"),
    "text renamed": ("x.npy", b"1,2\n3,4", "numpy.save"),
    "object dtype": ("x.npy", saved(np.array([[Bomb()]] * 2, dtype=object), allow_pickle=True), "never unpickled"),
    "structured dtype": ("x.npy", saved(np.zeros(3, dtype=[("a", "f8")])), "plain numbers"),
    "text dtype": ("x.npy", saved(np.array([["a", "b"], ["c", "d"]])), "real numbers"),
    "complex": ("x.npy", saved(GOOD + 1j), "real numbers"),
    "dates": ("x.npy", saved(np.zeros((2, 2), "M8[s]")), "real numbers"),
    "truncated": ("x.npy", saved(GOOD)[:-3], "as much data"),
    "appended": ("x.npy", saved(GOOD) + b"1234", "as much data"),
    "truncated header": ("x.npy", saved(GOOD)[:40], "header"),
    "huge header": ("x.npy", header(" " * 60_000 + HUGE), "header"),
    "huge shape": ("x.npy", header(HUGE) + bytes(64), "2 to 256 rows"),
    "negative shape": ("x.npy", header(HUGE.replace("99999999999", "-4")) + bytes(64), "rows"),
    "code in the header": ("x.npy", header(EVIL) + bytes(64), "header"),
    "unknown version": ("x.npy", header(HUGE, (9, 0)), "header"),
    "one axis": ("x.npy", saved(np.ones(9)), "points (N, d), sequences"),
    "five axes": ("x.npy", saved(np.ones((2, 2, 2, 2, 2))), "points (N, d), sequences"),
    "scalar": ("x.npy", saved(np.float64(3)), "points (N, d), sequences"),
    "long sequences": ("x.npy", saved(np.ones((2, 65, 1))), "at most 64 steps"),
    "large images": ("x.npy", saved(np.ones((2, 33, 2, 1))), "32 x 32 pixels"),
    "an empty sequence": ("x.npy", saved(np.stack([np.ones((3, 2)), np.zeros((3, 2))])), "not zero"),
    "one row": ("x.npy", saved(np.ones((1, 4))), "2 to 256 rows"),
    "no columns": ("x.npy", saved(np.ones((4, 0))), "columns"),
    "too many rows": ("x.npy", saved(np.ones((257, 2))), "257 rows"),
    "too many columns": ("x.npy", saved(np.ones((2, 4097), np.uint8)), "4,097 columns"),
    "nan": ("x.npy", saved(np.where(GOOD > 1, np.nan, GOOD)), "finite"),
    "infinity": ("x.npy", saved(np.array([[1.0, 2], [3, np.inf]])), "row 2 and column 2"),
    "too big": ("x.npy", saved(GOOD * 1e9), "at most 1,000,000"),
    "row of zeros": ("x.npy", saved(np.array([[1.0, 2], [0, 0]])), "zeros in row 2"),
    "csv of words": ("x.csv", b"a,b\nc,d\ne,f", "numbers alone"),
    "csv with a hole": ("x.csv", b"1,2\n3,\n", "numbers alone"),
    "csv with a hole in its first row": ("x.csv", b"1,,2\n3,4,5\n6,7,8\n", "in row 1"),
    "csv with commas at its ends": ("x.csv", b"1,2,\n3,4,\n5,6,\n", "in row 1"),
    "ragged csv": ("x.csv", b"1,2\n3,4,5\n", "equally long"),
    "csv header alone": ("x.csv", b"a,b\n", "header alone"),
    "csv of comments": ("x.csv", b"# a\n\n", "no line"),
    "csv with nan": ("x.csv", b"1,2\nnan,4\n", "finite"),
    "csv in utf-16": ("x.csv", "1,2\n3,4".encode("utf-16"), "UTF-8"),
    "binary csv": ("x.csv", b"1,2\n\x00,4", "binary"),
    "long csv": ("x.csv", b"1,2\n" * 5000, "lines"),
    "formula in csv": ("x.csv", b"1,2\n=cmd|' /C calc'!A0,4", "numbers alone"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_in_words(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, content, words = HOSTILE[case]
    with pytest.raises(Misuse) as refusal:
        uploads.read(name, content)
    assert words in str(refusal.value), str(refusal.value)
    assert len(str(refusal.value)) < 300
    assert not Bomb.fired and not (tmp_path / "was_run").exists()


def test_square_rows_become_images_and_others_do_not():
    digits = np.random.default_rng(0).integers(1, 17, (4, 64)).astype(float)
    inputs = uploads.read("d.npy", saved(digits))
    assert inputs.images.shape == (4, 8, 8) and inputs.images.max() <= 1
    assert inputs.images[1, 2, 3] == pytest.approx(digits[1, 2 * 8 + 3] / 16)
    assert uploads.read("d.npy", saved(digits - 8)).images is None
    assert uploads.read("d.npy", saved(digits[:, :63])).images is None


def test_a_name_is_shown_without_markup_or_path():
    assert uploads.read("../../<img src=x>.npy", saved(GOOD)).name == "_img src_x_.npy"
    assert len(uploads.read("a" * 300 + ".npy", saved(GOOD)).name) <= 40


@pytest.mark.parametrize("shape, kind", [((5, 6), "points"), ((5, 4, 3), "sequences"), ((5, 4, 6, 1), "images")])
def test_arrays_are_what_their_axes_say(shape, kind):
    X = np.random.default_rng(1).random(shape)
    read = uploads.read("x.npy", saved(X))
    assert read.kind == kind and np.array_equal(read.X, X) and len(read) == 5
    if kind == "images":
        assert read.images.shape == (5, 4, 6) and read.images.max() == 1
