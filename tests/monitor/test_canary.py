"""A canary goes the whole way and leaves no trace in any figure."""

from __future__ import annotations

import pytest

from ops.monitor.canary import CASE_PREFIX, canary_cases, canary_event
from streams.contracts import ANOMALY_TOPICS
from streams.domain.time import DAY_MS
from streams.partitioner import PARTITIONERS
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, archive, closing


@pytest.mark.parametrize("partitioner", PARTITIONERS)
@pytest.mark.parametrize("partitions", [1, 8, 64])
def test_there_is_a_case_for_each_partition_and_it_belongs_there(partitioner: str, partitions: int) -> None:
    """It says in its name where that is; it is the same for ever."""
    cases = canary_cases(partitions, partitioner)
    assert [PARTITIONERS[partitioner](case.encode(), partitions) for case in cases] == list(range(partitions))
    assert [int(case.removeprefix(CASE_PREFIX).split("-")[0]) for case in cases] == list(range(partitions))
    assert canary_cases(partitions, partitioner) == cases


def test_each_canary_is_written_again_and_counts_nowhere() -> None:
    """Whatever time passes: no bucket, no finding, no dead letter, no item; a lower revision is no news."""
    (case,) = canary_cases(1, "murmur2")
    with Pipeline(now_ms=CLOSED_MS) as pipeline:
        pipeline.closings(closing())
        pipeline.archives(archive())
        pipeline.tick(CLOSED_MS + DAY_MS)
        before = pipeline.buckets(), pipeline.anomalies(*ANOMALY_TOPICS), pipeline.items()
        told = []
        for revision in (1_000, 2_000, 3_000):
            pipeline.archives(canary_event(case, revision, pipeline.now_ms))
            told.append(pipeline.state(case))
            pipeline.tick(pipeline.now_ms + 30 * DAY_MS)
        assert len({state["facts"] for state in told}) == 3
        assert len({len(state["facts"]) for state in told}) == 1  # nothing piles up
        assert [(state["status"], state["open_anomalies"], state["archives"]) for state in told] == [("NOT_CLOSED", [], [])] * 3
        pipeline.archives(canary_event(case, 2_500, pipeline.now_ms))
        assert pipeline.state(case) == told[-1]
        assert [bucket for bucket in pipeline.buckets() if bucket["unit_code"] == ""] == []
        assert sum(bucket["archived"] for bucket in pipeline.buckets()) == sum(bucket["archived"] for bucket in before[0])
        assert (pipeline.anomalies(*ANOMALY_TOPICS), pipeline.items()) == before[1:]
        assert pipeline.dead_letters() == []
