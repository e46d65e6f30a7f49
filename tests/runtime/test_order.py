"""What is joined is read in order of time by a reader that lags, so that both sides of a key share a unit of work; nothing rests on it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime import batch as batch_module
from streams.runtime.backlog import Backlog
from streams.runtime.batch import RECORD_BYTES, RecordBatch, times_ms
from streams.runtime.engine import Engine
from streams.runtime.gates import End, Gates, Read
from streams.runtime.lane import Lane
from streams.runtime.partition import PartitionTask
from tests.runtime.harness import Pairs
from tests.runtime.jobs import WorkerConfig, make_engine

JOINED = ("left", "right")
LEFT, RIGHT, OTHER = ("left", 0), ("right", 0), ("other", 0)


def records(times: Sequence[int], base: int = 0, value: bytes = b"x") -> list[SimpleNamespace]:
    """Records of these times, one after the other."""
    return [SimpleNamespace(offset=base + n, timestamp=at, key=None, value=value) for n, at in enumerate(times)]


def batch(topic: str, times: Sequence[int], base: int = 0) -> RecordBatch:
    """A batch of such records."""
    held = records(times, base)
    return RecordBatch(topic, 0, held, base, base + len(times), None, 1, times_ms(held) if topic in JOINED else ())


def extents(batches: Iterable[RecordBatch]) -> list[tuple[str, int, int]]:
    """Topic, base and end of each."""
    return [(each.topic, each.base, each.end) for each in batches]


def opened(*places: tuple[str, int], room: int = 10) -> Gates:
    """Gates at the beginning of these places."""
    gates = Gates(room, JOINED)
    for place in places:
        gates.open(place, 1, 0)
    return gates


def reads(gates: Gates, place: tuple[str, int], times: Sequence[int], base: int = 0) -> RecordBatch:
    """Read records of these times."""
    return gates.batches(gates.wanted(), [Read(*place, records(times, base), base, base + len(times))])[0]


def test_an_input_that_is_ahead_waits_for_the_other() -> None:
    """As long as that one has more; and its task waits with it."""
    gates = opened(LEFT, RIGHT)
    gates.answered(1, {LEFT: End(9, 9), RIGHT: End(9, 9)})
    reads(gates, LEFT, [5])
    assert gates.wanted().keys() == {RIGHT}
    assert gates.early(LEFT)
    assert gates.through_ms(0) == -math.inf
    reads(gates, RIGHT, [6])
    assert gates.wanted().keys() == {LEFT}
    reads(gates, LEFT, [6], 1)
    assert gates.wanted().keys() == {LEFT, RIGHT}
    assert gates.through_ms(0) == 6


@pytest.mark.parametrize("end", [None, End(0, 0), End(4, 0)], ids=["not known", "nothing there", "behind an open transaction"])
def test_nobody_waits_for_an_input_that_has_no_more_to_read(end: End | None) -> None:
    """An idle input would hold up the other for ever."""
    gates = opened(LEFT, RIGHT)
    gates.answered(1, {LEFT: End(9, 9)} | ({RIGHT: end} if end else {}))
    reads(gates, LEFT, [5])
    assert gates.wanted().keys() == {LEFT, RIGHT}
    assert gates.through_ms(0) == 5
    gates.answered(2, {LEFT: End(1, 1)})
    assert gates.through_ms(0) == math.inf


def test_inputs_that_are_not_joined_wait_for_nobody() -> None:
    """Nor does anybody wait for them, nor for another partition."""
    gates = opened(LEFT, RIGHT, OTHER, ("right", 1))
    gates.answered(1, dict.fromkeys((LEFT, OTHER, ("right", 1)), End(9, 9)))
    reads(gates, LEFT, [5])
    reads(gates, OTHER, [7])
    assert gates.wanted().keys() == {LEFT, RIGHT, OTHER, ("right", 1)}
    assert gates.through_ms(0) == 5


def test_a_task_goes_on_when_what_is_behind_has_no_room() -> None:
    """All that came of it is ripe, and only taking it makes room."""
    gates = opened(LEFT, RIGHT, room=2)
    gates.answered(1, {LEFT: End(9, 9), RIGHT: End(9, 9)})
    reads(gates, RIGHT, [9])
    reads(gates, LEFT, [4])
    assert gates.through_ms(0) == -math.inf
    reads(gates, LEFT, [5], 1)
    assert gates.wanted() == {}
    assert gates.through_ms(0) == 5


def test_a_batch_is_taken_up_to_the_time_and_the_rest_later() -> None:
    """Who is not joined, and who carries only time, waits for no one."""
    backlog = Backlog()
    for each in (batch("left", [1, 3, 8, 2]), batch("right", [2, 4]), batch("other", [99]), batch("right", [], 2)):
        backlog.add(each)
    assert extents(backlog.take(3)) == [("left", 0, 2), ("right", 0, 1), ("other", 0, 1)]
    assert not backlog.ripe(3)
    assert backlog.take(3) == []
    assert backlog.records == 3
    assert extents(backlog.take(math.inf)) == [("right", 1, 2)]
    assert extents(backlog.take(math.inf)) == [("left", 2, 4), ("right", 2, 2)]
    assert not backlog


def test_what_is_taken_ends_together() -> None:
    """However much more of one input has come: the rest would be without its other side."""
    backlog = Backlog()
    for each in (batch("left", range(9)), batch("right", range(1, 5)), batch("right", range(5, 8), 4)):
        backlog.add(each)
    assert extents(backlog.take(math.inf)) == [("left", 0, 5), ("right", 0, 4)]
    assert extents(backlog.take(math.inf)) == [("left", 5, 8), ("right", 4, 7)]
    assert extents(backlog.take(math.inf)) == [("left", 8, 9)]


def test_a_clock_that_is_ahead_holds_up_nobody() -> None:
    """Its input would not be read, nor its records be taken up, before the other has come as far: which it may never."""
    ahead_ms = int(time.time() * 1000) + 60_000
    gates = opened(LEFT, RIGHT)
    gates.answered(1, {LEFT: End(9, 9), RIGHT: End(9, 9)})
    reads(gates, RIGHT, [4])
    reads(gates, LEFT, [3, ahead_ms])
    assert gates.wanted().keys() == {LEFT}
    backlog = Backlog()
    backlog.add(batch("left", [3, ahead_ms, 4]))
    backlog.add(batch("right", [ahead_ms, ahead_ms]))
    assert extents(backlog.take(3)) == [("right", 0, 2)]
    assert extents(backlog.take(3)) == [("left", 0, 2)]


TIMES = st.lists(st.integers(-1, 9), max_size=4)


@given(st.lists(st.tuples(st.sampled_from([*JOINED, "other"]), TIMES), max_size=9), st.lists(st.integers(-1, 9), max_size=9))
def test_whatever_times_records_have_all_come_out_in_the_order_of_their_topics(came: list[tuple[str, list[int]]], steps: list[int]) -> None:
    """None lost, none twice, and none of a joined topic before its time."""
    backlog, ends = Backlog(), dict.fromkeys((*JOINED, "other"), 0)
    for topic, times in came:
        backlog.add(batch(topic, times, ends[topic]))
        ends[topic] += len(times)
    at = dict.fromkeys(ends, 0)
    for through in (*steps, math.inf):
        while backlog.ripe(through):
            found = backlog.take(through)
            assert found
            for each in found:
                assert each.base == at[each.topic]
                assert [record.offset for record in each.records] == list(range(each.base, each.end))
                assert each.topic == "other" or all(record.timestamp <= through for record in each.records)
                at[each.topic] = each.end
        assert backlog.take(through) == []
    assert at == ends


@given(st.lists(st.sampled_from([1, RECORD_BYTES, 3 * RECORD_BYTES + 1]), min_size=2, max_size=5), st.data())
def test_parts_of_a_batch_take_as_much_room_as_the_whole(sizes: list[int], data: st.DataObject) -> None:
    """Else room would be given back that was never taken, or never given back."""
    whole = RecordBatch(*LEFT, [SimpleNamespace(offset=n, key=b"", value=b"x" * size) for n, size in enumerate(sizes)], 0, 9, 7, 1)
    first, rest = whole.split(data.draw(st.integers(1, len(sizes) - 1)))
    assert first.size + rest.size == whole.size
    assert first.size >= 1
    assert rest.size >= 0
    assert (first.base, first.end, rest.base, rest.end) == (0, rest.base, len(first.records), 9)
    assert (first.watermark_ms, rest.watermark_ms) == (None, 7)


def test_a_time_that_was_ahead_when_it_was_read_stays_the_earliest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gate has counted it so: were it to count otherwise later, the task would wait for a turn that nobody is to have."""
    gates = opened(LEFT, RIGHT)
    gates.answered(1, {LEFT: End(9, 9), RIGHT: End(9, 9)})
    monkeypatch.setattr(batch_module, "wall_ms", lambda: 4)
    read = [reads(gates, LEFT, [5]), reads(gates, RIGHT, [3])]
    monkeypatch.setattr(batch_module, "wall_ms", lambda: 9)
    backlog = Backlog()
    for each in read:
        backlog.add(each)
    assert extents(backlog.take(-1)) == [("left", 0, 1)]


