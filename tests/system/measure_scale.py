"""How figures grow with the number of cases: cost of an event, memory, disk, idleness, queries, reconcile, and how soon workers are back.

Run as ``python -m tests.system.measure_scale [CASES ...]`` (default 100,000 and 1,000,000), each on a system of its own with two workers;
it prints a column for each. The data are those of :mod:`tests.system.measure_assessment`: the same items and the same year at every size.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from consumers.coverage import coverage_rows
from consumers.windows import parse_window
from dashboards.model import Sql
from dashboards.panels import DASHBOARDS
from ops.bench.usage import cpu_seconds, folder_bytes, peak_rss_bytes
from ops.ready import ready_path
from ops.simulate.calendar import at_ms
from streams.settings import Settings
from tests.system.conftest import System
from tests.system.measure_assessment import case_events, publish, reference_rows, timed

WORKERS = ("worker-1", "worker-2")
OTHERS = ("kafka", "store", "sink")
WINDOWS = ("24h", "30d", "ytd", "2017-01-01..2018-12-31")
ENDS_MS = at_ms(dt.date(2018, 12, 31), 18)
SIZES = (100_000, 1_000_000)
LIMIT_SECONDS = 3_000
IDLE_SECONDS = 20
Figure = tuple[str, float]


def main(sizes: list[int]) -> None:
    """Measure and print."""
    columns: list[list[Figure]] = []
    for cases in sizes:
        columns.append([])
        with tempfile.TemporaryDirectory(prefix="guidang-measure-") as folder:
            system = System(Path(folder), GUIDANG_CLOCK="2018-12-31T18:00:00+08:00")
            try:
                system.up(len(WORKERS))
                for figure in measure(system, Settings(data_dir=Path(folder)), cases):
                    columns[-1].append(figure)
                    print(f"  {cases}: {figure[0]} {figure[1]:,.2f}", file=sys.stderr, flush=True)
            finally:
                system.down()
    print(f"{'cases':60}", *(f"{cases:>12,}" for cases in sizes))
    for row in zip(*columns, strict=True):
        print(f"{row[0][0]:60}", *(f"{value:12,.2f}" for _, value in row))


def measure(system: System, settings: Settings, cases: int) -> Iterator[Figure]:
    """Measure on a running system."""
    pids = {each["name"]: each["pid"] for each in system.json("status")["processes"]}
    publish(settings, reference_rows())
    caught_up(system)
    yield from cost_of_events(system, settings, cases, pids)
    yield from held(system, pids)
    yield from idle(pids)
    yield from queries(system)
    yield from restarts(system, settings)
    yield "guidang reconcile, s", timed(lambda: system.run("reconcile", limit_seconds=LIMIT_SECONDS))


def caught_up(system: System) -> None:
    """Wait for as long as it may take."""
    system.run("wait", "--caught-up", "--timeout", str(LIMIT_SECONDS), limit_seconds=LIMIT_SECONDS)


def cost_of_events(system: System, settings: Settings, cases: int, pids: dict[str, int]) -> Iterator[Figure]:
    """From the first event sent to the last row in ClickHouse."""
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


def held(system: System, pids: dict[str, int]) -> Iterator[Figure]:
    """Memory and disk."""
    yield "most memory of the workers together, MB", peak_rss_bytes([pids[name] for name in WORKERS]) / 1e6
    for name in OTHERS:
        yield f"most memory of {name}, MB", peak_rss_bytes([pids[name]]) / 1e6
    for name, folder in (("local state", "state"), ("Kafka", "kafka"), ("ClickHouse", "clickhouse")):
        yield f"{name} on disk, MB", folder_bytes(system.home / folder) / 1e6


def idle(pids: dict[str, int]) -> Iterator[Figure]:
    """CPU with nothing to do."""
    ours = [pid for name, pid in pids.items() if pid and name != "kafka"]
    for what, of in (("everything but Kafka", ours), ("Kafka", [pids["kafka"]])):
        before = cpu_seconds(of)
        time.sleep(IDLE_SECONDS)
        yield f"idle: CPU of {what}, % of a core", (cpu_seconds(of) - before) / IDLE_SECONDS * 100


def queries(system: System) -> Iterator[Figure]:
    """Coverage, every question of the dashboards to ClickHouse, the score."""
    client = system.client()
    for window in WINDOWS:
        ask = partial(coverage_rows, client, "city", parse_window(window, ENDS_MS), now_ms=ENDS_MS, orphan_grace_ms=0)
        yield f"coverage of the city, {window}, ms", quickest_ms(ask)
    chosen = dict.fromkeys(("district", "unit", "type", "item", "case"), "")
    bound = {**chosen, "from_ms": at_ms(dt.date(2018, 1, 1)), "to_ms": ENDS_MS}
    asked = (query for board in DASHBOARDS for panel in board.panels for query in panel.queries)
    texts = dict.fromkeys(query.text for query in asked if isinstance(query, Sql))
    taken = sorted(quickest_ms(partial(client.query, text, parameters=bound)) for text in texts)
    yield f"the {len(taken)} questions of the dashboards for a whole year: median, ms", taken[len(taken) // 2]
    yield "the slowest of them, ms", taken[-1]
    yield "score of all units, ms", quickest_ms(lambda: client.query("SELECT * FROM score WHERE year = 2018 AND by = 'unit'"))


def quickest_ms(call: Callable[[], object]) -> float:
    """Milliseconds of the best of three."""
    return min(timed(call) for _ in range(3)) * 1000


def restarts(system: System, settings: Settings) -> Iterator[Figure]:
    """Seconds from the supervisor's look at two dead workers until all their partitions are open again, the start of Python included."""
    yield "workers killed, back with their local state, s", back_after(system, settings, lambda: None)
    yield "workers killed, back from the changelogs alone, s", back_after(system, settings, lambda: shutil.rmtree(system.home / "state"))


def back_after(system: System, settings: Settings, meanwhile: Callable[[], None]) -> float:
    """Kill both workers behind the supervisor's back, do something, and see how long they take."""
    pids = {each["name"]: each["pid"] for each in system.json("status")["processes"]}
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


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or list(SIZES))
