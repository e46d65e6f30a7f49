"""One open finding (异常), as it stands in the state of a case or an item."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from streams.domain.reference import Waivers
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


def recorded(found: Iterable[Finding], subject: str, waivers: Waivers, day: int) -> list[dict[str, Any]]:
    """Findings as the state holds them, by kind, each with the waiver (豁免) that stands for it and whether it holds on a day."""
    ordered = sorted(found, key=attrgetter("kind"))
    return [_record(finding, anomaly_id(finding.kind, subject), waivers, day) for finding in ordered]


def next_review_ms(findings: Iterable[dict[str, Any]], waivers: Waivers, day: int) -> int | None:
    """When time alone may change one of them: a waiver begins or ends."""
    edges = [edge for each in findings for edge in waivers.edges(each["anomaly_id"])]
    return min([day_start_ms(edge) for edge in edges if edge > day], default=None)


def _record(finding: Finding, id_: str, waivers: Waivers, day: int) -> dict[str, Any]:
    return {
        "anomaly_id": id_,
        "kind": finding.kind,
        "since": finding.since_ms,
        "reason": finding.reason,
        "detail": finding.detail,
        **recorded_waiver(id_, waivers, day),
    }


def recorded_waiver(anomaly_id: str, waivers: Waivers, day: int) -> dict[str, Any]:
    """The waiver that stands for a finding on a day, and whether it holds."""
    waiver = waivers.row(anomaly_id, day)
    end = min(waiver["until"], waiver["valid_to"] or waiver["until"]) if waiver else None
    return {
        "waived": end is not None and day <= end,
        "waived_from": waiver["valid_from"] if waiver else None,
        "waived_until": end,
        "waived_by": waiver["author"] if waiver else "",
        "waived_reason": waiver["reason"] if waiver else "",
    }
