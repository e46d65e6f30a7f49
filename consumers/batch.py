"""What the sink has read and not yet inserted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from consumers.origins import Origin
from consumers.row_file import RowFormat
from consumers.rows import version_of
from streams.contracts import DEAD_LETTER, REFERENCE_INPUTS, codec
from streams.errors import EngineError, InvalidRecord, NewerState

Partition = tuple[str, int]


@dataclass(slots=True)
class RowBlock:
    """Rows for one insert, and the messages that they come from."""

    origin: Origin
    format: RowFormat
    rows: list[bytes] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.origin.table.name

    def check(self) -> None:
        """Decode every message.

        Raises
        ------
        EngineError
            One is not what its topic's contract says.
        """
        if self.origin.table.topic != DEAD_LETTER:
            for message in self.messages:
                try:
                    codec(self.origin.table.topic).decode(message.value())
                except InvalidRecord as error:
                    raise unreadable(self.origin, message, error) from error


class Batch:
    """Rows by table, and for each partition the offset behind the last thing read: a record, or what Kafka itself wrote behind it.

    Parameters
    ----------
    first_at
        Monotonic seconds when the oldest row came in; ``None`` while there is none.
    positions, rows_end
        Of each partition the offset behind the last thing read, and behind the last row (:mod:`consumers.positions`).
    """

    def __init__(self) -> None:
        self.rows = 0
        self.first_at: float | None = None
        self.positions: dict[Partition, int] = {}
        self.rows_end: dict[Partition, int] = {}
        self._blocks: dict[tuple[str, RowFormat], RowBlock] = {}

    def take(self, origin: Origin, message: Any, now: float) -> None:
        """Take one record.

        Raises
        ------
        NewerState
            Its schema is not one that this version knows.
        EngineError
            It is not one of its topic: what workers write is always readable, so this is a defect of ours (or somebody else writes there),
            and leaving it out would leave a figure wrong without a word.
        """
        offset = message.offset()
        try:
            format_, record = origin.table.read(message, origin.ordinal)
        except InvalidRecord as error:
            if origin.table.topic in REFERENCE_INPUTS:  # others' words: workers leave it out too, and put it into dead-letter
                self.reach(origin.topic, message.partition(), offset + 1)
                return
            raise unreadable(origin, message, error) from error
        block = self._blocks.get((origin.topic, format_))
        if block is None:
            block = self._blocks[origin.topic, format_] = RowBlock(origin, format_)
        block.rows.append(format_.row(version_of(origin.ordinal, offset), record))
        block.messages.append(message)
        self.rows += 1
        if self.first_at is None:
            self.first_at = now
        place = origin.topic, message.partition()
        self.positions[place] = offset + 1
        if origin.ordinal:  # what stands below all lives of a topic is read off other records than its own
            self.rows_end[place] = offset + 1

    def reach(self, topic: str, partition: int, offset: int) -> None:
        """Note that a partition has been read to an end: behind the last record may lie a transaction's marker."""
        self.positions[topic, partition] = max(offset, self.positions.get((topic, partition), 0))

    def blocks(self) -> Iterable[RowBlock]:
        """One insert for each table and schema."""
        return self._blocks.values()


def unreadable(origin: Origin, message: Any, error: InvalidRecord) -> EngineError | NewerState:
    """What to raise when a record of an output topic cannot be read."""
    if error.reason == "UNKNOWN_SCHEMA":
        return NewerState(
            f"{origin.topic}[{message.partition()}] @{message.offset()}: {error}。多半由更新的版本写下：升级 sink；未提交任何位移。"
            " Most likely a newer worker wrote it: upgrade the sink, which comes first in an upgrade; nothing was committed."
        )
    return EngineError(
        f"{origin.topic}[{message.partition()}] @{message.offset()} 读不出：{error}。未提交任何位移。"
        f" A record of an output topic cannot be read; nothing was committed. Who else writes to this topic?"
    )
