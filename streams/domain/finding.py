"""One open finding (异常), as it stands in the state of a case or an item."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from streams.domain.reference import Rows
from streams.domain.time import day_start_ms


@dataclass(frozen=True, slots=True)
class Finding:
    """One open finding.

    Parameters
    ----------
    since_ms
        When it came about, by the events' own times; ``None``: the events that it rests on have none.
    reason, detail
        Codes, numbers, and names out of the registries; never what an applicant is called.
    """

    kind: str
    since_ms: int | None
    reason: str = ""
    detail: str = ""


def anomaly_id(kind: str, subject: str) -> str:
    """Id of a finding, the same for ever."""
    return digest_of(kind, subject)


def digest_of(*parts: Any) -> str:
    """Id made of content."""
    return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


def recorded(found: Iterable[Finding], subject: str, waivers: Rows, day: int) -> list[dict[str, Any]]:
    """Findings as the state holds them, by kind, each with the waiver (豁免) that stands for it and whether it holds on a day."""
    ordered = sorted(found, key=attrgetter("kind"))
    return [_record(finding, anomaly_id(finding.kind, subject), waivers, day) for finding in ordered]


def next_review_ms(findings: Iterable[dict[str, Any]], day: int) -> int | None:
    """When time alone may change one of them: a waiver begins or ends."""
    days = [edge for each in findings for edge in (each["waived_from"], each["waived_until"] and each["waived_until"] + 1) if edge]
    return min([day_start_ms(edge) for edge in days if edge > day], default=None)


def _record(finding: Finding, id_: str, waivers: Rows, day: int) -> dict[str, Any]:
    waiver = waivers.last(id_)
    start = waiver["valid_from"] if waiver else None
    end = min(each for each in (waiver["until"], waiver["valid_to"]) if each is not None) if waiver else None
    return {
        "anomaly_id": id_,
        "kind": finding.kind,
        "since": finding.since_ms,
        "reason": finding.reason,
        "detail": finding.detail,
        "waived": end is not None and (start is None or start <= day) and day <= end,
        "waived_from": start,
        "waived_until": end,
        "waived_by": waiver["author"] if waiver else "",
        "waived_reason": waiver["reason"] if waiver else "",
    }
