"""What a real Alertmanager makes of the configuration: one cause, one page; tickets in working hours; the watchdog on its own way."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from ops.alertmanager.render import Targets, render
from tests.alerts.rules import ROOT, alerts, firing
from tests.alerts.servers import Alertmanager, Web, alertmanager, needs_alertmanager, until, web

pytestmark = needs_alertmanager
QUICK = {"group_wait": "1s", "group_interval": "1s"}


def quick(receiver: Web) -> dict[str, Any]:
    """The configuration as it is, but for how long a group waits."""
    config: dict[str, Any] = yaml.safe_load(
        render(Targets(receiver.url("notify"), fallback=receiver.url("fallback"), deadman=receiver.url("deadman")))
    )
    config["route"] |= QUICK
    for route in config["route"]["routes"]:
        route |= {name: value for name, value in QUICK.items() if route.get(name, "0s") != "0s"}
    return config


@pytest.fixture(scope="module")
def receiver() -> Iterator[Web]:
    """Where Alertmanager posts."""
    with web() as state:
        yield state


@pytest.fixture(scope="module")
def manager(receiver: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One for all tests; each ends its alerts."""
    with alertmanager(tmp_path_factory.mktemp("alertmanager") / "it", yaml.safe_dump(quick(receiver), allow_unicode=True)) as running:
        yield running


def worker_down(name: str) -> dict[str, str]:
    """One worker is not scraped."""
    return firing("GuidangTargetDown", job="guidang-worker", instance=name)


UNCERTAIN = "GuidangCoverageUncertain"
ARCHIVES_STALE = firing("GuidangSourceStale", source="platform", topic="archive-received")
CLOSINGS_STALE = firing("GuidangSourceStale", source="platform", topic="case-closed")
ALL_COVERAGE = [
    firing("GuidangCoverageDropCity"),
    firing("GuidangCoverageLowCity"),
    *(firing(name, unit=unit) for name in ("GuidangCoverageDropUnit", "GuidangCoverageLowUnit") for unit in ("u1", "u2", "u3")),
    firing("GuidangOverdueBacklog", unit="u4"),
]
FROM_MONITOR = [
    *ALL_COVERAGE,
    ARCHIVES_STALE,
    firing("GuidangRefusals", unit="u1"),
    firing("GuidangConsumerLag", topic="case-closed"),
    firing("GuidangWatermarkStuck"),
    firing("GuidangSinkBehind"),
    firing("GuidangCanaryMissing"),
    firing("GuidangDeadLetters", reason="MISROUTED"),
]

