"""Waivers, against a real broker: each is one that workers take, above all that they have taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.publish import TopicProducer
from ops.reading import read_topic
from ops.topics import ensure_topics
from ops.waive import Waiver, publish_waiver
from streams.contracts import LAST_REVISION, WAIVER, codec
from streams.errors import BadInputFile, InvalidRecord
from streams.settings import Settings
from tests.conftest import Kafka

pytestmark = pytest.mark.kafka

WAIVED = Waiver("3f6c", "市档案局", "系统升级", 20_000)
RECORD = {"event_id": "w1", "revision": 3, "anomaly_id": "3f6c", "author": "市档案局", "reason": "系统升级", "until": 20_000}


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings with topics of their own on the shared broker."""
    made = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix})  # type: ignore[arg-type]
    ensure_topics(made)
    return made


def put(settings: Settings, *records: dict[str, Any]) -> None:
    """Waivers as somebody else sends them."""
    producer = TopicProducer(settings, [WAIVER])
    for record in records:
        producer.send(WAIVER, record["anomaly_id"].encode(), codec(WAIVER).encode(record))
    assert producer.finish() == []


def revisions(settings: Settings) -> list[int]:
    """Of what the topic holds."""
    return [codec(WAIVER).decode(message.value())["revision"] for message in read_topic(settings, WAIVER)]


def test_a_waiver_follows_those_that_workers_have_taken_and_no_others(settings: Settings) -> None:
    """One without an id, one of another finding and one of no day are none of them."""
    refused = {**RECORD, "event_id": "", "revision": 50}, {**RECORD, "until": 5_000_000, "revision": 60}
    put(settings, RECORD, *refused, {**RECORD, "anomaly_id": "another", "revision": 70})
    assert publish_waiver(settings, WAIVED) == 4
    assert revisions(settings) == [3, 50, 60, 70, 4]


def test_behind_the_last_revision_there_is_no_waiver_can_stand(settings: Settings) -> None:
    """It says so, of which finding, and sends nothing."""
    put(settings, {**RECORD, "revision": LAST_REVISION})
    with pytest.raises(BadInputFile, match=f"3f6c.*{LAST_REVISION}"):
        publish_waiver(settings, WAIVED)
    assert revisions(settings) == [LAST_REVISION]


def test_a_waiver_that_workers_would_refuse_is_not_sent(settings: Settings) -> None:
    """The finding would not be set aside, and nobody would hear why."""
    with pytest.raises(InvalidRecord, match="FIELD_TOO_LONG: reason"):
        publish_waiver(settings, Waiver("3f6c", "市档案局", "长" * 1366, 20_000))
    assert revisions(settings) == []
