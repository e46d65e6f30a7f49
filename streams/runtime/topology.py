"""What must be true of the topics before the group is joined. Faust says "Worker ready" with no partitions otherwise."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import DependencyError, TopologyError
from streams.runtime.clients import answered, common, refusal
from streams.runtime.job import Job

logger = logging.getLogger(__name__)

_AGAIN_S: Final = 0.5


async def check_topology(kafka: Mapping[str, str], job: Job, partitions: int | None, timeout_s: float) -> dict[str, str]:
    """Check that every topic of a job exists and that all have the same number of partitions, ``partitions`` if it is given.

    A broker that has just started, and any but one right after a topic was made, may not know it for a moment: what is missing is asked for
    again, for ``timeout_s``.

    Returns
    -------
    dict
        Changelog topic to its topic id.

    Raises
    ------
    TopologyError
        The partitions are not as they should be; with the way out.
    DependencyError
        The broker does not answer, or some topic is still not to be seen: starting again may help.
    """
    changelogs = tuple(job.tables.values())
    wanted = tuple(dict.fromkeys((*job.inputs, *changelogs, *job.outputs)))
    admin = AdminClient(common(kafka))
    give_up = time.monotonic() + timeout_s
    told: list[str] = []
    with _kafka_errors(kafka):
        while True:
            # Each question in a call of its own: a process that is told to stop meanwhile waits for no more than one.
            counts, ids = await asyncio.to_thread(_look, admin, wanted, changelogs, timeout_s)
            missing = [topic for topic in wanted if topic not in counts]
            if not missing:
                break
            names = ", ".join(missing)
            if time.monotonic() > give_up:
                raise DependencyError(
                    f"看不到主题，或无权看到 topics that are not there, or may not be seen: {names}。"
                    "先建好主题（guidang topics），或给予权限（guidang rights），再启动。"
                    " Create them, or grant the rights, before starting a worker."
                )
            if missing != told:
                logger.warning("topics not seen, asking again for up to %.0f s: %s", timeout_s, names)
                told = missing
            await asyncio.sleep(_AGAIN_S)
    check_counts(counts, partitions)
    return ids


def check_counts(counts: Mapping[str, int], partitions: int | None = None) -> None:
    """Raise :class:`TopologyError` unless all topics have one partition count, and that is the one expected."""
    if len(found := set(counts.values())) > 1 or (partitions is not None and found != {partitions}):
        listed = ", ".join(f"{topic} {count}" for topic, count in counts.items())
        expected = "" if partitions is None else f"{partitions} (kafka.partitions), "
        raise TopologyError(
            f"主题的分区数不符 all topics of a job need the same number of partitions: {expected}found {listed}。"
            "分区一变，同一办件的记录会落到不同分区：另取 kafka.topic_prefix、application 与"
            " clickhouse.database，用 guidang replay 把输入送过去。"
            " Partitions cannot be taken away, and adding some sends keys elsewhere: take another kafka.topic_prefix, application and"
            " clickhouse.database, and guidang replay the inputs into it."
        )


def _look(admin: Any, wanted: Sequence[str], changelogs: Sequence[str], timeout_s: float) -> tuple[dict[str, int], dict[str, str]]:
    """Partition counts of the topics that can be seen, and ids of the changelogs once all can."""
    there = admin.list_topics(timeout=timeout_s).topics
    counts = {topic: len(there[topic].partitions) for topic in wanted if topic in there and there[topic].error is None}
    if len(counts) < len(wanted):
        return counts, {}
    ids: dict[str, str] = {}
    for topic, answer in admin.describe_topics(TopicCollection(list(changelogs)), request_timeout=timeout_s).items():
        try:
            ids[topic] = str(answered(answer, timeout_s).topic_id)
        except KafkaException as exc:
            # Another broker may be asked than for the list.
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            del counts[topic]
    return counts, ids


@contextmanager
def _kafka_errors(kafka: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except KafkaException as exc:
        if refused := refusal("主题 topics", exc):
            raise refused from exc
        error = exc.args[0]
        raise DependencyError(f"Kafka at {kafka.get('bootstrap.servers')}: {error.name()}: {error.str()}") from exc
