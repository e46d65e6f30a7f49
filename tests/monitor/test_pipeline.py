"""When the figures count as caught up."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ops.caught_up import Standing
from ops.lag import Lag, Lags
from ops.monitor.pipeline import Pipeline, Since, is_current, watermark_age_seconds
from ops.monitor.sources import Sources
from streams.contracts import JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.runtime.progress import Progress
from streams.settings import ClickHouseSettings, KafkaSettings, Settings
from tests.conftest import free_port

A, B = frozenset({"worker-1-a"}), frozenset({"worker-1-b"})
BUSY = Lags(caught_up=False, topics=dict.fromkeys((*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS), Lag(100, 2.0)))
STANDING = Standing({}, {("case-closed", 0): Progress(7, 1, 1, {}, "rules")}, {})


def test_nothing_has_caught_up_before_it_has_once() -> None:
    """The monitor itself has just started."""
    since = Since()
    assert not since.look(current=False, workers=A)
    assert since.look(current=True, workers=A)
    assert since.look(current=False, workers=A)  # lag of now is told by other metrics


def test_a_worker_that_starts_again_puts_it_in_doubt_until_all_is_done_again() -> None:
    """Its member id is another; one fewer is no doubt."""
    since = Since()
    assert since.look(current=True, workers=A | B)
    assert since.look(current=False, workers=A)
    assert not since.look(current=False, workers=A | {"worker-2-c"})
    assert since.look(current=True, workers=A | {"worker-2-c"})
    assert since.look(current=False, workers=A | {"worker-2-c"})


def test_steady_traffic_is_no_backlog_and_a_late_topic_or_an_unfinished_re_evaluation_is() -> None:
    """There is always a record on its way."""
    assert is_current(BUSY, STANDING)
    assert not is_current(Lags(caught_up=False, topics={**BUSY.topics, "case-state": Lag(100, 31.0)}), STANDING)
    assert not is_current(Lags(caught_up=False, topics={**BUSY.topics, "case-closed": Lag(0, None)}), STANDING)
    halfway = replace(STANDING, progress={("case-closed", 0): Progress(7, 1, 1, {}, None)})
    assert not is_current(BUSY, halfway)


def test_while_kafka_and_clickhouse_are_away_nothing_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    """Addresses where nobody answers: no sample at all, and a scrape waits no longer than it may."""
    settings = Settings(
        data_dir=tmp_path,
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"),
        clickhouse=ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}"),
    )
    pipeline, sources = Pipeline(settings), Sources(settings)
    for question in (pipeline._question, sources._claiming, sources._sending):
        question._patience_seconds = 1.0
    began = time.monotonic()
    for asking in (pipeline, sources):
        asking.begin()
    assert [sample for asking in (pipeline, sources) for family in asking.families() for sample in family.samples] == []
    assert time.monotonic() - began < 3


def test_the_watermark_is_that_of_the_slowest_input_and_unknown_while_one_has_none() -> None:
    """Reference topics have none."""
    assert watermark_age_seconds(BUSY) == 2.0
    assert watermark_age_seconds(Lags(caught_up=False, topics={**BUSY.topics, "archive-received": Lag(0, 9.0)})) == 9.0
    assert watermark_age_seconds(Lags(caught_up=False, topics={**BUSY.topics, "archive-received": Lag(0, None)})) is None
