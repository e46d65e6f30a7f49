"""The figures that Prometheus gets are those of the command line: a simulated year with every hazard in the real engine."""

from __future__ import annotations

import datetime as dt
import signal
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client, connect
from consumers.coverage import coverage_rows, names_of
from consumers.figures import DUE_WINDOWS, Assessment, Figures, Scope, assessment, figures
from consumers.migrate import migrate
from consumers.score import PARTS, points, score_rows
from consumers.sources import SLOT_MS, heard_from
from consumers.windows import parse_window
from ops.monitor.figures import FigureMetrics
from ops.monitor.metrics import DELAY, SOURCE_SILENT
from ops.monitor.sources import Sources
from ops.simulate.generate import Plan
from streams.clock import wall_ms
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_STATE, codec
from streams.domain.time import DAY_MS, HOUR_MS, iso
from streams.settings import KafkaSettings, Settings
from tests.conftest import free_port
from tests.consumers.conftest import StoreProcess, eventually, store_settings
from tests.consumers.outputs import archive, case_state, store_rows
from tests.consumers.test_score import store_year

pytestmark = [pytest.mark.clickhouse, pytest.mark.slow]

PLAN = Plan(700, seed=11)
NOW_MS = PLAN.moment_ms
SAMPLES = (
    "closed",
    "archived",
    "archived_late",
    "unarchived",
    "awaiting",
    "refused",
    "orphan",
    "due",
    "coverage",
    "coverage_due",
    "official",
)
BYS = ("city", "district", "unit")


CHANGED = """
INSERT INTO anomaly SELECT * REPLACE({} AS {}, version + 1000000 AS version) FROM anomaly FINAL
WHERE state = 'OPENED' AND kind = 'UNARCHIVED'"""
RECENT = CHANGED.format("false", "backfill") + " ORDER BY due_at DESC LIMIT 20"
ALONE = """ AND NOT backfill AND unit_code IN (SELECT unit_code FROM anomaly FINAL
WHERE state = 'OPENED' AND kind = 'UNARCHIVED' AND NOT backfill GROUP BY unit_code HAVING count() = 1) ORDER BY unit_code LIMIT 1"""
WAIVED = CHANGED.format("true", "waived") + ALONE
"""A simulated year is history when it is loaded: twenty findings of it are made news, and one that is its unit's only one is waived."""


@dataclass(frozen=True)
class Year:
    """A simulated year: its states, and its figures."""

    settings: Settings
    client: Client
    states: list[dict[str, Any]]
    found: Figures
    assessed: Assessment


@pytest.fixture(scope="module")
def year(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """Stored, and asked for, once for the module."""
    at = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC).isoformat()
    settings = store_settings(store, tmp_path_factory.mktemp("year"), f"t{uuid.uuid4().hex[:12]}", clock=at)
    migrate(settings)
    client = connect(settings)
    _, states = store_year(client, PLAN)
    client.command(RECENT)
    client.command(WAIVED)
    yield Year(settings, client, states, figures(client, NOW_MS), assessment(client, NOW_MS, place="item", delay_bounds=DELAY.buckets))
    client.command(f"DROP DATABASE {settings.clickhouse.database} SYNC")


