"""The fold: what it counts, it counts once; what moves, moves whole."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.coverage import COUNTS, EVER, HOUR, YEAR, Bucket, apply, changes, contributions, moved
from streams.domain.time import DAY_MS
from tests.agents.pipeline import Pipeline
from tests.strategies import MONDAY_MS, archives, closings

Event = dict[str, Any]
TO_DECEMBER_MS = 200 * DAY_MS


@given(st.lists(closings(), max_size=10), st.lists(archives(), max_size=10))
@settings(max_examples=100)
def test_every_closed_case_is_in_exactly_one_count_of_one_bucket(closed: list[Event], received: list[Event]) -> None:
    """Closed = archived + unarchived + awaiting, beside them the excluded; late within archived, refused within the rest."""
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        for event in closed:
            pipeline.closings(event)
        for event in received:
            pipeline.archives(event)
        pipeline.tick(MONDAY_MS + 9 * DAY_MS)
        states, own = pipeline.states().values(), pipeline.buckets(HOUR)
    total = {name: sum(record[name] for record in own) for name in ("archived", "archived_late", "unarchived", "awaiting", "refused")}
    excluded = sum(sum(record["excluded"].values()) for record in own)
    by_status = [state["status"] for state in states]
    assert total["archived"] == by_status.count("ARCHIVED") + by_status.count("ARCHIVED_LATE")
    assert total["archived_late"] == by_status.count("ARCHIVED_LATE")
    assert (total["unarchived"], total["awaiting"]) == (by_status.count("UNARCHIVED"), by_status.count("AWAITING"))
    assert excluded == by_status.count("EXCLUDED")
    assert total["refused"] <= total["unarchived"] + total["awaiting"]


@given(st.lists(closings(st.just("c")), min_size=2, max_size=2))
@settings(max_examples=100)
def test_what_a_correction_takes_from_one_bucket_it_gives_to_another(two: list[Event]) -> None:
    """The changes are the difference of what the two states give, and nothing else."""
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        pipeline.closings(two[0])
        before = pipeline.state("c")
        pipeline.closings({**two[1], "revision": 9})
        after = pipeline.state("c")
    difference = Counter(contributions(after))
    difference.subtract(Counter(contributions(before)))
    moves: dict[Bucket, Counter[str]] = {}
    for bucket, each in changes(before, after):
        moves.setdefault(bucket, Counter()).update(dict(each))
    flat = {(bucket, name): count for bucket, counts in moved(moves).items() for name, count in counts.items()}
    assert flat == {key: count for key, count in difference.items() if count}


@given(st.lists(closings(), max_size=10), st.lists(archives(), max_size=10), st.lists(closings(), max_size=5))
@settings(max_examples=100)
def test_a_year_of_a_unit_is_the_sum_of_its_hours(closed: list[Event], received: list[Event], corrected: list[Event]) -> None:
    """Count by count, by the years of closing and due date, after corrections too: around the last midnight of a year in Asia/Shanghai."""
    with Pipeline(now_ms=MONDAY_MS + TO_DECEMBER_MS) as pipeline:
        for event in (*closed, *({**event, "revision": 9} for event in corrected)):
            pipeline.closings(_later(event))
        for event in received:
            pipeline.archives(_later(event))
        pipeline.tick(MONDAY_MS + TO_DECEMBER_MS + 9 * DAY_MS)
        hours, years, ever = (pipeline.buckets(each) for each in (HOUR, YEAR, EVER))
        assert len(hours) + len(years) + len(ever) == len(pipeline.buckets())
    expected: dict[Any, Counter[str]] = {}
    for record in hours:
        expected.setdefault((_year(record["bucket_start"]), _year(record["due_start"]), *_unit(record)), Counter()).update(_counts(record))
    found = {(record["bucket_start"], record["due_start"], *_unit(record)): Counter(_counts(record)) for record in years}
    assert found == expected
    assert all(record["item_code"] == record["main_item_code"] == record["item_type"] == "" for record in years)


def _later(event: Event) -> Event:
    return event | {name: event[name] + TO_DECEMBER_MS for name in ("accepted_at", "closed_at", "received_at") if name in event}


def _year(time_ms: int) -> int:
    """First millisecond of a year, by the standard library."""
    zone = dt.timezone(dt.timedelta(hours=8))
    return int(dt.datetime(dt.datetime.fromtimestamp(time_ms / 1000, zone).year, 1, 1, tzinfo=zone).timestamp() * 1000)


def _unit(record: Event) -> tuple[str, str]:
    return record["unit_code"], record["district_code"]


def _counts(record: Event) -> dict[str, int]:
    counts = {name: record[name] for name in COUNTS} | {f"excluded:{reason}": count for reason, count in record["excluded"].items()}
    return {name: count for name, count in counts.items() if count}


def test_a_count_below_zero_ends_the_work() -> None:
    """Fold and states have parted: nothing may be committed."""
    bucket = Bucket(HOUR, 0, 0, "U", "D", "许可", "M", "I")
    with pytest.raises(ValueError, match="would be -1"):
        apply(None, 0, bucket, {"archived": -1})


def test_zeros_stay() -> None:
    """A bucket that emptied must overwrite what it was."""
    bucket = Bucket(HOUR, 0, 0, "U", "D", "许可", "M", "I")
    full = apply(None, 3, bucket, {"archived": 2, "excluded:VOIDED": 1})
    empty = apply(full, 3, bucket, {"archived": -2, "excluded:VOIDED": -1})
    assert (empty["archived"], empty["excluded"]) == (0, {"VOIDED": 0})
