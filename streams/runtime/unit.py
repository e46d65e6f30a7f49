"""A unit of work: what a transaction is going to do, as an overlay over the store, thrown away if it does not commit."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from streams.runtime import index
from streams.runtime.state import Changes, Pair, Store


@dataclass(frozen=True, slots=True)
class Output:
    """A record for an output topic; ``partition`` is ``None`` for the unit's own number."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int | None


class Unit:
    """Implements :class:`streams.runtime.job.Work`.

    Parameters
    ----------
    store
        Committed state; not written to.
    tables
        Names of the job's tables; another name raises :class:`KeyError`.
    watermarks
        Live view: it moves on as batches are taken into the unit.
    """

    __slots__ = (
        "_added",
        "_before",
        "_dirty",
        "_entries",
        "_indexed",
        "_puts",
        "_removed",
        "_store",
        "epoch",
        "now_ms",
        "outputs",
        "partition",
        "watermarks",
    )

    def __init__(
        self,
        *,
        store: Store,
        tables: Sequence[str],
        partition: int,
        now_ms: int,
        epoch: int,
        watermarks: Mapping[str, int | None],
    ) -> None:
        self._store = store
        self.partition = partition
        self.now_ms = now_ms
        self.epoch = epoch
        self.watermarks = watermarks
        self.outputs: list[Output] = []
        self._puts: dict[str, dict[bytes, bytes]] = {table: {} for table in tables}
        self._entries: dict[str, dict[bytes, bytes]] = {table: {} for table in tables}
        self._before: dict[str, dict[bytes, bytes | None]] = {table: {} for table in tables}
        self._dirty: dict[str, set[bytes]] = {table: set() for table in tables}
        self._indexed: dict[tuple[str, bytes], tuple[list[bytes], list[bytes]]] = {}
        self._added: set[bytes] = set()
        self._removed: set[bytes] = set()

    @property
    def puts(self) -> Mapping[str, Mapping[bytes, bytes]]:
        """Table to key to the record of what was put last."""
        return self._puts

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.outputs and not any(self._puts.values())

    @property
    def size(self) -> int:
        """Number of records the transaction would write, offsets apart."""
        return len(self.outputs) + sum(map(len, self._puts.values()))

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :meth:`streams.runtime.job.Work.get_many`."""
        entries, before = self._entries[table], self._before[table]
        self._read(table, keys)
        found = [entries.get(key) or before[key] for key in keys]
        return [None if kept is None else index.value_of(kept) for kept in found]

    def put(self, table: str, key: bytes, value: bytes, terms: Sequence[bytes] = (), record: bytes | None = None) -> None:
        """See :meth:`streams.runtime.job.Work.put`."""
        self._puts[table][key] = value if record is None else record
        self._entries[table][key] = index.entry(value, terms)
        self._dirty[table].add(key)

    def emit(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """See :meth:`streams.runtime.job.Work.emit`."""
        self.outputs.append(Output(topic, key, value, headers, partition))

    def scan(self, low: bytes, high: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """See :meth:`streams.runtime.job.Work.scan`."""
        return self.scan_after(low, high, None, limit)

    def scan_after(self, low: bytes, high: bytes, after: Pair | None, limit: int) -> list[Pair]:
        """Do the same, beginning after the pair ``after``: how a scan goes on in a later unit."""
        self._reindex()
        committed = (position for position in self._store.scan(low, high, after) if position not in self._removed)
        start, end = index.bound(low) if after is None else index.join(*after) + b"\x00", index.bound(high)
        own = sorted(position for position in self._added if start <= position < end)
        positions = heapq.merge(committed, own) if own else committed
        return [index.split(position) for position in islice(positions, limit)]

    def keys(self, table: str, after: bytes | None, limit: int) -> list[bytes]:
        """Return committed keys in order, for a pass over a whole table; keys new in this unit are not among them."""
        return self._store.keys(table, after, limit)

    def changes(self, positions: Mapping[str, int]) -> Changes:
        """Return what the store must do once the transaction has committed."""
        self._reindex()
        return Changes(self._entries, self._added, self._removed, positions)

    def _read(self, table: str, keys: Iterable[bytes]) -> None:
        """Have what is committed of these keys, asked for once."""
        before = self._before[table]
        missing = [key for key in dict.fromkeys(keys) if key not in before]
        if missing:
            before.update(zip(missing, self._store.get_many(table, missing), strict=True))

    def _reindex(self) -> None:
        added, removed, indexed = self._added, self._removed, self._indexed
        for table, keys in self._dirty.items():
            if not keys:
                continue
            self._read(table, keys)
            before, entries = self._before[table], self._entries[table]
            for key in keys:
                place, old, new = (table, key), before[key], entries[key]
                if place in indexed:
                    lost, gained = indexed.pop(place)
                    added.difference_update(gained)
                    removed.difference_update(lost)
                if old is None or not index.same_terms(old, new):
                    had, has = [] if old is None else index.positions_of(old, key), index.positions_of(new, key)
                    lost, gained = [each for each in had if each not in has], [each for each in has if each not in had]
                    indexed[place] = lost, gained
                    removed.update(lost)
                    added.update(gained)
            keys.clear()
