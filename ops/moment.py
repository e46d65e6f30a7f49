"""The moment of ``--as-of``, which takes the place of the clock, the watermark's included."""

from __future__ import annotations

from contextlib import closing

from consumers.coverage import CompleteThrough, Judged
from ops.reading import TopicReader
from ops.recompute import read_reference
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, FEED_HEARTBEAT
from streams.domain.reference import Feeds
from streams.domain.time import LATEST_MS
from streams.setting_types import duration_ms
from streams.settings import Settings

_TOPICS = (CASE_CLOSED, ARCHIVE_RECEIVED)


def judged(settings: Settings, at_ms: int, feeds: Feeds) -> Judged:
    """The moment as figures take it.

    Parameters
    ----------
    feeds
        All that sources have said: what fell due by then, and what is without its case, is known by what they say to have sent.
    """
    grace_ms = duration_ms(settings.policy.orphan_grace)
    return Judged(at_ms, grace_ms, complete_through(feeds), ahead=at_ms > settings.make_clock().now_ms())


def complete_through(feeds: Feeds) -> CompleteThrough:
    """How far sources say to be complete, whenever they said it."""
    return CompleteThrough(*({source: _last(feeds, source, topic) for source in feeds.sources(topic)} for topic in _TOPICS))


def heartbeats(settings: Settings) -> Feeds:
    """What sources have said on ``feed-heartbeat``.

    Raises
    ------
    DependencyError
        Kafka or the topic is not there.
    """
    with closing(TopicReader(settings)) as topics:
        reference = read_reference(settings, lambda name: topics.read(name) if name == FEED_HEARTBEAT else ())
    return reference.feeds


def _last(feeds: Feeds, source: str, topic: str) -> int:
    return feeds.through(source, topic, LATEST_MS) or 0
