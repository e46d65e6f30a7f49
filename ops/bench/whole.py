"""The whole product at a steady rate: events, by ``guidang worker`` to ``case-state``, and by ``guidang sink`` into ClickHouse."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from consumers.clickhouse import connect
from ops.bench.city_load import CityLoad
from ops.bench.contender import Live, Place
from ops.bench.crew import Crew, crew
from ops.bench.dataset import case_no
from ops.bench.product import WholeProduct, environment_of, settings_of, worker_commands
from ops.bench.traffic import AT_ONCE, Outputs, Pacer
from ops.bench.visible import Rows
from ops.ports import LOOPBACK, free_port
from ops.reading import read_topic
from ops.topics import ensure_topics
from streams.contracts import CASE_STATE, codec
from streams.errors import DependencyError
from streams.settings import Settings

_START_SECONDS = 60
_LOOK_SECONDS = 0.1
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Whole(WholeProduct):
    """The product with a sink and the embedded ClickHouse.

    The cases that are there before wait for their archives; with each case that is closed later, the archive of one of them arrives. A
    case is timed from its closing to its first state.
    """

    @contextmanager
    def live(self, place: Place, bulk: int) -> Iterator[Live]:
        """Ready for more closings."""
        made = settings_of(place)
        settings = made.model_copy(update={"clickhouse": made.clickhouse.model_copy(update={"url": f"http://{LOOPBACK}:{free_port()}"})})
        ensure_topics(settings)
        load = CityLoad(settings, bulk)
        load.publish_reference()
        _publish(place.bootstrap, load, bulk)
        outputs = Outputs(place.bootstrap, settings.topic(CASE_STATE), place.data.partitions, place.data.number_of, bulk, bulk)
        rows = Rows(partial(connect, settings), case_no, place.data.number_of)
        guidang = (sys.executable, "-m", "ops")
        store = {"store": (*guidang, "store", "--port", settings.clickhouse.url.rpartition(":")[2])}
        with crew(place.folder.with_suffix(".log"), environment_of(settings), store) as team:
            _until_there(settings, "default", team)
            team.start("sink", (*guidang, "sink", "--metrics-port", "0"))
            _until_there(settings, settings.clickhouse.database, team)
            for name, command in worker_commands(self.workers).items():
                team.start(name, command)
            with outputs.watching(), rows.watching():
                yield Live(load.messages, lambda _number: True, outputs, team, partial(_verify, settings, load), rows)


def _publish(bootstrap: str, load: CityLoad, cases: int) -> None:
    pacer = Pacer(bootstrap, map(load.messages, range(cases)), AT_ONCE)
    pacer.start()
    pacer.finish()


def _until_there(settings: Settings, database: str, team: Crew) -> None:
    """Wait for a database: of the store, so that the sink has somewhere to write, and of the sink, so that there is something to read."""
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            connect(settings, database=database).close()
        except DependencyError:
            team.check()
            if time.monotonic() > give_up:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _verify(settings: Settings, load: CityLoad, cases: int) -> tuple[str, ...]:
    """Every case has its row, and the state that the simulation says."""
    decode = codec(CASE_STATE).decode
    status = {message.key().decode(): decode(message.value())["status"] for message in read_topic(settings, CASE_STATE)}
    truth = {case_no(number): load.status(number, cases) for number in range(cases)}
    wrong = [f"{name}: {status.get(name)} ≠ {expected}" for name, expected in truth.items() if status.get(name) != expected]
    (count,) = connect(settings).query("SELECT uniqExact(case_no) FROM case_state").first_row
    faults = [f"状态不对 states are wrong: {len(wrong)} ({', '.join(wrong[:_SHOWN])})"] if wrong else []
    return (*faults, *([f"ClickHouse 有 {count} 行，应有 rows, instead of {cases}"] if count != cases else ()))
