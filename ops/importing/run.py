"""Drafts into their topic: reads what the topic has of the unit, publishes what is new, changed or taken back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ops.importing.changes import Change, Changes, Known, changes
from ops.importing.faults import Fault, Reading
from ops.judge import Judge
from ops.publish import TopicProducer
from ops.reading import read_topic
from streams.agents.reference import reference_row
from streams.contracts import codec, record_key
from streams.errors import InvalidRecord
from streams.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A change as it is sent."""

    change: Change
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an import.

    Parameters
    ----------
    published
        New and changed items that the broker confirmed.
    deleted
        Items taken back, confirmed too.
    unchanged
        Items that the topic had just so.
    faults
        Records that workers would refuse, or that the topic does not take, for their size.
    """

    published: int = 0
    deleted: int = 0
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()


def import_reading(
    settings: Settings,
    topic: str,
    reading: Reading,
    *,
    unit_code: str,
    valid_from: int | None,
    replace: bool,
    partial: bool,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Imported:
    """Publish what a file says of a unit, as far as the topic does not say it yet.

    Parameters
    ----------
    topic
        ``item-registry``, ``archiving-schedule`` or ``module-config``.
    valid_from
        First day on which the file holds, as a number since 1970; ``None``: since ever.
    replace
        Take back what the topic has of the unit and the file has not.
    partial
        Publish the others where some would be refused; else nothing is published then.
    on_progress
        Told now and then of the records of the topic that are read, and of how many there are.

    Raises
    ------
    DependencyError, TopologyError
        Kafka is absent, went away, or lacks the topic.
    """
    known = _known(settings, topic, unit_code, on_progress)
    found = changes(reading.drafts, known, valid_from=valid_from, replace=replace)
    taken, faults = _judged(settings, topic, found)
    if faults and not partial:
        return Imported(unchanged=found.unchanged, faults=tuple(faults))
    lost = _publish(settings, topic, taken)
    faults += [_fault(taken[number].change, reason, "主题收得下的记录 a record the topic takes") for number, reason in lost.items()]
    deleted = [each.change.record["deleted"] for number, each in enumerate(taken) if number not in lost]
    return Imported(deleted.count(False), deleted.count(True), found.unchanged, tuple(faults))


def _known(settings: Settings, topic: str, unit_code: str, on_progress: Callable[[int, int], None]) -> Known:
    known = Known(unit_code)
    for message in read_topic(settings, topic, tell=on_progress):
        try:
            known.add(reference_row(topic, message.value()))
        except InvalidRecord as error:  # no worker takes it either: what it says is not there
            logger.warning("参照数据未采用 reference record not taken: %s@%s: %s", message.topic(), message.offset(), error)
    return known


def _judged(settings: Settings, topic: str, found: Changes) -> tuple[list[_Outgoing], list[Fault]]:
    """What workers would take of it; and what they would not, or what cannot be said at all."""
    judge, faults = Judge(settings.kafka.topic_prefix), [*found.faults]
    taken: list[_Outgoing] = []
    for change in (*found.publish, *found.delete):
        key, value = record_key(topic, change.record), codec(topic).encode(change.record)
        if refusal := judge.refusal(topic, key, value):
            faults.append(_fault(change, str(refusal), "工作进程采用的记录 a record that workers take"))
        else:
            taken.append(_Outgoing(change, key, value))
    return taken, faults


def _fault(change: Change, found: str, expected: str) -> Fault:
    return Fault(change.sheet, change.cell, found, expected)


def _publish(settings: Settings, topic: str, outgoing: list[_Outgoing]) -> dict[int, str]:
    """Send everything; return the numbers of those that the topic does not take, and why."""
    if not outgoing:
        return {}
    producer = TopicProducer(settings, [topic])
    for number, each in enumerate(outgoing):
        producer.send(topic, each.key, each.value, number)
    return {lost.tag: lost.reason for lost in producer.finish()}
