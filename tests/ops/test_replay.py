"""Inputs into another system: another prefix, another number of partitions, another life of its topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.reading import read_topic
from ops.replay import replay
from ops.topics import ensure_topics
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, FEED_HEARTBEAT
from streams.errors import ConfigurationError, DependencyError, TopologyError
from streams.headers import UNREADABLE
from streams.partitioner import PARTITIONERS
from streams.settings import Settings, settings_in
from tests.conftest import Kafka
from tests.raw_headers import send_with_raw_header

pytestmark = pytest.mark.kafka

KEYS = [f"case-{number}".encode() for number in range(60)]


def settings_for(kafka: Kafka, prefix: str, folder: Path, partitions: int) -> Settings:
    """A system on the shared broker."""
    given = {"bootstrap_servers": kafka.bootstrap, "topic_prefix": prefix, "partitions": partitions}
    return Settings(application=prefix + "app", data_dir=folder, kafka=given)


def feed(settings: Settings, *keys: bytes | None, topic: str = CASE_CLOSED) -> None:
    """Records of 2018 with headers."""
    producer = Producer({**settings.kafka_client(), "partitioner": "murmur2_random"})
    for key in keys:
        producer.produce(
            settings.topic(topic), key=key, value=b"v" + (key or b""), timestamp=1_528_000_000_000, headers=[("a", b"\xff")] * 2
        )
    assert producer.flush(20) == 0


def begun(settings: Settings, transactional_id: str, topic: str) -> Producer:
    """A transaction with one record in it."""
    producer = Producer({**settings.kafka_client(), "transactional.id": transactional_id})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(settings.topic(topic), b"v", b"key")
    assert producer.flush(20) == 0
    return producer


def told(settings: Settings) -> list[tuple[Any, ...]]:
    """Partition and content of what lies there."""
    return sorted(
        (m.partition(), m.key() or b"", m.value(), m.timestamp()[1], tuple(m.headers())) for m in read_topic(settings, CASE_CLOSED)
    )


def sent(source: Settings, target: Settings, **more: bool) -> int:
    """Records that a run sent."""
    return sum(copied.records for copied in replay(source, target, lambda *_: None, **more))


def test_each_record_goes_once_and_to_the_partition_of_its_key(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """From four partitions to six: the way out for another number of partitions. A second run sends what is new, and nothing twice."""
    source, target = (settings_for(kafka, f"{topic_prefix}{name}-", tmp_path / name, count) for name, count in (("four", 4), ("six", 6)))
    ensure_topics(source)
    feed(source, *KEYS, None)
    assert sent(source, target) == len(KEYS) + 1
    home, headers = PARTITIONERS["murmur2"], (("a", b"\xff"),) * 2
    there = told(target)
    assert [row for row in there if row[1]] == sorted((home(key, 6), key, b"v" + key, 1_528_000_000_000, headers) for key in KEYS)
    assert [row[2] for row in there if not row[1]] == [b"v"]
    assert sent(source, target) == 0
    feed(source, b"new")
    assert sent(source, target) == 1
    assert sent(source, target, from_beginning=True) == len(KEYS) + 2

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([target.topic(CASE_CLOSED)])[target.topic(CASE_CLOSED)].result(20)
    assert sent(source, target) == len(KEYS) + 2
    assert len(told(target)) == len(KEYS) + 2


def test_what_a_heartbeat_vouches_for_goes_before_it(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """A target that runs would find cases unarchived whose archives come a moment later: it says no more than what it sent before."""
    source, target = (settings_for(kafka, f"{topic_prefix}{name}-", tmp_path / name, 2) for name in ("here", "there"))
    ensure_topics(source)
    feed(source, b"early", topic=FEED_HEARTBEAT)
    order = []
    for copied in replay(source, target, lambda *_: None):
        order.append(copied.topic)
        if copied.topic == ARCHIVE_RECEIVED:
            feed(source, b"late", topic=ARCHIVE_RECEIVED)
            feed(source, b"late", topic=FEED_HEARTBEAT)
    assert order[-3:] == [CASE_CLOSED, ARCHIVE_RECEIVED, FEED_HEARTBEAT]
    assert [message.key() for message in read_topic(target, FEED_HEARTBEAT)] == [b"early"]
    assert list(read_topic(target, ARCHIVE_RECEIVED)) == []
    assert sent(source, target) == 2
    assert [message.key() for message in read_topic(target, FEED_HEARTBEAT)] == [b"early", b"late"]


def test_what_lies_behind_an_open_transaction_is_waited_for_and_no_heartbeat_goes_before_it(
    kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged, and cannot be read yet: to say that all is sent would lose it with the old system."""
    source, target = (settings_for(kafka, f"{topic_prefix}{name}-", tmp_path / name, 1) for name in ("here", "there"))
    ensure_topics(source)
    stranger = begun(source, topic_prefix, ARCHIVE_RECEIVED)
    feed(source, b"behind", topic=ARCHIVE_RECEIVED)
    feed(source, b"vouches", topic=FEED_HEARTBEAT)
    monkeypatch.setattr("ops.replay._OPEN_SECONDS", 1.0)
    with pytest.raises(DependencyError, match=r"archive-received\[0\]@0"):
        sent(source, target)
    assert list(read_topic(target, FEED_HEARTBEAT)) == []
    stranger.abort_transaction(30)
    assert sent(source, target) == 2
    assert [message.key() for message in read_topic(target, ARCHIVE_RECEIVED)] == [b"behind"]


