"""The engine: wires transport, gates, partition tasks, reference data and watchdog into one worker process."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import faust
from confluent_kafka import KafkaException

from streams.collector import collect_rarely
from streams.errors import ConfigurationError, DependencyError, EngineError, Fenced, GuidangError, OperatorError, Stalled
from streams.runtime.batch import RecordBatch
from streams.runtime.clients import refusal
from streams.runtime.faust_app import create_app, input_topic
from streams.runtime.gates import Gates, Place
from streams.runtime.job import Job
from streams.runtime.lane import Lane
from streams.runtime.partition import PartitionTask
from streams.runtime.reference import ReferenceReader, Touched
from streams.runtime.settings import EngineSettings
from streams.runtime.stats import EngineStats
from streams.runtime.topology import check_topology
from streams.runtime.transport import consumer_of
from streams.runtime.watchdog import LoopGuard, Pulse, Watchdog, end_process

logger = logging.getLogger(__name__)

_LOOK_S = 1.0


class HasNow(Protocol):
    """The job clock: what time it is for the cases. Time-outs never use it."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        ...


class Engine:
    """One worker process of one job.

    The application adds one agent and runs it::

        engine = Engine(job, settings, clock)

        @engine.app.agent(engine.topic)
        async def batches(stream):
            async for batch in stream:
                engine.hand_over(batch)

        run_worker(engine)

    Parameters
    ----------
    job
        What to do.
    settings
        How; see :class:`streams.runtime.settings.EngineSettings`.
    clock
        Job time, for watermarks and :attr:`streams.runtime.job.Work.now_ms`.
    reference
        Reference data to be read whole first and followed; by default none.
    """

    def __init__(self, job: Job, settings: EngineSettings, clock: HasNow, reference: ReferenceReader | None = None) -> None:
        self.job = job
        self.settings = settings
        self.clock = clock
        self.reference = reference or ReferenceReader(settings.kafka, job.name, (), lambda _: ())
        self.stats = EngineStats()
        self.gates = Gates(settings.room_records, job.joined)
        self.pulse = Pulse()
        self.incarnations: dict[str, str] = {}
        self.stopping = False
        self.app: faust.App = create_app(self)
        self.topic: Any = input_topic(self.app, self)
        self._generation = 0
        self._rebalancing = False
        self._taken_once: set[int] = set()
        self._tasks: dict[int, PartitionTask] = {}
        self._lanes: dict[int, Lane] = {}
        self._reference_lane: Lane | None = None
        self._reference_ends: dict[Place, int] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._ended = asyncio.Event()

    # What the application calls.

    def hand_over(self, batch: RecordBatch) -> None:
        """Give a batch to the task of its partition; never blocks, never raises."""
        task = self._tasks.get(batch.partition)
        if task is None or self.stopping:
            return
        try:
            task.hand_over(batch)
        except Exception as exc:  # noqa: BLE001 - Faust would ack the batch and go on
            self.fail(exc)

    @property
    def ready(self) -> bool:
        """Whether partitions were assigned and all of them are open; only looks, so any thread may ask."""
        return not self.why_not_ready()

    def why_not_ready(self) -> str:
        """What it waits for; empty: it works. What stands still although there is work ends the process (:class:`Watchdog`)."""
        if self.stopping:
            return "正在停止 stopping"
        if not self._generation:
            return "尚未分到分区 no partitions assigned yet"
        if self._rebalancing:
            return "正在重新分配分区 a rebalance is under way"
        opening = self.partitions()[1]
        return f"{opening} 个分区正在恢复 partitions are being opened" if opening else ""

    def partitions(self) -> tuple[int, int]:
        """How many partitions are open here, and how many are being opened; only looks, so any thread may ask."""
        running = [task.running for task in list(self._tasks.values())]
        return sum(running), len(running) - sum(running)

    def stop(self) -> None:
        """End the worker gracefully; from a signal handler of the loop, or any coroutine."""
        self._ended.set()

    # What the transport and the partition tasks call.

    def fail(self, exc: BaseException) -> None:
        """End the process with this reason; the first one counts. Nothing is committed from here on."""
        exc = refusal("消费 consuming", exc) or exc
        if self._failure is None and not self.stopping:
            self._failure = exc
            # What an operator mends has its reason in its text; a traceback would bury it.
            logger.critical("worker ends: %s: %s", type(exc).__name__, exc, exc_info=None if isinstance(exc, OperatorError) else exc)
        self.stopping = True
        self._ended.set()

    def fenced(self, task: PartitionTask, exc: Fenced) -> None:
        """Open a partition again that somebody else has taken outside any rebalance; the second time under one assignment ends the process.

        The other is a former owner whose ``init_transactions`` came through late, and who gives the partition up by itself; or it is the
        rightful owner, and we have slept past our session. So there is a wait first, in which the group tells us which.
        """
        number = task.partition
        # Reading goes on behind an open gate, also between the seek of the task that opens it again and that task's own gate.
        self.gates.close(number)
        if number in self._taken_once:
            self.fail(exc)
            return
        self._taken_once.add(number)
        logger.warning("partition %d was taken by somebody else: opening it again unless the group gives it away", number)

        async def reopen() -> None:
            await asyncio.sleep(self.settings.reopen_s)
            if self._tasks.get(number) is task and not self._rebalancing and not self.stopping:
                task.close()
                self._tasks[number] = PartitionTask(self, number, self._lanes[number], self._generation)

        self._start(reopen())

    def revoked(self) -> None:
        """Begin nothing new: a rebalance is under way. Waits for nothing."""
        self._rebalancing = True
        self.gates.close_all()
        for task in self._tasks.values():
            task.suspend()

    def assigned(self, places: frozenset[Place]) -> None:
        """Take the partitions of a new assignment, and give up those that are not in it.

        Raises
        ------
        DependencyError
            A topic is not in it at all: the group's leader did not see that topic.
        EngineError
            The inputs were not assigned alike, so a partition's state would be in two places.
        """
        numbers = {partition for _, partition in places}
        expected = {(topic, partition) for topic in self.job.inputs for partition in numbers}
        seen = {topic for topic, _ in places}
        if unseen := sorted(set(self.job.inputs) - seen if seen else ()):
            names = ", ".join(unseen)
            raise DependencyError(
                f"看不到主题，或无权看到 the group's leader does not see these topics, or has no right to see them: {names}"
            )
        if places != expected:
            raise EngineError(f"assignment is not co-partitioned: {sorted(places)}")
        self._generation += 1
        self._rebalancing = False
        self._taken_once.clear()
        self.stats.generation = self._generation
        self.stats.rebalances += 1
        for number, task in list(self._tasks.items()):
            if number not in numbers or task.lost:
                task.close()
                del self._tasks[number]
        for number, task in self._tasks.items():
            task.resume(self._generation)
            numbers.discard(number)
        for number in sorted(numbers):
            lane = self._lanes.get(number)
            if lane is None:
                lane = self._lanes[number] = Lane(f"partition-{number}")
            self._tasks[number] = PartitionTask(self, number, lane, self._generation)
        logger.info("assignment %d: partitions %s", self._generation, sorted(self._tasks))

    def open_gates(self, partition: int, generation: int, offsets: dict[str, int]) -> None:
        """Begin to read a partition at ``offsets``, once the consumer stands there, unless the assignment changes first."""
        places = {(topic, partition): offset for topic, offset in offsets.items()}

        async def seek_then_open() -> None:
            consumer = consumer_of(self.app)
            if await consumer.in_thread(consumer.thread.seek_all(places)) and self._current(partition, generation):
                for place, offset in places.items():
                    self.gates.open(place, generation, offset)

        self._start(seek_then_open())

    # The process.

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or :meth:`stop`; then everything begun is ended and nothing half done is left.

        Raises
        ------
        GuidangError
            What ended the worker, as it is, or as the cause of an :class:`EngineError`.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            with self._directory_lock():
                await self._unless_ended(self._prepare())
                if not self._ended.is_set():
                    await self._run_app()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        if self._failure is not None:
            if isinstance(self._failure, GuidangError):
                raise self._failure
            raise EngineError(f"{type(self._failure).__name__}: {self._failure}") from self._failure

    async def _prepare(self) -> None:
        timeout_s = self.settings.request_timeout_s
        self.incarnations = await check_topology(self.settings.kafka, self.job, self.settings.partitions, timeout_s)
        await self.reference.load(timeout_s)
        collect_rarely()

    async def _unless_ended(self, work: Coroutine[Any, Any, None]) -> None:
        task, ended = asyncio.create_task(work), asyncio.create_task(self._ended.wait())
        await asyncio.wait((task, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()

    async def _run_app(self) -> None:
        app: Any = self.app
        guard = LoopGuard(self.pulse, self.settings.stall_s)
        self.reference.follow(asyncio.get_running_loop(), self._touched, self.fail)
        self._start(app.start())
        self._start(self._supervise())
        self._start(self._probe())
        if self.reference.topics:
            self._reference_lane = Lane("reference ends")
            self._start(self._probe_reference(self._reference_lane))
        try:
            await self._ended.wait()
            # A stop that hangs must not keep a supervisor from starting the next process.
            code = 0 if self._failure is None else 1
            guard.end_within(2 * self.settings.stop_s + 1.0, code)
            if not await self._shut_down():
                # An interpreter that shuts down while native code runs in a thread aborts, with another code than ours.
                failed = f"{type(self._failure).__name__}: {self._failure}; " if self._failure else ""
                end_process(
                    f"{failed}a call into a client library has not come back; what it was doing will be undone by the next owner", code
                )
        finally:
            guard.stop()

    async def _shut_down(self) -> bool:
        """Stop everything; false if a call into a client library has not come back."""
        began = time.monotonic()
        self.stopping = True
        self.gates.close_all()
        self.reference.stop()
        tasks = list(self._tasks.values())
        lanes = [*self._lanes.values(), *([self._reference_lane] if self._reference_lane else ())]
        for task in tasks:
            task.close()
        quiet = True
        try:
            async with asyncio.timeout(self.settings.stop_s):
                await asyncio.gather(*(lane.call(lambda: None) for lane in lanes), *(task.ended() for task in tasks))
        except TimeoutError:
            quiet = False
        for background in self._background:
            background.cancel()
        app: Any = self.app
        try:
            async with asyncio.timeout(self.settings.stop_s):
                await app.stop()
        except Exception as exc:  # noqa: BLE001 - the state is safe already; Faust may end as it likes
            logger.info("Faust did not stop cleanly: %s: %s", type(exc).__name__, exc)
        logger.info("worker stopped in %.1f s", time.monotonic() - began)
        return quiet

    async def _supervise(self) -> None:
        watchdog = Watchdog(self.settings.stall_s)
        app: Any = self.app
        while True:
            await asyncio.sleep(_LOOK_S)
            self.pulse.loop += 1
            if app.crashed:
                raise EngineError(f"Faust crashed: {app.crash_reason!r}") from app.crash_reason
            consumer = consumer_of(app)
            if self._generation and not consumer.thread_alive:
                raise Stalled("the consumer's thread is dead")
            if consumer.thread_alive:
                await consumer.in_thread(consumer.thread.check_group())
            watchdog.look()
            watchdog.check("rebalance", self._generation, busy=self._rebalancing)
            watchdog.check("reading", self.pulse.reads, busy=bool(self._tasks) and not self._rebalancing)
            watchdog.check("probing", self.pulse.probes, busy=bool(self.gates.places()))
            watchdog.check("reference data", self.reference.taken, busy=self.reference.is_short_of(self._reference_ends))
            self._check_partitions(watchdog)

    def _check_partitions(self, watchdog: Watchdog) -> None:
        for number, task in self._tasks.items():
            lag = task.lag(self.gates.end)
            self.stats.lag_records.update(lag)
            token = (task.generation, task.units, self.stats.recovering.get(number))
            watchdog.check(f"partition {number}", token, busy=task.busy)
            # Each input by itself: one that nobody delivers any more stands still while the others' ticks keep the partition going.
            for topic in self.job.inputs:
                offset = task.committed.get(topic)
                busy = lag.get((topic, number), 0) > 0 and not self.gates.early((topic, number))
                watchdog.check(f"{topic}/{number}", (task.generation, offset), busy=busy)
        owned = {(topic, number) for number in self._tasks for topic in self.job.inputs}
        for place in self.stats.lag_records.keys() - owned:
            del self.stats.lag_records[place]

    async def _probe(self) -> None:
        opened = self.gates.opened
        while True:
            # Of a gate that has just opened, where it ends is not known: neither time nor the order of joined inputs goes by it before.
            with suppress(TimeoutError):
                await asyncio.wait_for(opened.wait(), self.settings.probe_s)
            opened.clear()
            places = self.gates.places()
            if not places:
                continue
            consumer = consumer_of(self.app)
            asked_ms = self.clock.now_ms()
            try:
                ends = await consumer.in_thread(consumer.thread.ends(places))
            except Exception as exc:  # noqa: BLE001 - time stands still meanwhile; the watchdog judges for how long
                logger.warning("end offsets: %s: %s", type(exc).__name__, exc)
                continue
            self.pulse.probes += 1
            self.gates.answered(asked_ms, ends)
            self._tell_of_open_transactions()

    def _tell_of_open_transactions(self) -> None:
        settings = self.settings
        for (topic, partition), offset in self.gates.held_up(max(1, round(settings.stall_s / settings.probe_s))).items():
            logger.warning(
                "%s/%d: a transaction is open at offset %d for more than %.0f s: nothing behind it can be read, and time stands still in "
                "this partition until it ends. kafka-transactions.sh describe-producers says whose it is, abort ends it",
                topic,
                partition,
                offset,
                settings.stall_s,
            )

    async def _probe_reference(self, lane: Lane) -> None:
        while True:
            await asyncio.sleep(self.settings.reference_probe_s)
            try:
                self._reference_ends = await lane.call(self.reference.ends, self.reference.places, self.settings.request_timeout_s)
            except KafkaException as exc:
                logger.warning("ends of reference data: %s", exc.args[0].str())

    def _touched(self, touches: list[Touched]) -> None:
        for task in self._tasks.values():
            task.touched(touches)

    def _current(self, partition: int, generation: int) -> bool:
        task = self._tasks.get(partition)
        return task is not None and task.running and task.generation == generation and not self._rebalancing

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_ended)

    def _background_ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self.fail(exc)

    @contextmanager
    def _directory_lock(self) -> Iterator[None]:
        self.settings.directory.mkdir(parents=True, exist_ok=True)
        with (self.settings.directory / "lock").open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                raise ConfigurationError(
                    f"{self.settings.directory} is in use by another worker: give each worker a name of its own"
                ) from exc
            yield


def run_worker(engine: Engine) -> None:
    """Run a worker in this process; returns after a graceful stop and raises otherwise, see :meth:`Engine.run`."""
    asyncio.run(engine.run())
