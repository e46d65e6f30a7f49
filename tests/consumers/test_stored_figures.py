"""The figures of a bulletin out of the real engine and the real broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from confluent_kafka import Producer
from typer.testing import CliRunner

from consumers.clickhouse import Client
from consumers.late_archives import late_archives
from ops.bulletin.build import build
from ops.bulletin.figures import Figures
from ops.bulletin.gather import StoredFigures, reference_revisions
from ops.bulletin.period import parse_period
from ops.cli import report
from ops.topics import ensure_topics
from streams.contracts import (
    ANOMALY_UNARCHIVED,
    CASE_STATE,
    COVERAGE_PARTIAL,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    REFERENCE_INPUTS,
    codec,
    record_key,
)
from streams.domain.time import DAY_MS, day_number
from streams.errors import DependencyError, WaitTimeout
from streams.settings import KafkaSettings, Settings, instant_ms
from tests.agents.test_items import configured, registered
from tests.conftest import Kafka
from tests.consumers.conftest import eventually
from tests.consumers.outputs import bucket, case_state, store_rows

NOW_MS = instant_ms("2018-12-17T08:00:00+08:00")


@pytest.fixture
def figures(client: Client, database_settings: Settings) -> StoredFigures:
    """Figures of a database with an hour's bucket and two findings in it."""
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    hour = bucket("U1", 0, archived=3, unarchived=1)
    since = {"since": hour["bucket_start"], **place}
    records = [
        (COVERAGE_PARTIAL, hour),
        (ANOMALY_UNARCHIVED, {"anomaly_id": "A", "kind": "REFUSED", "state": "OPENED", "subject": "c1", **since}),
        (ANOMALY_UNARCHIVED, {"anomaly_id": "B", "kind": "UNARCHIVED", "state": "RESOLVED", "subject": "c2", **since}),
    ]
    for version, (topic, record) in enumerate(records, start=1):
        store_rows(client, topic, [record], [version])
    return StoredFigures(database_settings, NOW_MS)


@pytest.mark.clickhouse
def test_coverage_and_findings_are_those_of_the_other_commands(figures: Figures) -> None:
    """Open ones alone, and one unit's apart from another's."""
    window = parse_period("2018").window(NOW_MS)
    assert [(row["scope"], row["coverage"]) for row in figures.coverage(window)["unit"]] == [("U1", 0.75)]
    assert [row["subject"] for row in figures.findings()] == ["c1"]
    assert figures.findings("U2") == []


def late(number: int, closed_at: str, days: int) -> dict[str, Any]:
    """A case archived so many days after it was due, three days after it closed."""
    closed_ms = instant_ms(closed_at)
    times = {"closed_at": closed_ms, "due_at": closed_ms + 3 * DAY_MS, "received_at": closed_ms + (3 + days) * DAY_MS}
    return case_state(number, status="ARCHIVED_LATE", **times)


def listed(figures: StoredFigures, period: str) -> list[tuple[str, str | None, float | None]]:
    """The late archives of a bulletin: case, unit, days."""
    return [(one.case_no, one.unit_code, one.days_late) for one in build(figures, parse_period(period)).bulletin.late]


@pytest.mark.clickhouse
def test_the_late_archives_of_a_bulletin_are_those_of_the_states_and_go_and_move_with_them(figures: StoredFigures, client: Client) -> None:
    """Whatever was told of them once: a case set right, voided, put off or moved since is no longer what it was."""
    cases = [
        late(1, "2018-11-01T00:00:00+08:00", 1),
        late(2, "2018-11-30T23:59:59+08:00", 9),
        late(3, "2018-11-05T10:00:00+08:00", 5),
        late(4, "2018-10-31T23:59:59+08:00", 20),
        late(5, "2018-11-05T10:00:00+08:00", 5),
        case_state(6, closed_at=instant_ms("2018-11-05T10:00:00+08:00")),
    ]
    store_rows(client, CASE_STATE, cases)
    assert listed(figures, "2018-11") == [
        ("case-000002", "U2", 9.0),
        ("case-000003", "U3", 5.0),
        ("case-000005", "U5", 5.0),
        ("case-000001", "U1", 1.0),
    ]
    changed = [
        cases[1] | {"status": "EXCLUDED", "reason": "VOIDED"},
        cases[2] | {"status": "ARCHIVED", "received_at": cases[2]["closed_at"]},
        cases[4] | {"unit_code": "U9", "due_at": instant_ms("2018-11-11T10:00:00+08:00")},
    ]
    store_rows(client, CASE_STATE, changed, range(7, 10))
    assert listed(figures, "2018-11") == [("case-000005", "U9", 2.0), ("case-000001", "U1", 1.0)]


