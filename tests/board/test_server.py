"""The board's server: what each panel gets, who may ask, and what is said when something does not answer."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from consumers.clickhouse import connect
from consumers.coverage import coverage_rows
from consumers.windows import parse_window
from dashboards.board.answer import MOST_ROWS, table
from dashboards.board.figures import Figures
from dashboards.board.pipeline import SECTION, without_prometheus
from dashboards.board.server import STATIC
from dashboards.board.shared import Shared
from dashboards.model import Prom
from dashboards.panels import DASHBOARDS
from ops.ports import free_port
from ops.publish.publish import publish_file
from ops.topics import ensure_topics
from streams.contracts import CASE_CLOSED
from streams.errors import DependencyError, NotAllowed
from streams.settings import ClickHouseSettings, Settings
from tests.board.conftest import DATABASE, PLAN, BoardProcess, Year, running_board
from tests.conftest import Kafka

pytestmark = pytest.mark.clickhouse
ECHARTS_VERSION = "6.1.0"
ECHARTS_SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"


def figure_panels() -> Iterator[Any]:
    """Address of every panel that ClickHouse answers, and every annotation and list of options."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            if panel.source == "figures":
                yield pytest.param(f"/api/panel/{dashboard.uid}/{panel.key}", id=f"{dashboard.uid}-{panel.key}")
        if any(not isinstance(annotation.query, Prom) for annotation in dashboard.annotations):
            yield pytest.param(f"/api/annotations/{dashboard.uid}", id=f"{dashboard.uid}-annotations")


@pytest.mark.parametrize("path", list(figure_panels()))
def test_every_panel_of_the_figures_is_answered(board: BoardProcess, path: str) -> None:
    """As the page asks, with a case chosen."""
    assert board.tables(f"{path}?case=none&range=ytd")


def test_the_figures_are_those_of_the_command_line(board: BoardProcess, year: Year) -> None:
    """Every unit with every count, in the year to date and in a range of dates."""
    client = connect(Settings(clickhouse=ClickHouseSettings(url=year.store.url, database=DATABASE)))
    for window in ("ytd", "2018-03-01..2018-05-31"):
        expected = coverage_rows(client, "unit", parse_window(window, PLAN.moment_ms), now_ms=PLAN.moment_ms)
        (found,) = board.tables(f"/api/panel/guidang-city/units?range={window}")
        names = ("scope", "closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "coverage", "official")
        assert sorted([row[name] for name in names] for row in found) == sorted([row[name] for name in names] for row in expected)


def test_variables_narrow_a_panel_and_the_options_of_those_behind_them(board: BoardProcess) -> None:
    """One unit: its own count; its items: fewer than all."""
    (units,) = board.tables("/api/panel/guidang-city/units")
    unit = units[0]["unit_code"]
    ((counts,),) = board.tables(f"/api/panel/guidang-unit/counts?unit={unit}")
    assert counts["closed"] == units[0]["closed"]
    every, own = (board.ask(f"/api/options/guidang-unit/item{query}").json["rows"] for query in ("", f"?unit={unit}"))
    assert 0 < len(own) < len(every)


def test_moments_are_epoch_milliseconds_and_named_so(board: BoardProcess) -> None:
    """The page shows them in Beijing's time, whatever its own zone."""
    (first, *_) = board.ask("/api/panel/guidang-city/trend").json["tables"]
    assert first["times"] == ["time"]
    assert first["rows"][0][first["columns"].index("time")] % 86_400_000 == 16 * 3_600_000


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Host": "127.0.0.1.evil.example:80"}, 403),
        ("GET", {"Host": "localhost:1"}, 200),
        ("GET", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ("GET", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200),
        ("POST", {}, 405),
        ("DELETE", {}, 405),
    ],
)
def test_only_readers_of_this_machine_are_answered(board: BoardProcess, method: str, headers: dict[str, str], status: int) -> None:
    """A foreign name (DNS rebinding), a request that a foreign page caused, anything but reading: refused; a link is not."""
    assert board.ask("/api/dashboards", method, **headers).status == status


