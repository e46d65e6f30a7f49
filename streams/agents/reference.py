"""Takes in the reference topics and says which cases each record may change."""

from __future__ import annotations

import logging
from typing import Any

from streams.agents.terms import Range, source_range, unit_range
from streams.clock import Clock
from streams.contracts import CASE_INPUTS, FEED_HEARTBEAT, UNIT_REGISTRY, codec
from streams.domain.reference import Reference
from streams.errors import InvalidRecord

logger = logging.getLogger(__name__)


class ReferenceKeeper:
    """Keeps :class:`Reference` up to date.

    A record that cannot be read is counted, named in the log by its place, and left where it is: reference topics
    are read from their beginning at every start, by every worker, so nothing moves past it.
    """

    def __init__(self, *, reference: Reference, topic_prefix: str, clock: Clock) -> None:
        self._reference, self._clock, self._prefix = reference, clock, topic_prefix
        self._takers = {topic_prefix + UNIT_REGISTRY: self._unit, topic_prefix + FEED_HEARTBEAT: self._heartbeat}
        self._codecs = {topic_prefix + name: codec(name) for name in (UNIT_REGISTRY, FEED_HEARTBEAT)}
        self.rejected = 0

    @property
    def topics(self) -> tuple[str, ...]:
        """The reference topics on the broker."""
        return tuple(self._takers)

    def on_record(self, record: Any) -> list[Range]:
        """Take in one record (``topic()``, ``value()``, ``partition()``, ``offset()``); return which cases to judge again."""
        topic = record.topic()
        try:
            return self._takers[topic](self._codecs[topic].decode(record.value()))
        except InvalidRecord as error:
            self.rejected += 1
            logger.warning("参照数据未采用 reference record not taken: %s/%s@%s: %s", topic, record.partition(), record.offset(), error)
            return []

    def _unit(self, row: dict[str, Any]) -> list[Range]:
        return [unit_range(row["unit_code"])] if self._reference.units.add(row) else []

    def _heartbeat(self, claim: dict[str, Any]) -> list[Range]:
        topic = claim["topic"].removeprefix(self._prefix)
        if topic not in CASE_INPUTS:
            raise InvalidRecord(
                "UNKNOWN_TOPIC", f"心跳所指主题不存在 the heartbeat speaks of {topic!r}, expected one of {', '.join(CASE_INPUTS)}"
            )
        source = claim["source_system"]
        new = self._reference.feeds.add(source, topic, claim["complete_through"], self._clock.now_ms())
        return [source_range(source)] if new else []
