"""The whole product at a steady rate: closings, by ``guidang worker`` to ``case-state``, and by ``guidang sink`` into ClickHouse."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from consumers.clickhouse import connect
from ops.bench.contender import Live, Place
from ops.bench.crew import Crew, crew
from ops.bench.dataset import case_no
from ops.bench.product import WholeProduct, environment_of, settings_of, worker_commands
from ops.bench.traffic import AT_ONCE, Message, Outputs, Pacer
from ops.bench.visible import Rows
from ops.ports import LOOPBACK, free_port
from ops.reading import read_topic
from ops.topics import ensure_topics
from streams.contracts import CASE_CLOSED, CASE_STATE, codec
from streams.errors import DependencyError
from streams.settings import Settings

_START_SECONDS = 60
_LOOK_SECONDS = 0.1
_SHOWN = 3
_HOUR_MS = 3_600_000
_STATUS = "AWAITING"
_HELD = {"unit_code": "330100000001", "unit_name": "单位", "item_code": "许可-00001-000", "item_name": "事项", "district_code": "330106"}

Messages = Callable[[int], Sequence[Message]]


@dataclass(frozen=True, slots=True)
class Whole(WholeProduct):
    """The product with a sink and the embedded ClickHouse; each case is closed, and waits for its archive."""

    @contextmanager
    def live(self, place: Place, bulk: int) -> Iterator[Live]:
        """Ready for more closings."""
        made = settings_of(place)
        settings = made.model_copy(update={"clickhouse": made.clickhouse.model_copy(update={"url": f"http://{LOOPBACK}:{free_port()}"})})
        ensure_topics(settings)
        messages = _closings(settings)
        _publish(place.bootstrap, messages, bulk)
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
                yield Live(messages, lambda _number: True, outputs, team, partial(_verify, settings), rows)


def _closings(settings: Settings) -> Messages:
    """Each an hour before the clock of the run."""
    topic, encode = settings.topic(CASE_CLOSED), codec(CASE_CLOSED).encode
    closed_at = settings.make_clock().now_ms() - _HOUR_MS

    def messages(number: int) -> list[Message]:
        name = case_no(number)
        event = {"event_id": name, "case_no": name, "title": "", "accepted_at": closed_at - _HOUR_MS, "closed_at": closed_at, **_HELD}
        return [Message(number, topic, name.encode(), encode(event))]

    return messages


def _publish(bootstrap: str, messages: Messages, cases: int) -> None:
    pacer = Pacer(bootstrap, map(messages, range(cases)), AT_ONCE)
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


def _verify(settings: Settings, cases: int) -> tuple[str, ...]:
    """Every case has a state, as a case that waits for its archive, and a row."""
    decode = codec(CASE_STATE).decode
    status = {message.key().decode(): decode(message.value())["status"] for message in read_topic(settings, CASE_STATE)}
    wrong = [name for name in map(case_no, range(cases)) if status.get(name) != _STATUS]
    (count,) = connect(settings).query("SELECT uniqExact(case_no) FROM case_state").first_row
    faults = [f"状态不对 not {_STATUS}: {len(wrong)} ({', '.join(wrong[:_SHOWN])})"] if wrong else []
    return (*faults, *([f"ClickHouse 有 {count} 行，应有 rows, instead of {cases}"] if count != cases else ()))
