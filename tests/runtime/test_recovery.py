"""State comes back whole: from nothing, from the tail, and never from another topic's past."""

from __future__ import annotations

import shutil

import pytest

from streams.partitioner import PARTITIONERS
from tests.runtime.harness import PARTITIONS, Pairs, key_of, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_state_comes_back_with_a_store_without_one_and_from_a_new_incarnation(pairs: Pairs) -> None:
    """One story, because each step needs the last one's store."""
    n = 3_000
    pairs.feed(range(n), ())
    first = pairs.worker()
    pairs.wait_caught_up()
    assert first.stop() == 0

    # Warm: only what is new is read.
    warm = pairs.worker()
    warm.wait_reports(lambda last: len(last["partitions"]) == PARTITIONS)
    assert warm.last()["recovered"] < n / 10
    assert warm.stop() == 0

    # Cold: everything is read, and work goes on where it was.
    shutil.rmtree(pairs.folder / "state")
    pairs.feed((), range(n))
    cold = pairs.worker()
    pairs.wait_caught_up()
    assert cold.last()["recovered"] >= n
    assert pairs.wrongs() == []
    assert cold.stop() == 0

    # Another incarnation of the changelog: the store is of the old one and must not be believed.
    pairs.recreate("pair-state")
    pairs.feed(range(10), ())
    anew = pairs.worker()
    pairs.wait_caught_up()
    states = pairs.states()
    assert {key: (state["l"], state["r"]) for key, state in states.items()} == {key_of(number): (1, 0) for number in range(10)}
    assert anew.stop() == 0


def test_a_compacted_changelog_and_an_empty_partition_come_back_whole(pairs: Pairs) -> None:
    """Compaction leaves gaps, also between the last value of a key and the end; a partition without any record opens all the same."""
    home = PARTITIONERS["murmur2"]
    numbers = [number for number in range(600) if home(key_of(number), PARTITIONS) != 0]
    pairs.compact_at_once("pair-state")
    first = pairs.worker()
    for _ in range(3):  # the last segment is never compacted: two before it hold the same keys
        pairs.feed(numbers, ())
        pairs.wait_caught_up()
    assert first.stop() == 0
    written = 3 * len(numbers)
    wait_for(lambda: len(pairs.read("pair-state")) < written, 60, "compacted")

    shutil.rmtree(pairs.folder / "state")
    pairs.feed((), numbers)
    cold = pairs.worker()
    pairs.wait_caught_up()
    cold.wait_reports(lambda last: len(last["partitions"]) == PARTITIONS)
    assert len(numbers) <= cold.last()["recovered"] < written
    assert pairs.wrongs() == []
    assert cold.stop() == 0


def test_a_second_worker_of_the_same_name_is_refused(pairs: Pairs) -> None:
    """Two processes on one directory would tear it; the second one says so and ends with the code for settings."""
    first = pairs.worker()
    first.wait_reports(lambda last: len(last["partitions"]) == PARTITIONS)
    second = pairs.worker()
    assert second.ended() == 3
    assert "is in use by another worker" in second.tail()
    assert first.process.poll() is None


def test_inputs_that_no_longer_reach_back_are_an_error(pairs: Pairs) -> None:
    """Deleted before they were read: going on at the earliest record would be a silent loss."""
    pairs.feed(range(300), ())
    first = pairs.worker()
    pairs.wait_caught_up()
    assert first.stop() == 0
    pairs.feed(range(300), ())
    pairs.drop_records("left")
    second = pairs.worker()
    assert second.ended() == 1
    assert "records were deleted before they were read, or the topic was created anew" in second.tail()
    # The way out that it names: the one topic's offsets, the other's stay as they are.
    pairs.reset_offsets("left")
    pairs.feed((), range(300))
    third = pairs.worker()
    pairs.workers.remove(second)
    pairs.wait_caught_up()
    assert third.stop() == 0
    assert {key: (state["l"], state["r"]) for key, state in pairs.states().items()} == {key_of(number): (1, 1) for number in range(300)}


def test_reference_data_that_has_lost_its_beginning_is_refused(pairs: Pairs) -> None:
    """By what is left everything would be judged anew, and nothing would say that something is missing; the records behind do not help."""
    pairs.set_factor("u1", 5)
    pairs.feed(range(30), ())
    first = pairs.worker(reference=True)
    pairs.wait_caught_up()
    assert first.stop() == 0
    before = pairs.progress()
    pairs.drop_records("factors")
    pairs.set_factor("u2", 7)
    second = pairs.worker(reference=True)
    assert second.ended() == 1
    assert f"reference data has lost its beginning: {pairs.topic('factors')}/0 begins at 1" in second.tail()
    assert pairs.progress() == before
    # The way out that it names.
    pairs.recreate("factors")
    pairs.set_factor("u1", 6)
    third = pairs.worker(reference=True)
    pairs.workers.remove(second)
    pairs.wait_caught_up()
    assert third.stop() == 0
    assert {state["factor"] for state in pairs.states().values() if state["unit"] == "u1"} == {6}


@pytest.mark.parametrize("way", ["made anew", "reset"])
def test_one_input_whose_offset_is_lost_is_read_again_and_the_other_goes_on(pairs: Pairs, way: str) -> None:
    """The broker drops the offsets of a topic that is deleted, and whoever sets them leaves no metadata: no reference positions either."""
    pairs.set_factor("u1", 5)
    pairs.feed(range(300), range(200))
    first = pairs.worker(reference=True)
    pairs.wait_caught_up()
    assert first.stop() == 0
    before = pairs.progress()
    if way == "made anew":
        pairs.recreate("left")
        assert {place for place, at in pairs.progress().items() if at.offset is None} == {place for place in before if "left" in place[0]}
        pairs.feed(range(300, 400), ())
    else:
        pairs.reset_offsets("left")
        pairs.feed(range(300, 400), ())
    pairs.set_factor("u2", 7)
    pairs.feed((), range(200, 400))
    second = pairs.worker(reference=True)
    pairs.wait_caught_up()
    assert second.stop() == 0
    states = pairs.states()
    assert {key: (state["l"], state["r"]) for key, state in states.items()} == {key_of(number): (1, 1) for number in range(400)}
    assert {state["factor"] for state in states.values() if state["unit"] == "u2"} == {7}
    assert len({at.reference[pairs.topic("factors")] for at in pairs.progress().values()}) == 1
