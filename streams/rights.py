"""What each process may do in Kafka, and no more: the data behind ``guidang rights``, the tables of docs/security.md and the tests.

What another right implies is not named: READ and WRITE imply DESCRIBE, and ALTER_CONFIGS implies DESCRIBE_CONFIGS (``StandardAuthorizer``).
Whoever produces idempotently needs no right of the cluster since Kafka 2.8 (KIP-679).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, Literal

from streams.contracts import (
    ANOMALY_QUALITY,
    ANOMALY_TOPICS,
    ANOMALY_UNARCHIVED,
    ARCHIVE_RECEIVED,
    ARCHIVING_SCHEDULE,
    CASE_INPUTS,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    FEED_HEARTBEAT,
    INTERNAL,
    ITEM_REGISTRY,
    ITEM_STATE,
    JOB_INPUTS,
    MODULE_CONFIG,
    OUTPUTS,
    REFERENCE_INPUTS,
    SUNK,
    WAIVER,
    topic_names,
)
from streams.runtime.clients import transactional_id
from streams.settings import Settings

Resource = Literal["topic", "group", "transactional-id"]
Operation = Literal["READ", "WRITE", "DESCRIBE", "CREATE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"]
CHANGELOGS: Final = (CASE_STATE, ITEM_STATE, COVERAGE_PARTIAL)
_IMPLIED_BY: Final[Mapping[Operation, tuple[Operation, ...]]] = MappingProxyType(
    {"DESCRIBE": ("READ", "WRITE"), "DESCRIBE_CONFIGS": ("ALTER_CONFIGS",)}
)
SENT: Final = (*CASE_INPUTS, *REFERENCE_INPUTS)
"""What business systems and people send."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that may be done: an access control list has a line for it, ``ALLOW`` from any host, pattern ``LITERAL``.

    Parameters
    ----------
    name
        As it is on the broker.
    """

    resource: Resource
    name: str
    operation: Operation

    def __str__(self) -> str:
        return f"{self.operation} {self.resource} {self.name}"


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of process, or commands that need the same.

    Parameters
    ----------
    commands
        As they are typed, without ``guidang``.
    zh, en
        What it may do.
    """

    commands: tuple[str, ...]
    zh: str
    en: str
    rights: Callable[[Settings], Iterable[Right]]


def rights_of(process: str, settings: Settings) -> tuple[Right, ...]:
    """Everything that a process needs under these settings, in order, each once."""
    return tuple(sorted(without_implied(PROCESSES[process].rights(settings))))


def without_implied(rights: Iterable[Right]) -> set[Right]:
    """Leave out what is there with another right."""
    rights = set(rights)
    return {
        each
        for each in rights
        if not any(Right(each.resource, each.name, greater) in rights for greater in _IMPLIED_BY.get(each.operation, ()))
    }


def group_of_sink(settings: Settings) -> str:
    """Consumer group of the sink: its committed offsets say what is in ClickHouse."""
    return f"{settings.application}-sink"


def redrive_id(settings: Settings) -> str:
    """Transactional id of ``dlq redrive``."""
    return f"{settings.application}-redrive"


def _topics(settings: Settings, operation: Operation, names: Iterable[str]) -> Iterator[Right]:
    return (Right("topic", settings.topic(name), operation) for name in names)


def _read(settings: Settings, *names: str) -> Iterator[Right]:
    """Read topics whole, in the group that is named and never joined."""
    yield from _topics(settings, "READ", names)
    yield Right("group", f"{settings.application}-reader", "DESCRIBE")


def _send(settings: Settings, *names: str) -> Iterator[Right]:
    """Publish, and ask first how large a record may be: who may not ask takes Kafka's default of 1 MB for it."""
    return chain(_topics(settings, "WRITE", names), _topics(settings, "DESCRIBE_CONFIGS", names))


def _look(settings: Settings) -> Iterator[Right]:
    """See how far everything has come."""
    yield from _topics(settings, "DESCRIBE", (*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS))
    yield Right("group", settings.application, "DESCRIBE")
    yield Right("group", group_of_sink(settings), "DESCRIBE")


def _lag(settings: Settings) -> Iterator[Right]:
    """And how old the first record is that lies behind; of what workers read in their group, the watermark says it."""
    yield from _look(settings)
    yield from _topics(settings, "READ", (*REFERENCE_INPUTS, *OUTPUTS))
    yield Right("group", f"{settings.application}-lag", "DESCRIBE")


def _worker(settings: Settings) -> Iterator[Right]:
    yield from _topics(settings, "READ", (*JOB_INPUTS, *REFERENCE_INPUTS, *CHANGELOGS))
    yield from _topics(settings, "WRITE", (*OUTPUTS, *INTERNAL))
    yield Right("group", settings.application, "READ")
    for partition in range(settings.kafka.partitions):
        yield Right("transactional-id", transactional_id(settings.application, partition), "WRITE")


