"""The fold: what it counts, it counts once; what moves, moves whole."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.coverage import HOUR, Bucket, apply, changes, contributions
from streams.domain.time import DAY_MS
from tests.agents.pipeline import Pipeline
from tests.strategies import MONDAY_MS, archives, closings

Event = dict[str, Any]


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
        states, buckets = pipeline.states().values(), pipeline.buckets()
    own = [record for record in buckets if record["granularity"] == HOUR]
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
    moved = Counter(contributions(after))
    moved.subtract(Counter(contributions(before)))
    flat: Counter[Any] = Counter()
    for bucket, moves in changes(before, after):
        flat.update({(bucket, name): count for name, count in moves})
    assert {key: count for key, count in flat.items() if count} == {key: count for key, count in moved.items() if count}


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
