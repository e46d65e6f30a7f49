"""Carries the changes of one unit of work into the buckets it touches: each is read once, changed, and written once."""

from __future__ import annotations

from collections import defaultdict

from streams.contracts import COVERAGE_PARTIAL, codec
from streams.domain.coverage import Bucket, apply, changes
from streams.domain.verdict import State
from streams.runtime.job import Work


class CoverageFold:
    """Collects changes of cases until :meth:`flush`.

    Parameters
    ----------
    table
        Name of the table of buckets.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._codec = codec(COVERAGE_PARTIAL)
        self._pending: defaultdict[Bucket, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, before: State | None, after: State) -> None:
        """Note what a case takes away and what it gives."""
        for bucket, counts in changes(before, after).items():
            pending = self._pending[bucket]
            for name, count in counts.items():
                pending[name] += count

    def flush(self, work: Work) -> None:
        """Write the buckets that changed."""
        touched = {bucket.key(work.partition): (bucket, counts) for bucket, counts in self._pending.items() if any(counts.values())}
        self._pending.clear()
        keys = list(touched)
        for key, value in zip(keys, work.get_many(self._table, keys), strict=True):
            bucket, counts = touched[key]
            record = self._codec.decode(value) if value is not None else None
            work.put(self._table, key, self._codec.encode(apply(record, work.partition, bucket, counts)))
