"""Small worlds for the oracle: one case ``c`` of one item of unit ``U``, closed, archived, registered and configured as it should be."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.oracle.calendar import day_of

ITEM = "许可-00385-001"
NAME = "公共场所卫生许可"
Record = dict[str, Any]
World = dict[str, list[Record]]


def ms(text: str) -> int:
    """Epoch milliseconds of a time in Asia/Shanghai, or of one with an offset."""
    moment = dt.datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=8)))).timestamp() * 1000)


def closing(closed_at: str = "2018-03-05 10:00", **more: Any) -> Record:
    """A closing of case ``c``: Monday 5 March, due at the end of Thursday 8 March."""
    return {
        "event_id": "c1",
        "case_no": "c",
        "item_code": ITEM,
        "unit_code": "U",
        "district_code": "330106",
        "accepted_at": ms("2018-03-01 09:00"),
        "closed_at": ms(closed_at),
    } | more


def archive(received_at: str = "2018-03-06 02:00", **more: Any) -> Record:
    """An accepted archive of case ``c``."""
    return {
        "event_id": "a1",
        "archive_no": "A1",
        "case_no": "c",
        "item_code": ITEM,
        "unit_code": "U",
        "received_at": ms(received_at),
        "receipt": "ACCEPTED",
    } | more


def day(text: str) -> int:
    """Days since 1970."""
    return day_of(dt.date.fromisoformat(text))


def registered(**more: Any) -> Record:
    """The item's registration."""
    return {
        "event_id": "r1",
        "unit_code": "U",
        "item_code": ITEM,
        "item_name": NAME,
        "main_item_code": "",
        "main_item_name": "",
        "build_mode": "MUNICIPAL",
    } | more


def self_built(mode: str = "ONLINE", plan_year: int = 2018, **more: Any) -> Record:
    """The item's registration, on a system of the unit's own."""
    return registered(build_mode="SELF_BUILT", archiving_mode=mode, plan_year=plan_year, **more)


def material(kind: str = "EVIDENCE", name: str = "申请表", code: str = "01", **more: Any) -> Record:
    """A material of a schedule."""
    return {"kind": kind, "name": name, "code": code, "required": True, "electronic": True} | more


def schedule(**more: Any) -> Record:
    """The item's approved schedule: one required material of each kind."""
    return {
        "event_id": "s1",
        "unit_code": "U",
        "item_code": ITEM,
        "item_name": NAME,
        "schedule_version": "2018-1",
        "retention": "YEARS_10",
        "materials": [material(), material("PROCEDURE", "受理通知书", "02"), material("RESULT", "卫生许可证", "03")],
    } | more


def module(**more: Any) -> Record:
    """The item's configuration, as the schedule has it."""
    return schedule(event_id="m1", archiving_mode="ONLINE") | more


def sent(*materials: Record) -> list[Record]:
    """Materials as an archive has them."""
    return [{"kind": each["kind"], "name": each["name"], "code": each["code"], "byte_size": 1, "sha256": ""} for each in materials]


def world(**topics: Any) -> World:
    """Events by topic; everything is right but what is given."""
    materials = schedule()["materials"]
    return {
        "case-closed": [closing(item_name=NAME, unit_name="某局", title="王伟申请卫生许可")],
        "archive-received": [archive(title="王伟申请卫生许可", materials=sent(*materials))],
        "item-registry": [registered()],
        "archiving-schedule": [schedule()],
        "module-config": [module()],
    } | {name.replace("_", "-"): rows for name, rows in topics.items()}
