"""A stand: between two transactions of a partition's owner what it had read and what it had written belong together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from ops.reconciling.still import Stand, Stands
from ops.topics import ensure_topics
from streams.contracts import CASE_STATE, COVERAGE_PARTIAL, JOB_INPUTS, REFERENCE_INPUTS, UNIT_REGISTRY
from streams.runtime.progress import Progress, encode
from streams.settings import Settings
from tests.conftest import Kafka

pytestmark = pytest.mark.kafka

NOWHERE = dict.fromkeys(REFERENCE_INPUTS, (0,))
LONG_SECONDS = 20
SHORT_SECONDS = 0.5


class Owner:
    """Writes and commits as the owner of partition 0."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer({**settings.kafka_client(), "transactional.id": f"{settings.application}-0"})
        self._group = Consumer({**settings.kafka_client(), "group.id": settings.application})
        self._producer.init_transactions(LONG_SECONDS)

    def begin(self, *topics: str) -> None:
        """Begin a transaction and write a record into each of these."""
        self._producer.begin_transaction()
        for topic in topics:
            self._producer.produce(self._settings.topic(topic), b"value", b"key", partition=0)
        assert self._producer.flush(LONG_SECONDS) == 0

    def commit(self, offset: int, done_ms: int = 10, reference: int = 0, seen: int | None = None) -> None:
        """Commit that so much has been read, judged through a time, and by so many rows of the registry of units."""
        taken, heard = ({self._settings.topic(name): (0,) for name in REFERENCE_INPUTS} for _ in range(2))
        taken[self._settings.topic(UNIT_REGISTRY)] = (reference,)
        heard[self._settings.topic(UNIT_REGISTRY)] = (reference if seen is None else seen,)
        metadata = encode(Progress(offset, done_ms, done_ms, taken, "rules", heard, done_ms + 5))
        offsets = [TopicPartition(self._settings.topic(name), 0, offset, metadata) for name in JOB_INPUTS]
        self._producer.send_offsets_to_transaction(offsets, self._group.consumer_group_metadata(), LONG_SECONDS)
        self._producer.commit_transaction(LONG_SECONDS)


class Watch:
    """An owner, and who looks for its next stand meanwhile."""

    def __init__(self, settings: Settings, pool: ThreadPoolExecutor) -> None:
        self.owner, self._stands, self._pool = Owner(settings), Stands(settings), pool
        self.owner.begin(CASE_STATE, COVERAGE_PARTIAL)
        self.owner.commit(1)

    def look(self, reference: int = 0, since_ms: int = 0) -> Future[Stand]:
        """Begin to look for one."""
        return self._pool.submit(self._stands.find, 0, {**NOWHERE, UNIT_REGISTRY: (reference,)}, since_ms)


@pytest.fixture
def watch(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[Watch]:
    """An owner that has committed its first transaction, of one event."""
    given: Any = {"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 1}
    settings = Settings(data_dir=tmp_path, application=topic_prefix, kafka=given)
    ensure_topics(settings)
    with ThreadPoolExecutor() as pool:
        yield Watch(settings, pool)


def is_waiting(looking: Future[Stand]) -> bool:
    """Whether there is none yet."""
    try:
        looking.result(SHORT_SECONDS)
    except StillWaiting:
        return True
    return False


def test_a_partition_at_rest_stands_at_what_was_committed_last(watch: Watch) -> None:
    """Its outputs end behind the markers of that transaction."""
    stand = watch.look().result(LONG_SECONDS)
    assert stand.read == dict.fromkeys(JOB_INPUTS, 1)
    assert {name: end for name, end in stand.written.items() if end} == {CASE_STATE: 2, COVERAGE_PARTIAL: 2}
    assert (stand.reference, stand.done_ms, stand.judged_ms) == (NOWHERE, 10, 15)


def test_what_is_written_and_not_committed_lies_behind_a_stand(watch: Watch) -> None:
    """Though it takes long: of a transaction under way there is nothing in it, and of one that is over all."""
    watch.owner.begin(CASE_STATE)
    stand = watch.look().result(LONG_SECONDS)
    assert (stand.read, stand.written[CASE_STATE]) == (dict.fromkeys(JOB_INPUTS, 1), 2)
    watch.owner.commit(2)
    stand = watch.look().result(LONG_SECONDS)
    assert (stand.read, stand.written[CASE_STATE], stand.written[COVERAGE_PARTIAL]) == (dict.fromkeys(JOB_INPUTS, 2), 4, 2)


def test_there_is_none_while_one_commits_upon_the_other(watch: Watch) -> None:
    """What a transaction read would be in it, and what it wrote not, or the other way round: what is found is always one of those."""
    stop = Event()

    def go_on() -> None:
        for number in count(2):
            watch.owner.begin(CASE_STATE, COVERAGE_PARTIAL)
            watch.owner.commit(number)
            if stop.is_set():
                return

    with ThreadPoolExecutor() as pool:
        going = pool.submit(go_on)
        stands = [watch.look().result(LONG_SECONDS) for _ in range(30)]
        stop.set()
        going.result(LONG_SECONDS)
    for stand in stands:
        assert {2 * read for read in stand.read.values()} == {stand.written[CASE_STATE]} == {stand.written[COVERAGE_PARTIAL]}
    assert stands[0].read != stands[-1].read


def test_there_is_none_while_reference_data_is_not_judged_whole_or_not_read_so_far(watch: Watch) -> None:
    """Some cases would be judged by it, others not; and who has read further cannot go back."""
    watch.owner.begin(CASE_STATE)
    watch.owner.commit(2, reference=3, seen=4)
    looking = watch.look()
    assert is_waiting(looking)
    watch.owner.begin(CASE_STATE)
    watch.owner.commit(2, reference=4)
    assert looking.result(LONG_SECONDS).reference == {**NOWHERE, UNIT_REGISTRY: (4,)}
    looking = watch.look(reference=5)
    assert is_waiting(looking)
    watch.owner.begin(CASE_STATE)
    watch.owner.commit(2, reference=5)
    assert looking.result(LONG_SECONDS).reference == {**NOWHERE, UNIT_REGISTRY: (5,)}


def test_there_is_none_before_all_is_judged_that_was_due_by_then(watch: Watch) -> None:
    """So that a heartbeat that was read before has been used."""
    looking = watch.look(since_ms=20)
    assert is_waiting(looking)
    watch.owner.begin(CASE_STATE)
    watch.owner.commit(2, done_ms=20)
    assert looking.result(LONG_SECONDS).done_ms == 20
