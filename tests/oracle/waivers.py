"""Findings that the archives bureau has taken out of the score (豁免)."""

from __future__ import annotations

import hashlib

import orjson

from tests.oracle.events import Event, Events, by, json_bytes, one_per_id, rank


def anomaly_id(kind: str, subject: str) -> str:
    """Identity of a finding; its subject is a case number, or ``unit|item``."""
    return hashlib.blake2b(orjson.dumps([kind, subject]), digest_size=16).hexdigest()


def waived(events: Events, anomaly_id: str, day: int) -> bool:
    """Whether a finding is waived on a day, both ends of the waiver's time included."""
    return Waivers(events).hold(anomaly_id, day)


class Waivers:
    """Of each finding the waiver that counts."""

    def __init__(self, events: Events) -> None:
        rows = by(events.get("waiver", ()), "anomaly_id")
        highest = {anomaly: max(one_per_id(each, json_bytes), key=rank) for anomaly, each in rows.items()}
        self._standing = {anomaly: row for anomaly, row in highest.items() if not row.get("deleted", False)}

    def hold(self, anomaly_id: str, day: int) -> bool:
        """Whether one holds for this finding on a day."""
        row = self._standing.get(anomaly_id)
        return row is not None and _holds(row, day)


def _holds(row: Event, day: int) -> bool:
    first = row.get("valid_from")
    lasts = [last for name in ("until", "valid_to") if (last := row.get(name)) is not None]
    return (first is None or first <= day) and all(day <= last for last in lasts)
