"""When sources were heard of, as against the times of what they sent: a batch at night tells the times of the whole day before it.

Nothing keeps when an event came. So it is noted here, look by look, and in a file: a monitor that starts again goes on with what was known.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from ops.files import read_if_there, write_whole
from ops.monitor.rhythm import LOOKBACK_MS, worked_ms
from streams.domain.calendar import WorkCalendar
from streams.domain.time import DAY_MS, day_of

log = logging.getLogger(__name__)

LEAST_DAYS = 3
"""The first is seen in part only, and one may be an outage."""
Place = tuple[str, str]
"""A source and a topic."""


@dataclass(slots=True)
class Arrival:
    """What was seen of a source on a topic.

    Parameters
    ----------
    last_ms
        Time of its last event.
    heard_ms
        When that came: when it was first seen.
    silences_ms
        By local day, the longest silence that ended on it, from one arrival to the next, in working time.
    """

    last_ms: int
    heard_ms: int
    silences_ms: dict[int, int]

    def take(self, last_ms: int, now_ms: int, calendar: WorkCalendar) -> None:
        """Something came."""
        today = day_of(now_ms)
        longest_ms = max(self.silences_ms.get(today, 0), worked_ms(self.heard_ms, now_ms, calendar))
        kept = {day: silence for day, silence in self.silences_ms.items() if today - LOOKBACK_MS // DAY_MS < day < today}
        self.last_ms, self.heard_ms, self.silences_ms = last_ms, now_ms, {**kept, today: longest_ms}

    @property
    def silence_ms(self) -> int | None:
        """The longest silence of a day but one, in working time, that of an outage as often as not; ``None``: too few days were seen."""
        found = sorted(self.silences_ms.values())
        return found[-2] if len(found) >= LEAST_DAYS else None


class Arrivals:
    """Of all sources.

    Parameters
    ----------
    path
        The file, which need not be there.

    Raises
    ------
    ConfigurationError
        It is there and cannot be read.
    """

    def __init__(self, path: Path, calendar: WorkCalendar) -> None:
        self._path, self._calendar = path, calendar
        self._of = self._read()
        self._troubled = False

    def look(self, last_ms: Mapping[Place, int], now_ms: int) -> Mapping[Place, Arrival]:
        """Note what came since the last look; return what was seen of all that are asked of, which the next look changes.

        Parameters
        ----------
        last_ms
            Time of the last event, by place.
        """
        changed = False
        for place, at_ms in last_ms.items():
            known = self._of.get(place)
            if known is None:
                self._of[place], changed = Arrival(at_ms, now_ms, {}), True
            elif at_ms != known.last_ms:  # also back: after a correction, or in a database that is filled anew
                known.take(at_ms, now_ms, self._calendar)
                changed = True
        self._of = {place: of for place, of in self._of.items() if place in last_ms or now_ms - of.heard_ms < LOOKBACK_MS}
        if changed:
            self._write()
        return self._of

    def _read(self) -> dict[Place, Arrival]:
        try:
            rows = orjson.loads(read_if_there(self._path) or b"[]")
        except orjson.JSONDecodeError:
            log.warning("%s: 读不懂，重新开始 cannot be understood, begun anew", self._path)
            rows = []
        return {(source, topic): Arrival(last_ms, heard_ms, dict(silences)) for source, topic, last_ms, heard_ms, silences in rows}

    def _write(self) -> None:
        """The file is for the next start alone: this process goes on without it, and tells so once."""
        rows = [[*place, of.last_ms, of.heard_ms, [*of.silences_ms.items()]] for place, of in self._of.items()]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, orjson.dumps(rows))
        except OSError as error:
            if not self._troubled:
                log.warning("%s: 写不了 cannot be written: %s", self._path, error.strerror)
            self._troubled = True
        else:
            self._troubled = False
