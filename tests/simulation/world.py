"""One seed: a broker, workers, a sink, what happens to them, and in which order."""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any, Final

from clickhouse_connect.driver.exceptions import OperationalError
from confluent_kafka import KafkaError

from consumers.positions import TABLE as POSITIONS
from consumers.sink import Sink
from streams.contracts import JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.domain.time import DAY_MS, HOUR_MS
from streams.errors import EngineError, Fenced
from tests.simulation.broker import Broker, FakeProducer, Hooks, Txn, error
from tests.simulation.inputs import END_MS, MONDAY_MS, PARTITIONS, Input, draw
from tests.simulation.invariants import SINK_GROUP, Invariants, Violation, must, progress_of
from tests.simulation.loop import VirtualTime
from tests.simulation.store import Disk
from tests.simulation.table import FakeTables
from tests.simulation.wiring import ORIGINS, SINK_SETTINGS, installed
from tests.simulation.worker import Crash, Injected, SimWorker, StepLane

_NAMES: Final = ("w0", "w1", "w2")
_HEALING_STEPS: Final = 6_000
_TRACE: Final = 400
_LEFT_OPEN: Final = 0.3
_TRANSACTION_SECONDS: Final = 20.0
_INPUT_PLACES: Final = tuple((topic, p) for topic in JOB_INPUTS for p in range(PARTITIONS))


class Clock:
    """The job clock, which jumps; it remembers where the inputs ended whenever it was looked at."""

    def __init__(self, world: World, now_ms: int) -> None:
        self._world = world
        self._shift_ms = now_ms - round(world.time.at * 1000)
        self.heard: defaultdict[tuple[str, int], dict[int, int]] = defaultdict(dict)

    def peek_ms(self) -> int:
        """The time, unheard."""
        return round(self._world.time.at * 1000) + self._shift_ms

    def now_ms(self) -> int:
        """The time."""
        now = self.peek_ms()
        for place in _INPUT_PLACES:
            end, heard = self._world.broker.end(place), self.heard[place]
            heard[now] = min(end, heard.get(now, end))
        return now

    def jump(self, to_ms: int) -> None:
        """Be set."""
        self._shift_ms += to_ms - self.peek_ms()


class WorldHooks(Hooks):
    """Hooks of the clients of one process."""

    def __init__(self, world: World, actor: SimWorker | SimSink | None) -> None:
        self.world, self.actor = world, actor

    def effect(self, name: str, producer: FakeProducer | None = None) -> None:
        """See :class:`Hooks`."""
        if self.actor is not None:
            self.world.effect(self.actor, name, producer)

    def acknowledged(self, name: str) -> None:
        """See :class:`Hooks`."""
        if self.actor is not None:
            self.world.acknowledged(self.actor, name)

    def before_write(self, path: str) -> None:
        """The local store is about to be written to."""
        self.effect("store write")
        self.world.remember(path)

    def chunk(self, limit: int) -> int:
        """See :class:`Hooks`."""
        return self.world.chunk(limit)

    def waited(self, seconds: float) -> None:
        """See :class:`Hooks`."""
        if self.actor is not None:
            self.world.waited(seconds)

    def now_ms(self) -> int:
        """See :class:`Hooks`."""
        return self.world.clock.peek_ms()


class SimSink:
    """A sink from its start to its end."""

    name = "sink"

    def __init__(self, world: World) -> None:
        self.dead = self.busy = False
        self.sink = Sink(SINK_SETTINGS)
        self.sink.consumer.subscribe(list(ORIGINS), on_assign=self.sink._assigned, on_revoke=self.sink._revoked, on_lost=self.sink._revoked)
        del world


