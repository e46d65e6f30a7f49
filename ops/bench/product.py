"""The whole product: ``guidang worker`` on a simulated year, every case compared with the truth of the simulation.

Its figure counts closings and archives. Reference data and heartbeats are published with them and read by the workers, as in production.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ops.bench.contender import Guarantee, Launch, Place, Verified, worker_names
from ops.bench.topics import remove
from ops.caught_up import Observer, behind_inputs
from ops.reading import read_topic
from ops.simulate.compare import case_differences
from ops.simulate.generate import Plan
from ops.simulate.run import Simulated, publish_simulation
from ops.topics import ensure_topics
from streams.contracts import CASE_INPUTS, CASE_STATE, INTERNAL, OUTPUTS, codec
from streams.errors import WaitTimeout
from streams.settings import KafkaSettings, Settings

_CLOCK = "2018-12-31T18:00:00+08:00"
_YEAR = 2018
_SEED = 7
_LOOK_SECONDS = 0.2
_SHOWN = 3


@dataclass(slots=True)
class Year:
    """A simulated year of ``cases`` cases, published once and read in every run of every number of workers."""

    cases: int
    published: dict[str, Simulated] = field(default_factory=dict)

    def publish_once(self, settings: Settings) -> Simulated:
        """Publish it under the topic prefix of ``settings``, unless that was done."""
        prefix = settings.kafka.topic_prefix
        if prefix not in self.published:
            plan = Plan(self.cases, _SEED, _YEAR, now_ms=settings.make_clock().now_ms(), policy=settings.domain_policy())
            self.published[prefix] = publish_simulation(settings, plan)
        return self.published[prefix]


@dataclass(frozen=True, slots=True)
class WholeProduct:
    """The product with so many workers, as every measure of it is named."""

    workers: int

    @property
    def name(self) -> str:
        """``product-2``."""
        return f"product-{self.workers}"

    @property
    def title(self) -> str:
        """For people."""
        return f"归档全部作业 the whole product, {self.workers} worker(s)"

    @property
    def guarantee(self) -> Guarantee:
        """As the engine."""
        return "exactly-once"

    def provide(self) -> None:
        """Nothing is needed."""


@dataclass(frozen=True, slots=True)
class Product(WholeProduct):
    """The product as it works through a simulated year."""

    year: Year

    def launch(self, place: Place) -> Launch:
        """Make the outputs of the run before vanish, and the year appear."""
        settings = settings_of(place)
        outputs = tuple(settings.topic(name) for name in (*OUTPUTS, *INTERNAL))
        remove(place.bootstrap, outputs)
        ensure_topics(settings)
        simulated = self.year.publish_once(settings)
        return Launch(
            worker_commands(self.workers),
            settings.application,
            tuple(settings.topic(name) for name in CASE_INPUTS),
            sum(simulated.events[name] for name in CASE_INPUTS),
            outputs,
            environment_of(settings),
        )

    def settle(self, place: Place, give_up: float) -> None:
        """Wait until everything that was due has been done, too.

        Raises
        ------
        WaitTimeout
            It did not come about.
        """
        settings = settings_of(place)
        observer, since_ms = Observer(settings), settings.make_clock().now_ms()
        while missing := behind_inputs(settings, observer.written(), observer.progress(), since_ms):
            if time.monotonic() > give_up:
                raise WaitTimeout(f"{self.name}: {missing[:_SHOWN]}")
            time.sleep(_LOOK_SECONDS)

    def verify(self, place: Place, *, complete: bool) -> Verified:
        """Every case, from the topic ``case-state``. The truth is that of the end of the year: before it there is nothing to check."""
        settings = settings_of(place)
        decode = codec(CASE_STATE).decode
        latest = {message.key().decode(): message.value() for message in read_topic(settings, CASE_STATE)}
        found = {case_no: decode(value) for case_no, value in latest.items()}
        if not complete:
            return Verified(len(found), (), checked=False)
        differences = list(case_differences(self.year.publish_once(settings).truth, found))
        shown = "; ".join(f"{each.key} {each.field}: {each.found!r} ≠ {each.truth!r}" for each in differences[:_SHOWN])
        return Verified(len(found), (f"与真值不同 not the truth: {len(differences)} ({shown})",) if differences else ())


def settings_of(place: Place) -> Settings:
    """Those of a run of the product."""
    kafka = KafkaSettings(bootstrap_servers=place.bootstrap, topic_prefix=f"{place.data.name}-product-", partitions=place.data.partitions)
    return Settings(application=place.run, data_dir=Path(place.folder), clock=_CLOCK, kafka=kafka)


def environment_of(settings: Settings) -> dict[str, str]:
    """The same for a process."""
    return {
        "GUIDANG_APPLICATION": settings.application,
        "GUIDANG_DATA_DIR": str(settings.data_dir),
        "GUIDANG_CLOCK": settings.clock,
        "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "GUIDANG_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "GUIDANG_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "GUIDANG_CLICKHOUSE__URL": settings.clickhouse.url,
    }


def worker_commands(count: int) -> dict[str, tuple[str, ...]]:
    """Of so many workers, by name."""
    command = (sys.executable, "-m", "ops", "worker", "--metrics-port", "0", "--name")
    return {name: (*command, name) for name in worker_names(count)}
