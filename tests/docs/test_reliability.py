"""No promise without a test: that the tests exist is checked with those of all documents (``test_commands.py``)."""

from __future__ import annotations

import pytest

from tests.docs.lines import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| 承诺")
]


def test_the_page_promises_something() -> None:
    """Else the test below would hold of nothing."""
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_a_promise_names_the_test_that_holds_it_and_what_it_came_to(row: list[str]) -> None:
    """Promise, one command of pytest, last figures."""
    assert len(row) == 3
    assert row[1].startswith("`pytest tests/")
    assert row[2]
