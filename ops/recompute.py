"""The topics read whole and judged in one batch: what the states ought to be (``reconcile``), and how one came about (``explain``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ops.reading import read_topic
from streams.agents.intake import Intake
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_INPUTS, CASE_STATE, FEED_HEARTBEAT, UNIT_REGISTRY, codec
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.domain.findings import findings
from streams.domain.reference import Reference
from streams.domain.verdict import Judge, Moment, State
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
        self._intakes = {name: Intake(name, settings.title_key()) for name in CASE_INPUTS}
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
    inputs, reader = Inputs(reference=read_reference(settings)), InputReader(settings)
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


def read_reference(settings: Settings) -> Reference:
    """Read the reference topics; every heartbeat may be used, as all inputs are read to their ends."""
    reference = Reference()
    for row in _valid(settings, UNIT_REGISTRY):
        reference.units.add(row)
    for claim in _valid(settings, FEED_HEARTBEAT):
        topic = claim["topic"].removeprefix(settings.kafka.topic_prefix)
        if topic in (CASE_CLOSED, ARCHIVE_RECEIVED):
            reference.feeds.add(claim["source_system"], topic, claim["complete_through"], 0)
    return reference


def judged(judge: Judge, case_no: str, facts: CaseFacts, now_ms: int) -> State:
    """State of a case when everything has been read through ``now_ms``."""
    state = judge.judge(case_no, facts, Moment(now_ms, now_ms, now_ms))
    state["open_anomalies"] = sorted(findings(state))
    state["facts"] = facts.dump()
    return state


def published_states(settings: Settings, tell: Tell) -> dict[str, tuple[int, State]]:
    """The last record of ``case-state`` of each case, with its partition."""
    states: dict[str, tuple[int, State]] = {}
    for message in read_topic(settings, CASE_STATE, tell=lambda done, total: tell(CASE_STATE, done, total)):
        state = codec(CASE_STATE).decode(message.value())
        states[state["case_no"]] = message.partition(), state
    return states


def _valid(settings: Settings, topic: str) -> Iterator[dict[str, Any]]:
    for message in read_topic(settings, topic):
        try:
            yield codec(topic).decode(message.value())
        except InvalidRecord:  # the workers log it and leave it where it is
            continue
