"""A small world of input records, drawn by seed: few cases, few items, every hazard."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any, Final

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec, record_key
from streams.domain.finding import anomaly_id
from streams.domain.reference import item_key
from streams.domain.time import DAY_MS, HOUR_MS, OFFSET_MS
from streams.partitioner import PARTITIONERS

Event = dict[str, Any]

PARTITIONS: Final = 2
MONDAY_MS: Final = round(dt.datetime(2018, 6, 4, tzinfo=dt.timezone(dt.timedelta(milliseconds=OFFSET_MS))).timestamp() * 1000)
END_MS: Final = MONDAY_MS + 40 * DAY_MS + 5 * HOUR_MS
_FIRST_DAY = (MONDAY_MS + OFFSET_MS) // DAY_MS
_ITEMS = ("许可-00387-000", "许可-00385-000", "许可－００３８５－００１", "确认-00001-002-03", "服务-00001-000")
_UNITS = ("U1", "U2")
_CASES = ("c1", "c2", "c3", "c4")
_TITLES = ("张三的申请", "【事项】办理", "单位事项")
_POISON = (b"", b"\x00", b"not avro at all", b"\x00\x00\x00\x00\x63rest")


@dataclass(frozen=True)
class Input:
    """A record to be published.

    Parameters
    ----------
    event
        What it says; ``None`` for one that nobody can take in, which belongs into ``dead-letter``.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes
    event: Event | None


def home(key: bytes) -> int:
    """Partition of a key."""
    return PARTITIONERS["murmur2"](key, PARTITIONS)


def draw(dice: random.Random) -> list[Input]:
    """Draw a world; records of a topic keep their order, topics are interleaved."""
    events = [(CASE_CLOSED, _closing(dice, number)) for number in range(dice.randint(2, 8))]
    events += [(ARCHIVE_RECEIVED, _archive(dice, number)) for number in range(dice.randint(2, 6))]
    if dice.random() < 0.7:
        events += [_reference(dice, number) for number in range(dice.randint(1, 6))]
    dice.shuffle(events)
    found = [_input(topic, event) for topic, event in events]
    for each in dice.sample(found, k=min(len(found), dice.randint(0, 3))):
        found.insert(dice.randint(0, len(found)), each)  # the same record twice
    if dice.random() < 0.5:
        found.insert(dice.randint(0, len(found)), _bad(dice))
    return found


def _input(topic: str, event: Event) -> Input:
    key = record_key(topic, event)
    return Input(topic, home(key) if topic in {CASE_CLOSED, ARCHIVE_RECEIVED} else 0, key, codec(topic).encode(event), event)


def _bad(dice: random.Random) -> Input:
    topic = dice.choice([CASE_CLOSED, ARCHIVE_RECEIVED, "item-registry", "feed-heartbeat"])
    if topic in {CASE_CLOSED, ARCHIVE_RECEIVED} and dice.random() < 0.4:
        event = _closing(dice, 99) if topic == CASE_CLOSED else _archive(dice, 99)
        key = f"stray{dice.randint(0, 9)}".encode()
        event["case_no"] = key.decode()
        return Input(topic, 1 - home(key), key, codec(topic).encode(event), None)
    partition = dice.randrange(PARTITIONS) if topic in {CASE_CLOSED, ARCHIVE_RECEIVED} else 0
    return Input(topic, partition, b"bad", dice.choice(_POISON), None)


def _time(dice: random.Random) -> int:
    return MONDAY_MS + dice.choice([dice.randint(0, 20 * 24) * HOUR_MS, -1, 4 * DAY_MS - 1, 4 * DAY_MS])


def _closing(dice: random.Random, number: int) -> Event:
    return {
        "event_id": f"c{number}",
        "case_no": dice.choice(_CASES),
        "item_code": dice.choice(_ITEMS),
        "item_name": "事项",
        "unit_code": dice.choice(_UNITS),
        "unit_name": "单位",
        "district_code": dice.choice(["330100", "330106", ""]),
        "title": dice.choice(_TITLES),
        "accepted_at": MONDAY_MS - dice.choice([1, 2, -3]) * DAY_MS,
        "closed_at": _time(dice),
        "closing_state": dice.choice(["CLOSED"] * 5 + ["FORWARDED", "VOIDED", "UNKNOWN"]),
        "revision": dice.randint(1, 3),
        "deleted": dice.random() < 0.15,
        "is_test": dice.random() < 0.15,
        "source_system": dice.choice(["", "s1", "s2"]),
    }


