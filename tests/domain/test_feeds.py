"""What sources claim to have sent, and what a reader may conclude from it."""

from __future__ import annotations

from itertools import pairwise

from streams.domain.reference import Feeds

EACH_MS = 60_000
CLAIMS = 10_000


def test_a_week_of_claims_takes_no_more_room_than_a_day_and_no_reader_is_told_too_much() -> None:
    """One a minute; a reader far behind is told less than was claimed by then, and one who is up to date all of it."""
    feeds = Feeds()
    for number in range(CLAIMS):
        feeds.add("s", "archive-received", number * EACH_MS, seen_at_ms=number * EACH_MS + 500)
    told = [feeds.through("s", "archive-received", number * EACH_MS + 500) for number in range(CLAIMS)]
    assert len(set(told)) <= 1_025
    assert all(through is None or through <= number * EACH_MS for number, through in enumerate(told))
    assert all(earlier is None or (later is not None and earlier <= later) for earlier, later in pairwise(told))
    assert told[-1] == (CLAIMS - 1) * EACH_MS