def test_every_figure_is_what_the_command_line_says(year: Year) -> None:
    """Coverage of every scope, what fell due in every window, the score, the findings, the names; one question each way."""
    client, found, assessed = year.client, year.found, year.assessed
    told = {(by, row["scope"]): row for by in BYS for row in rows(client, by, "ytd")}
    assert {tuple(scope): {name: row[name] for name in SAMPLES} for scope, row in found.coverage.items()} == {
        scope: {name: row[name] for name in SAMPLES} for scope, row in told.items()
    }
    assert found.coverage[Scope("city", "330100")]["closed"] > 400
    for window in DUE_WINDOWS:
        fell = {Scope(by, row["scope"]): row for by in BYS for row in rows(client, by, window)}
        awaiting = await_a_silent_source(year.states, parse_window(window, NOW_MS).start_ms)
        known = {scope: of for (scope, name), of in found.due.items() if name == window}
        fallen = {scope: of.due + awaiting[scope] for scope, of in known.items()}
        assert {scope: due for scope, due in fallen.items() if due} == {scope: row["due"] for scope, row in fell.items() if row["due"]}
        assert all(of.archived / fallen[scope] == fell[scope]["coverage_due"] for scope, of in known.items() if fallen[scope])
    assert awaiting[Scope("city", "330100")]
    assert found.due[Scope("city", "330100"), "24h"].due < found.due[Scope("city", "330100"), "30d"].due
    scored = {(by, row["scope"]): row for by in ("unit", "district") for row in score_rows(client, year=2018, by=by, now_ms=NOW_MS)}  # type: ignore[arg-type]
    assert {tuple(scope): row for scope, row in assessed.score.items()} == {
        scope: {part: row[part] for part in PARTS} for scope, row in scored.items()
    }
    literally = {row["scope"]: row["total"] for row in score_rows(client, year=2018, by="unit", now_ms=NOW_MS, place="case")}
    assert {scope: row["total"] for (by, scope), row in points(client, year=2018, place="case").items() if by == "unit"} == literally

    open_now = [row for row in anomaly_rows(client, state="open") if not row["waived"]]
    assert found.open_findings == Counter((row["unit_code"], row["kind"], row["backfill"]) for row in open_now)
    overdue: dict[str, str] = {}
    for row in open_now:
        if row["kind"] == "UNARCHIVED" and not row["backfill"]:
            overdue[row["unit_code"]] = min(row["due_at"], overdue.get(row["unit_code"], row["due_at"]))
    assert overdue
    assert {unit: iso(at) for unit, at in found.oldest_overdue_ms.items()} == overdue
    names = names_of(client, "unit", NOW_MS)
    assert {unit.code: unit.name for unit in assessed.units if unit.code in names} == names
    assert {scope.code for scope in found.coverage if scope.by == "unit"} & names.keys() <= {unit.code for unit in assessed.units}
    assert {unit.district for unit in assessed.units} <= {scope.code for scope in assessed.score if scope.by == "district"}


def await_a_silent_source(states: list[dict[str, Any]], since_ms: int) -> Counter[Scope]:
    """Cases that fell due since then and of which nobody can say whether they are archived."""
    found: Counter[Scope] = Counter()
    for state in states:
        if state["status"] == "AWAITING" and state["due_passed"] and since_ms <= state["due_at"] <= NOW_MS:
            places = (Scope("city", "330100"), Scope("district", state["district_code"]), Scope("unit", state["unit_code"]))
            found.update(places)
    return found


def rows(client: Client, by: str, window: str) -> list[dict[str, Any]]:
    """Coverage as the command line asks for it."""
    return coverage_rows(client, by, parse_window(window, NOW_MS), now_ms=NOW_MS)  # type: ignore[arg-type]


def test_delays_fall_into_the_buckets_of_days(year: Year) -> None:
    """Counted here, case by case; an archive before its closing took no time."""
    start_ms = parse_window("ytd", NOW_MS).start_ms
    days = [
        max(state["delay_ms"], 0) / DAY_MS
        for state in year.states
        if state["status"] in ("ARCHIVED", "ARCHIVED_LATE") and start_ms <= state["closed_at"] <= NOW_MS
    ]
    assert len(days) > 300
    counts = Counter(bisect_left(DELAY.buckets, each) for each in days)
    assert [*year.assessed.delays.counts] == [counts[place] for place in range(len(DELAY.buckets) + 1)]
    assert year.assessed.delays.days == pytest.approx(sum(days))


def test_units_are_those_that_cases_name_now(client: Client) -> None:
    """Not the one that its only case has left, whether or not that row is merged away yet; and a canary has none."""
    said = ({"unit_code": "U1"}, {"unit_code": "U2"})
    for version, each in enumerate(said, start=1):
        store_rows(client, CASE_STATE, [case_state(1, **each)], [version])
    store_rows(client, CASE_STATE, [case_state(2, unit_code="", status="EXCLUDED", reason="TEST_CASE")], [3])
    assert [unit.code for unit in assessment(client, NOW_MS, place="item", delay_bounds=DELAY.buckets).units] == ["U2"]


class Both(Collector):
    """As the monitor does."""

    def __init__(self, metrics: FigureMetrics) -> None:
        self.metrics = metrics

    def collect(self) -> Iterator[Any]:
        """What a scrape gets."""
        return self.metrics.families()


def scraped(settings: Settings) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name and by values of labels, in the order of the labels' names."""
    registry = CollectorRegistry()
    registry.register(Both(FigureMetrics(settings)))
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels[name] for name in sorted(sample.labels))] = sample.value
    return found


