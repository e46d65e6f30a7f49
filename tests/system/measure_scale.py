"""How figures grow with the number of cases: cost of an event, memory, disk, idleness, every table and panel, and how soon all is back.

Run as ``python -m tests.system.measure_scale [CASES ...] [--json FILE] [--chart FILE] [--home FOLDER]`` (default 100,000 and 1,000,000),
each on a system of its own with two workers; it prints a column for each. A JSON of another run is gone on with, so that sizes may be
measured on several days; with ``--home`` the systems stay there, and what was not measured yet of one may be on another day too. The
data are those of :mod:`tests.system.measure_assessment`: the same items and the same year at every size.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from dashboards.model import Sql
from dashboards.panels import DASHBOARDS
from ops.bench.usage import cpu_seconds, folder_bytes, peak_rss_bytes
from ops.ready import ready_path
from ops.simulate.calendar import at_ms
from streams.agents.terms import CASES
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_STATE, COVERAGE_PARTIAL, codec
from streams.settings import Settings
from tests.agents.pipeline import Pipeline
from tests.runtime.harness import compact_at_once
from tests.system.conftest import System
from tests.system.growth import draw_growth
from tests.system.measure_assessment import case_events, publish, reference_rows, timed

WORKERS = ("worker-1", "worker-2")
OTHERS = ("kafka", "store", "sink")
WINDOWS = ("24h", "30d", "ytd", "2017-01-01..2018-12-31")
SCOPES = ("district", "unit", "type", "main-item", "item")
TABLES = {
    "items": ("items",),
    "anomalies of a unit": ("anomalies", "--unit", "U001"),
    "score": ("score", "--year", "2018"),
    "todo of a unit": ("todo", "--unit", "U001"),
}
CHANGELOGS = (CASE_STATE, COVERAGE_PARTIAL)
ENDS_MS = at_ms(dt.date(2018, 12, 31), 18)
SIZES = (100_000, 1_000_000)
LIMIT_SECONDS = 9_000
IDLE_SECONDS = 20
SETTLED_SECONDS = 20
OF_ONE_CASE = 1_000
MOST_RECONCILED = 1_000_000
"""Judging more cases anew takes hours on two cores: beyond, ``reconcile`` is left out."""
Figure = tuple[str, float]
Column = dict[str, float]


def main(sizes: list[int], kept: Path | None, chart: Path | None, home: Path | None) -> None:
    """Measure and print."""
    columns: dict[int, Column] = {}
    if kept is not None and kept.exists():
        columns = {int(cases): column for cases, column in json.loads(kept.read_text()).items()}
    of_one = dict(of_one_case())
    for cases in sizes:
        column = columns.setdefault(cases, {})
        column |= of_one
        with tempfile.TemporaryDirectory(prefix="guidang-measure-") as temporary:
            for what, value in measure((home or Path(temporary)) / str(cases), cases):
                column[what] = value
                print(f"  {cases}: {what} {value:,.2f}", file=sys.stderr, flush=True)
                if kept is not None:
                    kept.write_text(json.dumps(columns, ensure_ascii=False, indent=1))
    columns = dict(sorted(columns.items()))
    print(f"{'cases':70}", *(f"{cases:>12,}" for cases in columns))
    for what in dict.fromkeys(what for column in columns.values() for what in column):
        print(f"{what:70}", *(f"{column[what]:12,.2f}" if what in column else f"{'–':>12}" for column in columns.values()))
    if chart is not None:
        chart.write_text(draw_growth(columns))


def measure(home: Path, cases: int) -> Iterator[Figure]:
    """Measure what has not been measured yet of the system in a folder, which is made if there is none.

    A step leaves a mark in the folder when it is done, so that one that was cut off is begun anew: all but the first, which
    would publish every event once more.
    """
    data, loaded = home / "system", home / cost_of_events.__name__
    if data.exists() and not loaded.exists():
        sys.exit(f"{home} holds events of a run that was cut off, whose cost can no longer be known: delete it and begin again")
    data.mkdir(parents=True, exist_ok=True)
    system, settings = System(data, GUIDANG_CLOCK="2018-12-31T18:00:00+08:00"), Settings(data_dir=data)
    try:
        system.up(len(WORKERS))
        for step in (cost_of_events, held, idle, queries, restarts, compacted, reconciled):
            mark = home / step.__name__
            if not mark.exists():
                yield from step(system, settings, cases)
                mark.touch()
    finally:
        system.down()


def of_one_case() -> Iterator[Figure]:
    """What a case takes in the local store while it is open, and once it is archived; none of it is held in memory."""
    for what, topics in (("open", (CASE_CLOSED,)), ("archived", (CASE_CLOSED, ARCHIVE_RECEIVED))):
        with Pipeline(now_ms=ENDS_MS) as pipeline:
            for topic, row in reference_rows():
                pipeline.reference_record(topic, row)
            events = [(topic, row["case_no"].encode(), codec(topic).encode(row)) for topic, row in case_events(OF_ONE_CASE)]
            for topic in topics:
                pipeline.raw(topic, *[(key, value) for of, key, value in events if of == topic])
            keys = {key for topic, key, _ in events if topic == topics[-1]}
            yield f"local state of one {what} case, not compressed, bytes", sum(pipeline.bytes_of(CASES, key) for key in keys) / len(keys)


def caught_up(system: System) -> None:
    """Wait for as long as it may take."""
    system.run("wait", "--caught-up", "--timeout", str(LIMIT_SECONDS), limit_seconds=LIMIT_SECONDS)


def pids_of(system: System) -> dict[str, int]:
    """Process ids by name."""
    return {each["name"]: each["pid"] for each in system.json("status")["processes"]}


def cost_of_events(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """From the first event sent to the last row in ClickHouse."""
    publish(settings, reference_rows())
    caught_up(system)
    pids = pids_of(system)
    events = sum(1 for _ in case_events(cases))
    before = {name: cpu_seconds([pids[name]]) for name in (*WORKERS, *OTHERS)}
    began = time.monotonic()
    publish(settings, case_events(cases))
    caught_up(system)
    yield "events/s, from the first sent to the last row", events / (time.monotonic() - began)
    spent = {name: (cpu_seconds([pids[name]]) - at) / events * 1e6 for name, at in before.items()}
    yield "CPU of the workers, µs an event", sum(spent[name] for name in WORKERS)
    for name in OTHERS:
        yield f"CPU of {name}, µs an event", spent[name]


def held(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """Memory and disk."""
    del settings, cases
    pids = pids_of(system)
    yield "most memory of the workers together, MB", peak_rss_bytes([pids[name] for name in WORKERS]) / 1e6
    for name in OTHERS:
        yield f"most memory of {name}, MB", peak_rss_bytes([pids[name]]) / 1e6
    for name, folder in (("local state", "state"), ("Kafka", "kafka"), ("ClickHouse", "clickhouse")):
        yield f"{name} on disk, MB", folder_bytes(system.home / folder) / 1e6


def idle(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """CPU with nothing to do."""
    del settings, cases
    pids = pids_of(system)
    ours = [pid for name, pid in pids.items() if pid and name != "kafka"]
    for what, of in (("everything but Kafka", ours), ("Kafka", [pids["kafka"]])):
        before = cpu_seconds(of)
        time.sleep(IDLE_SECONDS)
        yield f"idle: CPU of {what}, % of a core", (cpu_seconds(of) - before) / IDLE_SECONDS * 100


def queries(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """Coverage in every window and scope, every question of the dashboards to ClickHouse, the tables of the command line."""
    del settings, cases
    for window in WINDOWS:
        yield (
            f"guidang coverage --json, city, {window}, ms",
            quickest_ms(partial(system.json, "coverage", "--by", "city", "--window", window)),
        )
    for scope in SCOPES:
        yield f"guidang coverage --json, {scope}, ytd, ms", quickest_ms(partial(system.json, "coverage", "--by", scope, "--window", "ytd"))
    for name, arguments in TABLES.items():
        yield f"guidang {name} --json, ms", quickest_ms(partial(system.json, *arguments))
    yield "the start of a command alone (guidang --help), ms", quickest_ms(partial(system.run, "--help"))
    client = system.client()
    chosen = dict.fromkeys(("district", "unit", "type", "item", "case"), "")
    bound = {**chosen, "from_ms": at_ms(dt.date(2018, 1, 1)), "to_ms": ENDS_MS}
    asked = {
        f"panel {board.title} / {panel.title}": query.text
        for board in DASHBOARDS
        for panel in board.panels
        for query in panel.queries
        if isinstance(query, Sql)
    }
    taken = {what: quickest_ms(partial(client.query, text, parameters=bound)) for what, text in asked.items()}
    yield f"the {len(taken)} panels of figures for a whole year: median, ms", sorted(taken.values())[len(taken) // 2]
    for what, took_ms in taken.items():
        yield f"{what}, ms", took_ms
    yield "score of all units, query alone, ms", quickest_ms(lambda: client.query("SELECT * FROM score WHERE year = 2018 AND by = 'unit'"))


def quickest_ms(call: Callable[[], object]) -> float:
    """Milliseconds of the best of three."""
    return min(timed(call) for _ in range(3)) * 1000


def restarts(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """Seconds from the supervisor's look at two dead workers until all their partitions are open again, the start of Python included."""
    del cases
    yield "workers killed, back with their local state, s", back_after(system, settings, lambda: None)
    yield "workers killed, back from the changelogs alone, s", back_after(system, settings, lambda: shutil.rmtree(system.home / "state"))


