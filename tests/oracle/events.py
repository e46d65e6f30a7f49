"""Events of the oracle: one content per event id, and of a reference key the row that counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from tests.oracle.items import normalise

Event = Mapping[str, Any]
Events = Mapping[str, Sequence[Event]]
Canonical = Callable[[Event], bytes]
Key = tuple[str, str]
"""Unit and normalised item."""
K = TypeVar("K", bound=Hashable)


def json_bytes(event: Event) -> bytes:
    """A canonical form: sorted JSON. Two contents under one event id are ordered by it."""
    return json.dumps(event, sort_keys=True, ensure_ascii=False).encode()


def grouped(events: Iterable[Event], key: Callable[[Event], K]) -> dict[K, list[Event]]:
    """Events by a key."""
    groups: dict[K, list[Event]] = {}
    for event in events:
        groups.setdefault(key(event), []).append(event)
    return groups


def by(events: Iterable[Event], name: str) -> dict[str, list[Event]]:
    """Events by a field."""
    return grouped(events, lambda event: str(event[name]))


def one_per_id(events: list[Event], canonical: Canonical) -> list[Event]:
    """Of two contents under one event id the larger one."""
    return [max(same, key=canonical) if any(each != same[0] for each in same) else same[0] for same in by(events, "event_id").values()]


def rank(event: Event) -> tuple[int, str]:
    """The higher one counts."""
    return event.get("revision", 1), event["event_id"]


def item_key(event: Event) -> Key:
    """Key of a record about a unit's item; its code has one spelling."""
    return event["unit_code"], normalise(event["item_code"])


class Rows(Generic[K]):
    """The rows of one reference topic."""

    def __init__(self, events: Iterable[Event], key: Callable[[Event], K], canonical: Canonical) -> None:
        self._rows = {k: one_per_id(rows, canonical) for k, rows in grouped(events, key).items()}

    def keys(self) -> set[K]:
        """Every key that any row names, deleted ones included."""
        return set(self._rows)

    def on(self, key: K, day: int) -> Event | None:
        """The highest row whose validity covers the day; a deletion that wins leaves none."""
        row = max((row for row in self._rows.get(key, []) if _covers(row, day)), key=rank, default=None)
        return None if row is None or row.get("deleted", False) else row


def _covers(row: Event, day: int) -> bool:
    first, last = row.get("valid_from"), row.get("valid_to")
    return (first is None or first <= day) and (last is None or day <= last)
