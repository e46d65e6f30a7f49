"""The figures of a bulletin out of the real engine and the real broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from confluent_kafka import Producer
from typer.testing import CliRunner

from consumers.clickhouse import Client
from ops.bulletin.figures import Figures
from ops.bulletin.gather import StoredFigures, reference_revisions
from ops.bulletin.period import parse_period
from ops.cli import report
from ops.topics import ensure_topics
from streams.contracts import ANOMALY_UNARCHIVED, COVERAGE_PARTIAL, ITEM_REGISTRY, REFERENCE_INPUTS, codec, record_key
from streams.errors import DependencyError, WaitTimeout
from streams.settings import KafkaSettings, Settings, instant_ms
from tests.agents.test_items import registered
from tests.conftest import Kafka
from tests.consumers.conftest import eventually
from tests.consumers.outputs import bucket, store_rows

NOW_MS = instant_ms("2018-12-17T08:00:00+08:00")


@pytest.fixture
def figures(client: Client, database_settings: Settings) -> Figures:
    """Figures of a database with an hour's bucket and two findings in it."""
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    hour = bucket("U1", 0, archived=3, unarchived=1)
    since = {"since": hour["bucket_start"], **place}
    records = [
        (COVERAGE_PARTIAL, hour),
        (ANOMALY_UNARCHIVED, {"anomaly_id": "A", "kind": "REFUSED", "state": "OPENED", "subject": "c1", **since}),
        (ANOMALY_UNARCHIVED, {"anomaly_id": "B", "kind": "UNARCHIVED", "state": "RESOLVED", "subject": "c2", "late_ms": 7, **since}),
    ]
    for version, (topic, record) in enumerate(records, start=1):
        store_rows(client, topic, [record], [version])
    return StoredFigures(database_settings, NOW_MS)


@pytest.mark.clickhouse
def test_coverage_and_findings_are_those_of_the_other_commands(figures: Figures) -> None:
    """Open ones apart from the late archives, and one unit's apart from another's."""
    window = parse_period("2018").window(NOW_MS)
    assert [(row["scope"], row["coverage"]) for row in figures.coverage("unit", window)] == [("U1", 0.75)]
    assert [row["subject"] for row in figures.findings()] == ["c1"]
    assert figures.findings("U2") == []
    assert [(row["subject"], row["late_ms"]) for row in figures.late_archives()] == [("c2", 7)]


@pytest.mark.clickhouse
def test_every_policy_setting_is_among_the_assumptions(figures: Figures) -> None:
    """None of them can be forgotten: they are read from the settings."""
    said = figures.policy()
    assert said["policy.deadline"] == "3 workdays"
    assert said["policy.deadline_by_item"] == {}
    assert {name.split(".")[1] for name in said} == set(type(Settings().policy).model_fields)


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_revisions_are_the_ends_of_the_reference_topics(
    database_settings: Settings, kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    """One number a partition; a topic that is not there is an error, not an empty revision."""
    reached = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    settings = database_settings.model_copy(update={"kafka": reached, "data_dir": tmp_path})
    with pytest.raises(DependencyError, match=topic_prefix):
        reference_revisions(settings)
    ensure_topics(settings)
    eventually(lambda: bool(told(settings)))
    assert set(told(settings)) == set(REFERENCE_INPUTS)
    assert all(set(ends) == {0} for ends in told(settings).values())


def told(settings: Settings) -> Mapping[str, Sequence[int]]:
    """Revisions; none while the broker still elects leaders for new topics."""
    try:
        return reference_revisions(settings)
    except DependencyError:
        return {}


@pytest.fixture
def reached(database_settings: Settings, kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings of a database and of topics, of which nobody works."""
    given = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    settings = database_settings.model_copy(update={"kafka": given, "data_dir": tmp_path, "application": topic_prefix})
    ensure_topics(settings)
    eventually(lambda: bool(told(settings)))
    return settings


def send(settings: Settings, topic: str, *rows: dict[str, Any]) -> None:
    """Send rows of reference data."""
    producer = Producer(settings.kafka_client())
    for row in rows:
        producer.produce(settings.topic(topic), codec(topic).encode(row), record_key(topic, row))
    assert producer.flush(30) == 0


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_nothing_is_published_before_all_that_was_sent_is_in_the_figures(
    reached: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An edition names the reference data that it rests on; while no worker takes them in, there is none."""
    send(reached, ITEM_REGISTRY, registered())
    monkeypatch.setattr(report, "load_settings", lambda: reached)
    app = typer.Typer()
    report.register(app)
    out = tmp_path / "bulletins"
    words = ["report", "--period", "2018", "--out", str(out), "--publish", "--by", "张三", "--timeout", "2"]
    with pytest.raises(WaitTimeout, match="item-registry") as error:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert error.value.exit_code == 4
    assert not out.exists()
