"""How every topic is to be on the broker: nothing is left to the broker's defaults, because they lose data here.

- ``retention.ms``: event times are years old, and 7 days of a broker's default delete a replay of 2018 within minutes. Reference topics are
  kept for ever, whatever is set for inputs: each worker reads them whole, and judges by what is not there, too;
- ``retention.bytes`` of what is kept for ever: a broker may have a limit for every topic;
- ``message.timestamp.after.max.ms``: Kafka 4 refuses records more than an hour ahead, such as those of a simulation's clock;
- ``message.timestamp.type`` of anomalies and dead letters: their retention counts from when they were written, whatever they are about;
- ``segment.ms`` of inputs: it is measured in record times, so that a replayed year would be cut into slivers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS, TopicContract, topic_contract, topic_names
from streams.setting_types import duration_ms
from streams.settings import Settings

FOREVER_MS = -1
RETENTION = "retention.ms"
ENFORCED = (RETENTION, "retention.bytes", "cleanup.policy", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.type")
"""What must be so on a topic that exists; the rest of :attr:`WantedTopic.config` is how we create one, and free to be tuned."""
_MIB = 1024 * 1024
_DAY_MS = 24 * 3_600_000
_NEVER_MS = 2**63 - 1
_UNLIMITED = -1
_FEWEST_FOR_QUORUM = 3


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it must be on the broker; ``name`` includes the prefix."""

    name: str
    partitions: int
    config: Mapping[str, str]


def wanted_topics(settings: Settings) -> tuple[WantedTopic, ...]:
    """Every topic of the contract as these settings want it."""
    return tuple(
        WantedTopic(
            name=settings.topic(name),
            partitions=settings.kafka.partitions if topic_contract(name).partitions == "case" else 1,
            config=_config(topic_contract(name), settings),
        )
        for name in topic_names()
    )


def _config(contract: TopicContract, settings: Settings) -> dict[str, str]:
    retention_ms = {
        "input": settings.kafka.input_retention_ms,
        "output": duration_ms(settings.kafka.output_retention),
        "forever": FOREVER_MS,
    }[contract.retention]
    is_input = contract.name in {*CASE_INPUTS, *REFERENCE_INPUTS}
    config: dict[str, str | int] = {
        "cleanup.policy": contract.cleanup,
        RETENTION: retention_ms,
        "max.message.bytes": (4 if is_input else 5) * _MIB,  # a dead letter holds WHOLE_BYTES, and headers
        "message.timestamp.after.max.ms": _NEVER_MS,
        "message.timestamp.type": "LogAppendTime" if contract.retention == "output" else "CreateTime",
        "segment.bytes": 256 * _MIB,
    }
    if contract.retention == "forever":
        config["retention.bytes"] = _UNLIMITED
    if is_input:
        config["segment.ms"] = _NEVER_MS
    if contract.cleanup == "compact":
        config |= {
            "segment.bytes": 64 * _MIB,  # the last segment is never compacted: recovery reads it whole
            "segment.ms": _DAY_MS,
            "min.cleanable.dirty.ratio": "0.3",
            "min.compaction.lag.ms": 60_000,  # a subscriber less than a minute behind sees every step
        }
    if settings.kafka.replication >= _FEWEST_FOR_QUORUM:
        config["min.insync.replicas"] = 2
    return {name: str(value) for name, value in config.items()}
