"""How long an event takes: from publishing to its ``case-state``, and to its row in ClickHouse.

Run as ``python -m tests.system.measure_latency [RATE ...]`` (events a second; default 1, 1000 and 5000): a system with two workers of its
own, closings at a steady rate for twenty seconds. Rows in ClickHouse are looked for at the lowest rate alone, where looking costs nothing.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from ops.publish import TopicProducer
from ops.simulate.calendar import at_ms
from streams.contracts import CASE_CLOSED, CASE_STATE, codec
from streams.settings import Settings
from tests.system.conftest import System

SECONDS, WARM_SECONDS = 20, 3
AT = "2018-06-06T10:00:00+08:00"
Times = dict[str, float]
"""Case number to monotonic seconds."""


def send(settings: Settings, name: str, rate: int) -> Times:
    """Publish closings at a rate, each as soon as its time has come; when each was given to the client."""
    producer, sent, known = TopicProducer(settings, (CASE_CLOSED,)), Times(), codec(CASE_CLOSED)
    closed_at = at_ms(dt.date(2018, 6, 6), 9)
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "item_name": "事项", "unit_name": "单位", "district_code": "330106"}
    began = time.monotonic()
    for number in range(rate * SECONDS):
        if (wait := began + number / rate - time.monotonic()) > 0:
            time.sleep(wait)
        case_no = f"{name}-{number}"
        event = {"event_id": case_no, "case_no": case_no, "title": "", "accepted_at": closed_at - 1, "closed_at": closed_at, **place}
        sent[case_no] = time.monotonic()
        producer.send(CASE_CLOSED, case_no.encode(), known.encode(event))
    assert producer.finish() == []
    return sent


class States(threading.Thread):
    """Reads ``case-state`` from its end on; when each case was first seen."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.seen, self.stop = Times(), threading.Event()
        topic = settings.kafka.topic_prefix + CASE_STATE
        own = {"group.id": "measure", "enable.auto.commit": False, "isolation.level": "read_committed", "fetch.wait.max.ms": 5}
        self._consumer = Consumer({**settings.kafka_client(), **own})
        found = self._consumer.list_topics(topic, 10).topics[topic].partitions
        ends = [TopicPartition(topic, each, self._consumer.get_watermark_offsets(TopicPartition(topic, each), 10)[1]) for each in found]
        self._consumer.assign(ends)

    def run(self) -> None:
        """Until told to stop."""
        while not self.stop.is_set():
            for message in self._consumer.consume(1000, 0.02):
                if message.error() is None:
                    self.seen.setdefault(message.key().decode(), time.monotonic())
        self._consumer.close()


class Rows(threading.Thread):
    """Looks for rows of cases of a name in ClickHouse, fifty times a second; when each was first seen."""

    def __init__(self, system: System, name: str) -> None:
        super().__init__(daemon=True)
        self.seen, self.stop = Times(), threading.Event()
        self._system, self._name = system, name

    def run(self) -> None:
        """Until told to stop."""
        client = self._system.client()
        while not self.stop.wait(0.02):
            for (case_no,) in client.query(f"SELECT case_no FROM case_state WHERE startsWith(case_no, '{self._name}')").result_rows:  # noqa: S608
                self.seen.setdefault(case_no, time.monotonic())


def told(what: str, sent: Times, seen: Times) -> None:
    """Print the quantiles of the delays, the first seconds left out."""
    first = min(sent.values()) + WARM_SECONDS
    delays = sorted(seen[case_no] - at for case_no, at in sent.items() if at >= first)
    quantiles = {share: delays[min(int(len(delays) * share / 100), len(delays) - 1)] for share in (50, 99, 99.9)}
    points = ", ".join(f"p{share:g} {delay * 1000:,.0f} ms" for share, delay in quantiles.items())
    print(f"{what}: {points}, longest {delays[-1] * 1000:,.0f} ms ({len(delays)} events)", flush=True)


def measure(system: System, settings: Settings, rates: Sequence[int]) -> None:
    """Measure on a running system."""
    for rate in sorted(rates):
        name = f"lat{rate}"
        readers: list[States | Rows] = [States(settings), *([Rows(system, name)] if rate == min(rates) else [])]
        for reader in readers:
            reader.start()
        sent = send(settings, name, rate)
        system.run("wait", "--caught-up", "--timeout", "100")
        for reader, what in zip(readers, ("case-state", "row in ClickHouse"), strict=False):
            give_up = time.monotonic() + 20
            while len(reader.seen) < len(sent) and time.monotonic() < give_up:
                time.sleep(0.05)
            reader.stop.set()
            reader.join()
            told(f"{rate} events/s, published -> {what}", sent, reader.seen)


def main(rates: Sequence[int]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="guidang-measure-") as folder:
        system = System(Path(folder), GUIDANG_CLOCK=AT)
        try:
            system.up(2)
            measure(system, Settings(data_dir=Path(folder)), rates)
        finally:
            system.down()


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [1, 1_000, 5_000])
