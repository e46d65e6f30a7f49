"""No kill, stop or rebalance makes a record count twice or not at all."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.runtime.harness import PARTITIONS, Pairs, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
N = 6_000
SMALL = {"read_records": 300, "group_records": 300}


def feed_all(pairs: Pairs, n: int = N) -> None:
    """Every left has its right, but one in ten."""
    pairs.feed(range(n), (number for number in range(n) if number % 10))


def test_a_kill_in_any_phase_changes_nothing(pairs: Pairs) -> None:
    """Each phase in turn kills the process once; the next one goes on from where it was."""
    phases = [
        "before init_transactions",
        "before begin",
        "before send_offsets_to_transaction",
        "before commit_transaction",
        "committed, not stored",
        "recovering",
    ]
    feed_all(pairs)
    for number, phase in enumerate(phases):
        # The last phase needs something to recover: a worker of another name has no state on disk.
        name = "fresh" if phase == "recovering" else "w1"
        worker = pairs.worker(name, crash=phase, crash_after=1 if number in {0, 5} else 3, settings=SMALL)
        assert worker.ended(40) == -signal.SIGKILL, worker.tail()
    pairs.worker("w1")
    pairs.wait_caught_up()
    assert pairs.wrongs() == []


def test_kills_at_random_moments_change_nothing(pairs: Pairs) -> None:
    """Two workers, one of which is killed every other second and started again."""
    chance = random.Random(20180315)  # noqa: S311 - moments to kill at, no secrets
    workers = {name: pairs.worker(name, settings=SMALL) for name in ("w1", "w2")}
    for part in range(6):
        feed_part = range(part * 1_500, (part + 1) * 1_500)
        pairs.feed(feed_part, feed_part)
        time.sleep(1.0 + chance.random() * 1.5)
        name = chance.choice(["w1", "w2"])
        workers[name].kill()
        workers[name] = pairs.worker(name, settings=SMALL)
    pairs.wait_caught_up()
    assert pairs.wrongs() == []


def test_workers_that_come_and_go_while_busy_change_nothing(pairs: Pairs) -> None:
    """A second worker joins half-way, and later the first one leaves."""
    numbers = iter(range(0, 1_000_000, 500))

    def feed_more() -> None:
        start = next(numbers)
        pairs.feed(range(start, start + 500), range(start, start + 500))

    for _ in range(8):
        feed_more()
    first = pairs.worker("w1", settings=SMALL)
    first.wait_reports(lambda last: last["records"] > 500)
    second = pairs.worker("w2", settings=SMALL)
    while second.last().get("records", 0) < 500:
        feed_more()
    assert first.stop() == 0, first.tail()
    feed_more()
    pairs.wait_caught_up()
    assert pairs.wrongs() == []
    assert len(second.last()["partitions"]) == 3


def sleeper(pairs: Pairs, variant: str) -> list[str]:
    """Stop a worker that has results ready to commit, let another take over and finish, wake it, and look."""
    asleep = pairs.worker("w1", crash="before begin", crash_signal=int(signal.SIGSTOP), variant=variant, settings=SMALL)
    # A partition that is still being opened when it falls asleep ends the woken process, with or without a fence.
    asleep.wait_reports(lambda last: len(last["partitions"]) == PARTITIONS)
    feed_all(pairs)
    wait_for(asleep.sleeps, 30, "the worker stops itself")
    pairs.worker("w2", variant=variant)
    pairs.wait_caught_up()
    asleep.signal(signal.SIGCONT)
    wait_for(lambda: "_FENCED" in asleep.log.read_text() or pairs.wrongs(), 40, "what it holds is refused, or does harm")
    time.sleep(3.0)
    asleep.kill()
    return pairs.wrongs()


def test_a_worker_asleep_past_its_session_writes_nothing_over_its_successor(pairs: Pairs) -> None:
    """The woken process holds results for partitions that another one has finished; the broker refuses them."""
    assert sleeper(pairs, "") == []


def test_a_partition_taken_by_a_late_opening_is_opened_again_once(pairs: Pairs) -> None:
    """Its former owner was slow to fence, and is gone: the rightful one goes on from what was committed. Twice is a fight, and ends it."""
    worker = pairs.worker("w1", settings=SMALL)
    feed_all(pairs, 3_000)
    worker.wait_reports(lambda last: len(last["partitions"]) == PARTITIONS)
    pairs.take(0)
    feed_all(pairs, 300)  # it may have been through already, and learns that it lost the partition when it next commits
    worker.wait_reports(lambda last: last["fenced"] == 1)
    pairs.wait_caught_up()
    assert pairs.wrongs() == []
    pairs.take(0)
    feed_all(pairs, 300)
    assert worker.ended() == 1
    assert "fenced" in worker.tail()


def test_without_the_fence_the_sleeper_would_do_harm(pairs: Pairs) -> None:
    """The known-bad variant: with a transactional id of its own, the woken worker gets its results committed."""
    assert sleeper(pairs, "unfenced") != []
