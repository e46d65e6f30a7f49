"""Topics on the broker, created and checked against :mod:`ops.topic_layout`.

What is wrong on an existing topic is put right where that loses nothing (too short a retention, a cleanup policy, a message size),
and told. A retention longer than the settings is left: shortening deletes, and that is for a person to do. Partitions are never changed:
keys would move.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark what it exports
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from ops.connect import Admin
from ops.topic_layout import ENFORCED, FOREVER_MS, RETENTION, WantedTopic, wanted_topics
from streams.errors import ConfigurationError, DependencyError, NotAllowed, TopologyError
from streams.runtime.clients import answered
from streams.settings import Settings

_REQUEST_SECONDS = 30.0
_SIGHT_SECONDS = 5.0
_OF_SETTINGS = frozenset(
    {
        KafkaError.TOPIC_EXCEPTION,  # INVALID_TOPIC_EXCEPTION: a name that is not legal, or one like another's but for ``.`` and ``_``
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_CONFIG,
        KafkaError.POLICY_VIOLATION,
    }
)
"""Refusals that come again at every try, until a setting is another."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing about a topic on the broker that is not as wanted.

    Parameters
    ----------
    setting
        ``topic`` (it is missing), ``partitions``, or the name of the topic's configuration.
    harmless
        Kept longer than asked for: told, never changed.
    """

    topic: str
    setting: str
    found: str
    wanted: str
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} = {self.found or '-'}，应为 should be {self.wanted}"


@dataclass(frozen=True, slots=True)
class TopicChanges:
    """What :func:`ensure_topics` did: names created, deviations corrected, deviations left as they are harmless."""

    created: tuple[str, ...]
    corrected: tuple[Deviation, ...]
    left: tuple[Deviation, ...]


def deviations(settings: Settings, admin: Admin | None = None) -> list[Deviation]:
    """Compare the broker's topics with the settings, changing nothing.

    Raises
    ------
    DependencyError
        Kafka cannot be reached.
    """
    admin = admin or Admin(settings)
    there = admin.metadata().topics
    found: list[Deviation] = []
    existing = []
    for topic in wanted_topics(settings):
        if topic.name not in there:
            found.append(Deviation(topic.name, "topic", "", "存在且看得到 there, and to be seen"))
            continue
        existing.append(topic)
        count = len(there[topic.name].partitions)
        if count != topic.partitions:
            found.append(Deviation(topic.name, "partitions", str(count), str(topic.partitions)))
    for topic, current in zip(existing, _current_configs(admin, existing), strict=True):
        for setting, wanted in topic.config.items():
            if setting in ENFORCED and current[setting] != wanted:
                found.append(Deviation(topic.name, setting, current[setting], wanted, _keeps_more(setting, current[setting], wanted)))
    return found


def lacking_replicas(settings: Settings, admin: Admin) -> int:
    """How many partitions of ours have fewer replicas in sync than they should: one failure more may stop them, or cost what they hold.

    Raises
    ------
    DependencyError
        Kafka cannot be reached.
    """
    there, least = admin.metadata().topics, settings.kafka.replication
    ours = (there[topic.name] for topic in wanted_topics(settings) if topic.name in there)
    return sum(len(part.isrs) < max(len(part.replicas), least) for topic in ours for part in topic.partitions.values())


def ensure_topics(settings: Settings, *, timeout_seconds: float = 60.0) -> TopicChanges:
    """Create what is missing, check what exists. Any number of processes may do this at once, any number of times.

    Raises
    ------
    TopologyError
        A topic has another number of partitions than the settings say. Nothing has been changed then.
    ConfigurationError
        Kafka refuses what the settings ask for.
    DependencyError
        Kafka cannot be reached, has too few brokers yet, refuses for another reason, lets a topic not be seen, or new topics get no
        leader in time.
    """
    admin = Admin(settings)
    found = deviations(settings, admin)
    if wrong := [deviation for deviation in found if deviation.setting == "partitions"]:
        raise TopologyError(_partitions_message(wrong))
    missing = {deviation.topic for deviation in found if deviation.setting == "topic"}
    created = _create(admin, [topic for topic in wanted_topics(settings) if topic.name in missing], settings)
    if unseen := missing - set(created):  # another process was faster: what it made is checked like anything else
        _await_sight(admin, unseen)
        return ensure_topics(settings, timeout_seconds=timeout_seconds)
    corrected = [deviation for deviation in found if deviation.setting != "topic" and not deviation.harmless]
    _correct(admin, corrected, settings)
    _await_leaders(admin, missing, timeout_seconds)
    return TopicChanges(tuple(created), tuple(corrected), tuple(deviation for deviation in found if deviation.harmless))


def _keeps_more(setting: str, found: str, wanted: str) -> bool:
    if setting == "max.message.bytes":
        return int(found) > int(wanted)
    return setting == RETENTION and (int(found) == FOREVER_MS or (int(wanted) != FOREVER_MS and int(found) > int(wanted)))


def _current_configs(admin: Admin, topics: list[WantedTopic]) -> list[dict[str, str]]:
    if not topics:
        return []
    asked = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics]
    answers = admin.client.describe_configs(asked, request_timeout=_REQUEST_SECONDS)
    return [_values(admin, resource.name, answers[resource]) for resource in asked]


def _values(admin: Admin, name: str, answer: Any) -> dict[str, str]:
    try:
        return {setting: entry.value for setting, entry in answered(answer, _REQUEST_SECONDS).items()}
    except KafkaException as error:
        raise admin.failure(error, name) from error


def _create(admin: Admin, topics: list[WantedTopic], settings: Settings) -> list[str]:
    if not topics:
        return []
    replication = settings.kafka.replication or -1  # -1: the broker's default
    new = [NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication, config=dict(t.config)) for t in topics]
    created = []
    for name, answer in admin.client.create_topics(new, request_timeout=_REQUEST_SECONDS).items():
        try:
            answered(answer, _REQUEST_SECONDS)
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise _refused(f"主题 {name} 无法创建 cannot be created", error.args[0], settings) from error
    return created


def _correct(admin: Admin, wrong: list[Deviation], settings: Settings) -> None:
    changes: dict[str, list[ConfigEntry]] = {}
    for deviation in wrong:
        entry = ConfigEntry(deviation.setting, deviation.wanted, incremental_operation=AlterConfigOpType.SET)
        changes.setdefault(deviation.topic, []).append(entry)
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries) for topic, entries in changes.items()]
    if not resources:
        return
    for resource, answer in admin.client.incremental_alter_configs(resources, request_timeout=_REQUEST_SECONDS).items():
        try:
            answered(answer, _REQUEST_SECONDS)
        except KafkaException as error:
            raise _refused(f"主题 {resource.name} 的设置无法更正 cannot be corrected", error.args[0], settings) from error


def _refused(what: str, error: KafkaError, settings: Settings) -> ConfigurationError | DependencyError:
    """Whose a refusal is, in the broker's words: a setting's where trying again is in vain, else Kafka's.

    More replicas than brokers are in vain on the local broker, which stays alone. A cluster that is being started refuses them, too, until
    enough of its brokers have come, and how many there will be cannot be told from here: ``kafka.bootstrap_servers`` may name one of many.
    There it must not end ``up`` for good.
    """
    told = f"{what}: {error.str()}"
    if error.code() == KafkaError.INVALID_REPLICATION_FACTOR:
        told += f"（kafka.replication = {settings.kafka.replication}）"
        if settings.kafka.bootstrap_servers:
            return DependencyError(f"{told} 集群的 broker 也许尚未到齐 brokers of the cluster may still be to come")
        return ConfigurationError(f"{told} 本机只有一个 broker the local broker is the only one")
    return ConfigurationError(told) if error.code() in _OF_SETTINGS else DependencyError(told)


def _await_sight(admin: Admin, names: set[str]) -> None:
    """Wait until topics that the broker says are there can be seen."""
    give_up = time.monotonic() + _SIGHT_SECONDS
    while hidden := names - admin.metadata().topics.keys():
        if time.monotonic() > give_up:
            told = ", ".join(sorted(hidden))
            raise NotAllowed(f"主题已存在，却无权看到 topics are there and may not be seen: {told}（guidang rights）")
        time.sleep(0.1)


def _await_leaders(admin: Admin, names: set[str], timeout_seconds: float) -> None:
    """Wait until every partition of new topics can be written and read: a client that meets one without a leader may give up."""
    give_up = time.monotonic() + timeout_seconds
    while True:
        there = admin.metadata().topics
        waiting = [name for name in names if name not in there or any(p.leader < 0 for p in there[name].partitions.values())]
        if not waiting:
            return
        if time.monotonic() > give_up:
            raise DependencyError(f"主题没有 leader topics without a leader after {timeout_seconds:.0f} s: {', '.join(sorted(waiting))}")
        time.sleep(0.05)


def _partitions_message(wrong: list[Deviation]) -> str:
    lines = [
        f"  {d.topic}: 现有 {d.found} 个分区，设置为 {d.wanted} 个 has {d.found} partitions, the settings say {d.wanted}" for d in wrong
    ]
    return "\n".join(
        [
            "主题的分区数与设置不符；分区数一变，同一办件的记录就会落到不同分区。 Partition counts differ from the settings:",
            *lines,
            (
                f"办法：把 kafka.partitions 设回 {wrong[0].found}；"
                "确要改变时，另取 kafka.topic_prefix、application 与 clickhouse.database，再用 guidang replay 把输入送过去。"
            ),
            (
                f"Way out: set kafka.partitions back to {wrong[0].found}; or choose a new kafka.topic_prefix, application and"
                " clickhouse.database, and guidang replay the inputs into it."
            ),
        ]
    )