class World:
    """Everything that a seed decides.

    Parameters
    ----------
    faults
        Whether any happen.
    """

    def __init__(self, seed: int, *, faults: bool = True) -> None:
        self.seed = seed
        self.dice = dice = random.Random(seed)  # noqa: S311 - a seed, no secret
        self.time = VirtualTime()
        topics = dict.fromkeys((*JOB_INPUTS, *OUTPUTS), PARTITIONS) | dict.fromkeys(REFERENCE_INPUTS, 1)
        self.broker = Broker(topics)
        self.clock = Clock(self, MONDAY_MS + dice.randint(0, 8 * 24) * HOUR_MS)
        self.broker.on_commit = self._committed
        self.tables = FakeTables(self._before_insert)
        self.slice = dice.choice([1, 2, 500])
        self.invariants = Invariants(self.broker, self.clock.heard, whole=self.slice > 2)
        self.group = dice.choice([1, 2, 64])
        self.calm = not faults
        self.danger = dice.choice([0.2, 0.6, 1.0, 1.6]) if faults else 0.0
        self.faults: Counter[str] = Counter()
        self.trace: deque[str] = deque(maxlen=_TRACE)
        self.transactions = self.steps = 0
        self.inputs: deque[Input] = deque(draw(dice))
        self.workers: dict[str, SimWorker] = {}
        self.sinks: list[SimSink] = []
        self._disks: dict[str, Disk] = {}
        self._snapshots: dict[str, Disk] = {}
        self._actor: SimWorker | SimSink | None = None
        self._depth = 0
        self._late: list[tuple[str, int | None]] = []
        self._strangers: list[Txn] = []  # transactions they have left open
        self._strange = random.Random(seed)  # noqa: S311 - a seed, no secret; apart, so that few histories rest on it
        self._stale = True
        self._group_of: list[SimWorker] = []
        self._to_revoke: list[SimWorker] = []
        self._to_assign: dict[SimWorker, list[int]] = {}
        self._outage = 0
        self._waited = 0.0
        self._healed: list[SimWorker] = []  # started when no more faults happen

    # What the simulated parts ask for.

    def hooks(self) -> WorldHooks:
        """Hooks of whoever makes a client now."""
        return WorldHooks(self, self._actor)

    def disk(self, path: str) -> Disk:
        """The disk at a path."""
        return self._disks.setdefault(path, Disk())

    def remember(self, path: str) -> None:
        """Perhaps keep the disk as it is: nothing is synced, so a power cut may bring this back."""
        if not self.calm and self.dice.random() < 0.3:
            self._snapshots[path] = self.disk(path).copy()

    def client(self) -> FakeTables:
        """ClickHouse."""
        return self.tables

    def chunk(self, limit: int) -> int:
        """How many records a read gives at most."""
        return limit if self.calm else self.dice.choice([1, 1, 2, 3, limit])

    def waited(self, seconds: float) -> None:
        """A client waits for something that is not there; transactions that nobody ends run out meanwhile."""
        self.time.at += seconds
        self._waited += seconds
        if self._waited > _TRANSACTION_SECONDS:
            self._waited = 0.0
            for transactional_id in self.broker.open_transactions():
                self.broker.time_out(transactional_id)

    def upset(self, worker: SimWorker) -> None:
        """Perhaps something unforeseen happens in a worker's job."""
        if self._chance(0.008):
            self._fault("exception in the job", worker.name)
            raise Injected

    def effect(self, actor: SimWorker | SimSink, name: str, producer: FakeProducer | None = None) -> None:
        """An actor is about to do something that others can see."""
        if actor.dead:
            raise Crash
        self.trace.append(f"{actor.name}: {name}")
        if self.calm:
            return
        if name != "consume" and self._chance(0.02):
            self._fault(f"crash before {name}", actor.name)
            raise Crash
        if self._depth < 2 and self.dice.random() < 0.15:
            self._meanwhile()
            if actor.dead:
                raise Crash
        if name == "produce" and self._chance(0.006):
            self._fault("record refused", actor.name)
            raise error(KafkaError.MSG_SIZE_TOO_LARGE)
        if name in {"init_transactions", "send_offsets_to_transaction", "commit_transaction"} and self._chance(0.01):
            self._fault("request lost", actor.name)
            raise error(KafkaError._TIMED_OUT, retriable=True)
        if name == "commit_transaction" and producer is not None and self._chance(0.01):
            self._fault("commit arrives late", actor.name)
            self._late.append((producer.transactional_id, producer.epoch))
            raise error(KafkaError._TIMED_OUT)
        if name == "commit" and self._chance(0.03):
            self._fault("sink's commit lost", actor.name)
            raise error(KafkaError._TIMED_OUT, retriable=True)

    def acknowledged(self, actor: SimWorker | SimSink, name: str) -> None:
        """An actor has done something, and is about to hear of it."""
        if name == "commit":
            self.invariants.sunk(self.tables)
        if actor.dead:
            raise Crash
        if self.calm:
            return
        if self._chance(0.02):
            self._fault(f"crash after {name}", actor.name)
            raise Crash
        if self._depth < 2 and self.dice.random() < 0.1:
            self._meanwhile()
            if actor.dead:
                raise Crash
        if self._chance(0.012):
            final = self.dice.random() < 0.5 and name == "commit_transaction"
            self._fault("acknowledgement lost for good" if final else "acknowledgement lost", actor.name)
            raise error(KafkaError._TIMED_OUT, retriable=not final)

    # A seed.

    def run(self) -> None:
        """Let everything happen, then heal, then look once more.

        Raises
        ------
        Violation
            With the seed in it.
        """
        with installed(self):
            try:
                for _ in range(self.dice.randint(100, 450)):
                    self._scheduled()
                self._heal()
                self.invariants.at_the_end()
                self.invariants.stored(self.tables)
            except Violation as exc:
                raise Violation(f"seed {self.seed}: {exc}") from exc
            finally:
                for worker in self.workers.values():
                    worker.loop.drop()

    def _scheduled(self) -> None:
        self.steps += 1
        self._nemesis()
        self._step()

    def _step(self) -> None:
        chance = self.dice.random()
        if chance < 0.62:
            self._work()
        elif chance < 0.72:
            self._publish()
        elif chance < 0.80:
            self._sink()
        elif chance < 0.86:
            worker = self._any_worker()
            late = worker is None or (worker.sluggish and self.dice.random() < 0.85)
            if worker is not None and not late and self._as(worker, worker.follow):
                self._after(worker)
        elif chance < 0.92:
            self._group()
        else:
            self._pass_time()

    def _work(self) -> None:
        worker = self._any_worker()
        if worker is None:
            self._start()
            return
        self._turn(worker, self.dice.randint(1, 12))
        lanes = [lane for lane in worker.lanes if lane.calls and not lane.busy]
        if lanes:
            self._run_lane(worker, self.dice.choice(lanes))
        self._after(worker)

    def _turn(self, worker: SimWorker, most: int) -> int:
        """So many callbacks of a process's loop, or all there are; clients made there see no faults, so that nobody dies meanwhile."""
        outer, self._actor = self._actor, None
        try:
            return worker.loop.run(most)
        finally:
            self._actor = outer

    def _run_lane(self, worker: SimWorker, lane: StepLane) -> None:
        lane.busy = True
        try:
            self._as(worker, lane.calls.popleft())
        finally:
            lane.busy = False

    def _as(self, actor: SimWorker | SimSink, call: Callable[[], object]) -> bool:
        """Do something as an actor; false if it did not live to see the end of it."""
        outer, self._actor = self._actor, actor
        try:
            call()
        except Crash:
            self._kill(actor)
            return False
        finally:
            self._actor = outer
        return not actor.dead

    def _after(self, worker: SimWorker) -> None:
        """A process that has failed ends; a failure that nobody brought about is a defect, and so is it to read what was lost."""
        lost = {number for number, task in worker.engine._tasks.items() if task.lost}
        must(not any(number in lost for _, number in worker.engine.gates.places()), worker.name, "reads a partition that was taken:", lost)
        failure = worker.failure
        if failure is None or worker.dead:
            return
        ordinary = isinstance(failure, (Fenced, Injected)) or (type(failure) is EngineError and failure.__cause__ is not None)
        must(ordinary and worker not in self._healed, f"{worker.name} ends: {type(failure).__name__}: {failure}")
        self.trace.append(f"{worker.name}: ends with {type(failure).__name__}")
        self._kill(worker)

    def _publish(self) -> None:
        if not self.inputs:
            return
        if not self.calm and self._chance(0.1):
            place = self.dice.choice(_INPUT_PLACES[:4])
            if self._strange.random() < _LEFT_OPEN:
                self._fault("stranger's transaction left open", "")
                self._strangers.append(self.broker.append_open(place, b"ghost", b"ghost"))
            else:
                self._fault("stranger's transaction aborted", "")
                self.broker.append_aborted(place, b"ghost", b"ghost")
        if self._strangers and self._strange.random() < _LEFT_OPEN:
            self._abort_stranger()
        for _ in range(self.dice.randint(1, 3)):
            if self.inputs:
                # Topics do not wait for each other.
                at = self.dice.randint(0, min(len(self.inputs) - 1, 3)) if not self.calm else 0
                each = self.inputs[at]
                del self.inputs[at]
                offset = self.broker.append((each.topic, each.partition), each.key, each.value, self.clock.peek_ms(), each)
                self.trace.append(f"published {each.topic}/{each.partition}@{offset} {each.event or 'poison'}")

    def _abort_stranger(self) -> None:
        self.trace.append("a stranger's transaction is aborted")
        self.broker.abort(self._strangers.pop(0))

    def _sink(self) -> None:
        idle = [each for each in self.sinks if not each.busy]
        if not idle:
            if not self.sinks:
                self._as_new_sink()
            return
        sink = self.dice.choice(idle)
        sink.busy = True
        self._as(sink, sink.sink._step)
        sink.busy = False
        self.time.at += 0.2

    def _as_new_sink(self) -> None:
        holder = SimSink.__new__(SimSink)
        outer, self._actor = self._actor, holder
        try:
            holder.__init__(self)  # type: ignore[misc]
        finally:
            self._actor = outer
        self.sinks.append(holder)

    def _pass_time(self) -> None:
        timers = [at for worker in self.workers.values() if (at := worker.loop.next_timer()) is not None]
        self.time.at = max(self.time.at + 0.001, min(timers, default=0.0))

    def _any_worker(self) -> SimWorker | None:
        alive = list(self.workers.values())
        return self.dice.choice(alive) if alive else None

    # The group.

    def _members(self) -> list[SimWorker]:
        return [worker for worker in self.workers.values() if worker.joined and not worker.zombie]

    def _group(self) -> None:
        if self._to_revoke:
            worker = self._to_revoke.pop(self.dice.randrange(len(self._to_revoke)))
            worker.revoked()
            if not self._to_revoke:
                self._share()
            self._after(worker)
        elif self._to_assign:
            worker = self.dice.choice(list(self._to_assign))
            partitions = self._to_assign.pop(worker)
            self.trace.append(f"{worker.name}: assigned {partitions}")
            worker.assigned(partitions)
            self._after(worker)
        elif self._stale or {*self._members()} != {*self._group_of}:
            self._stale = False
            self._group_of = self._members()
            self._to_revoke = list(self._group_of)
            if len(self.workers) < 2 and self.dice.random() < 0.5:
                self._start()
        elif self._chance(0.3) and not self.calm:
            self._fault("rebalance", "")
            self._stale = True

    def _share(self) -> None:
        members = [worker for worker in self._group_of if not worker.dead and not worker.zombie]
        shares: dict[SimWorker, list[int]] = {worker: [] for worker in members}
        for partition in range(PARTITIONS):
            if members:
                shares[self.dice.choice(members)].append(partition)
        self._to_assign = shares

    def _start(self) -> None:
        free = [name for name in _NAMES if name not in self.workers]
        if free:
            name = self.dice.choice(free)
            self.trace.append(f"{name}: starts")
            self.workers[name] = SimWorker(self, name)
            if self.calm:
                self._healed.append(self.workers[name])

    def _kill(self, actor: SimWorker | SimSink) -> None:
        if actor.dead:
            return
        self.trace.append(f"{actor.name}: is gone")
        actor.dead = True
        if isinstance(actor, SimSink):
            self.sinks.remove(actor)
            return
        actor.loop.drop()
        self.workers.pop(actor.name, None)
        self._to_assign.pop(actor, None)
        self._to_revoke = [worker for worker in self._to_revoke if worker is not actor]
        if not self._to_revoke and not self._to_assign:
            self._stale = True
        for path, disk in self._disks.items():
            if path.startswith(f"simulated/{actor.name}/"):
                disk.holder = None

    # The nemesis.

    def _chance(self, probability: float) -> bool:
        return not self.calm and self.dice.random() < probability * self.danger

    def _fault(self, kind: str, whom: str) -> None:
        self.faults[kind] += 1
        self.trace.append(f"FAULT {kind} {whom}")

    def _meanwhile(self) -> None:
        """Others go on between two effects."""
        self._depth += 1
        self.trace.append("meanwhile:")
        try:
            for _ in range(self.dice.randint(1, 6)):
                self._step()
        finally:
            self._depth -= 1
            self.trace.append("meanwhile ends")

    def _nemesis(self) -> None:
        if self._chance(0.08):
            deeds = (
                *(self._kill_some, self._make_zombie, self._start, self._clock_ahead, self._clock_back, self._wipe),
                *(self._time_out, self._take_over, self._move_sink, self._store_away),
            )
            self.dice.choice(deeds)()
            self._deliver_late()

    def _kill_some(self) -> None:
        worker = self._any_worker()
        if worker is not None:
            self._fault("kill", worker.name)
            self._kill(worker)

    def _make_zombie(self) -> None:
        """Its session runs out and it does not know; others get its partitions while it goes on."""
        worker = self._any_worker()
        if worker is None or not worker.joined or worker.zombie:
            return
        self._fault("zombie", worker.name)
        worker.zombie = True
        self._to_assign.pop(worker, None)
        self._to_revoke = [each for each in self._to_revoke if each is not worker]
        self._stale = True
        self._start()

    def _clock_ahead(self) -> None:
        self._fault("clock jumps ahead", "")
        self.clock.jump(min(self.clock.peek_ms() + self.dice.choice([1, 30, 100]) * HOUR_MS, END_MS - DAY_MS))

    def _clock_back(self) -> None:
        self._fault("clock is set back", "")
        self.clock.jump(self.clock.peek_ms() - self.dice.choice([1, 5, 30]) * HOUR_MS)

    def _time_out(self) -> None:
        hanging = self.broker.open_transactions()
        if hanging:
            self._fault("transaction times out", "")
            self.broker.time_out(self.dice.choice(hanging))

    def _take_over(self) -> None:
        """A former owner's opening comes through late: it fences the owner, and does nothing with the partition."""
        if self.broker.coordinated:
            transactional_id = self.dice.choice(list(self.broker.coordinated))
            self._fault("partition taken by a late opening", transactional_id)
            self.broker.init(transactional_id)

    def _move_sink(self) -> None:
        if not self.sinks:
            return
        sink = self.dice.choice(self.sinks)
        if self.dice.random() < 0.5 or len(self.sinks) > 1:
            self._fault("sink's partitions move", "")
            sink.sink.consumer.rebalance = True
        else:
            self._fault("sink expelled", "")
            sink.sink.consumer.current = False
            self._as_new_sink()

    def _store_away(self) -> None:
        self._fault("store away", "")
        self._outage = self.dice.randint(1, 4)

    def _deliver_late(self) -> None:
        for transactional_id, epoch in self._late:
            if self.broker.current(transactional_id, epoch):
                self.trace.append(f"late commit of {transactional_id}")
                self.broker.commit(transactional_id)
        self._late.clear()

    def _wipe(self) -> None:
        """A disk is lost, or a power cut takes it back to what it was: the process goes with it."""
        paths = [path for path, disk in self._disks.items() if disk.identity]
        if not paths:
            return
        path = self.dice.choice(paths)
        name = path.split("/")[1]
        if name in self.workers:
            self._kill(self.workers[name])
        snapshot = self._snapshots.get(path) if self.dice.random() < 0.6 else None
        self._fault("local store lost" if snapshot is None else "power cut takes the local store back", name)
        self._disks[path] = Disk() if snapshot is None else snapshot.copy()

    def _before_insert(self, table: str, rows: int) -> tuple[int, BaseException] | None:
        if table == POSITIONS:  # a process that ends here ends between its rows and its commit, which the commit's own faults show
            return None
        sink = self._actor
        if isinstance(sink, SimSink):
            self.effect(sink, "insert")
        if self._outage > 0:
            self._outage -= 1
            return 0, OperationalError("simulated outage")
        if self._chance(0.03):
            self._fault("insert fails half way", "")
            return self.dice.randint(0, rows), OperationalError("simulated failure")
        if self._chance(0.02):
            self._fault("insert unacknowledged", "")
            return rows, OperationalError("simulated loss of an answer")
        return None

    def _committed(self, txn: Txn) -> None:
        self.transactions += 1
        self.invariants.committed(txn)

    # The end.

    def _heal(self) -> None:
        self.calm, self._outage = True, 0
        self._deliver_late()
        while self._strangers:
            self._abort_stranger()
        self.trace.append("healing")
        for worker in [worker for worker in self.workers.values() if worker.zombie]:
            self._kill(worker)
        for sink in [sink for sink in self.sinks if not sink.sink.consumer.current]:
            self._kill(sink)
        self.clock.jump(END_MS)
        while self.inputs:
            self._publish()
        for _ in range(_HEALING_STEPS):
            self.steps += 1
            if not self._round():
                if self._caught_up():
                    break
                self._pass_time()
        must(self._caught_up(), "never caught up:", self.broker.committed)
        for _ in range(_HEALING_STEPS):
            self._sink()
            if self._sunk():
                return
        must(self._sunk(), "the sink never caught up")

    def _round(self) -> bool:
        """Everybody does all there is to do; false if there was nothing."""
        if not self.workers:
            self._start()
        self._group()
        busy = False
        for worker in list(self.workers.values()):
            self._as(worker, worker.follow)
            if not worker.dead and self._turn(worker, sys.maxsize):
                busy = True
            for lane in worker.lanes:
                while lane.calls:
                    busy = True
                    self._run_lane(worker, lane)
            self._after(worker)
        return busy

    def _caught_up(self) -> bool:
        ends = {topic: (self.broker.end((topic, 0)),) for topic in REFERENCE_INPUTS}
        for topic, partition in _INPUT_PLACES:
            at = progress_of(self.broker, topic, partition)
            if at.offset != self.broker.end((topic, partition)) or (at.watermark_ms or 0) < END_MS or dict(at.reference) != ends:
                return False
        return True

    def _sunk(self) -> bool:
        found: dict[Any, tuple[int, str]] = self.broker.committed
        places = [(topic, partition) for topic in ORIGINS for partition in range(self.broker.topics[topic])]
        return all(found.get((SINK_GROUP, *place), (-1, ""))[0] == self.broker.end(place) for place in places)
