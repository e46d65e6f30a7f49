"""The small parts, without Kafka: gap check, progress, watermark, gates, revisits, watchdog, client settings, topology."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import BatchGap, ConfigurationError, DependencyError, EngineError, Stalled, TopologyError
from streams.runtime import opening, topology
from streams.runtime.batch import RECORD_BYTES, RecordBatch, check_follows
from streams.runtime.clients import aiokafka_auth
from streams.runtime.gates import End, Gates, Place, Read
from streams.runtime.lane import Lane
from streams.runtime.opening import _split as split
from streams.runtime.partition import PartitionTask
from streams.runtime.progress import Progress, decode, encode
from streams.runtime.reference import ReferenceReader, Touched
from streams.runtime.revisit import Point, Revisits, Slice, Span
from streams.runtime.topology import check_counts, check_topology
from streams.runtime.watchdog import Watchdog
from streams.runtime.watermark import MOST_ANSWERS, Watermark
from tests.runtime.jobs import WorkerConfig, make_engine

PLACE = ("in", 0)
SMALL = SimpleNamespace(key=None, value=b"x", timestamp=1)


def read(base: int, end: int, records: tuple = ()) -> Read:
    """Return a read of the one place."""
    return Read(*PLACE, records, base, end)


@pytest.mark.parametrize("base", [4, 6])
def test_a_batch_that_does_not_begin_where_the_last_ended_is_a_gap(base: int) -> None:
    """Too early is as wrong as too late."""
    with pytest.raises(BatchGap, match="in/0"):
        check_follows(RecordBatch(*PLACE, (), base, 9, None, 1), 5)
    check_follows(RecordBatch(*PLACE, (), 5, 9, None, 1), 5)


TIMES = st.none() | st.integers(0, 2**45)
REFERENCE = st.dictionaries(st.text(max_size=5), st.lists(st.integers(0, 2**40), max_size=3).map(tuple), max_size=3)


@given(
    read_ms=TIMES,
    watermark=TIMES,
    reference=REFERENCE,
    fingerprint=st.none() | st.text(),
    seen=REFERENCE,
    now_ms=TIMES,
    names=st.tuples(st.text(), st.text()),
)
def test_progress_is_read_as_it_was_written(read_ms, watermark, reference, fingerprint, seen, now_ms, names) -> None:
    """Whatever the values; what was seen is told only where it is further than what is done."""
    at = Progress(7, read_ms, watermark, reference, fingerprint, seen, now_ms, *names)
    assert decode(7, encode(at)) == replace(at, seen={} if seen == reference else seen)


@pytest.mark.parametrize("metadata", ["", None, "{", "[]", '{"r": 3}', '{"w": "x"}'])
def test_metadata_of_another_origin_counts_as_none(metadata: str | None) -> None:
    """Another tool may have set the offsets."""
    assert decode(7, metadata) == Progress(7)
    assert decode(-1001, metadata) == Progress()


class Told:
    """A record of a changelog, or the end of it, as a client tells."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self.offset, self.error = lambda: offset, lambda: error
        self.key, self.value = lambda: b"k%d" % offset, lambda: b"v"


def test_a_recovery_takes_in_nothing_from_behind_its_end() -> None:
    """That is the work of an owner who has fenced us meanwhile: states would be younger than the buckets read before them."""
    end_told = KafkaError(KafkaError._PARTITION_EOF)
    assert split([Told(3), Told(4), Told(5)], 3, 5) == ({b"k3": b"v", b"k4": b"v"}, 5)
    assert split([Told(3), Told(7, end_told)], 3, 5) == ({b"k3": b"v"}, 5)
    assert split([Told(3), Told(4, end_told)], 3, 5) == ({b"k3": b"v"}, 4)
    assert split([Told(9)], 3, 5) == ({}, 5)


def test_a_watermark_waits_until_the_end_that_was_asked_for_is_read() -> None:
    """The answer alone says nothing: it must have been read."""
    watermark = Watermark()
    assert watermark.reached(100) is None
    watermark.answered(1_000, 50)
    watermark.answered(2_000, 120)
    assert watermark.reached(49) is None
    assert watermark.reached(119) == 1_000
    assert watermark.reached(120) == 2_000


