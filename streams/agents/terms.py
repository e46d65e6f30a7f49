"""Index terms: how to find the cases and items that time, a source, or a reference row may change.

====  ==================================  ===========================================================
cases
----  ----------------------------------  -----------------------------------------------------------
``t`` input, wake time                    deadlines, in the order in which they fall due
``s`` input, source, wake time            deadlines that have passed while the source was silent
``v`` review time                         when a waiver of a finding begins or ends
``i`` unit, item                          cases and archives of an item, and with the unit alone, of a unit
``o`` source                              cases of a source, for when it begins to send heartbeats
``w`` anomaly id                          who has this finding, for waivers
----  ----------------------------------  -----------------------------------------------------------
items
----  ----------------------------------  -----------------------------------------------------------
``T`` wake time                           when a validity begins or ends
``I`` unit, item                          items of a unit
``W`` anomaly id                          as for cases
====  ==================================  ===========================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from streams.domain.verdict import CLOSINGS, SOURCE_SILENT, State, waits_for
from streams.runtime.revisit import Span

CASES, ITEMS = "cases", "items"
_TIME = struct.Struct(">Q")
_END = b"\0"
_INPUT = {True: b"c", False: b"a"}


def state_terms(state: State) -> tuple[bytes, ...]:
    """Terms of a case."""
    terms = {_item(b"i", state)}
    terms.update([_item(b"i", archive) for archive in state["archives"]])
    if state["findings"]:
        terms.update(_waivable(b"w", state))
    source, wake_at = state["source_system"], state["wake_at"]
    if source:
        terms.add(_text(b"o", source))
    if wake_at is not None:
        topic = waits_for(state)
        silent = state["reason"] == SOURCE_SILENT
        terms.add((_silent(source, topic) if silent else _due(topic)) + _TIME.pack(wake_at))
    if state["review_at"] is not None:
        terms.add(b"v" + _TIME.pack(state["review_at"]))
    return tuple(sorted(terms))


def item_terms(state: dict[str, Any]) -> tuple[bytes, ...]:
    """Terms of an item."""
    terms = {_item(b"I", state), *_waivable(b"W", state)}
    if state["wake_at"] is not None:
        terms.add(b"T" + _TIME.pack(state["wake_at"]))
    return tuple(sorted(terms))


def wake_ms(term: bytes) -> int:
    """Wake time in a term of kind ``t``, ``s``, ``v`` or ``T``."""
    return int(_TIME.unpack(term[-_TIME.size :])[0])


def due_span(topic: str, through_ms: int) -> Span:
    """Cases whose wake time on an input is at or before a time."""
    return Span(CASES, _due(topic), _due(topic) + _TIME.pack(through_ms + 1))


def silent_span(source: str, topic: str, through_ms: int) -> Span:
    """Cases that wait for a source to declare itself complete, through a time at most."""
    return Span(CASES, _silent(source, topic), _silent(source, topic) + _TIME.pack(max(through_ms + 1, 0)))


def review_span(through_ms: int) -> Span:
    """Cases of which a waiver begins or ends at or before a time."""
    return Span(CASES, b"v", b"v" + _TIME.pack(through_ms + 1))


def item_due_span(through_ms: int) -> Span:
    """Items whose wake time is at or before a time."""
    return Span(ITEMS, b"T", b"T" + _TIME.pack(through_ms + 1))


def unit_spans(unit_code: str) -> list[Span]:
    """Cases, archives and items of a unit."""
    return [_prefixed(CASES, _text(b"i", unit_code)), _prefixed(ITEMS, _text(b"I", unit_code))]


def item_span(unit_code: str, item_code: str) -> Span:
    """Cases and archives of an item."""
    return _prefixed(CASES, _item(b"i", {"unit_code": unit_code, "item_code": item_code}))


def source_span(source: str) -> Span:
    """Cases of a source."""
    return _prefixed(CASES, _text(b"o", source))


def waiver_spans(anomaly_id: str) -> list[Span]:
    """Who has this finding."""
    return [_prefixed(CASES, _text(b"w", anomaly_id)), _prefixed(ITEMS, _text(b"W", anomaly_id))]


def _waivable(prefix: bytes, state: dict[str, Any]) -> Iterator[bytes]:
    return (_text(prefix, finding["anomaly_id"]) for finding in state["findings"])


def _item(prefix: bytes, place: dict[str, Any]) -> bytes:
    item: str = place["item_code"]
    return _text(prefix, place["unit_code"]) + item.encode() + _END


def _prefixed(table: str, term: bytes) -> Span:
    """All terms that begin with one: what follows sorts below the byte that is no part of UTF-8."""
    return Span(table, term, term + b"\xff")


def _due(topic: str) -> bytes:
    return b"t" + _INPUT[topic == CLOSINGS]


def _silent(source: str, topic: str) -> bytes:
    return b"s" + _INPUT[topic == CLOSINGS] + source.encode() + _END


def _text(prefix: bytes, text: str) -> bytes:
    return prefix + text.encode() + _END
