"""A simulated year into Kafka, and its truth into a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from ops.publish import TopicProducer
from ops.simulate.generate import TOPICS, Plan, Simulation
from ops.simulate.truth import CaseTruth, ItemTruth
from streams.contracts import codec, record_key
from streams.errors import ConfigurationError, DependencyError
from streams.settings import Settings

_EVENTS_PER_REPORT = 1000


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was published.

    Parameters
    ----------
    events
        By topic.
    """

    plan: Plan
    truth: list[CaseTruth]
    items: list[ItemTruth]
    events: dict[str, int]
    seconds: float

    @property
    def total(self) -> int:
        """Events of all topics."""
        return sum(self.events.values())


def publish_simulation(settings: Settings, plan: Plan, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> Simulated:
    """Make the events and publish them as they are made.

    Parameters
    ----------
    on_progress
        Told now and then of the cases whose truth is known, and of how many there are to be.

    Raises
    ------
    DependencyError, TopologyError
        Kafka is absent, went away, or lacks a topic.
    """
    begun = time.monotonic()
    producer = TopicProducer(settings, TOPICS)
    encode = {topic: codec(topic).encode for topic in TOPICS}
    simulation, sent = Simulation(plan), Counter[str]()
    for number, (topic, record) in enumerate(simulation.events()):
        producer.send(topic, record_key(topic, record), encode[topic](record), record["event_id"])
        sent[topic] += 1
        if number % _EVENTS_PER_REPORT == 0:
            on_progress(min(len(simulation.truth), plan.n_cases), plan.n_cases)
    if undelivered := producer.finish():
        raise DependencyError(f"{len(undelivered)} 条未被接受 events were not taken: {undelivered[0].tag}: {undelivered[0].reason}")
    on_progress(plan.n_cases, plan.n_cases)
    return Simulated(plan, simulation.truth, simulation.items, {topic: sent[topic] for topic in TOPICS}, time.monotonic() - begun)


def write_truth(path: Path, plan: Plan, truth: Iterable[CaseTruth | ItemTruth]) -> None:
    """Write JSON lines: first what was simulated and the moment of the truth, then one case or item each.

    Raises
    ------
    ConfigurationError
        The file cannot be written.
    """
    about: dict[str, Any] = {
        "cases": plan.n_cases,
        "seed": plan.seed,
        "year": plan.year,
        "until_ms": plan.end_ms,
        "now_ms": plan.moment_ms,
        "deadline": str(plan.policy.deadline),
        "policy": plan.policy.fingerprint,
    }
    with _opened(path, "wb") as file:
        file.write(orjson.dumps({"simulation": about}, option=orjson.OPT_APPEND_NEWLINE))
        file.writelines(orjson.dumps(each.as_json(), option=orjson.OPT_APPEND_NEWLINE) for each in truth)


def check_writable(path: Path) -> None:
    """Ask before anything is published, as a simulation whose truth is lost has been in vain; raises as :func:`write_truth` does."""
    with _opened(path, "ab"):
        pass


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[IO[bytes]]:
    try:
        with path.open(mode) as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{path}: 写不了 cannot be written: {error.strerror}") from error
