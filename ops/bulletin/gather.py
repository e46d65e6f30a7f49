"""The figures as ClickHouse and Kafka have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client, connect, reaching
from consumers.coverage import Scope, coverage_of
from consumers.items import item_rows, rows_of_states
from consumers.late_archives import late_archives
from consumers.score import scores
from consumers.score_as_of import AsOf
from consumers.score_sql import By
from consumers.windows import Window
from ops.bulletin.figures import Row
from ops.caught_up import Observer
from ops.findings_then import as_of_moment
from streams.contracts import REFERENCE_INPUTS
from streams.settings import Settings

_SCOPES: Final[tuple[Scope, ...]] = ("city", "district", "unit", "item")


@dataclass(frozen=True)
class StoredFigures:
    """Figures of a running system.

    Parameters
    ----------
    as_of
        Cases are judged as ``now_ms`` would have seen them; otherwise what the workers hold now is told.
    """

    settings: Settings
    now_ms: int
    as_of: bool = False
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", connect(self.settings))

    @cached_property
    def _then(self) -> AsOf | None:
        return as_of_moment(self.settings, self.client, self.now_ms) if self.as_of else None

    def coverage(self, window: Window) -> Mapping[Scope, Sequence[Row]]:
        """Coverage rows, of one moment."""
        with reaching(self.settings):
            moment = None if self._then is None else self._then.moment
            return coverage_of(self.client, _SCOPES, window, now_ms=self.now_ms, as_of=moment, totals=True)

    def score(self, year: int) -> Mapping[By, Sequence[Row]]:
        """Score rows, of one moment."""
        with reaching(self.settings):
            return scores(self.client, year=year, now_ms=self.now_ms, place=self.settings.policy.score.place, as_of=self._then)

    def items(self, unit: str = "") -> Sequence[Row]:
        """Item rows."""
        with reaching(self.settings):
            return item_rows(self.client, unit) if self._then is None else rows_of_states(self._then.items, unit)

    def findings(self, unit: str = "") -> Sequence[Row]:
        """Open findings."""
        with reaching(self.settings):
            if self._then is None:
                return anomaly_rows(self.client, state="open", unit=unit)
            return [row for row in self._then.findings if not unit or row["unit_code"] == unit]

    def late_archives(self, window: Window, most: int) -> Sequence[Row]:
        """Cases archived late."""
        with reaching(self.settings):
            return late_archives(self.client, window, most, as_of_ms=self.now_ms if self.as_of else None)

    def policy(self) -> Mapping[str, Any]:
        """The ``policy.*`` settings, nested ones dotted."""
        return dict(_leaves("policy", self.settings.policy.model_dump(mode="json")))


def reference_revisions(settings: Settings) -> Mapping[str, Sequence[int]]:
    """End offsets of the reference topics, partition by partition.

    Raises
    ------
    DependencyError
        Kafka cannot be reached, or lacks a topic.
    """
    names = {settings.topic(name): name for name in REFERENCE_INPUTS}
    ends: dict[str, list[int]] = {name: [] for name in REFERENCE_INPUTS}
    for (topic, _), end in sorted(Observer(settings).ends().items()):
        if topic in names:
            ends[names[topic]].append(end)
    return ends


def _leaves(name: str, value: Any) -> list[tuple[str, Any]]:
    """Settings by dotted name; a table of settings by item is one setting."""
    if isinstance(value, dict) and not name.endswith("_by_item"):
        return [leaf for key, inner in value.items() for leaf in _leaves(f"{name}.{key}", inner)]
    return [(name, value)]