def _archive(dice: random.Random, number: int) -> Event:
    return {
        "event_id": f"a{number}",
        "archive_no": dice.choice(["a1", "a2", ""]),
        "case_no": dice.choice(_CASES),
        "item_code": dice.choice(_ITEMS),
        "unit_code": dice.choice(_UNITS),
        "title": dice.choice(_TITLES),
        "received_at": _time(dice),
        "receipt": dice.choice(["ACCEPTED"] * 4 + ["UNPACK_FAILED", "DIGEST_MISMATCH", "UNKNOWN"]),
        "revision": dice.randint(1, 3),
        "deleted": dice.random() < 0.15,
        "retention": "UNKNOWN",
        "schedule_version": "",
        "batch_no": "",
        "source_system": dice.choice(["", "s1", "s2"]),
        "materials": [],
    }


def _reference(dice: random.Random, number: int) -> tuple[str, Event]:
    topic = dice.choice(
        ["unit-registry", "item-registry", "item-registry", "archiving-schedule", "module-config", "waiver", "feed-heartbeat"]
    )
    if topic == "feed-heartbeat":
        source = dice.choice(["s1", "s2"])
        about = dice.choice([CASE_CLOSED, ARCHIVE_RECEIVED])
        return topic, {"event_id": f"h{number}", "source_system": source, "topic": about, "complete_through": _time(dice)}
    row: Event = {
        "event_id": f"r{number}",
        "revision": dice.randint(1, 3),
        "deleted": dice.random() < 0.2,
        "valid_from": dice.choice([None, _FIRST_DAY + dice.randint(0, 20)]),
        "valid_to": dice.choice([None, None, _FIRST_DAY + dice.randint(0, 20)]),
    }
    of_item = {"unit_code": dice.choice(_UNITS), "item_code": dice.choice(_ITEMS[:3]), "item_name": "事项"}
    scheduled = {
        "schedule_version": dice.choice(["1", "2"]),
        "retention": dice.choice(["YEARS_10", "YEARS_30"]),
        "materials": [
            {"kind": "RESULT", "name": "甲", "code": "", "required": True, "electronic": dice.random() < 0.7}
            for _ in range(dice.randint(0, 1))
        ],
    }
    if topic == "unit-registry":
        row |= {
            "unit_code": dice.choice(_UNITS),
            "unit_name": "单位",
            "district_code": dice.choice(["330106", "330108"]),
            "district_name": "",
        }
    elif topic == "waiver":
        subject = dice.choice([*_CASES, *(item_key("U1", code) for code in _ITEMS[:2])])
        kinds = ["UNREGISTERED_ITEM", "NOT_CONFIGURED"] if "|" in subject else ["UNARCHIVED", "REFUSED", "TIME_INVALID"]
        finding = anomaly_id(dice.choice(kinds), subject)
        row |= {"anomaly_id": finding, "author": "市档案局", "reason": "系统升级", "until": _FIRST_DAY + dice.randint(0, 20)}
    elif topic == "item-registry":
        row |= of_item | {
            "main_item_code": dice.choice(["", "许可-00385-000"]),
            "main_item_name": "",
            "build_mode": dice.choice(["MUNICIPAL", "SELF_BUILT", "VERTICAL", "UNKNOWN"]),
            "plan_year": dice.choice([0, 2018, 2019]),
            "archiving_mode": dice.choice(["ONLINE", "OFFLINE", "UNKNOWN"]),
            "case_count_2017": 0,
            "note": "",
        }
    elif topic == "archiving-schedule":
        row |= of_item | scheduled | {"approved": dice.random() < 0.7}
    else:
        row |= of_item | scheduled | {"archiving_mode": dice.choice(["ONLINE", "OFFLINE"])}
    return topic, row
