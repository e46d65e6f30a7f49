"""The wiring of a worker: settings in, an engine with its one agent out. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client.registry import Collector

from streams.access import check_access
from streams.agents.breaker import Breaker
from streams.agents.cases import CaseJob
from streams.agents.intake import key_name, keyed_digest
from streams.agents.metrics import JobCollector
from streams.agents.reference import ReferenceKeeper
from streams.domain.assess import Assessor
from streams.domain.reference import Reference
from streams.errors import ForeignState, InvalidRecord, NewerState
from streams.holidays import china_calendar
from streams.runtime.engine import Engine, run_worker
from streams.runtime.metrics import EngineCollector
from streams.runtime.progress import Progress
from streams.runtime.reference import ReferenceReader
from streams.runtime.settings import EngineSettings
from streams.serving import WELL, Health
from streams.settings import Settings


def build_assessor(settings: Settings, reference: Reference) -> Assessor:
    """The rules under these settings."""
    return Assessor(settings.domain_policy(), china_calendar(), reference, keyed_digest(settings.title_key()))


def check_key(settings: Settings, assessor: Assessor, progress: Iterable[Progress]) -> None:
    """Let nobody judge what workers have hashed with another key.

    Raises
    ------
    ForeignState
        The workers' title key is not the one of these settings.
    """
    if {at.identity for at in progress if at.identity} - {key_name(assessor.digest)}:
        raise _foreign(settings)


def _foreign(settings: Settings) -> ForeignState:
    return ForeignState(
        f"标题哈希的密钥 {settings.title_key_path} 不是写下现有状态的那一把：以它判断，一致的标题与材料都会成为不一致。"
        "把原来的密钥（其他 worker 的，或备份里的）放到那里。"
        " This key of the title hash is not the one with which the state was written: judged by it, titles and materials that agree"
        " would not agree. Put the former key there, from another worker or a backup. Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that is ready to run: :func:`streams.runtime.engine.run_worker`, and what it says of itself."""

    engine: Engine
    collectors: tuple[Collector, ...]
    health: Health
    settings: Settings


def build_worker(settings: Settings) -> Worker:
    """A worker under these settings."""
    settings.make_title_key()
    clock, reference, prefix = settings.make_clock(), Reference(), settings.kafka.topic_prefix
    keeper = ReferenceKeeper(reference=reference, topic_prefix=prefix, clock=clock)
    job = CaseJob(
        name=settings.application,
        topic_prefix=prefix,
        partitions=settings.kafka.partitions,
        partitioner=settings.kafka.partitioner,
        assessor=build_assessor(settings, reference),
        rejected=keeper.rejected,
        breaker=Breaker(settings.worker.dead_letter_share, settings.worker.dead_letter_records),
    )
    kafka = settings.kafka_client()
    engine = Engine(
        job,
        EngineSettings(kafka=kafka, worker=settings.worker.name, data_dir=settings.home / "state", partitions=settings.kafka.partitions),
        clock,
        ReferenceReader(kafka, settings.application, keeper.topics, keeper.on_record),
    )

    @engine.app.agent(engine.topic, name="cases")
    async def match_cases(batches: Any) -> None:
        """办件与归档的匹配 Matches closed cases to their archives."""
        async for batch in batches:
            engine.hand_over(batch)

    return Worker(engine, (EngineCollector(engine, prefix), JobCollector(job)), Health(WELL.live, engine.why_not_ready), settings)


def run(worker: Worker) -> None:
    """Run a worker until it is told to stop.

    Raises
    ------
    NotAllowed
        Kafka does not grant what a worker needs; nothing was begun.
    NewerState
        A partition's state has records of a schema that this version does not know. A record of an input like that is a dead letter;
        only what workers wrote themselves gets here.
    ForeignState
        The state rests on another title key; nothing was committed.
    """
    check_access(worker.settings, "worker")
    try:
        run_worker(worker.engine)
    except ForeignState as error:
        raise _foreign(worker.settings) from error
    except InvalidRecord as error:
        if error.reason != "UNKNOWN_SCHEMA":
            raise
        raise NewerState(
            f"状态由更新的版本写下（{error}）：请把这个进程也升级；什么也没有提交，分区由已升级的进程接着处理。"
            " The state was written by a newer version: upgrade this process, too. Nothing was committed; upgraded workers go on with it."
        ) from error
