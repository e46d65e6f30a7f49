"""One data set for all contenders: two topics of events, and the verdicts that follow from them.

Everything is a function of the number of a case, so that nothing has to be remembered to check millions of verdicts. Records carry the
time of their event: engines that read several topics in order of time (Kafka Streams) then read both side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Producer

from ops.bench.events import TEXTS, encode
from ops.bench.topics import create
from streams.errors import DependencyError

_FIRST_MS = 1_500_000_000_000
_UNRECEIVED_EVERY = 33
"""Of so many closings one, 3 %, never gets its archive."""
GAP = 997
_PREFIX = "3301"
_FLUSH_SECONDS = 120


def case_no(number: int) -> str:
    """What the case of this number is called."""
    return f"{_PREFIX}{number:012d}"


@dataclass(frozen=True, slots=True)
class DataSet:
    """The events of ``cases`` cases in two topics of ``partitions`` partitions, named after ``name``.

    Parameters
    ----------
    gap
        Archives are up to so many cases later than their closings: as many cases are open for who reads both topics in order of time.
    """

    name: str
    cases: int
    partitions: int
    gap: int = GAP

    @property
    def closed(self) -> str:
        """Topic of the closings."""
        return f"{self.name}-closed"

    @property
    def received(self) -> str:
        """Topic of the archives."""
        return f"{self.name}-received"

    @property
    def topics(self) -> tuple[str, str]:
        """Both of them."""
        return self.closed, self.received

    @property
    def verdicts(self) -> int:
        """How many cases have both sides."""
        return self.cases - (self.cases + _UNRECEIVED_EVERY - 1) // _UNRECEIVED_EVERY

    @property
    def records(self) -> int:
        """How many events there are."""
        return self.cases + self.verdicts

    def delay_ms(self, number: int) -> int | None:
        """The verdict on a case by its number; None: there is none."""
        if not 0 <= number < self.cases or number % _UNRECEIVED_EVERY == 0:
            return None
        return 1 + number % self.gap

    def number_of(self, key: str) -> int:
        """Number of a case by its ``case_no``; -1: none is called so."""
        digits = key.removeprefix(_PREFIX)
        return int(digits) if key.startswith(_PREFIX) and digits.isdecimal() and case_no(int(digits)) == key else -1

    def event(self, number: int, *, closing: bool) -> dict[str, Any] | None:
        """The closing or the archive of a case; None: it has no archive."""
        delay_ms = self.delay_ms(number)
        if not closing and delay_ms is None:
            return None
        return dict.fromkeys(TEXTS, "330100000000") | {
            "event_id": f"{'closed' if closing else 'received'}-{number}",
            "case_no": case_no(number),
            "title": "关于某事项的办理结果",
            "accepted_at": 1,
            "at": _FIRST_MS + number + (0 if closing else delay_ms or 0),
            "revision": 1,
            "deleted": False,
            "is_test": False,
        }

    def records_of(self, number: int) -> list[tuple[str, tuple[bytes, bytes]]]:
        """The events of a case as they are sent: topic, and key with value."""
        return [(topic, _record(event)) for topic, event in self._events(number)]

    def _events(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        both = self.event(number, closing=True), self.event(number, closing=False)
        return [(topic, event) for topic, event in zip(self.topics, both, strict=True) if event is not None]

    def publish(self, bootstrap: str, tell: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Create the topics and write the events.

        Parameters
        ----------
        tell
            Told now and then of the cases written, and of all.

        Raises
        ------
        DependencyError
            The broker did not take all of them.
        """
        create(bootstrap, {topic: {"retention.ms": "-1"} for topic in self.topics}, self.partitions)
        failed: list[str] = []
        producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "log_level": 3,
                "partitioner": "murmur2_random",
                "linger.ms": 50,
                "enable.idempotence": True,
                "queue.buffering.max.messages": 200_000,
                "delivery.report.only.error": True,
                "on_delivery": lambda error, _message: failed.append(str(error)),
            }
        )
        for number in range(self.cases):
            for topic, event in self._events(number):
                _send(producer, topic, *_record(event), event["at"])
            if number % 1000 == 0:
                producer.poll(0)
                tell(number, self.cases)
        if producer.flush(_FLUSH_SECONDS) or failed:
            raise DependencyError(f"数据没有全部写入 not all of the data was taken: {failed[:1]}")
        tell(self.cases, self.cases)


def _record(event: dict[str, Any]) -> tuple[bytes, bytes]:
    return event["case_no"].encode(), encode(event)


def _send(producer: Producer, topic: str, key: bytes, value: bytes, at_ms: int) -> None:
    while True:
        try:
            producer.produce(topic, key=key, value=value, timestamp=at_ms)
        except BufferError:
            producer.poll(0.05)
        else:
            return
