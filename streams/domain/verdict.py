"""The verdict on one case: counted or not, archived or not, at a moment.

:func:`judge` turns facts into a *state*, the record of ``case-state`` without its bytes of facts. It is a pure
function of facts, policy, calendar,
reference data and the moment; nothing of the former state enters but whether absence was established, and how far its source had
already been heard to be complete, which only grows.

Absence is a negative fact: UNARCHIVED and ORPHAN are stated only when the input that would speak against them has
been read through the moment in
question, and where the case's source sends heartbeats, when it has declared itself complete through that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.domain.calendar import WorkCalendar
from streams.domain.expected import not_expected
from streams.domain.facts import ArchiveFacts, CaseFacts, Event, by_time, earliest
from streams.domain.items import Item, parse_item
from streams.domain.policy import Policy
from streams.domain.reference import Reference, item_key
from streams.domain.time import LATEST_MS, day_of

State = dict[str, Any]

CLOSINGS, ARCHIVES = "case-closed", "archive-received"
SOURCE_SILENT = "SOURCE_SILENT"
_ABSENT = frozenset({"UNARCHIVED", "ORPHAN"})

FLAG_CLOSING_CONFLICT = "CLOSING_CONFLICT"
FLAG_ARCHIVE_CONFLICT = "ARCHIVE_CONFLICT"
FLAG_COLLISION = "CASE_NO_COLLISION"
FLAG_UNREADABLE_ITEM = "UNREADABLE_ITEM"
FLAG_UNKNOWN_RECEIPT = "UNKNOWN_RECEIPT"
FLAG_UNREGISTERED_ITEM = "UNREGISTERED_ITEM"
FLAG_UNKNOWN_BUILD_MODE = "UNKNOWN_BUILD_MODE"
FLAG_SUSPECTED_TEST = "SUSPECTED_TEST"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a verdict is given, and how much had been read by then.

    Parameters
    ----------
    now_ms
        The clock.
    closings_read_ms, archives_read_ms
        Watermark of the case's partition of each input: the broker reported an end at this time, and it has been
        read. ``None``: not known yet.
    """

    now_ms: int
    closings_read_ms: int | None
    archives_read_ms: int | None


