"""What the simulation relies on, held against the fakes and the real ones alike."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from consumers.clickhouse import Client
from consumers.rows import version_of
from streams.contracts import COVERAGE_PARTIAL
from streams.domain.coverage import COUNTS, UNREGISTERED
from streams.errors import ConfigurationError
from streams.runtime import index
from streams.runtime.clients import consumer_config, extent, producer_config
from streams.runtime.state import Changes, Identity, Store
from tests.consumers.outputs import store_rows
from tests.simulation.broker import Broker, FakeConsumer, FakeProducer, Hooks
from tests.simulation.store import Disk, FakeStore
from tests.simulation.table import KEYS, FakeTables

# The local store.

Open = Callable[[Identity], Any]
IDENTITY = Identity({"log": "1"}, "f")


@pytest.fixture(params=["fake", "real"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the store of one place, again and again."""
    disk = Disk()
    return lambda identity: FakeStore(disk, identity) if request.param == "fake" else Store(tmp_path / "0", identity)


def at(*pairs: tuple[bytes, bytes]) -> list[bytes]:
    """Where index pairs stand."""
    return [index.join(*pair) for pair in pairs]


def test_a_store_gives_back_what_was_written(open_store: Open) -> None:
    """Values, keys in order, index pairs in order of terms, positions; also after it was closed."""
    store = open_store(IDENTITY)
    store.write(
        Changes({"t": {b"k2": b"b", b"k1": b"a"}, "u": {b"k9": b"x"}}, at((b"\x00", b"k1"), (b"z", b"k2"), (b"", b"k3")), (), {"log": 7})
    )
    store.write(Changes({"t": {b"k2": b"c", b"gone": None}}, at((b"m", b"k2")), at((b"z", b"k2"), (b"never", b"was"))))
    store.close()
    store = open_store(IDENTITY)
    assert store.get_many("t", [b"k1", b"none", b"k2"]) == [b"a", None, b"c"]
    assert store.keys("t", None, 9) == [b"k1", b"k2"]
    assert store.keys("t", b"k1", 9) == [b"k2"]
    assert list(store.scan(b"", b"\xff")) == at((b"", b"k3"), (b"\x00", b"k1"), (b"m", b"k2"))
    assert list(store.scan(b"", b"\xff", (b"\x00", b"k1"))) == at((b"m", b"k2"))
    assert (store.position("log"), store.position("other")) == (7, None)
    store.close()


def test_a_store_of_another_identity_is_empty(open_store: Open) -> None:
    """It was made from another log or by other rules."""
    store = open_store(IDENTITY)
    store.write(Changes({"t": {b"k": b"a"}}, at((b"x", b"k")), (), {"log": 7}))
    store.close()
    store = open_store(Identity({"log": "2"}, "f"))
    assert (store.get_many("t", [b"k"]), list(store.scan(b"", b"\xff")), store.position("log")) == ([None], [], None)
    store.close()


def test_a_store_is_open_once(open_store: Open) -> None:
    """A second owner of the directory is refused."""
    store = open_store(IDENTITY)
    with pytest.raises(ConfigurationError):
        open_store(IDENTITY)
    store.close()


@pytest.mark.parametrize("seed", range(5))
def test_a_store_walks_its_index_alike_whatever_was_written(open_store: Open, seed: int) -> None:
    """Against a model, through writes and deletions near the low end."""
    dice, store, model = random.Random(seed), open_store(IDENTITY), set()  # noqa: S311 - a seed, no secret
    for _ in range(60):
        added = {(bytes([dice.randrange(6)]) * dice.randint(0, 2), bytes([dice.randrange(4)])) for _ in range(3)}
        removed = set(dice.sample(sorted(model), k=min(len(model), 2))) - added
        store.write(Changes({}, at(*added), at(*removed)))
        model = (model - removed) | added
        low, high = sorted(bytes([dice.randrange(6)]) for _ in range(2))
        assert list(store.scan(low, high)) == at(*sorted(pair for pair in model if low <= pair[0] < high))
    store.close()


# The broker.


@dataclass
class Cluster:
    """A topic of one partition, and clients of it."""

    topic: str
    group: str
    producer: Callable[[], Any]
    consumer: Callable[..., Any]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kafka)])
def cluster(request: pytest.FixtureRequest, topic_prefix: str) -> Cluster:
    """The fake broker, or Apache Kafka."""
    topic, group = topic_prefix + "topic", topic_prefix + "group"
    if request.param == "fake":
        broker = Broker({topic: 1})
        return Cluster(
            topic,
            group,
            lambda: FakeProducer(broker, Hooks(), {"transactional.id": "t"}),
            lambda **given: FakeConsumer(broker, Hooks(), {"group.id": group, **given}),
        )
    kafka = {"bootstrap.servers": request.getfixturevalue("kafka").bootstrap}
    admin = AdminClient(kafka)
    for created in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        created.result(20)
    return Cluster(
        topic,
        group,
        lambda: Producer(producer_config(kafka, topic_prefix + "t", 20_000)),
        lambda **given: Consumer({**consumer_config(kafka, group), **given}),
    )


def begun(cluster: Cluster) -> Any:
    """A producer in a transaction."""
    producer = cluster.producer()
    producer.init_transactions(20)
    producer.begin_transaction()
    return producer


def write(producer: Any, cluster: Cluster, *values: bytes) -> list[int]:
    """Produce records; return where they will have gone, once delivered."""
    offsets: list[int] = []
    for value in values:
        producer.produce(
            cluster.topic, key=b"k", value=value, partition=0, on_delivery=lambda _error, message: offsets.append(message.offset())
        )
    return offsets