def test_a_watermark_never_goes_back_and_keeps_a_bounded_number_of_answers() -> None:
    """Not with the clock either; a lagging reader keeps the oldest answers."""
    watermark = Watermark()
    watermark.answered(2_000, 1)
    assert watermark.reached(1) == 2_000
    watermark.answered(1_000, 1)
    assert watermark.reached(1) == 2_000
    for number in range(10 * MOST_ANSWERS):
        watermark.answered(3_000 + number, 10 + number)
    assert watermark.reached(10) == 3_000
    assert watermark.reached(10_000) == 3_000 + MOST_ANSWERS - 1


def test_a_read_that_was_under_way_when_the_gate_closed_is_dropped() -> None:
    """Also when the same partition was opened again meanwhile."""
    gates = Gates(room=2)
    gates.open(PLACE, 1, 0)
    asked = gates.wanted()
    gates.close_all()
    assert gates.batches(asked, [read(0, 5)]) == []
    gates.open(PLACE, 2, 0)
    assert gates.batches(asked, [read(0, 5)]) == []
    assert gates.batches(gates.wanted(), [read(0, 5)])[0].generation == 2


def test_a_partition_alone_can_be_closed() -> None:
    """All its inputs are; its neighbours are read on."""
    gates = Gates(room=2)
    for place in (PLACE, ("out", 0), ("in", 1)):
        gates.open(place, 1, 0)
    asked = gates.wanted()
    gates.close(0)
    assert gates.wanted() == {("in", 1): 1}
    assert [batch.partition for batch in gates.batches(asked, [read(0, 5), Read("in", 1, (), 0, 3)])] == [1]


def test_a_full_task_is_not_read_for_until_it_takes_a_batch_up() -> None:
    """Memory is bounded by the records that may be under way, however few each batch has."""
    gates = Gates(room=6)
    gates.open(PLACE, 1, 0)
    batches = [
        gates.batches(gates.wanted(), [read(base, end, (SMALL,) * (end - base))])[0] for base, end in ((0, 1), (1, 2), (2, 5), (5, 9))
    ]
    assert gates.wanted() == {}
    assert gates.crowded()
    gates.taken(batches[0])
    assert gates.wanted() == {}
    gates.taken(batches[2])
    assert gates.wanted() == {PLACE: 1}


HEAVY = SimpleNamespace(key=b"k" * RECORD_BYTES, value=b"v" * RECORD_BYTES, timestamp=1)


def test_a_large_record_takes_the_room_of_as_many_as_it_would_fill() -> None:
    """Memory is what is bounded: five thousand records of 100 KB are half a gigabyte."""
    gates = Gates(room=6)
    gates.open(PLACE, 1, 0)
    [first] = gates.batches(gates.wanted(), [read(0, 2, (HEAVY, SMALL))])
    assert gates.wanted() == {PLACE: 1}
    [second] = gates.batches(gates.wanted(), [read(2, 4, (HEAVY, HEAVY))])
    assert gates.wanted() == {}
    for batch in (first, second):
        gates.taken(batch)
        assert gates.wanted() == {PLACE: 1}
    assert gates.batches(gates.wanted(), []) == []


@pytest.mark.parametrize(("record", "units"), [(SMALL, [10]), (HEAVY, [6, 4])], ids=["small", "large"])
def test_a_unit_takes_fewer_large_records_than_small_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: Any, units: list[int]
) -> None:
    """It is one transaction, all of which is held in memory, and what the job makes of it."""
    engine = make_engine(
        WorkerConfig(
            bootstrap="127.0.0.1:1",
            prefix="p",
            worker="w",
            data_dir=str(tmp_path),
            report=str(tmp_path / "report"),
            settings={"group_records": 11},
        )
    )
    taken: list[int] = []
    committed: list[int] = []
    all_done = asyncio.Event()

    async def opened(task: PartitionTask) -> None:
        task._opened, task.running = SimpleNamespace(store=None), True
        task._received = task._offsets = dict.fromkeys(engine.job.inputs, 0)
        for base in range(0, 10, 2):
            task.hand_over(RecordBatch(engine.job.inputs[0], 0, (record, record), base, base + 2, None, 1))

    async def commit(*_: Any) -> None:
        committed.append(sum(taken))
        taken.clear()
        if sum(committed) == 10:
            all_done.set()

    monkeypatch.setattr(PartitionTask, "_open", opened)
    monkeypatch.setattr(PartitionTask, "_commit", commit)
    monkeypatch.setattr(engine.job, "process", lambda _, batches: taken.extend(len(batch.records) for batch in batches))

    async def run() -> None:
        task = PartitionTask(engine, 0, Lane("test"), 1)
        await all_done.wait()
        task._task.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert committed == units


