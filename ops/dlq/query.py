"""Which dead letters are meant: by reason, source topic, key and time of writing, or one by one by their places."""

from __future__ import annotations

from dataclasses import dataclass

from ops.dlq.letter import Entry, Place


@dataclass(frozen=True, slots=True)
class Query:
    """Every condition that is given has to hold.

    Parameters
    ----------
    reasons
        Any of these; empty: every one.
    topic
        Name of the source topic on the broker; empty: every one.
    key
        Of the source record; ``None``: every one.
    since_ms, until_ms
        Written at or after, and before.
    places
        Only these, and nothing else is asked; empty: every one.
    """

    reasons: frozenset[str] = frozenset()
    topic: str = ""
    key: bytes | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    places: frozenset[Place] = frozenset()

    def matches(self, entry: Entry) -> bool:
        """Whether a dead letter is meant."""
        if self.places:
            return entry.place in self.places
        return (
            (not self.reasons or entry.reason in self.reasons)
            and (not self.topic or entry.topic == self.topic)
            and (self.key is None or (entry.key or b"") == self.key)
            and (self.since_ms is None or entry.written_at_ms >= self.since_ms)
            and (self.until_ms is None or entry.written_at_ms < self.until_ms)
        )


def newest(entries: list[Entry], limit: int) -> list[Entry]:
    """The last ``limit`` written, in the order of writing; 0: all."""
    ordered = sorted(entries, key=lambda entry: (entry.written_at_ms, entry.place))
    return ordered[-limit:] if limit else ordered
