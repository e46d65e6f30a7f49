"""One real broker for the whole run; tests keep apart by topic prefix."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from ops.kafka import LocalBroker
from ops.ports import free_port
from tests.java import start_quickly

__all__ = ["Kafka", "free_port"]

start_quickly()


class _Scheduling(LoadFileScheduling):
    """The tests of a file share servers and stay together; each test of a whole system has its own, and goes wherever there is room."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith("tests/system/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Used where tests run side by side (``make test``)."""
    return _Scheduling(config, log)


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