def read(cluster: Cluster) -> tuple[list[tuple[int, bytes]], int]:
    """What readers of committed records get, and the position at which they are told of the end."""
    consumer, found = cluster.consumer(), []
    consumer.assign([TopicPartition(cluster.topic, 0, 0)])
    while True:
        for message in consumer.consume(100, 1.0):
            if message.error() is None:
                found.append((message.offset(), message.value()))
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF
                end = message.offset()
                assert extent(consumer, cluster.topic, 0, 20) == (0, end)
                consumer.close()
                return found, end


def test_what_is_committed_is_seen_with_the_marker_behind_it(cluster: Cluster) -> None:
    """A marker takes an offset, which only the end of the partition tells of; delivery is told by then."""
    producer = begun(cluster)
    offsets = write(producer, cluster, b"a", b"b")
    producer.commit_transaction(20)
    producer.begin_transaction()
    write(producer, cluster, b"c")
    producer.commit_transaction(20)
    assert offsets == [0, 1]
    assert read(cluster) == ([(0, b"a"), (1, b"b"), (3, b"c")], 5)


def test_a_new_owner_aborts_what_was_open_and_fences_its_owner(cluster: Cluster) -> None:
    """What was aborted takes offsets and is never seen, and the fenced owner can commit nothing."""
    former = begun(cluster)
    write(former, cluster, b"lost")
    former.flush(20)
    owner = begun(cluster)
    write(owner, cluster, b"kept")
    owner.commit_transaction(20)
    with pytest.raises(KafkaException) as refused:
        former.commit_transaction(20)
    assert refused.value.args[0].code() in {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
    assert read(cluster) == ([(2, b"kept")], 4)


def test_an_open_transaction_is_the_end_for_readers(cluster: Cluster) -> None:
    """Nothing at or behind it is seen before it has ended; who asks for the end of all that was written is told of it."""
    producer = begun(cluster)
    write(producer, cluster, b"open")
    producer.flush(20)
    assert read(cluster) == ([], 0)
    uncommitted = cluster.consumer(**{"isolation.level": "read_uncommitted"})
    assert extent(uncommitted, cluster.topic, 0, 20) == (0, 1)
    uncommitted.close()
    producer.commit_transaction(20)
    assert read(cluster) == ([(0, b"open")], 2)


def test_offsets_and_their_metadata_are_committed_with_the_transaction(cluster: Cluster) -> None:
    """And with one that is aborted they are not."""
    group = cluster.consumer()
    place = TopicPartition(cluster.topic, 0)
    [before] = group.committed([place], 20)
    assert before.offset == -1001
    producer = begun(cluster)
    write(producer, cluster, b"a")
    at = TopicPartition(cluster.topic, 0, 7, metadata="told")
    producer.send_offsets_to_transaction([at], group.consumer_group_metadata(), 20)
    producer.commit_transaction(20)
    producer.begin_transaction()
    at = TopicPartition(cluster.topic, 0, 9, metadata="never")
    producer.send_offsets_to_transaction([at], group.consumer_group_metadata(), 20)
    cluster.producer().init_transactions(20)
    [after] = group.committed([place], 20)
    assert (after.offset, after.metadata) == (7, "told")
    group.close()


# The tables.


def bucket(item: str, archived: int) -> dict[str, Any]:
    """A record of ``coverage-partial``."""
    place = {
        "granularity": "HOUR",
        "bucket_start": 1_528_041_600_000,
        "due_start": 1_528_041_600_000,
        "unit_code": "U1",
        "district_code": "330106",
        "item_type": "许可",
    }
    place |= {"main_item_code": item, "item_code": item, "input_partition": 0, "excluded": {"VOIDED": 1}}
    return {**place, **dict.fromkeys((*COUNTS, UNREGISTERED), 0), "archived": archived}


@dataclass
class Database:
    """What inserts, and how to look."""

    client: Any
    archived: Callable[[], Mapping[str, int]]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.clickhouse)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The fake tables, or the embedded ClickHouse."""
    if request.param == "fake":
        tables = FakeTables()
        yield Database(tables, lambda: {row["item_code"]: row["archived"] for row in tables.tables["coverage_partial"].values()})
        return
    client: Client = request.getfixturevalue("client")
    query = "SELECT item_code, archived FROM coverage_partial FINAL"
    yield Database(client, lambda: dict(client.query(query).result_rows))


def insert(database: Database, *rows: tuple[str, int, int]) -> None:
    """Insert rows of (item, count, offset)."""
    versions = [version_of(1, offset) for _, _, offset in rows]
    store_rows(database.client, COVERAGE_PARTIAL, [bucket(item, archived) for item, archived, _ in rows], versions)


def test_the_highest_version_wins_in_any_order(database: Database) -> None:
    """Within an insert and over several."""
    insert(database, ("a", 1, 1), ("a", 3, 3), ("a", 2, 2), ("b", 5, 9))
    insert(database, ("a", 0, 0), ("b", 6, 8))
    assert database.archived() == {"a": 3, "b": 5}


def test_a_replay_changes_nothing(database: Database) -> None:
    """Whole, in part, and with more behind it."""
    insert(database, ("a", 1, 1), ("b", 2, 2))
    insert(database, ("a", 1, 1), ("b", 2, 2))
    insert(database, ("b", 2, 2), ("c", 3, 3))
    assert database.archived() == {"a": 1, "b": 2, "c": 3}


def test_the_keys_are_those_of_the_migrations() -> None:
    """``ORDER BY`` of each table, read off the files."""
    folder = Path(__file__).parents[2] / "consumers" / "migrations"
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.sql")))
    for table, key in KEYS.items():
        body = text.split(f"CREATE TABLE IF NOT EXISTS {table}\n", 1)[1].split(";", 1)[0]
        assert body.rsplit("ORDER BY", 1)[1].split("SETTINGS")[0].strip().strip("()").split(", ") == list(key)
