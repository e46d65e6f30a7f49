"""How far behind everything is, by topic: what ``status`` shows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from ops.caught_up import Observer, Place, Standing, behind_inputs, behind_sink
from streams.clock import wall_ms
from streams.contracts import JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.settings import Settings

IDLE_WATERMARK_MS = 5_000
"""An idle worker's watermark is a tick or two behind the clock; more than this is lag."""
_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Lag of one topic.

    Parameters
    ----------
    records
        Offsets between what is done and the end; in a topic with transactions some of them are markers.
    seconds
        What workers read in their group: from the least watermark to now, 1–2 s where nothing is to be done.
        Others: age of the oldest record not done yet.
        ``None``: not known.
    """

    records: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Lags:
    """All topics by contract name, and whether nothing is missing anywhere."""

    caught_up: bool
    topics: Mapping[str, Lag]


def read_lags(settings: Settings) -> Lags:
    """Look once; joins no group, commits nothing.

    Raises
    ------
    DependencyError
        Kafka cannot be reached, or lacks a topic.
    """
    return lags_of(settings, Observer(settings).standing(), settings.make_clock().now_ms())


def lags_of(settings: Settings, standing: Standing, now_ms: int) -> Lags:
    """What a look at the broker comes to; asks it once more, for the time stamps of what lies behind.

    Parameters
    ----------
    now_ms
        Job clock.
    """
    done = _done(settings, standing)
    behind = {place: at for place, at in done.items() if at < standing.ends[place] and place not in standing.progress}
    oldest = _oldest_ms(settings, behind)
    lags = {}
    for name in (*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS):
        topic = settings.topic(name)
        places = [place for place in done if place[0] == topic]
        records = sum(max(standing.ends[place] - done[place], 0) for place in places)
        if name in JOB_INPUTS:
            marks = [standing.progress[place].watermark_ms for place in places]
            known = [mark for mark in marks if mark is not None]
            seconds = max(now_ms - min(known), 0) / 1000 if len(known) == len(marks) else None
        else:
            seconds = _age_seconds(records, [oldest[place] for place in places if place in oldest])
        lags[name] = Lag(records, seconds)
    since_ms = now_ms - IDLE_WATERMARK_MS
    missing = behind_inputs(settings, standing.ends, standing.progress, since_ms) or behind_sink(standing.ends, standing.sunk)
    return Lags(not missing, lags)


def _done(settings: Settings, standing: Standing) -> dict[Place, int]:
    """Position below which all is done, for every partition of every topic: for reference topics that of the slowest worker partition."""
    done: dict[Place, int] = {place: progress.offset or 0 for place, progress in standing.progress.items()}
    done |= standing.sunk
    for name in REFERENCE_INPUTS:
        topic = settings.topic(name)
        for place in (place for place in standing.ends if place[0] == topic):
            seen = [progress.reference.get(topic, ()) for progress in standing.progress.values()]
            done[place] = min((at[place[1]] if place[1] < len(at) else 0 for at in seen), default=0)
    return done


def _age_seconds(records: int, oldest_ms: Iterable[int]) -> float | None:
    if records == 0:
        return 0.0
    first_ms = min(oldest_ms, default=None)
    return None if first_ms is None else max(wall_ms() - first_ms, 0) / 1000


def _oldest_ms(settings: Settings, positions: Mapping[Place, int]) -> dict[Place, int]:
    """Time stamp of the first record at or after each position; partitions with only markers left have none."""
    found: dict[Place, int] = {}
    if not positions:
        return found
    consumer = Consumer(
        {
            **settings.kafka_client(),
            "log_level": 0,
            "group.id": f"{settings.application}-lag",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, at) for (topic, partition), at in positions.items()])
        give_up = time.monotonic() + _LOOK_SECONDS
        waiting = set(positions)
        while waiting and time.monotonic() < give_up:
            message = consumer.poll(0.2)
            if message is None or (place := (str(message.topic()), int(message.partition() or 0))) not in waiting:
                continue
            waiting.discard(place)
            consumer.pause([TopicPartition(*place)])
            if message.error() is None:
                found[place] = message.timestamp()[1]
    finally:
        consumer.close()
    return found
