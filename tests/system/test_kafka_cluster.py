"""The whole system on a Kafka of three brokers, as in production: any one of them may die."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ops.topic_layout import wanted_topics
from streams.settings import Settings
from tests.kafka_cluster import NODES, KafkaCluster
from tests.system.cases import expected_statuses, make_cases
from tests.system.conftest import System, started
from tests.system.test_system import DEADLINE_72H, agree, publish_all, statuses

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

CASES, ALL_CASES = 2_400, 2_800
BACK_SECONDS = 60
INPUTS = ("case-closed", "archive-received")
ROLES = {"controller", "coordinator of the workers", "coordinator of the sink", "coordinator of transactions", "leader of inputs"}


def roles(cluster: KafkaCluster, node: int) -> set[str]:
    """What hangs on a broker now. Each partition of ``__transaction_state`` belongs to one of the eight transactional ids."""
    holders = {
        "controller": {cluster.controller()},
        "coordinator of the workers": {cluster.coordinator("guidang")},
        "coordinator of the sink": {cluster.coordinator("guidang-sink")},
        "coordinator of transactions": cluster.leaders("__transaction_state"),
        "leader of inputs": {leader for topic in INPUTS for leader in cluster.leaders(topic)},
    }
    return {role for role, nodes in holders.items() if node in nodes}


def in_turn(cluster: KafkaCluster) -> list[int]:
    """All brokers: the controller and the coordinators first, as each death moves what hung on the dead."""
    return list(dict.fromkeys((cluster.controller(), cluster.coordinator("guidang"), cluster.coordinator("guidang-sink"), *NODES)))


def back(system: System) -> None:
    """All that was published goes the whole way within a minute."""
    system.run("wait", "--caught-up", "--timeout", str(BACK_SECONDS))


def test_any_broker_of_three_may_die_under_load_and_one_may_stay_away(tmp_path: Path) -> None:
    """SIGKILL of each in turn: all is back within a minute, nothing is lost, doubled or judged otherwise; two go on without the third."""
    with (
        KafkaCluster(tmp_path) as cluster,
        started(
            tmp_path, 2, **DEADLINE_72H, GUIDANG_KAFKA__BOOTSTRAP_SERVERS=cluster.bootstrap, GUIDANG_KAFKA__REPLICATION=str(len(NODES))
        ) as system,
    ):
        topics = cluster.topics()
        for topic in wanted_topics(Settings()):
            assert {len(partition.replicas) for partition in topics[topic.name].partitions.values()} == {len(NODES)}, topic.name
            assert cluster.settings(topic.name)["min.insync.replicas"] == "2", topic.name

        closings, archives = make_cases(CASES)
        hit: set[str] = set()
        for turn, node in enumerate(in_turn(cluster)):
            parts = [events[turn + len(NODES) * half :: len(NODES) * 2] for half in (0, 1) for events in (archives, closings)]
            publisher = threading.Thread(target=publish_all, args=(system, parts))
            publisher.start()
            time.sleep(2.0)  # until the first part is being sent
            held = roles(cluster, node)
            hit |= held
            killed = time.monotonic()
            cluster.kill(node)
            moved = time.monotonic()
            cluster.start(node)
            whole = time.monotonic()
            publisher.join()
            back(system)
            print(
                f"\nbroker {node} ({', '.join(sorted(held))}): {moved - killed:.0f} s until others led, {whole - moved:.0f} s until"
                f" all replicas were in sync, {time.monotonic() - whole:.0f} s until caught up"
            )
        assert hit == ROLES
        assert statuses(system) == expected_statuses(CASES)

        cluster.kill(NODES[-1])
        more = [[event for event in events if event["case_no"] >= f"case-{CASES:06d}"] for events in make_cases(ALL_CASES)]
        publish_all(system, more)
        back(system)
        assert statuses(system) == expected_statuses(ALL_CASES)
        agree(system)
        checks = system.json("doctor")["checks"]
        assert any(check["check"] == "topics" and check["state"] == "warn" and "in sync" in check["found"] for check in checks)
