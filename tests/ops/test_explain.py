"""The timeline of a case, read off a real broker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from ops.cli.pipeline import _print_timeline
from ops.explain import explain
from ops.topics import ensure_topics
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_STATE, WAIVER, codec
from streams.domain.finding import anomaly_id
from streams.domain.time import DAY_MS, iso, iso_day
from streams.partitioner import PARTITIONERS
from streams.settings import KafkaSettings, Settings
from tests.agents.pipeline import Message, Pipeline
from tests.agents.test_cases import CLOSED_MS, DUE_MS, archive, closing
from tests.agents.test_items import DAY
from tests.conftest import Kafka

KEY = b"c"
NO_TIMES = {"partition", "offset", "revision", "delay_ms", "late_ms"}
"""What is a number, and is one when it is shown."""


def written() -> Iterator[Message]:
    """What lies in Kafka of a case that was refused, is late, and has a waiver; and a record of it that nobody can read."""
    refused = archive(receipt="UNPACK_FAILED")
    waiver = {"event_id": "w1", "anomaly_id": anomaly_id("UNARCHIVED", "c"), "author": "市档案局", "reason": "系统升级"}
    with Pipeline(now_ms=CLOSED_MS) as pipeline:
        pipeline.closings(closing())
        pipeline.archives(refused)
        pipeline.raw(CASE_CLOSED, (KEY, b"?"))
        pipeline.tick(DUE_MS)
        pipeline.reference_record(WAIVER, {**waiver, "valid_from": DAY, "until": DAY + 30})
        yield from pipeline.messages
        yield Message(CASE_STATE, KEY, pipeline.changelogs["cases"][KEY], [])
    yield Message(CASE_CLOSED, KEY, codec(CASE_CLOSED).encode(closing()), [])
    yield Message(ARCHIVE_RECEIVED, KEY, codec(ARCHIVE_RECEIVED).encode(refused), [])


def numbers(found: Any, name: str = "") -> set[str]:
    """Names of what is a number anywhere in plain data."""
    if isinstance(found, dict):
        return set().union(*(numbers(value, key) for key, value in found.items()))
    if isinstance(found, list):
        return set().union(*(numbers(value, name) for value in found))
    return {name} if isinstance(found, int) and not isinstance(found, bool) else set()


@pytest.mark.kafka
def test_every_time_and_every_day_is_told_as_people_read_it(
    kafka: Kafka, topic_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asia/Shanghai with its offset, in JSON, which the board reads, and in text; whatever field it is in."""
    reached = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    settings = Settings(data_dir=tmp_path, kafka=reached)
    ensure_topics(settings)
    producer = Producer({**settings.kafka_client(), "log_level": 0})
    for each in written():
        place = PARTITIONERS[reached.partitioner](KEY, reached.partitions)
        producer.produce(settings.topic(each.topic), each.value, each.key, place, headers=each.headers)
    assert producer.flush(30) == 0
    found = explain(settings, "c", lambda *_: None)
    assert found is not None
    assert numbers(found) <= NO_TIMES
    state, told = found["state"], found["anomalies"][-1]
    assert (state["due_at"], state["review_at"]) == (iso(DUE_MS), f"{iso_day(DAY + 31)}T00:00:00+08:00")
    assert state["archives"][0]["last_refused_at"] == iso(CLOSED_MS + DAY_MS)
    assert (told["kind"], told["waived_from"], told["waived_until"]) == ("UNARCHIVED", "2018-06-04", "2018-07-04")
    assert {letter["guidang-timestamp"] for letter in found["dead_letters"]} == {"1970-01-01T08:00:00+08:00"}
    _print_timeline(found)
    shown = capsys.readouterr().out
    assert f"review_at: {state['review_at']}" in shown
    assert re.findall(r"(?<!\d)\d{12,}(?!\d)", shown) == []
