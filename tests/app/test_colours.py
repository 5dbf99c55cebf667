"""Colours: one map of widths, legible text, maps centred where they should be."""

import numpy as np
import pytest

from tpapp import colours


@pytest.mark.parametrize("theme", colours.THEMES)
def test_width_map_passes_through_its_anchors_and_is_fixed(theme):
    anchors = colours.WIDTH_ANCHORS[theme]
    at = [8 * (1e6 / 8) ** (k / 4) for k in range(5)]
    assert [colours.width_colour(n, theme) for n in at] == list(anchors)
    assert colours.width_colour(2, theme) == anchors[0] and colours.width_colour(float("inf"), theme) == anchors[-1]
    assert colours.width_colour(1_000_000, theme) == anchors[-1]


def test_width_map_runs_toward_ink():
    widths = np.geomspace(8, 1e6, 30)
    light = [colours.luminance(colours.width_colour(n, "light")) for n in widths]
    dark = [colours.luminance(colours.width_colour(n, "dark")) for n in widths]
    assert np.all(np.diff(light) < 1e-3) and np.all(np.diff(dark) > -1e-3)


def test_oklab_is_inverted_and_known():
    # Ottosson (2020), table of reference values: sRGB red.
    assert colours.to_oklab(colours.rgb("#FF0000")) == pytest.approx([0.6280, 0.2249, 0.1258], abs=2e-4)
    for colour in ("#2F9FA8", "#131F3D", "#FFFFFF", "#000000", "#F0AE3C"):
        assert colours.to_hex(colours.from_oklab(colours.to_oklab(colours.rgb(colour)))) == colour


@pytest.mark.parametrize("theme", colours.THEMES)
def test_text_and_marks_are_legible(theme):
    tokens = colours.TOKENS[theme]
    for text in ("ink", "ink2", "ink3", "kernel", "feature", "unstable", "trivial"):
        for ground in ("surface", "bg"):
            assert colours.contrast(tokens[text], tokens[ground]) >= 4.3, (text, ground)
    for n in np.geomspace(2, 1e6, 25):
        assert colours.contrast(colours.width_colour(n, theme), tokens["surface"]) >= 3.0, n
        assert colours.contrast(colours.width_label(n, theme), tokens["surface"]) >= 4.5, n


def test_themes_have_the_same_tokens():
    assert colours.TOKENS["light"].keys() == colours.TOKENS["dark"].keys()


def test_differences_are_centred_and_ramps_start_transparent():
    assert len(colours.DIFFERENCES) % 2 == 1
    assert colours.DIFFERENCES[127].lower() == "#f5f5f5"
    assert colours.DIFFERENCES[0].lower() == "#543005" and colours.DIFFERENCES[-1].lower() == "#003c30"
    ramp = colours.width_ramp(4096, "light")
    assert ramp[0].endswith("00") and len(set(ramp)) == len(ramp)
    assert colours.grey_ramp("dark")[0] == colours.TOKENS["dark"]["surface"]


def test_gradient_is_css():
    stops = colours.width_gradient("light").split(", ")
    assert stops[0] == "#2F9FA8 0%" and stops[-1] == "#131F3D 100%"
