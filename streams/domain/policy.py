"""The assumptions (A): what the notice leaves open, as values that every rule is given."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from streams.domain.time import DAY_MS

_MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Deadline:
    """Time given for archiving (归档时限) after closing: so many working days, or so many hours of calendar time.

    Exactly one of the two is above zero.
    """

    workdays: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: str) -> Deadline:
        """Read ``3 workdays`` or ``72h``.

        Raises
        ------
        ValueError
            Anything else, or a number outside 1…366 days.
        """
        found = re.fullmatch(r"\s*(\d{1,4})\s*(workdays?|h)\s*", text)
        if found:
            number, unit = int(found[1]), found[2]
            if unit == "h" and 1 <= number <= _MAX_DAYS * 24:
                return cls(hours=number)
            if unit != "h" and 1 <= number <= _MAX_DAYS:
                return cls(workdays=number)
        raise ValueError(f"不是归档时限 not a deadline: {text!r} (例 e.g. '3 workdays', '72h')")

    def __str__(self) -> str:
        return f"{self.hours}h" if self.hours else f"{self.workdays} workdays"


@dataclass(frozen=True, slots=True)
class Policy:
    """All assumptions together.

    Parameters
    ----------
    deadline, deadline_by_item
        Default time limit, and those of single items, by item code or main-item code (the item's own first).
    orphan_grace_ms
        How long an accepted archive may wait for its case's closing.
    backfill_age_ms
        A finding older than this when found is history being loaded, not news.
    count_unknown_closing, count_forwarded
        Whether closings of state UNKNOWN and FORWARDED are in the denominator.
    count_unregistered, count_vertical, count_before_plan
        Whether cases of items that are not in the registry, of items on a superior's system (垂建), and of items on the unit's own (自建)
        that are planned for a later year, are.
    fingerprint
        Short name of exactly these assumptions, made from them: two policies that judge alike share it.
    """

    deadline: Deadline = Deadline(workdays=3)
    deadline_by_item: Mapping[str, Deadline] = field(default_factory=dict)
    orphan_grace_ms: int = DAY_MS
    backfill_age_ms: int = DAY_MS
    count_unknown_closing: bool = True
    count_forwarded: bool = False
    count_unregistered: bool = True
    count_vertical: bool = False
    count_before_plan: bool = False
    fingerprint: str = field(init=False, repr=False, compare=False)

    def deadline_for(self, item_code: str, main_item_code: str) -> Deadline:
        """Time limit of an item."""
        own = self.deadline_by_item.get(item_code) or self.deadline_by_item.get(main_item_code)
        return own or self.deadline

    def __post_init__(self) -> None:
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        told["deadline_by_item"] = sorted((code, str(limit)) for code, limit in self.deadline_by_item.items())
        digest = hashlib.blake2b(repr(sorted(told.items())).encode(), digest_size=6)
        object.__setattr__(self, "fingerprint", digest.hexdigest())
