"""Carries the changes of one unit of work into the buckets it touches: each is read once, changed, and written once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from streams.agents.tables import BUCKET_TABLE
from streams.domain.coverage import EVER, UNREGISTERED, Bucket, apply, changes, moved
from streams.domain.verdict import State
from streams.runtime.job import Work


class CoverageFold:
    """Collects changes of cases until :meth:`flush`."""

    def __init__(self) -> None:
        self._pending: defaultdict[Bucket, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, before: State | None, after: State) -> None:
        """Note what a case takes away and what it gives."""
        for bucket, moves in changes(before, after):
            counts = self._pending[bucket]
            for name, count in moves:
                counts[name] += count

    def flush(self, work: Work) -> Iterator[tuple[Bucket, int]]:
        """Write the buckets that changed; yield those of all time, each with its count of unregistered cases, where it became or left 0."""
        touched = {bucket.key(work.partition): (bucket, counts) for bucket, counts in moved(self._pending).items()}
        self._pending.clear()
        keys = list(touched)
        for key, record in zip(keys, BUCKET_TABLE.get_many(work, keys), strict=True):
            bucket, counts = touched[key]
            changed = apply(record, work.partition, bucket, counts)
            BUCKET_TABLE.put(work, key, changed)
            now, before = changed[UNREGISTERED], record[UNREGISTERED] if record else 0
            if bucket.granularity == EVER and bool(now) != bool(before):
                yield bucket, now
