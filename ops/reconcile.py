"""Recomputes every verdict in one batch from the inputs, and compares with what the stream has said.

These must agree: the published states of cases and items with the recomputed ones, the coverage counts with the fold of the states,
the open findings told on the anomaly topics with those of the states, where and when each lies as well, and ClickHouse with the topics,
row by row and in every column that a figure may rest on.

It goes partition by partition. What comes of a case lies in the partition of its number, on every topic; so one partition's cases are held
at once, packed, and of the others only which items they use, whose owner may be any partition. A partition is compared as it stands between
two transactions (:mod:`ops.reconciling.still`), so that sources may go on sending. Why, and what is left: docs/design/reconcile.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from consumers.clickhouse import connect, reaching
from ops.connect import Admin
from ops.reading import TopicReader
from ops.recompute import Tell
from ops.reconciling.comparison import LOOKS, OF_PARTITION, Comparison
from ops.reconciling.differences import Difference
from streams.runtime.topology import check_counts
from streams.settings import Settings

_PLACES = ("case-state", "item-state", "coverage-partial", "anomaly", "clickhouse")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome.

    Parameters
    ----------
    cases
        Recomputed.
    not_taken
        Input records that are no events, by reason: they are in ``dead-letter``.
    differences
        In the order of where they are, so that what others follow from comes first.
    in_motion
        What was another thing at every look, so that nothing can be said of it but what the last look saw.
    """

    cases: int
    not_taken: dict[str, int]
    differences: list[Difference]
    in_motion: list[Difference] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def reconcile(settings: Settings, tell: Tell) -> Reconciliation:
    """Compare everything, while the system may go on.

    Canaries, which may fly meanwhile, are left out; a figure that rested on one would be a difference.

    Parameters
    ----------
    tell
        Called when a partition of a topic has been read, with the topic and how many have been and will have been.

    Raises
    ------
    TopologyError
        The topics have other partitions than ``kafka.partitions`` says.
    WaitTimeout
        A partition was never at rest, or workers or sink did not get on, for two minutes.
    """
    there = Admin(settings).metadata().topics
    counts = {name: len(there[name].partitions) for name in map(settings.topic, OF_PARTITION) if name in there}
    check_counts(counts, settings.kafka.partitions)
    with reaching(settings), closing(TopicReader(settings)) as topics:
        comparison = Comparison(settings, topics, connect(settings), tell)
        looks: list[Callable[[], Iterable[Difference]]] = [partial(comparison.look, number) for number in range(settings.kafka.partitions)]
        outcomes = [_settled(look) for look in (*looks, comparison.units, comparison.nowhere)]
        outcomes.append(comparison.uses())
    differences, in_motion = ([one for outcome in outcomes for one in outcome[number]] for number in range(2))
    differences.sort(key=lambda one: _PLACES.index(one.where))
    return Reconciliation(sum(comparison.cases.values()), dict(comparison.not_taken), differences, in_motion)


def _settled(look: Callable[[], Iterable[Difference]]) -> tuple[list[Difference], list[Difference]]:
    """Look, and where there are differences look again: return those that two looks on end have seen, and those that the last alone has."""
    before: set[tuple[str, str, str]] = set()
    for number in range(LOOKS):
        seen = list(look())
        new = [one for one in seen if number == 0 or one.place not in before]
        if not new:
            break
        before = {one.place for one in seen}
    moving = {one.place for one in new}
    return [one for one in seen if one.place not in moving], new
