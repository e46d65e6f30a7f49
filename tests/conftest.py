"""One real broker for the whole run; tests keep apart by topic prefix."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from ops.kafka import LocalBroker
from ops.ports import free_port
from tests.java import start_quickly

__all__ = ["Kafka", "free_port"]

start_quickly()
# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


_LONGEST_FIRST = ("system", "security", "simulation", "simulate", "runtime", "ops", "consumers")
_OF_ONE_SYSTEM = ("tests/system/test_in_turn.py", "tests/system/test_reconcile.py")


class _Scheduling(LoadFileScheduling):
    """The tests of a file share servers and stay together; those of whole systems have one each and go wherever there is room.

    But those of a file that shares one system, or each of the workers would start it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file.startswith("tests/system/") and file not in _OF_ONE_SYSTEM else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, or it is what everybody waits for at the end; a stable sort: files stay in one piece."""
    places = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.parent.name, len(places)))


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
