"""From metrics to a message, through a real Prometheus and a real Alertmanager, with minutes made into nothing.

Two monitors are scraped: no join may break for that, and no alert may be there twice.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.alertmanager.render import Targets
from tests.alerts.hurried import alertmanager_config, write_prometheus
from tests.alerts.rules import alerts
from tests.alerts.servers import Alertmanager, Web, alertmanager, call, needs_alertmanager, needs_prometheus, prometheus, until, web

pytestmark = [needs_prometheus, needs_alertmanager]
ROLES = {"worker-1": "worker", "sink": "sink", "monitor": "monitor", "monitor-2": "monitor", "notify": "notify"}
WATCHING = {"prometheus": "prometheus", "alertmanager": "alertmanager"}
UNITS = ("u1", "u2", "u3", "u4")
NAMES = {"u1": "市卫健委", "u2": "市规划局", "u3": "上城区民政局"}
STARTED = frozenset({"GuidangWatchdog"})
OF_PROCESSES = frozenset({"GuidangMonitorDown", "GuidangNoWorker", "GuidangSinkDown", "GuidangNotifierDown", "GuidangTargetDown"})
"""Without their minutes of patience, one scrape that a busy machine has no second for makes them fire."""


def healthy() -> dict[str, dict[str, float]]:
    """Samples of each target while all is well; a rising counter gives its step in :data:`RISING`."""
    monitor: dict[str, float] = {
        "guidang_figures_up": 1,
        "guidang_caught_up_since_start": 1,
        "guidang_watermark_age_seconds": 1,
        'guidang_lag_records{topic="case-closed"}': 0,
        'guidang_lag_seconds{topic="case-closed"}': 1,
        'guidang_lag_seconds{topic="case-state"}': 0,
        'guidang_source_silent_seconds{source="platform",topic="archive-received"}': 60,
        'guidang_source_expected_gap_seconds{source="platform",topic="archive-received"}': 3600,
        "guidang_canary_age_seconds": 20,
        'guidang_dead_letters{reason="MISROUTED"}': 3,
    }
    monitor |= {f'guidang_unit_info{{unit="{unit}",unit_name="{name}",district="330100"}}': 1 for unit, name in NAMES.items()}
    for window, due in (("24h", 100), ("7d", 500), ("30d", 2000)):
        for unit in UNITS:
            monitor |= due_cases("unit", unit, window, due, due)
        monitor |= due_cases("city", "330100", window, len(UNITS) * due, len(UNITS) * due)
    worker = {
        'guidang_worker_partitions{state="open"}': 4,
        'guidang_worker_partitions{state="opening"}': 0,
        "guidang_worker_recovered_records_total": 0,
        'guidang_worker_transactions_total{kind="idle"}': 0,
        'guidang_worker_records_total{topic="case-closed"}': 0,
        'guidang_worker_verdicts_total{status="ARCHIVED"}': 0,
    }
    sink = {"guidang_sink_waiting_seconds": 0, "guidang_sink_insert_failures_total": 0}
    notify = {'guidang_notify_oldest_queued_seconds{channel="ops"}': 0}
    return {"worker-1": worker, "sink": sink, "monitor": monitor, "notify": notify, "prometheus": {}, "alertmanager": {}}


def due_cases(by: str, scope: str, window: str, due: float, archived: float) -> dict[str, float]:
    """Both samples of a window."""
    labels = f'{{by="{by}",scope="{scope}",window="{window}"}}'
    return {f"guidang_due_cases{labels}": due, f"guidang_due_archived_cases{labels}": archived}


@dataclass(slots=True)
class City:
    """What the processes say. Counters and gauges in ``rising`` grow by so much at each scrape."""

    said: dict[str, dict[str, float]] = field(default_factory=healthy)
    rising: dict[str, float] = field(default_factory=lambda: {'guidang_worker_transactions_total{kind="idle"}': 15})
    guard: threading.Lock = field(default_factory=threading.Lock)

    def page(self, target: str) -> str | None:
        """What a target answers; ``None``: it is down."""
        with self.guard:
            samples = self.said.get("monitor" if target == "monitor-2" else target)
            if samples is None:
                return None
            for name, step in self.rising.items():
                if name in samples and target != "monitor-2":
                    samples[name] += step
            return "".join(f"{name} {value}\n" for name, value in samples.items())

    def say(self, target: str, samples: Mapping[str, float | None]) -> None:
        """Change what it says; ``None``: no longer anything."""
        with self.guard:
            for name, value in samples.items():
                if value is None:
                    self.said[target].pop(name, None)
                else:
                    self.said[target][name] = value


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole chain, running."""

    city: City
    url: str
    manager: Alertmanager
    receiver: Web

    def firing(self) -> list[dict[str, Any]]:
        """Alerts that fire in Prometheus now."""
        return [alert for alert in call(f"{self.url}/api/v1/alerts")["data"]["alerts"] if alert["state"] == "firing"]

    def names(self) -> set[str]:
        """Their names, without those that always fire, and without those of processes."""
        return {alert["labels"]["alertname"] for alert in self.firing()} - STARTED - OF_PROCESSES

    def pages(self, status: str = "firing") -> list[tuple[str, str]]:
        """Name and unit, or source, of each alert that people were told of, without those of processes."""
        told = [labels for labels in self.receiver.told("notify", status) if labels["alertname"] not in OF_PROCESSES]
        return [(labels["alertname"], labels.get("unit") or labels.get("source") or "") for labels in told]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Processes that are well, Prometheus, Alertmanager, and where it posts."""
    city, tmp_path = City(), tmp_path_factory.mktemp("chain")
    with web(city.page) as processes, web() as receiver:
        address = f"127.0.0.1:{processes.port}"
        own = [
            {"targets": [address], "labels": {"__metrics_path__": f"/{name}", "role": role, "name": name}} for name, role in ROLES.items()
        ]
        watching = [
            {"targets": [address], "labels": {"__metrics_path__": f"/{name}", "job": job, "instance": name}}
            for name, job in WATCHING.items()
        ]
        config = alertmanager_config(Targets(receiver.url("notify"), fallback=receiver.url("fallback"), deadman=receiver.url("deadman")))
        with alertmanager(tmp_path / "alertmanager", config) as manager:
            managers = [{"targets": [manager.url.rpartition("/")[2]]}]
            write_prometheus(tmp_path, {"guidang": own, "watching": watching, "alertmanager": managers})
            with prometheus(tmp_path) as url:
                running = Chain(city, url, manager, receiver)
                until(lambda: call(f"{url}/api/v1/query?query=guidang:unit:info")["data"]["result"], "the first figures")
                until(lambda: {alert["labels"]["alertname"] for alert in running.firing()} == STARTED, "all targets")
                yield running


def test_one_unit_that_loses_its_module_is_one_page_and_a_dead_archive_source_is_one_page(chain: Chain) -> None:
    """The unit's page ends when it is repaired; while the source is dead nobody is told of coverage, though all of it drops."""
    city = chain.city
    for window, due, archived in (("24h", 100, 0), ("7d", 500, 400)):
        city.say("monitor", due_cases("unit", "u1", window, due, archived))
        city.say("monitor", due_cases("city", "330100", window, len(UNITS) * due, len(UNITS) * due - due + archived))
    until(chain.pages, "the unit's page")
    until(lambda: chain.names() == {"GuidangCoverageDropUnit"}, "nothing else")
    for window, due in (("24h", 100), ("7d", 500)):
        city.say("monitor", due_cases("unit", "u1", window, due, due))
        city.say("monitor", due_cases("city", "330100", window, len(UNITS) * due, len(UNITS) * due))
    until(lambda: chain.pages("resolved"), "its end")
    assert chain.pages() == chain.pages("resolved") == [("GuidangCoverageDropUnit", "u1")]

    city.say("monitor", {'guidang_source_silent_seconds{source="platform",topic="archive-received"}': 90_000})
    for window, due in (("24h", 100), ("7d", 500)):
        for unit in UNITS:
            city.say("monitor", due_cases("unit", unit, window, due, due / 2))
        city.say("monitor", due_cases("city", "330100", window, len(UNITS) * due, len(UNITS) * due / 2))
    until(lambda: len(chain.pages()) > 1, "the source's page")
    until(lambda: chain.names() >= {"GuidangCoverageDropCity", "GuidangCoverageDropUnit", "GuidangSourceStale"}, "the drop")
    dropped = {"GuidangCoverageDropCity", "GuidangCoverageDropUnit"}
    until(lambda: {labels["alertname"] for labels, quiet in chain.manager.heard() if quiet} == dropped, "what is held back")
    assert chain.pages()[1:] == [("GuidangSourceStale", "platform")]
    until(lambda: chain.receiver.told("deadman"), "the watchdog")


