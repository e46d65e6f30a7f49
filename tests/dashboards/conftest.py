"""A simulated year in a real ClickHouse, read by the read-only user; the tests look at it and change nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
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
    ITEM_STATE,
    MODULE_CONFIG,
)
from streams.domain.time import HOUR_MS, day_number
from tests.agents.pipeline import Message, Pipeline
from tests.consumers.conftest import StoreProcess, store_settings
from tests.consumers.outputs import store_messages, store_rows

YEAR = 2018
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
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The year, through the job and as the sink stores it."""
    home = tmp_path_factory.mktemp("boards")
    store = StoreProcess(home / "store")
    try:
        settings = store_settings(store, home, "boards")
        migrate(settings)
        fill(connect(settings))
        reader = clickhouse_connect.get_client(host="127.0.0.1", port=store.port, database="boards", username="dashboards")
        yield World(reader, Window(_first_ms(), PLAN.moment_ms + 1))
    finally:
        store.kill()


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
