"""Which keys must be evaluated again, in slices, and when it is finished.

A span is worked off by a cursor over (term, key) pairs. Terms may change while it runs, so a key can turn up again ahead of
the cursor; each key is handed out once per pass, which bounds a pass by the number of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from streams.runtime.state import Pair

Positions = dict[str, tuple[int, ...]]
Place = tuple[str, int]


class Span(NamedTuple):
    """Keys of a table that have an index term with ``low <= term < high``."""

    table: str
    low: bytes
    high: bytes


class Point(NamedTuple):
    """One key, which need not be in any table yet; every partition is asked, and the job knows whose it is.

    ``table`` is a name that the job understands: of a table of its own, or of a kind of work.
    """

    table: str
    key: bytes


Touch = Span | Point


class Slice(NamedTuple):
    """Keys to evaluate now, all of one table."""

    table: str
    keys: Sequence[bytes]


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
    span: Span
    origins: Mapping[Place, int]
    after: Pair | None = None
    seen: set[bytes] = field(default_factory=set)


class Revisits:
    """Revisits still to be done in one partition.

    Parameters
    ----------
    everything
        Tables whose keys must all be visited first, because rules or policy changed.
    """

    __slots__ = ("_after", "_current", "_everything", "_origins", "_queue")

    def __init__(self, everything: Iterable[str] = ()) -> None:
        self._everything = list(everything)
        self._after: bytes | None = None
        self._current: _Pass | None = None
        self._queue: dict[Touch, None] = {}
        self._origins: dict[Place, dict[Touch, int]] = {}

    @property
    def all_pending(self) -> bool:
        """Whether the pass over every key is still under way."""
        return bool(self._everything)

    @property
    def pending(self) -> bool:
        """Whether anything is left to do."""
        return self.all_pending or self._current is not None or bool(self._queue)

    @property
    def undone(self) -> dict[Place, int]:
        """Per reference partition, the offset of the first record of which something is left to do; every earlier one is done."""
        found = dict(self._current.origins) if self._current else {}
        for place, waiting in self._origins.items():
            if waiting:
                first = next(iter(waiting.values()))
                found[place] = min(first, found.get(place, first))
        return found

    def add(self, touches: Iterable[Touch], place: Place | None = None, offset: int = 0) -> None:
        """Add what has been touched; what is waiting already is not added twice, a span under way is.

        Parameters
        ----------
        place, offset
            The reference record that touched it; records of a place come in order.
        """
        touches = dict.fromkeys(touches)
        self._queue.update(touches)
        if place is not None:
            waiting = self._origins.setdefault(place, {})
            for touch in touches:
                waiting.setdefault(touch, offset)

    def take(self, work: Searchable, limit: int) -> list[Slice]:
        """Return the next slices, about ``limit`` keys together and each key once; there may be none while still pending.

        They count as done from now on: their effects must go into the same transaction as the progress that says so.
        """
        found: dict[str, dict[bytes, None]] = {}
        left = limit
        while left > 0 and self.pending:
            table, keys = self._next(work, left)
            found.setdefault(table, {}).update(dict.fromkeys(keys))
            # A span without keys costs a look, which counts too: a thousand of them must not hold up a batch.
            left -= max(len(keys), 1)
        return [Slice(table, list(keys)) for table, keys in found.items() if keys]

    def _next(self, work: Searchable, limit: int) -> Slice:
        if self._everything:
            return self._of_everything(work, limit)
        if self._current is None:
            touch = next(iter(self._queue))
            if isinstance(touch, Point):
                return self._points(touch.table, limit)
            self._current = _Pass(touch, self._take(touch))
        return self._of_span(self._current, work, limit)

    def _of_everything(self, work: Searchable, limit: int) -> Slice:
        table = self._everything[0]
        keys = work.keys(table, self._after, limit)
        if len(keys) < limit:
            del self._everything[0]
            self._after = None
        else:
            self._after = keys[-1]
        return Slice(table, keys)

    def _points(self, table: str, limit: int) -> Slice:
        """The points at the head of the queue, as long as they are of one table."""
        found: list[Point] = []
        for touch in islice(self._queue, limit):
            if not isinstance(touch, Point) or touch.table != table:
                break
            found.append(touch)
        for point in found:
            self._take(point)
        return Slice(table, [point.key for point in found])

    def _take(self, touch: Touch) -> dict[Place, int]:
        del self._queue[touch]
        return {place: waiting.pop(touch) for place, waiting in self._origins.items() if touch in waiting}

    def _of_span(self, current: _Pass, work: Searchable, limit: int) -> Slice:
        table, low, high = current.span
        pairs = work.scan_after(low, high, current.after, limit)
        if len(pairs) < limit:
            self._current = None
        else:
            current.after = pairs[-1]
        keys = [key for key in dict.fromkeys(key for _, key in pairs) if key not in current.seen]
        current.seen.update(keys)
        return Slice(table, keys)
