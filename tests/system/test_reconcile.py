"""``guidang reconcile`` on a running system: it tells what was tampered with, not what goes on, and holds one partition at most."""

from __future__ import annotations

import datetime as dt
import time
import tracemalloc
from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.monitor.canary import CASE_PREFIX
from ops.reading import read_topic
from ops.reconcile import Reconciliation, reconcile
from streams.contracts import (
    ANOMALY_TOPICS,
    ANOMALY_UNARCHIVED,
    CASE_CLOSED,
    CASE_STATE,
    FEED_HEARTBEAT,
    ITEM_REGISTRY,
    UNIT_REGISTRY,
    codec,
)
from streams.partitioner import PARTITIONERS
from streams.settings import PolicySettings, Settings
from tests.consumers.conftest import eventually
from tests.system.cases import ZONE, archive, closing, make_cases
from tests.system.conftest import System, started
from tests.system.sources import going_on
from tests.system.test_system import DEADLINE_72H

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

CASES = 160
IN_ONE_PARTITION = 200
CLOSED = dt.datetime(2018, 6, 4, 10, tzinfo=ZONE)
Told = set[tuple[str, str, str, Any, Any]]


class Desk:
    """A system with some cases of every kind and in every partition, and ways to tamper with what it wrote."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.settings = Settings(data_dir=system.home, policy=PolicySettings(deadline="72h"))
        self.partitions = range(self.settings.kafka.partitions)
        self.before: Told = set()

    def fill(self) -> None:
        """Publish the cases."""
        closings, archives = make_cases(CASES)
        self.system.publish("case-closed", closings)
        self.system.publish("archive-received", archives)
        assert self.reconcile() == Reconciliation(CASES, {}, [])

    def home(self, case_no: str) -> int:
        """Partition of a case."""
        return PARTITIONERS[self.settings.kafka.partitioner](case_no.encode(), len(self.partitions))

    def states(self) -> dict[int, dict[str, Any]]:
        """A state of each partition, of a case that has been archived."""
        read = ((message.partition(), codec(CASE_STATE).decode(message.value())) for message in read_topic(self.settings, CASE_STATE))
        return {partition: state for partition, state in read if state["status"] == "ARCHIVED"}

    def write(self, topic: str, key: str, record: dict[str, Any], partition: int) -> None:
        """Write a record as a worker does."""
        producer = Producer({**self.settings.kafka_client(), "log_level": 0})
        producer.produce(self.settings.topic(topic), codec(topic).encode(record), key.encode(), partition)
        assert producer.flush(30) == 0

    def reconcile(self) -> Reconciliation:
        """Reconcile once all has gone the whole way."""
        self.system.caught_up()
        return reconcile(self.settings, lambda *_: None)

    def rows(self) -> tuple[int, ...]:
        """Rows of ClickHouse: cases, buckets, and findings that are open; none while there are no tables."""
        tables = ("case_state FINAL", "coverage_partial FINAL", "anomaly FINAL WHERE state = 'OPENED'")
        try:
            return tuple(self.system.sql(f"SELECT count() FROM {table}")[0][0] for table in tables)  # noqa: S608 - our own words
        except ClickHouseError:
            return ()

    def change(self, table: str, change: str) -> None:
        """Alter rows of ClickHouse, as nobody should."""
        self.system.client().command(f"ALTER TABLE {table} {change}", settings={"mutations_sync": 1})

    def told(self) -> Told:
        """What reconcile tells that it did not tell the last time."""
        found = self.reconcile().differences
        differences = {(one.where, one.key, one.field, _hashable(one.expected), _hashable(one.found)) for one in found}
        new, self.before = differences - self.before, differences
        return new


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The system, which the tests of this module tamper with one after the other."""
    with started(tmp_path_factory.mktemp("system"), 1, **DEADLINE_72H) as system:
        desk = Desk(system)
        desk.fill()
        yield desk


def peak_bytes(desk: Desk) -> int:
    """The most that Python holds while it reconciles."""
    tracemalloc.start()
    desk.reconcile()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_with_the_fullest_partition_and_not_with_the_cases(desk: Desk) -> None:
    """Seven times as many cases in the other partitions need hardly more."""
    numbered = [f"m{number}" for number in range(IN_ONE_PARTITION * 20)]
    of = {partition: [each for each in numbered if desk.home(each) == partition][:IN_ONE_PARTITION] for partition in desk.partitions}
    assert {len(cases) for cases in of.values()} == {IN_ONE_PARTITION}
    peaks = []
    for partitions in (desk.partitions[:1], desk.partitions[1:]):
        cases = [case_no for partition in partitions for case_no in of[partition]]
        desk.system.publish("case-closed", [closing(case_no, CLOSED) for case_no in cases])
        desk.system.publish("archive-received", [archive(case_no, CLOSED + dt.timedelta(hours=1)) for case_no in cases])
        peaks.append(peak_bytes(desk))
    assert peaks[1] < 1.5 * peaks[0]


