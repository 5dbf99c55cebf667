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


# -- the cycles behind the pairings ----------------------------------------------------------------------------------

CYCLES_CSS = """
div.tp-cycles { display: flex; flex-wrap: wrap; gap: 6px 12px; }
div.tp-cycles figure { margin: 0; text-align: center; color: var(--tp-ink2, inherit);
  font: 400 var(--tp-caption, 12px)/var(--tp-caption-line, 16px) var(--tp-mono, ui-monospace, monospace); }
div.tp-cycles svg { display: block; margin: 0 auto 2px; width: calc(4.2 * var(--tp-body, 14px)); height: auto; }
"""


def _places(walk: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    """Where the indices stand: leaves side by side, each other one over the middle of its children."""
    depth, parent, children = {0: 0}, {}, {}
    for here, there in zip(walk, (*walk[1:], walk[0])):
        if there not in depth:
            depth[there], parent[there] = depth[here] + 1, here
            children.setdefault(here, []).append(there)
    place, leaves = {}, [0]

    def put(node: int) -> float:
        below = [put(child) for child in children.get(node, [])]
        if below:
            x = sum(below) / len(below)
        else:
            x, leaves[0] = float(leaves[0]), leaves[0] + 1
        place[node] = (x, float(depth[node]))
        return x

    put(0)
    return place


def tree(walk: tuple[int, ...], rows: bool) -> str:
    """A cycle as SVG: the walk goes around the tree, there and back on each edge; row indices are filled."""
    place = _places(walk)
    wide, deep = max(x for x, _ in place.values()), max(y for _, y in place.values())
    step = min(16.0, 44 / max(wide, deep, 1.0))
    at = {i: (32 + step * (x - wide / 2), 32 + step * (y - deep / 2)) for i, (x, y) in place.items()}
    lines = []
    for here, there in zip(walk, (*walk[1:], walk[0])):
        (x, y), (u, v) = at[here], at[there]
        away = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-9)
        dx, dy = -2.2 * (v - y) / away, 2.2 * (u - x) / away
        lines.append(f"M{x + dx:.1f} {y + dy:.1f}L{u + dx:.1f} {v + dy:.1f}")
    even = {i for i, (_, depth) in place.items() if depth % 2 == 0}
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" '
        f'fill="var(--tp-{"ink" if not rows or i in even else "surface"}, #13161C)"/>'
        for i, (x, y) in at.items()
    )
    words = " ".join(str(i + 1) for i in (*walk, walk[0]))
    top, high = min(y for _, y in at.values()) - 6, step * deep + 12
    return (f'<svg viewBox="0 {top:.1f} 64 {high:.1f}" role="img" aria-label="cycle {words}">'
            f'<path d="{"".join(lines)}" fill="none" '
            f'stroke="var(--tp-ink2, #454C59)" stroke-width="1.2"/><g stroke="var(--tp-ink, #13161C)">{dots}</g></svg>')


def cycles(found, rows: bool = False) -> tuple[str, str]:
    """A line about, and all cycles of 2k steps; `found`: (pairing, walk, rows visited).

    With `rows`, each is worth ratio^(rows - 1).
    """
    k, count = len(found[0][0]), len(found)
    words = [_power(visited - 1) if rows else "".join(str(i + 1) for i in (*walk, walk[0]))
             for _, walk, visited in found]  # fmt: skip
    each = [f"<figure>{tree(walk, rows)}{word}</figure>" for (_, walk, _), word in zip(found, words)]
    what = "filled: rows, open: columns; r rows weigh y<sup>r−1</sup>" if rows else f"{2 * k} steps, around a tree"
    word = "cycle" if count == 1 else "cycles"
    caption = f"C<sub>{k}</sub> = {count} {word}; {what}"
    return caption, f'<div class="tp-cycles">{"".join(each)}</div>'


def _power(r: int) -> str:
    return "1" if r == 0 else "y" if r == 1 else f"y<sup>{r}</sup>"