def test_records_that_are_gone_before_they_were_sent_are_named_and_not_passed_over(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Who sends them anew then sends all that there is. A marker that is gone is no loss."""
    source, target = (settings_for(kafka, f"{topic_prefix}{name}-", tmp_path / name, 1) for name in ("here", "there"))
    ensure_topics(source)
    begun(source, topic_prefix, CASE_CLOSED).commit_transaction(30)
    assert sent(source, target) == 1
    delete_before(source, 2)
    feed(source, *KEYS[:3])
    assert sent(source, target) == 3
    feed(source, *KEYS[3:6])
    delete_before(source, 7)
    feed(source, *KEYS[6:8])
    with pytest.raises(DependencyError, match=r"case-closed\[0\].* 5–6 .*--from-beginning"):
        sent(source, target)
    assert len(list(read_topic(target, CASE_CLOSED))) == 4
    assert sent(source, target, from_beginning=True) == 3
    assert sent(source, target) == 0


def delete_before(settings: Settings, offset: int) -> None:
    """Take records away, as retention does."""
    admin = AdminClient(settings.kafka_client())
    (deleted,) = admin.delete_records([TopicPartition(settings.topic(CASE_CLOSED), 0, offset)]).values()
    deleted.result(30)


def test_a_record_whose_headers_no_client_can_read_goes_without_them_and_says_so(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """It holds up none behind it."""
    source, target = (settings_for(kafka, f"{topic_prefix}{name}-", tmp_path / name, 2) for name in ("here", "there"))
    ensure_topics(source)
    send_with_raw_header(kafka.bootstrap, source.topic(CASE_CLOSED), b"raw", b"v", 0)
    feed(source, *KEYS)
    assert sent(source, target) == len(KEYS) + 1
    assert [row[4] for row in told(target) if row[1] == b"raw"] == [UNREADABLE]


def test_a_system_is_not_its_own_target_and_a_target_must_be_as_it_says(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Neither sends anything."""
    source = settings_for(kafka, topic_prefix, tmp_path, 2)
    ensure_topics(source)
    feed(source, *KEYS)
    with pytest.raises(ConfigurationError, match="topic_prefix"):
        sent(source, source)
    target = settings_for(kafka, f"{topic_prefix}b-", tmp_path, 3)
    ensure_topics(target)
    with pytest.raises(TopologyError, match=r"kafka\.partitions"):
        sent(source, settings_for(kafka, f"{topic_prefix}b-", tmp_path, 4))
    assert list(read_topic(target, CASE_CLOSED)) == list(read_topic(target, ARCHIVE_RECEIVED)) == []


def test_another_systems_settings_are_those_of_its_file_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment, and a file that lies here, speak of this system."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUIDANG_KAFKA__TOPIC_PREFIX", "ours-")
    (tmp_path / "guidang.toml").write_text('application = "ours"\n', encoding="utf-8")
    (tmp_path / "theirs.toml").write_text('[kafka]\nbootstrap_servers = "b:9092"\n', encoding="utf-8")
    found = settings_in(tmp_path / "theirs.toml")
    assert (found.application, found.kafka.topic_prefix, found.kafka.bootstrap_servers) == ("guidang", "", "b:9092")
    (tmp_path / "theirs.toml").write_text("[kafka]\nno_such = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no_such"):
        settings_in(tmp_path / "theirs.toml")
    with pytest.raises(ConfigurationError, match="no such file"):
        settings_in(tmp_path / "absent.toml")
