"""What must be true of the topics before the group is joined. Faust says "Worker ready" with no partitions otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import DependencyError, TopologyError
from streams.runtime.clients import common, refusal
from streams.runtime.job import Job


def check_topology(kafka: Mapping[str, str], job: Job, partitions: int | None, timeout_s: float) -> dict[str, str]:
    """Check that every topic of a job exists and that all have the same number of partitions, ``partitions`` if it is given.

    Returns
    -------
    dict
        Changelog topic to its topic id.

    Raises
    ------
    TopologyError
        With the way out.
    DependencyError
        The broker does not answer.
    """
    changelogs = tuple(job.tables.values())
    wanted = tuple(dict.fromkeys((*job.inputs, *changelogs, *job.outputs)))
    admin = AdminClient(common(kafka))
    try:
        found = admin.list_topics(timeout=timeout_s).topics
        counts = {topic: len(found[topic].partitions) for topic in wanted if topic in found}
        check_counts(wanted, counts, partitions)
        described = admin.describe_topics(TopicCollection(list(changelogs)), request_timeout=timeout_s)
        return {topic: str(answer.result(timeout_s).topic_id) for topic, answer in described.items()}
    except KafkaException as exc:
        if refused := refusal("主题 topics", exc):
            raise refused from exc
        error = exc.args[0]
        raise DependencyError(f"Kafka at {kafka.get('bootstrap.servers')}: {error.name()}: {error.str()}") from exc


def check_counts(wanted: Iterable[str], counts: Mapping[str, int], partitions: int | None = None) -> None:
    """Raise :class:`TopologyError` unless all wanted topics are there with one partition count, and that is the one expected."""
    missing = [topic for topic in wanted if topic not in counts]
    if missing:
        raise TopologyError(f"topics missing: {', '.join(missing)}. Create them before starting a worker")
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
