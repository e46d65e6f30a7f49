"""Growth curves as one SVG: a small chart for each figure, both axes logarithmic, beside the line of what grows as the cases do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

_ACROSS, _WIDTH, _HEIGHT = 4, 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 56, 40, 26
_LEGEND = "两轴皆为对数；虚线为正比 both axes logarithmic; dashed: proportional"
_DECADES = 3.0
"""Height of each chart: the same for all, so that slopes may be compared."""
_OURS, _PROPORTION, _INK = "#1f5fa8", "#9aa5b1", "#1b2430"


def draw_growth(columns: Mapping[int, Mapping[str, float]]) -> str:
    """Draw every figure that was measured at two sizes or more.

    Parameters
    ----------
    columns
        Number of cases to figure to value.
    """
    names = dict.fromkeys(name for column in columns.values() for name in column)
    series = {name: [(cases, column[name]) for cases, column in sorted(columns.items()) if column.get(name)] for name in names}
    shown = {name: points for name, points in series.items() if len(points) > 1}
    rows = -(-len(shown) // _ACROSS)
    width, height = _ACROSS * _WIDTH, rows * _HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="{_INK}">',
        "<title>随办件数的增长 Growth with the number of cases</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        '<text x="14" y="24" font-size="15" font-weight="bold">随办件数的增长 Growth with the number of cases</text>',
        f'<text x="{width - 14}" y="24" text-anchor="end" fill="#52606d">{_LEGEND}</text>',
    ]
    for number, (name, points) in enumerate(shown.items()):
        parts += _chart(name, points, number % _ACROSS * _WIDTH, 40 + number // _ACROSS * _HEIGHT, (min(columns), max(columns)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(name: str, points: Sequence[tuple[int, float]], left: int, top: int, extent: tuple[int, int]) -> list[str]:
    across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    first, last = extent
    middle = (log10(min(value for _, value in points)) + log10(max(value for _, value in points))) / 2

    def at(cases: float, value: float) -> tuple[float, float]:
        x = left + _LEFT + across * log10(cases / first) / (log10(last / first) or 1)
        y = top + _TOP + up * (0.5 - (log10(value) - middle) / _DECADES)
        return x, min(max(y, top + _TOP), top + _TOP + up)

    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*point) for point in points))
    start, value = points[0]
    factor = min(points[-1][0] / start, 10 ** (_DECADES / 2 + middle - log10(value)))
    (x1, y1), (x2, y2) = at(start, value), at(start * factor, value * factor)
    marks = [
        part
        for cases, figure in points
        for x, y in [at(cases, figure)]
        for part in (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_OURS}"/>',
            f'<text x="{x + 5:.1f}" y="{y - 5:.1f}">{figure:,.4g}</text>',
            f'<text x="{x:.1f}" y="{top + _HEIGHT - 10}" text-anchor="middle" fill="#52606d">{cases:,}</text>',
        )
    ]
    return [
        f'<text x="{left + 14}" y="{top + 18}" font-weight="bold">{escape(name)}</text>',
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{_PROPORTION}" stroke-dasharray="4 3" fill="none"/>',
        f'<path d="M{path}" stroke="{_OURS}" stroke-width="2" fill="none"/>',
        *marks,
    ]
