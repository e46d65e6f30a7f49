"""What travels through Faust as one event: everything one read of one partition gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streams.clock import wall_ms
from streams.errors import BatchGap

#: Up to here a record counts for one where records are counted to bound memory; a heavier one counts for as many as it would fill.
RECORD_BYTES: Final = 2_048


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """The records of one input partition between two read positions.

    Parameters
    ----------
    topic, partition
        Where the records were read.
    records
        ``aiokafka`` consumer records (``.key``, ``.value``, ``.offset``, ``.timestamp`` in ms, ``.headers``), in offset order.
        May be empty: a *tick*, which only carries time, or a stretch of control markers.
    base
        Offset at which this read began. Whoever owns the partition checks it against its own next offset.
    end
        Offset at which the next read begins. It counts control markers and offsets that compaction removed, so it is not
        the last record's offset + 1.
    watermark_ms
        Job time at which the broker was *asked* for an end offset that is at or below ``end``: everything that was readable
        then has been read. ``None`` while that is not known, which is always so for a reader that lags.
    generation
        Which assignment of this worker the batch was read under. Not Kafka's generation id, which can stay the same over
        two assignments.
    times_ms
        Of an input that is read in order of time, that of each record (:func:`times_ms`), as they were when it was read; else empty.
    size
        How much of a bound given in records the batch takes: a bound in bytes for those who send large ones. A tick takes one.
    """

    topic: str
    partition: int
    records: Sequence[Any]
    base: int
    end: int
    watermark_ms: int | None
    generation: int
    times_ms: Sequence[int] = ()
    size: int = field(init=False)

    def __post_init__(self) -> None:
        filled = sum([len(record.key or b"") + len(record.value or b"") for record in self.records]) // RECORD_BYTES
        object.__setattr__(self, "size", max(len(self.records), filled, 1))

    def split(self, count: int) -> tuple[RecordBatch, RecordBatch]:
        """Return the first ``count`` records, and the others; their sizes add up to that of the whole.

        What was read when the broker was asked is the whole: only the second part has the watermark.
        """
        middle = self.records[count].offset
        place, records, times = (self.topic, self.partition), self.records, self.times_ms
        first = RecordBatch(*place, records[:count], self.base, middle, None, self.generation, times[:count])
        rest = RecordBatch(*place, records[count:], middle, self.end, self.watermark_ms, self.generation, times[count:])
        object.__setattr__(rest, "size", self.size - first.size)
        return first, rest


def times_ms(records: Sequence[Any]) -> list[int]:
    """The times of records, as senders have stamped them; -1, the earliest there is, instead of one that is still to come.

    A sender whose clock is ahead would have its input wait until the others have come as far.
    """
    now_ms = wall_ms()
    return [record.timestamp if record.timestamp <= now_ms else -1 for record in records]


def check_follows(batch: RecordBatch, expected: int) -> None:
    """Raise unless ``batch`` begins at ``expected``.

    This one check replaces trust in every queue, flow control and supervisor between the broker and here.

    Raises
    ------
    BatchGap
        Something in between lost or repeated records. The process must end: nothing after this point may be committed.
    """
    if batch.base != expected:
        raise BatchGap(f"{batch.topic}/{batch.partition}: a batch begins at offset {batch.base}, the next offset to do is {expected}")
