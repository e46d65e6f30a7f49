"""When the figures count as caught up."""

from __future__ import annotations

from dataclasses import replace

from ops.caught_up import Standing
from ops.lag import Lag, Lags
from ops.monitor.pipeline import Since, is_current, watermark_age_seconds
from streams.contracts import JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.runtime.progress import Progress

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


def test_the_watermark_is_that_of_the_slowest_input_and_unknown_while_one_has_none() -> None:
    """Reference topics have none."""
    assert watermark_age_seconds(BUSY) == 2.0
    assert watermark_age_seconds(Lags(caught_up=False, topics={**BUSY.topics, "archive-received": Lag(0, 9.0)})) == 9.0
    assert watermark_age_seconds(Lags(caught_up=False, topics={**BUSY.topics, "archive-received": Lag(0, None)})) is None
