"""Headers of what agents write: CloudEvents for findings, the origin and the reason for dead letters."""

from __future__ import annotations

import datetime as dt
from typing import Any

from streams.domain.findings import Publication
from streams.errors import InvalidRecord

Headers = list[tuple[str, bytes]]
ORIGIN = "guidang-"
"""Prefix of the headers that a dead letter gets beside its own."""
ORIGIN_HEADERS = tuple(ORIGIN + name for name in ("topic", "partition", "offset", "timestamp", "reason", "detail"))
"""What a worker puts behind a dead letter's own headers: where it came from, and why it was not taken."""


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


def dead_letter_headers(record: Any, error: InvalidRecord) -> Headers:
    """The record's own headers, then where it came from and why it was not taken."""
    said = (record.topic, str(record.partition), str(record.offset), str(record.timestamp), error.reason, error.detail)
    return [*record.headers, *((name, value.encode()) for name, value in zip(ORIGIN_HEADERS, said, strict=True))]
