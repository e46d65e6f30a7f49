"""Which offsets that were committed still say something of the tables."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from consumers.positions import counts

MARK = "b//+Q/aw/0c1cbd2e-0000-4000-8000-000000000009"
"""Topic ids are told in an alphabet that has slashes."""


@pytest.mark.parametrize(
    ("metadata", "stands"),
    [
        (f"{MARK}/0", True),
        (f"{MARK}/7", True),
        (f"{MARK}/8", False),
        (MARK, False),
        (f"another{MARK}/7", False),
        ("", False),
    ],
    ids=["nothing was inserted", "there", "set back", "of a program that kept none", "of another pair", "somebody else's"],
)
def test_an_offset_counts_for_what_is_in_the_tables(metadata: str, stands: bool) -> None:
    """Its position is there, under the mark that it was committed with."""
    committed = TopicPartition("case-state", 1, 9, metadata)
    assert counts(committed, MARK, {(MARK, 0): 8, (MARK, 1): 7}) is stands


def test_an_offset_counts_by_its_topic_alone_while_no_table_can_be_seen() -> None:
    """Nobody reads a figure meanwhile."""
    committed = TopicPartition("case-state", 1, 9, f"{MARK}/8")
    assert counts(committed, MARK.rpartition("/")[0] + "/", None)
    assert not counts(committed, "another/", None)