def test_a_partition_that_goes_and_comes_back_while_it_is_opened_is_opened_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first opening's store is closed before the second one opens it; and one that was given up before it began fences nobody."""
    engine = make_engine(WorkerConfig("127.0.0.1:1", "p", "w", str(tmp_path), str(tmp_path / "report")))
    told: list[str] = []
    slow = threading.Event()

    class StandIn:
        """What a partition's transactions are committed through, and what its offsets are read with."""

        def __init__(self, *_: Any) -> None:
            told.append("made")

        def init(self, _: str) -> None:
            told.append("fences")
            slow.wait(10)

        def close(self) -> None:
            """Let go."""

    monkeypatch.setattr(opening, "Committer", StandIn)
    monkeypatch.setattr(opening, "Consumer", lambda _: SimpleNamespace(close=lambda: None))
    inputs = engine.job.inputs
    monkeypatch.setattr(opening.Opening, "_inputs", lambda *_: (dict.fromkeys(inputs, 0), dict.fromkeys(inputs, Progress(0))))
    monkeypatch.setattr(opening.Opening, "_recover", lambda *_: None)
    monkeypatch.setattr(engine, "open_gates", lambda *_: None)
    with_it, without = (frozenset((topic, number) for topic in inputs for number in numbers) for numbers in ((0, 1), (1,)))

    async def run() -> None:
        for places in (with_it, without, with_it, without, with_it):
            engine.revoked()
            engine.assigned(places)
            await asyncio.sleep(0.05)
        slow.set()
        while not (engine.ready or engine._failure):  # noqa: ASYNC110 - a failure has no event
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert engine._failure is None
    assert told.count("fences") == 3


def test_a_lane_goes_on_after_a_call_that_nobody_waits_for_has_raised(caplog: pytest.LogCaptureFixture) -> None:
    """A client that fails as it is closed must not keep the partition from whoever owns it next."""

    def fails() -> None:
        raise RuntimeError("cannot be closed")

    async def run() -> int:
        lane = Lane("partition-3")
        lane.post(fails)
        return await lane.call(lambda: 7)

    assert asyncio.run(asyncio.wait_for(run(), 10)) == 7
    assert "partition-3" in caplog.text
    assert "cannot be closed" in caplog.text


def test_ticks_come_behind_data_and_only_with_news() -> None:
    """Time never overtakes records."""
    gates = Gates(room=4)
    gates.open(PLACE, 1, 0)
    gates.answered(1_000, {PLACE: End(5, 5)})
    assert gates.batches({}, []) == []
    [data] = gates.batches(gates.wanted(), [read(0, 5)])
    assert (data.base, data.end, data.watermark_ms) == (0, 5, 1_000)
    gates.answered(2_000, {PLACE: End(5, 5)})
    assert gates.batches({}, []) == []
    gates.taken(data)
    [tick] = gates.batches({}, [])
    assert (tick.records, tick.base, tick.end, tick.watermark_ms) == ((), 5, 5, 2_000)
    gates.taken(tick)
    assert gates.batches({}, []) == []


def test_time_stands_still_in_front_of_an_open_transaction_and_there_is_nothing_to_be_read() -> None:
    """What lies behind was acknowledged. It is told after so many answers, and again; one that ends is forgotten."""
    gates = Gates(room=4)
    gates.open(PLACE, 1, 5)
    for asked_ms in range(1, 8):
        gates.answered(asked_ms, {PLACE: End(written=9, stable=5)})
        assert gates.batches({}, []) == []
        assert gates.held_up(3) == ({PLACE: 5} if asked_ms in {4, 7} else {})
    assert gates.end(PLACE) == 5
    gates.answered(8, {PLACE: End(written=12, stable=11)})
    assert gates.held_up(1) == {}
    [batch] = gates.batches(gates.wanted(), [read(5, 11)])
    assert batch.watermark_ms == 7


