"""The assessment as a bureau and its units drive it: forms in, findings, score, waiver, bulletin and list of things to do out."""

from __future__ import annotations

import datetime as dt
import time
import urllib.request
from typing import Any

import orjson
import pytest

from tests.system.cases import ZONE, archive, closing
from tests.system.conftest import System
from tests.system.test_system import DEADLINE_72H, MakeSystem, agree

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

ITEM = "许可-00387-000"
MATERIALS = [{"kind": "RESULT", "name": "批准文件", "code": "R-01", "required": True, "electronic": True}]
HELD = [{"kind": "RESULT", "name": "批准文件", "code": "R-01", "byte_size": 1, "sha256": ""}]
CLOSED = dt.datetime(2018, 6, 4, 10, tzinfo=ZONE)


def row(**given: Any) -> dict[str, Any]:
    """What the three reference topics share."""
    return {"unit_code": "U1", "item_code": ITEM, "item_name": "中医医疗广告审查", **given}


def another_key_judges_nothing(system: System) -> None:
    """By it, materials and titles that agree would not: whoever hashes with it ends with 3, worker or command, and no figure changes."""
    key = system.home / "other.key"
    key.write_text("another\n", encoding="ascii")
    before = system.json("score", "--year", "2018")
    with system.given(GUIDANG_PRIVACY__TITLE_KEY_FILE=str(key)):
        for command in (
            ("score", "--year", "2018", "--as-of", "2018-06-04T10:30:00+08:00"),
            ("reconcile",),
            ("worker", "--name", "other", "--metrics-port", "0"),
        ):
            assert str(key) in system.stderr(*command, expect=3)
    assert system.json("score", "--year", "2018") == before


def test_from_the_registry_to_the_bulletin(make_system: MakeSystem) -> None:
    """One unit, one item, four cases; then the registry is corrected, a finding is waived, and everything follows within seconds."""
    system = make_system(**DEADLINE_72H, GUIDANG_CLOCK="2018-12-31T18:00:00+08:00")
    system.up(2)
    system.publish("item-registry", [row(event_id="i1", build_mode="SELF_BUILT", plan_year=2018, archiving_mode="ONLINE")])
    system.publish("archiving-schedule", [row(event_id="s1", schedule_version="1", retention="YEARS_30", materials=MATERIALS)])
    config = row(event_id="m1", schedule_version="1", retention="YEARS_10", archiving_mode="ONLINE", materials=MATERIALS)
    system.publish("module-config", [config])
    cases = [f"c{number}" for number in range(4)]
    system.publish("case-closed", [closing(case, CLOSED, source_system="own") for case in cases])
    kept = [archive(case, CLOSED + dt.timedelta(hours=1), materials=HELD, source_system="own") for case in cases[:2]]
    lacking = archive(cases[2], CLOSED + dt.timedelta(hours=1), materials=[], source_system="own")
    system.publish("archive-received", [*kept, lacking])
    system.caught_up()
    (scored,) = system.json("score", "--year", "2018")
    assert (scored["config_errors"], scored["unarchived"], scored["closed"], scored["completeness"]) == (1, 1, 4, 45.5)
    assert (scored["missing_material"], scored["quality"], scored["bonus"], scored["total"]) == (1, 28, 0, 73.5)
    evidence = system.json("score", "--year", "2018", "--evidence")[0]["evidence"]
    assert {each["kind"] for each in evidence} == {"RETENTION_MISMATCH", "UNARCHIVED", "MISSING_RESULT"}
    (item,) = system.json("items")
    assert (item["expected_online"], item["configured"], item["findings"]) == (True, True, ["RETENTION_MISMATCH"])

    (then,) = system.json("score", "--year", "2018", "--as-of", "2018-06-04T10:30:00+08:00", "--evidence")
    assert [each["kind"] for each in then["evidence"]] == ["RETENTION_MISMATCH"]
    assert (then["closed"], then["unarchived"], then["missing_material"], then["systems"], then["total"]) == (4, 0, 0, 0, 88)
    another_key_judges_nothing(system)

    began = time.monotonic()
    system.publish("module-config", [{**config, "event_id": "m2", "revision": 2, "retention": "YEARS_30"}])
    system.run("waive", "MISSING_RESULT", cases[2], "--by", "市档案局", "--reason", "系统升级", "--until", "2019-03-31")
    system.caught_up()
    (scored,) = system.json("score", "--year", "2018")
    assert (scored["config_errors"], scored["missing_material"], scored["systems"], scored["total"]) == (0, 0, 1, 82.5)
    assert time.monotonic() - began < 60  # a bound for a machine that is busy; docs/measurements.md says how long it takes
    waived = system.json("anomalies", "--kind", "MISSING_RESULT", "--state", "open")
    assert [(each["waived"], each["waived_by"]) for each in waived] == [(True, "市档案局")]

    system.publish("item-registry", [row(event_id="i2", revision=2, build_mode="SELF_BUILT", plan_year=2018, archiving_mode="OFFLINE")])
    system.caught_up()
    (scored,) = system.json("score", "--year", "2018")
    assert (scored["closed"], scored["unarchived"], scored["total"]) == (0, 0, 90)
    (covered,) = system.json("coverage", "--by", "unit", "--window", "ytd")
    assert covered["excluded"] == {"OFFLINE": 4}
    assert system.json("anomalies", "--state", "open") == []
    agree(system)

    out = system.home / "bulletins"
    system.run("report", "--period", "2018-06", "--out", str(out), "--publish", "--by", "市档案局")
    assert {path.suffix for path in out.rglob("*") if path.is_file()} >= {".xlsx", ".html", ".pdf", ".json"}
    system.run("report", "--period", "2018-06", "--as-of", "2018-06-04T10:30:00+08:00", "--out", str(system.home / "drafts"))
    address = orjson.loads((system.home / "endpoints.json").read_bytes())["metrics.monitor"]
    metrics = urllib.request.urlopen(f"{address}/metrics", timeout=20).read().decode()  # noqa: S310 - our own, on the loopback
    assert 'guidang_score_points{by="unit",part="total",scope="U1"} 90.0' in metrics
