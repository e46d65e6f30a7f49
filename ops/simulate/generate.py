"""A year of a city, day by day: events in the order in which they reach Kafka, and the truth of every case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random
from typing import Any

from ops.simulate import closings, papers, titles
from ops.simulate.archives import ACCEPTED, Arrivals, Package, arrive
from ops.simulate.calendar import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    WorkCalendar,
    at_ms,
    day_at,
    day_number,
    midnight_ms,
    nightly_burst,
    office_moment,
)
from ops.simulate.city import City
from ops.simulate.closings import Content, Telling, tell
from ops.simulate.item_outcome import item_outcomes
from ops.simulate.outbox import Event, Outbox
from ops.simulate.outcome import Fate, outcome
from ops.simulate.papers import Paper, right_paper, spoilt_paper
from ops.simulate.records import archive_record, case_number, closing_record
from ops.simulate.reference import reference_data, waiver_record
from ops.simulate.truth import CaseTruth, ItemTruth
from ops.simulate.units import PLATFORM, QUIET_SOURCE, SILENT_SOURCE, SOURCES, Feed, Unit
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, REFERENCE_INPUTS, WAIVER
from streams.domain.policy import Policy

EDGE_MS = HOUR_MS
"""No orphan's grace ends within this time behind the moment of the truth: it stays true while a system works."""
TOPICS = (*REFERENCE_INPUTS, CASE_CLOSED, ARCHIVE_RECEIVED)

_CASES_WAIVED, _ITEMS_WAIVED = 0.01, 0.15
"""Shares of findings."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Parameters
    ----------
    until_ms
        No event is timed or sent after it; None: 31 December, 18:00.
    now_ms
        The moment for which the truth is told, ``until_ms`` or later; None: ``until_ms``.
    archives_stop_ms
        From then on nothing comes from the platform's archives, no heartbeat of them either; everything else goes on.
    """

    n_cases: int
    seed: int
    year: int = 2018
    until_ms: int | None = None
    now_ms: int | None = None
    archives_stop_ms: int | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def end_ms(self) -> int:
        """Time of the last event."""
        return at_ms(dt.date(self.year, 12, 31), 18) if self.until_ms is None else self.until_ms

    @property
    def moment_ms(self) -> int:
        """Moment of the truth."""
        return self.end_ms if self.now_ms is None else max(self.now_ms, self.end_ms)