def back_after(system: System, settings: Settings, meanwhile: Callable[[], None]) -> float:
    """Kill both workers behind the supervisor's back, do something, and see how long they take."""
    pids = pids_of(system)
    os.kill(pids["supervisor"], signal.SIGSTOP)
    try:
        for name in WORKERS:
            os.kill(pids[name], signal.SIGKILL)
            ready_path(settings, name).unlink()
        meanwhile()
    finally:
        os.kill(pids["supervisor"], signal.SIGCONT)
    return timed(lambda: until_ready(settings))


def until_ready(settings: Settings) -> None:
    """Both workers have all their partitions."""
    give_up = time.monotonic() + LIMIT_SECONDS
    while not all(ready_path(settings, name).exists() for name in WORKERS):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def compacted(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """The changelogs as they are, and when Kafka has nothing left to take out of them."""
    del cases
    logs = system.home / "kafka" / "data"
    names = [settings.topic(name) for name in CHANGELOGS]

    def megabytes() -> float:
        return sum(folder_bytes(folder) for name in names for folder in logs.glob(f"{name}-*")) / 1e6

    yield "changelogs on disk, MB", megabytes()
    for name in names:
        compact_at_once(settings.kafka_client(), name)
    least, since = megabytes(), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        time.sleep(1)
        if megabytes() < least * 0.999:
            least, since = megabytes(), time.monotonic()
    yield "changelogs on disk, compacted, MB", least


def reconciled(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """Every case judged anew."""
    del settings
    if cases <= MOST_RECONCILED:
        yield "guidang reconcile, s", timed(lambda: system.run("reconcile", limit_seconds=LIMIT_SECONDS))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How figures grow with the number of cases.")
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), metavar="CASES")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--home", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    main(given.sizes, given.json, given.chart, given.home)
