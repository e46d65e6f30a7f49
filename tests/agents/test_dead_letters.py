"""What of a record goes into its dead letter: all of it, as long as it surely fits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from streams.agents.outcomes import LEFT_OUT_HEADERS, ORIGIN_HEADERS, WHOLE_BYTES, LeftOut, left_out, letter_of
from streams.contracts import CASE_CLOSED, ITEM_REGISTRY
from streams.errors import InvalidRecord
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS

REFUSED = InvalidRecord("NOT_FRAMED", "…")
OWN = ("own", b"header")


def record(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Any:
    """A record that a worker has read."""
    return SimpleNamespace(topic=CASE_CLOSED, partition=3, offset=17, timestamp=1, key=key, value=value, headers=headers)


def test_a_record_that_fits_is_copied_whole_and_one_byte_more_leaves_its_value_where_it_came_from() -> None:
    """Its size and digest say which it is; key and own headers are there."""
    room = WHOLE_BYTES - len(b"k") - 10 - sum(map(len, OWN))
    fits, letter = (letter_of(record(b"k", b"\0" * size, [OWN]), REFUSED) for size in (room, room + 1))
    assert (fits.key, len(fits.value or b""), left_out(fits.headers)) == (b"k", room, None)
    assert (letter.key, letter.value, letter.headers[0]) == (b"k", None, OWN)
    assert left_out(letter.headers) == LeftOut(room + 1, hashlib.sha256(b"\0" * (room + 1)).hexdigest())
    assert letter.headers[:-2] == fits.headers


@pytest.mark.parametrize(
    ("key", "headers"),
    [(b"\0" * WHOLE_BYTES, [OWN]), (None, [("h", b"\0" * WHOLE_BYTES)]), (b"k", [("", b"")] * (WHOLE_BYTES // 10 + 1))],
    ids=["a key", "a header", "many headers"],
)
def test_a_key_or_headers_that_are_too_large_stay_there_too(key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """They compress as well as any value; the letter says at least where it came from and why."""
    letter = letter_of(record(key, b"v", headers), REFUSED)
    assert (letter.key, letter.value) == (None, None)
    assert [name for name, _ in letter.headers] == [*ORIGIN_HEADERS, *LEFT_OUT_HEADERS]


def test_large_records_of_events_and_of_reference_data_leave_their_values() -> None:
    """Each way into ``dead-letter``."""
    large = b"\0" * (WHOLE_BYTES + 1)
    with Pipeline(now_ms=CLOSED_MS) as pipeline:
        pipeline.raw(CASE_CLOSED, (b"c", large))
        pipeline.reference_raw(ITEM_REGISTRY, b"U1|x", large)
        assert [(dead.key, dead.value) for dead in pipeline.dead_letters()] == [(b"c", None), (b"U1|x", None)]
