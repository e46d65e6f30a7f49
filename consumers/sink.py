"""``guidang sink``: the output topics into ClickHouse, with confluent-kafka.

The order is everything: read, insert, then commit. A crash anywhere means that some rows are inserted again with the same versions,
which changes nothing (docs/design/sink.md). Committed offsets go up to the partition's end, transaction markers included, so that
another process can see from them alone that everything is in the tables.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # documented, not in its __all__

from consumers.batch import Batch, Partition
from consumers.clickhouse import Client, connect, is_nothing_there, reaching
from consumers.group import consumer_properties
from consumers.inserting import Inserter
from consumers.migrate import migrate
from consumers.origins import Origin, newest_versions, origins, table_ids, topic_ids
from consumers.positions import Positions, lost
from consumers.rows import version_of
from consumers.sink_metrics import SinkStats
from consumers.troubles import Troubles
from consumers.untold import STATES, Untold
from streams.access import admin_client, check_access
from streams.collector import collect_rarely
from streams.errors import ConfigurationError, DependencyError, Stalled
from streams.runtime.clients import answered
from streams.runtime.watchdog import LoopGuard, Pulse
from streams.serving import WELL, Health
from streams.settings import Settings

log = logging.getLogger(__name__)

MOST_ROWS = 50_000
LINGER_SECONDS, FILLING_LINGER_SECONDS = 0.4, 1.5
_FILLING_ROWS = 1_000
"""From so many rows on, a batch waits longer as long as more comes: each insert is several parts, which ClickHouse must merge."""
_CHUNK = 2_000
_POLL_SECONDS = 0.1
_CHECK_SECONDS = 5.0
_BROKER_SECONDS = 5.0
_LATE_SECONDS = 15.0
_STUCK_SECONDS = 45.0
"""A loop that has not turned for so long will not turn again."""
_INSERT_SECONDS = 315.0
"""An insert may take as long as a client waits for its answer."""
_NOTHING_READ_SECONDS = 60.0
"""Of waiting for messages, not of inserting: what is behind and gets nowhere in that time is stuck."""
_PATIENCE_SECONDS = 30.0  # well below max.poll.interval.ms, after which the group would go on without us


class Sink:
    """One sink process. Several share the partitions among them.

    Raises
    ------
    OperatorError
        Kafka or ClickHouse cannot be reached, topics are missing, the database is newer than this program.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stop = Event()
        check_access(settings, "sink")
        migrate(settings)
        self.client: Client = connect(settings)
        self._admin = admin_client(settings)
        self.origins: Mapping[str, Origin] = origins(settings, self._admin, self.client)
        self.batch = Batch()
        self.inserted: dict[Partition, int] = {}
        self.stats, self.pulse = SinkStats(), Pulse()
        self._positions = Positions(settings, self.client, {name: origin.mark for name, origin in self.origins.items()})
        self._inserter = Inserter(self.client, self.stats, self._turn, self._positions.note)
        self._checked = time.monotonic()
        self._reached: dict[Partition, int] = {}
        self._behind: dict[Partition, int] = {}
        self._waited_seconds = 0.0
        self._failure: Exception | None = None
        self._paused = False
        self._asked_at: float | None = None
        self._troubles = Troubles()
        self.consumer = Consumer(consumer_properties(settings, self._troubles.tell))

    def run(self) -> None:
        """Work until ``stop`` is set. What was read and not inserted then is dropped: it will be read again.

        Raises
        ------
        EngineError
            A record of an output topic cannot be read.
        DependencyError
            A topic vanished, was made again or was cut, or a table was lost, made again or set back: the next start sees to it. ClickHouse
            refuses rows.
        ConfigurationError
            The tables hold rows of a future that Kafka has lost.
        Stalled
            There is something to read in a partition, and for a minute nothing of it came.
        """
        collect_rarely()
        guard = LoopGuard(self.pulse, _STUCK_SECONDS)
        try:
            self._refuse_a_lost_future()
            self._take_untold()
            self.consumer.subscribe(list(self.origins), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
            while not self.stop.is_set():
                self._step()
            self.insert(patient=False)
            self.commit()
        finally:
            self.consumer.close()
            guard.stop()
            self._ready.unlink(missing_ok=True)

    def insert(self, *, patient: bool = True) -> None:
        """Insert what was read; then, and only then, its positions may be committed.

        Parameters
        ----------
        patient
            Wait through an outage of ClickHouse, reading nothing; otherwise leave the batch as it is.
        """
        batch = self.batch
        with self._asking_clickhouse():
            done = not batch.rows or self._inserter.insert(batch, self._outage if patient else None)
        if self._paused:
            self.consumer.resume(self.consumer.assignment())
            self._paused, self._waited_seconds = False, 0.0
            self._check_tables()  # what has come back need not be what went away
        if not done:
            return
        if batch is self.batch:  # a rebalance during an outage throws the batch away
            self.inserted.update(batch.positions)
            self._reached.update(batch.positions)
            self.batch = Batch()

    def commit(self) -> None:
        """Commit the positions of what is inserted. A failure leaves them for the next time: replaying is harmless."""
        if not self.inserted:
            return
        offsets = [TopicPartition(*place, offset, self._positions.metadata(place)) for place, offset in self.inserted.items()]
        try:
            answers = self.consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            self._troubles.meet_at_commit(error.args[0])
            return
        for answer in answers:
            if answer.error:
                self._troubles.meet_at_commit(answer.error)
            else:
                self.inserted.pop((answer.topic, answer.partition), None)
                self._troubles.over()
                self.stats.committed_at = time.monotonic()

    @property
    def health(self) -> Health:
        """Whether what it reads gets into ClickHouse; a process whose loop stands still does not live long (:data:`_STUCK_SECONDS`)."""
        return Health(WELL.live, self._why_not_ready)

    def _why_not_ready(self) -> str:
        if not self.stats.assigned:
            return "尚未分到分区 no partitions assigned"
        # A question that hangs stands in the way of all that would come to be inserted.
        since = min((at for at in (self.batch.first_at, self._asked_at) if at is not None), default=time.monotonic())
        waiting_seconds = time.monotonic() - since
        return f"已等待 ClickHouse {waiting_seconds:.0f} 秒，未能写入 waiting for ClickHouse" if waiting_seconds > _LATE_SECONDS else ""

    def _refuse_a_lost_future(self) -> None:
        """Raise if there are rows from beyond the end of what fills their table.

        Kafka was set back, by a backup or by a power cut, and the tables were not. What comes now has lower versions than such a row, which
        would stand above it for ever; and a case that never comes again would be counted.
        """
        with reaching(self.settings), self._asking_clickhouse():
            newest, put_in = newest_versions(self.client), self._positions.read()  # before the ends: another sink may be inserting
        limits, ahead = dict.fromkeys(newest, 0), set[str]()
        for name, origin in self.origins.items():
            self._turn()
            ends = {partition: self._extent(TopicPartition(name, partition))[1] for partition in self._partitions(name)}
            limits[origin.table.name] = max(limits[origin.table.name], version_of(origin.ordinal, max(ends.values())))
            if any(put_in.get((origin.mark, partition), 0) > end for partition, end in ends.items()):
                ahead.add(origin.table.name)  # only some partitions lost their end, and others are longer
        if ahead := ahead | {table for table, version in newest.items() if version >= limits[table]}:
            database = self.settings.clickhouse.database
            raise ConfigurationError(
                f"{database} 里有些行出自 Kafka 已没有的记录（{', '.join(sorted(ahead))}）：主题退回过从前（恢复了备份，或断电），"
                f"它们会一直压过新的。DROP DATABASE {database}（内嵌的：guidang down，删去 data_dir 的 clickhouse 目录），"
                "再启动 sink，由现有主题填满。"
                " Some rows are of records that Kafka no longer has: its topics were set back, by a backup or a power cut, and these rows"
                f" would win over what comes. DROP DATABASE {database} (embedded: guidang down, remove clickhouse in data_dir); then start"
                " the sink, and the present topics fill it again."
            )

    def _take_untold(self) -> None:
        """Put in what is open and no longer told, before a topic whose beginning is gone is read anew by whoever is given it.

        Done again after a kill: offsets of these topics are committed for this table only when partitions are read.
        """
        asked = [TopicPartition(name, p) for name, o in self.origins.items() if o.table.topic in STATES for p in self._partitions(name)]
        known = self._ask(lambda: self.consumer.committed(asked, timeout=_BROKER_SECONDS))
        self._look_at_positions()
        places = {(STATES[self.origins[at.topic].table.topic], at.partition) for at in known if self._begins_cut(at)}
        for batch in Untold(self.settings, self.origins, self._troubles.meet, self._turn).batches(places):
            if self.stop.is_set():
                return
            with self._asking_clickhouse():
                self._inserter.insert(batch, lambda seconds: not self.stop.wait(seconds))

    @contextmanager
    def _asking_clickhouse(self) -> Iterator[None]:
        """Meanwhile the loop may stand still for as long as a client waits for its answer."""
        self.pulse.patience_s, self._asked_at = _INSERT_SECONDS, time.monotonic()
        try:
            yield
        finally:
            self._turn()
            self.pulse.patience_s, self._asked_at = 0.0, None

    def _partitions(self, topic: str) -> range:
        found = self._ask(lambda: self.consumer.list_topics(topic, timeout=_BROKER_SECONDS)).topics[topic].partitions
        if not found:
            raise DependencyError(f"Kafka: {topic}: 还不知道有哪些分区 its partitions are not known yet")
        return range(len(found))

    def _begins_cut(self, known: TopicPartition) -> bool:
        low, high = self._extent(known)
        return low > 0 and not self._goes_on(known, low, high)

    def _turn(self) -> bool:
        """Note that the loop turns; return whether it may go on."""
        self.pulse.loop += 1
        return not self.stop.is_set()

    def _step(self) -> None:
        more = self._read(_CHUNK)
        now = time.monotonic()
        batch = self.batch
        linger = FILLING_LINGER_SECONDS if more and batch.rows >= _FILLING_ROWS else LINGER_SECONDS
        if batch.rows >= MOST_ROWS or (batch.first_at is not None and now - batch.first_at >= linger) or not batch.rows:
            self.insert()
            self.commit()
        if now - self._checked >= _CHECK_SECONDS:
            self._checked = now
            self._check_topics()
            self._check_tables()
            self._check_reading()

    def _read(self, most: int) -> bool:
        """Take what has come; return whether anything had."""
        self.pulse.loop += 1
        began = time.monotonic()
        messages = self.consumer.consume(most, _POLL_SECONDS)
        if len(messages) < most and not self._paused:  # it has waited, and handed over all that it had
            self._waited_seconds += time.monotonic() - began
        if self._failure:
            raise self._failure
        for message in messages:
            self._take(message)
        return bool(messages)

    def _take(self, message: Any) -> None:
        error = message.error()
        if error is None:
            self.batch.take(self.origins[message.topic()], message, time.monotonic())
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self.batch.reach(message.topic(), message.partition(), message.offset())
        else:
            self._troubles.meet(error)

    def _outage(self, seconds: float) -> bool:
        """Stay in the group while ClickHouse is away, for so long; return whether to try again."""
        if not self._paused:
            self.consumer.pause(self.consumer.assignment())
            self._paused = True
        batch = self.batch
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and not self.stop.is_set() and batch is self.batch:
            self._read(1)
        return not self.stop.is_set() and batch is self.batch

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._begin(consumer, partitions)
        except Exception as error:  # noqa: BLE001 - the client mangles what is raised in its callbacks: the next step raises it
            self._failure = error

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Start each partition behind what was committed for what is in the tables, or else at its beginning."""
        self.batch, self.inserted = Batch(), {}
        committed = self._ask(lambda: consumer.committed(partitions, timeout=_BROKER_SECONDS)) if partitions else []
        self._look_at_positions()
        starts = [self._start(known) for known in committed]
        self._positions.begin(known for known in committed if (known.topic, known.partition) not in self.inserted)
        consumer.assign(starts)
        # What was paused when the partitions were taken away is paused when they come back, and nobody who resumed meanwhile had them.
        consumer.resume(partitions)
        self._paused = False
        self._reached, self._behind, self._waited_seconds = {(at.topic, at.partition): at.offset for at in starts}, {}, 0.0
        self.commit()  # where it begins anew: what was committed for another life says no longer that all is in the tables
        self._ready.parent.mkdir(parents=True, exist_ok=True)
        self._ready.touch()
        self.stats.assigned = bool(partitions)

    def _start(self, known: TopicPartition) -> TopicPartition:
        low, high = self._extent(known)
        if self._goes_on(known, low, high):
            return TopicPartition(known.topic, known.partition, known.offset)
        if self._positions.counts(known) and known.offset >= 0:
            told = (known.topic, known.partition, known.offset, low, high)
            log.error("%s[%d]: 已提交 committed %d，现存 there are %d–%d：中间的记录已不存在 what lay between is gone", *told)
        self.inserted[known.topic, known.partition] = low
        return TopicPartition(known.topic, known.partition, low)

    def _goes_on(self, known: TopicPartition, low: int, high: int) -> bool:
        """Whether a partition is read on from where it was committed, and not from its beginning."""
        return self._positions.counts(known) and low <= known.offset <= high

    def _look_at_positions(self) -> None:
        """After the broker was asked what is committed: what is committed later has a position that is not there yet."""
        with self._asking_clickhouse():
            self._positions.look()

    def _extent(self, place: TopicPartition) -> tuple[int, int]:
        found: tuple[int, int] = self._ask(lambda: self.consumer.get_watermark_offsets(place, timeout=_BROKER_SECONDS))
        return found

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Ask the broker; one that went away in the middle of an assignment is given time to come back."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return call()
            except KafkaException as error:
                if self.stop.is_set() or time.monotonic() > give_up:
                    raise DependencyError(f"Kafka: {error.args[0].str()}") from error
                self._troubles.meet(error.args[0])
                self.stop.wait(_POLL_SECONDS)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """What was read and not committed is dropped: its next owner reads it again."""
        del partitions
        self.stats.assigned = False
        self.batch, self.inserted, self._reached = Batch(), {}, {}
        self._positions.begin(())
        consumer.unassign()

    def _check_topics(self) -> None:
        """A topic made again under the same name must not be read on as if it were the old one."""
        try:
            ids = topic_ids(self.settings, self._admin)
        except DependencyError:
            return  # the consumer tells of that itself
        if any(ids[name] != origin.topic_id for name, origin in self.origins.items()):
            raise DependencyError("主题被重建过，重新启动后从头读取 a topic was made again: starting anew reads it from its beginning")

    def _check_tables(self) -> None:
        """A table made again under the same name, or set back, does not have what was inserted: it is to be filled from the beginning."""
        try:
            with self._asking_clickhouse():
                tables = table_ids(self.settings, self.client)
                self._positions.check()
        except ClickHouseError as error:
            if not is_nothing_there(error):
                return  # inserting tells of that
            tables = {}
        if any(tables.get(origin.table.name) != origin.table_id for origin in self.origins.values()):
            raise lost()

    def _check_reading(self) -> None:
        """What is there and does not come will not come: a client that has lost its way is made anew with its process.

        Each partition is judged on its own, by the time in which the client was waited for: one that lies unread because others are being
        inserted, however slowly, is not stuck.
        """
        if self._waited_seconds < _NOTHING_READ_SECONDS or not self._reached:
            return
        self._waited_seconds = 0.0
        before, self._behind = self._behind, {}
        reached = {place: self.batch.positions.get(place, at) for place, at in self._reached.items()}
        asked: dict[TopicPartition, Any] = {TopicPartition(*place): OffsetSpec.latest() for place in reached}  # type: ignore[no-untyped-call]
        try:
            answers = self._admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_BROKER_SECONDS)
            ends = {(at.topic, at.partition): answered(answer, _BROKER_SECONDS).offset for at, answer in answers.items()}
        except KafkaException:
            return  # the consumer tells of that itself
        self._behind = {place: at for place, at in reached.items() if at < ends[place]}
        if stuck := sorted(place for place, at in self._behind.items() if before.get(place) == at):
            (topic, partition), more = stuck[0], len(stuck)
            told = f"{topic}[{partition}] {reached[topic, partition]} / {ends[topic, partition]}"
            raise Stalled(
                f"{_NOTHING_READ_SECONDS:g} 秒没有读到任何记录，而 nothing was read, though {more} 个分区还有 partitions have more: {told}"
            )

    @property
    def _ready(self) -> Path:
        return self.settings.home / "run" / "sink.ready"
