"""Several real brokers on this machine: one cluster, each its own process with its own folder and its own vote."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark what it exports
    AdminClient,
    ClusterMetadata,
    ConfigResource,
)

from ops.kafka import LocalBroker, make_cluster_id
from ops.ports import LOOPBACK
from tests.nemesis.cluster import distinct_ports

NODES = (1, 2, 3)
QUORUM = {
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
    "unclean.leader.election.enable": "false",
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": 3,
    "share.coordinator.state.topic.min.isr": 2,
}
_SMALL = ("-Xms128m", "-Xmx256m")
_WAIT_SECONDS = 90.0
_LOOK_SECONDS = 0.3


class KafkaCluster:
    """Three brokers that are controllers too, running between ``with`` and its end.

    All is called by the thread that made it, the one that has to live as long as the brokers (:meth:`ops.kafka.LocalBroker.launch`).
    """

    def __init__(self, folder: Path) -> None:
        ports = distinct_ports(2 * len(NODES))
        listens = dict(zip(NODES, zip(ports[::2], ports[1::2], strict=True), strict=True))
        voters = ",".join(f"{node}@{LOOPBACK}:{controller}" for node, (_, controller) in listens.items())
        identity = make_cluster_id()
        self.brokers = {
            node: LocalBroker(
                folder / f"kafka-{node}",
                port,
                overrides={
                    **QUORUM,
                    "node.id": node,
                    "controller.quorum.voters": voters,
                    "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
                },
                cluster_id=identity,
                java_options=_SMALL,
            )
            for node, (port, controller) in listens.items()
        }
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers.values())
        self._down: set[int] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start all of them at once: none serves before most of them run."""
        with ExitStack() as stack:
            for broker in self.brokers.values():
                stack.callback(broker.kill)
                broker.launch()
            for broker in self.brokers.values():
                broker.await_serving()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill(self, node: int) -> None:
        """SIGKILL a broker, and wait until others lead what it led."""
        self.brokers[node].kill()
        self._down.add(node)
        self._until(lambda seen: self._down.isdisjoint(_leaders(seen)), f"broker {node} still leads")

    def start(self, node: int) -> None:
        """Start a broker again, and wait until every replica of every topic is in sync."""
        self.brokers[node].start()
        self._down.discard(node)
        self._until(_whole, "not every replica is in sync")

    def controller(self) -> int:
        """The broker that leads the quorum now, as the others have written down."""
        states = (self.brokers[node].data_dir / "data/__cluster_metadata-0/quorum-state" for node in NODES if node not in self._down)
        votes = [json.loads(path.read_text()) for path in states]
        return int(max(votes, key=lambda vote: (vote["leaderEpoch"], vote["leaderId"]))["leaderId"])

    def coordinator(self, group: str) -> int:
        """The broker that coordinates a consumer group."""
        admin = self._admin()
        (answer,) = admin.describe_consumer_groups([group], request_timeout=10).values()
        return int(answer.result().coordinator.id)

    def leaders(self, topic: str) -> set[int]:
        """The brokers that lead partitions of a topic."""
        return {partition.leader for partition in self.topics()[topic].partitions.values()}

    def settings(self, topic: str) -> dict[str, str]:
        """How a topic is set on the brokers."""
        admin = self._admin()
        (answer,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)], request_timeout=10).values()
        return {name: entry.value for name, entry in answer.result().items()}

    def topics(self) -> dict[str, Any]:
        """Every topic, Kafka's own among them, by name."""
        return self._admin().list_topics(timeout=10).topics

    def _admin(self) -> AdminClient:
        """A new one for each question: it may wait past its time for a coordinator that is gone. To be kept until it has answered."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def _until(self, holds: Callable[[ClusterMetadata], bool], otherwise: str) -> None:
        give_up = time.monotonic() + _WAIT_SECONDS
        while not holds(self._admin().list_topics(timeout=10)):
            assert time.monotonic() < give_up, otherwise
            time.sleep(_LOOK_SECONDS)


def _leaders(seen: ClusterMetadata) -> set[int]:
    """Who leads anything; -1 for a partition without a leader is as bad as one that leads no longer."""
    return {partition.leader for topic in seen.topics.values() for partition in topic.partitions.values()}


def _whole(seen: ClusterMetadata) -> bool:
    return all(set(p.isrs) == set(p.replicas) == set(NODES) for topic in seen.topics.values() for p in topic.partitions.values())
