"""The sink on a real broker and the real engine: every figure once, whatever dies and whatever comes twice."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.clickhouse import Client, connect
from consumers.coverage import names_of
from consumers.items import item_row
from consumers.migrate import migrate
from consumers.origins import origins, table_ids
from consumers.rows import NOT_STORED, TABLES, version_of
from consumers.score import score_rows
from consumers.sink import Sink
from ops.caught_up import Observer, behind_sink
from ops.kafka import LocalBroker
from ops.ports import free_port
from ops.topics import ensure_topics
from streams.access import admin_client
from streams.contracts import (
    ANOMALY_MISCONFIGURED,
    ANOMALY_UNARCHIVED,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    ITEM_STATE,
    UNIT_REGISTRY,
    topic_contract,
)
from streams.domain.time import FIRST_DAY, LAST_DAY
from streams.errors import NotAllowed
from streams.rights import group_of_sink
from streams.settings import ClickHouseSettings, Settings
from tests.consumers.conftest import StoreProcess, eventually
from tests.consumers.outputs import T0, Outputs, bucket, case_state, figures, lag, start_sink, store_rows, sunk

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

TABLES_ARE_OTHERS = "a table was lost, made again or set back"
DIE_BEFORE_COMMIT = """
import os, signal
class Dying(Sink):
    def commit(self):
        if self.inserted and any(self.inserted.values()): os.kill(os.getpid(), signal.SIGKILL)
"""
COMMIT_FIRST = """
import os, signal
class CommitFirst(Sink):
    def insert(self, *, patient=True):
        if self.batch.rows:
            self.inserted.update(self.batch.positions); self.commit()
            os.kill(os.getpid(), signal.SIGKILL)
        super().insert(patient=patient)
"""
COMMIT_WHEN_TOLD = """
import time
class Waiting(Sink):
    def commit(self):
        if self.inserted and any(self.inserted.values()):
            run = self.settings.home / "run"
            (run / "inserted").touch()
            while not (run / "commit").exists(): time.sleep(0.01)
        super().commit()
"""

STANDS_STILL = """
import consumers.sink, time
consumers.sink._STUCK_SECONDS = 2.0
class Standing(Sink):
    def _step(self):
        time.sleep(600)
"""

ONLY_BEGINS = """
class Beginning(Sink):
    def _step(self):
        self._read(1)
"""

HEARS_NOTHING = """
import consumers.sink
consumers.sink._NOTHING_READ_SECONDS = 2.0
class Deaf(Sink):
    def _begin(self, consumer, partitions):
        super()._begin(consumer, partitions)
        consumer.pause(partitions)
"""

HEARS_ALL_BUT_ONE = HEARS_NOTHING.replace("pause(partitions)", "pause([at for at in partitions if at.partition == 1])")

IS_SLOW = """
import consumers.sink, time
consumers.sink._NOTHING_READ_SECONDS, consumers.sink._CHECK_SECONDS = 2.0, 0.2
consumers.sink.MOST_ROWS, consumers.sink._CHUNK = 100, 50
class Slow(Sink):
    def insert(self, *, patient=True):
        if self.batch.rows: time.sleep(1.5)
        super().insert(patient=patient)
"""

INSERTS_SLOWLY = """
import consumers.inserting, consumers.sink, time
consumers.sink._STUCK_SECONDS, consumers.sink._INSERT_SECONDS = 3.0, 1.0
insert_rows = consumers.inserting.insert_rows
def slowly(*given):
    time.sleep(3.2)
    insert_rows(*given)
consumers.inserting.insert_rows = slowly
class Slow(Sink):
    def commit(self):
        if self.inserted: time.sleep(1.5)
        super().commit()
