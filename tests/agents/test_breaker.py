"""When most records are refused, the worker ends and refuses none of them."""

from __future__ import annotations

import pytest

from streams.agents.breaker import Breaker
from streams.contracts import CASE_CLOSED, codec
from streams.errors import MostRefused
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, closing


def test_a_worker_with_the_wrong_partitioner_ends_before_it_refuses_anything() -> None:
    """Nearly every key seems to belong elsewhere; what is left of the batch is neither judged nor written."""
    events = [closing(case_no=f"c{number}", event_id=f"e{number}") for number in range(100)]
    with Pipeline(now_ms=CLOSED_MS, partitions=16, breaker=Breaker(0.5, 50)) as pipeline:
        with pytest.raises(MostRefused, match="MISROUTED"):
            pipeline.closings(*events)
        assert pipeline.dead_letters() == []
        assert pipeline.states() == {}


def test_poison_among_good_records_ends_nothing() -> None:
    """However long it goes on."""
    good = codec(CASE_CLOSED).encode(closing())
    with Pipeline(now_ms=CLOSED_MS, breaker=Breaker(0.5, 50)) as pipeline:
        for _ in range(10):
            pipeline.raw(CASE_CLOSED, *[(b"c", good if number % 3 else b"poison") for number in range(30)])
        assert len(pipeline.dead_letters()) == 100


def test_a_few_records_say_nothing_and_the_latest_weigh_most() -> None:
    """A worker that has taken millions must not take millions more to notice."""
    breaker = Breaker(0.5, 100)
    for _ in range(99):
        breaker.refused("BROKEN_AVRO")
    breaker.look(99)
    breaker = Breaker(0.5, 100)
    for _ in range(1_000):
        breaker.look(100)
    for _ in range(120):
        breaker.refused("BROKEN_AVRO")
    with pytest.raises(MostRefused, match="BROKEN_AVRO"):
        breaker.look(120)


def test_a_share_of_one_never_ends_the_work() -> None:
    """Somebody has looked, and the senders are wrong indeed."""
    breaker = Breaker(1, 10)
    for _ in range(1_000):
        breaker.refused("NOT_FRAMED")
        breaker.look(1)
