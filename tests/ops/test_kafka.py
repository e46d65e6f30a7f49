"""The local broker: starts, stops, keeps its data, leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ops.jars import fetch_jars
from ops.kafka import LocalBroker
from ops.ports import LOOPBACK, answers, free_port
from ops.supervisor.process import ProcessId, await_end
from streams.errors import DependencyError
from tests.conftest import Kafka

pytestmark = pytest.mark.kafka


def create(bootstrap: str, topic: str) -> None:
    """A topic with one partition and nothing stated."""
    client = AdminClient({"bootstrap.servers": bootstrap})
    for answer in client.create_topics([NewTopic(topic, 1, 1)]).values():
        answer.result(10)


def produce(bootstrap: str, topic: str, value: bytes, timestamp_ms: int = 0, compression: str = "none") -> None:
    """One confirmed record."""
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": compression})
    producer.produce(
        topic, value, key=b"k", partition=0, timestamp=timestamp_ms, on_delivery=lambda error, _m: error and failures.append(error)
    )
    assert producer.flush(10) == 0
    assert not failures


def first_value(bootstrap: str, topic: str, timeout_seconds: float = 10) -> bytes | None:
    """Value of the first record still there in partition 0."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "look", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(timeout_seconds)
    consumer.close()
    return None if message is None or message.error() else message.value()


@pytest.mark.slow
def test_data_and_identity_survive_a_kill_and_a_stop(tmp_path: Path) -> None:
    """Records confirmed before a SIGKILL are there after it; the storage is formatted once; nothing runs after stop."""
    broker = LocalBroker(tmp_path / "broker")
    broker.start()
    cluster, first = broker.cluster_id(), ProcessId.of(broker.pid)
    create(broker.bootstrap, "kept")
    produce(broker.bootstrap, "kept", b"value")
    broker.kill()
    assert first is not None
    assert not first.running

    again = LocalBroker(tmp_path / "broker")
    again.start()
    try:
        assert again.cluster_id() == cluster
        assert first_value(again.bootstrap, "kept") == b"value"
    finally:
        again.stop()
    assert not answers(again.port)
    again.stop()


@pytest.mark.slow
def test_what_java_unpacks_is_in_the_folder_of_the_broker_and_goes_with_the_next_start(tmp_path: Path) -> None:
    """A killed broker cannot clear up behind itself."""
    broker = LocalBroker(tmp_path / "broker")
    broker.start()
    create(broker.bootstrap, "packed")
    produce(broker.bootstrap, "packed", b"v" * 10_000, compression="lz4")
    broker.kill()
    left = list((tmp_path / "broker" / "tmp").glob("*lz4*"))
    assert left
    broker.start()
    broker.stop()
    assert not [path for path in left if path.exists()]


@pytest.mark.slow
@pytest.mark.parametrize(("overrides", "small"), [({}, True), ({"offsets.topic.segment.bytes": 100 * 1024 * 1024}, False)])
def test_what_the_broker_must_read_of_offsets_when_it_starts_stays_small(tmp_path: Path, overrides: dict[str, int], small: bool) -> None:
    """Reading much of it goes wrong after a kill (COORDINATOR_SEGMENT_BYTES); with Kafka's own default it grows and grows."""
    quick = {"log.cleaner.backoff.ms": 200, "group.coordinator.append.linger.ms": 0}
    broker = LocalBroker(tmp_path / "broker", overrides={**quick, **overrides})
    broker.start()
    create(broker.bootstrap, "read")
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g", "enable.auto.commit": False})
    for number in range(3_000):  # with as much metadata as a broker takes
        consumer.commit(offsets=[TopicPartition("read", 0, number, metadata="m" * 4_000)], asynchronous=number % 100 > 0)
    consumer.close()

    def kept_mib() -> float:
        return sum(path.stat().st_size for path in (tmp_path / "broker" / "data").glob("__consumer_offsets-*/*.log")) / 2**20

    give_up = time.monotonic() + 30
    while small and kept_mib() > 5 and time.monotonic() < give_up:
        time.sleep(0.2)
    assert (kept_mib() <= 5) == small
    broker.stop()


def test_a_folder_with_any_name_will_do_in_any_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java reads properties as Latin-1, and file names as the locale says."""
    monkeypatch.setenv("LC_ALL", "C")
    broker = LocalBroker(tmp_path / "数据 目录\\𠮷")
    broker.start()
    broker.stop()
    assert (broker.data_dir / "data" / "meta.properties").exists()
    assert (broker.data_dir / "logs" / "kafka.log").exists()


def test_the_brokers_log_tells_the_time_of_asia_shanghai_with_its_offset(kafka: Kafka) -> None:
    """Its last lines stand in our messages."""
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}\+08:00 [A-Z]+ ", kafka.broker.log_tail(1))


def test_a_broker_on_our_port_while_our_folder_is_empty_is_not_ours(kafka: Kafka, tmp_path: Path) -> None:
    """It answers; whose it is cannot be told."""
    assert not LocalBroker(tmp_path, port=kafka.broker.port).serves()


def test_a_port_taken_by_another_is_said_before_anything_is_started(tmp_path: Path) -> None:
    """The message names the port; no process is left."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DependencyError, match=str(port)):
            LocalBroker(tmp_path / "broker", port=port).start()


def test_an_override_that_kafka_refuses_ends_with_its_log(tmp_path: Path) -> None:
    """A broker that ends at once is an error with what it said, not a time-out."""
    with pytest.raises(DependencyError, match=r"log\.retention\.check\.interval\.ms"):
        LocalBroker(tmp_path / "broker", overrides={"log.retention.check.interval.ms": "soon"}).start()


@pytest.mark.slow
def test_the_broker_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A test session that is killed leaves no broker behind."""
    script = """
        import sys, time
        from pathlib import Path
        from ops.kafka import LocalBroker
        broker = LocalBroker(Path(sys.argv[1]))
        broker.start()
        print(broker.pid, flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "broker")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    broker = ProcessId.of(int(parent.stdout.readline()))
    assert broker is not None
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    assert await_end([broker], 10)


def test_a_download_that_fails_leaves_no_folder_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven missing, then Maven failing: an error each time, an empty cache, and the next try is free to succeed."""
    monkeypatch.setenv("GUIDANG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(DependencyError, match="maven"):
        fetch_jars()
    broken = tmp_path / "bin" / "mvn"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho '[ERROR] no network'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent))
    with pytest.raises(DependencyError, match="no network"):
        fetch_jars()
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_java_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    jars = fetch_jars()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(DependencyError, match="Java 17"):
        LocalBroker(tmp_path / "broker", port=free_port(), jars=jars).prepare()
