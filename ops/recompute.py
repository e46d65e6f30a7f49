"""The topics read whole and judged in one batch: what the states ought to be (``reconcile``), and how one came about (``explain``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ops.reading import read_topic
from streams.agents.intake import Intake, keyed_digest
from streams.agents.reference import ReferenceKeeper
from streams.clock import Clock
from streams.contracts import CASE_CLOSED, CASE_INPUTS, CASE_STATE, REFERENCE_INPUTS, codec
from streams.domain.assess import Assessor
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.domain.reference import Reference
from streams.domain.verdict import Moment, State
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.settings import Settings

Tell = Callable[[str, int, int], None]


@dataclass(slots=True)
class Inputs:
    """Everything the inputs say.

    Parameters
    ----------
    facts
        Merged events by case number.
    refused
        Records that belong into ``dead-letter``, by reason.
    """

    facts: dict[str, CaseFacts] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    reference: Reference = field(default_factory=Reference)


class InputReader:
    """Tells which records the workers take, and which not."""

    def __init__(self, settings: Settings) -> None:
        digest = keyed_digest(settings.title_key())
        self._intakes = {name: Intake(name, digest) for name in CASE_INPUTS}
        self._partition_of = PARTITIONERS[settings.kafka.partitioner]
        self._partitions = settings.kafka.partitions

    def event(self, topic: str, message: Any) -> dict[str, Any]:
        """The event in a record of a case topic.

        Raises
        ------
        InvalidRecord
            It is not one the workers take in.
        """
        event = self._intakes[topic].event(_Raw(message.key(), message.value()))
        home = self._partition_of(message.key(), self._partitions)
        if home != message.partition():
            raise InvalidRecord("MISROUTED", f"{home}")
        return event


@dataclass(frozen=True, slots=True)
class _Raw:
    key: bytes | None
    value: bytes | None


def read_inputs(settings: Settings, tell: Tell) -> Inputs:
    """Read all inputs and merge them."""
    inputs, reader = Inputs(), InputReader(settings)
    read_reference(settings, inputs, tell)
    for topic in CASE_INPUTS:
        for message in read_topic(settings, topic, tell=lambda done, total, topic=topic: tell(topic, done, total)):  # type: ignore[misc]
            try:
                event = reader.event(topic, message)
                facts = inputs.facts.setdefault(event["case_no"], CaseFacts())
                _ = facts.add_closing(event) if topic == CASE_CLOSED else facts.add_archive(event)
            except InvalidRecord as error:
                inputs.refused[error.reason] = inputs.refused.get(error.reason, 0) + 1
            except TooManyEvents:
                inputs.refused["TOO_MANY_EVENTS"] = inputs.refused.get("TOO_MANY_EVENTS", 0) + 1
    return inputs


def read_reference(settings: Settings, inputs: Inputs, tell: Tell = lambda _topic, _done, _total: None) -> None:
    """Read the reference topics; every heartbeat may be used, as all inputs are read to their ends."""
    keeper = ReferenceKeeper(reference=inputs.reference, topic_prefix=settings.kafka.topic_prefix, clock=_Beginning())
    for topic in REFERENCE_INPUTS:
        for message in read_topic(settings, topic, tell=lambda done, total, topic=topic: tell(topic, done, total)):  # type: ignore[misc]
            keeper.on_record(message)
    for _, error in keeper.rejected.values():
        inputs.refused[error.reason] = inputs.refused.get(error.reason, 0) + 1


class _Beginning(Clock):
    """A clock that stands at the beginning of time: whatever is heard has been heard before."""

    def now_ms(self) -> int:
        """Nothing is earlier."""
        return 0


def judged(assessor: Assessor, case_no: str, facts: CaseFacts, now_ms: int) -> State:
    """State of a case when everything has been read through ``now_ms``."""
    return assessor.assess(case_no, facts, Moment(now_ms, now_ms, now_ms))


def published_states(settings: Settings, tell: Tell) -> dict[str, tuple[int, State]]:
    """The last record of ``case-state`` of each case, with its partition."""
    states: dict[str, tuple[int, State]] = {}
    for message in read_topic(settings, CASE_STATE, tell=lambda done, total: tell(CASE_STATE, done, total)):
        state = codec(CASE_STATE).decode(message.value())
        states[state["case_no"]] = message.partition(), state
    return states
