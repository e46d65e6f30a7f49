"""Whatever goes wrong ends the process, with the reason, and commits nothing."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.conftest import Kafka
from tests.runtime.harness import Pairs

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_an_exception_in_the_job_ends_the_process_and_advances_no_offset(pairs: Pairs) -> None:
    """The record that cannot be done is not passed over."""
    pairs.feed(range(30), ())
    first = pairs.worker()
    pairs.wait_caught_up()
    assert first.stop() == 0
    before = pairs.progress()
    pairs.feed([31], (), value=b"poison")
    second = pairs.worker(poison="poison")
    assert second.ended() == 1
    assert "ValueError: a poisonous record" in second.tail()
    assert {place: at.offset for place, at in pairs.progress().items()} == {place: at.offset for place, at in before.items()}


def test_a_record_that_cannot_be_produced_commits_nothing(pairs: Pairs) -> None:
    """An output larger than a producer may send: neither it, nor the state beside it, nor the offset."""
    pairs.feed([1], [1])
    worker = pairs.worker(big=8_000_000)
    assert worker.ended() == 1
    assert "MSG_SIZE_TOO_LARGE" in worker.tail()
    states = pairs.states()
    assert all(state["l"] + state["r"] < 2 for state in states.values())
    assert pairs.read("verdicts") == []


def test_a_batch_lost_on_the_way_ends_the_process(pairs: Pairs) -> None:
    """An agent that drops one batch and hands over the next: what follows must not be committed."""
    pairs.feed(range(3_000), ())
    worker = pairs.worker(variant="lossy", settings={"read_records": 100})
    assert worker.ended() == 1
    assert "BatchGap" in worker.tail()


def test_batches_that_never_arrive_end_the_process(pairs: Pairs) -> None:
    """An agent that hands over nothing: Faust would run like that for ever."""
    pairs.feed(range(30), ())
    worker = pairs.worker(variant="deaf", settings={"stall_s": 3.0})
    assert worker.ended() == 1
    assert "Stalled" in worker.tail()
    assert not any(at.offset for at in pairs.progress().values())


def test_one_input_that_is_no_longer_delivered_ends_the_process(pairs: Pairs) -> None:
    """The other one's ticks go on, and with them the partition's transactions; nothing of it is idle, and nothing comes of the right."""
    pairs.feed(range(30), range(30))
    worker = pairs.worker(variant="deaf on the right", settings={"stall_s": 3.0})
    assert worker.ended() == 1
    assert f"Stalled: {pairs.topic('right')}/" in worker.tail()
    progress = pairs.progress()
    assert not any(at.offset for (topic, _), at in progress.items() if topic == pairs.topic("right"))
    assert sum(at.offset or 0 for (topic, _), at in progress.items() if topic == pairs.topic("left")) >= 30


def test_reference_data_that_is_no_longer_followed_ends_the_process(pairs: Pairs) -> None:
    """Every case would go on being judged by rows that are no longer true; records of the inputs come and are done all the while."""
    worker = pairs.worker(reference=True, variant="follows no reference", settings={"stall_s": 3.0, "reference_probe_s": 0.5})
    pairs.wait_caught_up()
    pairs.set_factor("u1", 5)
    assert worker.ended() == 1
    assert "Stalled: reference data" in worker.tail()


def test_what_nobody_can_read_of_reference_data_is_no_stall(pairs: Pairs) -> None:
    """A transaction that is left open, and the marker behind one that was aborted."""
    stall_s = 8.0
    worker = pairs.worker(reference=True, settings={"stall_s": stall_s, "reference_probe_s": 0.5})
    pairs.wait_caught_up()
    stranger = pairs.left_open("factors", 1)
    time.sleep(stall_s + 2)
    stranger.abort_transaction(20)
    time.sleep(stall_s + 2)
    assert worker.process.poll() is None, worker.tail()


def test_a_topic_that_is_not_seen_is_waited_for_and_is_no_mistake_of_the_settings(pairs: Pairs) -> None:
    """A broker may not know it yet. Supervisors start a process again that ended with 4, and never one that ended with 3."""
    pairs.delete("verdicts")
    patient, hasty = pairs.worker("w1"), pairs.worker("w2", settings={"request_timeout_s": 2.0})
    assert hasty.ended() == 4
    assert pairs.topic("verdicts") in hasty.tail()
    pairs.workers.remove(hasty)
    pairs.create(["verdicts"])
    pairs.feed([1], [1])
    pairs.wait_caught_up()
    assert patient.process.poll() is None
    assert pairs.wrongs() == []


def test_an_event_loop_that_stands_still_ends_the_process(pairs: Pairs) -> None:
    """Job code that never returns blocks every coroutine, the watchdog's too; a thread ends the process, and its last words say why."""
    pairs.feed([1], ())
    worker = pairs.worker(variant="endless", settings={"stall_s": 3.0})
    assert worker.ended() == 1
    assert "the loop has not turned" in worker.log.read_text().splitlines()[-1]


def test_a_broker_that_answers_no_more_ends_the_process_and_nothing_is_lost(kafka: Kafka, pairs: Pairs) -> None:
    """Commits stop with the broker; when both are back, the work is done once."""
    pairs.feed(range(2_000), range(1_000))
    first = pairs.worker(settings={"request_timeout_s": 4.0, "stall_s": 4.0})
    pairs.wait_caught_up()
    os.kill(kafka.broker.pid, signal.SIGSTOP)
    try:
        assert first.ended(60) == 1
    finally:
        os.kill(kafka.broker.pid, signal.SIGCONT)
    pairs.workers.remove(first)
    pairs.feed((), range(1_000, 2_000))
    pairs.worker()
    pairs.wait_caught_up()
    assert pairs.wrongs() == []