def test_a_canary_is_no_case(desk: Desk) -> None:
    """It is neither counted nor compared."""
    before = desk.reconcile()
    desk.system.publish("archive-received", [archive(f"{CASE_PREFIX}{number}", CLOSED, deleted=True) for number in range(20)])
    assert desk.reconcile() == before


def test_what_stays_open_is_so_though_its_telling_is_gone_and_clickhouse_too(desk: Desk) -> None:
    """As after 400 days, when the database is dropped and fills itself again."""
    places = [TopicPartition(desk.settings.topic(topic), number, OFFSET_END) for topic in ANOMALY_TOPICS for number in desk.partitions]
    admin = AdminClient(desk.settings.kafka_client())
    for deleted in admin.delete_records(places).values():
        deleted.result(30)
    before = desk.rows()
    assert before[-1] > 0
    assert desk.reconcile().differences == []
    desk.system.kill("sink")  # which would end by itself, once it has seen that its tables are gone
    desk.system.client().command("DROP DATABASE guidang SYNC")
    eventually(lambda: desk.rows() == before, 90)
    assert desk.reconcile().differences == []


def test_a_difference_in_each_partition_is_told(desk: Desk) -> None:
    """A row that is gone, and a state that is another, one of each in every partition."""
    states = desk.states()
    assert states.keys() == set(desk.partitions)
    gone = ", ".join(f"'{state['case_no']}'" for state in states.values())
    desk.change("case_state", f"DELETE WHERE case_no IN ({gone})")
    assert desk.told() == {("clickhouse", state["case_no"], "status", "ARCHIVED", None) for state in states.values()}
    for partition, state in states.items():
        desk.write(CASE_STATE, state["case_no"], state | {"unit_name": "另一单位"}, partition)
    assert desk.told() == {("case-state", state["case_no"], "unit_name", state["unit_name"], "另一单位") for state in states.values()}


def test_a_state_that_lies_in_a_partition_not_its_own_is_told(desk: Desk) -> None:
    """Beside the one at home, and in its stead."""
    state = desk.states()[3]
    case_no = state["case_no"]
    desk.write(CASE_STATE, case_no, state, 5)
    assert desk.told() == {("case-state", case_no, "partition", 3, 5)}
    stranger = next(f"stranger-{number}" for number in count() if desk.home(f"stranger-{number}") == 1)
    desk.write(CASE_STATE, stranger, state | {"case_no": stranger}, 2)
    assert desk.told() == {("case-state", stranger, "partition", 1, 2), ("clickhouse", stranger, "status", None, "ARCHIVED")}


def test_what_is_told_of_an_open_finding_and_is_not_so_is_told_field_by_field(desk: Desk) -> None:
    """A year, a unit or a waiver that its case does not have: points would be deducted elsewhere, or not at all."""
    last = {message.key(): codec(CASE_STATE).decode(message.value()) for message in read_topic(desk.settings, CASE_STATE)}
    state = next(state for state in last.values() if state["open_anomalies"] == ["UNARCHIVED"])
    case_no, finding = state["case_no"], state["findings"][0]
    given = {"closed_at": state["closed_at"] + 1, "unit_code": "U9", "waived": True}
    ought = {**state, **finding}
    desk.write(ANOMALY_UNARCHIVED, case_no, {**ought, "subject": case_no, "state": "OPENED", **given}, desk.home(case_no))
    expected = {(f"UNARCHIVED.{name}", ought[name], value) for name, value in given.items()}
    assert desk.told() == {(where, case_no, *told) for where in ("anomaly", "clickhouse") for told in expected}


def test_what_is_said_of_a_case_that_no_input_knows_is_told(desk: Desk) -> None:
    """Its state with its counts, its row alone, its finding; and figures of a partition that is none."""
    state = desk.states()[4] | {"archives": [], "flags": [], "unit_code": "U9"}
    ghost = next(f"ghost-{number}" for number in count() if desk.home(f"ghost-{number}") == 4)
    desk.write(CASE_STATE, ghost, state | {"case_no": ghost}, 4)
    told = desk.told()
    assert ("case-state", ghost, "status", None, "ARCHIVED") in told
    assert {(where, field, expected, found) for where, key, field, expected, found in told if "U9" in key} == {
        ("coverage-partial", name, 1, 0) for name in ("archived", "due", "due_archived", "official_closed")
    }
    client = desk.system.client()
    client.command("INSERT INTO case_state (case_no, status, version) VALUES ('row alone', 'ARCHIVED', 1)")
    client.command(
        "INSERT INTO coverage_partial (granularity, unit_code, input_partition, orphan, version) VALUES ('HOUR', 'U9', 99, 3, 1)"
    )
    assert ("clickhouse", "row alone", "status", None, "ARCHIVED") in (told := desk.told())
    bucket = '[99,"HOUR",0,0,"U9","","","",""]'
    assert {one[:3] for one in told} == {("clickhouse", "row alone", "status"), ("clickhouse", bucket, "orphan")}
    place = {name: state[name] for name in ("unit_code", "item_code", "main_item_code")}
    finding = {"anomaly_id": "of-nobody", "subject": "nobody", "kind": "UNARCHIVED", "state": "OPENED", "waived": False}
    desk.write(ANOMALY_UNARCHIVED, "nobody", place | finding, desk.home("nobody"))
    assert desk.told() == {(where, "nobody", "UNARCHIVED", "RESOLVED", "OPENED") for where in ("anomaly", "clickhouse")}


