"""Who has which partitions, as the coordinator of a group knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_REQUEST_SECONDS = 30

Owners = dict[tuple[str, int], str]
"""Topic and partition to the instance (``group.instance.id``) that has it."""


def watch_owners(bootstrap: str, group: str) -> Callable[[], Owners]:
    """Ask who has what now; while partitions change hands some are nobody's."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})

    def ask() -> Owners:
        try:
            found: Any = admin.describe_consumer_groups([group], request_timeout=_REQUEST_SECONDS)[group].result()
        except KafkaException:  # its coordinator moves while a new group is made; the next look tells
            return {}
        return {
            (place.topic, place.partition): member.group_instance_id or member.member_id
            for member in found.members
            if member.assignment is not None
            for place in member.assignment.topic_partitions
        }

    return ask


def changed_hands(before: Owners, now: Owners) -> bool:
    """Whether all that had an owner have one, and some of them another."""
    return before.keys() <= now.keys() and any(now[place] != owner for place, owner in before.items())
