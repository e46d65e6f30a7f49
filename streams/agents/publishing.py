"""Findings onto their topics, as CloudEvents; what was told is counted."""

from __future__ import annotations

from streams.agents.outcomes import anomaly_headers
from streams.contracts import ANOMALY_TOPICS, codec
from streams.domain.findings import Publication
from streams.domain.rules import KINDS
from streams.runtime.job import Work


class Publisher:
    """Writes publications.

    Parameters
    ----------
    told
        How many were published since the process started, by kind and state; for the metrics.
    """

    def __init__(self, topic_prefix: str) -> None:
        self._codecs = {topic: codec(topic) for topic in ANOMALY_TOPICS}
        self._names = {topic: topic_prefix + topic for topic in ANOMALY_TOPICS}
        self.told: dict[tuple[str, str], int] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics on the broker."""
        return tuple(self._names.values())

    def tell(self, work: Work, key: bytes, told: Publication) -> None:
        """Publish one, keyed by its subject."""
        kind, state = told.record["kind"], told.record["state"]
        topic = KINDS[kind].topic
        work.emit(self._names[topic], key, self._codecs[topic].encode(told.record), anomaly_headers(told, self._names[topic]))
        self.told[kind, state] = self.told.get((kind, state), 0) + 1
