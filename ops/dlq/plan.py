"""What is to become of each dead letter when it is redriven: sent, or not sent and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ops.dlq.letter import Entry, Place
from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS, topic_contract
from streams.errors import InvalidRecord


class Outcome(StrEnum):
    """What becomes of a dead letter."""

    SEND = "send"
    SENT_BEFORE = "sent_before"
    TOO_OFTEN = "too_often"
    REFUSED_AGAIN = "refused_again"
    NO_SOURCE = "no_source"
    VALUE_GONE = "value_gone"
    ABSENT = "absent"
    NOT_TAKEN = "not_taken"


UNDONE = frozenset({Outcome.TOO_OFTEN, Outcome.REFUSED_AGAIN, Outcome.NO_SOURCE, Outcome.VALUE_GONE, Outcome.ABSENT, Outcome.NOT_TAKEN})
"""What somebody has to look at; a letter that was sent before needs nobody."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a record is sent: contract name of the topic, and the partition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one dead letter.

    Parameters
    ----------
    entry, target
        ``None`` where there is no such dead letter, or none of our topics is its source.
    detail
        Where it was sent before, how often, or the reason for which it would be refused.
    """

    place: Place
    outcome: Outcome
    entry: Entry | None = None
    target: Target | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Routes:
    """Where records belong: the arithmetic of the producers of the input topics.

    Parameters
    ----------
    home
        The partition of a key among ``partitions``.
    """

    topic_prefix: str
    partitions: int
    home: Callable[[bytes, int], int]

    def target(self, entry: Entry) -> Target | None:
        """Where the source record belongs; ``None``: it came from none of our input topics.

        A record without a key belongs to no partition: it goes back to where it was.
        """
        topic = entry.topic.removeprefix(self.topic_prefix)
        if topic not in {*CASE_INPUTS, *REFERENCE_INPUTS} or not entry.topic.startswith(self.topic_prefix):
            return None
        partitions = self.partitions if topic_contract(topic).partitions == "case" else 1
        if entry.key is None:
            return Target(topic, entry.partition) if 0 <= entry.partition < partitions else None
        return Target(topic, self.home(entry.key, partitions))


def decide(
    entry: Entry,
    target: Target | None,
    *,
    sent_to: str | None,
    refusal: InvalidRecord | None,
    max_redrives: int,
    force: bool,
    is_gone: bool = False,
) -> Decision:
    """What becomes of a dead letter.

    Parameters
    ----------
    sent_to
        Where an earlier redrive of this very dead letter lies; ``None``: there was none.
    refusal
        Why the workers would refuse the record now.
    max_redrives
        A record that was sent back so often is a loop, and is not sent again.
    force
        Send what would be refused. A loop, and a letter that was sent before, are not sent in spite of it.
    is_gone
        The letter was written without its value, which is not any more where it came from: there is nothing to send.
    """
    if target is None:
        return Decision(entry.place, Outcome.NO_SOURCE, entry, None, entry.topic)
    if sent_to is not None:
        return Decision(entry.place, Outcome.SENT_BEFORE, entry, target, sent_to)
    if entry.redrives >= max_redrives:
        return Decision(entry.place, Outcome.TOO_OFTEN, entry, target, str(entry.redrives))
    if is_gone:
        return Decision(entry.place, Outcome.VALUE_GONE, entry, target)
    if refusal is not None and not force:
        return Decision(entry.place, Outcome.REFUSED_AGAIN, entry, target, str(refusal))
    return Decision(entry.place, Outcome.SEND, entry, target)
