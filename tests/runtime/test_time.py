"""Deadlines follow the watermark: they fire without traffic, and never ahead of what has been read."""

from __future__ import annotations

import re
import time

import pytest

from tests.runtime.harness import PARTITIONS, Pairs, key_of, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_an_idle_partition_fires_within_two_seconds(pairs: Pairs) -> None:
    """One record, then silence: the reminder is there soon after it is due."""
    pairs.worker(deadline_ms=3_000)
    pairs.wait_caught_up()
    earliest_ms = int(time.time() * 1000) + 3_000
    pairs.feed([1], [])
    latest_ms = int(time.time() * 1000) + 3_000
    wait_for(lambda: pairs.verdicts()[key_of(1), b"late"], 6, "a reminder")
    [reminder] = pairs.read("verdicts")
    assert int(dict(reminder.headers())["at"]) >= earliest_ms
    assert reminder.timestamp()[1] <= latest_ms + 2_000


def test_a_lagging_reader_fires_none(pairs: Pairs) -> None:
    """All rights are there when the worker starts, long after every deadline: it must read them before it judges."""
    n = 6_000
    old_ms = int(time.time() * 1000) - 86_400_000
    pairs.feed(range(n), range(n - 100), at_ms=old_ms)
    pairs.worker(deadline_ms=1_000, settings={"read_records": 200, "group_records": 200})
    pairs.wait_caught_up()
    verdicts = pairs.verdicts()
    assert pairs.wrongs() == []
    assert {key for key, kind in verdicts if kind == b"late"} == {key_of(number) for number in range(n - 100, n)}
    assert max(verdicts.values()) == 1


def test_nothing_falls_due_while_an_acknowledged_record_lies_behind_an_open_transaction(pairs: Pairs) -> None:
    """The right is in the topic, and cannot be read: a reminder would be wrong. Nor is it a stall, whoever left the transaction open."""
    stall_s = 4.0
    worker = pairs.worker(deadline_ms=2_000, settings={"stall_s": stall_s})
    pairs.wait_caught_up()
    stranger = pairs.left_open("right", 1)
    pairs.feed([1], [1])
    time.sleep(2 * stall_s)
    assert pairs.verdicts() == {}
    assert worker.process.poll() is None
    assert re.search(rf"{pairs.topic('right')}/\d: a transaction is open at offset 0", worker.log.read_text())
    stranger.abort_transaction(20)
    pairs.wait_caught_up()
    assert pairs.verdicts() == {(key_of(1), b"pair"): 1}
    assert pairs.wrongs() == []


def test_time_goes_on_behind_the_marker_of_a_transaction(pairs: Pairs) -> None:
    """It is the last offset of its partition and no record: the position of an idle reader passes it."""
    pairs.worker()
    pairs.wait_caught_up()
    pairs.left_open("right", 1).commit_transaction(20)
    pairs.rights[key_of(1)] += 1
    pairs.wait_caught_up()
    assert pairs.wrongs() == []


def test_a_partition_rests_between_commits_when_records_come_a_few_at_a_time(pairs: Pairs) -> None:
    """At most a third of the time is spent on transactions, whatever one takes; back to back they would hold up each other."""
    worker = pairs.worker()
    pairs.wait_caught_up()
    before, ends_at = worker.last(), time.monotonic() + 4
    pairs.trickle(lambda: time.monotonic() < ends_at)
    after = worker.last()
    share = (after["commit_seconds"] - before["commit_seconds"]) / (after["t"] - before["t"]) / PARTITIONS
    assert after["transactions"] - before["transactions"] > PARTITIONS
    assert share < 0.4
