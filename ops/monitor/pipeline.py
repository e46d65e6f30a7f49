"""The pipeline as the broker sees it: lag, watermark, and whether the figures have caught up since something was started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric as Family

from ops.caught_up import Observer, Standing
from ops.lag import Lags, lags_of
from ops.monitor.metrics import CAUGHT_UP, CAUGHT_UP_SINCE_START, LAG_RECORDS, LAG_SECONDS, WATERMARK_AGE
from ops.monitor.question import Question
from streams.contracts import JOB_INPUTS
from streams.settings import Settings

CURRENT_SECONDS = 30.0
"""Under steady traffic there is always a record on its way: who is no further behind than this has caught up all the same."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look."""

    lags: Lags
    caught_up_since_start: bool


class Since:
    """Whether there was a moment, since the last start of a worker or of this process, at which everything was done."""

    def __init__(self) -> None:
        self._were_there: frozenset[str] = frozenset()
        self._ever = False

    def look(self, *, current: bool, workers: frozenset[str]) -> bool:
        """Take one look into account.

        Parameters
        ----------
        current
            Whether everything is done now.
        workers
            The members of the group now. One that was not there the last time that everything was done has started since.
        """
        if current:
            self._ever, self._were_there = True, workers
        return self._ever and workers <= self._were_there


class Pipeline:
    """Looks at the broker when it is asked to; one connection for many looks."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._clock = settings, settings.make_clock()
        self._observer: Observer | None = None
        self._since = Since()
        self._question = Question("流水线 pipeline", self._look)

    def begin(self) -> None:
        """Ask."""
        self._question.begin()

    def families(self) -> Iterator[Family]:
        """Nothing at all while Kafka is away."""
        seen = self._question.answer()
        if seen is None:
            return
        topics = seen.lags.topics
        yield LAG_RECORDS.family({(topic,): lag.records for topic, lag in topics.items()})
        yield LAG_SECONDS.family({(topic,): lag.seconds for topic, lag in topics.items() if lag.seconds is not None})
        yield WATERMARK_AGE.single(watermark_age_seconds(seen.lags))
        yield CAUGHT_UP.single(seen.lags.caught_up)
        yield CAUGHT_UP_SINCE_START.single(seen.caught_up_since_start)

    def _look(self) -> Seen:
        observer, self._observer = self._observer or Observer(self._settings), None
        # Members before progress: one that joins in between is a member the next time, and progress is then its own.
        workers, standing = observer.workers(), observer.standing()
        lags = lags_of(self._settings, standing, self._clock.now_ms())
        self._observer = observer  # a look that failed leaves none: the next one connects anew
        return Seen(lags, self._since.look(current=is_current(lags, standing), workers=workers))


def watermark_age_seconds(lags: Lags) -> float | None:
    """Age of the least watermark; ``None`` while a partition has none."""
    ages = [lags.topics[topic].seconds for topic in JOB_INPUTS]
    known = [age for age in ages if age is not None]
    return max(known) if len(known) == len(ages) else None


def is_current(lags: Lags, standing: Standing) -> bool:
    """Whether everything is done, but for what came in a moment ago."""
    if lags.caught_up:
        return True
    evaluated = all(progress.fingerprint is not None for progress in standing.progress.values())
    return evaluated and all(lag.seconds is not None and lag.seconds <= CURRENT_SECONDS for lag in lags.topics.values())
