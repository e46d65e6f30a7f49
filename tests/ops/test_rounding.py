"""Figures are rounded by one rule, wherever they are printed. The board has the same examples to keep (``tests/board/test_page.py``)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.bulletin.cells import text
from ops.rounding import percent, rounded, share

SHARES = {
    0.0: "0.00%",
    0.00004: "0.00%",
    0.00005: "0.01%",
    -0.00004: "0.00%",
    -0.00005: "-0.01%",
    473 / 800: "59.13%",
    2 / 3: "66.67%",
    0.06 - 0.055: "0.50%",
    0.99994: "99.99%",
    99_997 / 100_000: "99.99%",
    1 - 1e-12: "99.99%",
    1.0: "100.00%",
    1.00004: "100.00%",
    1.00005: "100.01%",
    12.34565: "1234.57%",
    -1.0: "-100.00%",
}
SCORES = {
    60 - 50 * 7 / 400: "59.13",
    60 - 50 * 7 / 400 + 30: "89.13",
    59.655 + 30: "89.66",
    1.005: "1.01",
    2.675: "2.68",
    0.0: "0.00",
    -0.004: "0.00",
    -0.005: "-0.01",
    59.9949: "59.99",
    100.0: "100.00",
}


@pytest.mark.parametrize(("ratio", "printed"), SHARES.items())
def test_a_ratio_is_printed_in_percent_and_below_the_whole_is_never_a_hundred(ratio: float, printed: str) -> None:
    """Halves go up; an official ratio above the whole may well be printed as one."""
    assert percent(ratio) == text(ratio, "ratio") == printed


@pytest.mark.parametrize(("score", "printed"), SCORES.items())
def test_halves_of_a_score_go_up_although_no_double_is_one(score: float, printed: str) -> None:
    """7 of 400 not archived: 59.125."""
    assert str(rounded(score, 2)) == text(score, "score") == printed


@pytest.mark.parametrize(
    ("change", "printed"), [(0.00125, "+0.13"), (-0.00125, "−0.13"), (0.0, "0.00"), (0.00004, "0.00"), (-0.00004, "0.00")]
)
def test_a_change_has_its_sign_and_none_when_nothing_is_printed(change: float, printed: str) -> None:
    """In percentage points."""
    assert text(change, "points") == printed


@given(st.integers(1, 10_000_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_a_share_of_cases_is_rounded_as_on_paper(cases: tuple[int, int]) -> None:
    """By whole numbers: no half falls on the wrong side, and nothing but all of them is the whole."""
    part, whole = cases
    hundredths = (20_000 * part + whole) // (2 * whole)
    assert share(part / whole) == Decimal(min(hundredths, 10_000 if part == whole else 9_999)).scaleb(-4)
