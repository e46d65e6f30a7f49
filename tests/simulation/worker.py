"""One worker process: the product's own engine, partition tasks, gates, openings, committers, reference reader and job.

What stands in for the outside: Faust's app and consumer thread, the lanes' threads, and everything the clients talk to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from streams.agents.breaker import Breaker
from streams.agents.cases import CaseJob
from streams.agents.intake import keyed_digest
from streams.agents.reference import ReferenceKeeper
from streams.contracts import JOB_INPUTS
from streams.domain.assess import Assessor
from streams.domain.policy import Policy
from streams.domain.reference import Reference
from streams.holidays import china_calendar
from streams.runtime import transport
from streams.runtime.engine import Engine
from streams.runtime.gates import End, Place, Read
from streams.runtime.reference import ReferenceReader
from streams.runtime.settings import EngineSettings
from tests.simulation.inputs import PARTITIONS
from tests.simulation.loop import StepLoop

if TYPE_CHECKING:
    from tests.simulation.broker import Entry
    from tests.simulation.world import World

NAME: Final = "guidang"
POLICY: Final = Policy()
CALENDAR: Final = china_calendar()
DIGEST: Final = keyed_digest(b"key")


class Crash(BaseException):
    """The process is gone: nothing after this point runs."""


class Injected(Exception):
    """Something unforeseen inside the job: memory, a defect, a bit that flipped."""


@dataclass(slots=True)
class Fetched:
    """A record as ``aiokafka`` gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Any


class StepLane:
    """A lane whose calls run when the scheduler says so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: deque[Callable[[], None]] = deque()
        self.busy = False

    async def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """See :class:`streams.runtime.lane.Lane`."""
        future = asyncio.get_running_loop().create_future()

        def run() -> None:
            try:
                result = function(*args, **kwargs)
            except Exception as exc:  # noqa: BLE001 - handed to the caller
                if not future.done():
                    future.set_exception(exc)
            else:
                if not future.done():
                    future.set_result(result)

        self.calls.append(run)
        return await future

    def post(self, function: Callable[[], object]) -> None:
        """See :class:`streams.runtime.lane.Lane`."""
        self.calls.append(lambda: (function(), None)[1])


class SimJob(CaseJob):
    """The job, in which something unforeseen may happen."""

    upset: Callable[[], None] = staticmethod(lambda: None)

    def process(self, work: Any, batches: Any) -> None:
        """Before batches or after them."""
        self.upset()
        super().process(work, batches)
        self.upset()


class ConsumerThread:
    """What the transport asks of the consumer's thread."""

    def __init__(self, world: World, worker: SimWorker) -> None:
        self._world, self._worker = world, worker
        self._turn = asyncio.Lock()
        self.assignment: dict[Place, int | None] = {}

    async def read(self, places: Iterable[Place], wait_s: float, limit: int) -> list[Read]:
        """See :class:`streams.runtime.transport.ConsumerThread`: some of what is there, of some of the partitions."""
        async with self._turn:
            assignment, world = self.assignment, self._world
            found = []
            for place in places:
                position = assignment.get(place)
                if position is None or world.dice.random() < 0.2:
                    continue
                entries, reached = world.broker.read(place, position, world.chunk(limit))
                if reached != position:
                    found.append((place, position, entries, reached))
            if not found:
                await asyncio.sleep(wait_s)
                return []
            await asyncio.sleep(0)
            if assignment is not self.assignment:
                return []
            for place, _, _, reached in found:
                assignment[place] = reached
            return [Read(*place, [_fetched(place, at, entry) for at, entry in entries], base, end) for place, base, entries, end in found]

    async def seek_all(self, offsets: Mapping[Place, int]) -> bool:
        """See :class:`streams.runtime.transport.ConsumerThread`: it waits for a read under way."""
        async with self._turn:
            await asyncio.sleep(0)
            if not offsets.keys() <= self.assignment.keys():
                return False
            self.assignment.update(offsets)
            return True

    async def ends(self, places: Iterable[Place]) -> dict[Place, End]:
        """See :class:`streams.runtime.transport.ConsumerThread`; the answer is on its way for a while."""
        await asyncio.sleep(0)
        broker = self._world.broker
        ends = {place: End(broker.end(place), broker.stable(place)) for place in places}
        await asyncio.sleep(0)
        return ends