@pytest.mark.parametrize("path", ["/d/guidang-city", "/static/main.js", "/api/dashboards", "/nowhere", "/api/panel/guidang-city/nothing"])
def test_every_answer_forbids_what_is_not_ours(board: BoardProcess, path: str) -> None:
    """Errors and files too."""
    headers = board.ask(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/d/none", 404),
        ("/api/panel/none/units", 404),
        ("/api/panel/guidang-city/none", 404),
        ("/api/options/guidang-city/none", 404),
        ("/api/panel/guidang-city/units?range=yesterday", 400),
        ("/api/panel/guidang-city/units?unit=" + "x" * 201, 400),
        ("/api/panel/guidang-city/units?unit=%00", 400),
        ("/api/cases", 400),
        ("/static/../server.py", 404),
    ],
)
def test_what_cannot_be_answered_is_refused(board: BoardProcess, path: str, status: int) -> None:
    """With a word why, and without a trace of the inside."""
    found = board.ask(path)
    assert found.status == status
    assert b"Traceback" not in found.body


def test_cases_are_found_by_the_beginning_of_their_number(board: BoardProcess) -> None:
    """As somebody types it."""
    (cases,) = board.tables("/api/panel/guidang-item/cases")
    number = cases[0]["case_no"]
    found = [row[0] for row in board.ask(f"/api/cases?case={quote(number[:-2])}").json["rows"]]
    assert number in found
    assert all(other.startswith(number[:-2]) for other in found)
    assert board.ask("/api/cases?case=nothing-begins-so").json["rows"] == []


def test_an_idle_board_is_light(year: Year) -> None:
    """Under 85 MB before anybody has asked, and not much more after every panel of the overview was."""
    with running_board(year.environment) as fresh:
        assert fresh.ask("/ping").body == b"Ok.\n"
        assert fresh.resident_mb < 85
        for panel in DASHBOARDS[0].panels:
            fresh.tables(f"/api/panel/guidang-city/{panel.key}")
        assert fresh.resident_mb < 95


