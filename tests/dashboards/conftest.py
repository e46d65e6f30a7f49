"""A simulated year, and a few corrected cases, in a real ClickHouse, read by the read-only user; the tests look and change nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import clickhouse_connect
import pytest

from consumers.clickhouse import Client, connect
from consumers.migrate import migrate
from consumers.windows import Window
from ops.simulate.calendar import at_ms
from ops.simulate.generate import Plan, generate
from streams.contracts import (
    ANOMALY_TOPICS,
    CASE_CLOSED,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    ITEM_REGISTRY,
    ITEM_STATE,
    MODULE_CONFIG,
    UNIT_REGISTRY,
)
from streams.domain.time import DAY_MS, HOUR_MS, day_number
from tests.agents.pipeline import Message, Pipeline
from tests.agents.test_cases import CLOSED_MS, archive, closing
from tests.agents.test_items import registered
from tests.consumers.conftest import StoreProcess, store_settings
from tests.consumers.outputs import store_messages, store_rows

YEAR = 2018
OUTSIDE = "服务-00387-000"
PLAN = Plan(1_200, seed=11)


@dataclass(frozen=True)
class World:
    """What the tests know of the year: a reader of its figures, and the range that a dashboard shows of it."""

    reader: Client
    window: Window

    @property
    def now_ms(self) -> int:
        """Last moment of the range."""
        return self.window.end_ms - 1


@pytest.fixture(scope="session")
def boards_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """Where they are stored."""
    store = StoreProcess(tmp_path_factory.mktemp("boards"))
    try:
        yield store
    finally:
        store.kill()


@pytest.fixture(scope="session")
def world(boards_store: StoreProcess) -> World:
    """The year, through the job and as the sink stores it."""
    return _stored(boards_store, "boards", fill, Window(_first_ms(), PLAN.moment_ms + 1))


@pytest.fixture(scope="session")
def corrected(boards_store: StoreProcess) -> World:
    """A unit of one case that was registered in 330105 at first, and is in 330106 now; one that has no case; one without a district.

    The first has an item outside the eight types besides, with a test case, and nothing of it is configured.
    """
    return _stored(boards_store, "corrected", _fill_corrected, Window(_first_ms(), CLOSED_MS + 30 * DAY_MS + 1))


def _stored(store: StoreProcess, database: str, fill_: Callable[[Client], None], window: Window) -> World:
    settings = store_settings(store, store.home, database)
    migrate(settings)
    fill_(connect(settings))
    return World(clickhouse_connect.get_client(host="127.0.0.1", port=store.port, database=database, username="dashboards"), window)


def _fill_corrected(client: Client) -> None:
    """What the sink stores before the correction, and after it: buckets that fell to zero are told as such."""
    version = 0
    with Pipeline(now_ms=_first_ms()) as pipeline:

        def store() -> None:
            nonlocal version
            pipeline.tick(CLOSED_MS + 30 * DAY_MS)
            version += 1
            for topic, table in ((CASE_STATE, pipeline.states()), (ITEM_STATE, pipeline.items())):
                store_rows(client, topic, list(table.values()), [version] * len(table))
            buckets = pipeline.buckets(zeros=True)
            store_rows(client, COVERAGE_PARTIAL, buckets, [version] * len(buckets))

        units = [
            {"event_id": unit, "unit_code": unit, "unit_name": unit, "district_code": "330105", "district_name": ""}
            for unit in ("U1", "U2")
        ]
        items = [{"unit_code": unit, "event_id": unit} for unit in ("U1", "U2", "U3")]
        for row in units:
            pipeline.reference_record(UNIT_REGISTRY, row)
        for row in (*items, {"unit_code": "U1", "event_id": "outside", "item_code": OUTSIDE}):
            pipeline.reference_record(ITEM_REGISTRY, registered(**row))
        pipeline.closings(
            closing(district_code=""), closing(case_no="d", unit_code="U3"), closing(case_no="t", item_code=OUTSIDE, is_test=True)
        )
        pipeline.archives(archive(case_no="t", item_code=OUTSIDE))
        store()
        for row in units:
            pipeline.reference_record(UNIT_REGISTRY, {**row, "event_id": f"{row['event_id']}-1", "revision": 2, "district_code": "330106"})
        store()
        for topic in ANOMALY_TOPICS:
            store_rows(client, topic, pipeline.anomalies(topic))


def _first_ms() -> int:
    return at_ms(dt.date(YEAR, 1, 1))


def fill(client: Client, plan: Plan = PLAN) -> None:
    """Let a year of events go through the job, and store what comes out as the sink does."""
    events, _, _ = generate(plan)
    with Pipeline(now_ms=_first_ms()) as pipeline:
        pipeline.world(events)
        pipeline.raw(CASE_CLOSED, (b"k", b"not a record"))
        _configure_wrongly(pipeline, events[MODULE_CONFIG])
        pipeline.tick(plan.moment_ms)
        pipeline.tick(plan.moment_ms)
        store_rows(client, CASE_STATE, list(pipeline.states().values()))
        store_rows(client, ITEM_STATE, list(pipeline.items().values()))
        store_rows(client, COVERAGE_PARTIAL, pipeline.buckets())
        for topic in ANOMALY_TOPICS:
            store_rows(client, topic, pipeline.anomalies(topic))
        store_messages(client, DEAD_LETTER, [_dead_letter(number, each) for number, each in enumerate(pipeline.dead_letters())])


def _configure_wrongly(pipeline: Pipeline, configured: list[dict[str, Any]]) -> None:
    """From 1 October on, another version than the approved one, wherever it is configured: the finding has a day on which it came about."""
    day = day_number(dt.date(YEAR, 10, 1))
    for row in configured:
        changed = {"event_id": f"{row['event_id']}-1", "revision": row["revision"] + 1, "valid_from": day, "schedule_version": "1999"}
        pipeline.reference_record(MODULE_CONFIG, {**row, **changed})


def _dead_letter(number: int, letter: Message) -> SimpleNamespace:
    """A dead letter as the sink reads it off the broker, written at noon of the last day."""
    written_ms = PLAN.moment_ms - 6 * HOUR_MS
    told = {"headers": letter.headers, "partition": 0, "offset": number, "timestamp": (1, written_ms), "key": letter.key}
    return SimpleNamespace(**{name: partial(_same, each) for name, each in {**told, "value": letter.value}.items()})


def _same(value: Any) -> Any:
    return value