"""


@contextlib.contextmanager
def sinking(settings: Settings, body: str = "", cls: str = "Sink") -> Iterator[subprocess.Popen[str]]:
    """A sink that runs for a while, and then ends in order unless it has already ended. What it said is shown if the test fails."""
    process = start_sink(settings, body, cls)
    try:
        yield process
    except BaseException:
        process.terminate()
        with contextlib.suppress(ValueError, subprocess.TimeoutExpired):  # the test has read it already
            print(process.communicate(timeout=30)[1])
        raise
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()  # one that does not end in time fails the test, and does not outlive it


def write_some(outputs: Outputs, cases: int = 400) -> None:
    """Cases, some of them twice with another status; buckets rewritten; a dead letter."""
    half = cases // 2
    outputs.write(CASE_STATE, [case_state(number, status="AWAITING") for number in range(cases)])
    outputs.write(CASE_STATE, [case_state(number) for number in range(half)])
    outputs.write(CASE_STATE, [case_state(number) for number in range(cases, cases + half)], partition=1)
    outputs.write(COVERAGE_PARTIAL, [bucket(f"U{unit}", hour, archived=unit) for unit in range(5) for hour in range(20)])
    outputs.write(COVERAGE_PARTIAL, [bucket("U1", 3, archived=100, excluded={"VOIDED": 2})])
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    told = {"anomaly_id": "A1", "kind": "UNARCHIVED", "subject": "case-000001", **place}
    outputs.write(ANOMALY_UNARCHIVED, [{**told, "state": "OPENED"}, {**told, "state": "RESOLVED", "resolution": "ARCHIVED_LATE"}])
    origin = {
        "topic": b"case-closed",
        "partition": b"3",
        "offset": b"17",
        "reason": b"NOT_FRAMED",
        "detail": b"x",
        "timestamp": b"1545000000000",
    }
    outputs.write_raw(DEAD_LETTER, b"\xff" * 9, [(f"guidang-{name}", value) for name, value in origin.items()])


def test_every_field_has_a_column(client: Client) -> None:
    """What a schema gains is either stored or left out on purpose; a title is in neither."""
    for table in TABLES:
        columns = client.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {t:String}", {"t": table.name}
        )
        assert set(columns.result_columns[0]) == set(table.columns)
        for schema in topic_contract(table.topic).versions.values():
            fields = {field["name"] for field in schema["fields"]}
            if table.topic == ITEM_STATE:
                fields = item_row({**dict.fromkeys(fields), "schedule": None, "config": None, "unregistered_in": []}).keys()
            assert fields - NOT_STORED <= {column.split(".")[0] for column in table.columns}
            assert "title" not in fields


def test_figures_are_the_last_word_on_each_key(sink_settings: Settings) -> None:
    """Committed offsets reach the ends, markers and aborted transactions included; tables hold the last committed record of each key."""
    outputs = Outputs(sink_settings)
    write_some(outputs)
    outputs.write(CASE_STATE, [case_state(0, status="UNARCHIVED")], commit=False)
    with sinking(sink_settings):
        sunk(sink_settings)
        assert (sink_settings.home / "run" / "sink.ready").exists()
    found = figures(sink_settings)
    client = connect(sink_settings)
    by_status = client.query("SELECT status, count() FROM case_state FINAL GROUP BY status ORDER BY status").result_rows
    assert by_status == [("ARCHIVED", 400), ("AWAITING", 200)]
    assert client.query("SELECT sum(archived), sumMap(excluded) FROM coverage_partial FINAL").first_row == (
        20 * 10 - 1 + 100,
        {"VOIDED": 2},
    )
    assert client.query("SELECT state, resolution FROM anomaly FINAL").result_rows == [("RESOLVED", "ARCHIVED_LATE")]
    letter = client.query("SELECT source_topic, source_partition, source_offset, reason, value_bytes FROM dead_letter").result_rows
    assert letter == [("case-closed", 3, 17, "NOT_FRAMED", 9)]
    assert client.query("SELECT version FROM case_state FINAL WHERE case_no = 'case-000399'").first_row == (version_of(1, 399),)
    assert len(found["case_state"]) == 600
    assert not (sink_settings.home / "run" / "sink.ready").exists()


def test_a_replay_from_the_beginning_changes_no_figure(sink_settings: Settings) -> None:
    """Everything once more, on top of what is there, by a group that has committed nothing."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings):
        sunk(sink_settings)
    before = figures(sink_settings)
    forgetful = sink_settings.model_copy(update={"application": sink_settings.application + "-again"})
    with sinking(forgetful):
        sunk(forgetful)
    assert figures(sink_settings) == before


