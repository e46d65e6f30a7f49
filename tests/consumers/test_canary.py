"""A canary that comes back, one that does not, and one that comes back late; a real broker, a real engine, and no worker but the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumers.clickhouse import connect
from consumers.migrate import migrate
from ops.monitor.canary import Canary
from ops.topics import ensure_topics
from streams.clock import wall_ms
from streams.contracts import ARCHIVE_RECEIVED, CASE_STATE, codec
from streams.domain.time import HOUR_MS
from streams.errors import DependencyError
from streams.settings import Settings
from tests.consumers.outputs import store_rows

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

SOON = 0.5


@pytest.fixture
def settings(sink_settings: Settings) -> Settings:
    """Topics and tables, and a canary that is sent when the test says so."""
    made = sink_settings.model_copy(update={"canary": sink_settings.canary.model_copy(update={"every": "1h"})})
    ensure_topics(made)
    migrate(made)
    return made


class Worker:
    """Answers each canary that it finds with a state of its case: what worker and sink do."""

    def __init__(self, settings: Settings) -> None:
        self._client, self._topic = connect(settings), settings.topic(ARCHIVE_RECEIVED)
        self._consumer = Consumer({**settings.kafka_client(), "group.id": "test", "auto.offset.reset": "earliest"})
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in range(settings.kafka.partitions)])
        self.seen: list[tuple[int, dict[str, object]]] = []

    def answer(self, canaries: int) -> None:
        """Wait for so many and answer them."""
        wanted = len(self.seen) + canaries
        while len(self.seen) < wanted:
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.seen.append((message.partition(), codec(ARCHIVE_RECEIVED).decode(message.value())))
        states = codec(CASE_STATE)
        for number, (_, event) in enumerate(self.seen):
            state = {"case_no": event["case_no"], "status": "NOT_CLOSED", "unit_code": "", "item_code": "", "main_item_code": ""}
            state |= {"item_type": "", "facts": b""}
            store_rows(self._client, CASE_STATE, [states.decode(states.encode(state))] * (number + 1))

    def close(self) -> None:
        """Let go."""
        self._consumer.close()


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """The other end."""
    made = Worker(settings)
    yield made
    made.close()


def test_a_late_canary_is_a_failure_and_is_measured_from_when_it_was_sent(settings: Settings, worker: Worker) -> None:
    """Two partitions, a canary for each; what comes back in the end is not taken for the answer to the last one sent."""
    canary = Canary(settings, patience_seconds=SOON)
    with pytest.raises(DependencyError, match="2 / 2"):
        canary.fly()
    assert canary.seconds is None
    began = time.monotonic()
    time.sleep(SOON)
    thread = threading.Thread(target=worker.answer, args=(2,))
    thread.start()
    canary._patience_seconds = 60.0
    canary.fly()
    thread.join()
    assert canary.seconds is not None
    assert canary.seconds > time.monotonic() - began
    assert [partition for partition, _ in worker.seen] == [partition_of(event) for _, event in worker.seen]
    late = canary.seconds

    thread = threading.Thread(target=worker.answer, args=(4,))
    thread.start()
    canary.fly()
    thread.join()
    assert canary.seconds < late
    revisions = [event["revision"] for _, event in worker.seen]
    assert revisions[0] < revisions[-1]


def test_a_canary_comes_back_though_the_clock_was_put_back_since_the_last_one(settings: Settings, worker: Worker) -> None:
    """By an hour, and the monitor has been started again: its revision is above the last all the same, or no worker would answer it."""
    ahead = wall_ms() + HOUR_MS
    (settings.home / "canary-revision").write_text(str(ahead))
    canary = Canary(settings)
    for flight in (1, 2):
        thread = threading.Thread(target=worker.answer, args=(2,))
        thread.start()
        canary.fly()
        thread.join()
        assert {event["revision"] for _, event in worker.seen[-2:]} == {ahead + flight}
    assert Canary(settings)._revision == ahead + 2


def test_a_table_that_is_lost_is_no_canary_that_came_back(settings: Settings, worker: Worker) -> None:
    """What it has when it fills itself again is older than the canary."""
    canary = Canary(settings)
    thread = threading.Thread(target=worker.answer, args=(2,))
    thread.start()
    canary.fly()
    thread.join()
    canary._patience_seconds = SOON
    with pytest.raises(DependencyError, match="2 / 2"):
        canary.fly()
    connect(settings).command("TRUNCATE TABLE case_state")
    with pytest.raises(DependencyError, match="2 / 2"):
        canary.fly()


def partition_of(event: dict[str, object]) -> int:
    """The partition that a canary's name gives."""
    return int(str(event["case_no"]).split("-")[2])