def test_what_is_lost_or_changed_in_any_table_of_clickhouse_is_told(desk: Desk) -> None:
    """Though no total changes, and whatever may rest on it: districts, names, who has a score, the bonus, refused records."""
    district = {"district_code": "330106", "district_name": "西湖区"}
    desk.system.publish("unit-registry", [{"event_id": "u6", "unit_code": "U6", "unit_name": "民政局", **district}])
    broken = Producer({**desk.settings.kafka_client(), "log_level": 0})
    broken.produce(desk.settings.topic(CASE_CLOSED), b"{}", b"broken", desk.home("broken"))
    assert broken.flush(30) == 0
    desk.system.caught_up()
    letter = desk.system.sql("SELECT partition, offset FROM dead_letter FINAL WHERE source_key = 'broken'")[0]
    names = "input_partition, granularity, toUnixTimestamp64Milli(bucket_start), toUnixTimestamp64Milli(due_start)"
    names += ", unit_code, district_code, item_type, main_item_code, item_code"
    buckets = desk.system.sql(
        f"SELECT {names}, archived FROM coverage_partial FINAL"  # noqa: S608 - our own words
        " WHERE granularity = 'HOUR' AND input_partition = 0 AND archived > 0 ORDER BY bucket_start LIMIT 2"
    )
    for (partition, _, start_ms, *_), by in zip(buckets, (1, -1), strict=True):
        where = f"input_partition = {partition} AND granularity = 'HOUR' AND toUnixTimestamp64Milli(bucket_start) = {start_ms}"
        desk.change("coverage_partial", f"UPDATE archived = archived + ({by}) WHERE archived > 0 AND {where}")
    case_no = desk.states()[6]["case_no"]
    others = "arrayMap(system -> 'another', `archives.source_system`)"
    desk.change("case_state", f"UPDATE `archives.source_system` = {others} WHERE case_no = '{case_no}'")
    unarchived = desk.system.sql("SELECT subject FROM anomaly FINAL WHERE state = 'OPENED' AND kind = 'UNARCHIVED' AND unit_code = 'U1'")[
        0
    ][0]
    desk.change("anomaly", f"UPDATE item_type = '' WHERE subject = '{unarchived}' AND kind = 'UNARCHIVED'")
    desk.change("item", "DELETE WHERE unit_code = 'U1'")
    desk.change("unit", "DELETE WHERE unit_code = 'U6'")
    desk.change("dead_letter", "UPDATE reason = 'NULL_VALUE' WHERE source_key = 'broken'")
    item = "许可-00387-000"
    assert desk.told() == {
        *(("clickhouse", orjson.dumps(key).decode(), "archived", n, n + by) for (*key, n), by in zip(buckets, (1, -1), strict=True)),
        ("clickhouse", case_no, "archives.source_system", ("",), ("another",)),
        ("clickhouse", unarchived, "UNARCHIVED.item_type", "许可", ""),
        ("clickhouse", f"U1|{item}", "item.item_code", item, None),
        ("clickhouse", "U6", "unit.unit_name", "民政局", None),
        ("clickhouse", "@".join(map(str, letter)), "dead_letter.reason", "NOT_FRAMED", "NULL_VALUE"),
    }


def test_what_goes_on_while_it_is_looked_at_is_no_difference(desk: Desk) -> None:
    """Sources send, cases move, registry rows come, change and go, and a source's word lets cases be judged, all the while."""
    desk.told()
    with going_on(desk.settings, CLOSED) as sent:
        while sent[FEED_HEARTBEAT] < 2:
            time.sleep(0.1)
        desk.system.caught_up()
        before = sent.copy()
        outcome = reconcile(desk.settings, lambda *_: None)
        during = sent - before
    assert {one.place for one in outcome.differences} <= {told[:3] for told in desk.before}
    # Which partitions have unregistered cases of these two items changes with every few cases that move between them.
    items = {f"{unit}|许可-00387-000" for unit in ("U7", "U8")}
    assert {one.place for one in outcome.in_motion} <= {("item-state", item, "unregistered_in") for item in items}
    assert during[CASE_CLOSED] > 100
    assert min(during[topic] for topic in (UNIT_REGISTRY, ITEM_REGISTRY, FEED_HEARTBEAT)) > 1
    assert desk.told() == set()
