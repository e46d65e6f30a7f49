"""Findings that the archives bureau has taken out of the score (豁免)."""

from __future__ import annotations

import hashlib

import orjson

from tests.oracle.events import Events, Rows, json_bytes


def anomaly_id(kind: str, subject: str) -> str:
    """Identity of a finding; its subject is a case number, or ``unit|item``."""
    return hashlib.blake2b(orjson.dumps([kind, subject]), digest_size=16).hexdigest()


def waived(events: Events, anomaly_id: str, day: int) -> bool:
    """Whether a finding is waived on a day, both ends of the waiver's time included."""
    return Waivers(events).hold(anomaly_id, day)


class Waivers:
    """The waivers of each finding."""

    def __init__(self, events: Events) -> None:
        self._rows = Rows(events.get("waiver", ()), lambda row: str(row["anomaly_id"]), json_bytes)

    def hold(self, anomaly_id: str, day: int) -> bool:
        """Whether the one that counts on a day has not ended by then."""
        row = self._rows.on(anomaly_id, day)
        return row is not None and (row.get("until") is None or day <= row["until"])
