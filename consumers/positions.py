"""How far the sink has come, kept beside the rows: a database that was set back to a snapshot is known by it.

Such a database has its tables under the UUIDs that they had, while the offsets committed since stand in Kafka: gone on with, what was
inserted between snapshot and restoring would be missing for ever, and nobody would be told. So the *position* of a partition, the offset
behind its last row, is put into ``sink_position`` after the rows and before anything is committed for them, and is part of the metadata of
every offset that is committed. An offset whose position is not in the table was committed for rows that are gone: it does not count.
Before a new position is put in, the last must be there still; else one that is put in after a setback would hide it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from consumers.batch import Partition
from consumers.clickhouse import Client, is_nothing_there
from consumers.inserting import insert_rows
from consumers.row_file import RowFormat
from streams.encoding import encoder
from streams.errors import DependencyError
from streams.settings import Settings

TABLE = "sink_position"
_SCHEMA = {
    "type": "record",
    "name": TABLE,
    "fields": [{"name": "mark", "type": "string"}, {"name": "partition", "type": "int"}],
}
_FORMAT, _ENCODE = RowFormat(_SCHEMA), encoder(_SCHEMA)
_METADATA = re.compile(r"(.+)/(\d+)")
"""Mark and position; a topic id may itself have slashes."""
Noted = Mapping[tuple[str, int], int]
"""Mark and partition to position."""


class Positions:
    """The positions of the partitions that one sink reads. Like its client, it belongs to one thread.

    Parameters
    ----------
    marks
        Of topic and table, by the topic's name on the broker (:attr:`consumers.origins.Origin.mark`).
    """

    def __init__(self, settings: Settings, client: Client, marks: Mapping[str, str]) -> None:
        self._settings, self._client, self._marks = settings, client, marks
        self._noted: Noted | None = None
        self._must_be_there: dict[Partition, int] = {}

    def look(self) -> None:
        """Look at the table, for :meth:`counts`. While ClickHouse does not answer every position counts: :meth:`check` looks again."""
        try:
            self._noted = self.read()
        except ClickHouseError:
            self._noted = None

    def counts(self, committed: Any) -> bool:
        """Whether an offset (``confluent_kafka.TopicPartition``) was committed for rows that are in the tables there are now."""
        return counts(committed, self._marks[committed.topic], self._noted)

    def begin(self, committed: Iterable[Any]) -> None:
        """Take other partitions: those with these offsets, which count, and others that are read from their beginning."""
        found = ((at, _METADATA.fullmatch(at.metadata)) for at in committed)
        self._must_be_there = {(at.topic, at.partition): int(parts[2]) for at, parts in found if parts}

    def metadata(self, place: Partition) -> str:
        """What is to be committed with an offset of a partition."""
        return f"{self._marks[place[0]]}/{self._must_be_there.get(place, 0)}"

    def note(self, positions: Mapping[Partition, int]) -> None:
        """Put in how far partitions have come, once their rows are inserted. Errors of ClickHouse are the client's own.

        Raises
        ------
        DependencyError
            As of :meth:`check`; nothing was put in.
        """
        if not positions:
            return
        self.check()
        rows = [
            _FORMAT.row(at, _ENCODE({"mark": self._marks[topic], "partition": partition})) for (topic, partition), at in positions.items()
        ]
        insert_rows(self._client, TABLE, _FORMAT, rows)
        self._must_be_there |= positions

    def check(self) -> None:
        """See whether the tables are what they were. Errors of ClickHouse are the client's own.

        Raises
        ------
        DependencyError
            A position that was put in is there no longer.
        """
        there = self.read()
        if any(there.get((self._marks[topic], partition), 0) < at for (topic, partition), at in self._must_be_there.items()):
            raise lost()

    def read(self) -> Noted:
        """All positions that are in the table. Errors of ClickHouse are the client's own."""
        if self._settings.clickhouse.cluster:
            self._client.command(f"SYSTEM SYNC REPLICA {TABLE}")  # what another replica was told so far
        return noted(self._settings, self._client)


def noted(settings: Settings, client: Client) -> Noted:
    """All positions that are in the table; none where there is no table. Other errors are the client's own."""
    query = f"SELECT mark, partition, max(version) FROM `{settings.clickhouse.database}`.{TABLE} GROUP BY mark, partition"  # noqa: S608 - our own names
    try:
        return {(mark, partition): int(position) for mark, partition, position in client.query(query).result_rows}
    except ClickHouseError as error:
        if not is_nothing_there(error):
            raise
        return {}


def counts(committed: Any, mark: str, noted: Noted | None) -> bool:
    """Whether an offset (``confluent_kafka.TopicPartition``) was committed for rows that are in the tables there are now.

    Parameters
    ----------
    mark
        Of topic and table as they are now, or the beginning of it, if the table is not known.
    noted
        ``None``: not known, and the mark alone decides.
    """
    parts = _METADATA.fullmatch(committed.metadata or "")
    if parts is None or not parts[1].startswith(mark):
        return False
    return noted is None or noted.get((parts[1], committed.partition), 0) >= int(parts[2])


def lost() -> DependencyError:
    """What to raise when the tables are not those that were filled."""
    return DependencyError(
        "数据表被删除、重建或退回过从前，重新启动后从头填满 a table was lost, made again or set back: starting anew fills it again"
    )
