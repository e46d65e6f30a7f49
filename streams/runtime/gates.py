"""Which input partitions may be read, how far, and what a read becomes.

Faust pauses, resumes and seeks as it likes; none of that reaches these gates. A gate opens when its partition's state is
complete, for one assignment, and a read that was under way when it closed is dropped.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.runtime.batch import RecordBatch, times_ms
from streams.runtime.watermark import Watermark

Place = tuple[str, int]


class End(NamedTuple):
    """Where an input partition ends, as the broker says.

    Parameters
    ----------
    written
        Behind all that was written: whatever has been acknowledged lies below.
    stable
        For readers of committed data, as this one is: nothing at or behind a transaction that is still open can be read.
    """

    written: int
    stable: int


@dataclass(frozen=True, slots=True)
class Read:
    """What one read gave of one partition, as the transport reports it."""

    topic: str
    partition: int
    records: Sequence[Any]
    base: int
    end: int


@dataclass(slots=True)
class _Gate:
    generation: int
    position: int
    watermark: Watermark = field(default_factory=Watermark)
    told_ms: int | None = None
    under_way: int = 0
    time_ms: int = -1
    end: End | None = None
    held_up: int = 0

    @property
    def lags(self) -> bool:
        """Whether there is more to be read, as far as is known."""
        return self.end is not None and self.position < self.end.stable


class Gates:
    """The gates of one worker; used on the event loop only.

    Parameters
    ----------
    room
        Records of one input partition that may be between the broker and its partition task, a last batch more or less, as their
        batches count them. Batches are not counted: at a light rate each has a few records, and what comes behind them would wait at
        the broker for two transactions.
    joined
        Topics that are read in order of time: :attr:`streams.runtime.job.Job.joined`.
    """

    def __init__(self, room: int, joined: Collection[str] = ()) -> None:
        self._room = room
        self._joined = frozenset(joined)
        self._gates: dict[Place, _Gate] = {}
        self.changed = asyncio.Event()
        self.opened = asyncio.Event()

    def open(self, place: Place, generation: int, position: int) -> None:
        """Let a partition be read from ``position``; replaces an earlier gate and forgets what was under way."""
        self._gates[place] = _Gate(generation, position)
        self.changed.set()
        self.opened.set()

    def close(self, partition: int) -> None:
        """Let no input of one partition be read; what is under way is dropped when it arrives."""
        for place in [place for place in self._gates if place[1] == partition]:
            del self._gates[place]

    def close_all(self) -> None:
        """Let nothing be read; what is under way is dropped when it arrives."""
        self._gates.clear()

    def places(self) -> list[Place]:
        """Return all open partitions."""
        return list(self._gates)

    def wanted(self) -> dict[Place, int]:
        """Return the open partitions whose task has room and whose turn it is, with their generation."""
        return {place: gate.generation for place, gate in self._gates.items() if gate.under_way < self._room and not self.early(place)}

    def early(self, place: Place) -> bool:
        """Whether an input is ahead of one that it is joined with and that lags: it is that one's turn."""
        gate = self._gates.get(place)
        if gate is None or place[0] not in self._joined:
            return False
        return any(other.lags and other.time_ms < gate.time_ms for other in self._joined_in(place[1]))

    def through_ms(self, partition: int) -> float:
        """Return up to what time of records the task should take up what has come of joined inputs.

        Infinity: nothing lags. Minus infinity: more is about to come of one that is behind another.
        """
        gates = list(self._joined_in(partition))
        latest_ms = max((gate.time_ms for gate in gates), default=-1)
        if any(gate.lags and gate.time_ms < latest_ms and gate.under_way < self._room for gate in gates):
            return -math.inf
        return min((gate.time_ms for gate in gates if gate.lags), default=math.inf)

    def crowded(self) -> bool:
        """Whether some open partition has no room, so that a read should not wait long for the others."""
        return any(gate.under_way >= self._room for gate in self._gates.values())

    def batches(self, asked: Mapping[Place, int], reads: Iterable[Read]) -> list[RecordBatch]:
        """Turn reads into batches; ``asked`` is what :meth:`wanted` said before the read. Then add the ticks that are due."""
        found = []
        for read in reads:
            place = read.topic, read.partition
            gate = self._gates.get(place)
            if gate is not None and asked.get(place) == gate.generation:
                found.append(self._batch(place, gate, read.records, read.base, read.end))
        for place, gate in self._gates.items():
            if gate.under_way == 0 and gate.watermark.reached(gate.position) != gate.told_ms:
                found.append(self._batch(place, gate, (), gate.position, gate.position))
        return found

    def taken(self, batch: RecordBatch) -> None:
        """Note that the partition's task took a batch up: there is room again."""
        gate = self._gates.get((batch.topic, batch.partition))
        if gate is not None and gate.generation == batch.generation:
            gate.under_way -= batch.size
            self.changed.set()

    def answered(self, asked_ms: int, ends: Mapping[Place, End]) -> None:
        """Note the ends that the broker gave when asked at ``asked_ms`` (job clock)."""
        for place, end in ends.items():
            gate = self._gates.get(place)
            if gate is None:
                continue
            gate.watermark.answered(asked_ms, end.written)
            stands = gate.end is not None and gate.end.stable == end.stable < end.written
            gate.held_up = gate.held_up + 1 if stands else 0
            gate.end = end
        self.changed.set()

    def end(self, place: Place) -> int | None:
        """Return up to where there was something to be read when the broker was last asked."""
        gate = self._gates.get(place)
        return None if gate is None or gate.end is None else gate.end.stable

    def held_up(self, answers: int) -> dict[Place, int]:
        """Return where an open transaction begins that has kept everything behind it from being read, for so many answers or a multiple."""
        return {
            place: gate.end.stable
            for place, gate in self._gates.items()
            if gate.end is not None and gate.held_up and gate.held_up % answers == 0
        }

    def _joined_in(self, partition: int) -> Iterator[_Gate]:
        return (gate for topic in self._joined if (gate := self._gates.get((topic, partition))) is not None)

    def _batch(self, place: Place, gate: _Gate, records: Sequence[Any], base: int, end: int) -> RecordBatch:
        times = times_ms(records) if place[0] in self._joined else ()
        gate.time_ms = max(gate.time_ms, *times, -1)
        gate.position = end
        gate.told_ms = gate.watermark.reached(end)
        batch = RecordBatch(*place, records, base, end, gate.told_ms, gate.generation, times)
        gate.under_way += batch.size
        return batch
