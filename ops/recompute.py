"""The inputs judged in one batch: what the states ought to be (``reconcile``), and which records count (``explain``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from streams.agents.intake import Intake
from streams.agents.reference import ReferenceKeeper
from streams.clock import Clock
from streams.contracts import CASE_CLOSED, CASE_INPUTS, FEED_HEARTBEAT, REFERENCE_INPUTS
from streams.domain.assess import Assessor
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.domain.quality import Digest
from streams.domain.reference import Reference
from streams.domain.verdict import Moment, State
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.settings import Settings

Tell = Callable[[str, int, int], None]
Read = Callable[[str], Iterable[Any]]
"""Gives the records (``confluent_kafka.Message``) of a topic, by its name without prefix."""


@dataclass(slots=True)
class Cases:
    """What inputs say of cases.

    Parameters
    ----------
    facts
        Merged events by case number, packed (:meth:`streams.domain.facts.CaseFacts.dump`).
    refused
        Records that belong into ``dead-letter``, by reason.
    """

    facts: dict[bytes, bytes] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)


class InputReader:
    """Tells which records the workers take, and which not."""

    def __init__(self, settings: Settings, digest: Digest) -> None:
        self._intakes = {name: Intake(name, digest) for name in CASE_INPUTS}
        self._partition_of = PARTITIONERS[settings.kafka.partitioner]
        self._partitions = settings.kafka.partitions

    def home(self, key: bytes) -> int:
        """The partition to which a case number belongs."""
        return self._partition_of(key, self._partitions)

    def event(self, topic: str, message: Any) -> dict[str, Any]:
        """The event in a record of a case topic.

        Raises
        ------
        InvalidRecord
            It is not one the workers take in.
        """
        event = self._intakes[topic].event(_Raw(message.key(), message.value()))
        home = self.home(message.key())
        if home != message.partition():
            raise InvalidRecord("MISROUTED", f"{home}")
        return event


@dataclass(frozen=True, slots=True)
class _Raw:
    key: bytes | None
    value: bytes | None


def read_cases(reader: InputReader, read: Read) -> Cases:
    """Read the events of cases and merge them."""
    cases = Cases()
    for topic in CASE_INPUTS:
        for message in read(topic):
            try:
                event = reader.event(topic, message)
                facts = CaseFacts.load(cases.facts.get(message.key(), b""))
                if facts.add_closing(event) if topic == CASE_CLOSED else facts.add_archive(event):
                    cases.facts[message.key()] = kept(facts.dump())
            except InvalidRecord as error:
                cases.refused[error.reason] += 1
            except TooManyEvents:
                cases.refused["TOO_MANY_EVENTS"] += 1
    return cases


def kept(dumped: bytes) -> bytes:
    """A copy to be kept: the bytes that orjson returns hold on to the whole buffer in which it wrote them, 8 kB however few they are."""
    return bytes(memoryview(dumped))


@dataclass(slots=True)
class ReferenceSoFar:
    """The reference topics, as far as they have been read.

    Parameters
    ----------
    reference
        What they say.
    refused
        Records that belong into ``dead-letter``, by reason.
    heartbeats
        How many have been read.
    """

    settings: Settings
    reference: Reference = field(default_factory=Reference)
    refused: Counter[str] = field(default_factory=Counter)
    heartbeats: int = 0

    def extend(self, read: Read, heard_ms: int = 0) -> None:
        """Read on. Heartbeats that come are used by verdicts at ``heard_ms`` or later, which grows from call to call, and by no earlier."""
        prefix = self.settings.kafka.topic_prefix
        keeper = ReferenceKeeper(reference=self.reference, topic_prefix=prefix, clock=_Heard(at_ms=heard_ms))
        for topic in REFERENCE_INPUTS:
            for message in read(topic):
                keeper.on_record(message)
                self.heartbeats += topic == FEED_HEARTBEAT
        self.refused += Counter(letter.reason for letter in keeper.rejected.values())


@dataclass(frozen=True, slots=True)
class _Heard(Clock):
    """A clock that stands at the time at which what is read has been heard; 0 is before everything."""

    at_ms: int = 0

    def now_ms(self) -> int:
        """The time that was given."""
        return self.at_ms


def read_reference(settings: Settings, read: Read) -> Reference:
    """Read the reference topics. Every heartbeat may be used, as all inputs are read to their ends."""
    so_far = ReferenceSoFar(settings)
    so_far.extend(read)
    return so_far.reference


def judged(assessor: Assessor, case_no: str, facts: bytes, now_ms: int) -> State:
    """State of a case, its facts packed, when everything has been read through ``now_ms``."""
    return assessor.assess(case_no, CaseFacts.load(facts), Moment(now_ms, now_ms, now_ms))
