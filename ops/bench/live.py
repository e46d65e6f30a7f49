"""Latency and recovery: contenders in turn on one broker, each sent events at a steady rate and watched."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from ops.bench.contender import Live, Place, Reduced, Timed, worker_names
from ops.bench.dataset import DataSet
from ops.bench.figures import Back, Delays, back, delays
from ops.bench.group import changed_hands, watch_owners
from ops.bench.topics import ends, tidy
from ops.bench.traffic import AT_ONCE, Message, Pacer, attentive, wait_until
from ops.kafka import LocalBroker
from streams.errors import DependencyError

_ENDLESS = 10**9
_WARM_SHARE, _WARM_S = 0.25, 3.0
_SETTLE_S = 5.0
"""The bulk may be done before the last worker has joined: so long it is waited for."""
_ROWS_PER_S = 50
"""So many cases a second are looked for in ClickHouse: looking for all of them would be a load of its own."""
_KEPT_SHARE = 0.98
_OWNERS_S = 0.2
"""So often the coordinator is asked who has what: it has other things to do while partitions change hands."""
TRICKLE_PER_S = 200
"""Events a second while workers come and go: each of 16 partitions has a verdict six times a second."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Events a second, or a share of what a contender was seen to be capable of."""

    value: float
    of_capacity: bool = False

    def __str__(self) -> str:
        return f"{self.value:.0%}" if self.of_capacity else f"{self.value:g}"

    def per_s(self, capacity_per_s: float) -> float:
        """As events a second."""
        return self.value * capacity_per_s if self.of_capacity else self.value


@dataclass(frozen=True, slots=True)
class Point:
    """One rate of one run.

    Parameters
    ----------
    asked, per_s
        The rate as it was asked for, and in events a second.
    sent_per_s, late_s
        What the producer made of it, and the most by which it was late.
    outputs, rows
        From the moment the events of a case were due: until its output was read, and until its row was found.
    behind
        Cases whose output was not there when the last had been sent: at a rate that is too much for it they grow and grow.
    unseen, rows_unseen
        Cases whose output, or row, did not come in time.
    """

    asked: str
    per_s: float
    sent_per_s: float
    late_s: float
    outputs: Delays | None
    rows: Delays | None
    behind: int
    unseen: int
    rows_unseen: int

    @property
    def kept(self) -> bool:
        """The producer kept the rate."""
        return self.sent_per_s >= _KEPT_SHARE * self.per_s