class Simulation:
    """One run. Iterate over :meth:`events` to its end; then ``truth`` and ``items`` are complete."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._end_ms, self._moment_ms = plan.end_ms, plan.moment_ms
        self.truth: list[CaseTruth] = []
        self.items: list[ItemTruth] = []
        self._rng = Random(plan.seed)  # noqa: S311  a year is to be repeatable, not secret
        self._calendar = WorkCalendar(plan.year)
        self._city = City(self._rng, plan.n_cases, plan.year)
        self._weights = list(accumulate(item.weight for item in self._city.items))
        self._first_day = day_number(dt.date(plan.year, 1, 1))
        self._stopped_ms = min(at_ms(dt.date(plan.year, 9, 20), 18, 30), plan.end_ms)
        self._heard = dict(self._feeds())
        self._outage = (at_ms(dt.date(plan.year, 5, 14), 9), at_ms(dt.date(plan.year, 6, 8), 3))
        self._outbox = Outbox(self._rng, plan.end_ms)
        self._moved: tuple[str, int] | None = None

    def events(self) -> Iterator[Event]:
        """Topic and record of each event, in the order of sending; the two case topics are shuffled as real feeds are."""
        for topic, record, sent_at in reference_data(self._rng, self._city, self._heard, self._first_day):
            self._outbox.put(topic, record, sent_at)
        moments = self._closing_moments()
        for number, closed_at in enumerate(moments):
            if number and day_at(closed_at) != day_at(moments[number - 1]):
                yield from self._outbox.sent_before(midnight_ms(day_at(closed_at)))
            self._case(number, closed_at, last=number == len(moments) - 1)
            if self._rng.random() < 0.006:  # noqa: PLR2004
                self._orphan(number, closed_at)
        self.items = item_outcomes(self._city, self.truth, day_at(self._moment_ms), self.plan.policy)
        for item in self.items:
            self._waive(item.findings, item.subject, _ITEMS_WAIVED)
        yield from self._outbox.sent_before(self._end_ms + 1)

    def _closing_moments(self) -> list[int]:
        rng, end_ms = self._rng, self._end_ms
        days = range(self._first_day, day_at(end_ms) + 1)
        workdays = self._calendar.within(days[0], days[-1]) or list(days)
        chosen = (rng.choice(workdays) if rng.random() > 0.03 else rng.choice(days) for _ in range(self.plan.n_cases))  # noqa: PLR2004
        return sorted(min(office_moment(rng, day), end_ms - MINUTE_MS) for day in chosen)

    def _case(self, number: int, closed_at: int, *, last: bool) -> None:
        rng = self._rng
        item = rng.choices(self._city.items, cum_weights=self._weights)[0]
        accepted_at = office_moment(rng, day_at(closed_at) - rng.choice((1, 1, 2, 3, 5, 8, 20)))
        content = Content(item, item.unit, titles.of_applicant(rng, item.name), accepted_at, closed_at)
        mistakes = []
        if rng.random() < item.carelessness / 2:
            mistake, content = closings.err(rng, content)
            mistakes.append(mistake)
        case_no = case_number(item.unit, closed_at, number)
        story, telling = tell(rng, self._city, content, self._end_ms)
        final = self._send_closings(case_no, number, telling, closed_at)
        end_ms = self._archives_end_ms(item.unit.source_system)
        arrivals = Arrivals(rng, closed_at, self._due_ms(final), end_ms, self._outage_of(item.unit))
        prefix = f"A{number:08d}"
        if self._moved:
            numbers, arrived = {0: self._moved[0]}, "moved here"
            arrivals.accept(0, self._moved[1])
            self._moved = None
        else:
            numbers = {place: f"{prefix}-{place}" for place in (1, 2)}
            arrived = self._move_away(arrivals, numbers[1]) if not last and rng.random() < 0.003 else arrive(arrivals)  # noqa: PLR2004
        said = self._papers(content, arrivals)
        if said and rng.random() < item.carelessness:
            first = min(said)
            mistake, said[first] = papers.err(rng, said[first], content, self._city.items)
            mistakes.append(mistake)
        self._send_archives(case_no, item.unit, arrivals.packages, numbers, said)
        what = "; ".join((story, *mistakes, arrived))
        self._tell_truth(Fate(case_no, content, final, arrivals, numbers, said, telling.collision is not None, what))

    def _move_away(self, arrivals: Arrivals, archive_no: str) -> str:
        """Archived under the wrong number: deleted there, and sent under the next case's."""
        received_at = nightly_burst(self._rng, day_at(arrivals.closed_at))
        moved_at = received_at + self._rng.randint(1, 20) * DAY_MS
        if arrivals.accept(1, received_at) and arrivals.send(1, ACCEPTED, received_at, revision=2, deleted=True, sent_at=moved_at):
            arrivals.accepted.clear()
            self._moved = (archive_no, received_at)
            return "moved away"
        return "on time"

    def _send_closings(self, case_no: str, number: int, telling: Telling, closed_at: int) -> Content:
        """Send what is told of a closing in time; return what stands."""
        rng, end_ms = self._rng, self._end_ms
        at_night = telling.revisions[0].unit.source_system != PLATFORM
        sent_at = nightly_burst(rng, day_at(closed_at)) if at_night else closed_at + rng.randrange(20 * MINUTE_MS)
        if rng.random() < 0.01:  # noqa: PLR2004  the feed hung for days; its archive is there before it
            sent_at += rng.randint(1, 5) * DAY_MS
        final = telling.revisions[0]
        for revision, content in enumerate(telling.revisions, start=1):
            if revision > 1:
                sent_at += rng.randint(1, 12 * 24) * HOUR_MS
                if sent_at > end_ms:
                    break
            record = closing_record(rng, f"c{number:08d}-{revision}", case_no, revision, content)
            self._outbox.put_with_copies(CASE_CLOSED, record, sent_at)
            if telling.test_copy:
                self._outbox.put(CASE_CLOSED, record | {"is_test": True}, sent_at + rng.randrange(DAY_MS))
            final = content
        if telling.collision:
            record = closing_record(rng, f"c{number:08d}-1x", case_no, 1, telling.collision)
            self._outbox.put_with_copies(CASE_CLOSED, record, sent_at)
            final = telling.collision
        if telling.test_copy:
            final = replace(final, is_test=True)
        return final

    def _papers(self, content: Content, arrivals: Arrivals) -> dict[int, Paper]:
        """What archives say that have everything, by their place within the case."""
        table = content.item.table(content.unit, day_at(content.closed_at))
        return {place: right_paper(self._rng, content, table) for place in sorted({package.number for package in arrivals.packages})}

    def _send_archives(self, case_no: str, unit: Unit, packages: list[Package], numbers: dict[int, str], said: Mapping[int, Paper]) -> None:
        for place, package in enumerate(packages):
            archive_no, paper = numbers[package.number], said[package.number]
            if not package.speaks:
                paper = spoilt_paper(self._rng, paper)
            record = archive_record(self._rng, f"{archive_no}-{case_no[-8:]}-{place}", archive_no, case_no, unit, paper, package)
            self._outbox.put_with_copies(ARCHIVE_RECEIVED, record, package.sent_at)

    def _orphan(self, number: int, closed_at: int) -> None:
        """Archives whose case nobody told of as closed."""
        rng, plan = self._rng, self.plan
        item = rng.choice(self._city.items)
        content = Content(item, item.unit, titles.of_applicant(rng, item.name), closed_at, closed_at)
        case_no = case_number(item.unit, closed_at, number, orphan=True)
        arrivals = Arrivals(rng, closed_at, closed_at, self._archives_end_ms(item.unit.source_system), (0, 0))
        received_at = nightly_burst(rng, day_at(closed_at))
        grace_ends = received_at + plan.policy.orphan_grace_ms
        if plan.moment_ms - EDGE_MS < grace_ends <= plan.moment_ms + EDGE_MS:
            received_at -= 3 * EDGE_MS
        kind = rng.choice(("accepted", "accepted", "accepted", "two numbers", "refused", "deleted"))
        if kind == "refused":
            arrivals.refuse(1, received_at)
        else:
            arrivals.accept(1, received_at)
        if kind == "two numbers":
            arrivals.accept(2, received_at + HOUR_MS)
        if kind == "deleted" and arrivals.send(1, ACCEPTED, received_at, revision=2, deleted=True, sent_at=received_at + DAY_MS):
            arrivals.accepted.clear()
        if arrivals.packages:
            numbers = {place: f"O{number:08d}-{place}" for place in (1, 2)}
            said = self._papers(content, arrivals)
            self._send_archives(case_no, item.unit, arrivals.packages, numbers, said)
            self._tell_truth(Fate(case_no, content, None, arrivals, numbers, said, collision=False, story=f"no closing; {kind}"))

    def _tell_truth(self, fate: Fate) -> None:
        case = outcome(fate, self._heard, self._due_ms, self.plan.policy, self._moment_ms)
        self.truth.append(case)
        self._waive(case.anomalies, case.case_no, _CASES_WAIVED)

    def _waive(self, kinds: list[str], subject: str, share: float) -> None:
        """A waiver changes no truth: what is waived stays open."""
        for kind in kinds:
            if self._rng.random() < share:
                self._outbox.put(WAIVER, waiver_record(self._rng, kind, subject, day_at(self._moment_ms)), self._end_ms)

    def _due_ms(self, content: Content) -> int:
        limit = self.plan.policy.deadline_for(content.item.code, content.item.main_code)
        return self._calendar.due_ms(content.closed_at, limit)

    def _feeds(self) -> Iterator[tuple[Feed, int]]:
        """Through when each source that sends heartbeats says that it is complete."""
        for source in SOURCES:
            if source not in {"", QUIET_SOURCE}:
                end_ms = self._stopped_ms if source == SILENT_SOURCE else self._end_ms
                yield (source, CASE_CLOSED), end_ms
                yield (source, ARCHIVE_RECEIVED), min(end_ms, self._archives_end_ms(source))

    def _archives_end_ms(self, source: str) -> int:
        """Time of a source's last archive."""
        stop_ms = self.plan.archives_stop_ms if source == PLATFORM else None
        return self._end_ms if stop_ms is None else min(stop_ms, self._end_ms)

    def _outage_of(self, unit: Unit) -> tuple[int, int]:
        """When packages of a unit do not come: its module was out, or its source has stopped for good."""
        if unit == self._city.outage_unit:
            return self._outage
        return (self._stopped_ms, self._end_ms + 1) if unit.source_system == SILENT_SOURCE else (0, 0)


def generate(plan: Plan) -> tuple[dict[str, list[dict[str, Any]]], list[CaseTruth], list[ItemTruth]]:
    """Simulate without Kafka: the events of each topic in order of sending, and the truth about cases and items."""
    simulation = Simulation(plan)
    events: dict[str, list[dict[str, Any]]] = {topic: [] for topic in TOPICS}
    for topic, record in simulation.events():
        events[topic].append(record)
    return events, simulation.truth, simulation.items
