"""What is known of one case: the merge of its events (办结 and 归档), whatever their order and however often they come.

Facts never depend on reference data, policy or time. They hold just the events that count, so that the merge is a
join-semilattice: commutative, associative, idempotent.

- The closing is the event with the highest (revision, event_id), even if it is a deletion.
- Of each archive number only events of the highest revision are kept, each event_id once.
- Two contents under one identity: the larger canonical bytes win, and that it happened is remembered.
- Closings that differ in both accepting time and item make a collision, for good: two cases share a number.

Events are plain dicts with the fields of the Avro record, less the title (a keyed hash stands for it) and less the materials (a digest).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from streams.domain.items import parse_item

Event = Mapping[str, Any]

MAX_ARCHIVE_EVENTS = 1_000
MAX_FACTS_BYTES = 1_500_000
"""More counting archive events than this in one case, or larger ones, are a source gone wrong: its state must fit into a message."""
_FEW = 4
"""So many of any size that is taken in are smaller than that."""
MAX_IDENTITIES = 100
"""Closings of one number that differ more often than this are several cases, even if each two have something in common."""

REFUSED_RECEIPTS = frozenset({"ARCHIVING_FAILED", "DOWNLOAD_FAILED", "UNPACK_FAILED", "INSPECTION_FAILED", "DIGEST_MISMATCH"})


class TooManyEvents(ValueError):
    """One case has :data:`MAX_ARCHIVE_EVENTS` archive events that count, or with one more would exceed :data:`MAX_FACTS_BYTES`."""


def earliest(archive_events: Sequence[Event]) -> Event | None:
    """The first by (received_at, event_id); ``None`` of none."""
    if len(archive_events) == 1:  # nearly always
        return archive_events[0]
    return min(archive_events, key=by_time) if archive_events else None


def canonical(event: Event) -> bytes:
    """The bytes that decide between two contents of one event: JSON, keys sorted."""
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)


@dataclass(slots=True)
class ArchiveFacts:
    """One archive number (电子文件号): the events of its highest revision, by event_id."""

    revision: int
    events: dict[str, Event]
    conflict: bool = False

    @property
    def deleted(self) -> bool:
        """Whether a deletion is among the events."""
        return True in [event["deleted"] for event in self.events.values()]

    def acceptance(self) -> Event | None:
        """The earliest acceptance."""
        return earliest([event for event in self.events.values() if event["receipt"] == "ACCEPTED"])

    def refusals(self) -> list[Event]:
        """All refusals in the order of time; the last is the one that stands."""
        return sorted([event for event in self.events.values() if event["receipt"] in REFUSED_RECEIPTS], key=by_time)


@dataclass(slots=True)
class CaseFacts:
    """The merged events of one case.

    Parameters
    ----------
    closing
        The closing that counts; ``None`` before any came.
    conflict
        Its identity came with two contents.
    identities
        The (accepted_at, item) of every closing that was not a deletion, as long as none collide.
    collision
        Two closings differ in both.
    archives
        By archive number, deleted ones included.
    """

    closing: Event | None = None
    conflict: bool = False
    identities: list[tuple[int, str]] = field(default_factory=list)
    collision: bool = False
    archives: dict[str, ArchiveFacts] = field(default_factory=dict)
    _dumped: bytes | None = field(default=None, repr=False, compare=False)
    _standing: list[tuple[str, ArchiveFacts]] | None = field(default=None, repr=False, compare=False)
    _accepted: list[tuple[str, Event]] | None = field(default=None, repr=False, compare=False)

    def add_closing(self, event: Event) -> bool:
        """Take in a CaseClosed; return whether anything changed."""
        self._dumped = None
        changed = self._add_identity(event)
        old = self.closing
        if old is None or _version(event) > _version(old):
            self.closing, self.conflict = event, False
            return True
        if _version(event) == _version(old) and event != old:
            self.conflict = changed = True
            if canonical(event) > canonical(old):
                self.closing = event
        return changed

    def add_archive(self, event: Event) -> bool:
        """Take in an ArchiveReceived; return whether anything changed.

        Raises
        ------
        TooManyEvents
            Nothing was taken in.
        """
        self._dumped = self._standing = self._accepted = None
        number, event_id = event["archive_no"], event["event_id"]
        known = self.archives.get(number)
        if known is None or event["revision"] > known.revision:
            self._check_room(event, without=known)
            self.archives[number] = ArchiveFacts(event["revision"], {event_id: event})
            return True
        if event["revision"] < known.revision:
            return False
        old = known.events.get(event_id)
        if old == event:
            return False
        if old is None:
            self._check_room(event, without=None)
        else:
            event = max(event, old, key=canonical)
            if event is not old:
                self._check_bytes(event)
            known.conflict = True
        known.events[event_id] = event
        return True

    def standing(self) -> list[tuple[str, ArchiveFacts]]:
        """Archive numbers that were not deleted, in order."""
        if self._standing is None:
            self._standing = [(number, archive) for number, archive in sorted(self.archives.items()) if not archive.deleted]
        return self._standing

    def accepted(self) -> list[tuple[str, Event]]:
        """The earliest acceptance of each archive number that stands and has one."""
        if self._accepted is None:
            self._accepted = [(number, event) for number, archive in self.standing() if (event := archive.acceptance())]
        return self._accepted

    def until(self, time_ms: int) -> CaseFacts:
        """What would be known, had closings and archives timed after a moment not come; corrections of the others stay."""
        closing = self.closing if self.closing is not None and self.closing["closed_at"] <= time_ms else None
        archives = {
            number: ArchiveFacts(archive.revision, events, archive.conflict)
            for number, archive in self.standing()
            if (events := {event_id: event for event_id, event in archive.events.items() if event["received_at"] <= time_ms})
        }
        return CaseFacts(closing, self.conflict, self.identities, self.collision, archives)

    def version(self) -> list[Any]:
        """Which events are known: grows with every one that counts, stays with every repetition, so that it never comes back."""
        closing = _version(self.closing) if self.closing else None
        return [closing, [(number, archive.revision, len(archive.events)) for number, archive in sorted(self.archives.items())]]

    def _add_identity(self, event: Event) -> bool:
        if event["deleted"] or self.collision:
            return False
        identity = (event["accepted_at"], parse_item(event["item_code"]).code)
        if identity in self.identities:
            return False
        differs = any(identity[0] != other[0] and identity[1] != other[1] for other in self.identities)
        if differs or len(self.identities) == MAX_IDENTITIES:
            self.collision, self.identities = True, []
        else:
            self.identities = sorted([*self.identities, identity])
        return True

    def _check_room(self, event: Event, without: ArchiveFacts | None) -> None:
        held = sum(len(archive.events) for archive in self.archives.values() if archive is not without)
        if held >= MAX_ARCHIVE_EVENTS:
            raise TooManyEvents(held)
        if held >= _FEW:
            self._check_bytes(event)

    def _check_bytes(self, event: Event) -> None:
        if len(self._packed()) + len(canonical(event)) > MAX_FACTS_BYTES:
            raise TooManyEvents(sum(len(archive.events) for archive in self.archives.values()))

    def dump(self) -> bytes:
        """Bytes from which :meth:`load` makes the same facts; equal facts give equal bytes."""
        if self._dumped is None:
            self._dumped = self._packed()
        return self._dumped

    def _packed(self) -> bytes:
        archives = {no: [a.revision, a.conflict, a.events] for no, a in self.archives.items()}
        known = [self.closing, self.conflict, self.identities, self.collision, archives]
        return orjson.dumps(known, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def load(cls, dumped: bytes) -> CaseFacts:
        """Facts from :meth:`dump`; empty bytes are a case of which nothing is known.

        Raises
        ------
        ValueError
            They are not from there.
        """
        if not dumped:
            return cls()
        try:
            closing, conflict, identities, collision, archives = orjson.loads(dumped)
            return cls(
                closing=closing,
                conflict=conflict,
                identities=[(accepted_at, item) for accepted_at, item in identities],
                collision=collision,
                archives={no: ArchiveFacts(revision, events, odd) for no, (revision, odd, events) in archives.items()},
                _dumped=dumped,
            )
        except (TypeError, AttributeError) as error:
            raise ValueError("these bytes are no facts of a case") from error


def _version(event: Event) -> tuple[int, str]:
    return event["revision"], event["event_id"]


def by_time(event: Event) -> tuple[int, str]:
    """The order of archive events in time."""
    return event["received_at"], event["event_id"]