BROKEN: dict[str, dict[str, float]] = {
    "monitor": {
        'guidang_source_silent_seconds{source="platform",topic="archive-received"}': 7200,
        'guidang_lag_seconds{topic="case-closed"}': 5000,
        'guidang_lag_records{topic="case-closed"}': 900,
        'guidang_lag_seconds{topic="case-state"}': 5000,
        "guidang_canary_age_seconds": 5000,
        'guidang_open_findings{unit="few",kind="UNARCHIVED",backfill="false"}': 9,
        'guidang_oldest_overdue_seconds{unit="few"}': 400_000,
        'guidang_open_findings{unit="u1",kind="REFUSED",backfill="false"}': 20,
        'guidang_open_findings{unit="u1",kind="ORPHAN_ARCHIVE",backfill="false"}': 20,
        'guidang_open_findings{unit="u1",kind="NOT_CONFIGURED",backfill="false"}': 2,
        'guidang_open_findings{unit="u1",kind="NAME_MISMATCH",backfill="false"}': 2,
    },
    "worker-1": {
        'guidang_worker_partitions{state="opening"}': 2,
        'guidang_worker_commit_seconds_bucket{le="2.5"}': 0,
        'guidang_worker_commit_seconds_bucket{le="5"}': 0,
        'guidang_worker_commit_seconds_bucket{le="+Inf"}': 0,
    },
    "notify": {
        'guidang_notify_oldest_queued_seconds{channel="ops"}': 5000,
        'guidang_notify_messages_total{channel="ops",outcome="refused"}': 1,
    },
    "alertmanager": {'alertmanager_notifications_failed_total{integration="webhook"}': 0},
    "prometheus": {'prometheus_rule_evaluation_failures_total{rule_group="guidang-sink"}': 0},
}
RISING = {
    'guidang_open_findings{unit="u1",kind="REFUSED",backfill="false"}': 100,
    'guidang_dead_letters{reason="MISROUTED"}': 100,
    'guidang_worker_commit_seconds_bucket{le="5"}': 10,
    'guidang_worker_commit_seconds_bucket{le="+Inf"}': 10,
    "guidang_sink_insert_failures_total": 5,
    'guidang_notify_messages_total{channel="ops",outcome="refused"}': 1,
    'alertmanager_notifications_failed_total{integration="webhook"}': 1,
    'prometheus_rule_evaluation_failures_total{rule_group="guidang-sink"}': 1,
}


