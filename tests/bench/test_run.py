"""Contenders on a real broker, small: what they write is right, and what goes wrong is told."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from ops.bench import topics
from ops.bench.contender import Contender, Place, Reduced
from ops.bench.contenders import contenders
from ops.bench.dataset import DataSet
from ops.bench.peers import java as java_peers
from ops.bench.run import Arena, Record, Run, go_through, provide, warm_up
from ops.ports import LOOPBACK, free_port
from streams.errors import DependencyError
from tests.conftest import Kafka

CASES = 3_000


@pytest.fixture
def data(kafka: Kafka, topic_prefix: str) -> DataSet:
    """A small one, on the broker."""
    made = DataSet(f"{topic_prefix}bench", CASES, 4)
    made.publish(kafka.bootstrap)
    return made


@pytest.fixture
def arena(kafka: Kafka, data: DataSet, tmp_path: Path) -> Arena:
    """With a minute for each."""
    return Arena(kafka.broker, data, tmp_path, 60)


@pytest.mark.kafka
def test_our_engine_and_the_plain_loop_are_right_in_turn_and_leave_nothing(kafka: Kafka, data: DataSet, arena: Arena) -> None:
    """A B, and B A: every verdict of every run, counted and weighed; then the broker has the inputs alone."""
    records = provide([each for each in contenders([1], 0) if each.name in {"guidang-1", "loop"}])
    order: list[tuple[int, str]] = []
    go_through(arena.run, records, 2, lambda number, record, _run: order.append((number, record.contender.name)))
    assert order == [(1, "guidang-1"), (1, "loop"), (2, "loop"), (2, "guidang-1")]
    for record in records:
        assert record.faults == []
        assert [run.outputs for run in record.runs] == [data.verdicts] * 2
        assert all(run.complete and run.peak_rss_bytes and run.written_records >= run.outputs for run in record.runs)
    assert all(run.written_records > data.records + 2 * 2 * data.partitions for run in records[0].runs)  # states, commits, transactions
    left = [name for name in AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics if data.name in name]
    assert sorted(left) == sorted(data.topics)


@pytest.mark.kafka
def test_a_contender_that_ends_is_told_with_its_last_words_and_the_others_go_on(arena: Arena) -> None:
    """Its failure is in the table, not the end of the bench."""
    broken = Reduced("broken", "", "none", lambda _place, _worker: [sys.executable, "-c", "raise SystemExit('out of tea')"])
    records = provide([broken, next(each for each in contenders([1], 0) if each.name == "loop")])
    go_through(arena.run, records, 1)
    assert "out of tea" in records[0].failures[0]
    assert records[1].faults == []
    assert records[1].runs


def test_whatever_goes_wrong_with_a_run_is_told_and_the_others_go_on() -> None:
    """Also what nobody thought of; a round that is there already is not measured again."""
    there = Run(1, None, 1, 1, 1, (), 1, 1, 1, 1)
    one, other = (Reduced(name, "", "none", lambda _place, _worker: []) for name in ("one", "other"))
    records: list[Record[Reduced, Run]] = [Record(one), Record(other, runs=[there])]

    def measure(contender: Reduced, number: int) -> Run:
        if contender is one:
            raise KeyError("delay")
        return replace(there, round=number)

    go_through(measure, records, 2)
    assert records[0].failures == ["KeyError: 'delay'"] * 2
    assert [run.round for run in records[1].runs] == [1, 2]


def test_the_broker_warms_up_with_the_first_that_can_run() -> None:
    """And nothing of it is kept."""
    records = [Record(Reduced(name, "", "none", lambda _place, _worker: [])) for name in ("skipped", "first", "second")]
    records[0].skipped = "no Java"
    ran: list[str] = []
    warm_up(lambda contender, _number: ran.append(contender.name), records)  # type: ignore[arg-type, func-returns-value]
    assert ran == ["first"]
    assert not any(record.runs for record in records)


def test_topics_that_stay_are_told_and_do_not_undo_a_run(caplog: pytest.LogCaptureFixture) -> None:
    """What was measured is worth more than a tidy broker; this one has gone."""
    topics.tidy(f"{LOOPBACK}:{free_port()}", "run", seconds=1.0)
    assert "cannot be deleted" in caplog.text


@pytest.mark.kafka
def test_a_contender_that_writes_nothing_is_wrong_however_fast_it_reads(arena: Arena) -> None:
    """It commits the ends of its input at once."""
    code = (
        "import sys, time; from confluent_kafka import Consumer, TopicPartition as P; b, g, *topics = sys.argv[1:];"
        "c = Consumer({'bootstrap.servers': b, 'group.id': g});"
        "places = [P(t, n, c.get_watermark_offsets(P(t, n))[1]) for t in topics for n in range(4)];"
        "c.commit(offsets=places, asynchronous=False); time.sleep(60)"
    )

    def command(place: Place, _worker: str) -> list[str]:
        return [sys.executable, "-c", code, place.bootstrap, place.run, *place.data.topics]

    run = arena.run(Reduced("idle", "", "at-least-once", command), 1)
    assert run.complete
    assert any("missing" in fault for fault in run.faults)


def test_a_peer_without_its_package_is_skipped_and_says_what_would_help(tmp_path: Path) -> None:
    """Here its Python is none."""
    (record,) = provide([each for each in contenders([1], 0, str(tmp_path / "python")) if each.name == "quix"])
    assert "quixstreams" in record.skipped
    assert "--peers-python" in record.skipped


def test_a_peer_in_java_without_maven_is_skipped_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an empty cache and an empty search path."""
    monkeypatch.setenv("GUIDANG_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyError, match="Maven"):
        java_peers.JavaPeer("flink", "FlinkPeer").provide()
    found: list[Record[Contender, Run]] = provide([each for each in contenders([1], 0) if each.name.startswith(("ks", "flink"))])
    assert len(found) == 16
    assert all("Maven" in record.skipped for record in found)
