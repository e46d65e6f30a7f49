"""Ends of topics to wait for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ops.caught_up import Observer, behind_sink, wait_caught_up
from ops.topics import ensure_topics
from streams.contracts import CASE_STATE
from streams.errors import DependencyError
from streams.settings import Settings
from tests.conftest import Kafka, free_port

pytestmark = pytest.mark.kafka


def test_what_is_written_and_not_yet_seen_as_committed_is_waited_for(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Readers do not see it, as they may not in the moment after a commit; the sink is not done before it has read it."""
    given = {"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 1}
    settings = Settings(data_dir=tmp_path, application=topic_prefix, kafka=given)
    ensure_topics(settings)
    place = (settings.topic(CASE_STATE), 0)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic_prefix})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(place[0], b"value", b"key", partition=0)
    producer.flush(30)
    observer = Observer(settings)
    assert behind_sink(observer.ends(), observer.sunk()) == []
    assert behind_sink(observer.written(), observer.sunk()) == [f"{place[0]}/0: sink 0 / 1"]
    producer.commit_transaction(30)


def test_waiting_for_a_broker_that_is_away_takes_as_long_as_was_said(tmp_path: Path) -> None:
    """And not as long as each of the questions may take."""
    begun = time.monotonic()
    with pytest.raises(DependencyError, match="refused"):
        wait_caught_up(Settings(data_dir=tmp_path, kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"}), 1.0)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 5
