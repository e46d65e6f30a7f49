"""The figures as one SVG: a bar to the median, a line from the least to the most. It needs nothing else to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ops.bench.report import Row

_WIDTH, _LEFT, _RIGHT, _TOP, _STEP, _BAR = 1000, 380, 110, 56, 26, 16
_OURS, _OTHERS, _LINE, _INK = "#1f5fa8", "#9aa5b1", "#1b2430", "#1b2430"


def draw(rows: Sequence[Row], title: str) -> str:
    """Draw those that have a figure, the fastest first; ours stand out by colour, and by name for those who do not see it."""
    shown = sorted(
        ((each, each.records_per_s) for each in rows if each.records_per_s is not None), key=lambda pair: pair[1].median, reverse=True
    )
    most = max((figure.most for _, figure in shown), default=1.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    height = _TOP + _STEP * len(shown) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
        '<text x="16" y="44">输入记录/秒，中位数；横线为最小到最大 input records/s, median; the line is min to max</text>',
    ]
    for number, (each, figure) in enumerate(shown):
        y, middle = _TOP + _STEP * number, _TOP + _STEP * number + _BAR / 2
        colour = _OURS if each.name.startswith(("guidang", "product")) else _OTHERS
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(each.title)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{figure.median * scale:.1f}" height="{_BAR}" fill="{colour}"/>',
            f'<path d="M{_LEFT + figure.least * scale:.1f} {middle}H{_LEFT + figure.most * scale:.1f}" stroke="{_LINE}" stroke-width="2"/>',
            f'<text x="{_LEFT + figure.most * scale + 8:.1f}" y="{y + 13}">{figure.median:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
