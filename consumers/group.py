"""The sink's consumer group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from streams.rights import group_of_sink
from streams.settings import Settings


def consumer_properties(settings: Settings, tell: Callable[[KafkaError], None]) -> dict[str, Any]:
    """Properties of the sink's consumer.

    Offsets are committed by hand; a missing or outdated one is an error and not silently another place; ends of partitions are told.

    Membership is dynamic. A static member whose broker stays away for longer than the session forgets its member id while a commit
    still waits for the coordinator; sent without the id, that commit is taken for a second process of the same name, and librdkafka
    never recovers from such a fence. A dynamic member just joins again. The price: the partitions of a sink that was killed lie
    idle until its session has run out, so the session is the shortest a broker takes by default (``group.min.session.timeout.ms``).

    A request that nobody answers is given up after ``socket.timeout.ms``: a commit waits for its answer and its retries without any bound
    of its own, and with the default of 60 s a network that was cut for a moment held the sink for minutes.

    Parameters
    ----------
    tell
        Told of transport errors; librdkafka's own log, which repeats each attempt to connect many times a second, is off.
    """
    properties = settings.kafka_client(
        group_id=group_of_sink(settings),
        client_id="guidang-sink",
        isolation_level="read_committed",
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        enable_partition_eof=True,
        auto_offset_reset="error",
        allow_auto_create_topics=False,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        fetch_wait_max_ms=100,
        fetch_queue_backoff_ms=5,
        queued_min_messages=20_000,
        queued_max_messages_kbytes=32_768,
        reconnect_backoff_max_ms=1_000,
        socket_timeout_ms=10_000,
    )
    return {**properties, "log_level": 0, "error_cb": tell}
