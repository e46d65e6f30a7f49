"""Fixtures of the engine's tests: a fresh set of topics per test, and no process left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.runtime.harness import Pairs


@pytest.fixture
def make_pairs(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[Callable[[], Pairs]]:
    """Makes topics of the test job on the shared broker; every worker started through them ends with the test."""
    made: list[Pairs] = []

    def make() -> Pairs:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Pairs(kafka.bootstrap, f"{topic_prefix}{len(made)}", folder))
        made[-1].create()
        return made[-1]

    yield make
    for worker in (worker for pairs in made for worker in pairs.workers):
        worker.kill()


@pytest.fixture
def pairs(make_pairs: Callable[[], Pairs]) -> Pairs:
    """Topics of the test job on the shared broker."""
    return make_pairs()
