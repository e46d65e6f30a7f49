"""Latency and recovery on a real broker, small: every output is waited for and right, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from ops.bench.contenders import recovering, timed
from ops.bench.live import Rate, Stage
from tests.conftest import Kafka


@pytest.fixture
def stage(kafka: Kafka, tmp_path: Path) -> Stage:
    """With a hundred cases that are there before, and a minute for each step."""
    return Stage(kafka.broker, tmp_path, 4, 100, 60.0)


def topics(kafka: Kafka) -> set[str]:
    """What the broker has of the bench."""
    return {
        name for name in AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics if name.startswith("bench-")
    }


@pytest.mark.kafka
def test_every_event_sent_at_a_rate_is_timed_until_its_verdict(kafka: Kafka, stage: Stage) -> None:
    """Ours, with one worker: at a rate as such, and at a share of what it did with the cases before."""
    ours = next(each for each in timed(1) if each.name == "guidang-1")
    run = stage.latency(ours, 1, [Rate(100), Rate(0.05, of_capacity=True)], 2.0)
    assert run.faults == ()
    assert run.capacity_per_s > 0
    assert [point.asked for point in run.points] == ["100", "5%"]
    for point in run.points:
        assert point.unseen == 0
        assert point.outputs is not None
        assert 0 < point.outputs.p50_s <= point.outputs.longest_s
        assert point.late_s > 0
        assert point.rows is None
    assert not topics(kafka)


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_the_whole_product_is_timed_until_its_rows_too(kafka: Kafka, stage: Stage) -> None:
    """A row is there later than its state."""
    run = stage.latency(timed(1)[0], 1, [Rate(50)], 2.0)
    assert run.faults == ()
    (point,) = run.points
    assert point.unseen == point.rows_unseen == 0
    assert point.outputs is not None
    assert point.rows is not None
    assert point.rows.p50_s > point.outputs.p50_s
    assert not topics(kafka)


@pytest.mark.kafka
def test_workers_that_come_go_and_are_killed_give_each_verdict_once_and_every_partition_is_back(kafka: Kafka, stage: Stage) -> None:
    """What is measured did happen: each time partitions changed hands, and after a restart there was a changelog to read."""
    run = stage.recovery(recovering(1)[0], 1, 1.0)
    assert run.faults == ()
    assert [phase.name for phase in run.phases] == ["steady", "joins", "leaves", "joins", "dies", "warm", "cold"]
    assert all(phase.delays is not None and phase.unseen == 0 for phase in run.phases)
    for phase in run.phases:
        assert (phase.moved_s is not None) == (phase.name in {"joins", "leaves", "dies"})
        assert bool(phase.changelog_records) == (phase.back is not None) == (phase.name in {"warm", "cold"})
        if phase.back is not None:
            assert phase.back.first_s is not None
            assert phase.back.all_s is not None
            assert 0 < phase.back.first_s <= phase.back.all_s
    assert not topics(kafka)
