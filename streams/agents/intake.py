"""From a Kafka record to an event the domain takes, or to the reason why not.

Here the titles end: they hold applicants' names, so from here on a keyed hash of the normalised title stands for them,
and a digest for the list of materials.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec
from streams.domain.time import EARLIEST_MS, LATEST_MS, iso
from streams.errors import InvalidRecord

MAX_FIELD_BYTES = 4_096
"""No code or name is longer; a title may be, as only its hash is kept."""

_BLANKS = re.compile(r"\s+")


class Record(Protocol):
    """What we read of a Kafka record."""

    @property
    def key(self) -> bytes | None:
        """The key as it is on the wire."""

    @property
    def value(self) -> bytes | None:
        """The value as it is on the wire."""


class Intake:
    """Decodes and checks the records of one case topic.

    Parameters
    ----------
    topic
        ``case-closed`` or ``archive-received``.
    title_key
        Key of the title hash, the same in every worker.
    """

    def __init__(self, topic: str, title_key: bytes) -> None:
        self._codec = codec(topic)
        self._title_key = title_key[:64]
        self._shape: Callable[[dict[str, Any]], None] = {CASE_CLOSED: _closing, ARCHIVE_RECEIVED: _archive}[topic]

    def event(self, record: Record) -> dict[str, Any]:
        """The event in a record.

        Raises
        ------
        InvalidRecord
            With one of the codec's reasons, or EMPTY_KEY, KEY_MISMATCH, EMPTY_EVENT_ID, TIME_OUT_OF_RANGE, FIELD_TOO_LONG.
        """
        event = self._codec.decode(record.value)
        if not record.key:
            raise InvalidRecord("EMPTY_KEY", "消息没有 key，应为办件号 the record has no key; the key is the case number")
        if record.key != event["case_no"].encode():
            raise InvalidRecord("KEY_MISMATCH", "消息的 key 与 case_no 不同 key and case_no differ")
        if not event["event_id"]:
            raise InvalidRecord("EMPTY_EVENT_ID", "event_id 为空 is empty")
        event["title_hash"] = self._hash(event.pop("title"))
        self._shape(event)
        for name, value in event.items():
            if isinstance(value, str) and len(value) > MAX_FIELD_BYTES // 4 and len(value.encode()) > MAX_FIELD_BYTES:
                raise InvalidRecord("FIELD_TOO_LONG", f"{name}: {len(value.encode())} 字节 bytes, 最多 at most {MAX_FIELD_BYTES}")
        return event

    def _hash(self, title: str) -> str:
        plain = _BLANKS.sub("", unicodedata.normalize("NFKC", title))
        return hashlib.blake2b(plain.encode(), key=self._title_key, digest_size=16).hexdigest()


def _closing(event: dict[str, Any]) -> None:
    _check_time("closed_at", event["closed_at"])


def _archive(event: dict[str, Any]) -> None:
    _check_time("received_at", event["received_at"])
    materials = event.pop("materials")
    event["materials_digest"] = hashlib.blake2b(orjson.dumps(materials), digest_size=8).hexdigest() if materials else ""


def _check_time(name: str, time_ms: int) -> None:
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise InvalidRecord(
            "TIME_OUT_OF_RANGE", f"{name} = {time_ms} ms，应在 {iso(EARLIEST_MS)} 与 {iso(LATEST_MS)} 之间 must lie between"
        )
