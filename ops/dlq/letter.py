"""A message of ``dead-letter``: where it lies, where it came from, why, and how often it was sent back before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from consumers.dead_letters import dead_letter_row
from ops.terminal import printable
from streams.agents.outcomes import LEFT_OUT_HEADERS, ORIGIN, ORIGIN_HEADERS, left_out
from streams.headers import headers_of

Headers = tuple[tuple[str, bytes | None], ...]

REDRIVEN_FROM = ORIGIN + "redriven-from"
"""Header of a record that was sent back: the place of its dead letter."""
REDRIVE_COUNT = ORIGIN + "redrive-count"
"""Header of a record that was sent back: how often by now. Workers keep it when they refuse the record again."""
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)


class Place(NamedTuple):
    """Where a dead letter lies in ``dead-letter``; written ``partition:offset``."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that a text names; ``None``: it names none."""
        found = _PLACE.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a dead letter says of itself, without its bytes: a hundred thousand of these fit into memory.

    Parameters
    ----------
    topic, partition, offset, timestamp_ms
        Where the record came from; ``topic`` is the name on the broker, empty where no header says it; -1 and ``None`` likewise.
    key
        ``None`` also where it was too large for the letter.
    size
        Bytes of the record's value, which the letter may be without; ``None``: the record has none.
    redrives
        How often the record had been sent back before it became this dead letter.
    headers
        Names of the record's own headers.
    sha256
        Digest of the value where the letter was written without it; empty: it has all of its record.
    """

    place: Place
    written_at_ms: int
    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    reason: str
    detail: str
    size: int | None
    redrives: int
    headers: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it lies, or completed. Its representation holds no contents: these may name applicants, and it may get anywhere."""

    entry: Entry
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)

    @property
    def own_headers(self) -> Headers:
        """The record's own headers, as its sender gave them."""
        return own_headers(self.headers)

    @property
    def headers_when_redriven(self) -> Headers:
        """The headers it is sent back with: its own, where it lay, and how often it has been sent back by then."""
        return (*self.own_headers, *added_headers(self.entry))


def dead_letter(message: Any) -> DeadLetter:
    """Read a ``confluent_kafka.Message`` of ``dead-letter``; whatever is missing in it, this does not fail."""
    row = dead_letter_row(message, 0)
    headers: Headers = tuple(message.headers() or ())
    value: bytes | None = message.value()
    missing = left_out(headers)
    size = None if value is None else len(value)
    entry = Entry(
        place=Place(row["partition"], row["offset"]),
        written_at_ms=row["written_at"],
        topic=row["source_topic"],
        partition=row["source_partition"],
        offset=row["source_offset"],
        timestamp_ms=row["source_timestamp"],
        key=message.key(),
        reason=row["reason"],
        detail=row["detail"],
        size=missing.size if missing else size,
        redrives=redrives(headers),
        headers=tuple(name for name, _ in own_headers(headers)),
        sha256=missing.sha256 if missing else "",
    )
    return DeadLetter(entry, value, headers)


def completed(letter: DeadLetter, record: Any) -> DeadLetter | None:
    """A letter that was written without its value, with key, value and headers of the record (``confluent_kafka.Message``) it tells of.

    ``None``: that is another record.
    """
    value: bytes | None = record.value()
    if hashlib.sha256(value or b"").hexdigest() != letter.entry.sha256:
        return None
    ours = len(ORIGIN_HEADERS) + len(LEFT_OUT_HEADERS)
    headers = (*(letter.headers[:-ours] or headers_of(record)), *letter.headers[-ours:])
    entry = replace(
        letter.entry,
        key=record.key(),
        size=None if value is None else len(value),
        redrives=redrives(headers),
        headers=tuple(name for name, _ in own_headers(headers)),
    )
    return DeadLetter(entry, value, headers)


def added_headers(entry: Entry) -> tuple[tuple[str, bytes], ...]:
    """What a redrive adds to the record's own headers."""
    return (REDRIVEN_FROM, str(entry.place).encode()), (REDRIVE_COUNT, str(entry.redrives + 1).encode())


def own_headers(headers: Headers) -> Headers:
    """The headers without those of workers and redrives.

    A sender's header that bears the name of one of the workers' stands before it and stays; one that bears the name of a redrive's
    is taken for a redrive's.
    """
    kept: list[tuple[str, bytes | None]] = []
    workers = {*ORIGIN_HEADERS, *(LEFT_OUT_HEADERS if left_out(headers) else ())}
    for name, value in reversed(headers):
        if name in workers:
            workers.remove(name)
        elif name not in {REDRIVEN_FROM, REDRIVE_COUNT}:
            kept.append((name, value))
    return tuple(reversed(kept))


def redrives(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """How often a record with these headers has been sent back; a count that is no number was not written by us: 0."""
    said = last(headers, REDRIVE_COUNT)
    return int(said) if _COUNT.fullmatch(said) else 0


def redriven_from(headers: Sequence[tuple[str, bytes | None]]) -> Place | None:
    """The dead letter that a record with these headers was sent back from; ``None``: it was not."""
    return Place.parse(last(headers, REDRIVEN_FROM))


def last(headers: Sequence[tuple[str, bytes | None]], name: str) -> str:
    """The last header of a name as text; empty where there is none."""
    return next((value or b"" for known, value in reversed(headers) if known == name), b"").decode(errors="replace")


def shown_key(key: bytes | None) -> str | None:
    """A key as people read it; what is no printable UTF-8 is replaced, ``show`` has the bytes in hexadecimal."""
    return None if key is None else printable(key.decode(errors="replace"))