@pytest.mark.clickhouse
@pytest.mark.parametrize(("most", "cases"), [(3, [3, 2, 1]), (2, [3, 2])])
def test_of_the_late_archives_the_latest_are_asked_for_alone(client: Client, most: int, cases: list[int]) -> None:
    """However many a bad year has."""
    store_rows(client, CASE_STATE, [late(number, "2018-11-05T10:00:00+08:00", number) for number in range(1, 4)])
    found = late_archives(client, parse_period("2018").window(NOW_MS), most)
    assert [row["case_no"] for row in found] == [f"case-{number:06d}" for number in cases]


@pytest.mark.clickhouse
@pytest.mark.parametrize(
    ("as_of", "cases"),
    [
        ("2018-11-09T09:59:59.999+08:00", []),
        ("2018-11-09T10:00:00+08:00", [1]),
        ("2018-11-10T09:59:59+08:00", [1]),
        ("2018-11-10T10:00:00+08:00", [2, 1]),
    ],
)
def test_as_of_a_moment_what_was_received_later_is_no_late_archive(client: Client, as_of: str, cases: list[int]) -> None:
    """Then it was not archived."""
    store_rows(client, CASE_STATE, [late(number, "2018-11-05T10:00:00+08:00", number) for number in (1, 2)])
    then_ms = instant_ms(as_of)
    found = late_archives(client, parse_period("2018").window(then_ms), 10, as_of_ms=then_ms)
    assert [row["case_no"] for row in found] == [f"case-{number:06d}" for number in cases]


