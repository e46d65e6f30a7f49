"""Topics are what the contracts and the settings say, and stay so."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from ops.connect import Admin
from ops.kafka import LocalBroker
from ops.topic_layout import ENFORCED, wanted_topics
from ops.topics import deviations, ensure_topics, lacking_replicas
from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS, topic_contract, topic_names
from streams.errors import ConfigurationError, DependencyError, TopologyError
from streams.settings import Settings, load_settings
from tests.conftest import Kafka, free_port
from tests.ops.test_kafka import create, first_value, produce

pytestmark = pytest.mark.kafka

CLOSED_2018_MS = 1_530_000_000_000


def settings_for(bootstrap: str, prefix: str, data_dir: Path, **kafka: Any) -> Settings:
    """Settings of one test."""
    return load_settings(data_dir=data_dir, kafka={"bootstrap_servers": bootstrap, "topic_prefix": prefix, **kafka})


def configuration(bootstrap: str, topic: str) -> dict[str, Any]:
    """What the broker says of a topic: name -> (value, stated on the topic itself)."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    client = AdminClient({"bootstrap.servers": bootstrap})
    entries = client.describe_configs([resource])[resource].result(10)
    return {name: (entry.value, not entry.is_default) for name, entry in entries.items()}


def alter(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Change a topic behind our back."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    client = AdminClient({"bootstrap.servers": bootstrap})
    for answer in client.incremental_alter_configs(
        [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])]
    ).values():
        answer.result(10)
    await_value(bootstrap, topic, name, value)


def await_value(bootstrap: str, topic: str, name: str, value: str) -> None:
    """A change is confirmed by the controller before the broker shows it."""
    give_up = time.monotonic() + 10
    while configuration(bootstrap, topic)[name][0] != value:
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_every_topic_is_created_with_everything_explicit(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Partitions by the contract; retention, cleanup and sizes stated on the topic, not inherited."""
    settings = settings_for(kafka.bootstrap, topic_prefix, tmp_path, partitions=3)
    changes = ensure_topics(settings)
    assert sorted(changes.created) == sorted(topic_prefix + name for name in topic_names())
    there = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics
    for topic in wanted_topics(settings):
        contract = topic_contract(topic.name.removeprefix(topic_prefix))
        assert len(there[topic.name].partitions) == (3 if contract.partitions == "case" else 1)
        found = configuration(kafka.bootstrap, topic.name)
        stated = [name for name in ENFORCED if name in topic.config]
        assert {name: found[name] for name in stated} == {name: (topic.config[name], True) for name in stated}
        assert found["retention.ms"][0] == {"input": "-1", "forever": "-1", "output": str(400 * 86_400_000)}[contract.retention]
        assert found["cleanup.policy"][0] == contract.cleanup
    assert ensure_topics(settings).created == ()


def test_reference_topics_are_kept_for_ever_whatever_is_set_for_inputs(tmp_path: Path) -> None:
    """A worker that finds no row judges by there being none. As inputs they hold no larger records than fit into a dead letter."""
    topics = {topic.name: topic.config for topic in wanted_topics(settings_for("127.0.0.1:1", "", tmp_path, input_retention_ms=86_400_000))}
    assert {topics[name][kept] for name in REFERENCE_INPUTS for kept in ("retention.ms", "retention.bytes")} == {"-1"}
    assert {topics[name]["retention.ms"] for name in CASE_INPUTS} == {"86400000"}
    for name in (*CASE_INPUTS, *REFERENCE_INPUTS):
        assert int(topics[name]["max.message.bytes"]) < int(topics["dead-letter"]["max.message.bytes"])
        assert topics[name]["segment.ms"] == topics["case-closed"]["segment.ms"]


def test_many_processes_may_do_it_at_once(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Each topic is created by exactly one of them, and none fails."""
    settings = settings_for(kafka.bootstrap, topic_prefix, tmp_path)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _n: ensure_topics(settings), range(6)))
    assert sorted(name for result in results for name in result.created) == sorted(topic_prefix + name for name in topic_names())


