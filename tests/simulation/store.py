"""A local store in memory: the interface of :class:`streams.runtime.state.Store` over a dictionary and a sorted list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from streams.errors import ConfigurationError
from streams.runtime import index
from streams.runtime.state import Changes, Identity, Pair


@dataclass
class Disk:
    """What survives the process."""

    identity: bytes = b""
    values: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    index: list[bytes] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    holder: FakeStore | None = None

    def copy(self) -> Disk:
        """The disk as it is now: what a power cut may go back to."""
        return Disk(self.identity, dict(self.values), list(self.index), dict(self.positions))


class FakeStore:
    """The store of one partition.

    Parameters
    ----------
    before_write
        Called before a write is applied; may raise, and then nothing of it is.
    """

    def __init__(self, disk: Disk, identity: Identity, before_write: Callable[[], None] = lambda: None) -> None:
        if disk.holder is not None:
            raise ConfigurationError("the store is open already")
        if disk.identity != identity.encode():
            disk.values, disk.index, disk.positions = {}, [], {}
            disk.identity = identity.encode()
        disk.holder = self
        self._disk, self._before_write = disk, before_write

    def position(self, changelog: str) -> int | None:
        """See the real one."""
        return self._disk.positions.get(changelog)

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """See the real one."""
        return [self._disk.values.get((table, key)) for key in keys]

    def keys(self, table: str, after: bytes | None, limit: int) -> list[bytes]:
        """See the real one."""
        return sorted(key for of, key in self._disk.values if of == table and (after is None or key > after))[:limit]

    def scan(self, low: bytes, high: bytes, after: Pair | None = None) -> Iterator[bytes]:
        """See the real one."""
        start = index.bound(low) if after is None else index.join(*after) + b"\x00"
        positions = self._disk.index
        yield from positions[bisect_left(positions, start) : bisect_left(positions, index.bound(high))]

    def write(self, changes: Changes) -> None:
        """See the real one."""
        self._before_write()
        disk = self._disk
        for table, values in changes.values.items():
            for key, value in values.items():
                if value is None:
                    disk.values.pop((table, key), None)
                else:
                    disk.values[table, key] = value
        for position in changes.removed:
            at = bisect_left(disk.index, position)
            if disk.index[at : at + 1] == [position]:
                del disk.index[at]
        for position in changes.added:
            at = bisect_left(disk.index, position)
            if disk.index[at : at + 1] != [position]:
                disk.index.insert(at, position)
        disk.positions.update(changes.positions)

    def close(self) -> None:
        """See the real one."""
        if self._disk.holder is self:
            self._disk.holder = None