class Shelf:
    """Something to take slices from; its index can be changed while a pass runs."""

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self.pairs = pairs

    def scan_after(self, low, high, after, limit):
        """Return index pairs after a pair."""
        return sorted(pair for pair in self.pairs if low <= pair[0] < high and (after is None or pair > after))[:limit]

    def keys(self, table, after, limit):  # noqa: ARG002 - there is one table
        """Return keys after a key."""
        return sorted({key for _, key in self.pairs if after is None or key > after})[:limit]


def span(low: bytes, high: bytes) -> Span:
    """Keys of the shelf."""
    return Span("t", low, high)


def keys_of(slices: Iterable[Slice]) -> list[bytes]:
    """All keys of slices."""
    return [key for each in slices for key in each.keys]


def test_a_span_is_worked_off_in_slices_each_key_once() -> None:
    """Added twice while it waits, it is still one span."""
    shelf = Shelf([(b"u1", b"k%d" % number) for number in range(5)] + [(b"u2", b"x")])
    revisits = Revisits()
    revisits.add([span(b"u1", b"u1\x00"), span(b"u1", b"u1\x00")])
    slices = []
    while revisits.pending:
        slices.append(keys_of(revisits.take(shelf, 2)))
    assert slices == [[b"k0", b"k1"], [b"k2", b"k3"], [b"k4"]]


def test_a_pass_ends_although_each_visit_moves_its_key_ahead_of_the_cursor() -> None:
    """Terms may change with every visit."""
    shelf = Shelf([(b"d%04d" % number, b"k%d" % number) for number in range(6)])
    revisits = Revisits()
    revisits.add([span(b"d", b"e")])
    visited = []
    for _ in range(100):
        if not revisits.pending:
            break
        for key in keys_of(revisits.take(shelf, 2)):
            visited.append(key)
            shelf.pairs = [pair for pair in shelf.pairs if pair[1] != key] + [(b"d9%03d" % len(visited), key)]
    assert not revisits.pending
    assert sorted(visited) == [b"k%d" % number for number in range(6)]


def test_a_span_under_way_that_is_touched_again_is_done_again() -> None:
    """The keys already visited have not seen the newer record."""
    shelf = Shelf([(b"u", b"k%d" % number) for number in range(4)])
    revisits = Revisits()
    revisits.add([span(b"u", b"v")])
    assert keys_of(revisits.take(shelf, 2)) == [b"k0", b"k1"]
    revisits.add([span(b"u", b"v")])
    seen = []
    while revisits.pending:
        seen += keys_of(revisits.take(shelf, 2))
    assert seen == [b"k2", b"k3", b"k0", b"k1", b"k2", b"k3"]


def test_many_small_spans_and_points_share_a_slice_of_work() -> None:
    """A registry of hundreds of rows must not cost a transaction each; what is empty counts for one."""
    shelf = Shelf([(b"u%d" % number, b"k%d" % number) for number in range(4)])
    revisits = Revisits()
    revisits.add([span(b"u%d" % number, b"u%d\x00" % number) for number in range(4)])
    revisits.add([Point("p", b"p1"), Point("p", b"p2"), Point("q", b"q1"), span(b"x", b"y")])
    slices = list(revisits.take(shelf, 100))
    assert keys_of(slices) == [b"k0", b"k1", b"k2", b"k3", b"p1", b"p2", b"q1"]
    assert [each.table for each in slices] == ["t", "p", "q"]
    assert not revisits.pending


def test_a_pass_over_everything_comes_first_and_says_when_it_is_done() -> None:
    """The fingerprint is committed on this word; table after table."""
    shelf = Shelf([(b"u", b"k%d" % number) for number in range(3)])
    revisits = Revisits(everything=["t", "u"])
    revisits.add([Point("p", b"p1")])
    assert revisits.all_pending
    assert list(revisits.take(shelf, 2)) == [Slice("t", [b"k0", b"k1"])]
    assert list(revisits.take(shelf, 2)) == [Slice("t", [b"k2"]), Slice("u", [b"k0"])]
    assert revisits.all_pending
    assert list(revisits.take(shelf, 9)) == [Slice("u", [b"k1", b"k2"]), Slice("p", [b"p1"])]
    assert not revisits.pending


