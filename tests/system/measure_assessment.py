"""A city's assessment at scale: 200 units, 5,000 items, 10 districts and as many cases as asked for; then 500 items change.

Run as ``python -m tests.system.measure_assessment [CASES]``: it prints how long a change of the registry takes until every figure is
right, and on what the processes spend their CPU time meanwhile; how long the score of all units takes, and how long the bulletin.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ops.bench.usage import cpu_seconds
from ops.publish import TopicProducer
from ops.simulate.calendar import at_ms
from streams.contracts import (
    ARCHIVE_RECEIVED,
    ARCHIVING_SCHEDULE,
    CASE_CLOSED,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    UNIT_REGISTRY,
    codec,
    record_key,
)
from streams.domain.time import DAY_MS, HOUR_MS
from streams.settings import Settings
from tests.system.conftest import System

UNITS, ITEMS, DISTRICTS, CHANGED = 200, 5_000, 10, 500
YEAR_MS = at_ms(dt.date(2018, 1, 1))
MATERIALS = [{"kind": "RESULT", "name": "批准文件", "code": "R-01", "required": True, "electronic": True}]
Row = dict[str, Any]


def place(number: int) -> Row:
    """Unit and item of the ``number``-th item."""
    return {"unit_code": f"U{number % UNITS:03d}", "item_code": f"许可-{number:05d}-000", "item_name": f"第{number}号事项"}


def reference_rows() -> Iterator[tuple[str, Row]]:
    """Units, items, schedules and configurations, all right."""
    for unit in range(UNITS):
        row = {"event_id": f"u{unit}", "unit_code": f"U{unit:03d}", "unit_name": f"第{unit}单位", "district_name": ""}
        yield UNIT_REGISTRY, {**row, "district_code": f"3301{unit % DISTRICTS:02d}"}
    for number in range(ITEMS):
        yield ITEM_REGISTRY, {"event_id": f"i{number}", **place(number), "build_mode": "MUNICIPAL"}
        side = {**place(number), "schedule_version": "1", "retention": "YEARS_10", "materials": MATERIALS}
        yield ARCHIVING_SCHEDULE, {"event_id": f"s{number}", **side}
        yield MODULE_CONFIG, {"event_id": f"m{number}", **side, "archiving_mode": "ONLINE"}


def case_events(cases: int) -> Iterator[tuple[str, Row]]:
    """Closings over a year, 97 of 100 archived."""
    drawn = random.Random(1)  # noqa: S311 - the same again
    for number in range(cases):
        closed_at = YEAR_MS + number * 350 * DAY_MS // cases
        where, case_no = place(drawn.randrange(ITEMS)), f"{number:09d}"
        titled = {"case_no": case_no, "title": f"第{number}件申请", **where}
        times = {"accepted_at": closed_at - DAY_MS, "closed_at": closed_at, "closing_state": "CLOSED"}
        yield CASE_CLOSED, {"event_id": f"c{number}", **titled, **times, "unit_name": "", "district_code": ""}
        if number % 100 >= 3:
            held = {"receipt": "ACCEPTED", "materials": [{**MATERIALS[0], "byte_size": 1, "sha256": ""}]}
            arrived = {"archive_no": f"A{number}", "received_at": closed_at + 20 * HOUR_MS}
            yield ARCHIVE_RECEIVED, {"event_id": f"a{number}", **titled, **arrived, **held}


def publish(settings: Settings, events: Iterator[tuple[str, Row]]) -> float:
    """Publish; return the seconds it took."""
    began = time.monotonic()
    topics = (ARCHIVE_RECEIVED, ARCHIVING_SCHEDULE, CASE_CLOSED, ITEM_REGISTRY, MODULE_CONFIG, UNIT_REGISTRY)
    producer, codecs = TopicProducer(settings, topics), {topic: codec(topic) for topic in topics}
    for topic, record in events:
        producer.send(topic, record_key(topic, record), codecs[topic].encode(record))
    assert producer.finish() == []
    return time.monotonic() - began


def timed(call: Callable[[], Any]) -> float:
    """Seconds of a call."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def main(cases: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="guidang-measure-") as folder:
        system = System(Path(folder), GUIDANG_CLOCK="2018-12-31T18:00:00+08:00")
        try:
            system.up(2)
            measure(system, Settings(data_dir=Path(folder)), cases)
        finally:
            system.down()


def measure(system: System, settings: Settings, cases: int) -> None:
    """Measure on a running system."""
    told: dict[str, float] = {"publish the reference rows": publish(settings, reference_rows())}
    began = time.monotonic()
    told["publish the cases"] = publish(settings, case_events(cases))
    system.run("wait", "--caught-up", "--timeout", "3000", limit_seconds=3_100)
    told["cases to ClickHouse"] = time.monotonic() - began
    changed = ((ITEM_REGISTRY, {"event_id": f"j{n}", "revision": 2, **place(n), "build_mode": "VERTICAL"}) for n in range(CHANGED))
    processes = {each["name"]: each["pid"] for each in system.json("status")["processes"]}
    before = {name: cpu_seconds([pid]) for name, pid in processes.items()}
    began = time.monotonic()
    publish(settings, changed)
    system.run("wait", "--caught-up", "--timeout", "600", limit_seconds=700)
    told["500 items corrected, right everywhere"] = time.monotonic() - began
    spent = {name: cpu_seconds([pid]) - before[name] for name, pid in processes.items()}
    (city,) = system.json("coverage", "--by", "city", "--window", "ytd")
    assert city["closed"] + city["excluded"]["VERTICAL"] == cases
    told["score of all units, process start included"] = min(timed(lambda: system.json("score", "--year", "2018")) for _ in range(3))
    query = "SELECT count() FROM (SELECT * FROM score WHERE year = 2018 AND by = 'unit')"
    told["score of all units, query alone"] = min(timed(lambda: system.sql(query)) for _ in range(3))
    told["bulletin draft"] = timed(lambda: system.run("report", "--period", "2018", "--out", str(system.home / "bulletin")))
    print(f"{cases} cases, {ITEMS} items, {UNITS} units: {city['excluded']['VERTICAL']} cases left out by the correction")
    for what, seconds in told.items():
        print(f"{seconds:9.2f} s  {what}")
    print("CPU seconds during the correction:", ", ".join(f"{name} {seconds:.2f}" for name, seconds in spent.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
