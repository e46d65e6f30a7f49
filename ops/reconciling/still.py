"""Points between two transactions of a partition's owner, at which what it had read and what it had written belong together.

An owner commits what it has read, how far it has taken in reference data, through when it has judged, and all that it wrote, in one
transaction. Between two of them inputs and outputs agree to the record, however much is sent: at such a *stand* anything can be
compared, and what comes later is left for later. A transaction takes longer than it takes to ask, so that a stand is found soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # the package does not mark what it exports

from ops.connect import REACH_SECONDS, Admin
from streams.contracts import JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.errors import WaitTimeout
from streams.runtime.clients import answered, consumer_config, patiently
from streams.runtime.progress import Progress, committed
from streams.settings import Settings

STILL_SECONDS = 120.0
"""Longer than a worker that was killed leaves a transaction open, and than most corrections of reference data take to be judged."""
_PAUSE_SECONDS = 0.02

Positions = Mapping[str, tuple[int, ...]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Stand:
    """A partition as it is between two transactions; topics by their names without prefix.

    Parameters
    ----------
    read
        Input to the next offset to do: all before it has gone into what was written, and nothing after.
    written
        Output to its end.
    reference
        Reference topic to the positions below which everything has been taken in and judged, and nothing after.
    done_ms
        All that was due by this time has been judged.
    judged_ms
        Nothing was judged at a later time; behind ``done_ms``.
    """

    read: Mapping[str, int]
    written: Mapping[str, int]
    reference: Positions
    done_ms: int
    judged_ms: int


@dataclass(slots=True)
class Stands:
    """Looks for them; connections are kept from one to the next."""

    settings: Settings
    _admin: Admin = field(init=False)
    _workers: Any = field(init=False)

    def __post_init__(self) -> None:
        self._admin = Admin(self.settings)
        self._workers = Consumer(consumer_config(self.settings.kafka_client(), self.settings.application))

    def progress(self, partition: int) -> dict[str, Progress]:
        """What the owner of a partition has committed last, by input; waits for a transaction that is just being committed."""
        names = {self.settings.topic(name): name for name in JOB_INPUTS}
        try:
            found = committed(self._workers, [(topic, partition) for topic in names], REACH_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error) from error
        return {names[topic]: at for (topic, _), at in found.items()}

    def has_taken_in(self, partition: int, reference: Positions) -> bool:
        """Whether the owner of a partition has committed that it has read, and judged by, reference data up to these positions."""
        return reaches(self._reference(next(iter(self.progress(partition).values()))), reference)

    def find(self, partition: int, reference: Positions, since_ms: int) -> Stand:
        """Wait for the next one.

        Parameters
        ----------
        reference
            Positions that the owner must have reached: who has read so far cannot compare with what it wrote before.
        since_ms
            Through when everything due must have been judged.

        Raises
        ------
        WaitTimeout
            There was none for two minutes.
        DependencyError
            Kafka cannot be reached.
        """

        def stand() -> Stand | None:
            before = self.progress(partition)
            # One producer writes to these, so that what is stable ends with a transaction of its. A commit shows in one place before it
            # shows in another: so nothing may be seen to move, neither what was read nor what was written.
            written = self._ends(partition)
            if before != self.progress(partition) or written != self._ends(partition):
                return None
            return self._stand(before, written, reference, since_ms)

        moving = f"分区 {partition} 总在变动，或参照数据还没有判完 is never at rest, or reference data is still being judged"
        return waited(stand, moving, _PAUSE_SECONDS)

    def _stand(self, progress: Mapping[str, Progress], written: Mapping[str, int], reference: Positions, since_ms: int) -> Stand | None:
        at = next(iter(progress.values()))  # what they say besides their offsets was committed together
        done = self._reference(at)
        finished = at.fingerprint is not None and at.seen in ({}, at.reference) and reaches(done, reference)
        if not finished or at.watermark_ms is None or at.watermark_ms < since_ms:
            return None
        read = {name: each.offset or 0 for name, each in progress.items()}
        return Stand(read, written, done, at.watermark_ms, max(at.now_ms or 0, at.watermark_ms + 1))

    def _reference(self, at: Progress) -> Positions:
        return {name: at.reference.get(self.settings.topic(name), (0,)) for name in REFERENCE_INPUTS}

    def _ends(self, partition: int) -> dict[str, int]:
        """Where the outputs end with what is committed."""
        asked: dict[TopicPartition, Any] = {
            TopicPartition(self.settings.topic(name), partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for name in OUTPUTS
        }

        def ask() -> dict[str, int]:
            answers = self._admin.client.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REACH_SECONDS)
            return {at.topic: answered(answer, REACH_SECONDS).offset for at, answer in answers.items()}

        try:
            found = patiently(ask, REACH_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error) from error
        return {name: found[self.settings.topic(name)] for name in OUTPUTS}


def reaches(at: Positions, wanted: Positions) -> bool:
    """Whether positions are nowhere below others."""
    return all(
        place < len(at[topic]) and at[topic][place] >= position
        for topic, positions in wanted.items()
        for place, position in enumerate(positions)
    )


def waited(look: Callable[[], Answer | None], missing: str, pause_seconds: float) -> Answer:
    """Look until there is something.

    Raises
    ------
    WaitTimeout
        There was nothing for two minutes.
    """
    give_up = time.monotonic() + STILL_SECONDS
    while (found := look()) is None:
        if time.monotonic() > give_up:
            raise WaitTimeout(f"{missing}（{STILL_SECONDS:g} s）")
        time.sleep(pause_seconds)
    return found
