"""What takes a running system and leaves it as good as it was: one system for all, each test with cases and units of its own."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED
from tests.system.cases import ZONE, Event, archive, closing, iso
from tests.system.conftest import System, started
from tests.system.test_system import DEADLINE_72H, agree, statuses

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system, with two workers."""
    with started(tmp_path_factory.mktemp("system"), 2, **DEADLINE_72H) as system:
        yield system


def test_an_idle_system_states_unarchived_within_two_seconds_and_a_late_archive_withdraws_it(system: System) -> None:
    """Time passes without traffic; a source whose heartbeat stopped leaves its cases AWAITING."""

    def told(column: str) -> dict[str, str]:
        return dict(system.sql(f"SELECT case_no, {column} FROM case_state FINAL WHERE case_no IN ('idle', 'silent')"))  # noqa: S608

    def closed_to_be_due_in(seconds: int, revision: int) -> tuple[dt.datetime, Event]:
        due = dt.datetime.now(ZONE) + dt.timedelta(seconds=seconds)
        closed_at = due - dt.timedelta(hours=72)
        beat = {"event_id": "h1", "source_system": "silent", "topic": "archive-received", "complete_through": iso(closed_at)}
        system.publish("feed-heartbeat", [beat])
        rows = closing("idle", closed_at, revision=revision), closing("silent", closed_at, source_system="silent", revision=revision)
        system.publish("case-closed", list(rows))
        system.caught_up()
        return due, beat

    for revision, seconds in enumerate((25, 60, 180), 1):  # on a busy machine the way into ClickHouse may take longer than the first
        due, beat = closed_to_be_due_in(seconds, revision)
        before = told("status")
        if time.time() < due.timestamp():
            break
    assert before == {"idle": "AWAITING", "silent": "AWAITING"}
    stated_at = 0.0
    while time.time() < due.timestamp() + 10 and not stated_at:
        if told("status")["idle"] == "UNARCHIVED":
            stated_at = time.time()
        time.sleep(0.05)
    assert 0 <= stated_at - due.timestamp() < 3.5  # two seconds for the verdict, the rest for the way into ClickHouse
    assert told("status")["silent"] == "AWAITING"
    assert told("reason")["silent"] == "SOURCE_SILENT"
    system.publish("archive-received", [archive("idle", due + dt.timedelta(seconds=1))])
    system.publish("feed-heartbeat", [{**beat, "event_id": "h2", "complete_through": iso(due)}])
    system.caught_up()
    assert told("status") == {"idle": "ARCHIVED_LATE", "silent": "UNARCHIVED"}
    rows = {row["subject"]: (row["state"], row["resolution"]) for row in system.json("anomalies", "--kind", "UNARCHIVED")}
    assert (rows["idle"], rows["silent"]) == (("RESOLVED", "ARCHIVED_LATE"), ("OPENED", ""))
    agree(system)


def test_files_that_are_no_events_are_refused_with_their_place_and_the_rest_goes_in(system: System) -> None:
    """Missing columns, bad times, BOM, GBK; a late archive in the wrong topic."""
    before = statuses(system).total()
    good = closing("good", dt.datetime(2018, 6, 4, 10, tzinfo=ZONE))
    header = ",".join(good)
    line = ",".join(str(value) for value in good.values())
    files = {
        "missing.csv": (b"event_id,case_no\ne,c\n", "item_code"),
        "gbk.csv": (f"{header}\n{line}\n".encode("gbk"), "GBK"),
        "times.csv": (f"\ufeff{header}\n{line}\n{line.replace('2018-06-04T10:00:00+08:00', 'gestern')}\n".encode(), "closed_at"),
    }
    for name, (content, named) in files.items():
        (system.home / name).write_bytes(content)
        told = system.stderr("publish", CASE_CLOSED, str(system.home / name), expect=5)
        assert named.lower() in told.lower(), told
    system.stderr("publish", ARCHIVE_RECEIVED, str(system.home / "times.csv"), expect=5)
    system.caught_up()
    assert statuses(system).total() == before + 1


def test_a_form_is_imported_whole_or_not_at_all_and_bad_reference_rows_are_dead_letters(system: System, tmp_path: Path) -> None:
    """The empty form names what is missing; a record that is no registry row is in dead-letter, once, whichever worker read it."""
    form = tmp_path / "form.xlsx"
    system.run("export-items-template", "--out", str(form))
    system.stderr("import-items", str(form), "--unit-code", "U9", expect=5)
    producer = Producer({"bootstrap.servers": json.loads((system.home / "endpoints.json").read_text())["kafka"]})
    producer.produce("item-registry", key=b"U9|x", value=b"{}")
    assert producer.flush(20) == 0
    item = {"event_id": "i1", "unit_code": "U9", "item_code": "许可-00387-000", "item_name": "中医医疗广告审查", "build_mode": "MUNICIPAL"}
    system.publish("item-registry", [item])
    system.caught_up()
    assert system.sql("SELECT source_topic, reason FROM dead_letter FINAL") == [("item-registry", "NOT_FRAMED")]
    assert [each["findings"] for each in system.json("items") if each["unit_code"] == "U9"] == [["NOT_CONFIGURED"]]
    system.kill("worker")
    system.caught_up()
    assert system.sql("SELECT count() FROM dead_letter FINAL") == [(1,)]
    agree(system)
