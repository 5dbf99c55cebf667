"""A lab's state: bounds, presets, links there and back, hostile links."""

from __future__ import annotations

import math

import param
import pytest

from tpapp.state import WIDEST, Preset, State, Width, as_text, format_query, grid, parse_query, parse_width


class Example(State):
    width = Width(4096, low=8)
    depth = param.Integer(3, bounds=(1, 20))
    sigma = param.Number(1.4142, bounds=(0.0, 3.0))
    phi = param.Selector(objects=["relu", "tanh"], default="relu")
    bias = param.Boolean(True)
    title = param.String("", regex=r"^[a-z ]*$")
    upload = param.Parameter(None, precedence=-1)


DEEP = Preset("Deep", {"depth": 12, "phi": "tanh"}, question="Does depth matter?")
PRESETS = {"plain": Preset("Plain"), "deep": DEEP}


@pytest.fixture
def state():
    return Example(PRESETS)


def test_defaults_are_not_in_the_link(state):
    assert state.query("ex") == {} and state.changed == []
    state.depth = 4
    assert state.query("ex") == {"ex.depth": "4"}


def test_a_preset_is_one_word_of_the_link_and_resets_the_rest(state):
    state.depth = 4
    state.choose("deep")
    assert (state.depth, state.phi) == (12, "tanh")
    assert state.query("ex") == {"ex.preset": "deep"}
    state.phi = "relu"
    assert state.query("ex") == {"ex.preset": "deep", "ex.phi": "relu"}
    state.reset()
    assert state.query("ex") == {"ex.preset": "deep"}


def test_a_link_brings_everything_back(state):
    state.choose("deep")
    state.param.update(width=math.inf, sigma=0.123456789012345, bias=False, title="a b", depth=1)
    link = format_query(state.query("ex"))
    again = Example(PRESETS)
    assert again.read("ex", parse_query(link)) == []
    assert again.snapshot() == state.snapshot()


def test_a_link_means_the_same_wherever_it_is_opened(state):
    state.param.update(depth=7, width=64)
    state.read("ex", {"ex.sigma": "2"})
    assert (state.depth, state.width, state.sigma) == (3, 4096, 2)


def test_constructor_values_are_taken_after_the_preset():
    state = Example(PRESETS, preset="deep", width=128)
    assert (state.depth, state.width, state.preset) == (12, 128, "deep")


@pytest.mark.parametrize(
    ("name", "text", "value", "word"),
    [
        ("depth", "99", 20, "outside 1 to 20 and became 20"),
        ("depth", "-3", 1, "became 1"),
        ("depth", "2.5", 3, "not a whole number"),
        ("depth", "1e400", 3, "not a whole number"),
        ("sigma", "nan", 1.4142, "not a number"),
        ("sigma", "inf", 1.4142, "not a number"),
        ("phi", "__import__('os')", "relu", "not one of relu, tanh"),
        ("bias", "maybe", True, "neither true nor false"),
        ("width", "7", 8, "Widths run from 8 to 1,000,000"),
        ("width", "1e30", WIDEST, "became 1,000,000"),
        ("width", "<b>", 4096, "must be a number"),
        ("title", "A<B", "", "left out"),
        ("title", "a" * 500, "", "longer than 200"),
        ("upload", "x", None, "means nothing"),
        ("__class__", "x", None, "means nothing"),
    ],
)
def test_hostile_values_are_bounded_or_left_out_with_a_word(state, name, text, value, word):
    words = state.read("ex", {f"ex.{name}": text})
    assert len(words) == 1 and word in words[0]
    if name != "__class__":
        assert getattr(state, name) == value


def test_a_wild_preset_is_left_out(state):
    assert "not one of plain, deep" in state.read("ex", {"ex.preset": "../etc"})[0]
    assert state.preset == "plain"


def test_other_labs_parameters_are_not_ours(state):
    assert state.read("ex", {"other.depth": "9", "page": "ex"}) == []
    assert state.depth == 3


