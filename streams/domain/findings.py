"""What to publish when findings (异常) change, and the findings about archiving itself.

Which findings are open stands in the state, so what to publish is the difference between two states. A finding has one id for life, made
from its kind and its subject; each publication has an id made from that, from whether it opens or resolves, and from what brought it about:
publishing again after a crash gives the same id, a finding that opens again another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.domain.facts import CaseFacts, by_time
from streams.domain.finding import Finding, digest_of
from streams.domain.policy import Policy
from streams.domain.verdict import FLAG_COLLISION, State

Anomaly = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for an anomaly topic: the record, the id of this publication, and the time it speaks of (``None``: none)."""

    event_id: str
    time_ms: int | None
    record: Anomaly


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought a change about.

    Parameters
    ----------
    version
        Of the facts, and of the reference rows and the policy, that the new state rests on; never the same again once it was another, so
        that a policy that comes back has another the second time.
    waiver
        What the waiver of a finding rests on, by its id; never the same again either.
    """

    version: list[Any]
    waiver: Callable[[str], list[Any]] = lambda _: []


def archiving_findings(facts: CaseFacts, state: State) -> Iterator[Finding]:
    """Findings on whether a case is archived, and how. Not for a case that is excluded."""
    accepted = [archive for archive in state["archives"] if archive["accepted_at"] is not None]
    refused = [archive for archive in state["archives"] if archive["refused_at"] is not None]
    if state["status"] == "UNARCHIVED":
        yield Finding("UNARCHIVED", state["due_at"], state["reason"])
    if state["closed_at"] is not None and refused and not accepted:
        said = [(archive.refusals()[-1], number) for number, archive in facts.standing() if archive.refusals()]
        last, number = max(said, key=lambda each: by_time(each[0]))
        first_ms = min(archive["refused_at"] for archive in refused)
        yield Finding("REFUSED", max(first_ms, state["closed_at"]), last["receipt"], number)
    if state["status"] == "ORPHAN":
        yield Finding("ORPHAN_ARCHIVE", state["received_at"])
    if len(accepted) > 1:
        second = sorted(archive["accepted_at"] for archive in accepted)[1]
        yield Finding("DUPLICATE_ARCHIVE", second, detail=",".join(archive["archive_no"] for archive in accepted))
    if state["closed_at"] is not None and FLAG_COLLISION in state["flags"]:
        yield Finding("CASE_NO_COLLISION", state["closed_at"])


def mark_backfill(before: State | None, after: State, policy: Policy, known_ms: int) -> None:
    """Write beside each open finding whether it is history being loaded (补录): it was, on the day it was found, and that does not change.

    How a finding was found is no part of what is so: the same events in another order may give another mark, and nothing else
    (:func:`without_marks`).

    Parameters
    ----------
    known_ms
        How far the input has been read: what came about longer than ``policy.backfill_age`` before it is history.
    """
    marks = {finding["kind"]: finding["backfill"] for finding in before["findings"]} if before else {}
    for finding in after["findings"]:
        kind, since_ms = finding["kind"], finding["since"]
        # Nobody can find an orphan before its grace is over, which by default is as long as news stays news.
        grace_ms = policy.orphan_grace_ms if kind == "ORPHAN_ARCHIVE" else 0
        is_history = since_ms is not None and known_ms - since_ms - grace_ms > policy.backfill_age_ms
        finding["backfill"] = marks.get(kind, is_history)


def without_marks(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Findings as they follow from the events alone, whenever they were found."""
    return [{name: value for name, value in finding.items() if name != "backfill"} for finding in findings]


def publications(subject: str, before: State | None, after: State, cause: Cause) -> list[Publication]:
    """What to tell subscribers when a case or an item goes from one state to another.

    A finding that stays open is told again when its particulars changed: a case that moved keeps its id and gets its new unit. What was
    told last of an open finding thus follows from the state alone, whatever it was before.
    """
    old = {finding["kind"]: finding for finding in before["findings"]} if before else {}
    new = {finding["kind"]: finding for finding in after["findings"]}
    told: list[Publication] = []
    for kind, finding in new.items():
        if kind not in old or before is None or _particulars(before, old[kind]) != _particulars(after, finding):
            told.append(_publication(subject, "OPENED", finding, after, "", cause))
    for kind, finding in old.items():
        if kind not in new:
            told.append(_publication(subject, "RESOLVED", finding, after, _resolution(kind, after), cause))
    return told


def _publication(subject: str, word: str, finding: dict[str, Any], state: State, resolution: str, cause: Cause) -> Publication:
    received_at, time_ms = state.get("received_at"), finding["since"]
    if resolution in {"ARCHIVED", "ARCHIVED_LATE"}:
        time_ms = max(time_ms, received_at)
    record = {
        **finding,
        "state": word,
        "subject": subject,
        "resolution": resolution,
        "late_ms": received_at - state["due_at"] if resolution == "ARCHIVED_LATE" else None,
        **{name: state.get(name) for name in _COPIED},
    }
    id_ = finding["anomaly_id"]
    event_id = digest_of(id_, word, resolution, cause.version, cause.waiver(id_), _particulars(state, finding))
    return Publication(event_id, time_ms, record)


_COPIED = (
    *("unit_code", "unit_name", "district_code", "item_code", "item_name", "main_item_code", "item_type"),
    *("closed_at", "due_at", "received_at"),
)


def _particulars(state: State, finding: dict[str, Any]) -> list[Any]:
    """All that a publication says of an open finding, but for its mark."""
    (said,) = without_marks([finding])
    return [*(state.get(name) for name in _COPIED), *said.values()]


def _resolution(kind: str, after: State) -> str:
    status = after.get("status")
    # A test case is excluded before and after: only its deletion takes its finding away, anything else has set right what it says.
    if status == "EXCLUDED" and (kind != "TEST_CASE" or after["reason"] == "DELETED"):
        return "EXCLUDED"
    if kind == "ORPHAN_ARCHIVE":
        return "CLOSED" if after["closed_at"] is not None else "CORRECTED"
    if kind in {"UNARCHIVED", "REFUSED"} and status in {"ARCHIVED", "ARCHIVED_LATE"}:
        return str(status)
    return "CORRECTED"
