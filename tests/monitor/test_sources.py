"""Which sources count as silent, hour by hour, on days made by hand: sources of batches, of single events, and dead ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from consumers.sources import SLOT_MS, Heard
from ops.monitor.arrivals import Arrivals
from ops.monitor.sources import Pulse, pulses_of_events, told
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED
from streams.domain.time import DAY_MS, HOUR_MS, day_number
from streams.holidays import china_calendar

CALENDAR = china_calendar()
ZONE = dt.timezone(dt.timedelta(hours=8))
PLACE = "s", ARCHIVE_RECEIVED
FIRST = dt.date(2018, 10, 11)
"""A Thursday after the National Day week."""
WORKDAYS = [day for day in (FIRST + dt.timedelta(number) for number in range(60)) if CALENDAR.is_workday(day_number(day))]
BATCHES = WORKDAYS[:24]
LAST, NEXT, AFTER_NEXT = WORKDAYS[23:26]


def ms(day: dt.date, time: str) -> int:
    """Local time to milliseconds."""
    return round(dt.datetime.fromisoformat(f"{day} {time}").replace(tzinfo=ZONE).timestamp() * 1000)


def of_a_day(day: dt.date) -> Iterator[int]:
    """Every half hour from 08:30 to 17:00."""
    return iter(range(ms(day, "08:30"), ms(day, "17:00") + 1, HOUR_MS // 2))


@dataclass
class Watch:
    """A monitor that looks every ten minutes, and what has come by then.

    Parameters
    ----------
    path
        Its file.
    come
        Each event: when it came, and its time.
    """

    path: Path
    come: list[tuple[int, int]]
    arrivals: Arrivals = field(init=False)
    now_ms: int = ms(FIRST, "00:00")

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, perhaps again."""
        self.arrivals = Arrivals(self.path, CALENDAR)

    def stale(self) -> bool:
        """Whether the source is silent for too long, as the rules see it."""
        times = sorted(at for came, at in self.come if came <= self.now_ms and self.now_ms - at < 56 * DAY_MS)
        if not times:
            return False
        heard = {PLACE: Heard(times[-1], sorted({at // SLOT_MS * SLOT_MS for at in times}))}
        pulse = pulses_of_events(heard, self.arrivals.look({PLACE: times[-1]}, self.now_ms), CALENDAR)[PLACE]
        return pulse.gap_ms is not None and self.now_ms - pulse.last_ms > pulse.gap_ms

    def false_alarms(self, until_ms: int) -> list[str]:
        """Look on, and tell when the source was called silent."""
        found = []
        while self.now_ms < until_ms:
            self.now_ms += SLOT_MS
            if self.stale():
                found.append(str(dt.datetime.fromtimestamp(self.now_ms / 1000, ZONE))[:16])
        return found


def each_night(day: dt.date) -> list[tuple[int, int]]:
    """A day's events at two in the night behind it."""
    return [(ms(day, "00:00") + 26 * HOUR_MS, at) for at in of_a_day(day)]


def at_once(day: dt.date) -> list[tuple[int, int]]:
    """A day's events, each as it happens."""
    return [(at, at) for at in of_a_day(day)]


@pytest.fixture
def nightly(tmp_path: Path) -> Watch:
    """Twenty-four batches, then none."""
    return Watch(tmp_path / "arrivals.json", [event for day in BATCHES for event in each_night(day)])


def test_a_batch_each_night_with_the_times_of_the_day_before_is_no_silence_and_one_that_fails_is(nightly: Watch) -> None:
    """From the first day on, when it is not known yet how late the events come; a missing batch is told on the day it is missed."""
    assert nightly.false_alarms(ms(AFTER_NEXT, "02:00")) == []
    assert nightly.false_alarms(ms(AFTER_NEXT, "17:00"))[0] == f"{AFTER_NEXT} 13:10"


def test_a_monitor_that_starts_again_knows_how_late_a_source_is_and_one_without_its_file_waits_for_longer(nightly: Watch) -> None:
    """No alarm on the days behind a start either way, and one in the end."""
    assert nightly.false_alarms(ms(BATCHES[20], "12:00")) == []
    nightly.start()
    assert nightly.false_alarms(ms(BATCHES[22], "12:00")) == []
    nightly.path.write_bytes(b"[[")  # torn by a machine that lost its power
    nightly.start()
    assert nightly.false_alarms(ms(AFTER_NEXT, "02:00")) == []
    assert nightly.false_alarms(ms(AFTER_NEXT, "17:30")) == [f"{AFTER_NEXT} 17:10", f"{AFTER_NEXT} 17:20", f"{AFTER_NEXT} 17:30"]


def test_a_source_that_is_dead_is_told_though_the_monitor_loses_its_file_every_day(tmp_path: Path) -> None:
    """What is not known makes it wait for two working days and no longer."""
    watch = Watch(tmp_path / "arrivals.json", [event for day in BATCHES for event in at_once(day)])
    watch.now_ms = ms(LAST, "18:00")
    for day in (NEXT, AFTER_NEXT):
        watch.path.unlink(missing_ok=True)
        watch.start()
        assert watch.false_alarms(ms(day, "08:00")) == []
    assert watch.false_alarms(ms(AFTER_NEXT, "18:00"))[0] == f"{AFTER_NEXT} 17:10"


def test_a_source_whose_events_come_as_they_happen_is_missed_within_the_hour_once_it_has_been_seen_for_three_days(tmp_path: Path) -> None:
    """Nights and weekends are no silence; an outage of a day does not make the next one welcome."""
    come = [event for day in BATCHES if day not in BATCHES[8:10] for event in at_once(day)]
    watch = Watch(tmp_path / "arrivals.json", come)
    assert watch.false_alarms(ms(BATCHES[8], "09:00")) == []
    assert watch.false_alarms(ms(BATCHES[8], "10:00"))[0] == f"{BATCHES[8]} 09:10"
    watch.false_alarms(ms(BATCHES[10], "08:30"))
    assert watch.false_alarms(ms(NEXT, "09:00")) == []
    assert watch.false_alarms(ms(NEXT, "10:00"))[0] == f"{NEXT} 09:10"


def test_a_file_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Such as on a full disk: the watch goes on."""
    (tmp_path / "file").touch()
    watch = Watch(tmp_path / "file" / "arrivals.json", [event for day in BATCHES for event in each_night(day)])
    assert watch.false_alarms(ms(AFTER_NEXT, "13:00")) == []
    assert watch.false_alarms(ms(AFTER_NEXT, "14:00"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_source_that_gave_up_heartbeats_is_spoken_of_for_as_long_as_anything_comes_from_it() -> None:
    """Its cases wait for the claim; a source of which nothing comes at all is forgotten after four weeks."""
    now_ms, gap_ms = ms(LAST, "12:00"), HOUR_MS

    def before(days: int) -> Pulse:
        return Pulse(now_ms - days * DAY_MS, gap_ms)

    claims = {("gave-up", ARCHIVE_RECEIVED): before(29), ("half", ARCHIVE_RECEIVED): before(29), ("gone", ARCHIVE_RECEIVED): before(29)}
    events = {("gave-up", ARCHIVE_RECEIVED): before(0), ("half", CASE_CLOSED): before(0), ("gone", ARCHIVE_RECEIVED): before(30)}
    found = told(events, claims, now_ms)
    assert found == {place: claims.get(place) or events[place] for place in [*claims, *events] if place[0] != "gone"}
    assert [now_ms - found[source, ARCHIVE_RECEIVED].last_ms > gap_ms for source in ("gave-up", "half")] == [True, True]
    assert told(events, {}, now_ms).keys() == {("gave-up", ARCHIVE_RECEIVED), ("half", CASE_CLOSED)}
