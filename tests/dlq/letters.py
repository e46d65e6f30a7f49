"""Dead letters as a worker writes them, for tests without a worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ops.dlq.letter import Entry, Place
from streams.agents.outcomes import Headers, dead_letter_headers, letter_of
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec
from streams.errors import InvalidRecord
from tests.agents.test_cases import CLOSED_MS, archive, closing

APPLICANT = "王某某的申请"


def closed(case_no: str, **given: Any) -> bytes:
    """A framed CaseClosed; its title names an applicant."""
    return codec(CASE_CLOSED).encode(closing(event_id=f"c-{case_no}", case_no=case_no, title=APPLICANT) | given)


def received(case_no: str, **given: Any) -> bytes:
    """A framed ArchiveReceived; its title names an applicant."""
    ids = {"event_id": f"a-{case_no}", "archive_no": f"A-{case_no}", "case_no": case_no}
    return codec(ARCHIVE_RECEIVED).encode(archive(**ids, title=APPLICANT) | given)


def worker_headers(
    own: Headers, *, topic: str, partition: int = 0, offset: int = 0, reason: str = "MISROUTED", detail: str = ""
) -> Headers:
    """The headers that a worker gives a dead letter."""
    record = SimpleNamespace(topic=topic, partition=partition, offset=offset, timestamp=CLOSED_MS, headers=own)
    return dead_letter_headers(record, InvalidRecord(reason, detail))


def message(key: bytes | None, value: bytes | None, headers: Any, *, partition: int = 0, offset: int = 0, at_ms: int = CLOSED_MS) -> Any:
    """Something like a ``confluent_kafka.Message``."""
    given = {"key": key, "value": value, "headers": headers, "partition": partition, "offset": offset, "timestamp": (2, at_ms)}
    return SimpleNamespace(**{name: (lambda each=each: each) for name, each in given.items()})


def too_large(key: bytes | None, value: bytes | None, own: Any, *, topic: str, partition: int = 0, offset: int = 0) -> Any:
    """The dead letter that a worker writes of a record that is too large to be copied."""
    record = SimpleNamespace(topic=topic, partition=partition, offset=offset, timestamp=CLOSED_MS, headers=own, key=key, value=value)
    letter = letter_of(record, InvalidRecord("MISROUTED", ""))
    assert letter.value is None
    return message(letter.key, letter.value, letter.headers)


def entry(**given: Any) -> Entry:
    """An entry with what matters to a test."""
    return Entry(
        **{
            "place": Place(0, 0),
            "written_at_ms": CLOSED_MS,
            "topic": CASE_CLOSED,
            "partition": 0,
            "offset": 0,
            "timestamp_ms": None,
            "key": b"c",
            "reason": "MISROUTED",
            "detail": "",
            "size": 1,
            "redrives": 0,
            "headers": (),
            **given,
        }
    )
