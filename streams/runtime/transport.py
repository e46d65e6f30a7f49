"""Faust's aiokafka driver, bent so that it delivers record batches and decides nothing.

Kept: the life cycle, group membership, the assignor. Taken away: commits, acks, seeks, flow by message. The drain loop is ours;
it reads what :class:`streams.runtime.gates.Gates` wants and sends each batch through Faust's conductor as one message.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import aiokafka
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.threads import WorkerThread

from streams.errors import EngineError
from streams.runtime.clients import aiokafka_auth
from streams.runtime.gates import End, Place, Read
from streams.runtime.records import read_any_header_name

if TYPE_CHECKING:
    from streams.runtime.batch import RecordBatch
    from streams.runtime.engine import Engine

R = TypeVar("R")

#: Longest wait of a read for records, and the wait when some partition is only waiting for room.
READ_WAIT_S: Final = 0.1
CROWDED_WAIT_S: Final = 0.005
#: aiokafka leaves the group by itself after this long without a fetch. The watchdog does that job here, with a reason.
NEVER_MS: Final = 2**31 - 1
_JOIN_S: Final = 5.0


class DaemonThread(WorkerThread):
    """The consumer's thread; it cannot keep a process alive that wants to end."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def stop(self) -> None:
        """Wait for the thread, but not for ever."""
        self.is_stopped.wait(_JOIN_S)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The aiokafka consumer in its thread; ``read``, ``seek_all`` and ``ends`` run on the thread's loop."""

    _turn: asyncio.Lock
    engine: Engine

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002 - it runs on the loop it is made on
        settings = self.engine.settings
        self._turn = asyncio.Lock()
        read_any_header_name()
        return aiokafka.AIOKafkaConsumer(
            client_id=settings.worker,
            group_id=self.engine.job.name,
            group_instance_id=settings.worker,
            bootstrap_servers=settings.kafka["bootstrap.servers"],
            partition_assignment_strategy=[self.app.assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_interval_ms=NEVER_MS,
            max_partition_fetch_bytes=settings.fetch_bytes,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            request_timeout_ms=int(settings.request_timeout_s * 1000),
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            # A broker that has just started may not know the topics yet. The leader then assigns nothing to anybody, and only sees that
            # it was wrong when it asks again.
            metadata_max_age_ms=5_000,
            **aiokafka_auth(settings.kafka),
        )

    async def read(self, places: Iterable[Place], wait_s: float, limit: int) -> list[Read]:
        """Read up to ``limit`` records of ``places``, waiting at most ``wait_s`` for the first.

        Positions are taken before and after from the assignment of *now*; if it was replaced meanwhile, nothing counts.
        """
        async with self._turn:
            consumer = self._ensure_consumer()
            subscription = consumer._subscription.subscription  # noqa: SLF001
            assignment = subscription.assignment if subscription is not None else None
            if assignment is None:
                await asyncio.sleep(wait_s)
                return []
            states = {tp: assignment.state_value(tp) for tp in map(_aiokafka_place, places) if tp in assignment.tps}
            before = {tp: state.position for tp, state in states.items() if state.has_valid_position}
            if not before:
                await asyncio.sleep(wait_s)
                return []
            with consumer._subscription.fetch_context():  # noqa: SLF001
                found = await consumer._fetcher.fetched_records(  # noqa: SLF001
                    frozenset(before), timeout=wait_s, max_records=limit
                )
            if not assignment.active:
                return []
            return [
                Read(tp.topic, tp.partition, found.get(tp, ()), base, states[tp].position)
                for tp, base in before.items()
                if states[tp].position != base
            ]

    async def seek_all(self, offsets: Mapping[Place, int]) -> bool:
        """Set read positions; false if some partition is no longer assigned. Waits for a read under way."""
        async with self._turn:
            consumer = self._ensure_consumer()
            if not {_aiokafka_place(place) for place in offsets} <= consumer.assignment():
                return False
            for place, offset in offsets.items():
                consumer.seek(_aiokafka_place(place), offset)
            return True

    async def check_group(self) -> None:
        """Raise what ended group membership, or forbids it: nobody else is told, and no rebalance would ever come to an end."""
        coordinator = self._consumer._coordinator if self._consumer is not None else None  # noqa: SLF001
        if coordinator is not None:
            coordinator.check_errors()

    async def ends(self, places: Iterable[Place]) -> dict[Place, End]:
        """Ask the broker where partitions end, of both kinds, at once: a request waits for the fetch that is under way."""
        asked = [_aiokafka_place(place) for place in places]
        stable, written = await asyncio.gather(
            self._ensure_consumer().end_offsets(asked),
            self._uncommitted().end_offsets(asked, int(self.engine.settings.request_timeout_s * 1000)),
        )
        return {(tp.topic, tp.partition): End(written[tp], stable[tp]) for tp in asked}

    def _uncommitted(self) -> Any:
        """Whom to ask for ends with open transactions: aiokafka asks under the isolation level by which a fetcher reads.

        So it is a copy, which reads nothing, and shares the connections.
        """
        fetcher = copy.copy(self._ensure_consumer()._fetcher)  # noqa: SLF001
        fetcher._isolation_level = READ_UNCOMMITTED  # noqa: SLF001
        return fetcher


class Consumer(driver.Consumer):
    """Consumer that hands over batches, tells the engine about assignments, and never commits or seeks on Faust's behalf."""

    _thread: ConsumerThread

    @property
    def engine(self) -> Engine:
        """The engine this consumer works for."""
        return cast("Transport", self.transport).engine

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon, Worker=DaemonThread)
        thread.engine = self.engine
        return thread

    async def in_thread(self, call: Awaitable[R]) -> R:
        """Run one of the thread's coroutines on its loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(cast("Any", call), self._thread.thread_loop))

    @property
    def thread(self) -> ConsumerThread:
        """The thread, for :meth:`in_thread`."""
        return self._thread

    @property
    def thread_alive(self) -> bool:
        """Whether the consumer's thread is running."""
        thread = cast("threading.Thread | None", self._thread._thread)  # noqa: SLF001 - mode has no accessor
        return thread is not None and thread.is_alive()

    async def _drain_messages(self, fetcher: Any) -> None:
        engine = self.engine
        gates = engine.gates
        try:
            while not (self.should_stop or fetcher.should_stop):
                engine.pulse.read()
                wanted = gates.wanted()
                if not wanted:
                    gates.changed.clear()
                    await _wait(gates.changed, READ_WAIT_S)
                    reads: list[Read] = []
                else:
                    wait_s = CROWDED_WAIT_S if gates.crowded() else READ_WAIT_S
                    reads = await self.in_thread(self._thread.read(wanted, wait_s, engine.settings.read_records))
                for batch in gates.batches(wanted, reads):
                    await self.callback(self._message(batch))
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001 - aiokafka and Faust would log it and go on
            engine.fail(exc)

    def _message(self, batch: RecordBatch) -> Any:
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            batch.base,
            0.0,
            0,
            None,
            None,
            cast("Any", batch),
            None,
            0,
            0,
            TP(batch.topic, batch.partition),
            generation_id=self.app.consumer_generation_id,
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Close all gates before Faust does anything."""
        await self._guarded(self.engine.revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let Faust build its routes, then open partitions."""
        await super().on_partitions_assigned(assigned, generation_id)
        await self._guarded(lambda: self.engine.assigned(frozenset((tp.topic, tp.partition) for tp in assigned)))

    async def _guarded(self, callback: Any) -> None:
        try:
            callback()
        except Exception as exc:  # noqa: BLE001 - aiokafka logs and swallows what a rebalance callback raises
            self.engine.fail(exc)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Do nothing: offsets are committed by the partitions' transactions."""
        return False

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Do nothing."""
        return False

    async def perform_seek(self) -> None:
        """Do nothing: positions are set when a gate opens."""

    async def wait_empty(self) -> None:
        """Do nothing: on revoke nobody is waited for."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: the watchdog looks after progress, and ends the process instead of logging."""


class Transport(driver.Transport):
    """Transport whose consumer belongs to an engine."""

    Consumer = Consumer

    def __init__(self, url: Any, app: Any, engine: Engine) -> None:
        super().__init__(url, app)
        self.engine = engine


def _aiokafka_place(place: Place) -> TopicPartition:
    return TopicPartition(*place)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return


def consumer_of(app: Any) -> Consumer:
    """Return the app's consumer.

    Raises
    ------
    EngineError
        The app was built on another transport.
    """
    if not isinstance(app.consumer, Consumer):
        raise EngineError(f"the app's consumer is a {type(app.consumer).__name__}: it was not made by this engine")
    return app.consumer
