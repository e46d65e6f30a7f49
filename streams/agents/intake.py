"""From a Kafka record to an event the domain takes, or to the reason why not.

Here the titles end: they hold applicants' names, so from here on keyed hashes of the normalised title stand for them,
and for the names and codes of materials, which senders fill as they like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec
from streams.domain.quality import Digest
from streams.domain.time import EARLIEST_MS, LATEST_MS, iso
from streams.domain.titles import core, looks_like_a_test, plain
from streams.errors import InvalidRecord

MAX_FIELD_BYTES = 4_096
"""No code or name is longer; a title may be, as only its hash is kept."""
MAX_KEPT_BYTES = 256 * 1024
"""Of what is kept of a record, as JSON: state is made of it, several times over, and must fit into a message."""
_PERHAPS_LARGE_BYTES = 16 * 1024
"""A record smaller than this cannot keep more, however short its materials: one of five bytes becomes some fifty."""


def keyed_digest(key: bytes) -> Digest:
    """The keyed hash of texts; 8 bytes, which no case has enough texts to collide in."""
    key = key[:64]
    return lambda text: hashlib.blake2b(text.encode(), key=key, digest_size=8).hexdigest()


def key_name(digest: Digest) -> str:
    """Tells one key from another and gives neither away: what it makes of no text at all."""
    return digest("")


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
    digest
        Keyed hash of texts, the same in every worker.
    """

    def __init__(self, topic: str, digest: Digest) -> None:
        self._codec = codec(topic)
        self._digest = digest
        self._shape: Callable[[dict[str, Any], Digest], None] = {CASE_CLOSED: _closing, ARCHIVE_RECEIVED: _archive}[topic]

    def event(self, record: Record) -> dict[str, Any]:
        """The event in a record.

        Raises
        ------
        InvalidRecord
            With one of the codec's reasons, or EMPTY_KEY, KEY_MISMATCH, EMPTY_EVENT_ID, TIME_OUT_OF_RANGE, or those of :func:`check_size`.
        """
        event = self._codec.decode(record.value)
        if not record.key:
            raise InvalidRecord("EMPTY_KEY", "消息没有 key，应为办件号 the record has no key; the key is the case number")
        if record.key != event["case_no"].encode():
            raise InvalidRecord("KEY_MISMATCH", "消息的 key 与 case_no 不同 key and case_no differ")
        if not event["event_id"]:
            raise InvalidRecord("EMPTY_EVENT_ID", "event_id 为空 is empty")
        title = event.pop("title")
        event["title_hash"], event["title_core"] = self._hash(plain(title)), self._hash(core(title))
        event["title_test"] = looks_like_a_test(title)
        self._shape(event, self._digest)
        check_size(event, len(record.value or b""))
        return event

    def _hash(self, text: str) -> str:
        return self._digest(text) if text else ""


def check_size(row: Mapping[str, Any], record_bytes: int) -> None:
    """Look at what is kept of a record.

    Raises
    ------
    InvalidRecord
        FIELD_TOO_LONG, RECORD_TOO_LARGE.
    """
    for name, value in row.items():
        if isinstance(value, str) and len(value) > MAX_FIELD_BYTES // 4 and len(value.encode()) > MAX_FIELD_BYTES:
            raise InvalidRecord("FIELD_TOO_LONG", f"{name}: {len(value.encode())} 字节 bytes, 最多 at most {MAX_FIELD_BYTES}")
    if record_bytes > _PERHAPS_LARGE_BYTES and (kept := len(orjson.dumps(row))) > MAX_KEPT_BYTES:
        raise InvalidRecord("RECORD_TOO_LARGE", f"{kept} 字节 bytes, 最多 at most {MAX_KEPT_BYTES}")


def _closing(event: dict[str, Any], _digest: Digest) -> None:
    check_time("closed_at", event["closed_at"])


def _archive(event: dict[str, Any], digest: Digest) -> None:
    check_time("received_at", event["received_at"])
    materials = event["materials"]
    event["materials_digest"] = hashlib.blake2b(orjson.dumps(materials), digest_size=8).hexdigest() if materials else ""
    event["materials"] = [
        [each["kind"], *(digest(text) if (text := plain(each[part])) else "" for part in ("name", "code"))] for each in materials
    ]


def check_time(name: str, time_ms: int) -> None:
    """Raise :class:`InvalidRecord`, TIME_OUT_OF_RANGE, for a time that is taken for an error."""
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise InvalidRecord(
            "TIME_OUT_OF_RANGE", f"{name} = {time_ms} ms，应在 {iso(EARLIEST_MS)} 与 {iso(LATEST_MS)} 之间 must lie between"
        )