@dataclass(frozen=True, slots=True)
class Judge:
    """The rules, with all they rest on."""

    policy: Policy
    calendar: WorkCalendar
    reference: Reference

    def judge(self, case_no: str, facts: CaseFacts, moment: Moment, before: State | None = None) -> State:
        """State of a case at a moment.

        Parameters
        ----------
        before
            The state that was published last.
        """
        state = self._closed(facts, facts.closing, moment, before) if facts.closing else self._not_closed(facts, moment, before)
        state["case_no"] = case_no
        state["flags"] = _flags(facts, state)
        return state

    def _own_exclusion(self, closing: Event) -> str:
        """Why a closed case is not counted, whatever its item (domain: *Is the case counted?*); empty when it is."""
        state = closing["closing_state"]
        if closing["deleted"]:
            return "DELETED"
        if state == "VOIDED":
            return "VOIDED"
        if state == "FORWARDED" and not self.policy.count_forwarded:
            return "FORWARDED"
        if state == "UNKNOWN" and not self.policy.count_unknown_closing:
            return "UNKNOWN_STATE"
        if closing["is_test"]:
            return "TEST_CASE"
        return "" if parse_item(closing["item_code"]).type else "OUTSIDE_TYPES"

    def _closed(self, facts: CaseFacts, closing: Event, moment: Moment, before: State | None) -> State:
        item, day = parse_item(closing["item_code"]), day_of(closing["closed_at"])
        due = self.calendar.due(closing["closed_at"], self.policy.deadline_for(item.code, item.main_code))
        acceptance = earliest_acceptance(facts)
        registered = self.reference.items.row(item_key(closing["unit_code"], closing["item_code"]), day)
        state = {
            **_place(closing, item),
            "district_code": self.reference.units.district(closing["unit_code"], day, closing["district_code"]),
            "unit_name": closing["unit_name"],
            "item_name": closing["item_name"],
            "registered": registered is not None,
            "build_mode": registered["build_mode"] if registered else "UNKNOWN",
            "archiving_mode": registered["archiving_mode"] if registered else "UNKNOWN",
            "title_hash": closing["title_hash"],
            "accepted_at": closing["accepted_at"],
            "closed_at": closing["closed_at"],
            "due_at": due.at_ms,
            "due_provisional": due.provisional,
            "received_at": acceptance["received_at"] if acceptance else None,
            "delay_ms": acceptance["received_at"] - closing["closed_at"] if acceptance else None,
            "archives": self._archives(facts),
            "wake_at": None,
            "feed_through": None,
            "due_passed": False,
            "reason": "",
        }
        if excluded := self._own_exclusion(closing) or not_expected(registered, day, self.policy):
            state |= {"status": "EXCLUDED", "reason": excluded}
        elif acceptance:
            passed = due.at_ms <= moment.now_ms
            state["status"] = "ARCHIVED" if acceptance["received_at"] <= due.at_ms else "ARCHIVED_LATE"
            state |= {"due_passed": passed, "wake_at": None if passed else due.at_ms}
        else:
            self._absent(state, moment.archives_read_ms, ARCHIVES, due.at_ms, before)
            state["due_passed"] = moment.archives_read_ms is not None and moment.archives_read_ms >= due.at_ms
            if state["wake_at"] is None:
                state |= {"status": "UNARCHIVED", "reason": "REFUSED" if _refused(facts) else "NONE_RECEIVED"}
            else:
                state["status"] = "AWAITING"
        return state

    def _not_closed(self, facts: CaseFacts, moment: Moment, before: State | None) -> State:
        acceptance = earliest_acceptance(facts)
        archive = acceptance or _any_archive(facts)
        received_at = acceptance["received_at"] if acceptance else None
        state = {
            **_place(archive, parse_item(archive["item_code"])),
            "district_code": self.reference.units.district(archive["unit_code"], day_of(archive["received_at"]), ""),
            "unit_name": "",
            "item_name": "",
            "registered": False,
            "build_mode": "UNKNOWN",
            "archiving_mode": "UNKNOWN",
            "title_hash": archive["title_hash"],
            "accepted_at": None,
            "closed_at": None,
            "due_at": None,
            "due_provisional": False,
            "received_at": received_at,
            "delay_ms": None,
            "archives": self._archives(facts),
            "wake_at": None,
            "feed_through": None,
            "due_passed": False,
            "status": "NOT_CLOSED",
            "reason": "",
        }
        if received_at is not None:
            self._absent(state, moment.closings_read_ms, CLOSINGS, received_at + self.policy.orphan_grace_ms, before)
            if state["wake_at"] is None:
                state["status"] = "ORPHAN"
        return state

    def _absent(self, state: State, read_ms: int | None, topic: str, until_ms: int, before: State | None) -> None:
        """Set ``wake_at`` (absence through ``until_ms`` is not established), ``feed_through`` and the reason for waiting."""
        source = state["source_system"]
        heartbeats = bool(source) and self.reference.feeds.known(source, topic)
        if read_ms is None or read_ms < until_ms:
            state["wake_at"] = until_ms
        elif heartbeats:
            same = before if before and before["source_system"] == source and waits_for(before) == topic else None
            # What was established stands while its source does not speak against it, although nothing new may rest on a word just heard.
            heard_ms = LATEST_MS if same and same["status"] in _ABSENT and until_ms <= self._established_ms(same) else read_ms
            claims = (same["feed_through"] if same else None, self.reference.feeds.through(source, topic, heard_ms))
            if any(claim is not None and claim >= until_ms for claim in claims):
                state["feed_through"] = until_ms
            else:
                state |= {"wake_at": until_ms, "reason": SOURCE_SILENT}

    def _established_ms(self, absent: State) -> int:
        """Through when absence was established for a state that says so."""
        due_at: int | None = absent["due_at"]
        return due_at if due_at is not None else absent["received_at"] + self.policy.orphan_grace_ms

    def _archives(self, facts: CaseFacts) -> list[dict[str, Any]]:
        """The archive numbers that stand, each with the unit, district and item of its first acceptance."""
        accepted = dict(facts.accepted())
        return [self._archive(number, archive, accepted.get(number), facts.closing) for number, archive in facts.standing()]

    def _archive(self, number: str, archive: ArchiveFacts, accepted: Event | None, closing: Event | None) -> dict[str, Any]:
        refusals = archive.refusals()
        told = accepted or (refusals[-1] if refusals else _earliest(archive))
        item = parse_item(told["item_code"])
        same_unit = closing is not None and closing["unit_code"] == told["unit_code"]
        day = day_of(closing["closed_at"] if closing else told["received_at"])
        return {
            "archive_no": number,
            "accepted_at": accepted["received_at"] if accepted else None,
            "refused_at": refusals[0]["received_at"] if refusals else None,
            "last_refused_at": refusals[-1]["received_at"] if refusals else None,
            "receipt": told["receipt"],
            "unit_code": told["unit_code"],
            "district_code": self.reference.units.district(
                told["unit_code"], day, closing["district_code"] if closing and same_unit else ""
            ),
            "item_code": item.code,
            "main_item_code": item.main_code,
            "item_type": item.type,
            "source_system": told["source_system"],
            "title_hash": told["title_hash"],
        }


