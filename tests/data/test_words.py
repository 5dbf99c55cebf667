"""Words: the vectors' making against plain loops, free text, files of one's own, the cache on disk."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

import tpcore as tp
from tpcore.data import cache, cooccurrence, load_words
from tpcore.data.words import Words, words
from tpcore.errors import Misuse

TEXT = "A cat sat on a mat, one cat. On x.y the cat_1 sat!\n\na mat"


@pytest.fixture(scope="module")
def reference_words():
    return words()


def test_sentences_end_where_sentences_end_and_names_are_no_words():
    assert cooccurrence.sentences(TEXT) == [
        ["a", "cat", "sat", "on", "a", "mat", "one", "cat"], ["on", "the", "sat"], ["a", "mat"],
    ]  # fmt: skip
    assert cooccurrence.sentences("The class’s built-in __init__: e.g. x1 2") == [["the", "class's", "built-in"]]


def test_counts_by_loops():
    parts = cooccurrence.sentences(TEXT)
    vocabulary, C = cooccurrence.counts(parts, least=2, window=2)
    assert vocabulary == ["a", "cat", "mat", "on", "sat"], "the most frequent first, then by the alphabet"
    want = np.zeros((5, 5))
    for part in parts:
        part = [w for w in part if w in vocabulary]
        for i, v in enumerate(part):
            for j, w in enumerate(part):
                if 0 < abs(i - j) <= 2:
                    want[vocabulary.index(v), vocabulary.index(w)] += 1 / abs(i - j)
    np.testing.assert_allclose(C.toarray(), want)


def test_ppmi_by_its_formula():
    C = np.array([[0, 2.0, 0.5], [2.0, 4.0, 0], [0.5, 0, 0.25]])
    joint = C / C.sum()
    context = joint.sum(0) ** 0.75 / (joint.sum(0) ** 0.75).sum()
    with np.errstate(divide="ignore"):
        want = np.maximum(np.log(joint / np.outer(joint.sum(1), context)), 0)
    assert 0 < (want > 0).sum() < 7, "some are cut off"
    np.testing.assert_allclose(cooccurrence.ppmi(sparse.csr_array(C), 0.75).toarray(), want, atol=1e-14)


def test_factors_are_those_of_the_dense_decomposition_with_signs():
    M = np.random.default_rng(0).exponential(size=(30, 30))
    X = cooccurrence.factors(sparse.csr_array(M), 5)
    U, S, _ = np.linalg.svd(M)
    want = U[:, :5] * np.sqrt(S[:5])
    want *= np.sign(want[np.abs(want).argmax(0), np.arange(5)])
    np.testing.assert_allclose(X, want, atol=1e-8)


def test_the_words_of_every_python(reference_words):
    """Nothing here depends on the version of the text: a vocabulary, unit directions, words of a kind together."""
    w = reference_words
    assert 1000 < len(w) < 4000 and w.dimension == 100 and w.vectors.shape == (len(w), 100)
    assert w.vocabulary[0] == "the" and len(set(w.vocabulary)) == len(w)
    np.testing.assert_allclose((w.vectors**2).sum(1) / 100, 1.0)
    for word, other in (("true", "false"), ("list", "tuple"), ("suffix", "prefix"), ("class", "instance")):
        assert other in dict(w.neighbours(word, 40)), (word, other)
    word, cosine = w.neighbours("string", 1)[0]
    assert cosine == pytest.approx(w.sentence("string")[0] @ w.sentence(word)[0] / 100)
    assert tp.data.words() is words(100, "sphere"), "kept in memory"
    assert not w.vectors.flags.writeable


def test_scales(reference_words):
    raw = words(scale="raw")
    norms = np.linalg.norm(raw.vectors, axis=1, keepdims=True)
    assert norms.std() > 0.1
    np.testing.assert_allclose(raw.vectors / norms * 10, reference_words.vectors, atol=1e-12)
    few = words(20, "raw")
    np.testing.assert_allclose(np.abs(few.vectors), np.abs(raw.vectors[:, :20]), atol=1e-6)


def test_free_text(reference_words):
    w = reference_words
    text = "The function’s value, a  Built-in (or CLASS-value) object."
    assert w.tokens(text) == ("the", "function's", "value", "a", "built-in", "or", "class", "value", "object")
    X = w.sentence(text)
    assert X.shape == (9, 100)
    np.testing.assert_array_equal(X[2], X[7])
    assert np.asarray(tp.nngp(tp.nets.RNN("erf", 1, 1, 0), [X, w.sentence("the value")])).shape == (11, 11)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("the functoin", "function"),
        ("a zyzzyx", "“zyzzyx”.*vocabulary"),
        ("", "at least one word"),
        ("... !", "at least one word"),
        ("the " * 257, "at most 256 words"),
        (b"the", "text"),
        ("the " + "q" * 5000, "q{40}”"),
    ],
    ids=lambda text: repr(text)[:16],
)
def test_text_is_refused_in_words(reference_words, text, phrase):
    with pytest.raises(Misuse, match=phrase) as caught:
        reference_words.sentence(text)
    assert len(str(caught.value)) < 300


GLOVE = "the 0.5 -1 2e-1\nThe 1 1 1\ncat 0 0 1.5\n. . 3 4 5\nthe 9 9 9\n"


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_a_glove_file(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text(GLOVE)
    for source, name in ((path, ""), (str(path), ""), (GLOVE.encode(), "small.txt"), (b"5 3\n" + GLOVE.encode(), "x")):
        w = load_words(source, name, scale="raw")
        assert w.tokens("the The CAT") == ("the", "The", "cat") and ". ." in w
        np.testing.assert_array_equal(w.sentence("cat the"), [[0, 0, 1.5], [0.5, -1, 0.2]])
    unit = load_words(path).sentence("cat the")
    np.testing.assert_allclose((unit**2).sum(1) / 3, 1)
    assert "small.txt" in repr(load_words(path))


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array(order):
    X = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
    w = load_words(npy(np.asarray(X, order=order)), "own.npy", scale="raw")
    np.testing.assert_array_equal(w.sentence("3, 1 3"), X[[2, 0, 2]])
    with pytest.raises(Misuse, match="from 1 to 6"):
        w.sentence("7")


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"the\ncat\n", "a word and 1 to"),
        (b"the 1 2\ncat 1\n", "line 2"),
        (b"the 1 2\ncat 1 2x\n", "2 numbers"),
        (b"the 1 2\ncat 1 2 3\ndog x 2 3 4\n", None),
        (b"the 1 nan\n", "finite"),
        (b"the 1 1e9\n", "1,000,000"),
        (b"the 0 0\n", "zero"),
        (b"\xff\xfe\x01 1 2\n", "UTF-8"),
        (b"PK\x03\x04\0\0", "GloVe"),
        (npy(np.ones(3)), "a row a word"),
        (npy(np.ones((2, 2), complex)), "real"),
        (npy(np.array([[{}]], object)), "real"),
        (npy(np.ones((3, 3)))[:-8], "as much data"),
        (npy(np.full((2, 2), np.inf)), "finite"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "header"),
        (3.5, "path"),
        ("no/such/file.txt", "exist"),
    ],
)
def test_bad_files_are_refused_in_words(content, phrase):
    if phrase is None:  # a word with a blank in it, as GloVe's largest file has
        assert load_words(content, "x").vocabulary == ("the", "cat 1", "dog x 2")
        return
    with pytest.raises(Misuse, match=phrase):
        load_words(content, "x.txt")


def test_large_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(Misuse, match="at most 512 MB"):
        load_words(path)
    with pytest.raises(Misuse, match="at most 1 MB"):
        load_words(b"the 1 2\n" * 2**18, "x", max_bytes=2**20)


def test_the_cache_is_read_and_survives_damage(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "deep" / "cache"))
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(3.0), "words": np.array(["a", "bc"])}

    for _ in range(2):
        arrays = cache.kept("name", make)
        assert arrays["words"].tolist() == ["a", "bc"] and len(made) == 1
    (path,) = cache.folder().iterdir()
    for damage in (b"", b"not a zip", path.read_bytes()[:-40]):
        path.write_bytes(damage)
        made.clear()
        assert cache.kept("name", make)["x"].tolist() == [0, 1, 2] and made
    assert list(cache.folder().iterdir()) == [path], "nothing unfinished stays"


def test_no_cache_is_no_obstacle(tmp_path, monkeypatch):
    file = tmp_path / "a file"
    file.write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(file / "below"))
    assert cache.kept("name", lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]


def test_two_processes_at_once_make_the_same_words(tmp_path):
    code = "import hashlib; from tpcore.data.words import words; w = words(10)\n" \
           "print(hashlib.sha256(w.vectors.round(6).tobytes()).hexdigest(), len(w))"  # fmt: skip
    environment = {"TPCORE_CACHE": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (process.communicate(timeout=60)[0] for process in both)
    assert first == second and int(first.split()[1]) > 1000
    assert [p.suffix for p in tmp_path.iterdir()] == [".npz"]


def test_a_vocabulary_is_a_value():
    w = Words("two", ("a", "b"), np.eye(2))
    assert len(w) == 2 and "a" in w and "c" not in w and w.neighbours("a") == [("b", 0.0)]
