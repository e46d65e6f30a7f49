"""Findings on one case (异常), and what to publish when they change.

Which findings are open is a function of the state alone (:func:`findings`), so what to publish is the difference
between two states. A finding has
one id for life, made from its kind and its subject; each publication has an id made from that, from whether it
opens or resolves, and from what brought it about: publishing again after a crash gives the same id, a finding that opens again another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from streams.domain.policy import Policy
from streams.domain.verdict import FLAG_COLLISION, Moment, State

Anomaly = dict[str, Any]

ARCHIVING_KINDS = ("UNARCHIVED", "REFUSED", "ORPHAN_ARCHIVE", "DUPLICATE_ARCHIVE", "CASE_NO_COLLISION")


@dataclass(frozen=True, slots=True)
class Finding:
    """One open finding.

    Parameters
    ----------
    since_ms
        When it came about, by the events' own times.
    reason, detail
        Codes and numbers only.
    """

    kind: str
    since_ms: int
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for the anomaly topic: the record, the id of this publication, and the time it speaks of."""

    event_id: str
    time_ms: int
    record: Anomaly


def findings(state: State | None) -> dict[str, Finding]:
    """Open findings of a state, by kind. A case that is excluded has none."""
    if state is None or state["status"] == "EXCLUDED":
        return {}
    accepted = [archive for archive in state["archives"] if archive["accepted_at"] is not None]
    refused = [archive for archive in state["archives"] if archive["refused_at"] is not None]
    found: list[Finding] = []
    if state["status"] == "UNARCHIVED":
        found.append(Finding("UNARCHIVED", state["due_at"], state["reason"]))
    if state["closed_at"] is not None and refused and not accepted:
        last = max(refused, key=lambda archive: (archive["last_refused_at"], archive["archive_no"]))
        found.append(Finding("REFUSED", min(archive["refused_at"] for archive in refused), last["receipt"], last["archive_no"]))
    if state["status"] == "ORPHAN":
        found.append(Finding("ORPHAN_ARCHIVE", state["received_at"]))
    if len(accepted) > 1:
        second = sorted(archive["accepted_at"] for archive in accepted)[1]
        found.append(Finding("DUPLICATE_ARCHIVE", second, detail=",".join(archive["archive_no"] for archive in accepted)))
    if state["closed_at"] is not None and FLAG_COLLISION in state["flags"]:
        found.append(Finding("CASE_NO_COLLISION", state["closed_at"]))
    return {finding.kind: finding for finding in found}


def anomaly_id(kind: str, subject: str) -> str:
    """Id of a finding, the same for ever."""
    return _digest(kind, subject)


def publications(before: State | None, after: State, version: list[Any], policy: Policy, moment: Moment) -> list[Publication]:
    """What to tell subscribers when a case goes from one state to another.

    A finding that stays open is told again when its particulars changed: a case that moved keeps its id and gets its new unit.

    Parameters
    ----------
    version
        Of the facts behind ``after``: what brought the change about.
    """
    old, new = findings(before), findings(after)
    told: list[Publication] = []
    for kind, finding in new.items():
        if kind not in old or before is None or _particulars(before, old[kind]) != _particulars(after, finding):
            told.append(_publication("OPENED", finding, after, "", version, policy, moment))
    for kind, finding in old.items():
        if kind not in new:
            told.append(_publication("RESOLVED", finding, after, _resolution(kind, after), version, policy, moment))
    return told


def _publication(
    state_word: str, finding: Finding, case: State, resolution: str, version: list[Any], policy: Policy, moment: Moment
) -> Publication:
    subject = case["case_no"]
    id_ = anomaly_id(finding.kind, subject)
    archived = resolution in {"ARCHIVED", "ARCHIVED_LATE"}
    time_ms = max(finding.since_ms, case["received_at"]) if archived else finding.since_ms
    record = {
        "anomaly_id": id_,
        "kind": finding.kind,
        "state": state_word,
        "subject": subject,
        "reason": finding.reason,
        "detail": finding.detail,
        "resolution": resolution,
        "since": finding.since_ms,
        "late_ms": case["received_at"] - case["due_at"] if resolution == "ARCHIVED_LATE" else None,
        **{name: case[name] for name in _COPIED},
    }
    event_id = _digest(id_, state_word, resolution, version, _particulars(case, finding))
    known_ms = moment.archives_read_ms if moment.archives_read_ms is not None else moment.now_ms
    record["backfill"] = known_ms - time_ms > policy.backfill_age_ms
    return Publication(event_id, time_ms, record)


_COPIED = (
    *("unit_code", "unit_name", "district_code", "item_code", "item_name", "main_item_code", "item_type"),
    *("closed_at", "due_at", "received_at"),
)


def _particulars(case: State, finding: Finding) -> list[Any]:
    where = [case[name] for name in ("unit_code", "district_code", "item_code", "due_at")]
    return [*where, finding.since_ms, finding.reason, finding.detail]


def _resolution(kind: str, after: State) -> str:
    status = after["status"]
    if status == "EXCLUDED":
        return "EXCLUDED"
    if kind == "ORPHAN_ARCHIVE":
        return "CLOSED" if after["closed_at"] is not None else "CORRECTED"
    if kind in {"UNARCHIVED", "REFUSED"} and status in {"ARCHIVED", "ARCHIVED_LATE"}:
        return str(status)
    return "CORRECTED"


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()