CAUSES = {
    "the archive source stops": ([ARCHIVES_STALE], [firing(UNCERTAIN, reason="source"), *ALL_COVERAGE]),
    "the source of closings stops": ([CLOSINGS_STALE], [firing("GuidangOrphanArchives", unit="u1")]),
    "the broker is away": (
        [firing("GuidangBrokerUnreachable")],
        [
            firing("GuidangNoWorker"),
            firing("GuidangSinkDown"),
            firing("GuidangWorkerStuck", job="guidang-worker", instance="worker-1"),
            firing("GuidangRecoveryStalled", job="guidang-worker", instance="worker-2"),
            firing("GuidangSinkInsertsFailing", job="guidang-sink", instance="sink"),
            worker_down("worker-1"),
            firing("GuidangTargetDown", job="guidang-sink", instance="sink"),
            firing("GuidangCanaryMissing"),
            ARCHIVES_STALE,
        ],
    ),
    "the broker is away, and one worker": ([firing("GuidangBrokerUnreachable")], [worker_down("worker-2")]),
    "the monitor is away": (
        [firing("GuidangMonitorDown")],
        [*FROM_MONITOR, firing("GuidangTargetDown", job="guidang-monitor", instance="monitor")],
    ),
    "ClickHouse is away": (
        [firing("GuidangFiguresUnavailable")],
        [
            firing(UNCERTAIN, reason="figures"),
            *ALL_COVERAGE,
            firing("GuidangSinkBehind"),
            firing("GuidangSinkInsertsFailing", job="guidang-sink", instance="sink"),
            firing("GuidangRefusals", unit="u1"),
            firing("GuidangCanaryMissing"),
            ARCHIVES_STALE,
        ],
    ),
    "no worker runs": (
        [firing("GuidangNoWorker")],
        [
            firing(UNCERTAIN, reason="lag"),
            *ALL_COVERAGE,
            worker_down("worker-1"),
            worker_down("worker-2"),
            firing("GuidangConsumerLag", topic="case-closed"),
            firing("GuidangWatermarkStuck"),
            firing("GuidangCanaryMissing"),
            ARCHIVES_STALE,
        ],
    ),
    "a worker is stuck": (
        [firing("GuidangWorkerStuck", job="guidang-worker", instance="worker-1")],
        [firing(UNCERTAIN, reason="lag"), *ALL_COVERAGE, firing("GuidangConsumerLag", topic="case-closed"), firing("GuidangCanaryMissing")],
    ),
    "the consumers lag": (
        [firing("GuidangConsumerLag", topic="case-closed")],
        [firing(UNCERTAIN, reason="lag"), *ALL_COVERAGE, firing("GuidangCanaryMissing"), ARCHIVES_STALE],
    ),
    "the sink is away": (
        [firing("GuidangSinkDown")],
        [
            firing("GuidangTargetDown", job="guidang-sink", instance="sink"),
            firing("GuidangSinkBehind"),
            firing(UNCERTAIN, reason="lag"),
            *ALL_COVERAGE,
            firing("GuidangCanaryMissing"),
            ARCHIVES_STALE,
        ],
    ),
    "the system has just started": ([], [firing(UNCERTAIN, reason="starting"), *ALL_COVERAGE]),
    "all units lose": (
        [firing("GuidangCoverageDropCity")],
        [firing("GuidangCoverageLowCity"), *(firing("GuidangCoverageDropUnit", unit=unit) for unit in ("u1", "u2", "u3"))],
    ),
    "one unit loses": (
        [firing("GuidangCoverageDropUnit", unit="u1"), firing("GuidangCoverageLowUnit", unit="u2"), firing("GuidangRefusals", unit="u1")],
        [firing("GuidangCoverageLowUnit", unit="u1"), firing("GuidangOverdueBacklog", unit="u1")],
    ),
    "the platform refuses": (
        [firing("GuidangRefusalBurst"), firing("GuidangCoverageDropUnit", unit="u1")],
        [firing("GuidangRefusals", unit="u1"), firing("GuidangRefusals", unit="u2")],
    ),
    "the notifier is away": (
        [firing("GuidangNotifierDown"), firing("GuidangCoverageDropUnit", unit="u1")],
        [
            firing("GuidangTargetDown", job="guidang-notify", instance="notify"),
            firing("GuidangAlertmanagerFailing", instance="alertmanager", integration="webhook"),
            firing("GuidangNotifyStuck", channel="ops"),
        ],
    ),
    "several causes at once": (
        [firing("GuidangMonitorDown"), firing("GuidangNoWorker"), firing("GuidangSinkDown"), firing("GuidangNotifierDown")],
        [worker_down("worker-1")],
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_one_cause_is_told_and_what_follows_from_it_is_not(cause: str, manager: Alertmanager) -> None:
    """Of all that fires together; what is only information is told to nobody anyway."""
    causes, followers = CAUSES[cause]

    def told() -> list[str]:
        heard = manager.heard()
        assert len(heard) == len(causes) + len(followers)
        return in_order(labels for labels, suppressed in heard if not suppressed and labels["severity"] != "info")

    manager.post(*causes, *followers)
    try:
        with suppress(AssertionError):  # inhibition comes a moment after the alerts
            until(lambda: told() == in_order(causes), cause, patience_seconds=5)
        assert told() == in_order(causes)
    finally:
        manager.post(*causes, *followers, ended=True)
        until(lambda: not manager.heard(), "the alerts end")


def in_order(labels: Iterable[dict[str, str]]) -> list[str]:
    """For comparing."""
    return sorted(str(sorted(each.items())) for each in labels)


def test_every_page_can_be_told_by_itself(manager: Alertmanager) -> None:
    """No rule inhibits an alert by itself."""
    for name in (name for name, rule in alerts().items() if rule["labels"]["severity"] == "page"):
        manager.post(firing(name))
        assert [suppressed for labels, suppressed in manager.heard() if labels["alertname"] == name] == [False]
        manager.post(firing(name), ended=True)
        until(lambda: not manager.heard(), "the alert ends")


def interval(hours: tuple[int, ...]) -> list[dict[str, Any]]:
    """Every day at these hours of Shanghai."""
    at = [{"start_time": f"{hour:02}:00", "end_time": f"{hour + 1:02}:00"} for hour in hours]
    return [{"times": at, "location": "Asia/Shanghai"}]


def days(day: dt.date) -> list[dict[str, Any]]:
    """One day of Shanghai."""
    on = {"years": [str(day.year)], "months": [str(day.month)], "days_of_month": [str(day.day)]}
    return [{**on, "location": "Asia/Shanghai"}]


def test_a_ticket_is_told_in_working_hours_of_shanghai_alone_and_a_page_always(manager: Alertmanager, receiver: Web) -> None:
    """The intervals are moved to where the clock stands; the routes are those of the product."""
    now = dt.datetime.now(ZoneInfo("Asia/Shanghai"))
    this, other, utc = (now.hour, (now.hour + 1) % 24), (now.hour + 12) % 24, now.astimezone(dt.UTC).hour
    never, today = days(now.date() + dt.timedelta(days=40)), [*days(now.date()), *days(now.date() + dt.timedelta(days=1))]
    cases = {
        "working": (interval(this), never, True),
        "night": (interval((other,)), never, False),
        "working-by-utc": (interval((utc,)), never, False),
        "holiday": (interval(this), today, False),
    }
    for name, (working, holidays, told) in cases.items():
        config = quick(receiver)
        config["time_intervals"] = [
            {"name": "working-hours", "time_intervals": working},
            {"name": "public-holidays", "time_intervals": holidays},
        ]
        manager.reload(yaml.safe_dump(config))
        ticket, page = firing("GuidangRefusals", unit=name), firing("GuidangCoverageDropUnit", unit=name)
        manager.post(ticket)
        time.sleep(0.3)  # it has its turn first
        manager.post(page)
        until(lambda page=page: page in receiver.told("notify"), "the page")
        if told:
            until(lambda ticket=ticket: ticket in receiver.told("notify"), "the ticket")
        else:
            time.sleep(1.5)  # its group's turn comes once more
            assert ticket not in receiver.told("notify")
        manager.post(ticket, page, ended=True)
        until(lambda: not manager.heard(), "the alerts end")


def test_the_watchdog_and_what_is_wrong_with_notifying_go_their_own_ways(manager: Alertmanager, receiver: Web) -> None:
    """The one to the dead man's switch alone, the other both ways; what is inhibited, and information, reaches nobody."""
    manager.reload(yaml.safe_dump(quick(receiver)))
    receiver.posted.clear()  # other tests tell it of the same alerts
    watchdog, notifier = firing("GuidangWatchdog"), firing("GuidangNotifierDown")
    uncertain, drop = firing(UNCERTAIN, reason="lag"), firing("GuidangCoverageDropCity")
    manager.post(watchdog, uncertain, notifier)
    until(lambda: watchdog in receiver.told("deadman") and notifier in receiver.told("fallback"), "both")
    manager.post(drop)  # what inhibits it is known by now: of alerts that come together, either may have its turn first
    until(lambda: notifier in receiver.told("notify"), "the page")
    manager.post(notifier, ended=True)
    until(lambda: notifier in receiver.told("notify", "resolved"), "its end")
    assert receiver.told("deadman") == [watchdog]
    assert receiver.told("fallback") == [notifier]
    assert not [labels for labels in (watchdog, uncertain, drop) if labels in receiver.told("notify")]
    manager.post(watchdog, uncertain, drop, ended=True)


def amtool_lines() -> list[list[str]]:
    """The commands of amtool in the runbooks."""
    text = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"(?m)(?:^|`)(amtool [^`\n]*)", text)]


def test_the_commands_of_amtool_in_the_runbooks_work(manager: Alertmanager) -> None:
    """Queries and silences, as whoever is called copies them; the address is this Alertmanager's."""
    assert {words[1] for words in amtool_lines()} == {"alert", "silence"}
    for words in amtool_lines():
        assert "--alertmanager.url=http://127.0.0.1:9093" in words
        done = subprocess.run(
            [word.replace("http://127.0.0.1:9093", manager.url) for word in words], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
