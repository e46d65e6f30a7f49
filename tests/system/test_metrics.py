"""All processes of a running system as Prometheus sees them."""

from __future__ import annotations

import datetime as dt
import json
import signal
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.caught_up import Observer
from ops.observe.catalogue import ROLES
from streams.metrics import Metric
from streams.settings import Settings
from tests.system.cases import ZONE, closing
from tests.system.conftest import System
from tests.system.test_system import DEADLINE_72H, MakeSystem, agree
from tests.test_serving import ask

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

AT = "2018-12-31T18:00:00+08:00"
CASES = 800
OPTIONAL = {"guidang_dead_letters", "guidang_oldest_overdue_seconds"}
"""Without samples where there is nothing to tell."""
Labels = tuple[tuple[str, str], ...]


@dataclass
class Scrape:
    """What one process served."""

    kinds: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def of(self, name: str, **labels: str) -> float:
        """Value of one sample."""
        return self.samples[name][tuple(sorted(labels.items()))]


def targets(system: System) -> dict[str, dict[str, Any]]:
    """What Prometheus is told to scrape, by name."""
    found = json.loads((system.home / "run" / "prometheus-targets.json").read_text())
    return {each["labels"]["name"]: each for each in found}


def asked(system: System, name: str, what: str) -> tuple[int, str]:
    """What a process answers when it is asked how it is."""
    (address,) = targets(system)[name]["targets"]
    return ask(int(address.rpartition(":")[2]), f"/{what}")


