"""What the Programs lab says of lines is true of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tpcore as tp
from tpapp.compute.programs_listing import listing
from tpapp.labs import programs_words as words


def test_reuse_shows_by_inner_products_not_by_correlations():
    lim = tp.limit(tp.gallery.get("w-relu-wx").build())
    assert abs(lim.cov("h2", "x")) < 1e-12 < 0.1 < lim.corr("y", "Wx")  # independent vectors, correlated images
    made = listing("w-relu-wx")
    said = words.explain(made.line_of("y"), made)[1]
    assert "the inner product of h2 and x is not 0" in said


@pytest.mark.parametrize("name", ["wwt", "compressed-sensing", "attention", "layernorm", "mlp-backward"])
def test_the_reason_of_a_fragment_names_the_lines_of_the_page(name):
    made = listing(name)
    number, of = re.search(r"line (\d+), `([\w']+) :=", made.reason).groups()
    assert made.lines[int(number) - 1].name == of


def test_formulas_name_what_stands_in_them():
    made = listing("compressed-sensing")
    line = next(line for line in made.lines if line.function == "survives")
    assert words.explain(line, made)[2].endswith(r"\operatorname{survives}(Z^{\text{r1}}; \text{c4})$")
    made = listing("attention")
    line = next(line for line in made.lines if line.rule == "Moment")
    assert words.explain(line, made)[2].endswith(r"Z^{\text{g4}}_i\,Z^{\text{g4}}_j$")
    made = listing("rnn")
    assert words.explain(made.line_of("g1"), made)[2] == r"$Z^{\text{g1}} = \sum_j c_j\, Z^{U}_j$"


def test_numbers_in_laws_have_no_signed_zero():
    assert [words.short(x) for x in (-7e-5, -4e-4, 0.0, 1e-9)] == ["0"] * 4
    assert [words.short(x) for x in (-6e-4, -2.5, 100.0, 0.5)] == ["−0.001", "−2.5", "100", "0.5"]
    assert not np.signbit(float(words.short(-1e-12)))