@dataclass(frozen=True, slots=True)
class LatencyRun:
    """One run of one contender.

    Parameters
    ----------
    capacity_per_s, capacity_window_s
        Events a second, where half as many cases as the bulk had are sent as fast as the broker takes them, and how long they took.
    """

    round: int
    capacity_per_s: float
    capacity_window_s: float
    points: tuple[Point, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """What was done to the workers, and what the events that were sent from then on until the next phase met.

    Parameters
    ----------
    delays
        None, too, if partitions should have changed hands and did not: then nothing happened that could be measured.
    unseen
        Cases whose verdict did not come in time.
    back
        After all of them were killed and started again.
    moved_s
        After so many seconds another member of the group had partitions; None: none had, or it was not to be.
    changelog_records
        How many there were when all of them were started again: nothing was compacted.
    """

    name: str
    delays: Delays | None
    unseen: int
    back: Back | None = None
    moved_s: float | None = None
    changelog_records: int | None = None


@dataclass(frozen=True, slots=True)
class RecoveryRun:
    """One run of one contender."""

    round: int
    phases: tuple[Phase, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where contenders are measured.

    Parameters
    ----------
    bulk
        Cases that are there before a contender starts: it has them in its state, and a JVM has compiled by their end.
    limit_s
        So long it may take to work through them, and so long any output is waited for.
    """

    broker: LocalBroker
    folder: Path
    partitions: int
    bulk: int
    limit_s: float

    def latency(self, contender: Timed, number: int, rates: Sequence[Rate], seconds: float) -> LatencyRun:
        """Measure a contender at each rate, for so many seconds each.

        Raises
        ------
        GuidangError
            It ended by itself, or did not work through the bulk in time.
        """
        with self._live(contender) as (live, _):
            self._through_bulk(live)
            time.sleep(min(_SETTLE_S, seconds))
            first = self.bulk + max(1, self.bulk // 2)
            capacity_per_s, window_s = self._capacity(live, range(self.bulk, first))
            points = []
            for rate in rates:
                per_s = rate.per_s(capacity_per_s)
                point, first = self._point(live, str(rate), per_s, seconds, first)
                points.append(point)
            faults = live.verify(first)
        return LatencyRun(number, capacity_per_s, window_s, tuple(points), faults)

    def recovery(self, contender: Reduced, number: int, window_s: float) -> RecoveryRun:
        """Let workers come and go, and watch for ``window_s`` what follows once partitions have changed hands.

        Raises
        ------
        GuidangError
            As :meth:`latency`.
        """
        with self._live(contender) as (live, place):
            self._through_bulk(live)
            watched = _Watched(live, place)
            pacer = Pacer(place.bootstrap, map(live.messages, count(self.bulk)), TRICKLE_PER_S)
            pacer.start()
            try:
                # The bulk may be done before the last worker has joined.
                self._phase(watched, pacer, Step("settles", lambda: None), window_s)
                phases = [self._phase(watched, pacer, step, window_s) for step in _steps(contender, live, place)]
            finally:
                pacer.end()
            cases = max(pacer.due) + 1
            expected = sum(map(live.expects, range(self.bulk, cases)))
            wait_until(lambda: len(live.outputs.seen) >= expected, self.limit_s, live.check)
            faults = live.verify(cases)
        return RecoveryRun(number, tuple(phases), faults)

    @contextmanager
    def _live(self, contender: Timed) -> Iterator[tuple[Live, Place]]:
        run = f"bench-{contender.name}-{uuid.uuid4().hex[:6]}"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=f"{contender.name}-", ignore_cleanup_errors=True) as folder:
            place = Place(self.broker.bootstrap, run, Path(folder), DataSet(run, _ENDLESS, self.partitions))
            try:
                with attentive(), contender.live(place, self.bulk) as live:
                    yield live, place
            finally:
                tidy(place.bootstrap, run)
                place.folder.with_suffix(".log").unlink(missing_ok=True)

    def _through_bulk(self, live: Live) -> None:
        outputs = live.outputs
        if not wait_until(lambda: outputs.bulk_seen >= outputs.bulk_outputs, self.limit_s, live.check):
            raise DependencyError(
                f"{self.limit_s:.0f} 秒内没有处理完先写好的办件，请加大 --limit has not worked through the cases that were there before, "
                f"give it a longer --limit: {outputs.bulk_seen} / {outputs.bulk_outputs}\n{live.team.last_words()}"
            )

    def _capacity(self, live: Live, numbers: Sequence[int]) -> tuple[float, float]:
        """Events a second while all of them are sent as fast as the broker takes them: sending takes its share of the machine here, too."""
        pacer = Pacer(self.broker.bootstrap, [live.messages(number) for number in numbers], AT_ONCE)
        expected, seen = sum(map(live.expects, numbers)), live.outputs.seen
        began = time.monotonic()
        pacer.start()
        done = wait_until(lambda: len(seen) >= expected, self.limit_s, partial(_check, live, pacer))
        pacer.finish()
        if not done or not expected:
            raise DependencyError(
                f"{self.limit_s:.0f} 秒内没有处理完 has not worked through {len(numbers)} cases\n{live.team.last_words()}"
            )
        took_s = max(seen.values()) - began
        return pacer.messages_sent / took_s, took_s

    def _point(self, live: Live, asked: str, per_s: float, seconds: float, first: int) -> tuple[Point, int]:
        """Measure one rate with the cases from ``first`` on; return the first case of the next one, too."""
        cases, events, after = list[Sequence[Message]](), 0, first
        while events < per_s * seconds:
            cases.append(live.messages(after))
            events += len(cases[-1])
            after += 1
        pacer = Pacer(self.broker.bootstrap, cases, per_s)
        expected = [number for number in range(first, after) if live.expects(number)]
        watched = expected[:: max(1, int(len(expected) / (_ROWS_PER_S * seconds)))]
        if live.rows is not None:
            live.rows.follow(watched, pacer.due)
        pacer.start()
        wait_until(lambda: not pacer.is_alive(), seconds + self.limit_s, live.check)
        pacer.finish()
        seen, rows = live.outputs.seen, {} if live.rows is None else live.rows.seen
        behind = sum(number not in seen for number in expected)
        wait_until(lambda: all(number in seen for number in expected), self.limit_s, live.check)
        if live.rows is not None:
            wait_until(lambda: all(number in rows for number in watched), self.limit_s, live.check)
        due = {number: pacer.due[number] for number in expected}
        since = min(due.values()) + min(_WARM_S, _WARM_SHARE * seconds)
        point = Point(
            asked,
            per_s,
            events / pacer.took_s,
            pacer.late_s,
            delays(due, seen, since),
            delays(due, rows, since),
            behind,
            sum(number not in seen for number in expected),
            0 if live.rows is None else sum(number not in rows for number in watched),
        )
        return point, after

    def _phase(self, watched: _Watched, pacer: Pacer, step: Step, window_s: float) -> Phase:
        """Do something to the workers, and see what becomes of the events from then on."""
        live, seen = watched.live, watched.live.outputs.seen
        check, moved_s = partial(_check, live, pacer), None
        changelog_records = watched.changelog_records() if step.restart else None
        step.before()
        before = watched.owners()
        began = time.monotonic()
        step.act()
        if step.moves:
            if not wait_until(lambda: changed_hands(before, watched.owners()), self.limit_s, check, _OWNERS_S):
                return Phase(step.name, None, 0)
            moved_s = time.monotonic() - began
        ends_at = time.monotonic() + window_s
        wait_until(lambda: pacer.next_due >= ends_at, window_s + self.limit_s, check)
        due = {number: at for number, at in pacer.due.copy().items() if began <= at < ends_at and live.expects(number)}
        wait_until(lambda: all(number in seen for number in due), self.limit_s, check)
        judged = back(began, due, seen, live.outputs.partition, self.partitions) if step.restart else None
        return Phase(step.name, delays(due, seen), sum(number not in seen for number in due), judged, moved_s, changelog_records)


class _Watched:
    """A contender whose workers come and go, and what is asked of the broker about it."""

    def __init__(self, live: Live, place: Place) -> None:
        self.live = live
        self.owners = watch_owners(place.bootstrap, place.run)
        self._place = place

    def changelog_records(self) -> int:
        """What a worker has to read that has lost its state."""
        place = self._place
        others = {*place.data.topics, place.verdicts}
        return sum(ends(place.bootstrap, lambda name: place.run in name and name not in others).values())


def _check(live: Live, pacer: Pacer) -> None:
    live.check()
    pacer.check()


@dataclass(frozen=True, slots=True)
class Step:
    """Something done to workers: ``before`` in silence, then ``act``, with which the time of the phase begins.

    Parameters
    ----------
    moves
        Partitions change hands by it.
    restart
        All of them were killed before.
    """

    name: str
    act: Callable[[], None]
    before: Callable[[], None] = lambda: None
    moves: bool = False
    restart: bool = False


def _steps(contender: Reduced, live: Live, place: Place) -> Iterator[Step]:
    """What happens, in this order."""
    team, there = live.team, worker_names(contender.workers)
    newcomer = worker_names(contender.workers + 1)[-1]

    def start(*names: str) -> None:
        for name in names:
            team.start(name, contender.command(place, name))

    def lose_state() -> None:
        team.end(there, signal.SIGKILL)
        for folder in place.folder.iterdir():
            shutil.rmtree(folder)

    yield Step("steady", lambda: None)
    yield Step("joins", lambda: start(newcomer), moves=True)
    yield Step("leaves", lambda: team.end([newcomer], signal.SIGTERM), moves=True)
    yield Step("joins", lambda: start(newcomer), moves=True)
    yield Step("dies", lambda: team.end([newcomer], signal.SIGKILL), moves=True)
    yield Step("warm", lambda: start(*there), lambda: team.end(there, signal.SIGKILL), restart=True)
    yield Step("cold", lambda: start(*there), lose_state, restart=True)