def test_a_changed_partition_count_is_refused_with_the_way_out(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """The message names the topic and both numbers, and nothing was changed, not even what else was missing."""
    ensure_topics(settings_for(kafka.bootstrap, topic_prefix, tmp_path, partitions=4))
    changed = settings_for(kafka.bootstrap, topic_prefix, tmp_path, partitions=6)
    with pytest.raises(TopologyError) as error:
        ensure_topics(changed)
    for part in (f"{topic_prefix}case-closed", "4", "6", "kafka.topic_prefix"):
        assert part in str(error.value)
    assert error.value.exit_code == 3


def test_what_loses_data_is_corrected_and_what_keeps_more_is_left(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Too short a retention and a wrong cleanup are put right; a longer retention is told and kept."""
    settings = settings_for(kafka.bootstrap, topic_prefix, tmp_path)
    ensure_topics(settings)
    closed, letters = topic_prefix + "case-closed", topic_prefix + "dead-letter"
    alter(kafka.bootstrap, closed, "retention.ms", "604800000")
    alter(kafka.bootstrap, closed, "cleanup.policy", "compact")
    alter(kafka.bootstrap, letters, "retention.ms", "-1")
    changes = ensure_topics(settings)
    assert {(d.topic, d.setting) for d in changes.corrected} == {(closed, "retention.ms"), (closed, "cleanup.policy")}
    assert [(d.topic, d.found) for d in changes.left] == [(letters, "-1")]
    await_value(kafka.bootstrap, closed, "retention.ms", "-1")
    await_value(kafka.bootstrap, closed, "cleanup.policy", "delete")
    assert configuration(kafka.bootstrap, letters)["retention.ms"][0] == "-1"
    assert [deviation.harmless for deviation in deviations(settings)] == [True]


def test_partitions_that_have_fewer_replicas_than_set_are_counted(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """As many as are there are enough while nothing is set; of topics made before ``kafka.replication`` was, each partition counts."""
    settings = settings_for(kafka.bootstrap, topic_prefix, tmp_path)
    ensure_topics(settings)
    assert lacking_replicas(settings, Admin(settings)) == 0
    wanted = settings_for(kafka.bootstrap, topic_prefix, tmp_path, replication=3)
    assert lacking_replicas(wanted, Admin(wanted)) == sum(topic.partitions for topic in wanted_topics(wanted))


def test_what_only_another_setting_mends_is_a_matter_of_settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """A name like another's but for ``.`` and ``_``; a value that the broker does not take, for a new topic and for one that is there."""
    create(kafka.bootstrap, f"{topic_prefix}.case-closed")
    with pytest.raises(ConfigurationError, match="collides") as error:
        ensure_topics(settings_for(kafka.bootstrap, f"{topic_prefix}_", tmp_path))
    assert error.value.exit_code == 3
    settings = settings_for(kafka.bootstrap, topic_prefix, tmp_path, input_retention_ms=86_400_000)
    wrong = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"input_retention_ms": 2**64})})
    for said in ("无法创建", "无法更正"):
        with pytest.raises(ConfigurationError, match=rf"{said}.*retention\.ms"):
            ensure_topics(wrong)
        ensure_topics(settings)


def test_too_few_brokers_are_final_on_the_local_broker_alone(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """It stays the only one. Of a cluster that is being started more may come: whoever waits for it must not be told to give up."""
    cluster = settings_for(kafka.bootstrap, topic_prefix, tmp_path, replication=3)
    with pytest.raises(DependencyError, match=r"kafka\.replication = 3") as error:
        ensure_topics(cluster)
    assert error.value.exit_code == 4
    (tmp_path / "endpoints.json").write_text(f'{{"kafka": "{kafka.bootstrap}"}}', encoding="ascii")
    with pytest.raises(ConfigurationError, match=r"kafka\.replication = 3") as final:
        ensure_topics(settings_for("", topic_prefix, tmp_path, replication=3))
    assert final.value.exit_code == 3


def test_no_broker_is_a_dependency_error_with_the_reason(tmp_path: Path) -> None:
    """Address and reason are in the message, and it does not take long."""
    port = free_port()
    began = time.monotonic()
    with pytest.raises(DependencyError, match=rf"{port}.*refused"):
        ensure_topics(settings_for(f"127.0.0.1:{port}", "", tmp_path))
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_records_of_2018_outlive_a_broker_with_default_retention(tmp_path: Path) -> None:
    """Ours stay, and so do those of the future; a topic without explicit retention loses its record: the check can tell."""
    broker = LocalBroker(tmp_path / "broker", overrides={"log.retention.check.interval.ms": 300, "log.initial.task.delay.ms": 300})
    broker.start()
    try:
        settings = settings_for(broker.bootstrap, "", tmp_path)
        ensure_topics(settings)
        create(broker.bootstrap, "careless")
        everywhere = ["careless", *(settings.topic(name) for name in topic_names())]
        for topic in everywhere:
            produce(broker.bootstrap, topic, b"2018", CLOSED_2018_MS)
        produce(broker.bootstrap, settings.topic("feed-heartbeat"), b"2100", 4_102_444_800_000)
        give_up = time.monotonic() + 20
        while first_value(broker.bootstrap, "careless", 2) is not None:
            assert time.monotonic() < give_up, "the control still has its record"
        time.sleep(1.5)
        assert {topic: first_value(broker.bootstrap, topic) for topic in everywhere if topic != "careless"} == {
            topic: b"2018" for topic in everywhere if topic != "careless"
        }
    finally:
        broker.stop()
