"""Pairings of points on a circle, drawn as small SVG discs."""

from __future__ import annotations

from math import cos, pi, sin

CSS = """
p.tp-pairs-caption { margin: 0 0 8px; color: var(--tp-ink2, inherit);
  font: 400 var(--tp-body, 14px)/var(--tp-body-line, 20px) var(--tp-font, system-ui, sans-serif); }
sub { line-height: 0; }
div.tp-pairs { display: flex; flex-wrap: wrap; gap: 6px; }
div.tp-pairs svg { width: calc(3.05 * var(--tp-body, 14px)); height: auto; flex: none; }
"""
_WORDS = ("no", "two", "four", "six", "eight", "ten")


def disc(pairs) -> str:
    """One pairing of 2k points: each pair is a curve through the disc."""
    points = 2 * len(pairs)
    place = [(24 + 20 * cos(2 * pi * i / points), 24 - 20 * sin(2 * pi * i / points)) for i in range(points)]
    curves = "".join("M{:.1f} {:.1f}Q24 24 {:.1f} {:.1f}".format(*place[i], *place[j]) for i, j in pairs)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in place)
    words = ", ".join(f"{i + 1} with {j + 1}" for i, j in pairs)
    return (f'<svg viewBox="0 0 48 48" role="img" aria-label="{words}"><circle cx="24" cy="24" r="20" fill="none" '
            f'stroke="var(--tp-control, #868D99)" stroke-width="0.8"/><path d="{curves}" fill="none" '
            f'stroke="var(--tp-ink, #13161C)" stroke-width="1.75"/><g fill="var(--tp-ink, #13161C)">{dots}</g></svg>')


def drawing(pairings) -> str:
    """All noncrossing pairings of 2k points, with their number."""
    k, count = len(pairings[0]), len(pairings)
    ways = "the only way" if count == 1 else "the ways"
    caption = f"C<sub>{k}</sub> = {count}: {ways} to pair {_WORDS[k]} points without a crossing"
    return f'<p class="tp-pairs-caption">{caption}</p><div class="tp-pairs">{"".join(map(disc, pairings))}</div>'