class Shell:
    """Faust's consumer around the product's drain loop."""

    should_stop = False

    def __init__(self, engine: Engine, thread: ConsumerThread) -> None:
        self.engine, self.thread, self._thread = engine, thread, thread

    async def in_thread(self, call: Any) -> Any:
        """Run one of the thread's coroutines."""
        return await call

    async def callback(self, batch: Any) -> None:
        """Give a batch to the application's agent."""
        self.engine.hand_over(batch)

    def _message(self, batch: Any) -> Any:
        return batch


class SimWorker:
    """A worker from its start to its end."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.dead = self.joined = self.zombie = False
        self.sluggish = world.dice.random() < 0.3  # in following the reference topics
        self.loop = StepLoop(world.time)
        reference = Reference()
        keeper = ReferenceKeeper(reference=reference, topic_prefix="", clock=world.clock)
        self.job = SimJob(
            name=NAME,
            topic_prefix="",
            partitions=PARTITIONS,
            partitioner="murmur2",
            assessor=Assessor(POLICY, CALENDAR, reference, DIGEST),
            rejected=keeper.rejected,
            breaker=Breaker(1, 1),
        )
        self.job.upset = lambda: world.upset(self)
        kafka = {"bootstrap.servers": "simulated"}
        slice_ = world.slice
        settings = EngineSettings(
            kafka=kafka,
            worker=name,
            data_dir=Path("simulated"),
            advance_limit=slice_,
            revisit_limit=slice_,
            group_batches=world.group,
            room_records=2 if world.group == 1 else 1_000,
        )
        self.reader = ReferenceReader(kafka, NAME, keeper.topics, keeper.on_record)
        self.engine = Engine(self.job, settings, world.clock, self.reader)
        self.thread = ConsumerThread(world, self)
        self.shell = Shell(self.engine, self.thread)
        self.engine.app = SimpleNamespace(consumer=self.shell)  # type: ignore[assignment]
        self.loop.create_task(self._boot())

    @property
    def lanes(self) -> list[StepLane]:
        """One a partition that was ever assigned."""
        return list(self.engine._lanes.values())  # type: ignore[arg-type]

    def follow(self) -> None:
        """Take in what is new on the reference topics, as the reader's thread does."""
        messages = self.reader._poll(wait_s=0.0) if self.joined else []
        if messages:
            self._on_loop(lambda: self.engine._touched(self.reader.take(messages)))

    def revoked(self) -> None:
        """A rebalance begins."""
        self._on_loop(self.engine.revoked)

    def assigned(self, partitions: Iterable[int]) -> None:
        """A rebalance is over."""
        places = frozenset((topic, partition) for topic in JOB_INPUTS for partition in partitions)
        self.thread.assignment = dict.fromkeys(sorted(places))
        self._on_loop(lambda: self.engine.assigned(places))

    @property
    def failure(self) -> BaseException | None:
        """Why the process is about to end."""
        return self.engine._failure

    def _on_loop(self, call: Callable[[], object]) -> None:
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self.loop)
        try:
            call()
        except Exception as exc:  # noqa: BLE001 - as the transport and the reader do
            self.engine.fail(exc)
        finally:
            asyncio._set_running_loop(outer)

    async def _boot(self) -> None:
        self.engine.incarnations = {topic: f"id-of-{topic}" for topic in self.job.tables.values()}
        try:
            await self.reader.load(30.0)
        except Exception as exc:  # noqa: BLE001 - ends the process
            self.engine.fail(exc)
            return
        self.joined = True
        self.engine._start(self.engine._probe())
        self.engine._start(transport.Consumer._drain_messages(self.shell, self.shell))  # type: ignore[arg-type]


def _fetched(place: Place, offset: int, entry: Entry) -> Fetched:
    return Fetched(*place, offset, entry.key, entry.value, entry.timestamp, tuple(entry.headers))
