"""An archiving module that fails, and an archive source that dies: from the simulated city to the message that somebody gets.

The whole chain is real: broker, workers, sink, store, monitor, Prometheus, Alertmanager, ``guidang notify`` and the board.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.alertmanager.render import Targets
from tests.alerts.hurried import alertmanager_config, write_prometheus, write_targets
from tests.alerts.servers import Web, alertmanager, call, needs_alertmanager, needs_prometheus, prometheus, until, web
from tests.board.conftest import BoardProcess
from tests.system.conftest import System
from tests.system.test_metrics import targets
from tests.system.test_system import MakeSystem

pytestmark = [
    *(needs_prometheus, needs_alertmanager),
    *(pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)),
]

CASES = 15_000
WITHOUT_ITS_MODULE = "330100001"
"""The unit whose module is out from 14 May to 8 June (docs/simulator.md)."""
SETTLED_SECONDS = 10.0
"""Many looks of Prometheus and waits of Alertmanager: whoever is to be told has been told."""


UNHEARD = {f"Guidang{name}" for name in ("MonitorDown", "NoWorker", "SinkDown", "NotifierDown", "TargetDown", "FiguresUnavailable")}
"""Alerts that wait for minutes, because a busy machine misses a look now and then; here they do not wait."""


@dataclass(frozen=True)
class Watched:
    """A running system, and what its people are told."""

    system: System
    prometheus: str
    people: Web

    def told(self) -> list[tuple[str, str, str]]:
        """Status, alert, and unit or source, of every page that reached people, in order."""
        found = [(alert["status"], alert["labels"]) for _, body in list(self.people.posted) for alert in body["alerts"]]
        pages = [each for each in found if each[1]["severity"] == "page" and each[1]["alertname"] not in UNHEARD]
        return [(status, labels["alertname"], labels.get("unit") or labels.get("source", "")) for status, labels in pages]

    def firing(self) -> set[str]:
        """Names of the alerts that Prometheus holds to be true, told or not."""
        found = call(f"{self.prometheus}/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


@contextmanager
def watched(make_system: MakeSystem, folder: Path, at: str, *simulate: str) -> Iterator[Watched]:
    """A city at a moment, loaded whole, then watched."""
    with web() as people:
        (folder / "people").write_text(people.url("duty"))
        channel = {"name": "duty", "kind": "webhook", "url_file": str(folder / "people")}
        system = make_system(
            GUIDANG_CLOCK=at, GUIDANG_NOTIFY__CHANNELS=json.dumps([channel]), GUIDANG_NOTIFY__LINGER="1s", GUIDANG_NOTIFY__PORT="0"
        )
        system.up(2)
        system.run("simulate", "--cases", str(CASES), "--seed", "6", *simulate)
        system.caught_up()
        notify = json.loads((system.home / "endpoints.json").read_text())["notify"]
        scraped = targets(system).values()
        servers = folder / "servers"
        servers.mkdir()
        with alertmanager(servers / "alertmanager", alertmanager_config(Targets(f"{notify}/alertmanager"))) as manager:
            write_prometheus(servers, {"guidang": list(scraped)}, seconds=5)
            with prometheus(servers) as url:
                # Nothing waits here, so a process that was not yet looked at counts as down: people are there once all were.
                until(lambda: len(asked(url, "up==1")) == len(scraped), "all processes")
                until(lambda: asked(url, "guidang_unit_info"), "names of units")  # without its name a unit's page is another one
                write_targets(servers, "alertmanager", [{"targets": [manager.url.rpartition("/")[2]]}])
                yield Watched(system, url, people)


def test_a_unit_without_its_module_is_one_page_that_ends_with_the_repair(make_system: MakeSystem, tmp_path: Path) -> None:
    """Nobody is told of any other unit, or of the city; the board shows the unit first."""
    with watched(make_system, tmp_path, "2018-06-06T18:00:00+08:00") as city:
        began, ended = ((status, "GuidangCoverageDropUnit", WITHOUT_ITS_MODULE) for status in ("firing", "resolved"))
        until(city.told, "the page")
        time.sleep(SETTLED_SECONDS)
        assert city.told() == [began], city.people.posted

        told = {row["scope"]: row for row in city.system.json("coverage", "--by", "unit", "--window", "7d")}
        board = BoardProcess(json.loads((city.system.home / "endpoints.json").read_text())["board"], 0)
        (units,) = board.tables("/api/panel/guidang-city/units?range=7d")
        assert (units[0]["unit_code"], units[0]["coverage_due"]) == (WITHOUT_ITS_MODULE, told[WITHOUT_ITS_MODULE]["coverage_due"])

        missing = city.system.json("anomalies", "--kind", "UNARCHIVED", "--unit", WITHOUT_ITS_MODULE, "--state", "open")
        city.system.publish("archive-received", [archive_of(case) for case in missing])
        city.system.caught_up()
        until(lambda: city.told()[1:], "its end")
        time.sleep(SETTLED_SECONDS)
        assert city.told() == [began, ended], city.people.posted


def test_a_dead_archive_source_is_one_page_and_none_about_coverage(make_system: MakeSystem, tmp_path: Path) -> None:
    """What it owes is due and unknown, so coverage does not even seem to drop."""
    died = ("--archives-stop", "2018-08-29T18:30:00+08:00")
    with watched(make_system, tmp_path, "2018-09-05T18:00:00+08:00", *died) as city:
        until(city.told, "the page")
        time.sleep(SETTLED_SECONDS)
        assert city.told() == [("firing", "GuidangSourceStale", "zwfw")], city.people.posted
        assert not {name for name in city.firing() if name.startswith("GuidangCoverageDrop")}
        (whole,) = city.system.json("coverage", "--by", "city", "--window", "7d")
        assert whole["coverage_due"] < 0.85  # the line of the drop, if what is unknown were counted as missing
        assert whole["awaiting"] > whole["unarchived"]


def asked(prometheus: str, question: str) -> list[Any]:
    """Series that Prometheus answers with."""
    found: list[Any] = call(f"{prometheus}/api/v1/query?query={question}")["data"]["result"]
    return found


def archive_of(case: dict[str, Any]) -> dict[str, Any]:
    """What the repaired module sends for a case."""
    number = case["subject"]
    place = {name: case[name] for name in ("unit_code", "item_code")}
    return {
        "event_id": f"r-{number}",
        "archive_no": f"R-{number}",
        "case_no": number,
        **place,
        "title": "",
        "receipt": "ACCEPTED",
        "received_at": "2018-06-06T17:59:00+08:00",
    }