def test_wild_queries_are_parsed_without_complaint():
    assert parse_query("?" + "&".join(f"a{i}=1" for i in range(500))) == {}
    assert parse_query("?a=1&a=2") == {"a": "1"}
    assert parse_query("?a=%ff%fe") == {"a": "\ufffd\ufffd"}
    assert len(parse_query("?a=" + "x" * 100_000)["a"]) < 10_000


@pytest.mark.parametrize(
    ("text", "width"),
    [("4096", 4096), ("4,096", 4096), (" n = 300 ", 300), ("1e5", 100_000), ("10^6", 10**6), ("20k", 20_000),
     ("1M", 10**6), ("∞", math.inf), ("inf", math.inf), ("1,000", 1000), ("1 000", 1000), ("n=1,000,000", 10**6),
     ("1\u202f000", 1000), ("262 144", 262_144), ("1_000", 1000), ("2 ^ 10", 1024), ("1.5k", 1500), ("n = ∞", math.inf),
     ("1,024.0", 1024), ("limit", math.inf)],
)
def test_typed_widths(text, width):
    assert parse_width(text) == (width, "")


@pytest.mark.parametrize("text", ["", "many", "nan", "-inf", "(2)", "0^-1", "1+1", "0.5,,1", "1,00",
                                  "1,0000", "0,1000", "1,000 000", "0,500", "1 0", "12,345,6", "10,24", "1__000",
                                  "1.000.000", "n", "nn5", "5n", "1e", "e5", "--5", "1ee5", "5k k", "0x10", ",100",
                                  "100,", "²", "1e5^", "^3", "١٠٠"])  # fmt: skip
def test_what_is_no_width_is_said(text):
    with pytest.raises(ValueError, match="must be a number from 8"):
        parse_width(text)


def test_widths_that_were_cut_or_rounded_are_told():
    for text, width, word in (("-5", 8, "run from 8"), ("0.5", 8, "run from 8"), ("1e999", WIDEST, "run from 8"),
                              ("10^999", WIDEST, "run from 8"), ("12.4", 12, "are whole numbers, so 12.4 became 12")):
        found, said = parse_width(text)
        assert found == width and isinstance(found, int) and word in said, text


def test_the_grid_is_powers_of_two_and_a_million():
    assert grid(8)[:3] == (8, 16, 32) and grid(8)[-2:] == (524_288, 1_000_000)
    assert grid(2)[0] == 2
    assert all(a < b for a, b in zip(grid(2), grid(2)[1:]))


@pytest.mark.parametrize("bad", [4, 2.5, WIDEST + 1, "8", True, math.nan, -math.inf, None])
def test_a_width_out_of_range_cannot_be_set(state, bad):
    with pytest.raises(ValueError, match="width"):
        state.width = bad


def test_snapshots_are_frozen_and_hashable(state):
    shot = state.snapshot()
    assert hash(shot) == hash(state.snapshot()) and shot.depth == 3
    with pytest.raises(AttributeError):
        shot.depth = 4
    state.depth = 4
    assert shot.depth == 3


@pytest.mark.parametrize("value", [True, False, 3, 0.1, 1e-17, 2.0, math.inf, "relu"])
def test_texts_of_values(value):
    text = as_text(value)
    back = {"1": True, "0": False}.get(text) if isinstance(value, bool) else type(value)(text)
    assert back == value


def test_the_rounding_of_a_sliders_steps_is_nobodys_wish(state):
    state.sigma = 1.3 + 0.1
    assert state.sigma != 1.4, "the slider's own arithmetic"
    assert state.snapshot().sigma == 1.4 and state.query("ex") == {"ex.sigma": "1.4"}
    state.sigma = 1.4142 + 2**-52
    assert state.changed == [] and state.snapshot().sigma == 1.4142
    state.sigma = math.sqrt(2)
    assert state.snapshot().sigma == math.sqrt(2) and state.query("ex") == {"ex.sigma": repr(math.sqrt(2))}
