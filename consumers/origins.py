"""Which life of a topic the sink reads, and which life of a table it fills.

A topic that was deleted and made again counts its offsets anew; a table that was lost and made again knows nothing of what was
committed. Both have an identity: Kafka's topic id, ClickHouse's table UUID. The *mark* of the pair begins the metadata of every
offset the sink commits, so that an offset committed for another pair is recognised, and the topic is read from its beginning. What
a table had and has no longer is seen by the rest of it (:mod:`consumers.positions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from consumers.clickhouse import Client, reaching
from consumers.rows import TABLES, Table
from streams.errors import ConfigurationError, DependencyError
from streams.runtime.clients import answered
from streams.settings import Settings

_REQUEST_SECONDS = 15.0
_ENTER = """
INSERT INTO topic_incarnation
SELECT {topic:String}, {id:String},
    toUInt16(if(countIf(topic_id = {id:String}) > 0, minIf(ordinal, topic_id = {id:String}), max(ordinal) + 1))
FROM topic_incarnation WHERE topic = {topic:String}"""
"""Enters a life. Two sinks that do so at once enter the same number, whether the second sees the first one's row or not."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A topic in its present life, and the table it fills.

    Parameters
    ----------
    topic
        Name on the broker, prefix included.
    ordinal
        Which life of the topic this is, counted by the database: 1, 2, …
    """

    topic: str
    table: Table
    topic_id: str
    table_id: str
    ordinal: int

    @property
    def mark(self) -> str:
        """How the metadata begins of the offsets committed for this pair."""
        return _mark(self.topic_id, self.table_id)


def origins(settings: Settings, admin: AdminClient, client: Client) -> Mapping[str, Origin]:
    """Find the topics' and tables' present lives, by topic name on the broker; a new life of a topic is entered in ``topic_incarnation``.

    Raises
    ------
    ConfigurationError
        The database was filled from topics of another prefix.
    DependencyError
        Kafka or ClickHouse cannot be reached, or a topic is missing.
    """
    ids = topic_ids(settings, admin)
    with reaching(settings):
        if settings.clickhouse.cluster:
            client.command("SYSTEM SYNC REPLICA topic_incarnation")  # what another replica was told of lives so far
        _refuse_another_prefix(settings, client)
        tables = table_ids(settings, client)
        return {
            (name := settings.topic(table.topic)): Origin(name, table, ids[name], tables[table.name], _ordinal(client, name, ids[name]))
            for table in TABLES
        }


def topic_ids(settings: Settings, admin: AdminClient) -> dict[str, str]:
    """Kafka's id of each topic that the sink reads.

    Raises
    ------
    DependencyError
        Kafka cannot be reached, or a topic is missing.
    """
    names = [settings.topic(table.topic) for table in TABLES]
    described = admin.describe_topics(TopicCollection(names), request_timeout=_REQUEST_SECONDS)
    ids = {}
    for name, answer in described.items():
        try:
            ids[name] = str(answered(answer, _REQUEST_SECONDS).topic_id)
        except KafkaException as error:
            if error.args[0].name() == "UNKNOWN_TOPIC_OR_PART":
                raise DependencyError(
                    f"没有主题 {name}：先运行 guidang up（或 guidang doctor）。 There is no topic {name}: run `guidang up` first."
                ) from error
            where = settings.kafka_client()["bootstrap.servers"]
            raise DependencyError(f"连不上 Kafka（{where}） Kafka cannot be reached: {error.args[0].str()}") from error
    return ids


def table_ids(settings: Settings, client: Client) -> dict[str, str]:
    """ClickHouse's UUID of each table there is, by name; none where there is no database. The errors are the client's own."""
    query = "SELECT name, uuid FROM system.tables WHERE database = {database:String}"
    return {name: str(uuid) for name, uuid in client.query(query, parameters={"database": settings.clickhouse.database}).result_rows}


def newest_versions(client: Client) -> dict[str, int]:
    """The greatest version that any row of each table has, by name of the table; 0 where there is none. The errors are the client's own."""
    asked = " UNION ALL ".join(f"SELECT '{name}', max(version) FROM {name}" for name in dict.fromkeys(table.name for table in TABLES))  # noqa: S608 - our own names
    return {name: int(version) for name, version in client.query(asked).result_rows}


def marks(settings: Settings, admin: AdminClient, tables: Mapping[str, str] | None) -> dict[str, str]:
    """How the metadata begins of offsets that count now, by topic name on the broker.

    Parameters
    ----------
    tables
        As of :func:`table_ids`; for one that is not there no offset counts. ``None``: not known, and the topic's life alone decides.

    Raises
    ------
    DependencyError
        Kafka cannot be reached, or a topic is missing.
    """
    ids = topic_ids(settings, admin)
    of_table = {table.name: "" if tables is None else tables.get(table.name, "none") for table in TABLES}
    return {(name := settings.topic(table.topic)): _mark(ids[name], of_table[table.name]) for table in TABLES}


def _mark(topic_id: str, table_id: str) -> str:
    return f"{topic_id}/{table_id}"


def _refuse_another_prefix(settings: Settings, client: Client) -> None:
    """Raise if the database holds what topics of another prefix said.

    Lives are counted by name, so rows of both would be of a first life: of a case the one of the higher offset would win for ever,
    whichever system it is of; and buckets that only the former system knew would be counted beside the present one's.
    """
    ours = {settings.topic(table.topic) for table in TABLES}
    found: list[str] = [topic for (topic,) in client.query("SELECT DISTINCT topic FROM topic_incarnation").result_rows]
    if others := sorted(topic for topic in found if topic not in ours and topic.endswith(tuple(table.topic for table in TABLES))):
        raise ConfigurationError(
            f"数据库 {settings.clickhouse.database} 由另一前缀的主题填成：{', '.join(others)}。"
            f"现在的前缀是 {settings.kafka.topic_prefix!r}，两个系统的数字会混在一起："
            "另取 clickhouse.database；或 DROP DATABASE，由现在的主题填满。"
            " The database was filled from topics of another prefix, and figures of both systems would be mixed: choose another"
            " clickhouse.database, or drop this one and let the present topics fill it."
        )


def _ordinal(client: Client, topic: str, topic_id: str) -> int:
    """Number of a life of a topic; the next one if it is new."""
    parameters = {"topic": topic, "id": topic_id}
    known = client.query(
        "SELECT ordinal FROM topic_incarnation WHERE topic = {topic:String} AND topic_id = {id:String} ORDER BY ordinal LIMIT 1",
        parameters=parameters,
    ).result_rows
    if known:
        return int(known[0][0])
    client.command(_ENTER, parameters=parameters)
    return _ordinal(client, topic, topic_id)
