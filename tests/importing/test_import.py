"""The commands themselves, against a real broker."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import orjson
import pytest

from ops.publish import TopicProducer
from ops.reading import read_topic
from ops.topics import ensure_topics
from streams.contracts import ARCHIVING_SCHEDULE, ITEM_REGISTRY, LAST_REVISION, MODULE_CONFIG, codec, record_key
from streams.settings import Settings
from tests.conftest import Kafka
from tests.importing.forms import MAIN, NOTICE, NOTICE_MERGES, SUB_1, form, with_cell
from tests.importing.test_materials import CONFIG, CONTENT, FIRST, HEADINGS, MORE, workbook
from tests.importing.test_template import filled
from tests.ops.test_cli import guidang

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings with topics of their own on the shared broker."""
    made = Settings(data_dir=tmp_path / "data", kafka={"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix})
    ensure_topics(made)
    return made


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    """``guidang``, with these settings."""
    environment = {"GUIDANG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers, "GUIDANG_DATA_DIR": str(settings.home)}
    environment["GUIDANG_KAFKA__TOPIC_PREFIX"] = settings.kafka.topic_prefix
    return lambda *arguments: guidang(*map(str, arguments), cwd=tmp_path, **environment)


def saved_form(tmp_path: Path, rows: Any, merges: tuple[str, ...] = ()) -> Path:
    """附件1 with these rows."""
    path = tmp_path / "附件1.xlsx"
    form(rows, merges).save(path)
    return path


def records(settings: Settings, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything in a topic: keys and records."""
    return [(message.key().decode(), codec(topic).decode(message.value())) for message in read_topic(settings, topic)]


def put(settings: Settings, record: dict[str, Any]) -> None:
    """A record as somebody else sends it."""
    producer = TopicProducer(settings, [ITEM_REGISTRY])
    producer.send(ITEM_REGISTRY, record_key(ITEM_REGISTRY, record), codec(ITEM_REGISTRY).encode(record))
    assert producer.finish() == []


def counts(done: CompletedProcess[str]) -> tuple[int, int, int, int, int]:
    """Exit code, published, unchanged, deleted, bad."""
    said = orjson.loads(done.stdout)
    return done.returncode, said["published"], said["unchanged"], said["deleted"], said["bad"]


@pytest.mark.kafka
def test_a_form_goes_in_once_and_only_its_changes_after_that(run: Run, settings: Settings, tmp_path: Path):
    """Import, again, changed, whole: what the topic holds after each."""
    path = saved_form(tmp_path, NOTICE, NOTICE_MERGES)
    first = run("import-items", path, "--unit-code", "330100012", "--valid-from", "2018-05-01", "--json")
    assert counts(first) == (0, 3, 0, 0, 0)
    assert orjson.loads(first.stdout)["topic"] == ITEM_REGISTRY
    stored = records(settings, ITEM_REGISTRY)
    assert [key for key, _ in stored] == [f"330100012|许可-{code}" for code in ("00387-000", "00385-001", "00385-002")]
    assert {record["valid_from"] for _, record in stored} == {17_652}

    again = ("import-items", path, "--unit-code", "330100012", "--valid-from", "2018-06-01", "--json")
    assert counts(run(*again)) == (0, 0, 3, 0, 0)
    saved_form(tmp_path, [with_cell(MAIN, "G", 21), SUB_1])
    assert counts(run(*again, "--replace")) == (0, 1, 1, 1, 0)
    changed, taken_back = (record for _, record in records(settings, ITEM_REGISTRY)[3:])
    assert (changed["revision"], changed["case_count_2017"], changed["deleted"]) == (2, 21, False)
    assert (taken_back["revision"], taken_back["item_code"], taken_back["deleted"]) == (2, "许可-00385-002", True)


@pytest.mark.kafka
def test_a_form_with_errors_goes_in_only_as_far_as_asked(run: Run, settings: Settings, tmp_path: Path):
    """Exit 5 either way, every fault by sheet and cell, in words and in JSON."""
    path = saved_form(tmp_path, [with_cell(MAIN, "F", "☑省统建 ☑市统建"), SUB_1])
    refused = run("import-items", path, "--unit-code", "U", "--json")
    assert counts(refused) == (5, 0, 0, 0, 1)
    (fault,) = orjson.loads(refused.stdout)["errors"]
    assert (fault["sheet"], fault["cell"]) == ("Sheet1", "F6")
    assert "附件1.xlsx Sheet1!F6: 勾选了 2 项 ticked 省统建, 市统建；应为 勾选一项" in refused.stderr
    assert records(settings, ITEM_REGISTRY) == []
    assert counts(run("import-items", path, "--unit-code", "U", "--json", "--partial")) == (5, 1, 0, 0, 1)
    assert [record["item_code"] for _, record in records(settings, ITEM_REGISTRY)] == ["许可-00385-001"]


@pytest.mark.kafka
def test_schedules_and_configurations_go_in_the_same_way(run: Run, settings: Settings, tmp_path: Path):
    """Each into its topic, and not again."""
    schedule = workbook(tmp_path, [HEADINGS, FIRST, MORE])
    config = tmp_path / "c.jsonl"
    config.write_text(f'{CONFIG},"kind":"证据性","name":"申请表"}}\n', encoding="utf-8")
    for expected in ((0, 1, 0, 0, 0), (0, 0, 1, 0, 0)):
        assert counts(run("import-schedule", schedule, "--unit-code", "U", "--json")) == expected
        assert counts(run("import-config", config, "--unit-code", "U", "--json")) == expected
    ((key, record),) = records(settings, ARCHIVING_SCHEDULE)
    assert key == "U|许可-00387-000"
    assert CONTENT.items() <= record.items()
    assert [record["archiving_mode"] for _, record in records(settings, MODULE_CONFIG)] == ["ONLINE"]


@pytest.mark.kafka
def test_the_exported_form_filled_in_goes_in(run: Run, settings: Settings, tmp_path: Path):
    """The whole way: export, fill in, import, and the topic has it."""
    path = tmp_path / "empty.xlsx"
    assert run("export-items-template", "--out", path).returncode == 0
    assert counts(run("import-items", filled(path, NOTICE, 6), "--unit-code", "U", "--json")) == (0, 3, 0, 0, 0)
    modes = {record["item_code"]: record["build_mode"] for _, record in records(settings, ITEM_REGISTRY)}
    assert modes == {"许可-00387-000": "MUNICIPAL", "许可-00385-001": "SELF_BUILT", "许可-00385-002": "SELF_BUILT"}


@pytest.mark.kafka
def test_a_schedule_larger_than_the_topic_takes_is_named(run: Run, settings: Settings, tmp_path: Path):
    """The rest goes in."""
    path = tmp_path / "c.jsonl"
    huge = "\n".join(f'{CONFIG},"kind":"证据性","name":"{number}{"表" * 1000}"}}' for number in range(1500))
    path.write_text(f"{huge}\n{CONFIG.replace('00387', '00388')}}}\n", encoding="utf-8")
    done = run("import-config", path, "--unit-code", "U", "--json", "--partial")
    assert counts(done) == (5, 1, 0, 0, 1)
    assert [error["cell"] for error in orjson.loads(done.stdout)["errors"]] == ["1:item_code"]
    assert len(records(settings, MODULE_CONFIG)) == 1


@pytest.mark.kafka
def test_an_item_that_workers_would_refuse_is_an_error_of_its_cell(run: Run, settings: Settings, tmp_path: Path):
    """As others are: nothing is published, unless the good ones are asked for."""
    path = saved_form(tmp_path, [with_cell(MAIN, "B", "长" * 1366), SUB_1])
    refused = run("import-items", path, "--unit-code", "U", "--json")
    assert counts(refused) == (5, 0, 0, 0, 1)
    (fault,) = orjson.loads(refused.stdout)["errors"]
    assert (fault["sheet"], fault["cell"], fault["found"].partition(":")[0]) == ("Sheet1", "C6", "FIELD_TOO_LONG")
    assert records(settings, ITEM_REGISTRY) == []
    assert counts(run("import-items", path, "--unit-code", "U", "--json", "--partial")) == (5, 1, 0, 0, 1)
    assert [record["item_code"] for _, record in records(settings, ITEM_REGISTRY)] == ["许可-00385-001"]


@pytest.mark.kafka
@pytest.mark.parametrize("refused", [{"event_id": ""}, {"plan_year": 20189, "revision": 7}, {"valid_from": -5_000_000, "revision": 7}])
def test_a_record_that_workers_refuse_is_not_known(run: Run, settings: Settings, tmp_path: Path, refused: dict[str, Any]):
    """No worker has the item: the form that says the same goes in, as its first revision."""
    path = saved_form(tmp_path, [SUB_1])
    assert counts(run("import-items", path, "--unit-code", "V", "--json")) == (0, 1, 0, 0, 0)
    ((_, record),) = records(settings, ITEM_REGISTRY)
    put(settings, {**record, "unit_code": "U", **refused})
    assert counts(run("import-items", path, "--unit-code", "U", "--json")) == (0, 1, 0, 0, 0)
    *_, (_, published) = records(settings, ITEM_REGISTRY)
    assert (published["unit_code"], published["revision"]) == ("U", 1)


@pytest.mark.kafka
def test_an_item_of_the_last_revision_there_is_cannot_be_changed(run: Run, settings: Settings, tmp_path: Path):
    """Which cell asks for it is told, and nothing is published."""
    path = saved_form(tmp_path, [MAIN, SUB_1])
    assert counts(run("import-items", path, "--unit-code", "U", "--json")) == (0, 2, 0, 0, 0)
    put(settings, {**records(settings, ITEM_REGISTRY)[0][1], "revision": LAST_REVISION, "note": "by hand"})
    done = run("import-items", path, "--unit-code", "U", "--json")
    assert (counts(done), "Traceback" in done.stderr) == ((5, 0, 1, 0, 1), False)
    (fault,) = orjson.loads(done.stdout)["errors"]
    assert (fault["sheet"], fault["cell"], str(LAST_REVISION) in fault["found"]) == ("Sheet1", "C6", True)
    assert len(records(settings, ITEM_REGISTRY)) == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--unit-code", "U", "--partial", "--replace"), "--replace"),
        (("--unit-code", " "), "单位代码"),
        (("--unit-code", "a|b"), "单位代码"),
        (("--unit-code", "U", "--valid-from", "2018/05/01"), "2018-05-01"),
        (("--unit-code", "U", "--encoding", "big5"), "gb18030"),
        ((), "--unit-code"),
    ],
)
def test_wrong_options_are_2_before_the_file_is_read(options: tuple[str, ...], told: str, tmp_path: Path):
    """A file that is bad as well is not what is wrong first."""
    path = tmp_path / "bad.xlsx"
    path.write_bytes(b"")
    done = guidang("import-items", str(path), *options)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_refused_workbook_is_5_without_kafka_and_without_a_traceback(tmp_path: Path):
    """It is looked at before anything is reached."""
    path = tmp_path / "f.xlsx"
    path.write_bytes(b"PK")
    done = guidang("import-items", str(path), "--unit-code", "U", "--json")
    assert (done.returncode, "Traceback" in done.stderr) == (5, False)
    assert counts(done) == (5, 0, 0, 0, 0)
    told = orjson.loads(done.stdout)
    assert "已损坏" in told["error"]
    assert told["error"] in done.stderr


def test_a_file_whose_name_is_not_utf_8_is_told_in_json(tmp_path: Path):
    """Old zips and shares have names in GBK: what cannot be said of one is left out of the output, which comes all the same."""
    path = tmp_path / os.fsdecode("办结.xlsx".encode("gbk"))
    path.write_bytes(b"PK")
    done = guidang("import-items", str(path), "--unit-code", "U", "--json")
    assert counts(done) == (5, 0, 0, 0, 0)
    assert orjson.loads(done.stdout)["file"] == f"{tmp_path}/????.xlsx"
    assert "Traceback" not in done.stderr


def test_an_empty_form_is_written_where_asked(tmp_path: Path):
    """By default under its own name, here."""
    done = guidang("export-items-template", "--kind", "schedule", cwd=tmp_path, LANG="en_US.UTF-8")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "归档范围和保管期限表.xlsx").exists()
    assert guidang("export-items-template", "--out", "f.xlsx", cwd=tmp_path).returncode == 0
    assert guidang("export-items-template", "--out", "f.xlsx", cwd=tmp_path).returncode == 5
    assert guidang("export-items-template", "--out", "f.csv", cwd=tmp_path).returncode == 2
