"""How figures are rounded for people: one rule on the command line, in bulletins and, written again in ``format.js``, on the board.

Halves go up, away from zero: 7 of 400 not archived leave 59.125 points, and 59.13 are shown. Zero has no sign.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_MOST_BELOW_A_WHOLE = Decimal("0.9999")


def rounded(value: float, places: int) -> Decimal:
    """A value with so many decimal places.

    Its first 15 digits are rounded: so many are certain in every double, and so many a spreadsheet looks at. 0.59125 is a half then, which
    no double is exactly.
    """
    found = Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return found or abs(found)


def share(ratio: float) -> Decimal:
    """A ratio to the hundredth of a percent; what is below the whole stays below it, for three cases of 100,000 are three cases."""
    found = rounded(ratio, 4)
    return min(found, _MOST_BELOW_A_WHOLE) if ratio < 1 else found


def percent(ratio: float) -> str:
    """A ratio as it is printed."""
    return f"{share(ratio):.2%}"
