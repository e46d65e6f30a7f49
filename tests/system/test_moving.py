"""A system kept, brought back elsewhere, and moved to a Kafka of its own: the figures are the same each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from ops.kafka import LocalBroker
from ops.reading import read_topic
from ops.replay import TOPICS
from streams.settings import Settings
from tests.system.cases import expected_statuses, make_cases
from tests.system.conftest import System, running_under
from tests.system.test_bad_input import topics_of
from tests.system.test_system import DEADLINE_72H, agree, statuses

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

CASES = 160
EVER = "2000-01-01..2030-12-31"


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Makes systems, each in a folder of its own, that are stopped when the test ends."""
    with ExitStack() as stack:

        def make(name: str, **settings: str) -> System:
            (tmp_path / name).mkdir()
            system = System(tmp_path / name, **DEADLINE_72H, **settings)
            stack.callback(system.down)
            return system

        yield make
    assert not [command for path in tmp_path.iterdir() for command in running_under(path)]


def figures(system: System) -> tuple[Any, ...]:
    """What people are shown: coverage of every unit, open findings by their ids (those that came and went may be skipped)."""
    findings = system.sql("SELECT anomaly_id FROM anomaly FINAL WHERE state = 'OPENED' ORDER BY 1")
    return system.json("coverage", "--by", "unit", "--window", EVER), findings, statuses(system)


def records(settings: Settings) -> Counter[tuple[Any, ...]]:
    """Every record of the input topics, with all that a sender gave it, and its partition."""
    return Counter(
        (topic, message.partition(), message.key(), message.value(), message.timestamp()[1], tuple(message.headers() or ()))
        for topic in TOPICS
        for message in read_topic(settings, topic)
    )


def test_a_backup_restored_elsewhere_and_inputs_replayed_to_a_server_give_the_same_figures(
    make_home: Callable[..., System], tmp_path: Path
) -> None:
    """One story, because each step needs what the last one left."""
    first = make_home("first")
    first.up(1)
    closings, archives = make_cases(CASES)
    first.publish("case-closed", closings)
    first.publish("archive-received", archives)
    first.caught_up()
    known = figures(first)
    assert known[1]
    assert known[2] == expected_statuses(CASES)

    kept = tmp_path / "kept"
    assert "guidang down" in first.stderr("backup", str(kept), expect=1)
    assert not kept.exists()
    first.down()
    taken = first.json("backup", str(kept))

    second = make_home("second")
    assert second.json("restore", str(kept))["bytes"] == taken["bytes"]
    assert (second.home / "title.key").read_bytes() == (first.home / "title.key").read_bytes()
    second.up(1)
    second.caught_up()
    assert figures(second) == known
    agree(second)

    broker = LocalBroker(tmp_path / "server")
    with closing(Ending(broker)):
        broker.start()
        third = make_home("third", GUIDANG_KAFKA__BOOTSTRAP_SERVERS=broker.bootstrap)
        settings = tmp_path / "server.toml"
        settings.write_text(f'data_dir = "{third.home}"\n[kafka]\nbootstrap_servers = "{broker.bootstrap}"\n', encoding="utf-8")
        sent = second.json("replay", "--to", str(settings))
        assert {row["topic"]: row["records"] for row in sent if row["records"]} == {
            "case-closed": len(closings),
            "archive-received": len(archives),
        }
        server = Settings(data_dir=third.home, kafka={"bootstrap_servers": broker.bootstrap})
        assert records(server) == records(topics_of(second))
        second.down()
        third.up(1)
        third.caught_up()
        assert figures(third) == known
        agree(third)
        third.down()


class Ending:
    """Ends a broker with its block."""

    def __init__(self, broker: LocalBroker) -> None:
        self._broker = broker

    def close(self) -> None:
        """Stop it."""
        self._broker.stop()
