"""Whether workers would take a record now is answered as workers answer it."""

from __future__ import annotations

import pytest

from ops.dlq.dump import field_shapes, hex_dump
from ops.judge import Judge
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, FEED_HEARTBEAT, ITEM_REGISTRY, codec
from streams.errors import InvalidRecord
from tests.agents.test_cases import CLOSED_MS
from tests.dlq.letters import closed, received

PAPERS = [{"kind": "RESULT", "name": f"{number}", "code": f"{number}", "byte_size": 0, "sha256": ""} for number in range(6_000)]
"""Too many once names and codes are hashes, though not as they are."""
BEAT = {"event_id": "h", "source_system": "s", "complete_through": 1}


@pytest.mark.parametrize(
    ("topic", "key", "value", "reason"),
    [
        (CASE_CLOSED, b"c", None, "NULL_VALUE"),
        (CASE_CLOSED, b"c", closed("c")[:30], "BROKEN_AVRO"),
        (CASE_CLOSED, b"d", closed("c"), "KEY_MISMATCH"),
        (CASE_CLOSED, None, closed("c"), "EMPTY_KEY"),
        (CASE_CLOSED, b"c", received("c"), "UNKNOWN_SCHEMA"),
        (ARCHIVE_RECEIVED, b"c", received("c", received_at=1), "TIME_OUT_OF_RANGE"),
        (ARCHIVE_RECEIVED, b"c", received("c", materials=PAPERS), "RECORD_TOO_LARGE"),
        (ITEM_REGISTRY, b"U1|x", b"{}", "NOT_FRAMED"),
        (FEED_HEARTBEAT, b"s", codec(FEED_HEARTBEAT).encode({**BEAT, "topic": "case-state"}), "UNKNOWN_TOPIC"),
        (FEED_HEARTBEAT, b"s", codec(FEED_HEARTBEAT).encode({**BEAT, "topic": "case-closed", "event_id": ""}), "EMPTY_EVENT_ID"),
        (FEED_HEARTBEAT, b"", codec(FEED_HEARTBEAT).encode({**BEAT, "topic": "case-closed", "source_system": ""}), "EMPTY_SOURCE_SYSTEM"),
    ],
)
def test_what_workers_refuse_is_refused_with_their_reason(topic: str, key: bytes | None, value: bytes | None, reason: str) -> None:
    """Case topics and reference topics."""
    with pytest.raises(InvalidRecord) as refused:
        Judge("").event(topic, key, value)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (CASE_CLOSED, closed("c", title="长" * 700_000)),
        (ARCHIVE_RECEIVED, received("c")),
        (FEED_HEARTBEAT, codec(FEED_HEARTBEAT).encode({**BEAT, "topic": "p-case-closed"})),
    ],
)
def test_what_workers_take_is_taken(topic: str, value: bytes) -> None:
    """A title of two megabytes, and a heartbeat that names its topic as the broker does."""
    Judge("p-").event(topic, b"c", value)


def test_shapes_hold_numbers_times_and_symbols_and_of_texts_the_length_alone() -> None:
    """A title, and whatever slipped into another text column, names applicants."""
    told = field_shapes(CASE_CLOSED, codec(CASE_CLOSED).decode(closed("c", unit_name="王某某")))
    assert {"field": "title", "bytes": 18} in told
    assert {"field": "closing_state", "value": "CLOSED"} in told
    assert {"field": "closed_at", "value": CLOSED_MS} in told
    assert "王" not in str(told)


def test_a_dump_is_bounded_and_says_where_it_is() -> None:
    """Sixteen bytes a line."""
    assert hex_dump(b"0123456789abcdef!" + b"\0" * 10_000, 18) == [
        "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
        "000010  21 00                                            !.",
    ]
    assert hex_dump(b"") == []
