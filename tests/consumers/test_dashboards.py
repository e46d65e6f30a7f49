"""The committed dashboard is the generated one, and a read-only user can run every query of it."""

from __future__ import annotations

import json

import clickhouse_connect
import pytest

from consumers.clickhouse import Client
from consumers.rows import TABLES
from dashboards import city
from streams.contracts import ANOMALY_UNARCHIVED, COVERAGE_PARTIAL, codec
from streams.settings import Settings
from tests.consumers.conftest import StoreProcess
from tests.consumers.outputs import bucket

pytestmark = pytest.mark.clickhouse
MACROS = {"$__fromTime": "toDateTime('2018-01-01 00:00:00')", "$__toTime": "toDateTime('2018-12-31 23:59:59')"}


def test_the_committed_file_is_the_generated_one() -> None:
    """``python -m dashboards.city`` after a change."""
    assert city.PATH.read_text(encoding="utf-8") == city.text()


@pytest.fixture
def reader(store: StoreProcess, database_settings: Settings, client: Client) -> Client:
    """The read-only user, on a database with a bucket and two findings in it."""
    place = {"unit_code": "U1", "item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    full = {"archived": 3, "unarchived": 1, "due": 4, "due_archived": 3, "official_closed": 4, "official_archived": 5}
    told = [
        {"anomaly_id": f"A{n}", "kind": "REFUSED", "subject": "c", "state": state, **place}
        for n, state in enumerate(("OPENED", "RESOLVED"))
    ]
    for topic, records in (
        (COVERAGE_PARTIAL, [{**bucket("U1", 0, **full), "granularity": "DAY"}, {**bucket("U2", 0), "granularity": "DAY"}]),
        (ANOMALY_UNARCHIVED, told),
    ):
        table = next(table for table in TABLES if table.topic == topic)
        known = codec(topic)
        client.insert_arrow(table.name, table.block([known.decode(known.encode(record)) for record in records], [1, 2]))
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=store.port, database=database_settings.clickhouse.database, username="dashboards"
    )


def test_every_query_runs_on_the_engine(reader: Client) -> None:
    """With the columns that the panels name, ratios over nothing left empty."""
    answers = {}
    for panel in json.loads(city.text())["panels"]:
        sql = panel["targets"][0]["rawSql"]
        for macro, value in MACROS.items():
            sql = sql.replace(macro, value)
        assert "$__" not in sql
        answers[panel["title"]] = reader.query(sql)
    assert answers["全市"].first_row == (0.75, 0.75, 1.25)
    units = list(answers["各单位"].named_results())
    assert [(row["单位"], row["办结"], row["覆盖率"]) for row in units] == [("U1", 4, 0.75), ("U2", 0, None)]
    assert [(row[1], row[2], row[3]) for row in answers["办结与归档"].result_rows] == [(4, 3, 1)]
    assert [(row[0], row[1]) for row in answers["未解除的异常"].result_rows] == [("REFUSED", 1)]
