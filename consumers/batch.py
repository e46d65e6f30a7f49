"""What the sink has read and not yet inserted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from consumers.dead_letters import dead_letter_row
from consumers.items import item_row
from consumers.origins import Origin
from consumers.rows import NOT_STORED, version_of
from streams.contracts import DEAD_LETTER, ITEM_STATE, codec
from streams.errors import EngineError, InvalidRecord

Partition = tuple[str, int]


class Batch:
    """Rows by table, and for each partition the offset behind the last thing read: a record, or what Kafka itself wrote behind it.

    Parameters
    ----------
    first_at
        Monotonic seconds when the oldest row came in; ``None`` while there is none.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.first_at: float | None = None
        self.positions: dict[Partition, int] = {}
        self._by_topic: dict[str, tuple[Origin, list[dict[str, Any]], list[int]]] = {}

    def take(self, origin: Origin, message: Any, now: float) -> None:
        """Take one record.

        Raises
        ------
        EngineError
            It cannot be decoded: what workers write is always readable, so this is a defect of ours (or somebody else writes there), and
            leaving it out would leave a figure wrong without a word.
        """
        offset = message.offset()
        _, records, versions = self._by_topic.setdefault(origin.topic, (origin, [], []))
        records.append(_record(origin, message))
        versions.append(version_of(origin.ordinal, offset))
        self.rows += 1
        if self.first_at is None:
            self.first_at = now
        self.positions[origin.topic, message.partition()] = offset + 1

    def reach(self, topic: str, partition: int, offset: int) -> None:
        """Note that a partition has been read to an end: behind the last record may lie a transaction's marker."""
        self.positions[topic, partition] = max(offset, self.positions.get((topic, partition), 0))

    def blocks(self) -> Iterator[tuple[str, pa.Table]]:
        """One insert for each table: its name and the columns."""
        for origin, records, versions in self._by_topic.values():
            yield origin.table.name, origin.table.block(records, versions)


def _record(origin: Origin, message: Any) -> dict[str, Any]:
    topic = origin.table.topic
    if topic == DEAD_LETTER:
        return dead_letter_row(message, origin.ordinal)
    try:
        record = codec(topic).decode(message.value())
    except InvalidRecord as error:
        raise EngineError(
            f"{origin.topic}[{message.partition()}] @{message.offset()} 读不出：{error}。未提交任何位移。"
            f" A record of an output topic cannot be read; nothing was committed. Who else writes to this topic?"
        ) from error
    if topic == ITEM_STATE:
        record = item_row(record)
    for name in NOT_STORED:
        record.pop(name, None)
    return record