def earliest_acceptance(facts: CaseFacts) -> Event | None:
    """The acceptance that archives the case: the earliest (received_at, event_id) over all archive numbers that stand."""
    return earliest([event for _, event in facts.accepted()])


def waits_for(state: State) -> str:
    """Input whose end a waiting case waits for."""
    return CLOSINGS if state["closed_at"] is None else ARCHIVES


def _place(event: Event, item: Item) -> State:
    return {
        "unit_code": event["unit_code"],
        "item_code": item.code,
        "main_item_code": item.main_code,
        "item_type": item.type,
        "source_system": event["source_system"],
    }


def _refused(facts: CaseFacts) -> bool:
    return any(archive.refusals() for _, archive in facts.standing())


def _any_archive(facts: CaseFacts) -> Event:
    standing = facts.standing() or sorted(facts.archives.items())
    return min((_earliest(archive) for _, archive in standing), key=by_time)


def _earliest(archive: ArchiveFacts) -> Event:
    return min(archive.events.values(), key=by_time)


def _flags(facts: CaseFacts, state: State) -> list[str]:
    """Things to be aware of that change no verdict."""
    counted = state["closed_at"] is not None and state["status"] != "EXCLUDED"
    # Lists of one or two, asked for at every judgement: a generator costs three times as much.
    raised = {
        FLAG_CLOSING_CONFLICT: facts.conflict,
        FLAG_ARCHIVE_CONFLICT: True in [archive.conflict for archive in facts.archives.values()],
        FLAG_COLLISION: facts.collision,
        FLAG_UNREADABLE_ITEM: not parse_item(state["item_code"]).readable,
        FLAG_UNKNOWN_RECEIPT: True in [_says_unknown(archive) for _, archive in facts.standing()],
        FLAG_UNREGISTERED_ITEM: counted and not state["registered"],
        FLAG_UNKNOWN_BUILD_MODE: counted and state["registered"] and state["build_mode"] == "UNKNOWN",
        FLAG_SUSPECTED_TEST: counted and True in [event["title_test"] for event in _titled(facts)],
    }
    return [flag for flag, up in raised.items() if up]


def _says_unknown(archive: ArchiveFacts) -> bool:
    return "UNKNOWN" in [event["receipt"] for event in archive.events.values()]


def _titled(facts: CaseFacts) -> list[Event]:
    """Events whose titles are the case's: its closing, and the acceptance of each archive number."""
    accepted = [event for _, event in facts.accepted()]
    return [facts.closing, *accepted] if facts.closing else accepted
