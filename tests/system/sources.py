"""Sources that do not stop: while somebody looks, cases close, are archived and move, and what they rest on is corrected."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from typing import Any

from ops.publish.producer import TopicProducer
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, FEED_HEARTBEAT, ITEM_REGISTRY, UNIT_REGISTRY, codec, record_key
from streams.settings import Settings

_TOPICS = (CASE_CLOSED, ARCHIVE_RECEIVED, UNIT_REGISTRY, ITEM_REGISTRY, FEED_HEARTBEAT)
_DAY_MS, _MINUTE_MS = 86_400_000, 60_000
_ITEM = "许可-00387-000"
_NAMES = {"unit_name": "民政局", "item_name": "审查", "district_code": "330106"}
_MUNICIPAL = {"item_name": "审查", "main_item_code": "", "main_item_name": "", "build_mode": "MUNICIPAL", "note": ""}
_EACH_SECONDS = 0.04
_CASES = 120
"""They come again and again, so that a correction of what they rest on does not have more and more of them judged anew."""
_MOVES_AFTER = 9
"""So many cases later, a case moves to the other unit: it is known by then."""


class Sources:
    """Send events of the units U7 and U8, one case after the other.

    Parameters
    ----------
    sent
        How many records of each topic.
    """

    def __init__(self, settings: Settings, closed_at: dt.datetime) -> None:
        self.sent: Counter[str] = Counter()
        self._producer = TopicProducer(settings, _TOPICS)
        self._closed_ms = int(closed_at.timestamp() * 1000)

    def run(self, stop: Event) -> None:
        """Go on until it is said to stop."""
        for number in count():
            self._case(number)
            if number % 15 == 0:
                (self._district, self._item, self._claim)[number // 15 % 3](number)
            if stop.wait(_EACH_SECONDS):
                break
        assert self._producer.finish() == []

    def _case(self, number: int) -> None:
        closed_ms = self._closed_ms + number * _MINUTE_MS
        times = {"accepted_at": closed_ms - _DAY_MS, "closed_at": closed_ms}
        self._send(CASE_CLOSED, **_case(number, "U7"), **times, **_NAMES)
        if number % 3:
            accepted = {"archive_no": f"L-{number % _CASES}", "receipt": "ACCEPTED", "received_at": closed_ms + _DAY_MS}
            self._send(ARCHIVE_RECEIVED, **_case(number, "U7"), **accepted)
        if number > _MOVES_AFTER:
            self._send(CASE_CLOSED, **_case(number - _MOVES_AFTER, "U8"), **times, **_NAMES)

    def _district(self, number: int) -> None:
        self._send(
            UNIT_REGISTRY, unit_code="U7", unit_name="民政局", district_code=f"33010{number % 7}", district_name="区", revision=number
        )

    def _item(self, number: int) -> None:
        self._send(ITEM_REGISTRY, unit_code="U8", item_code=_ITEM, **_MUNICIPAL, revision=number, deleted=number % 2 == 0)

    def _claim(self, number: int) -> None:
        through_ms = self._closed_ms + 3 * _DAY_MS + number * _MINUTE_MS
        self._send(FEED_HEARTBEAT, source_system="beats", topic=ARCHIVE_RECEIVED, complete_through=through_ms)

    def _send(self, topic: str, /, **record: Any) -> None:
        event = {"event_id": f"{topic}-{self.sent[topic]}", **record}
        self._producer.send(topic, record_key(topic, event), codec(topic).encode(event))
        self.sent[topic] += 1


@contextmanager
def going_on(settings: Settings, closed_at: dt.datetime) -> Iterator[Counter[str]]:
    """Sources that go on meanwhile; tells how many records of each topic they have sent."""
    stop, sources = Event(), Sources(settings, closed_at)
    thread = Thread(target=sources.run, args=(stop,))
    thread.start()
    try:
        yield sources.sent
    finally:
        stop.set()
        thread.join()


def _case(number: int, unit_code: str) -> dict[str, Any]:
    """What closing and archive of a case share; every other is of a source that tells how far it is complete."""
    known = number % _CASES
    said = {"case_no": f"live-{known}", "title": f"{known} 的申请", "source_system": ("", "beats")[known % 2]}
    return {**said, "item_code": _ITEM, "unit_code": unit_code, "revision": 2 * number + (unit_code == "U8")}
