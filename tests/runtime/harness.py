"""Topics, feed, worker processes and the truth to compare with, for tests on a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark what it exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from streams.runtime.clients import consumer_config, extent
from streams.runtime.progress import Progress, committed
from tests.runtime.jobs import WorkerConfig

ROOT = Path(__file__).parents[2]
PARTITIONS = 3


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the first true value of ``condition``, or fail with ``what``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def read_progress(kafka: Mapping[str, str], name: str, topics: Iterable[str]) -> dict[tuple[str, int], Progress]:
    """What the workers of a job have committed of every partition of these topics."""
    with closing(Consumer(consumer_config(kafka, name))) as consumer:
        places = [(topic, number) for topic in topics for number in consumer.list_topics(topic, timeout=30).topics[topic].partitions]
        return committed(consumer, places, 30.0)


class Worker:
    """A worker process, its log and its report."""

    def __init__(self, config: WorkerConfig, log: Path) -> None:
        self.log = log
        self.report = Path(config.report)
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.runtime.jobs", json.dumps(asdict(config))], stdout=out, stderr=out, cwd=ROOT
            )

    def reports(self) -> list[dict[str, Any]]:
        """Everything this process reported of itself."""
        if not self.report.exists():
            return []
        lines = self.report.read_text().splitlines()
        return [found for found in map(_parsed, lines) if found.get("pid") == self.process.pid]

    def last(self) -> dict[str, Any]:
        """Return its last report; empty before the first."""
        found = self.reports()
        return found[-1] if found else {}

    def wait_reports(self, condition: Callable[[dict[str, Any]], Any], seconds: float = 30) -> None:
        """Wait until a report is as wanted."""
        try:
            wait_for(lambda: self._alive() and (last := self.last()) and condition(last), seconds, "the report is as wanted")
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {self.last()}\n{self.tail()}") from None

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def sleeps(self) -> bool:
        """Whether the process is stopped (SIGSTOP)."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def ended(self, seconds: float = 30) -> int:
        """Return the exit code; negative for a signal."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """End it gracefully."""
        self.signal(signal.SIGTERM)
        return self.ended(15)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def tail(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])

    def _alive(self) -> bool:
        code = self.process.poll()
        assert code is None, f"worker ended with {code}:\n{self.tail()}"
        return True


@dataclass
class Pairs:
    """One test's topics and workers."""

    bootstrap: str
    prefix: str
    folder: Path
    workers: list[Worker] = field(default_factory=list)
    lefts: Counter[bytes] = field(default_factory=Counter)
    rights: Counter[bytes] = field(default_factory=Counter)

    def topic(self, name: str) -> str:
        """Return a topic's full name."""
        return f"{self.prefix}-{name}"

    def create(self, only: Iterable[str] = ("left", "right", "verdicts", "pair-state", "factors")) -> None:
        """Create the topics."""
        compact, whole = {"cleanup.policy": "compact"}, {"retention.ms": "-1"}
        topics = [
            NewTopic(
                self.topic(name),
                1 if name == "factors" else PARTITIONS,
                1,
                config=compact if name == "pair-state" else whole,
            )
            for name in only
        ]
        admin = AdminClient(self._kafka())
        for created in admin.create_topics(topics).values():
            created.result(20)

    def recreate(self, name: str) -> None:
        """Delete a topic and create it anew: another incarnation under the same name."""
        self.delete(name)
        self.create([name])

    def delete(self, name: str) -> None:
        """Delete a topic, and wait until the broker no longer shows it."""
        admin = AdminClient(self._kafka())
        for deleted in admin.delete_topics([self.topic(name)]).values():
            deleted.result(20)
        wait_for(lambda: self.topic(name) not in admin.list_topics(timeout=10).topics, 20, "topic deleted")

    def compact_at_once(self, name: str) -> None:
        """See :func:`compact_at_once`."""
        compact_at_once(self._kafka(), self.topic(name))

    def feed(
        self, lefts: Iterable[int], rights: Iterable[int], *, value: bytes = b"x", at_ms: int | None = None, apart_ms: int = 0
    ) -> None:
        """Publish records; keys are made of the numbers, and each number is so much later than the one before."""
        producer = Producer({**self._kafka(), "partitioner": "murmur2_random", "linger.ms": 5, "enable.idempotence": True})
        at = at_ms or int(time.time() * 1000)
        for topic, numbers, counts in (("left", lefts, self.lefts), ("right", rights, self.rights)):
            for number in numbers:
                producer.produce(self.topic(topic), key=key_of(number), value=value, timestamp=at + apart_ms * number)
                counts[key_of(number)] += 1
                if number % 1000 == 0:
                    producer.poll(0)
        assert producer.flush(30) == 0

    def trickle(self, going_on: Callable[[], bool]) -> None:
        """Produce a left every few milliseconds."""
        producer, number = Producer({**self._kafka(), "linger.ms": 0}), 0
        while going_on():
            producer.produce(self.topic("left"), key=key_of(number), value=b"x", timestamp=int(time.time() * 1000))
            producer.poll(0.003)
            number += 1
        assert producer.flush(20) == 0

    def left_open(self, name: str, number: int) -> Producer:
        """Begin a stranger's transaction in the partition of this number's key, with a record that is nobody's; it stays open."""
        producer = Producer({**self._kafka(), "partitioner": "murmur2_random", "transactional.id": f"{self.prefix}-stranger"})
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.produce(self.topic(name), key=key_of(number), value=b"never", timestamp=int(time.time() * 1000))
        assert producer.flush(20) == 0
        return producer

    def drop_records(self, name: str) -> None:
        """Delete all records of a topic, as retention would."""
        admin = AdminClient(self._kafka())
        for deleted in admin.delete_records(
            [TopicPartition(topic, number, end) for (topic, number), end in self.ends(name).items()]
        ).values():
            deleted.result(20)

    def reset_offsets(self, name: str) -> None:
        """Have the workers' group begin at the end of a topic, as an operator would who accepts a loss; leaves no metadata."""
        places = [TopicPartition(topic, number, end) for (topic, number), end in self.ends(name).items()]
        admin = AdminClient(self._kafka())

        def done() -> bool:
            request = ConsumerGroupTopicPartitions(f"{self.prefix}-pairs", places)
            [answer] = admin.alter_consumer_group_offsets([request]).values()
            return not any(place.error for place in answer.result(20).topic_partitions)

        wait_for(done, 30, "the group has no members any more: a worker's membership outlives it by a session")

    def set_factor(self, unit: str, factor: int) -> None:
        """Publish a reference record."""
        producer = Producer(self._kafka())
        producer.produce(self.topic("factors"), key=unit, value=str(factor))
        assert producer.flush(10) == 0

    def worker(self, name: str = "w1", **config: Any) -> Worker:
        """Start a worker process."""
        given = WorkerConfig(
            bootstrap=self.bootstrap,
            prefix=self.prefix,
            worker=name,
            data_dir=str(self.folder / "state"),
            report=str(self.folder / f"{name}.report"),
            **config,
        )
        worker = Worker(given, self.folder / f"{name}.log")
        self.workers.append(worker)
        return worker

    def take(self, partition: int) -> None:
        """Take a partition away from its owner, as a former owner's opening does that comes through late; and do nothing with it."""
        producer = Producer({**self._kafka(), "transactional.id": f"{self.prefix}-pairs-{partition}"})
        producer.init_transactions(20)

    def progress(self) -> dict[tuple[str, int], Progress]:
        """Return the committed progress."""
        return read_progress(self._kafka(), f"{self.prefix}-pairs", [self.topic("left"), self.topic("right")])

    def wait_caught_up(self, seconds: float = 40) -> None:
        """Wait, by what is committed alone, until everything fed before is done and time has passed now."""
        since_ms = int(time.time() * 1000)
        ends = self.ends("left", "right")

        def done() -> bool:
            for worker in self.workers:
                assert worker.process.poll() in {None, 0, -9}, f"ended with {worker.process.poll()}:\n{worker.tail()}"
            return all((at.offset or 0) >= ends[place] and (at.watermark_ms or 0) >= since_ms for place, at in self.progress().items())

        try:
            wait_for(done, seconds, "caught up")
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {self.progress()} of {ends}\n{self.workers[-1].tail()}") from None
        # A commit is answered before its markers lie in every partition (KIP-98); only then do readers see its records.
        written = self.ends("verdicts", "pair-state", level="read_uncommitted")
        wait_for(lambda: all(end >= written[place] for place, end in self.ends("verdicts", "pair-state").items()), 20, "markers")

    def ends(self, *names: str, level: str = "read_committed") -> dict[tuple[str, int], int]:
        """Return the ends of all partitions as readers of this isolation level see them."""
        consumer = Consumer({**self._kafka(), "group.id": "ends", "isolation.level": level})
        found = {
            (self.topic(name), number): extent(consumer, self.topic(name), number, 10)[1]
            for name in names
            for number in consumer.list_topics(self.topic(name), timeout=10).topics[self.topic(name)].partitions
        }
        consumer.close()
        return found

    def read(self, name: str) -> list[Any]:
        """Return all committed records of a topic."""
        ends = self.ends(name)
        consumer = Consumer({**self._kafka(), "group.id": "reader", "isolation.level": "read_committed", "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, number, 0) for topic, number in ends])
        found, left = [], len(ends)
        while left:
            for message in consumer.consume(5000, 0.2):
                if message.error() is None:
                    found.append(message)
                else:
                    left -= 1
        consumer.close()
        return found

    def states(self) -> dict[bytes, dict[str, Any]]:
        """Return the latest state of each key, from the changelog."""
        return {message.key(): json.loads(message.value()[::-1]) for message in self.read("pair-state")}

    def verdicts(self) -> Counter[tuple[bytes, bytes]]:
        """Return how often each verdict was given."""
        return Counter((message.key(), message.value()[:4]) for message in self.read("verdicts"))

    def wrongs(self) -> list[str]:
        """Compare with the truth: every record counted once, every verdict given once."""
        assert len(self.read("left")) == self.lefts.total(), "the feed itself is not what it should be"
        assert len(self.read("right")) == self.rights.total(), "the feed itself is not what it should be"
        states, verdicts = self.states(), self.verdicts()
        found = [
            f"{key!r}: {states.get(key)}"
            for key in self.lefts.keys() | self.rights.keys()
            if (states.get(key, {}).get("l"), states.get(key, {}).get("r")) != (self.lefts[key], self.rights[key])
        ]
        both = {key for key in self.lefts if self.rights[key]}
        found += [f"{key!r}: {verdicts[key, b'pair']} verdicts" for key in both if verdicts[key, b"pair"] != 1]
        found += [f"{key!r}: unfounded {kind!r}" for key, kind in verdicts if kind == b"pair" and key not in both]
        return found

    def _kafka(self) -> dict[str, str]:
        return {"bootstrap.servers": self.bootstrap}


def compact_at_once(kafka: Mapping[str, str], topic: str) -> None:
    """Let segments of a topic end, and be compacted, as soon as the broker can; it looks for work five times a second."""
    kinds, config = ConfigResource.Type, {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "min.compaction.lag.ms": "0"}
    admin = AdminClient(dict(kafka))
    for kind, where, changed in ((kinds.TOPIC, topic, config), (kinds.BROKER, "1", {"log.cleaner.backoff.ms": "200"})):
        entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in changed.items()]
        for altered in admin.incremental_alter_configs([ConfigResource(kind, where, incremental_configs=entries)]).values():
            altered.result(20)


def key_of(number: int) -> bytes:
    """Return the key of a number; its unit is one of seven."""
    return b"u%d-%d" % (number % 7, number)


def _parsed(line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return found
