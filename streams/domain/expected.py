"""Whether an item's cases are expected to be archived online (归档计划, 归档方式), by its row of the registry."""

from __future__ import annotations

import datetime as dt

from streams.domain.policy import Policy
from streams.domain.reference import Row

FIRST_PLAN_YEAR, LAST_PLAN_YEAR = 1992, 2099
"""As for times (:mod:`streams.domain.time`): years outside are taken for errors."""
_EPOCH = dt.date(1970, 1, 1).toordinal()
_ALWAYS = frozenset({"PROVINCIAL", "MUNICIPAL", "UNKNOWN"})
"""省统建 and 市统建 use the government's own platforms. A mode that this program does not know yet is counted, not let off."""


def year_of(day: int) -> int:
    """Calendar year of a local day."""
    return dt.date.fromordinal(day + _EPOCH).year


def first_day_of(year: int) -> int:
    """First local day of a calendar year."""
    return dt.date(year, 1, 1).toordinal() - _EPOCH


def not_expected(row: Row | None, day: int, policy: Policy) -> str:
    """Why an item is not expected to be archived online on a day; empty when it is.

    Parameters
    ----------
    row
        Its row of the registry for that day; ``None``: it is not registered, which is counted (A) and flagged.
    """
    if row is None:
        return "" if policy.count_unregistered else "UNREGISTERED_ITEM"
    mode = row["build_mode"]
    if mode in _ALWAYS:
        return ""
    if mode == "VERTICAL":
        return "" if policy.count_vertical else "VERTICAL"
    if row["archiving_mode"] != "ONLINE":
        return "OFFLINE" if row["archiving_mode"] == "OFFLINE" else "MODE_UNKNOWN"
    return "PLANNED_LATER" if row["plan_year"] > year_of(day) and not policy.count_before_plan else ""
