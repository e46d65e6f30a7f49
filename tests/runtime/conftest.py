"""Fixtures of the engine's tests: a fresh set of topics per test, and no process left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.runtime.harness import Pairs


@pytest.fixture
def pairs(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pairs]:
    """Topics of the test job on the shared broker; every worker started through them ends with the test."""
    made = Pairs(kafka.bootstrap, topic_prefix, tmp_path)
    made.create()
    yield made
    for worker in made.workers:
        worker.kill()