def _sink(settings: Settings) -> Iterator[Right]:
    yield from _topics(settings, "READ", SUNK)
    yield Right("group", group_of_sink(settings), "READ")


def _monitor(settings: Settings) -> Iterator[Right]:
    yield from _lag(settings)
    yield from _read(settings, FEED_HEARTBEAT)
    if settings.canary.every:
        yield from _send(settings, ARCHIVE_RECEIVED)


def _explain(settings: Settings) -> Iterator[Right]:
    return _read(settings, *CASE_INPUTS, CASE_STATE, ANOMALY_UNARCHIVED, ANOMALY_QUALITY, DEAD_LETTER)


def _as_of(settings: Settings) -> Iterator[Right]:
    return chain(_look(settings), _read(settings, *REFERENCE_INPUTS, CASE_STATE))


def _reconcile(settings: Settings) -> Iterator[Right]:
    return chain(_look(settings), _read(settings, *SENT, CASE_STATE, ITEM_STATE, COVERAGE_PARTIAL, *ANOMALY_TOPICS, DEAD_LETTER))


def _letters(settings: Settings) -> Iterator[Right]:
    return _read(settings, DEAD_LETTER, *SENT, CASE_STATE)


def _check_topics(settings: Settings) -> Iterator[Right]:
    yield from _topics(settings, "DESCRIBE", topic_names())
    yield from _topics(settings, "DESCRIBE_CONFIGS", topic_names())


def _make_topics(settings: Settings) -> Iterator[Right]:
    yield from _check_topics(settings)
    yield from _topics(settings, "CREATE", topic_names())
    yield from _topics(settings, "ALTER_CONFIGS", topic_names())


def _redrive(settings: Settings) -> Iterator[Right]:
    yield from _letters(settings)
    yield from _topics(settings, "WRITE", SENT)
    yield Right("transactional-id", redrive_id(settings), "WRITE")


def _import(settings: Settings) -> Iterator[Right]:
    names = (ITEM_REGISTRY, ARCHIVING_SCHEDULE, MODULE_CONFIG)
    return chain(_read(settings, *names), _send(settings, *names))


def _replay(settings: Settings) -> Iterator[Right]:
    yield from _read(settings, *SENT)
    yield Right("group", f"{settings.application}-replay", "READ")


PROCESSES: Final[Mapping[str, Process]] = MappingProxyType(
    {
        "worker": Process(("worker",), "读输入与变更日志，写输出", "reads inputs and changelogs, writes outputs", _worker),
        "sink": Process(("sink",), "读输出与单位的登记", "reads outputs and the registry of units", _sink),
        "monitor": Process(
            ("monitor",), "看进度，读心跳；设了探针则发探针", "sees progress, reads heartbeats; sends the canary where it is set", _monitor
        ),
        "board": Process(
            ("board",), "看进度，读一件的经过", "sees progress, reads a case's timeline", lambda s: chain(_lag(s), _explain(s))
        ),
        "status": Process(("status",), "看进度与积压", "sees progress and lag", _lag),
        "wait": Process(("wait", "report"), "看进度", "sees progress", _look),
        "as-of": Process(
            ("report --as-of", "score --as-of", "coverage --as-of"),
            "看进度，读登记与办件状态",
            "sees progress, reads registries and states of cases",
            _as_of,
        ),
        "publish": Process(
            ("publish", "simulate"),
            "写输入；只发一个主题的业务系统只给那个主题的两行",
            "writes inputs; a source that sends one topic gets the two lines of that topic",
            lambda s: _send(s, *SENT),
        ),
        "import": Process(
            ("import-items", "import-schedule", "import-config"), "读写三个登记主题", "reads and writes the three registries", _import
        ),
        "waive": Process(("waive",), "读写豁免", "reads and writes waivers", lambda s: chain(_read(s, WAIVER), _send(s, WAIVER))),
        "explain": Process(("explain",), "读一件的经过", "reads a case's timeline", _explain),
        "reconcile": Process(("reconcile",), "等追平，读输入与输出", "waits, reads inputs and outputs", _reconcile),
        "dlq": Process(("dlq list", "dlq show"), "读死信与它们的来源", "reads dead letters and where they came from", _letters),
        "redrive": Process(("dlq redrive",), "读死信，写回来源", "reads dead letters, writes them back", _redrive),
        "replay": Process(
            ("replay",),
            "读输入，记下进度；目标系统上另要 topics 与 publish 的",
            "reads inputs, keeps its progress; in the target it needs what topics and publish do",
            _replay,
        ),
        "topics": Process(("topics", "up"), "建立、核对、更正主题", "creates, checks and corrects topics", _make_topics),
        "doctor": Process(("doctor",), "核对主题", "checks topics", _check_topics),
    }
)
"""By name. ``notify``, ``store``, ``backup``, ``restore`` and what only asks ClickHouse have no business with Kafka."""