def test_a_record_is_undone_until_the_last_thing_it_touches_is_done() -> None:
    """What is touched again while it waits is undone from the first record on; under way, it waits anew for the second."""
    shelf = Shelf([(b"u", b"k%d" % number) for number in range(3)])
    revisits = Revisits()
    revisits.add([span(b"u", b"v")], PLACE, 4)
    revisits.add([Point("p", b"p1")], PLACE, 5)
    revisits.add([span(b"u", b"v"), Point("p", b"p2")], PLACE, 6)
    assert revisits.undone == {PLACE: 4}
    revisits.take(shelf, 2)
    revisits.add([span(b"u", b"v")], ("other", 0), 9)
    assert revisits.undone == {PLACE: 4, ("other", 0): 9}
    revisits.take(shelf, 2)
    assert revisits.undone == {PLACE: 6, ("other", 0): 9}
    revisits.take(shelf, 9)
    assert revisits.undone == {}


class Message:
    """As much of a reference record as the reader looks at."""

    def __init__(self, offset: int, value: bytes) -> None:
        self._offset, self._value = offset, value

    def topic(self):
        """Return the topic."""
        return "ref"

    def partition(self):
        """Return the partition."""
        return 0

    def offset(self):
        """Return the offset."""
        return self._offset

    def value(self):
        """Return the value."""
        return self._value

    def error(self):
        """Return no error."""


def test_a_partition_gets_what_records_touch_it_has_not_done() -> None:
    """Judged by the positions committed with its offsets."""
    reader = ReferenceReader({}, "job", ["ref"], lambda message: [Point("t", message.value())])
    touched = [Touched(("ref", 0), 3, Point("t", b"a")), Touched(("ref", 0), 7, Point("t", b"b"))]
    assert reader.take([Message(3, b"a"), Message(7, b"b")]) == touched
    assert reader.positions() == {"ref": (8,)}
    assert reader.positions({("ref", 0): 7}) == {"ref": (7,)}
    assert reader.since({"ref": (4,)}) == touched[1:]
    assert reader.since({"ref": (8,)}) == []
    assert len(reader.since({})) == 2


def test_no_more_reference_records_are_read_than_the_loop_takes_in() -> None:
    """What waits for a busy loop stays with the broker; and a loop that ends meanwhile does not wait for the thread, nor that for it."""
    read = 0

    def poll() -> list[Any]:
        nonlocal read
        read += 1
        return [Message(read, b"a")]

    async def run() -> None:
        reader = ReferenceReader({}, "job", ["ref"], lambda message: [Point("t", message.value())])
        reader._poll = poll  # type: ignore[method-assign]
        taken = asyncio.Event()
        reader.follow(asyncio.get_running_loop(), lambda _: taken.set(), lambda exc: pytest.fail(str(exc)))
        time.sleep(0.3)  # noqa: ASYNC251 - the loop is busy
        assert read == 1
        await taken.wait()
        time.sleep(0.3)  # noqa: ASYNC251
        assert len(reader.since({})) <= read <= len(reader.since({})) + 1
        began = time.monotonic()
        reader.stop()
        assert time.monotonic() - began < 1.0
        assert reader._thread is not None
        assert not reader._thread.is_alive()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_busy_without_progress_is_a_stall_and_idle_is_not() -> None:
    """Only work can stall."""
    watchdog = Watchdog(stall_s=5.0)

    def pass_seconds(seconds: float) -> None:
        watchdog._last -= seconds
        watchdog.look()

    for _ in range(3):
        watchdog.check("idle", 1, busy=False)
        watchdog.check("busy", 1, busy=True)
        pass_seconds(2.0)
    watchdog.check("idle", 1, busy=False)
    with pytest.raises(Stalled, match="busy: no progress for 6 s"):
        watchdog.check("busy", 1, busy=True)


def test_time_asleep_is_not_a_stall() -> None:
    """A process that was stopped and woken gets its time again."""
    watchdog = Watchdog(stall_s=5.0)
    watchdog.check("busy", 1, busy=True)
    watchdog._last -= 600
    watchdog.look()
    watchdog.check("busy", 1, busy=True)


