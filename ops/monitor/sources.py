"""Whether each source system is alive: by its heartbeats where it sends them, else by the times of its events and when they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from prometheus_client.core import Metric as Family

from consumers.clickhouse import connect, reaching
from consumers.sources import Heard, heard_from
from ops.monitor.arrivals import Arrival, Arrivals, Place
from ops.monitor.heartbeats import Claims, Heartbeats
from ops.monitor.metrics import SOURCE_GAP, SOURCE_SILENT
from ops.monitor.question import ANSWER_SECONDS, Question
from ops.monitor.rhythm import FACTOR, FLOOR_MS, LOOKBACK_MS, WORKDAY_MS, expected_gap_ms
from streams.domain.calendar import WorkCalendar
from streams.domain.time import HOUR_MS
from streams.holidays import china_calendar
from streams.settings import Settings

_HEARTBEAT_FLOOR_MS = HOUR_MS // 4
"""A source that sends heartbeats has said that it means to be watched closely."""
_STALE_SECONDS = 300.0
"""An answer of five minutes ago stands until the next is there: silence is counted on by the clock, and a hole would restart alerts."""
_UNSEEN_FLOOR_MS = 2 * WORKDAY_MS
"""While it is not known how late events come: a batch each day may bring those of the day before, and be due at the day's end."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A source on one topic: when it was last heard of, and how long it may be silent (``None``: not known)."""

    last_ms: int
    gap_ms: int | None


Pulses = Mapping[Place, Pulse]


class Sources:
    """What is known of every source, from Kafka and from ClickHouse: either may be away, and the other's sources are told all the same."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._clock = settings, settings.make_clock()
        self._heartbeats = Heartbeats(settings, self._clock.shift_ms)
        self._arrivals = Arrivals(settings.home / "arrivals.json", china_calendar())
        self._claiming = Question("心跳 heartbeats", self._read, stale_seconds=_STALE_SECONDS)
        self._sending = Question("来源的事件 events of sources", self._ask, stale_seconds=_STALE_SECONDS)

    def begin(self) -> None:
        """Ask both."""
        self._claiming.begin()
        self._sending.begin()

    def families(self) -> Iterator[Family]:
        """Silence and expected gap of every source of :func:`told`."""
        events, claims = self._sending.answer() or {}, self._claiming.answer() or {}
        now_ms = self._clock.now_ms()
        pulses = told(events, claims, now_ms)
        yield SOURCE_SILENT.family({place: max(now_ms - pulse.last_ms, 0) / 1000 for place, pulse in pulses.items()})
        yield SOURCE_GAP.family({place: pulse.gap_ms / 1000 for place, pulse in pulses.items() if pulse.gap_ms is not None})

    def _read(self) -> Pulses:
        return pulses_of_claims(self._heartbeats.look(), china_calendar())

    def _ask(self) -> Pulses:
        now_ms = self._clock.now_ms()
        with reaching(self._settings), closing(connect(self._settings, answer_seconds=ANSWER_SECONDS)) as client:
            heard = heard_from(client, since_ms=now_ms - 2 * LOOKBACK_MS, now_ms=now_ms)
        arrivals = self._arrivals.look({place: of.last_ms for place, of in heard.items()}, now_ms)
        return pulses_of_events(heard, arrivals, china_calendar())


def told(events: Pulses, claims: Pulses, now_ms: int) -> Pulses:
    """The sources to speak of: each by its claims, else by its events, until it has not been heard of for four weeks.

    A source that claims no longer, or no longer of one topic, is spoken of for as long as anything else comes from it: its cases wait.
    """
    alive = {place for pulses in (events, claims) for place, pulse in pulses.items() if now_ms - pulse.last_ms < LOOKBACK_MS}
    sources = {source for source, _ in alive}
    waited_for = {place for place in claims if place[0] in sources}
    found = {**events, **claims}
    return {place: found[place] for place in sorted(alive | waited_for)}


def pulses_of_events(heard: Mapping[Place, Heard], arrivals: Mapping[Place, Arrival], calendar: WorkCalendar) -> Pulses:
    """By (source, topic), from the times of events, and from when they came."""
    return {place: Pulse(of.last_ms, _gap_of_events_ms(of, arrivals[place], calendar)) for place, of in heard.items()}


def _gap_of_events_ms(of: Heard, arrival: Arrival, calendar: WorkCalendar) -> int | None:
    """What is late does not come more often than it comes: the silence between arrivals counts, from the last arrival on."""
    if arrival.silence_ms is None:
        return expected_gap_ms(of.times_ms, of.last_ms, calendar, floor_ms=_UNSEEN_FLOOR_MS)
    delay_ms, floor_ms = max(arrival.heard_ms - of.last_ms, 0), max(round(arrival.silence_ms * FACTOR), FLOOR_MS)
    return expected_gap_ms(of.times_ms, of.last_ms, calendar, delay_ms=delay_ms, floor_ms=floor_ms)


def pulses_of_claims(claims: Mapping[Place, Claims], calendar: WorkCalendar) -> Pulses:
    """By (source, topic), from what sources claim to have sent."""
    return {place: Pulse(of.through_ms[-1], _gap_of_claims_ms(of, calendar)) for place, of in claims.items()}


def _gap_of_claims_ms(of: Claims, calendar: WorkCalendar) -> int | None:
    return expected_gap_ms(of.through_ms, of.through_ms[-1], calendar, delay_ms=of.delay_ms, floor_ms=_HEARTBEAT_FLOOR_MS)
