"""The page without a browser: requests, words, results that belong to the present state, dial, numbers, styles."""

from __future__ import annotations

import math
import re

import panel as pn
import pytest

from tests.app.example import MeansLab, SumsLab
from tpapp import theme
from tpapp.page import Number, Page, Request
from tpapp.reading import figures, highlight, raised, scientific, table
from tpapp.shell import LABS, Shell, labs
from tpapp.widgets import control, css_text
from tpcore.errors import Misuse


class Counting(Page):
    """Two slots, and what was computed, shown and cleared."""

    slug, title, State, presets = "means", "Means", MeansLab.State, MeansLab.presets

    def build(self):
        self.computed, self.drawn, self.cleared = [], [], []

    def requests(self, s):
        if s.forbidden:
            raise Misuse("It must be possible", "the impossible", "Try less")
        yield self.ask("limit", s.scale, s.scale)
        if s.width < math.inf:
            yield self.ask("finite", s.draws, (s.draws, s.width))

    def ask(self, slot, value, key):
        return Request(slot, (self, slot, key), lambda progress: self.work(slot, value), self.drawn.append, quick=True)

    def work(self, slot, value):
        if value == 13:
            raise Misuse("Draws must not be 13")
        self.computed.append((slot, value))
        return slot, value

    def clear(self, slot):
        self.cleared.append(slot)

    def claim(self, s):
        return f"draws {s.draws} <b>"


@pytest.fixture
def page():
    made = Counting()
    made.start()
    return made


def test_only_what_changed_is_computed_again(page):
    assert page.computed == [("limit", 1.0), ("finite", 200)]
    page.state.draws = 50
    assert page.computed[2:] == [("finite", 50)]
    page.state.slow = True
    assert len(page.computed) == 3
    page.state.draws = 200
    assert len(page.computed) == 3 and page.drawn[-1] == ("finite", 200)


def test_at_infinite_width_the_finite_slot_is_cleared(page):
    page.state.width = math.inf
    assert page.cleared == ["finite"] and page.result("finite") is None and page.result("limit") == ("limit", 1.0)


def test_refusals_are_words_and_the_last_result_stays(page):
    page.state.forbidden = True
    words = page.strip.words.object
    assert 'role="alert"' in words and "It must be possible. Got the impossible. Try less." in words
    assert "tp-stale" in page.layout.middle.css_classes and page.result("finite") == ("finite", 200)
    assert "draws 200" in page.reading.claim.object
    page.state.forbidden = False
    assert not page.strip.words.visible and "tp-stale" not in page.layout.middle.css_classes


def test_a_failing_slot_fails_alone_and_recovers(page):
    page.state.draws = 13
    assert "Draws must not be 13" in page.strip.words.object and page.result("finite") is None
    page.state.draws = 14
    assert page.strip.words.object == "" and page.result("finite") == ("finite", 14)


def test_claims_are_escaped(page):
    assert "&lt;b&gt;" in page.reading.claim.object


def test_typed_widths_go_through_words(page):
    page.dial.value.value = "a lot"
    assert "must be a number" in page.strip.words.object and page.dial.value.value == "4,096"
    page.dial.value.value = "1,000"
    assert page.state.width == 1000 and page.strip.words.object == ""
    page.dial.value.value = "1e9"
    assert page.state.width == 10**6 and "became 1,000,000" in page.strip.words.object


def test_steps_along_the_grid_end_at_both_ends(page):
    page.state.width = 3000
    page.dial.step(1)
    assert page.state.width == 4096
    page.dial.step(-1)
    assert page.state.width == 2048
    page.state.width = 10**6
    page.dial.step(1)
    assert page.state.width == math.inf
    page.dial.step(1)
    assert page.state.width == math.inf
    page.state.width = 8
    page.dial.step(-1)
    assert page.state.width == 8


def test_play_stops_at_the_end_and_starts_over(page):
    page.dial._player = type("Player", (), {"stop": lambda self: None})()
    page.state.width = 524_288
    page.dial._tick()
    assert page.state.width == 10**6 and not page.dial.playing


def test_presets_and_reset_push_and_sliders_replace():
    pushes = []
    page = Counting(on_link=pushes.append)
    page.start()
    page.state.draws = 50
    page.choose("uniform")
    page.reset()
    page.state.preset = "normal"
    assert pushes == [False, True, True, True] and page.query == {}


def test_questions_are_the_other_presets():
    page = SumsLab()
    page.choose("uniform")
    assert [question for question, _ in page.ask_next(page.state.snapshot())] == ["What takes long?"]


def test_the_slowest_work_is_cancelled_when_the_page_is_left(page):
    page.leave()
    assert page.flow.done is None and not page.dial.playing


