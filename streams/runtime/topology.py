"""What must be true of the topics before the group is joined. Faust says "Worker ready" with no partitions otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import DependencyError, TopologyError
from streams.runtime.clients import common
from streams.runtime.job import Job


def check_topology(kafka: Mapping[str, str], job: Job, timeout_s: float) -> dict[str, str]:
    """Check that every topic of a job exists and that all have the same number of partitions.

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
        check_counts(wanted, counts)
        described = admin.describe_topics(TopicCollection(list(changelogs)), request_timeout=timeout_s)
        return {topic: str(answer.result(timeout_s).topic_id) for topic, answer in described.items()}
    except KafkaException as exc:
        error = exc.args[0]
        raise DependencyError(f"Kafka at {kafka.get('bootstrap.servers')}: {error.name()}: {error.str()}") from exc


def check_counts(wanted: Iterable[str], counts: Mapping[str, int]) -> None:
    """Raise :class:`TopologyError` unless all wanted topics are there with one partition count."""
    missing = [topic for topic in wanted if topic not in counts]
    if missing:
        raise TopologyError(f"topics missing: {', '.join(missing)}. Create them before starting a worker")
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic} {count}" for topic, count in counts.items())
        raise TopologyError(
            f"all topics of a job need the same number of partitions, found: {listed}. Partitions cannot be taken away, and "
            "adding some sends keys elsewhere: create the topics anew under another prefix and copy the inputs over"
        )