def test_killed_between_insert_and_commit(sink_settings: Settings) -> None:
    """What was inserted and not committed is inserted again: nothing is doubled."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings, DIE_BEFORE_COMMIT, "Dying") as dying:
        assert dying.wait(60) == -9
    inserted = connect(sink_settings).query("SELECT count() FROM case_state FINAL").first_row[0]
    assert inserted == 600
    with sinking(sink_settings):
        sunk(sink_settings)
    found = figures(sink_settings)
    assert len(found["case_state"]) == 600
    assert connect(sink_settings).query("SELECT sum(archived) FROM coverage_partial FINAL").first_row == (299,)


def test_a_sink_that_commits_first_is_caught(sink_settings: Settings) -> None:
    """The same check on a wrong order: after a kill, rows are missing though the group says that all was sunk."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings, COMMIT_FIRST, "CommitFirst") as dying:
        assert dying.wait(60) == -9
    with sinking(sink_settings):
        sunk(sink_settings)
    assert len(figures(sink_settings)["case_state"]) < 600


def test_a_lower_version_never_wins(database_settings: Settings) -> None:
    """Whatever the order in which rows are inserted, and however parts are merged."""
    client = connect(database_settings)
    record = {n: case_state(1, reason=f"r{n}") for n in range(4)}
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)):
        client.command("TRUNCATE TABLE case_state")
        for number in order:
            store_rows(client, CASE_STATE, [record[number]], [number])
        store_rows(client, CASE_STATE, [record[n] for n in order], order)
        assert client.query("SELECT reason FROM case_state FINAL").result_rows == [("r3",)]
        client.command("OPTIMIZE TABLE case_state FINAL")
        assert client.query("SELECT reason FROM case_state").result_rows == [("r3",)]


def test_the_store_killed_in_the_middle(sink_settings: Settings, own_store: StoreProcess) -> None:
    """The sink stays, waits, and goes on; nothing is lost, nothing doubled."""
    own = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url=own_store.url, database="guidang")})
    outputs = Outputs(own)
    outputs.write(CASE_STATE, [case_state(number) for number in range(100)])
    with sinking(own) as process:
        sunk(own)
        for turn in range(1, 4):
            outputs.write(CASE_STATE, [case_state(number) for number in range(turn * 3_000, turn * 3_000 + 3_000)])
            time.sleep(0.3)
            own_store.kill()
            outputs.write(COVERAGE_PARTIAL, [bucket("U1", turn, archived=turn)])
            time.sleep(1)
            assert process.poll() is None
            own_store.start()
            sunk(own)
        assert process.poll() is None
    assert connect(own).query("SELECT count() FROM case_state FINAL").first_row == (9_100,)
    assert connect(own).query("SELECT sum(archived), count() FROM coverage_partial FINAL").first_row == (6, 3)


def test_a_lost_database_is_filled_again(sink_settings: Settings) -> None:
    """Offsets committed for tables that are gone do not count: for nobody who asks, and everything is read from the beginning."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings):
        sunk(sink_settings)
    before, observer = figures(sink_settings), Observer(sink_settings)
    assert behind_sink(observer.ends(), observer.sunk()) == []
    connect(sink_settings, database="default").command(f"DROP DATABASE {sink_settings.clickhouse.database} SYNC")
    assert set(observer.sunk().values()) == {0}
    migrate(sink_settings)
    assert set(observer.sunk().values()) == {0}
    with sinking(sink_settings, ONLY_BEGINS, "Beginning"):
        eventually((sink_settings.home / "run" / "sink.ready").exists)
        assert lag(sink_settings) == sum(observer.ends()[place] for place in observer.sunk())
    with sinking(sink_settings):
        eventually((sink_settings.home / "run" / "sink.ready").exists)
        sunk(sink_settings)
    assert figures(sink_settings) == before


def test_a_database_that_is_lost_under_a_sink_with_nothing_to_do_is_filled_again(sink_settings: Settings) -> None:
    """Whoever made the tables again: the sink that fills them ends, and the next one begins at the beginning."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings) as process:
        sunk(sink_settings)
        before = figures(sink_settings)
        connect(sink_settings, database="default").command(f"DROP DATABASE {sink_settings.clickhouse.database} SYNC")
        migrate(sink_settings)
        told = process.communicate(timeout=30)[1]
    assert (process.returncode, TABLES_ARE_OTHERS in told) == (1, True)
    with sinking(sink_settings):
        sunk_anew(sink_settings)
    assert figures(sink_settings) == before