def test_a_shell_routes_reads_and_comes_back():
    shell = Shell([MeansLab, SumsLab], "?page=sums&sums.scale=2&means.scale=3")
    assert shell.wanted == "sums" and not shell.pages, "the frame stands before the page is built"
    shell.start()
    assert shell.slug == "sums" and shell.pages["sums"].state.scale == 2
    shell.go("?page=means", restore=False)
    assert shell.slug == "means" and shell.pages["means"].state.scale == 1.0
    shell.pages["means"].state.scale = 2.5
    assert shell.wire.address == {"link": "?page=means&means.scale=2.5", "push": False}
    shell.go("?page=sums", restore=False)
    assert shell.pages["sums"].state.scale == 2
    shell.go("?page=sums")
    assert shell.pages["sums"].state.scale == 1.0
    shell.go("?page=nowhere")
    assert shell.slug == "means" and "There is no lab" in shell.pages["means"].strip.words.object


def test_the_shell_ignores_wild_messages():
    shell = Shell([MeansLab])
    for data in ({"theme": "dark"}, {"key": "play"}, {"theme": "light"}, {"motion": True}, {"motion": False}):
        shell._heard(type("Event", (), {"data": data})())
    shell.start()
    for data in (None, 3, [], {"go": 5}, {"theme": "<x>"}, {"key": "eval"}, {"motion": "yes"}, {"projector": 2}):
        shell._heard(type("Event", (), {"data": data})())
    assert shell.theme == "light" and shell.slug == "means" and not shell.projector


def test_the_labs_of_the_rail_are_in_the_order_of_the_lectures():
    assert list(LABS)[:4] == ["averages", "matrices", "programs", "kernels"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4096, None, "4,096"), (-0.5, None, "−0.5000"), (0.03297, 0.0045, "0.0330"), (1234.5678, 12.0, "1,235"),
        (2e-15, None, "2 × 10⁻¹⁵"), (0.0, None, "0"), (math.inf, None, "∞"), (math.nan, None, "undefined"),
        ("exact", None, "exact"),
    ],
)  # fmt: skip
def test_numbers_are_written_to_the_second_figure_of_their_error(value, error, text):
    assert figures(value, error) == text


def test_scientific_and_tables():
    assert scientific(-3.2e-6) == "−3.2 × 10⁻⁶"
    markup = table([Number("Deviation", 0.033, 0.0045), Number("<i>", "a & b", note="closed form")])
    assert "0.0330 <small>± 0.0045</small>" in markup and "&lt;i&gt;" in markup and "a &amp; b" in markup
    assert "<td>2 × 10<sup>−15</sup></td>" in table([Number("Error", 2e-15)])


def test_powers_are_raised_and_nothing_else():
    assert raised("they change like n⁻⁰·², x² and n⁻ʳ") == "they change like n<sup>−0.2</sup>, x² and n<sup>−r</sup>"
    assert raised("E ρσ², 1 · 2") == "E ρσ², 1 · 2"
    assert raised("grow like n⁰·⁵, 10⁻¹⁴") == "grow like n<sup>0.5</sup>, 10<sup>−14</sup>"


def test_code_is_escaped_and_whole():
    code = "import tpcore as tp\nx = '<b>'  # a & b\n"
    plain = re.sub(r"<[^>]+>", "", highlight(code))
    assert plain == "import tpcore as tp\nx = &#x27;&lt;b&gt;&#x27;  # a &amp; b\n"


def test_controls_are_linked_both_ways(page):
    widget = control(page.state.param.draws)
    widget.value = 77
    assert page.state.draws == 77
    page.state.draws = 99
    assert widget.value == 99 and (widget.start, widget.end) == (10, 2000)
    assert widget._debounce <= 10


def test_css_texts_cannot_break_out():
    assert css_text('a"}b\\') == '"a\\22 \\7d b\\5c "'


def test_every_part_and_icon_is_there_and_nothing_is_fetched():
    for name in ("base", "lab", "header", "dial", "button", "reading", "numbers", "body"):
        assert ":host" in theme.part(name) or "{" in theme.part(name)
    with pytest.raises(KeyError, match="no icon"):
        theme.icon("nothing")
    for name in ("lab.css", "shell.css", "shell.html", "wire.js"):
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", theme.asset(name))
        assert [url for url in found if "www.w3.org" not in url] == [], name


def test_a_page_displays_in_a_notebook_without_the_shell():
    page = MeansLab(width=64)
    assert page.__panel__() is page.root and page.flow.jobs is not None
    assert any("--tp-ink" in str(sheet) for sheet in page.root.stylesheets)
    assert page.link() == "?page=means&means.width=64"


@pytest.mark.parametrize("lab", labs(), ids=lambda lab: lab.slug)
def test_an_emptied_seed_is_the_last_one(lab):
    """What the browser sends of a field that is emptied, or holds what is no number: None."""
    made = lab(seed=7)
    fields = list(made.root.select(pn.widgets.IntInput))
    assert [field.name for field in fields] == ["Seed"]
    fields[0]._process_events({"value": None, "value_throttled": None})
    assert made.state.seed == 7 and fields[0].value == 7
    fields[0]._process_events({"value": 9})
    assert made.state.seed == 9
