"""What sources claim on ``feed-heartbeat``, read on from where the last look ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from consumers.sources import SLOT_MS
from ops.monitor.rhythm import LOOKBACK_MS
from ops.reading import read_topic
from streams.contracts import CASE_INPUTS, FEED_HEARTBEAT, codec
from streams.domain.time import LATEST_MS
from streams.errors import InvalidRecord
from streams.settings import Settings

_MOST_DELAY_MS = LOOKBACK_MS // 7


@dataclass(slots=True)
class Claims:
    """What a source says of one topic: *everything through this time has been sent*.

    Parameters
    ----------
    through_ms
        Its claims, rising, the last of each slot of ten minutes; those of a past that no rhythm is taken from are dropped.
    told_ms
        When each was written to the broker, by the job clock.
    """

    through_ms: list[int] = field(default_factory=list)
    told_ms: list[int] = field(default_factory=list)

    def add(self, through_ms: int, told_ms: int) -> None:
        """Take in a claim; one that goes back says nothing."""
        if self.through_ms:
            if through_ms <= self.through_ms[-1]:
                return
            if through_ms // SLOT_MS == self.through_ms[-1] // SLOT_MS:
                del self.through_ms[-1], self.told_ms[-1]
        self.through_ms.append(through_ms)
        self.told_ms.append(told_ms)
        kept = next(number for number, at in enumerate(self.through_ms) if at > through_ms - LOOKBACK_MS)
        del self.through_ms[:kept], self.told_ms[:kept]

    @property
    def delay_ms(self) -> int:
        """How long after a time it is usually claimed; claims of long ago, as in a replay, say nothing about that."""
        delays = [told - through for through, told in zip(self.through_ms, self.told_ms, strict=True)]
        return round(median([each for each in delays if 0 <= each < _MOST_DELAY_MS] or [0]))


class Heartbeats:
    """Follows the topic, whenever it is asked to.

    Parameters
    ----------
    shift_ms
        Job clock minus wall clock: the broker's time stamps are of the wall.
    """

    def __init__(self, settings: Settings, shift_ms: int) -> None:
        self._settings, self._shift_ms = settings, shift_ms
        self._positions: dict[int, int] = {}
        self._claims: defaultdict[tuple[str, str], Claims] = defaultdict(Claims)

    def look(self) -> Mapping[tuple[str, str], Claims]:
        """Read what is new; return all claims by (source, topic), which the next look changes.

        Raises
        ------
        DependencyError
            Kafka or the topic is away; what was read before is kept.
        """
        for message in read_topic(self._settings, FEED_HEARTBEAT, positions=self._positions):
            self._take(message)
            self._positions[message.partition()] = message.offset() + 1
        return self._claims

    def _take(self, message: Any) -> None:
        try:
            claim = codec(FEED_HEARTBEAT).decode(message.value())
        except InvalidRecord:
            return  # workers write the dead letter
        topic, through_ms = claim["topic"].removeprefix(self._settings.kafka.topic_prefix), claim["complete_through"]
        # One that workers refuse as out of range would stand above all that follow, and so would one of a time still to come.
        if topic in CASE_INPUTS and claim["source_system"] and through_ms < LATEST_MS:
            told_ms = message.timestamp()[1] + self._shift_ms
            self._claims[claim["source_system"], topic].add(min(through_ms, told_ms), told_ms)
