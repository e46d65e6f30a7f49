"""No promise without a test: that the tests exist is checked with those of all documents (``test_commands.py``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.lines import ROOT

LEAST = {"reliability.md": 25, "security.md": 10}


def promises(page: str) -> Iterator[list[str]]:
    """Rows of the tables of promises: promise, test, and what it came to or how it is tried."""
    promised = False
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            promised = promised or line.startswith("| 承诺")
            if promised and not line.startswith("| 承诺"):
                yield [cell.strip() for cell in line.strip("| ").split(" | ")]
        elif not line.startswith("|--"):
            promised = False


@pytest.mark.parametrize("page", LEAST)
def test_a_page_promises_something(page: str) -> None:
    """Else the test below would hold of nothing."""
    assert len(list(promises(page))) > LEAST[page]


@pytest.mark.parametrize("row", [row for page in LEAST for row in promises(page)], ids=lambda row: row[0][:30])
def test_a_promise_names_the_test_that_holds_it_and_what_it_came_to(row: list[str]) -> None:
    """One command of pytest, and a last cell that is not empty."""
    assert len(row) == 3
    assert row[1].startswith("`pytest tests/")
    assert row[2]