def lagging(monkeypatch: pytest.MonkeyPatch, folder: Path, **given: float) -> Engine:
    """An engine whose two inputs lag, and whose tasks are open at once and commit nothing."""
    engine = make_engine(WorkerConfig("127.0.0.1:1", "p", "w", str(folder), str(folder / "report"), settings=given))

    async def opened(task: PartitionTask) -> None:
        task._opened, task.running = SimpleNamespace(store=None), True
        task._received = task._offsets = dict.fromkeys(engine.job.inputs, 0)

    async def commit(*_: Any) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(PartitionTask, "_open", opened)
    monkeypatch.setattr(PartitionTask, "_commit", commit)
    places = [(topic, 0) for topic in engine.job.inputs]
    for place in places:
        engine.gates.open(place, 1, 0)
    engine.gates.answered(1, dict.fromkeys(places, End(99, 99)))
    return engine


async def held_back(engine: Engine) -> PartitionTask:
    """A task that has a record of the one input, and waits for the other's turn."""
    task = PartitionTask(engine, 0, Lane("test"), 1)
    await asyncio.sleep(0)
    [held] = engine.gates.batches(engine.gates.wanted(), [Read(engine.job.inputs[0], 0, records([5]), 0, 1)])
    task.hand_over(held)
    return task


def test_nobody_waits_longer_than_a_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is behind may come too slowly ever to fill its room, while time goes on in the inputs."""
    engine = lagging(monkeypatch, tmp_path, turn_s=0.3)
    left, right = engine.job.inputs
    taken: list[tuple[str, int, int]] = []
    monkeypatch.setattr(engine.job, "process", lambda _, batches: taken.extend(extents(batches)))

    async def run() -> None:
        task = await held_back(engine)
        for tick in range(12):
            assert engine.gates.through_ms(0) == -math.inf
            assert taken == ([] if tick < 4 else [(left, 0, 1)] if taken else [])
            task.hand_over(RecordBatch(right, 0, (), 0, 0, tick, 1))
            await asyncio.sleep(0.05)
        task._task.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert taken == [(left, 0, 1)]


@pytest.mark.parametrize("turns", range(4))
def test_a_task_that_waits_for_its_turn_ends_whenever_it_is_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, turns: int) -> None:
    """Though something has just woken it: a task that lives on keeps its worker from stopping."""
    engine = lagging(monkeypatch, tmp_path)

    async def run() -> None:
        task = await held_back(engine)
        await asyncio.sleep(0.05)
        task.hand_over(RecordBatch(engine.job.inputs[1], 0, (), 0, 0, 7, 1))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.close()
        await task.ended()

    asyncio.run(asyncio.wait_for(run(), 4))


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("variant", ["", "in no order"])
def test_both_sides_of_a_key_share_a_unit_of_a_worker_that_lags(pairs: Pairs, variant: str) -> None:
    """So that its state is written once; not so where inputs are read as they come."""
    n = 6_000
    pairs.feed(range(n), [], value=b"x" * 1_000, at_ms=1_500_000_000_000, apart_ms=10)
    pairs.feed([], range(n), at_ms=1_500_000_000_000, apart_ms=10)
    settings = {"fetch_bytes": 50_000, "read_records": 200, "room_records": 300, "group_records": 400, "probe_s": 0.02}
    pairs.worker(variant=variant, deadline_ms=1 << 50, settings=settings)
    pairs.wait_caught_up()
    assert pairs.wrongs() == []
    written = len(pairs.read("pair-state")) / n
    assert written > 1.5 if variant else written < 1.25