def test_a_sink_whose_database_is_gone_ends_though_nothing_is_to_be_written(sink_settings: Settings) -> None:
    """Nobody else makes it again: the next start does, and fills it."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings) as process:
        sunk(sink_settings)
        connect(sink_settings, database="default").command(f"DROP DATABASE {sink_settings.clickhouse.database} SYNC")
        assert process.wait(30) == 1


def test_a_server_that_comes_back_with_other_tables_is_filled_again(sink_settings: Settings, own_store: StoreProcess) -> None:
    """Restored while the sink waits for it: what is inserted then does not pass for all that there is."""
    own = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url=own_store.url, database="restored")})
    outputs = Outputs(own)
    write_some(outputs)
    with sinking(own) as process:
        sunk(own)
        own_store.kill()
        outputs.write(CASE_STATE, [case_state(number) for number in range(600, 700)])
        time.sleep(2)  # it has read them, and waits for the server
        process.send_signal(signal.SIGSTOP)
        shutil.rmtree(own_store.home)
        own_store.start()
        migrate(own)
        process.send_signal(signal.SIGCONT)
        told = process.communicate(timeout=30)[1]
    assert (process.returncode, TABLES_ARE_OTHERS in told) == (1, True)
    with sinking(own):
        sunk_anew(own)
    assert connect(own).query("SELECT count() FROM case_state FINAL").first_row == (700,)


def keep(store: StoreProcess, snapshot: Path) -> None:
    """Copy the directory of a store whose process was killed, as a snapshot of its disk is."""
    store.kill()
    shutil.copytree(store.home, snapshot, symlinks=True)
    store.start()


def set_back(store: StoreProcess, snapshot: Path) -> None:
    """Have the directory be as it was: the same tables, with the same UUIDs."""
    store.kill()
    shutil.rmtree(store.home)
    shutil.copytree(snapshot, store.home, symlinks=True)
    store.start()


def test_a_database_that_is_set_back_to_a_snapshot_is_filled_again(
    sink_settings: Settings, own_store: StoreProcess, tmp_path: Path
) -> None:
    """Also of the partition that is not the longest; and nobody is told meanwhile that all is in the tables."""
    own = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url=own_store.url, database="set_back")})
    outputs = Outputs(own)
    write_some(outputs)
    with sinking(own):
        sunk(own)
    keep(own_store, tmp_path / "snapshot")
    outputs.write(CASE_STATE, [case_state(number) for number in range(600, 610)], partition=1)
    with sinking(own):
        sunk(own)
    before, ids, ends = figures(own), table_ids(own, connect(own)), Observer(own).ends()
    assert behind_sink(ends, Observer(own).sunk()) == []
    set_back(own_store, tmp_path / "snapshot")
    assert table_ids(own, connect(own)) == ids
    place = (own.topic(CASE_STATE), 1)
    assert behind_sink(ends, Observer(own).sunk()) == [f"{place[0]}/1: sink 0 / {ends[place]}"]
    with sinking(own):
        sunk_anew(own)
    assert figures(own) == before


@pytest.mark.parametrize("looks", [True, False])
def test_a_database_that_is_set_back_under_a_sink_is_filled_again(
    sink_settings: Settings, own_store: StoreProcess, tmp_path: Path, looks: bool
) -> None:
    """By one that has nothing to do as by one that inserts before it has looked: what it inserts does not pass for all that there is."""
    own = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url=own_store.url, database="set_back")})
    outputs = Outputs(own)
    write_some(outputs)
    with sinking(own, "" if looks else "import consumers.sink; consumers.sink._CHECK_SECONDS = 1e9") as process:
        sunk(own)
        keep(own_store, tmp_path / "snapshot")
        outputs.write(CASE_STATE, [case_state(number) for number in range(600, 700)])
        sunk(own)
        set_back(own_store, tmp_path / "snapshot")
        if not looks:
            outputs.write(CASE_STATE, [case_state(number) for number in range(700, 800)])
        told = process.communicate(timeout=30)[1]
    assert (process.returncode, TABLES_ARE_OTHERS in told) == (1, True)
    with sinking(own):
        sunk_anew(own)
    assert connect(own).query("SELECT count() FROM case_state FINAL").first_row == (700 if looks else 800,)


def test_a_table_that_somebody_emptied_is_filled_again_once_the_positions_are_emptied_too(sink_settings: Settings) -> None:
    """The way out where rows of one table alone are gone, which nothing tells; figures that are there stay there meanwhile."""
    write_some(Outputs(sink_settings))
    with sinking(sink_settings) as process:
        sunk(sink_settings)
        before, client = figures(sink_settings), connect(sink_settings)
        client.command("TRUNCATE TABLE case_state")
        client.command("TRUNCATE TABLE sink_position")
        assert process.wait(30) == 1
    with sinking(sink_settings):
        sunk_anew(sink_settings)
    assert figures(sink_settings) == before


def sunk_anew(settings: Settings) -> None:
    """Wait until everything is committed for the tables there are now: what was committed for others stands until then."""
    observer = Observer(settings)
    eventually(lambda: behind_sink(observer.ends(), observer.sunk()) == [])


def test_rows_of_a_future_that_kafka_has_lost_are_not_gone_on_with(sink_settings: Settings) -> None:
    """A backup of Kafka was restored and ClickHouse was not: the row would win over all that comes, and be counted for ever."""
    outputs = Outputs(sink_settings)
    write_some(outputs)
    with sinking(sink_settings):
        sunk(sink_settings)
    before, client = figures(sink_settings), connect(sink_settings)
    store_rows(client, CASE_STATE, [case_state(7, status="UNARCHIVED")], [version_of(1, 100_000)])
    with sinking(sink_settings) as process:
        told = process.communicate(timeout=30)[1]
    assert all(word in told for word in ("ConfigurationError", "case_state", "DROP DATABASE")), told
    connect(sink_settings, database="default").command(f"DROP DATABASE {sink_settings.clickhouse.database} SYNC")
    with sinking(sink_settings):
        sunk_anew(sink_settings)
    assert figures(sink_settings) == before


def test_a_partition_that_lost_its_end_is_not_gone_on_with_though_another_is_longer(sink_settings: Settings) -> None:
    """A power cut takes the end of one: versions say nothing of it, and what was put in of this partition does."""
    outputs = Outputs(sink_settings)
    write_some(outputs)
    with sinking(sink_settings):
        sunk(sink_settings)
    client, topic = connect(sink_settings), sink_settings.topic(CASE_STATE)
    ends = {partition: end for (name, partition), end in Observer(sink_settings).ends().items() if name == topic and end}
    shortest = min(ends, key=lambda partition: ends[partition])
    assert ends[shortest] + 1 < max(ends.values())
    mark = origins(sink_settings, admin_client(sink_settings), client)[topic].mark
    client.insert("sink_position", [[mark, shortest, ends[shortest] + 1]], ["mark", "partition", "version"])
    with sinking(sink_settings) as process:
        told = process.communicate(timeout=30)[1]
    assert all(word in told for word in ("ConfigurationError", "case_state", "DROP DATABASE")), told


def test_a_lost_database_has_again_what_is_open_though_its_telling_is_gone(sink_settings: Settings) -> None:
    """Told once and kept for 400 days: what is open by the states is open again, and nothing else; whatever is told wins over it."""
    outputs = Outputs(sink_settings)
    item = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000", "item_type": "许可"}
    unconfigured = {"anomaly_id": "A-item", "kind": "NOT_CONFIGURED", "waived": False}
    overdue = [{"anomaly_id": f"A-{number}", "kind": "UNARCHIVED", "since": T0, "waived": number == 2} for number in range(3)]
    cases = [case_state(number, status="UNARCHIVED", findings=[finding]) for number, finding in enumerate(overdue)]
    copied = ("unit_code", "unit_name", "item_code", "main_item_code", "item_type", "closed_at", "due_at", "received_at")
    told = [
        {**{name: case[name] for name in copied}, **finding, "subject": case["case_no"], "state": "OPENED"}
        for case, finding in zip(cases, overdue, strict=True)
    ]
    outputs.write(ITEM_STATE, [{**item, "registered": True, "findings": [unconfigured]}])
    outputs.write(ANOMALY_MISCONFIGURED, [{**unconfigured, "subject": "U1|许可-00001-000", "state": "OPENED", **item}])
    outputs.write(CASE_STATE, [*cases, case_state(0)])
    outputs.write(ANOMALY_UNARCHIVED, [*told, {**told[0], "state": "RESOLVED"}])
    with sinking(sink_settings):
        sunk(sink_settings)
    before = open_findings(sink_settings)
    assert len(before) == 3
    cut(sink_settings, ANOMALY_UNARCHIVED, ANOMALY_MISCONFIGURED)
    outputs.write(ANOMALY_UNARCHIVED, [{**told[1], "state": "RESOLVED"}])
    connect(sink_settings, database="default").command(f"DROP DATABASE {sink_settings.clickhouse.database} SYNC")
    with sinking(sink_settings):
        eventually((sink_settings.home / "run" / "sink.ready").exists)
        sunk(sink_settings)
    assert open_findings(sink_settings) == [row for row in before if row[0] != "A-1"]
    assert [row["unconfigured"] for row in score_rows(connect(sink_settings), year=2018, by="unit", now_ms=T0) if row["scope"] == "U1"] == [
        1
    ]


def open_findings(settings: Settings) -> list[tuple[object, ...]]:
    """What is open, with all that is said of it but where that was said."""
    sql = "SELECT * EXCEPT version FROM anomaly FINAL WHERE state = 'OPENED' ORDER BY anomaly_id"
    return [tuple(row) for row in connect(settings).query(sql).result_rows]


def cut(settings: Settings, *topics: str) -> None:
    """Take all records away, as retention does."""
    places = [TopicPartition(settings.topic(topic), partition, OFFSET_END) for topic in topics for partition in range(2)]
    admin = AdminClient(settings.kafka_client())
    for deleted in admin.delete_records(places).values():
        deleted.result(30)


def test_units_are_called_as_their_registry_has_them_and_what_workers_leave_out_stops_nothing(sink_settings: Settings) -> None:
    """Others write that topic, and may write anything; a validity since ever begins in the year 1."""
    outputs = Outputs(sink_settings)
    row = {"event_id": "u1", "unit_code": "U1", "unit_name": "旧名", "district_code": "330199", "district_name": "高新区"}
    outputs.write(UNIT_REGISTRY, [row, {**row, "event_id": "u2", "unit_name": "新名", "valid_from": FIRST_DAY}, {**row, "event_id": ""}])
    outputs.write_raw(UNIT_REGISTRY, b"{}")
    outputs.write(UNIT_REGISTRY, [{**row, "event_id": "u3", "unit_code": "U2", "unit_name": "另一单位", "valid_to": LAST_DAY}])
    with sinking(sink_settings) as process:
        sunk(sink_settings)
        assert process.poll() is None
    client = connect(sink_settings)
    assert names_of(client, "unit", T0) == {"U1": "新名", "U2": "另一单位"}
    assert names_of(client, "district", T0)["330199"] == "高新区"


def test_a_topic_made_again_wins_over_its_former_life(sink_settings: Settings) -> None:
    """Lower offsets of a later life stand above higher ones of the earlier; a running sink notices."""
    outputs = Outputs(sink_settings)
    outputs.write(CASE_STATE, [case_state(1, reason="old") for _ in range(50)])
    with sinking(sink_settings) as process:
        sunk(sink_settings)
        topic = sink_settings.topic(CASE_STATE)
        admin = AdminClient(sink_settings.kafka_client())
        admin.delete_topics([topic])[topic].result()
        eventually(lambda: topic in _remade(sink_settings))
        assert process.wait(30) == 1
    outputs.write(CASE_STATE, [case_state(1, reason="new")])
    with sinking(sink_settings):
        eventually((sink_settings.home / "run" / "sink.ready").exists)
        sunk(sink_settings)
    assert connect(sink_settings).query("SELECT reason, version FROM case_state FINAL").result_rows == [("new", version_of(2, 0))]


def _remade(settings: Settings) -> tuple[str, ...]:
    time.sleep(0.3)
    return ensure_topics(settings).created


def test_a_database_that_topics_of_another_prefix_have_filled_is_refused(sink_settings: Settings) -> None:
    """As after a change of the number of partitions: rows of both would be of a first life, and the higher offset would win for ever."""
    ensure_topics(sink_settings)
    write_some(Outputs(sink_settings))
    with sinking(sink_settings):
        sunk(sink_settings)
    before = figures(sink_settings)
    kafka = sink_settings.kafka.model_copy(update={"topic_prefix": f"{sink_settings.kafka.topic_prefix}more-", "partitions": 3})
    moved = sink_settings.model_copy(update={"kafka": kafka, "application": f"{sink_settings.application}-more"})
    ensure_topics(moved)
    with sinking(moved) as sink:
        assert sink.wait(30) != 0
        assert "clickhouse.database" in sink.communicate()[1]
    assert figures(sink_settings) == before
    own = sink_settings.clickhouse.model_copy(update={"database": f"{sink_settings.clickhouse.database}more"})
    moved = moved.model_copy(update={"clickhouse": own})
    write_some(Outputs(moved), cases=100)
    try:
        with sinking(moved):
            sunk(moved)
        assert len(figures(moved)["case_state"]) == 150
        assert figures(sink_settings) == before
    finally:
        connect(sink_settings).command(f"DROP DATABASE {own.database} SYNC")


def test_an_unreadable_output_stops_it(sink_settings: Settings) -> None:
    """It would leave a figure wrong: the sink ends, says where, and commits nothing behind it."""
    outputs = Outputs(sink_settings)
    outputs.write(CASE_STATE, [case_state(1)])
    outputs.write_raw(CASE_STATE, b"{}")
    with sinking(sink_settings) as process:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1
    assert f"{sink_settings.topic(CASE_STATE)}[0] @2" in said
    assert "NOT_FRAMED" in said
    consumer = Consumer(sink_settings.kafka_client(group_id=group_of_sink(sink_settings)))
    at = consumer.committed([TopicPartition(sink_settings.topic(CASE_STATE), 0)], timeout=20)[0].offset
    consumer.close()
    assert at <= 2


def test_two_sinks_share_and_one_takes_over(sink_settings: Settings) -> None:
    """Each partition has one owner; what the one leaves, killed, the other goes on with."""
    outputs = Outputs(sink_settings)
    write_some(outputs)
    migrate(sink_settings)
    with sinking(sink_settings) as one, sinking(sink_settings):
        sunk(sink_settings)
        one.kill()
        outputs.write(CASE_STATE, [case_state(number) for number in range(600, 700)], partition=0)
        outputs.write(CASE_STATE, [case_state(number) for number in range(700, 800)], partition=1)
        sunk(sink_settings)
    assert len(figures(sink_settings)["case_state"]) == 800


def test_absent_dependencies_are_named(tmp_path: Path, sink_settings: Settings) -> None:
    """Neither a missing ClickHouse nor missing topics end in a traceback from a library."""
    nowhere = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url="http://127.0.0.1:1")})
    with sinking(nowhere) as process:
        assert "DependencyError" in process.communicate(timeout=60)[1]
    with sinking(sink_settings) as process:
        assert "guidang up" in process.communicate(timeout=60)[1]
    assert not list(tmp_path.glob("run/*"))


def test_a_login_that_is_refused_ends_the_sink_with_4_and_once_it_is_right_the_sink_runs(sink_settings: Settings, tmp_path: Path) -> None:
    """A password is changed on the server a moment before the file: whoever watches over the sink has to start it again."""
    outputs, password = Outputs(sink_settings), tmp_path / "password"
    outputs.write(CASE_STATE, [case_state(0)])
    password.write_text("another", encoding="utf-8")
    changed = sink_settings.clickhouse.model_copy(update={"password_file": password})
    settings = sink_settings.model_copy(update={"clickhouse": changed})
    with pytest.raises(NotAllowed, match="password_file") as refused:
        Sink(settings)
    assert refused.value.exit_code == 4
    password.write_text("", encoding="utf-8")
    with sinking(settings):
        sunk(settings)


def test_a_sink_whose_loop_stands_still_ends_itself_and_says_where(sink_settings: Settings) -> None:
    """So that it is started anew, wherever it runs."""
    ensure_topics(sink_settings)
    with sinking(sink_settings, STANDS_STILL, "Standing") as process:
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "the loop has not turned for" in told
    assert "in _step" in told


def test_a_sink_that_reads_nothing_though_there_is_something_ends_itself_and_says_what(sink_settings: Settings) -> None:
    """And one that has nothing to read goes on."""
    outputs = Outputs(sink_settings)
    outputs.write(CASE_STATE, [case_state(0)])
    with sinking(sink_settings):
        sunk(sink_settings)
    with sinking(sink_settings, HEARS_NOTHING, "Deaf") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(9)
        outputs.write(CASE_STATE, [case_state(1)], partition=1)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "Stalled" in told
    assert f"{sink_settings.topic(CASE_STATE)}[1]" in told


def test_one_partition_that_does_not_come_ends_the_sink_however_much_comes_of_the_others(sink_settings: Settings) -> None:
    """Each is looked at on its own."""
    outputs = Outputs(sink_settings)
    outputs.write(CASE_STATE, [case_state(0)])
    with sinking(sink_settings):
        sunk(sink_settings)
    with sinking(sink_settings, HEARS_ALL_BUT_ONE, "Deaf") as process:
        outputs.write(CASE_STATE, [case_state(1)], partition=1)
        give_up = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < give_up:
            outputs.write(CASE_STATE, [case_state(2)])
            time.sleep(0.3)
        code = process.poll()  # as long as others come: when nothing does, any look would see it
        told = process.communicate(timeout=10)[1]
    assert (code, "Stalled" in told) == (1, True)
    assert f"1 个分区还有 partitions have more: {sink_settings.topic(CASE_STATE)}[1]" in told


def test_a_sink_that_is_slow_and_gets_on_is_left_alone(sink_settings: Settings) -> None:
    """A partition may wait for longer than one that is stuck, as long as others are being inserted."""
    outputs = Outputs(sink_settings)
    for partition in range(2):
        outputs.write(CASE_STATE, [case_state(number) for number in range(partition * 400, partition * 400 + 400)], partition=partition)
    with sinking(sink_settings, IS_SLOW, "Slow") as process:
        sunk(sink_settings)
        assert process.poll() is None
    assert len(figures(sink_settings)["case_state"]) == 800


def test_a_sink_whose_insert_took_long_is_not_taken_for_one_that_stands_still(sink_settings: Settings) -> None:
    """Neither when the insert is through and what it read is still to be committed, nor for the sum of several inserts of a batch."""
    outputs = Outputs(sink_settings)
    with sinking(sink_settings, INSERTS_SLOWLY, "Slow") as process:
        eventually((sink_settings.home / "run" / "sink.ready").exists)
        outputs.write(CASE_STATE, [case_state(0)])
        outputs.write(COVERAGE_PARTIAL, [bucket("U1", 1, archived=1)])
        sunk(sink_settings)
        assert process.poll() is None


def test_a_rebalance_while_the_store_is_away_leaves_nothing_unread(sink_settings: Settings, own_store: StoreProcess) -> None:
    """Reading is paused then, and what is paused stays so through any number of owners."""
    own = sink_settings.model_copy(update={"clickhouse": ClickHouseSettings(url=own_store.url, database="rebalanced")})
    outputs = Outputs(own)
    outputs.write(CASE_STATE, [case_state(number) for number in range(100)])
    migrate(own)
    with sinking(own) as one:
        sunk(own)
        own_store.kill()
        outputs.write(CASE_STATE, [case_state(number) for number in range(100, 200)], partition=1)
        time.sleep(2)  # it has read them, and waits for the store
        member = Consumer(own.kafka_client(group_id=group_of_sink(own), session_timeout_ms=6_000, enable_auto_commit=False))
        member.subscribe([own.topic(CASE_STATE)])
        eventually(lambda: member.poll(0.1) is None and bool(member.assignment()), 30)
        member.close()
        own_store.start()
        sunk(own, 60)
        assert one.poll() is None
    assert connect(own).query("SELECT count() FROM case_state FINAL").first_row == (200,)


def test_the_broker_killed_while_a_commit_waits(sink_settings: Settings, tmp_path: Path) -> None:
    """The sink outlives a broker that is away for longer than its session, and commits what it could not commit before."""
    broker = LocalBroker(tmp_path / "own-kafka", free_port())
    broker.start()
    kafka = sink_settings.kafka.model_copy(update={"bootstrap_servers": broker.bootstrap})
    own = sink_settings.model_copy(update={"kafka": kafka})
    run = own.home / "run"
    try:
        outputs = Outputs(own)
        outputs.write(CASE_STATE, [case_state(number) for number in range(3_000)])
        with sinking(own, COMMIT_WHEN_TOLD, "Waiting") as process:
            eventually((run / "inserted").exists)
            broker.kill()
            time.sleep(3)  # the commit waits for a session's length, so that its wait goes on when the session is over
            (run / "commit").touch()
            time.sleep(1)
            broker.start()
            sunk(own, 90)
            Outputs(own).write(CASE_STATE, [case_state(number) for number in range(3_000, 3_100)])
            sunk(own, 90)
            assert process.poll() is None
    finally:
        broker.kill()
    assert connect(own).query("SELECT count() FROM case_state FINAL").first_row == (3_100,)