def test_one_set_of_connection_properties_serves_both_clients() -> None:
    """Names of librdkafka in, aiokafka's arguments out."""
    assert aiokafka_auth({"bootstrap.servers": "x"}) == {"security_protocol": "PLAINTEXT"}
    auth = aiokafka_auth({"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": "p"})
    assert auth.pop("ssl_context").check_hostname
    assert auth == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }


@pytest.mark.parametrize("wrong", [{"security.protocol": "x"}, {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}])
def test_a_protocol_a_worker_cannot_do_is_a_setting_to_mend(wrong: dict[str, str]) -> None:
    """Said at start, not by a client in the middle of things."""
    with pytest.raises(ConfigurationError):
        aiokafka_auth(wrong)


def test_unequal_partition_counts_are_named() -> None:
    """Faust would say that it is ready, and do nothing."""
    with pytest.raises(TopologyError, match="a 3, b 4"):
        check_counts({"a": 3, "b": 4})
    check_counts({"a": 3, "b": 3})


class Forgetful:
    """Brokers that come to know the topics ``in``, ``log`` and ``out`` one after the other; each question may go to another."""

    def __init__(self, *knowing: tuple[str, ...]) -> None:
        self._knowing, self.asked = knowing, 0

    def list_topics(self, timeout: float) -> Any:
        """Return what the one asked knows."""
        del timeout
        self.asked += 1
        return SimpleNamespace(topics={name: SimpleNamespace(partitions={0: None}, error=None) for name in self._known()})

    def describe_topics(self, topics: Any, request_timeout: float) -> Any:
        """Answer for each, or not."""
        del request_timeout
        return {name: SimpleNamespace(result=partial(self._id, name)) for name in topics.topic_names}

    def _id(self, name: str, _timeout_s: float) -> Any:
        if f"{name} described" not in self._known():
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        return SimpleNamespace(topic_id=f"id of {name}")

    def _known(self) -> tuple[str, ...]:
        return self._knowing[min(self.asked, len(self._knowing)) - 1]


@pytest.mark.parametrize("comes", [True, False])
def test_topics_that_are_not_seen_are_asked_for_again_and_then_told(monkeypatch: pytest.MonkeyPatch, comes: bool) -> None:
    """A broker that has just started does not know them; what mends itself is no mistake of the settings, which nobody starts again."""
    last = ("in", "log", "out", "log described") if comes else ("in", "out")
    broker = Forgetful((), ("in", "log", "out"), last)
    monkeypatch.setattr(topology, "AdminClient", lambda _: broker)
    monkeypatch.setattr(topology, "_AGAIN_S", 0.01)
    job: Any = SimpleNamespace(inputs=("in",), tables={"t": "log"}, outputs=("out",))
    if comes:
        assert asyncio.run(check_topology({}, job, 1, 5.0)) == {"log": "id of log"}
        assert broker.asked == 3
    else:
        with pytest.raises(DependencyError, match=r"may not be seen: log\W"):
            asyncio.run(check_topology({}, job, 1, 0.2))
        assert broker.asked > 3


def test_topics_that_all_grew_are_not_what_the_state_was_made_with() -> None:
    """Alike among themselves, and yet a case's next record would come to another partition than its state."""
    with pytest.raises(TopologyError, match=r"a 4, b 4.*guidang replay"):
        check_counts({"a": 4, "b": 4}, 3)
    check_counts({"a": 3, "b": 3}, 3)


@pytest.mark.parametrize(
    ("places", "error"),
    [
        ({("p-left", 0), ("p-left", 1)}, DependencyError),  # its leader does not see the other topic
        ({("p-left", 0), ("p-right", 1)}, EngineError),  # a partition's state would be in two places
    ],
)
def test_an_assignment_that_is_not_the_same_for_all_inputs_is_refused(tmp_path: Path, places: set[Place], error: type[Exception]) -> None:
    """And the topic that is not there is named."""
    engine = make_engine(
        WorkerConfig(bootstrap="127.0.0.1:1", prefix="p", worker="w", data_dir=str(tmp_path), report=str(tmp_path / "report"))
    )
    with pytest.raises(error, match="right"):
        engine.assigned(frozenset(places))
