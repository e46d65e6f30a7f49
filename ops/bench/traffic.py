"""Events at a steady rate, and when what follows from them was seen: all of it in one process, by one monotonic clock."""

from __future__ import annotations

import gc
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition

from streams.errors import DependencyError

LINGER_MS = 5
"""How long the producer waits for company for a record: librdkafka's own default, the same for all contenders."""
_IN_FLIGHT = 5
"""Requests under way, Java's default: librdkafka would send each batch of each partition at once, however many the broker has to answer."""
AT_ONCE = 1e9
"""Messages a second: more than can be."""
_FLUSH_SECONDS = 60
_NAP_S = 0.001
_LOOK_S = 0.02
_CHUNK = 1_000
_SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be sent, and the case it belongs to: what follows is timed from the last of its records."""

    number: int
    topic: str
    key: bytes
    value: bytes


class Helper(threading.Thread, ABC):
    """A thread of the measurement. What ends it is raised where it is waited for: without it nothing more is seen."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._error: Exception | None = None

    def run(self) -> None:
        """Work, and keep what goes wrong."""
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told by check()
            self._error = error

    @abstractmethod
    def work(self) -> None:
        """What the thread does."""

    def check(self) -> None:
        """See that nothing has ended it.

        Raises
        ------
        DependencyError
            Something has.
        """
        if self._error is not None:
            raise DependencyError(f"{self.name} 出错 failed: {type(self._error).__name__}: {self._error}") from self._error


class Pacer(Helper):
    """Sends cases at a rate, each as soon as its time has come, until there are no more or :meth:`end` is called.

    Parameters
    ----------
    cases
        The messages of each, which go out one after the other.
    rate
        Messages a second.
    """

    def __init__(self, bootstrap: str, cases: Iterable[Sequence[Message]], rate: float) -> None:
        super().__init__("pacer")
        self.due: dict[int, float] = {}
        """Case that was sent to the monotonic time at which it should have been: who has to wait for the sender waits all the same."""
        self.late_s = 0.0
        """The most by which a case was sent after its time."""
        self.messages_sent = 0
        self.took_s = 0.0
        """From the first message to the last; at the rate asked for, if the producer could keep it."""
        self._cases, self._rate, self._began = iter(cases), rate, 0.0
        self._ended = threading.Event()
        self._failed = failed = list[str]()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "log_level": 3,
                "partitioner": "murmur2_random",
                "linger.ms": LINGER_MS,
                "acks": "all",
                "max.in.flight.requests.per.connection": _IN_FLIGHT,
                "queue.buffering.max.messages": 1_000_000,
                "delivery.report.only.error": True,
                "on_delivery": lambda error, _message: failed.append(str(error)),
            }
        )

    @property
    def next_due(self) -> float:
        """When the next case is to be sent: all that were due before have been."""
        return self._began + self.messages_sent / self._rate

    def work(self) -> None:
        """Send."""
        self._began = began = time.monotonic()
        while not self._ended.is_set():
            due = int((time.monotonic() - began) * self._rate) + 1
            while self.messages_sent < due and (messages := next(self._cases, None)) is not None:
                at = self.next_due
                for message in messages:
                    self.due[message.number] = at
                    self._give(message)
                self.late_s = max(self.late_s, time.monotonic() - at)
                self.messages_sent += len(messages)
            if self.messages_sent < due:
                break
            self._producer.poll(0)
            time.sleep(max(_NAP_S, self.next_due - time.monotonic()))
        self.took_s = time.monotonic() - began

    def _give(self, message: Message) -> None:
        """Give a message to the client; while it has no room the rate is not kept."""
        while True:
            try:
                self._producer.produce(message.topic, message.value, message.key)
            except BufferError:
                self._producer.poll(_LOOK_S)
            else:
                return

    def end(self) -> None:
        """Send no more, and see that all of it was taken.

        Raises
        ------
        DependencyError
            It was not.
        """
        self._ended.set()
        self.finish()

    def finish(self) -> None:
        """Wait until all was sent and taken; raises as :meth:`end`."""
        self.join()
        self.check()
        if self._producer.flush(_FLUSH_SECONDS) or self._failed:
            raise DependencyError(f"事件没有全部写入 not all events were taken: {self._failed[:1]}")


class Watcher(Helper):
    """Notes when what follows from a case was first seen, for as long as its context lasts."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.seen: dict[int, float] = {}
        """Case to monotonic time."""
        self.ended = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the context lasts."""
        self.start()
        try:
            yield
        finally:
            self.ended.set()
            self.join()


class Outputs(Watcher):
    """Reads the committed records of a topic from its beginning: the first of each case counts.

    Parameters
    ----------
    number_of
        The case that a key belongs to.
    bulk
        The cases below this number come first and in one go: of them it only counts whether all ``bulk_outputs`` came.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int, number_of: Callable[[str], int], bulk: int, bulk_outputs: int) -> None:
        super().__init__("outputs")
        self.partition: dict[int, int] = {}
        self.bulk_seen, self.bulk_outputs = 0, bulk_outputs
        self._number_of, self._bulk = number_of, bulk
        own = {"group.id": f"{topic}-watch", "enable.auto.commit": False, "isolation.level": "read_committed"}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "log_level": 3, **own})
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])

    def work(self) -> None:
        """Read until ended. A call for many waits until it has them; so one is waited for, and what is there besides is taken along."""
        while not self.ended.is_set():
            first = self._consumer.poll(_LOOK_S)
            if first is None:
                continue
            messages = [first, *self._consumer.consume(_CHUNK, 0)]
            at = time.monotonic()
            for message in messages:
                if message.error() is None:
                    self._note(self._number_of((message.key() or b"").decode()), message.partition() or 0, at)
        self._consumer.close()

    def _note(self, number: int, partition: int, at: float) -> None:
        if number < self._bulk:
            self.bulk_seen += 1
        elif number not in self.seen:
            self.seen[number], self.partition[number] = at, partition


def wait_until(what: Callable[[], bool], limit_s: float, check: Callable[[], None] = lambda: None, look_s: float = _LOOK_S) -> bool:
    """Look, each ``look_s``, until it is so; false: it was not within ``limit_s``. ``check`` raises what makes further waiting vain."""
    give_up = time.monotonic() + limit_s
    while not what():
        check()
        if time.monotonic() > give_up:
            return False
        time.sleep(look_s)
    return True


@contextmanager
def attentive() -> Iterator[None]:
    """While a process measures: its threads change places quickly, and no collection of garbage holds all of them up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(before)
