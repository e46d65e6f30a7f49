"""Where a bulletin gets its figures from: a port, so that it is built and tested from plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from consumers.coverage import Scope
from consumers.score_sql import By
from consumers.windows import Window

Row = Mapping[str, Any]


class Figures(Protocol):
    """Figures as known at one moment. Rows have the fields of the command line's contract; times are ISO texts of Asia/Shanghai."""

    @property
    def now_ms(self) -> int:
        """Moment for which all of it holds, UTC epoch milliseconds."""

    def coverage(self, window: Window) -> Mapping[Scope, Sequence[Row]]:
        """Coverage rows of the city and of all districts, units and items with anything in the window; the parts add up to the whole.

        Of the official ratio they have the totals besides (:data:`consumers.coverage.TOTALS`).
        """

    def score(self, year: int) -> Mapping[By, Sequence[Row]]:
        """Score rows (考核细则) of a year, of units and of districts, with both readings of 处."""

    def items(self, unit: str = "") -> Sequence[Row]:
        """Registered items, of one unit or of all."""

    def findings(self, unit: str = "") -> Sequence[Row]:
        """Open findings, of one unit or of all, waived ones included."""

    def late_archives(self, window: Window, most: int) -> Sequence[Row]:
        """The latest of the cases closed in the window that were archived late: ``late_ms`` says how late."""

    def policy(self) -> Mapping[str, Any]:
        """The assumptions in force: name of the setting -> value."""
