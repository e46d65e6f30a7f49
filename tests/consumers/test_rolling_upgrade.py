"""An upgrade with old and new side by side: a newer program, whose case states have a field more, over the same changelog and sink."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from confluent_kafka import Producer

from consumers.clickhouse import connect
from consumers.migrate import migrations
from ops.reading import read_topic
from ops.ready import ready_path
from ops.topics import ensure_topics
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_STATE, codec
from streams.settings import Settings
from tests.consumers.conftest import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
OLD_ID, NEW_ID = codec(CASE_STATE).schema_id, 9_005
CLOSED_MS = 1_528_000_000_000


def newer_program(folder: Path) -> Path:
    """The program as its next version might be: one more field with a default in ``case-state``, a rule for it, and a column."""
    for name in ("streams", "ops", "consumers", "avro", "dashboards"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    contract = folder / "avro" / CASE_STATE
    schema = orjson.loads((contract / "v1.avsc").read_bytes())
    schema["fields"].append({"name": "channel", "type": "string", "default": "counter"})
    (contract / "v2.avsc").write_bytes(orjson.dumps(schema))
    declared = yaml.safe_load((contract / "topic.yaml").read_text(encoding="utf-8"))
    declared["versions"].append({"id": NEW_ID, "file": "v2.avsc"})
    (contract / "topic.yaml").write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")
    verdict = folder / "streams" / "domain" / "verdict.py"
    rules, place = verdict.read_text(encoding="utf-8"), '        "source_system": event["source_system"],\n'
    assert rules.count(place) == 1
    verdict.write_text(rules.replace(place, f'{place}        "channel": "counter",\n'), encoding="utf-8")
    migration = "ALTER TABLE case_state ADD COLUMN IF NOT EXISTS channel LowCardinality(String) DEFAULT 'counter';\n"
    (folder / "consumers" / "migrations" / f"{len(migrations()) + 1:04}_channel.sql").write_text(migration, encoding="utf-8")
    return folder


class Processes:
    """Processes of two versions, over the same topics and tables."""

    def __init__(self, settings: Settings, newer: Path, stack: ExitStack) -> None:
        self.settings, self._versions, self._stack = settings, {"old": ROOT, "new": newer}, stack
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GUIDANG_")}
        self._environment = kept | {
            "GUIDANG_DATA_DIR": str(settings.home),
            "GUIDANG_APPLICATION": settings.application,
            "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "GUIDANG_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
            "GUIDANG_KAFKA__PARTITIONS": str(settings.kafka.partitions),
            "GUIDANG_CLICKHOUSE__URL": str(settings.clickhouse.url),
            "GUIDANG_CLICKHOUSE__DATABASE": settings.clickhouse.database,
        }

    def start(self, version: str, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a process and wait until it is ready."""
        name = arguments[-1] if arguments else role
        ready_path(self.settings, name).unlink(missing_ok=True)
        process = self._popen(version, name, role, *arguments)
        eventually(lambda: ready_path(self.settings, name).exists() or process.poll() is not None, 60)
        assert process.poll() is None, self.said(name)
        return process

    def run(self, version: str, *arguments: str) -> None:
        """Run a command to its good end."""
        assert self._popen(version, "command", *arguments).wait(90) == 0, self.said("command")

    def said(self, name: str) -> str:
        """What a process wrote."""
        return (self.settings.home / f"{name}.log").read_text(encoding="utf-8")

    def _popen(self, version: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.settings.home / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ops", *arguments],
                env=self._environment | {"PYTHONPATH": str(self._versions[version])},
                stdout=output,
                stderr=output,
            )
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.kill)
        return process


@pytest.fixture
def processes(sink_settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    """None of them outlives the test."""
    ensure_topics(sink_settings)
    with ExitStack() as stack:
        yield Processes(sink_settings, newer_program(tmp_path / "newer"), stack)


def send(settings: Settings, topic: str, numbers: Sequence[int], **given: Any) -> None:
    """Events of cases."""
    producer, encode = Producer({**settings.kafka_client(), "partitioner": "murmur2_random"}), codec(topic).encode
    for number in numbers:
        case = {"case_no": f"c{number}", "event_id": f"{topic}-{number}", "item_code": "许可-00387-000", "unit_code": "U1", "title": ""}
        producer.produce(settings.topic(topic), key=f"c{number}", value=encode({**case, **given}))
    assert producer.flush(20) == 0


def closings(settings: Settings, numbers: Sequence[int]) -> None:
    """Cases that closed."""
    times = {"accepted_at": CLOSED_MS - 1, "closed_at": CLOSED_MS}
    send(settings, CASE_CLOSED, numbers, item_name="", unit_name="", district_code="", **times)


def archives(settings: Settings, numbers: Sequence[int]) -> None:
    """Their archives, on time."""
    send(settings, ARCHIVE_RECEIVED, numbers, archive_no="A", received_at=CLOSED_MS + 1, receipt="ACCEPTED")


def written(settings: Settings) -> Counter[int]:
    """How many states each version wrote."""
    return Counter(int.from_bytes(message.value()[1:5], "big") for message in read_topic(settings, CASE_STATE))


def statuses(settings: Settings) -> Counter[str]:
    """Cases by status in ClickHouse."""
    return Counter(dict(connect(settings).query("SELECT status, count() FROM case_state FINAL GROUP BY status").result_rows))


def test_old_and_new_work_side_by_side_and_state_of_the_new_is_refused_by_the_old(processes: Processes) -> None:
    """The sink first, then worker by worker. When the new worker dies half-way, the old one says what to do and commits nothing."""
    settings = processes.settings
    processes.start("new", "sink")
    old = processes.start("old", "worker", "--name", "old")
    closings(settings, range(80))
    processes.run("old", "wait", "--caught-up", "--timeout", "60")
    assert set(written(settings)) == {OLD_ID}

    new = processes.start("new", "worker", "--name", "new")
    archives(settings, range(40))
    processes.run("old", "wait", "--caught-up", "--timeout", "60")
    assert set(written(settings)) == {OLD_ID, NEW_ID}
    assert old.poll() is new.poll() is None
    assert statuses(settings) == {"ARCHIVED": 40, "UNARCHIVED": 40}

    new.send_signal(signal.SIGKILL)
    assert old.wait(60) == 3
    assert "请把这个进程也升级" in processes.said("old")

    processes.start("new", "worker", "--name", "new")
    archives(settings, range(40, 60))
    processes.run("new", "wait", "--caught-up", "--timeout", "60")
    assert statuses(settings) == {"ARCHIVED": 60, "UNARCHIVED": 20}
    processes.run("new", "reconcile")
