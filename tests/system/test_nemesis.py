"""Everything that can happen to processes, disks and the ways between them, for two minutes; ``make soak`` takes longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer

from consumers.clickhouse import connect
from ops.reading import read_topic
from streams.contracts import ANOMALY_UNARCHIVED
from tests.nemesis.cluster import Cluster
from tests.nemesis.faults import faults
from tests.nemesis.run import Report, Run

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]


def test_after_every_fault_all_of_it_is_as_the_truth_says(tmp_path: Path) -> None:
    """Every case and figure is right in the end and no finding is told twice; what is wrong would be seen."""
    report = Report(seed=7, cases=8_000, minutes=2.0)
    with Cluster(tmp_path) as cluster:
        run = Run(cluster, report, longest_seconds=16.0, tell=print)
        simulated = run.play()
        run.heal()
        report.wrong = run.judge(simulated)
        print(report.table())
        assert report.wrong == []
        assert report.hits.keys() | report.impossible == {f"{each.on}: {each.kind}" for lane in faults(0.0).values() for each in lane}
        assert all("disk" in name for name in report.impossible)

        case = simulated.truth[0].case_no
        connect(run.settings).command(f"ALTER TABLE case_state DELETE WHERE case_no = '{case}'", settings={"mutations_sync": 1})
        told = next(iter(read_topic(run.settings, ANOMALY_UNARCHIVED)))
        again = Producer(run.settings.kafka_client())
        again.produce(told.topic(), told.value(), told.key(), told.partition(), headers=told.headers())
        assert again.flush(30) == 0
        wrong = run.judge(simulated)
    assert any(case in each and each.startswith("Difference") for each in wrong)
    assert any(case in each and each.startswith("reconcile") for each in wrong)
    assert any("told 2 times" in each for each in wrong)
