"""Reads the verdicts of a contender back, and holds them against the truth of the data set."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from confluent_kafka import Consumer, TopicPartition

from ops.bench.dataset import DataSet
from streams.errors import DependencyError
from streams.partitioner import PARTITIONERS
from streams.runtime.clients import extent

_CHUNK = 10_000
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 20.0
_SHOWN = 3
_home = PARTITIONERS["murmur2"]


class Verdict(NamedTuple):
    """A verdict as it lies in its topic.

    Parameters
    ----------
    at_ms
        When the broker took it.
    """

    key: bytes
    value: bytes
    partition: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Check:
    """What is not as it should be with the verdicts of a contender.

    Parameters
    ----------
    verdicts
        How many there are.
    missing
        Cases with both sides and no verdict.
    wrong
        Verdicts on cases that have none, that say something else than the truth, or that lie under another key or in another partition
        than their case.
    doubled
        Verdicts given again.
    at_ms
        When the broker took each of them.
    examples
        A few of what is wrong, for people.
    """

    verdicts: int
    missing: int
    wrong: int
    doubled: int
    at_ms: Sequence[int]
    examples: tuple[str, ...] = ()

    def faults(self, *, exactly_once: bool, complete: bool) -> tuple[str, ...]:
        """What must not be, in words; nothing: the contender did the job.

        Parameters
        ----------
        exactly_once
            The contender promises each verdict once.
        complete
            It came to the end of its input; else verdicts may be missing.
        """
        found = []
        if self.wrong:
            found.append(f"错 wrong: {self.wrong} ({'; '.join(self.examples)})")
        if self.missing and complete:
            found.append(f"缺 missing: {self.missing}")
        if self.doubled and exactly_once:
            found.append(f"重复 doubled: {self.doubled}")
        return tuple(found)


def check(data: DataSet, verdicts: Iterable[Verdict]) -> Check:
    """Compare verdicts with the truth, in any order."""
    seen = bytearray(data.cases)
    times, doubled = array("q"), 0
    wrong: list[str] = []
    for verdict in verdicts:
        times.append(verdict.at_ms)
        number = _right_on(data, verdict)
        if number is None:
            wrong.append(f"{verdict.key!r} {verdict.value!r} [{verdict.partition}]")
        elif seen[number]:
            doubled += 1
        else:
            seen[number] = 1
    return Check(len(times), data.verdicts - sum(seen), len(wrong), doubled, times, tuple(wrong[:_SHOWN]))


def _right_on(data: DataSet, verdict: Verdict) -> int | None:
    """The case that a verdict is the right one on; None: it is none."""
    try:
        said = orjson.loads(verdict.value)
        name, delay = said["case_no"], said["delay"]
        number = data.number_of(name)
    except (ValueError, KeyError, TypeError, AttributeError):  # whatever a peer wrote instead
        return None
    there = verdict.key == name.encode() and verdict.partition == _home(verdict.key, data.partitions)
    return number if there and number >= 0 and delay is not None and delay == data.delay_ms(number) else None


def read_verdicts(bootstrap: str, topic: str, partitions: int) -> Iterator[Verdict]:
    """Yield the committed records of a topic.

    A commit is answered before its markers lie in every partition (KIP-98): what is under way is waited for, for a while.

    Raises
    ------
    DependencyError
        Nothing came for a while, and the end was not reached.
    """
    plain = {"bootstrap.servers": bootstrap, "group.id": f"{topic}-check", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
    hasty = Consumer({**plain, "isolation.level": "read_uncommitted"})
    consumer = Consumer({**plain, "isolation.level": "read_committed", "enable.partition.eof": True})
    try:
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up and _end(consumer, topic, partitions) < _end(hasty, topic, partitions):
            time.sleep(_POLL_SECONDS)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        unread, give_up = partitions, time.monotonic() + _PATIENCE_SECONDS
        while unread:
            for message in consumer.consume(_CHUNK, _POLL_SECONDS):
                give_up = time.monotonic() + _PATIENCE_SECONDS
                if message.error() is None:
                    yield Verdict(message.key() or b"", message.value() or b"", message.partition() or 0, message.timestamp()[1])
                else:
                    unread -= 1
            if time.monotonic() > give_up:
                raise DependencyError(f"{topic}: 读不到末尾 its end cannot be read")
    finally:
        consumer.close()
        hasty.close()


def _end(consumer: Consumer, topic: str, partitions: int) -> int:
    """Sum of the ends of all partitions, as this consumer's isolation level sees them."""
    return sum(extent(consumer, topic, number, _PATIENCE_SECONDS)[1] for number in range(partitions))
