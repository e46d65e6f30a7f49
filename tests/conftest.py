"""One real broker for the whole run; tests keep apart by topic prefix."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ops.kafka import LocalBroker
from ops.ports import free_port

__all__ = ["Kafka", "free_port"]


@dataclass(frozen=True)
class Kafka:
    """The shared broker: leave it running, and name topics, groups and transactional ids behind ``topic_prefix``."""

    bootstrap: str
    broker: LocalBroker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real Apache Kafka, started on first use, ended with the session (by the kernel, should the session be killed)."""
    broker = LocalBroker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield Kafka(bootstrap=broker.bootstrap, broker=broker)
    broker.stop()


@pytest.fixture
def topic_prefix() -> str:
    """Prefix that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}-"