def test_the_sample_of_a_figure_has_the_labels_of_its_declaration(year: Year) -> None:
    """Ages are of the job clock. A ratio without a denominator has no sample."""
    found = scraped(year.settings)
    assert found["guidang_figures_up"] == {(): 1}
    city = found["guidang_cases"]["city", "330100", "closed"]
    assert city == sum(count for (by, _, state), count in found["guidang_cases"].items() if (by, state) == ("unit", "closed"))
    assert found["guidang_archive_delay_days_count"][()] <= city
    ratios = found["guidang_coverage_ratio"]
    empty = {(by, scope) for (by, scope, state), count in found["guidang_cases"].items() if state == "closed" and not count}
    assert empty
    assert not empty & ratios.keys()
    assert ratios["city", "330100"] == found["guidang_cases"]["city", "330100", "archived"] / city
    assert {labels[0] for labels in found["guidang_open_findings"]} <= {"true", "false"}


def test_without_clickhouse_the_figures_are_down_and_nothing_else_is_said(own_store: StoreProcess, database_settings: Settings) -> None:
    """An address where nobody answers; a store that was killed; one without tables."""
    nowhere = database_settings.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{free_port()}"})
    assert scraped(database_settings.model_copy(update={"clickhouse": nowhere})) == {"guidang_figures_up": {(): 0}}
    bare = database_settings.clickhouse.model_copy(update={"url": own_store.url})
    assert scraped(database_settings.model_copy(update={"clickhouse": bare})) == {"guidang_figures_up": {(): 0}}
    own_store.kill()
    assert scraped(database_settings.model_copy(update={"clickhouse": bare})) == {"guidang_figures_up": {(): 0}}


def test_sources_are_heard_of_by_what_they_sent_and_never_from_the_future(client: Client) -> None:
    """A case's own system stands for an archive that names none; a deleted, a superseded and a refused event are signs of life as well."""
    minute = 60_000
    told = codec(CASE_STATE)
    store_rows(
        client,
        CASE_STATE,
        [
            told.decode(told.encode(state))
            for state in (
                case_state(1, closed_at=NOW_MS - 5 * minute, source_system="own", archives=[]),
                case_state(2, closed_at=NOW_MS - 4 * HOUR_MS, source_system="own", archives=[]),
                case_state(3, closed_at=NOW_MS + minute, source_system="own", archives=[]),
                case_state(4, closed_at=NOW_MS - 300 * DAY_MS, source_system="gone", archives=[]),
                case_state(5, closed_at=NOW_MS - minute, source_system="", archives=[]),
                case_state(
                    6,
                    closed_at=None,
                    source_system="own",
                    archives=[
                        archive("A", accepted_at=NOW_MS - 7 * minute, source_system=""),
                        archive(
                            "B",
                            accepted_at=None,
                            refused_at=NOW_MS - 3 * HOUR_MS,
                            last_refused_at=NOW_MS - 9 * minute,
                            source_system="other",
                        ),
                    ],
                ),
            )
        ],
    )
    found = heard_from(client, since_ms=NOW_MS - 56 * DAY_MS, now_ms=NOW_MS)
    assert {place: of.last_ms for place, of in found.items()} == {
        ("own", CASE_CLOSED): NOW_MS - 5 * minute,
        ("own", ARCHIVE_RECEIVED): NOW_MS - 7 * minute,
        ("other", ARCHIVE_RECEIVED): NOW_MS - 9 * minute,
    }
    assert [at // SLOT_MS for at in found["own", CASE_CLOSED].times_ms] == [
        (NOW_MS - 4 * HOUR_MS) // SLOT_MS,
        (NOW_MS - 5 * minute) // SLOT_MS,
    ]


def test_sources_are_told_while_clickhouse_takes_its_time(own_store: StoreProcess, tmp_path: Path) -> None:
    """One that hangs for longer than a scrape waits: their silence goes on, and no alert begins anew. Kafka is away."""
    settings = store_settings(own_store, tmp_path, "hangs", kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"))
    migrate(settings)
    told = codec(CASE_STATE)
    state = case_state(1, closed_at=wall_ms() - 60_000, source_system="own", archives=[])
    store_rows(connect(settings), CASE_STATE, [told.decode(told.encode(state))])
    sources = Sources(settings)
    sources._claiming._patience_seconds = sources._sending._patience_seconds = 0.5
    sources._sending._fresh_seconds = 0.0

    def silences() -> dict[str, float]:
        found = [sample for family in sources.families() if family.name == SOURCE_SILENT.name for sample in family.samples]
        return {sample.labels["source"]: sample.value for sample in found}

    eventually(lambda: silences().keys() == {"own"})
    own_store.send(signal.SIGSTOP)
    eventually(lambda: bool(silences()) and sources._sending._under_way is not None)
    first = silences()["own"]
    eventually(lambda: silences()["own"] > first)
    assert sources._sending._under_way is not None