@pytest.mark.clickhouse
def test_every_policy_setting_is_among_the_assumptions(figures: Figures) -> None:
    """None of them can be forgotten: they are read from the settings."""
    said = figures.policy()
    assert said["policy.deadline"] == "3 workdays"
    assert said["policy.deadline_by_item"] == {}
    assert {name.split(".")[1] for name in said} == set(type(Settings().policy).model_fields)


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_revisions_are_the_ends_of_the_reference_topics(
    database_settings: Settings, kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    """One number a partition; a topic that is not there is an error, not an empty revision."""
    reached = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    settings = database_settings.model_copy(update={"kafka": reached, "data_dir": tmp_path})
    with pytest.raises(DependencyError, match=topic_prefix):
        reference_revisions(settings)
    ensure_topics(settings)
    eventually(lambda: bool(told(settings)))
    assert set(told(settings)) == set(REFERENCE_INPUTS)
    assert all(set(ends) == {0} for ends in told(settings).values())


def told(settings: Settings) -> Mapping[str, Sequence[int]]:
    """Revisions; none while the broker still elects leaders for new topics."""
    try:
        return reference_revisions(settings)
    except DependencyError:
        return {}


@pytest.fixture
def reached(database_settings: Settings, kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings of a database and of topics, of which nobody works."""
    given = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    settings = database_settings.model_copy(update={"kafka": given, "data_dir": tmp_path, "application": topic_prefix})
    settings.make_title_key()
    ensure_topics(settings)
    eventually(lambda: bool(told(settings)))
    return settings


def send(settings: Settings, topic: str, *rows: dict[str, Any]) -> None:
    """Send rows of reference data."""
    producer = Producer(settings.kafka_client())
    for row in rows:
        producer.produce(settings.topic(topic), codec(topic).encode(row), record_key(topic, row))
    assert producer.flush(30) == 0


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_nothing_is_published_before_all_that_was_sent_is_in_the_figures(
    reached: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An edition names the reference data that it rests on; while no worker takes them in, there is none."""
    send(reached, ITEM_REGISTRY, registered())
    monkeypatch.setattr(report, "load_settings", lambda: reached)
    app = typer.Typer()
    report.register(app)
    out = tmp_path / "bulletins"
    words = ["report", "--period", "2018", "--out", str(out), "--publish", "--by", "张三", "--timeout", "2"]
    with pytest.raises(WaitTimeout, match="item-registry") as error:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert error.value.exit_code == 4
    assert not out.exists()


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_as_of_a_day_items_are_those_of_that_day(reached: Settings) -> None:
    """Planned for the next year, configured only then: a bulletin counts and lists them as they stood."""
    later = {"item_code": "许可-00388-000", "build_mode": "SELF_BUILT", "archiving_mode": "ONLINE", "plan_year": 2019}
    send(reached, ITEM_REGISTRY, registered(), registered(**later))
    send(reached, MODULE_CONFIG, configured(valid_from=day_number(dt.date(2019, 1, 3))))
    figures = StoredFigures(reached, instant_ms("2018-12-31T23:59:00+08:00"), as_of=True)
    assert [(row["item_code"], row["expected_online"], row["configured"], row["findings"]) for row in figures.items()] == [
        ("许可-00387-000", True, False, ["NOT_CONFIGURED"]),
        ("许可-00388-000", False, False, []),
    ]
    assert figures.items("U2") == []
    bulletin = build(figures, parse_period("2018")).bulletin
    said = {one.name: one.value for one in bulletin.summary}
    assert (said["应在线归档事项"], said["其中已配置"], said["待更正配置"]) == (1, 0, 1)
    assert [one.label for one in bulletin.configuration] == ["归档模块未配置"]


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_a_main_item_over_others_is_none_that_ought_to_be_configured(reached: Settings) -> None:
    """A bulletin counts what the audit asks: two sub-items, and not what they are sub-items of."""
    subs = [{"item_code": f"许可-00387-00{number}"} for number in (1, 2)]
    send(reached, ITEM_REGISTRY, registered(), *(registered(**sub) for sub in subs))
    send(reached, MODULE_CONFIG, *(configured(**sub) for sub in subs))
    figures = StoredFigures(reached, instant_ms("2018-12-31T23:59:00+08:00"), as_of=True)
    assert [(row["item_code"], row["leaf"]) for row in figures.items()] == [
        *(("许可-00387-000", False), ("许可-00387-001", True), ("许可-00387-002", True))
    ]
    said = {one.name: one.value for one in build(figures, parse_period("2018")).bulletin.summary}
    assert (said["应在线归档事项"], said["其中已配置"]) == (2, 2)


class Busy:
    """A client of a database in which another case is counted after every answer."""

    def __init__(self, client: Client) -> None:
        self._client, self._answered = client, 0

    def query(self, *asked: Any, **more: Any) -> Any:
        """Ask."""
        answer = self._client.query(*asked, **more)
        assert answer.result_set is not None
        self._answered += 1
        counted = bucket(f"U{self._answered % 3}", 0, archived=self._answered, district_code=f"33010{self._answered % 2}")
        store_rows(self._client, COVERAGE_PARTIAL, [counted], [self._answered + 1])
        return answer


@pytest.mark.clickhouse
def test_the_parts_of_a_bulletin_add_up_whatever_is_counted_meanwhile(figures: StoredFigures) -> None:
    """Districts, units and items to the city: an edition cannot be mended."""
    object.__setattr__(figures, "client", Busy(figures.client))
    bulletin = build(figures, parse_period("2018")).bulletin
    for name in ("closed", "archived", "unarchived"):
        parts = (bulletin.districts, bulletin.units, bulletin.items)
        assert {sum(getattr(row, name) for row in rows) for rows in parts} == {getattr(bulletin.city, name)}
    assert figures.coverage(parse_period("2018").window(NOW_MS))["city"][0]["archived"] > bulletin.city.archived
