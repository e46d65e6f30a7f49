"""Topics of the bench's own broker, made for a run and removed behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # the package does not mark what it exports

from streams.errors import DependencyError
from streams.runtime.clients import extent

_REQUEST_SECONDS = 30
_LOOK_SECONDS = 0.05

logger = logging.getLogger(__name__)


def create(bootstrap: str, topics: Mapping[str, Mapping[str, str]], partitions: int) -> None:
    """Create topics, each with its configuration.

    Raises
    ------
    DependencyError
        The broker does not.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    wanted = [NewTopic(name, partitions, 1, config=dict(config)) for name, config in topics.items()]
    try:
        for created in admin.create_topics(wanted).values():
            created.result(_REQUEST_SECONDS)
    except KafkaException as error:
        raise DependencyError(f"主题建不了 topics cannot be created: {error.args[0].str()}") from error


def remove(bootstrap: str, names: Collection[str] = (), *, part: str = "", seconds: float = _REQUEST_SECONDS) -> None:
    """Delete topics of these names, and all with ``part`` in theirs; return once the broker has forgotten them.

    Parameters
    ----------
    seconds
        Bound of each question, and of the forgetting.

    Raises
    ------
    DependencyError
        The broker does not.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})

    def there() -> list[str]:
        return [name for name in admin.list_topics(timeout=seconds).topics if name in names or (part and part in name)]

    try:
        if found := there():
            for deleted in admin.delete_topics(found, operation_timeout=seconds).values():
                deleted.result(seconds)
        give_up = time.monotonic() + seconds
        while there():
            if time.monotonic() > give_up:
                raise DependencyError(f"主题删不掉 topics stay: {', '.join(there())}")
            time.sleep(_LOOK_SECONDS)
    except KafkaException as error:
        raise DependencyError(f"主题删不了 topics cannot be deleted: {error.args[0].str()}") from error


def tidy(bootstrap: str, part: str, *, seconds: float = _REQUEST_SECONDS) -> None:
    """Delete the topics of a run, as :func:`remove`: what stays is told, and no reason to lose what was measured."""
    try:
        remove(bootstrap, part=part, seconds=seconds)
    except DependencyError as error:
        logger.warning("%s", error)


def ends(bootstrap: str, chosen: Callable[[str], bool]) -> dict[tuple[str, int], int]:
    """Where the partitions of the chosen topics end: as many records were ever written to them, those of control included."""
    plain = {"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False, "log_level": 3}
    consumer = Consumer(plain | {"isolation.level": "read_uncommitted"})
    try:
        topics = consumer.list_topics(timeout=_REQUEST_SECONDS).topics
        places = [(name, number) for name in topics if chosen(name) for number in topics[name].partitions]
        return {place: extent(consumer, *place, _REQUEST_SECONDS)[1] for place in places}
    finally:
        consumer.close()
