"""Headers of what agents write: CloudEvents for findings, the origin and the reason for dead letters."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.domain.findings import Publication
from streams.errors import InvalidRecord

Headers = list[tuple[str, bytes]]
ORIGIN = "guidang-"
"""Prefix of the headers that a dead letter gets beside its own."""
ORIGIN_HEADERS = tuple(ORIGIN + name for name in ("topic", "partition", "offset", "timestamp", "reason", "detail"))
"""What a worker puts behind a dead letter's own headers: where it came from, and why it was not taken."""
LEFT_OUT_HEADERS = tuple(ORIGIN + name for name in ("value-bytes", "value-sha256"))
"""What stands behind these where the record was too large to be copied: size and digest of its value, which stays where it came from."""
WHOLE_BYTES = 4 * 1024 * 1024
"""A record with no more in key, value and headers is copied whole.

The broker's limits are on batches as they were compressed: by the sender, with whatever makes 4 MiB of it (``ops.topic_layout``), and here
with another codec, which may make more than the 5 MiB of a dead letter. The largest record of a sender who does not compress is copied.
"""
_HEADER_BYTES = 10
"""A header's two lengths take no more."""
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def anomaly_headers(told: Publication, topic: str) -> Headers:
    """CloudEvents 1.0, Kafka protocol binding, binary mode. ``ce_time`` is left out where the finding rests on nothing that has a time."""
    record = told.record
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": told.event_id,
        "ce_source": f"/guidang/{topic}",
        "ce_type": f"cn.hangzhou.guidang.anomaly.{record['state'].lower()}",
        "ce_subject": record["subject"],
        "content-type": "application/avro",
    }
    if told.time_ms is not None:
        moment = dt.datetime.fromtimestamp(told.time_ms / 1000, dt.UTC)
        attributes["ce_time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [(name, value.encode()) for name, value in attributes.items()]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it is to be written. Its representation holds no contents."""

    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)
    reason: str


def letter_of(record: Any, error: InvalidRecord) -> Letter:
    """The dead letter of a record: all of it, or what of it surely fits into a message.

    Above :data:`WHOLE_BYTES` the value is left out, and :data:`LEFT_OUT_HEADERS` say so; where key and headers alone are more than that,
    they are left out, too.
    """
    key, value, own = record.key, record.value, list(record.headers)
    carried = len(key or b"") + sum(len(name.encode()) + len(said or b"") + _HEADER_BYTES for name, said in own)
    headers = dead_letter_headers(record, error)
    if carried + len(value or b"") <= WHOLE_BYTES:
        return Letter(key, value, headers, error.reason)
    if carried > WHOLE_BYTES:
        key, headers = None, headers[len(own) :]
    value = value or b""
    said = (str(len(value)), hashlib.sha256(value).hexdigest())
    return Letter(key, None, [*headers, *((name, each.encode()) for name, each in zip(LEFT_OUT_HEADERS, said, strict=True))], error.reason)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The value that a dead letter was written without."""

    size: int
    sha256: str


def left_out(headers: Sequence[tuple[str, bytes | None]]) -> LeftOut | None:
    """What a dead letter with these headers was written without; ``None``: nothing.

    A sender's own headers stand before the workers' (:data:`ORIGIN_HEADERS`), so that none of them can be the last.
    """
    if tuple(name for name, _ in headers[-2:]) != LEFT_OUT_HEADERS:
        return None
    size, sha256 = ((said or b"").decode(errors="replace") for _, said in headers[-2:])
    return LeftOut(int(size), sha256) if _NUMBER.fullmatch(size) else None


def dead_letter_headers(record: Any, error: InvalidRecord) -> Headers:
    """The record's own headers, then where it came from and why it was not taken."""
    said = (record.topic, str(record.partition), str(record.offset), str(record.timestamp), error.reason, error.detail)
    return [*record.headers, *((name, value.encode()) for name, value in zip(ORIGIN_HEADERS, said, strict=True))]