def test_nothing_shipped_names_a_foreign_address_and_the_chart_library_is_the_one_named() -> None:
    """Works without a network; ECharts' file is byte for byte the published one, with its licence beside it."""
    own = [path for path in STATIC.iterdir() if path.suffix in {".js", ".css", ".html", ".svg"}]
    assert len(own) > 10
    for path in own:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z]+\.", text), path
        assert "innerHTML" not in text
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on[a-z]+=", page)
    library = (STATIC / "echarts" / "echarts.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == ECHARTS_SHA256
    assert f't.version="{ECHARTS_VERSION}"'.encode() in library
    assert "Apache License" in (STATIC / "echarts" / "LICENSE").read_text(encoding="utf-8")


def test_the_figures_are_asked_by_a_reader_who_cannot_write(year: Year) -> None:
    """Even where the user of the settings may do everything."""
    figures = Figures(Settings(clickhouse=ClickHouseSettings(url=year.store.url, database=DATABASE)))
    with pytest.raises(NotAllowed, match="READONLY"):
        asyncio.run(figures.ask("CREATE TABLE written (a Int8) ENGINE = Memory", {}))
    figures.close()


def test_a_store_that_hangs_is_told_to_hang() -> None:
    """It takes the connection and says nothing: as bad as away, and nobody may wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        figures = Figures(Settings(clickhouse=ClickHouseSettings(url=url, database=DATABASE)), patience_seconds=0.3)
        with pytest.raises(DependencyError, match="没有应答"):
            asyncio.run(asyncio.wait_for(figures.ask("SELECT 1", {}), 5))
        figures.close()


def test_one_question_of_many_readers_is_asked_once_and_a_failure_is_not_kept() -> None:
    """Those who ask while it is under way wait for the same answer."""
    asked: list[int] = []

    async def ask() -> int:
        asked.append(1)
        await asyncio.sleep(0.01)
        if len(asked) == 1:
            raise DependencyError("away")
        return len(asked)

    async def many() -> list[Any]:
        shared = Shared(60)
        first = await asyncio.gather(*(shared.get("key", ask) for _ in range(3)), return_exceptions=True)
        return [first, await shared.get("key", ask), await shared.get("key", ask)]

    first, second, third = asyncio.run(many())
    assert [type(one) for one in first] == [DependencyError] * 3
    assert (second, third, len(asked)) == (2, 2, 2)


def test_more_rows_than_anybody_reads_are_cut_and_said_to_be() -> None:
    """A page of a hundred thousand rows helps nobody."""
    found = table(("a",), [(number,) for number in range(MOST_ROWS + 1)])
    assert (len(found.rows), found.cut) == (MOST_ROWS, True)


def test_without_prometheus_processes_and_lag_stand_in_the_place_of_its_panels() -> None:
    """Once; a dashboard with nothing left is not shown; figures stay."""
    shown = without_prometheus(DASHBOARDS)
    assert [dashboard.uid for dashboard in shown if SECTION in dashboard.sections] == ["guidang-pipeline"]
    assert "guidang-alerts" not in {dashboard.uid for dashboard in shown}
    assert shown[0].panels == DASHBOARDS[0].panels


def test_lag_says_that_there_is_no_kafka(board: BoardProcess) -> None:
    """At once, and with what to do."""
    began = time.monotonic()
    found = board.ask("/api/panel/guidang-pipeline/lag")
    assert found.status == 503
    assert "guidang up" in found.json["error"]
    assert time.monotonic() - began < 5


@pytest.mark.kafka
def test_lag_and_the_timeline_of_a_case_are_read_off_kafka(year: Year, kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """What ``status`` and ``explain`` say; a case that nobody knows is told to be unknown."""
    more = {"KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "KAFKA__TOPIC_PREFIX": topic_prefix, "KAFKA__PARTITIONS": "2"}
    settings = Settings(kafka={"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 2})
    ensure_topics(settings)
    path = tmp_path / "closed.jsonl"
    row = {"event_id": "e1", "case_no": "c-1", "item_code": "许可-00387-000", "item_name": "审查", "unit_code": "U1", "unit_name": "单位"}
    times = {"accepted_at": "2018-03-01T09:00:00+08:00", "closed_at": "2018-03-02T09:00:00+08:00"}
    path.write_bytes(orjson.dumps({**row, "district_code": "330106", "title": "标题", **times}))
    publish_file(settings, CASE_CLOSED, path, on_bad=pytest.fail)
    with running_board({**year.environment, **{f"GUIDANG_{name}": value for name, value in more.items()}}) as board:
        (lag,) = board.tables("/api/panel/guidang-pipeline/lag")
        assert lag[0] == {"topic": CASE_CLOSED, "records": 1, "seconds": None}
        *_, last = board.ask("/api/timeline?case=c-1").body.splitlines()
        found = orjson.loads(last)["found"]
        assert [event["event"]["event_id"] for event in found["events"]] == ["e1"]
        assert "标题" not in last.decode()
        assert orjson.loads(board.ask("/api/timeline?case=c-2").body.splitlines()[-1]) == {"found": None}


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (apt-get install prometheus)")
def test_the_pipelines_panels_are_asked_of_prometheus_where_there_is_one(year: Year, tmp_path: Path) -> None:
    """All of them are taken by a real Prometheus; a question over time has times; and one that is not there is named."""
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(f"scrape_configs: [{{job_name: self, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]")
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        running_board({**year.environment, "GUIDANG_BOARD__PROMETHEUS_URL": f"http://127.0.0.1:{port}"}) as board,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as prometheus,
    ):
        try:
            give_up = time.monotonic() + 20
            while board.ask("/api/panel/guidang-alerts/firing").status != 200:
                assert time.monotonic() < give_up
                time.sleep(0.2)
            ((firing,),) = board.tables("/api/panel/guidang-alerts/firing")
            assert firing == {"Value": 0.0}
            pipeline = [(board_.uid, panel.key) for board_ in DASHBOARDS for panel in board_.panels if panel.source == "pipeline"]
            for uid, key in pipeline:
                assert board.ask(f"/api/panel/{uid}/{key}").status == 200, key
        finally:
            prometheus.terminate()
            prometheus.wait(20)
        time.sleep(5.1)  # as long as an answer is kept
        assert "board.prometheus_url" in board.ask("/api/panel/guidang-alerts/firing").json["error"]
