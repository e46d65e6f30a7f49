"""An alert as we keep it, and what of it we keep: labels and annotations from a list, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["firing", "resolved"]

LABELS: Final = (
    *("alertname", "severity", "unit", "unit_name", "district", "kind", "reason", "window", "by", "scope", "state"),
    *("source", "topic", "table", "partition", "channel", "outcome", "role", "instance", "job"),
)
"""Labels that may be stored and shown, in the order in which they are shown. What is not here may name a person."""
ANNOTATIONS: Final = ("summary", "description")
"""Annotations that may be stored and shown."""
BACKFILL: Final = "backfill"
"""An alert with this label ``true`` is about records of long ago: it is counted and pages nobody."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One state of one alert.

    Parameters
    ----------
    fingerprint
        Alertmanager's: the same for all states of one set of labels.
    starts_ms, ends_ms
        UTC epoch milliseconds; ``ends_ms`` is ``None`` while it is firing.
    labels, annotations
        As delivered until :meth:`kept`.
    """

    fingerprint: str
    status: Status
    starts_ms: int
    ends_ms: int | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """``alertname``."""
        return self.labels["alertname"]

    @property
    def state(self) -> tuple[Status, int]:
        """What makes it news: two deliveries with the same state say the same."""
        return self.status, self.starts_ms

    @property
    def is_backfill(self) -> bool:
        """Whether it is about records of long ago."""
        return self.labels.get(BACKFILL) == "true"

    def kept(self) -> Alert:
        """Without what is on neither list."""
        return Alert(
            self.fingerprint,
            self.status,
            self.starts_ms,
            self.ends_ms,
            {name: self.labels[name] for name in LABELS if name in self.labels},
            {name: self.annotations[name] for name in ANNOTATIONS if name in self.annotations},
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits to be told to a channel.

    Parameters
    ----------
    position, version
        Place in the queue, and how often the state at this place was replaced: together they name exactly this state.
    queued_ms
        When the first of its states began to wait.
    merged
        States that it passed through while it waited, this one not counted.
    repeated
        It was told before and goes on.
    """

    position: int
    version: int
    alert: Alert
    queued_ms: int
    merged: int = 0
    repeated: bool = False
