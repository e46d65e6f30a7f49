"""The commands that print figures, and what they rest on."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from consumers.clickhouse import Client
from ops import moment
from ops.cli import assessment, figures, report
from streams.contracts import ANOMALY_UNARCHIVED, COVERAGE_PARTIAL
from streams.domain.reference import Feeds
from streams.settings import Settings
from tests.consumers.outputs import bucket, store_rows

pytestmark = pytest.mark.clickhouse
CLOCK = "2018-12-17T08:00:00+08:00"


@pytest.fixture
def filled(client: Client, database_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the commands, on a database with an hour's bucket and a finding in it."""
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    hour = bucket("U1", 0, archived=3, unarchived=1, excluded={"VOIDED": 2})
    for topic, record in (
        (COVERAGE_PARTIAL, hour),
        (
            ANOMALY_UNARCHIVED,
            {"anomaly_id": "A", "kind": "REFUSED", "state": "OPENED", "subject": "c-1", "since": hour["bucket_start"], **place},
        ),
    ):
        store_rows(client, topic, [record])
    settings = database_settings.model_copy(update={"clock": CLOCK})
    for module in (assessment, figures, report):
        monkeypatch.setattr(module, "load_settings", lambda: settings)
    monkeypatch.setattr(moment, "heartbeats", lambda _settings: Feeds())  # there is no broker, and no source says anything
    return settings


def run(*arguments: str) -> Any:
    """Run a command line of these commands."""
    app = typer.Typer()
    for module in (assessment, figures, report):
        module.register(app)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.usefixtures("filled")
def test_coverage_as_json_has_the_contracts_fields() -> None:
    """On stdout is data; window and assumptions go to stderr."""
    done = run("coverage", "--by", "unit", "--window", "24h", "--json")
    rows = json.loads(done.stdout)
    assert [list(row) for row in rows] == [
        [
            *("scope", "name", "closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "excluded"),
            *("due", "coverage", "coverage_due", "official", "divergence"),
        ]
    ]
    assert (rows[0]["scope"], rows[0]["coverage"], rows[0]["excluded"], rows[0]["official"]) == ("U1", 0.75, {"VOIDED": 2}, None)
    assert "2018-12-16T08:00:00+08:00" in done.stderr
    assert "3 workdays" in done.stderr


@pytest.mark.usefixtures("filled")
def test_coverage_for_people() -> None:
    """Percentages, and a dash where there is no ratio."""
    done = run("coverage", "--by", "city", "--window", "1h")
    assert "–" in done.stdout
    done = run("coverage", "--by", "district", "--window", "24h")
    assert "75.00%" in done.stdout
    assert "西湖区" in done.stdout


@pytest.mark.usefixtures("filled")
def test_coverage_as_of_says_so() -> None:
    """As of a moment every case is judged anew: here there is none."""
    done = run("coverage", "--by", "unit", "--as-of", "2018-12-17T07:00:00+08:00", "--json")
    assert json.loads(done.stdout) == []
    assert "2018-12-17T07:00:00+08:00" in done.stderr


@pytest.mark.usefixtures("filled")
def test_a_window_that_is_none_is_a_matter_of_usage() -> None:
    """Exit code 2, with what would be one; so is a time without offset."""
    wrong = run("coverage", "--by", "city", "--window", "2w")
    assert (wrong.exit_code, "ytd" in wrong.stderr) == (2, True)
    assert run("coverage", "--by", "city", "--as-of", "2018-12-17T07:00:00").exit_code == 2


@pytest.mark.usefixtures("filled")
def test_anomalies_are_filtered() -> None:
    """By kind, state and unit."""
    found = json.loads(run("anomalies", "--json").stdout)
    assert [(row["subject"], row["since"]) for row in found] == [("c-1", "2018-12-17T06:00:00+08:00")]
    assert json.loads(run("anomalies", "--json", "--state", "open", "--unit", "U1", "--kind", "REFUSED").stdout) == found
    assert json.loads(run("anomalies", "--json", "--state", "resolved").stdout) == []
    assert json.loads(run("anomalies", "--json", "--unit", "U2").stdout) == []


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "command",
    [
        ("coverage", "--by", "city"),
        ("anomalies",),
        ("items",),
        ("todo", "--unit", "U1"),
        ("score", "--year", "2018"),
    ],
    ids=lambda words: words[0],
)
def test_whatever_rests_on_assumptions_prints_them(command: tuple[str, ...]) -> None:
    """On stderr, as JSON too: which item is expected online, and what is due when, follow from settings."""
    done = run(*command, "--json")
    assert isinstance(json.loads(done.stdout), list)
    for assumed in ("3 workdays", "垂建事项 不计", "归档计划年度之前的自建事项 不计"):
        assert assumed in done.stderr
