"""Events that are made and not yet sent, in the order of their sending."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from random import Random
from typing import Any

from ops.simulate.calendar import DAY_MS, HOUR_MS
from ops.simulate.records import losing_copy

Event = tuple[str, dict[str, Any]]
"""Topic and record."""


class Outbox:
    """Takes events in any order and gives them out by time; what would be sent after the end is sent at the end."""

    def __init__(self, rng: Random, end_ms: int) -> None:
        self._rng, self._end_ms = rng, end_ms
        self._waiting: list[tuple[int, int, str, dict[str, Any]]] = []
        self._serial = 0

    def put(self, topic: str, record: dict[str, Any], sent_at: int) -> None:
        """Take an event."""
        self._serial += 1
        heapq.heappush(self._waiting, (min(sent_at, self._end_ms), self._serial, topic, record))

    def put_with_copies(self, topic: str, record: dict[str, Any], sent_at: int) -> None:
        """Take an event, sometimes twice, sometimes with another content under its id that does not stand."""
        self.put(topic, record, sent_at)
        dice = self._rng.random()
        if dice < 0.03:  # noqa: PLR2004
            self.put(topic, record, sent_at + self._rng.randrange(3 * DAY_MS))
        elif dice < 0.035:  # noqa: PLR2004
            self.put(topic, losing_copy(record), sent_at + self._rng.randrange(-HOUR_MS, HOUR_MS))

    def sent_before(self, moment_ms: int) -> Iterator[Event]:
        """Give out what is sent before a moment."""
        while self._waiting and self._waiting[0][0] < moment_ms:
            _, _, topic, record = heapq.heappop(self._waiting)
            yield topic, record
