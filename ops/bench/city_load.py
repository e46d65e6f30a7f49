"""Cases for the whole product at a steady rate: of all units and items of a simulated city, whose reference data the workers have read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from operator import itemgetter
from random import Random
from typing import Any

from ops.bench.dataset import case_no
from ops.bench.traffic import Message
from ops.publish import TopicProducer
from ops.simulate import titles
from ops.simulate.archives import ACCEPTED, Arrivals, Package
from ops.simulate.calendar import DAY_MS, HOUR_MS, day_at, day_number
from ops.simulate.city import City
from ops.simulate.closings import Content
from ops.simulate.items import year_of
from ops.simulate.outcome import Fate, outcome
from ops.simulate.papers import Paper, right_paper
from ops.simulate.records import archive_record, closing_record
from ops.simulate.reference import reference_data
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, REFERENCE_INPUTS, codec, record_key
from streams.errors import DependencyError
from streams.settings import Settings, instant_ms

_SEED = 7
_CITY_CASES = 10_000
"""A city of so many cases a year has about a hundred items in all its units, and five busy ones."""
_CLOSED_WITHIN_MS, _STRIDE_MS = 48 * HOUR_MS, 7_919_000
"""Cases were closed in so many hours before the hour of the clock of the run, one here, one there; none of them is due yet."""
_UNARCHIVED_EVERY = 33
"""Of so many cases one, 3 %, gets no archive."""


class CityLoad:
    """What is sent of each case, and what becomes of it.

    Parameters
    ----------
    bulk
        The archive of a case comes so many cases after its closing, and with that of another one.
    """

    def __init__(self, settings: Settings, bulk: int) -> None:
        self._settings, self._bulk = settings, bulk
        # What the clock says when a run begins, and not what it says now: who sends and who checks must mean the same hour.
        self._now_ms, self._policy = instant_ms(settings.clock) // HOUR_MS * HOUR_MS, settings.domain_policy()
        self._city = City(Random(_SEED), _CITY_CASES, year_of(day_at(self._now_ms)))  # noqa: S311 - repeatable, not secret
        self._encode = {topic: codec(topic).encode for topic in (CASE_CLOSED, ARCHIVE_RECEIVED)}

    def publish_reference(self) -> None:
        """Write the registries, schedules and configurations of the city.

        Raises
        ------
        DependencyError
            They were not taken.
        """
        producer = TopicProducer(self._settings, REFERENCE_INPUTS)
        first_day = day_number(dt.date(self._city.year, 1, 1))
        sent = reference_data(Random(_SEED), self._city, {}, first_day)  # noqa: S311 - repeatable, not secret
        for topic, record, _ in sorted(sent, key=itemgetter(2)):
            producer.send(topic, record_key(topic, record), codec(topic).encode(record), record["event_id"])
        if undelivered := producer.finish():
            raise DependencyError(f"{len(undelivered)} 条未被接受 events were not taken: {undelivered[0].reason}")

    def messages(self, number: int) -> list[Message]:
        """The closing of a case, and the archive of the one that was closed ``bulk`` cases before."""
        content, _, rng = self._told(number)
        made = [self._message(number, CASE_CLOSED, number, closing_record(rng, f"c{number}", case_no(number), 1, content))]
        if _is_archived(of := number - self._bulk):
            content, paper, rng = self._told(of)
            package = Package(1, ACCEPTED, _received_at(content), _received_at(content))
            archive = archive_record(rng, f"a{of}", _archive_no(of), case_no(of), content.unit, paper, package)
            made.append(self._message(number, ARCHIVE_RECEIVED, of, archive))
        return made

    def status(self, number: int, cases: int) -> str:
        """The truth about a case once those below ``cases`` were sent."""
        content, paper, rng = self._told(number)
        arrivals = Arrivals(rng, content.closed_at, self._now_ms, self._now_ms, (0, 0))
        if _is_archived(number) and number + self._bulk < cases:
            arrivals.accepted[1] = _received_at(content)
        fate = Fate(case_no(number), content, content, arrivals, {1: _archive_no(number)}, {1: paper}, collision=False, story="")
        return outcome(fate, {}, lambda _content: self._now_ms + DAY_MS, self._policy, self._now_ms).status

    def _told(self, number: int) -> tuple[Content, Paper, Random]:
        """What is said of a case, the same each time."""
        rng = Random(number)  # noqa: S311 - repeatable, not secret
        item = self._city.items[number % len(self._city.items)]
        closed_at = self._now_ms - HOUR_MS - number * _STRIDE_MS % _CLOSED_WITHIN_MS
        content = Content(item, item.unit, titles.of_applicant(rng, item.name), closed_at - 5 * DAY_MS, closed_at)
        return content, right_paper(rng, content, item.table(item.unit, day_at(closed_at))), rng

    def _message(self, number: int, topic: str, of: int, record: Mapping[str, Any]) -> Message:
        return Message(number, self._settings.topic(topic), case_no(of).encode(), self._encode[topic](record))


def _is_archived(number: int) -> bool:
    return number >= 0 and number % _UNARCHIVED_EVERY != 0


def _archive_no(number: int) -> str:
    return f"A{number:08d}"


def _received_at(content: Content) -> int:
    return content.closed_at + HOUR_MS // 2