def scrape(system: System, name: str) -> Scrape:
    """Scrape one process."""
    (address,) = targets(system)[name]["targets"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert lines_with_cases(text) == []
    found = Scrape()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.kinds[sample.name] = family.type
            found.samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def lines_with_cases(text: str) -> list[str]:
    """Lines that name a case."""
    return [line for line in text.splitlines() if "guidang-canary" in line or "case_no" in line]


def eventually(look: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it."""
    give_up = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < give_up
        time.sleep(0.5)


def check_declared(role: str, found: Scrape) -> None:
    """Everything that is served is declared so, and everything that is declared is served."""
    series = {name: metric for metric in ROLES[role] for name in metric.series}
    assert found.samples.keys() <= series.keys()
    assert {name for name in series if name not in found.samples} <= OPTIONAL
    for name, samples in found.samples.items():
        metric = series[name]
        assert found.kinds[name] == metric.kind
        for labels in samples:
            check_labels(metric, {label: value for label, value in labels if label != "le"})


def check_labels(metric: Metric, labels: Mapping[str, str]) -> None:
    """The names of the declaration, and values of the sets that are fixed."""
    assert set(labels) == set(metric.labels)
    for label, values in metric.values.items():
        assert labels[label] in values, (metric.name, label)


def test_every_process_serves_what_is_declared_and_the_figures_of_the_command_line(make_system: MakeSystem) -> None:
    """A simulated year, with a canary on its way all the time; then a worker and the store are taken away."""
    system = make_system(**DEADLINE_72H, GUIDANG_CLOCK=AT, GUIDANG_CANARY__EVERY="1s")
    system.up(1)
    system.run("simulate", "--cases", str(CASES), "--seed", "11")
    system.caught_up()
    eventually(lambda: "guidang_canary_seconds" in scrape(system, "monitor").samples)
    eventually(lambda: scrape(system, "monitor").of("guidang_caught_up_since_start") == 1)
    roles = {name: each["labels"]["role"] for name, each in targets(system).items()}
    assert roles == {"worker-1": "worker", "sink": "sink", "monitor": "monitor"}
    scraped = {name: scrape(system, name) for name in roles}
    for name, role in roles.items():
        check_declared(role, scraped[name])
    check_figures(system, scraped["monitor"])
    check_work(system, scraped["worker-1"], scraped["sink"])
    check_sources(scraped["monitor"])
    check_listeners(system)
    agree(system)  # the canary's events are in the topics; no figure rests on them
    assert system.sql("SELECT status, count() FROM case_state FINAL WHERE startsWith(case_no, 'guidang-canary-') GROUP BY ALL") == [
        ("NOT_CLOSED", 8)
    ]
    assert system.sql("SELECT count() FROM anomaly WHERE startsWith(subject, 'guidang-canary-')") == [(0,)]

    assert {name: asked(system, name, "ready") for name in roles} == dict.fromkeys(roles, (200, "ok\n"))
    system.kill("store", signal.SIGSTOP)
    try:
        eventually(lambda: scrape(system, "monitor").of("guidang_figures_up") == 0)
        hung = scrape(system, "monitor")
        assert "guidang_cases" not in hung.samples
        assert "guidang_lag_records" in hung.samples
        # The canary's next may be long in coming: it is sent when the monitor has given up its questions to the store.
        system.publish("case-closed", [closing("while-the-store-hangs", dt.datetime(2018, 3, 1, 10, tzinfo=ZONE))])
        eventually(lambda: asked(system, "sink", "ready")[0] == 503)
        assert "未能写入" in asked(system, "sink", "ready")[1]
        assert asked(system, "sink", "live") == asked(system, "worker-1", "ready") == (200, "ok\n")
    finally:
        system.kill("store", signal.SIGCONT)
    eventually(lambda: asked(system, "sink", "ready")[0] == 200)

    observer = Observer(Settings(data_dir=system.home))
    before = observer.workers()
    assert len(before) == 1
    system.kill("worker")
    eventually(lambda: bool(observer.workers() - before))  # that is how the monitor knows that one has started


def check_listeners(system: System) -> None:
    """Nothing listens but to this machine, and what has no service to give only on its metrics port."""
    addresses = {name: each["targets"] for name, each in targets(system).items()}
    seen = set()
    for process in system.json("status")["processes"]:
        if process["pid"]:
            found = listeners(process["pid"])
            assert all(each.startswith("127.0.0.1:") for each in found), (process["name"], found)
            if process["role"] not in {"kafka", "store", "board"}:
                assert found == addresses.get(process["name"], []), process["name"]
            seen.add(process["role"])
    assert seen >= {"supervisor", "kafka", "store", "worker", "sink", "monitor", "board"}


def listeners(pid: int) -> list[str]:
    """Addresses on which a process listens over TCP."""
    own, found = set(), []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            own.add(str(link.readlink()))
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in own:
                host, _, port = local.partition(":")
                known = host in {"0100007F", "0000000000000000FFFF00000100007F"}
                found.append(f"{'127.0.0.1' if known else host}:{int(port, 16)}")
    return sorted(found)


def check_figures(system: System, found: Scrape) -> None:
    """Coverage in three scopes and the score, against what the commands print."""
    for by in ("city", "district", "unit"):
        rows = {row["scope"]: row for row in system.json("coverage", "--by", by, "--window", "ytd")}
        assert {labels["scope"] for labels in map(dict, found.samples["guidang_cases"]) if labels["by"] == by} == rows.keys()
        for scope, row in rows.items():
            for state in ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan"):
                assert found.of("guidang_cases", by=by, scope=scope, state=state) == row[state], (by, scope, state)
            if row["coverage"] is not None:
                assert found.of("guidang_coverage_ratio", by=by, scope=scope) == row["coverage"]
    for by in ("district", "unit"):
        for row in system.json("score", "--year", "2018", "--by", by):
            for part in ("completeness", "quality", "bonus", "total"):
                assert found.of("guidang_score_points", by=by, scope=row["scope"], part=part) == row[part]
    open_now = [row for row in system.json("anomalies", "--state", "open") if not row["waived"]]
    assert sum(found.samples["guidang_open_findings"].values()) == len(open_now)
    assert found.of("guidang_cases", by="city", scope="330100", state="closed") > CASES / 2


def check_work(system: System, worker: Scrape, sink: Scrape) -> None:
    """What one worker has counted since it started is what is there."""
    told = {
        tuple(row[:2]): row[2] for row in system.sql("SELECT toString(kind), toString(state), count() FROM anomaly GROUP BY kind, state")
    }
    assert worker.of("guidang_worker_anomalies_total", kind="UNARCHIVED", state="OPENED") >= told["UNARCHIVED", "OPENED"]
    assert worker.of("guidang_worker_ready") == sink.of("guidang_sink_ready") == 1
    assert worker.of("guidang_worker_partitions", state="open") == 8
    assert worker.of("guidang_worker_records_total", topic="case-closed") >= CASES * 0.9
    assert worker.of("guidang_worker_commit_seconds_count") == sum(worker.samples["guidang_worker_transactions_total"].values())
    (cases,) = system.sql("SELECT count() FROM case_state FINAL")
    assert sink.of("guidang_sink_rows_total", table="case_state") >= cases[0]


def check_sources(monitor: Scrape) -> None:
    """Those of the simulator send heartbeats."""
    silent = monitor.samples["guidang_source_silent_seconds"]
    assert silent.keys() >= monitor.samples["guidang_source_expected_gap_seconds"].keys()
    assert all(seconds >= 0 for seconds in silent.values())
