"""Which keys must be evaluated again, in slices, and when it is finished.

A range is worked off by a cursor over (term, key) pairs. Terms may change while it runs, so a key can turn up again ahead of
the cursor; each key is handed out once per pass, which bounds a pass by the number of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.runtime.state import Pair

Range = tuple[bytes, bytes]
Positions = dict[str, tuple[int, ...]]


class Searchable(Protocol):
    """What slices are taken from; :class:`streams.runtime.unit.Unit` in earnest."""

    def scan_after(self, low: bytes, high: bytes, after: Pair | None, limit: int) -> list[Pair]:
        """Return index pairs in order, beginning after a pair."""
        ...

    def keys(self, table: str, after: bytes | None, limit: int) -> list[bytes]:
        """Return keys of a table in order, beginning after a key."""
        ...


@dataclass(slots=True)
class _Pass:
    low: bytes
    high: bytes
    after: Pair | None = None
    seen: set[bytes] = field(default_factory=set)


class Revisits:
    """Revisits still to be done in one partition.

    Parameters
    ----------
    everything
        Table whose keys must all be visited first, because rules or policy changed; ``None``: none.
    """

    __slots__ = ("_after", "_current", "_everything", "_queue")

    def __init__(self, everything: str | None = None) -> None:
        self._everything = everything
        self._after: bytes | None = None
        self._current: _Pass | None = None
        self._queue: dict[Range, None] = {}

    @property
    def all_pending(self) -> bool:
        """Whether the pass over every key is still under way."""
        return self._everything is not None

    @property
    def pending(self) -> bool:
        """Whether anything is left to do."""
        return self.all_pending or self._current is not None or bool(self._queue)

    def add(self, ranges: Iterable[Range]) -> None:
        """Add term ranges ``[low, high)``; one that is waiting already is not added twice, one under way is."""
        self._queue.update(dict.fromkeys(ranges))

    def take(self, work: Searchable, limit: int) -> Sequence[bytes]:
        """Return the keys of the next slice, at most ``limit``; may be empty while still pending.

        The slice counts as done from now on: its effects must go into the same transaction as the progress that says so.
        """
        if self._everything is not None:
            keys = work.keys(self._everything, self._after, limit)
            if len(keys) < limit:
                self._everything = None
            else:
                self._after = keys[-1]
            return keys
        if self._current is None and self._queue:
            wanted = next(iter(self._queue))
            del self._queue[wanted]
            self._current = _Pass(*wanted)
        if self._current is None:
            return ()
        return self._slice(self._current, work, limit)

    def _slice(self, current: _Pass, work: Searchable, limit: int) -> Sequence[bytes]:
        pairs = work.scan_after(current.low, current.high, current.after, limit)
        if len(pairs) < limit:
            self._current = None
        else:
            current.after = pairs[-1]
        keys = [key for key in dict.fromkeys(key for _, key in pairs) if key not in current.seen]
        current.seen.update(keys)
        return keys