def test_every_alert_fires_once_and_says_what_it_means(chain: Chain) -> None:
    """When everything breaks, in three steps: its text is whole, its labels are there, no rule fails, and no alert is there twice."""
    city, seen = chain.city, dict[str, dict[str, Any]]()

    def look(*expected: str) -> bool:
        firing = chain.firing()
        twice = Counter(str(alert["labels"]) for alert in firing)
        assert max(twice.values()) == 1
        seen.update({alert["labels"]["alertname"]: alert for alert in firing})
        return set(expected) <= {alert["labels"]["alertname"] for alert in firing}

    with city.guard:
        city.rising = dict(RISING)  # transactions stand still
    for target, samples in BROKEN.items():
        city.say(target, samples)
    for window, due in (("24h", 100), ("7d", 500), ("30d", 2000)):
        for unit in UNITS:
            city.say("monitor", due_cases("unit", unit, window, due, due / 2))
        city.say("monitor", due_cases("city", "330100", window, len(UNITS) * due, len(UNITS) * due / 2))
    later = {
        *("GuidangBrokerUnreachable", "GuidangFiguresUnavailable", "GuidangWatermarkStuck", "GuidangTargetDown"),
        *("GuidangMonitorDown", "GuidangNoWorker", "GuidangSinkDown", "GuidangNotifierDown"),
    }
    until(lambda: look(*(set(alerts()) - later)), "the first step")
    city.say("monitor", {'guidang_lag_records{topic="case-closed"}': 0, "guidang_watermark_age_seconds": 5000})
    until(lambda: look("GuidangWatermarkStuck"), "the watermark")
    city.say("monitor", {'guidang_lag_records{topic="case-closed"}': None, "guidang_figures_up": 0})
    until(lambda: look("GuidangBrokerUnreachable", "GuidangFiguresUnavailable"), "the servers")
    with city.guard:
        city.said = {}
    until(
        lambda: look("GuidangMonitorDown", "GuidangNoWorker", "GuidangSinkDown", "GuidangNotifierDown", "GuidangTargetDown"),
        "the processes",
    )

    assert set(seen) == set(alerts())
    for name, alert in seen.items():
        said = "\n".join(alert["annotations"].values())
        assert not re.search(r"<no value>|<error|%!|{{|}}|（）", said), said
        assert set(re.findall(r"\$labels\.(\w+)", str(alerts()[name]["annotations"]))) <= set(alert["labels"]) | {"source"}
    assert seen["GuidangCoverageDropUnit"]["labels"]["unit_name"] in {*NAMES.values(), "u4"}
    rules = [rule for group in call(f"{chain.url}/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
