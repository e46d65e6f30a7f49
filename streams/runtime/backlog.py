"""What was read of one partition number and waits for its task, given out in the order of the records' times where inputs are joined.

Two inputs of one case are two logs, and a reader that lags gets thousands of records of the one, then of the other. Where both sides of
a case share a unit of work, its state is read, judged and written once instead of twice.
"""

from __future__ import annotations

from collections import deque

from streams.runtime.batch import RecordBatch


class Backlog:
    """Batches by topic, in the order in which they came; those of joined inputs have times."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[RecordBatch]] = {}

    def __bool__(self) -> bool:
        return any(self._queues.values())

    @property
    def records(self) -> int:
        """How many records wait."""
        return sum(len(batch.records) for queue in self._queues.values() for batch in queue)

    def add(self, batch: RecordBatch) -> None:
        """Put a batch behind those of its topic."""
        self._queues.setdefault(batch.topic, deque()).append(batch)

    def clear(self) -> None:
        """Drop everything."""
        self._queues.clear()

    def ripe(self, through_ms: float) -> bool:
        """Whether :meth:`take` would give something."""
        return any(not queue[0].records or _ripe(queue[0], through_ms) for queue in self._queues.values() if queue)

    def take(self, through_ms: float) -> list[RecordBatch]:
        """Take the first batch of each topic: of joined ones, as much as all of these have come to.

        Parameters
        ----------
        through_ms
            Of joined topics, records from the first later one on stay.
        """
        fronts = [queue for queue in self._queues.values() if queue]
        through_ms = min([through_ms, *(max(queue[0].times_ms) for queue in fronts if queue[0].times_ms)])
        taken = []
        for queue in fronts:
            batch = queue[0]
            count = _ripe(batch, through_ms)
            if count == len(batch.records):
                taken.append(queue.popleft())
            elif count:
                first, queue[0] = batch.split(count)
                taken.append(first)
        return taken


def _ripe(batch: RecordBatch, through_ms: float) -> int:
    return next((number for number, at_ms in enumerate(batch.times_ms) if at_ms > through_ms), len(batch.records))
