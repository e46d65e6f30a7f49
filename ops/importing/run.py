"""Drafts into their topic: reads what the topic has of the unit, publishes what is new, changed or taken back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ops.importing.changes import Change, Changes, Known, changes
from ops.importing.faults import Fault, Reading
from ops.publish import TopicProducer
from ops.reading import read_topic
from streams.contracts import codec, record_key
from streams.errors import InvalidRecord
from streams.settings import Settings

logger = logging.getLogger(__name__)


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
        Records that the topic does not take, for their size.
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
    on_progress
        Told now and then of the records of the topic that are read, and of how many there are.

    Raises
    ------
    DependencyError, TopologyError
        Kafka is absent, went away, or lacks the topic.
    """
    known = _known(settings, topic, unit_code, on_progress)
    found = changes(reading.drafts, known, valid_from=valid_from, replace=replace)
    refused = _publish(settings, topic, found)
    faults = tuple(Fault(change.sheet, change.cell, reason, "主题收得下的记录 a record the topic takes") for change, reason in refused)
    return Imported(len(found.publish) - len(faults), len(found.delete), found.unchanged, faults)


def _known(settings: Settings, topic: str, unit_code: str, on_progress: Callable[[int, int], None]) -> Known:
    known, decode = Known(unit_code), codec(topic).decode
    for message in read_topic(settings, topic, tell=on_progress):
        try:
            known.add(decode(message.value()))
        except InvalidRecord as error:  # no worker takes it either
            logger.warning("参照数据未采用 reference record not taken: %s@%s: %s", message.topic(), message.offset(), error)
    return known


def _publish(settings: Settings, topic: str, found: Changes) -> list[tuple[Change, str]]:
    """Send everything; return what the topic does not take, and why. What it once took, it takes again as deleted: only new rows can be."""
    every = [*found.publish, *found.delete]
    if not every:
        return []
    producer, encode = TopicProducer(settings, [topic]), codec(topic).encode
    for number, change in enumerate(every):
        producer.send(topic, record_key(topic, change.record), encode(change.record), number)
    return [(every[lost.tag], lost.reason) for lost in producer.finish()]
