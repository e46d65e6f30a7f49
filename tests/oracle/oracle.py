"""The rules of the domain once more, as one batch over all events: sort, group, look.

Written from the rules alone and sharing no code with ``streams.domain``, so that a misreading has to be made twice to pass. It knows no
order of arrival, no state and no clock: what it says is what the system must come to say once it has read everything up to ``now_ms``.

Events are the records on the wire as dictionaries, by topic; fields with a default may be left out. Times are epoch milliseconds, dates
days since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.calendar import due_ms, shanghai_day
from tests.oracle.events import Canonical, Event, Events, by, item_key, json_bytes, one_per_id, rank
from tests.oracle.items import main_item_of, normalise, type_of
from tests.oracle.quality import findings, is_suspected_test
from tests.oracle.reference import Reference
from tests.oracle.verdict import UNKNOWN_DISTRICT, AcceptedArchive, Verdict

REFUSALS = frozenset({"ARCHIVING_FAILED", "DOWNLOAD_FAILED", "UNPACK_FAILED", "INSPECTION_FAILED", "DIGEST_MISMATCH"})
DEFAULT_POLICY: Mapping[str, Any] = {
    "deadline": "3 workdays",
    "deadline_by_item": {},
    "orphan_grace_ms": 24 * 3_600_000,
    "count_unknown_closing": True,
    "count_forwarded": False,
    "count_vertical": False,
    "count_before_plan": False,
    "count_unregistered": True,
}


def judge(
    events: Events,
    now_ms: int,
    policy: Mapping[str, Any] = DEFAULT_POLICY,
    *,
    as_of: bool = False,
    canonical: Canonical = json_bytes,
) -> dict[str, Verdict]:
    """Judge every case number that any event names.

    Parameters
    ----------
    as_of
        ``now_ms`` lies in the past: closings and archives timed after it are ignored, corrections and reference rows are today's.
    """
    court = _Court(events, now_ms, {**DEFAULT_POLICY, **policy}, as_of, canonical)
    closings = by(events.get("case-closed", ()), "case_no")
    archives = by(events.get("archive-received", ()), "case_no")
    return {case_no: court.judge(case_no, closings.get(case_no, []), archives.get(case_no, [])) for case_no in {**closings, **archives}}


@dataclass
class _Court:
    events: Events
    now_ms: int
    policy: Mapping[str, Any]
    as_of: bool
    canonical: Canonical
    reference: Reference = field(init=False)
    complete_through: dict[tuple[str, str], int] = field(init=False)

    def __post_init__(self) -> None:
        self.reference = Reference(self.events, self.policy, self.canonical)
        self.complete_through = {}
        for beat in self.events.get("feed-heartbeat", ()):
            feed = (beat["source_system"], beat["topic"])
            self.complete_through[feed] = max(self.complete_through.get(feed, 0), beat["complete_through"])

    def judge(self, case_no: str, all_closings: list[Event], all_archives: list[Event]) -> Verdict:
        closings = one_per_id(all_closings, self.canonical)
        closing = max(closings, key=rank, default=None)
        if closing and self.as_of and closing["closed_at"] > self.now_ms:
            closing = None
        standing = self._standing(all_archives)
        acceptances = {number: min(good, key=_moment) for number, each in standing.items() if (good := _with(each, {"ACCEPTED"}))}
        first = min(acceptances.values(), key=_moment, default=None)
        refused = not acceptances and any(_with(each, REFUSALS) for each in standing.values())
        known: dict[str, Any] = {"case_no": case_no, "received_at": first["received_at"] if first else None, "refused": refused}
        if closing is None:
            verdict = self._without_closing(known, first)
        else:
            known |= {"unit_code": closing["unit_code"], "item_code": normalise(closing["item_code"]), "closed_at": closing["closed_at"]}
            known["source_system"] = closing.get("source_system", "")
            known["district_code"] = (
                self._district(closing["unit_code"], closing["closed_at"]) or closing["district_code"] or UNKNOWN_DISTRICT
            )
            verdict = self._with_closing(known, closing)
        found = set()
        if verdict.status == "UNARCHIVED":
            found.add("UNARCHIVED")
        if verdict.status == "ORPHAN":
            found.add("ORPHAN_ARCHIVE")
        if verdict.counted and refused:
            found.add("REFUSED")
        if verdict.status != "EXCLUDED" and len(acceptances) > 1:
            found.add("DUPLICATE_ARCHIVE")
        if verdict.status != "EXCLUDED" and _collide(closings):
            found.add("CASE_NO_COLLISION")
        flags: frozenset[str] = frozenset()
        if closing:
            accepted = list(acceptances.values())
            found |= self._quality(closing, accepted, verdict)
            flags = self._flags(closing, accepted) if verdict.counted else flags
        archives = tuple(self._archive(number, event, verdict) for number, event in sorted(acceptances.items()))
        return Verdict(**{**verdict.__dict__, "anomalies": frozenset(found), "flags": flags, "archives": archives})

    def _quality(self, closing: Event, accepted: list[Event], verdict: Verdict) -> frozenset[str]:
        if verdict.counted:
            return findings(closing, accepted, self.reference)
        is_test = closing.get("is_test", False) and not verdict.deleted
        return frozenset({"TEST_CASE"} if is_test and accepted else ())

    def _flags(self, closing: Event, accepted: list[Event]) -> frozenset[str]:
        flags = self.reference.flags(item_key(closing), shanghai_day(closing["closed_at"]))
        titles = [event.get("title", "") for event in (closing, *accepted)]
        return flags | ({"SUSPECTED_TEST"} if is_suspected_test(titles) else frozenset())

    def _standing(self, all_archives: list[Event]) -> dict[str, list[Event]]:
        """Archive number -> its events that count; numbers that were deleted are not there."""
        standing = {}
        for number, each in by(one_per_id(all_archives, self.canonical), "archive_no").items():
            highest = max(event.get("revision", 1) for event in each)
            counting = [event for event in each if event.get("revision", 1) == highest]
            if not any(event.get("deleted", False) for event in counting):
                standing[number] = [event for event in counting if not self.as_of or event["received_at"] <= self.now_ms]
        return standing

    def _without_closing(self, known: dict[str, Any], first: Event | None) -> Verdict:
        if first is None:
            return Verdict(**known, status="NOT_CLOSED")
        known |= {"unit_code": first["unit_code"], "item_code": normalise(first["item_code"])}
        known["district_code"] = self._district(first["unit_code"], first["received_at"]) or UNKNOWN_DISTRICT
        grace_ends = first["received_at"] + self.policy["orphan_grace_ms"]
        orphan = self.now_ms >= grace_ends and not self._silent(first, "case-closed", grace_ends)
        return Verdict(**known, status="ORPHAN" if orphan else "NOT_CLOSED")

    def _with_closing(self, known: dict[str, Any], closing: Event) -> Verdict:
        if reason := self._exclusion(closing):
            return Verdict(**known, status="EXCLUDED", reason=reason, deleted=closing.get("deleted", False))
        item = known["item_code"]
        by_item = self.policy["deadline_by_item"]
        limit = by_item.get(item) or by_item.get(main_item_of(item)) or self.policy["deadline"]
        due_at = due_ms(closing["closed_at"], limit)
        received_at = known["received_at"]
        if received_at is not None:
            return Verdict(**known, due_at=due_at, status="ARCHIVED" if received_at <= due_at else "ARCHIVED_LATE")
        if self.now_ms < due_at:
            return Verdict(**known, due_at=due_at, status="AWAITING")
        if self._silent(closing, "archive-received", due_at):
            return Verdict(**known, due_at=due_at, status="AWAITING", reason="SOURCE_SILENT")
        return Verdict(**known, due_at=due_at, status="UNARCHIVED", reason="REFUSED" if known["refused"] else "NONE_RECEIVED")

    def _exclusion(self, closing: Event) -> str:
        state = closing.get("closing_state", "CLOSED")
        checks = {
            "DELETED": closing.get("deleted", False),
            "VOIDED": state == "VOIDED",
            "FORWARDED": state == "FORWARDED" and not self.policy["count_forwarded"],
            "UNKNOWN_STATE": state == "UNKNOWN" and not self.policy["count_unknown_closing"],
            "TEST_CASE": closing.get("is_test", False),
            "OUTSIDE_TYPES": not type_of(normalise(closing["item_code"])),
        }
        first = next((reason for reason, holds in checks.items() if holds), "")
        return first or self.reference.not_expected(item_key(closing), shanghai_day(closing["closed_at"]))

    def _silent(self, event: Event, topic: str, moment_ms: int) -> bool:
        """The event's source says how far it is on that topic, and is not that far."""
        said = self.complete_through.get((event.get("source_system", ""), topic))
        return bool(event.get("source_system", "")) and said is not None and said < moment_ms

    def _district(self, unit_code: str, moment_ms: int) -> str:
        return self.reference.district(unit_code, shanghai_day(moment_ms))

    def _archive(self, number: str, event: Event, verdict: Verdict) -> AcceptedArchive:
        district = self._district(event["unit_code"], event["received_at"] if verdict.closed_at is None else verdict.closed_at)
        if not district and verdict.closed_at is not None and verdict.unit_code == event["unit_code"]:
            district = verdict.district_code
        return AcceptedArchive(
            number,
            event["received_at"],
            event["unit_code"],
            district or UNKNOWN_DISTRICT,
            normalise(event["item_code"]),
            event.get("source_system", "") or verdict.source_system,
        )


def _moment(event: Event) -> tuple[int, str]:
    return event["received_at"], event["event_id"]


def _with(events: list[Event], receipts: Iterable[str]) -> list[Event]:
    return [event for event in events if event["receipt"] in receipts]


def _collide(closings: list[Event]) -> bool:
    alive = [event for event in closings if not event.get("deleted", False)]
    pairs = [(event["accepted_at"], normalise(event["item_code"])) for event in alive]
    return any(a[0] != b[0] and a[1] != b[1] for a in pairs for b in pairs)
