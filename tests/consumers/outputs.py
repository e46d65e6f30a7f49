"""What workers write, written by the tests: transactions of output records on a real broker."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from consumers.clickhouse import Client, connect
from consumers.inserting import insert_rows
from consumers.rows import TABLES
from ops.topics import ensure_topics
from streams.contracts import OUTPUTS, SUNK, codec
from streams.rights import group_of_sink
from streams.settings import Settings
from tests.consumers.conftest import eventually

T0 = 1_545_000_000_000  # 2018-12-17 06:40 in Asia/Shanghai
RUN = """
import logging, signal, sys
from consumers.sink import Sink
from streams.settings import Settings
logging.basicConfig(level=logging.INFO)
{body}
sink = {cls}(Settings.model_validate_json(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: sink.stop.set())
sink.run()
"""


def case_state(number: int, **more: Any) -> dict[str, Any]:
    """A counted case, archived on time unless told otherwise."""
    return {
        "case_no": f"case-{number:06d}",
        "status": "ARCHIVED",
        "unit_code": f"U{number % 7}",
        "unit_name": f"单位{number % 7}",
        "item_code": f"许可-{number % 50:05d}-000",
        "main_item_code": f"许可-{number % 50:05d}-000",
        "item_type": "许可",
        "closed_at": T0 + number,
        "due_at": T0 + 72 * 3_600_000,
        "received_at": T0 + 5_000,
        "delay_ms": 5_000 - number,
        "archives": [archive(f"A{number}", accepted_at=T0 + 5_000)],
        "facts": b"internal",
    } | more


def archive(number: str, **more: Any) -> dict[str, Any]:
    """One archive number of a case."""
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000", "item_type": "许可"}
    return {"archive_no": number, "receipt": "ACCEPTED", "refused_at": None, **place} | more


def bucket(unit: str, hour: int, partition: int = 0, **counts: Any) -> dict[str, Any]:
    """A bucket of one hour."""
    start = T0 // 3_600_000 * 3_600_000 + hour * 3_600_000
    place = {
        "granularity": "HOUR",
        "bucket_start": start,
        "due_start": start,
        "unit_code": unit,
        "district_code": "330106",
        "item_type": "许可",
    }
    return {"input_partition": partition, **place, **counts}


def store_messages(client: Client, topic: str, messages: Iterable[Any], versions: Sequence[int] = ()) -> None:
    """Insert what messages of a topic hold, as the sink does; by default their versions are 1, 2 and so on."""
    table = next(table for table in TABLES if table.topic == topic)
    read = [table.read(message, 1) for message in messages]
    if read:
        numbered = zip(versions or range(1, len(read) + 1), read, strict=True)
        insert_rows(client, table.name, read[0][0], [format_.row(version, body) for version, (format_, body) in numbered])


def store_rows(client: Client, topic: str, records: Iterable[Mapping[str, Any]], versions: Sequence[int] = ()) -> None:
    """Insert records of a topic, as the sink does."""
    values = [codec(topic).encode(record) for record in records]
    store_messages(client, topic, [SimpleNamespace(value=partial(_same, value)) for value in values], versions)


def _same(value: bytes) -> bytes:
    return value


class Outputs:
    """Writes transactions to the output topics of some settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        ensure_topics(settings)
        self._producer = Producer({**settings.kafka_client(), "transactional.id": f"{settings.application}-{uuid.uuid4().hex[:6]}"})
        self._producer.init_transactions(30)

    def write(self, topic: str, records: Iterable[Mapping[str, Any]], *, partition: int = 0, commit: bool = True) -> None:
        """Write records in one transaction; ``commit=False`` aborts it."""
        self._producer.begin_transaction()
        for record in records:
            self.put(topic, codec(topic).encode(record), partition)
        self._producer.flush(60)
        if commit:
            self._producer.commit_transaction(60)
        else:
            self._producer.abort_transaction(60)

    def write_raw(self, topic: str, value: bytes | None, headers: list[tuple[str, bytes]] | None = None, key: bytes = b"k") -> None:
        """Write one record of any bytes."""
        self._producer.begin_transaction()
        self._producer.produce(self.settings.topic(topic), value, key, 0, headers=headers or [])
        self._producer.commit_transaction(60)

    def put(self, topic: str, value: bytes, partition: int) -> None:
        """Queue one record."""
        while True:
            try:
                self._producer.produce(self.settings.topic(topic), value, b"k", partition)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return


def start_sink(settings: Settings, body: str = "", cls: str = "Sink") -> subprocess.Popen[str]:
    """Run a sink in a process of its own, its class patched by ``body``."""
    script = RUN.format(body=body, cls=cls)
    return subprocess.Popen([sys.executable, "-c", script, settings.model_dump_json()], stderr=subprocess.PIPE, text=True)


def lag(settings: Settings) -> int:
    """How far what the sink committed is behind the ends of what it reads, as another process sees it: markers count."""
    consumer = Consumer(settings.kafka_client(group_id=group_of_sink(settings), isolation_level="read_committed", enable_auto_commit=False))
    try:
        partitions = {name: settings.kafka.partitions if name in OUTPUTS else 1 for name in SUNK}
        places = [TopicPartition(settings.topic(name), number) for name, count in partitions.items() for number in range(count)]
        return sum(consumer.get_watermark_offsets(at, timeout=20)[1] - max(at.offset, -1) for at in consumer.committed(places, timeout=20))
    except KafkaException:  # a group that nobody has joined yet has no coordinator
        return sys.maxsize
    finally:
        consumer.close()


def sunk(settings: Settings, seconds: float = 60.0) -> None:
    """Wait until the sink has committed everything that is in its topics now."""
    eventually(lambda: lag(settings) == 0, seconds)


def figures(settings: Settings) -> dict[str, Any]:
    """Everything the tables say, as readers read it."""
    client = connect(settings)
    tables = {
        "case_state": "SELECT * FROM case_state FINAL ORDER BY case_no",
        "coverage": "SELECT * FROM coverage_partial FINAL ORDER BY ALL",
        "anomaly": "SELECT * FROM anomaly FINAL ORDER BY anomaly_id",
        "dead_letter": "SELECT * FROM dead_letter FINAL ORDER BY ALL",
    }
    return {name: client.query(sql).result_rows for name, sql in tables.items()}
