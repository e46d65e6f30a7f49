"""Where the product would reach for a client, a thread, a directory or the time, it finds the simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from consumers import inserting, positions, sink
from consumers.origins import Origin
from consumers.rows import TABLES
from streams.runtime import clients, engine, opening, partition, reference, transaction
from tests.simulation.broker import FakeAdmin, FakeConsumer, FakeProducer
from tests.simulation.store import FakeStore
from tests.simulation.worker import StepLane

if TYPE_CHECKING:
    from tests.simulation.world import World

ORIGINS = {table.topic: Origin(table.topic, table, f"topic-{table.topic}", f"table-{table.name}", 1) for table in TABLES}
IDS = {name: origin.topic_id for name, origin in ORIGINS.items()}
TABLE_IDS = {origin.table.name: origin.table_id for origin in ORIGINS.values()}


@contextmanager
def replaced(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Give attributes other values for a while."""
    former = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in reversed(former):
            setattr(owner, name, value)


class NoPath:
    """A path of which nothing is ever on a disk."""

    @property
    def parent(self) -> NoPath:
        """See pathlib."""
        return self

    def __truediv__(self, _: object) -> NoPath:
        return self

    def mkdir(self, **_: Any) -> None:
        """See pathlib."""

    def touch(self) -> None:
        """See pathlib."""


@contextmanager
def installed(world: World) -> Iterator[None]:
    """Let the product run in a world."""

    def consumer(config: Any) -> FakeConsumer:
        return FakeConsumer(world.broker, world.hooks(), config)

    def producer(config: Any) -> FakeProducer:
        return FakeProducer(world.broker, world.hooks(), config)

    def store(path: Any, identity: Any) -> FakeStore:
        hooks = world.hooks()
        return FakeStore(world.disk(str(path)), identity, lambda: hooks.before_write(str(path)))

    changes = [(module, "time", world.time) for module in (clients, opening, partition, transaction, sink, inserting, reference)]
    with replaced(
        *changes,
        (engine, "create_app", lambda _: None),
        (engine, "input_topic", lambda _app, _engine: None),
        (engine, "consumer_of", lambda app: app.consumer),
        (engine, "Lane", StepLane),
        (opening, "Consumer", consumer),
        (opening, "Store", store),
        (transaction, "Consumer", consumer),
        (transaction, "Producer", producer),
        (reference, "Consumer", consumer),
        (reference, "AdminClient", lambda _: FakeAdmin(world.broker)),
        (sink, "Consumer", consumer),
        (sink, "check_access", lambda *_: None),
        (sink, "migrate", lambda _: None),
        (sink, "connect", lambda _: world.client()),
        (sink, "admin_client", lambda _: FakeAdmin(world.broker)),
        (sink, "origins", lambda *_: ORIGINS),
        (sink, "topic_ids", lambda *_: IDS),
        (sink, "table_ids", lambda *_: TABLE_IDS),
        (positions, "noted", lambda *_: {place: row["version"] for place, row in world.tables.tables[positions.TABLE].items()}),
        (sink, "consumer_properties", lambda *_: {"group.id": "guidang-sink"}),
    ):
        yield


SINK_SETTINGS: Any = SimpleNamespace(home=NoPath(), clickhouse=SimpleNamespace(cluster=""))
