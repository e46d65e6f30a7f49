"""How an item stands in the registry (基础信息确认表): the rows that are sent of it, and what stands of them on each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.simulate.calendar import day_number
from ops.simulate.rows import Row
from streams.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item is run, by a row of item-registry.

    Parameters
    ----------
    unexpected
        Why no archives of it are expected online, whatever the year; empty: from the plan's year on they are.
    """

    build_mode: str
    archiving_mode: str = "UNKNOWN"
    plan_year: int = 0
    unexpected: str = ""

    def unexpected_in(self, year: int, policy: Policy) -> str:
        """Why no archives of it are expected online in a year; empty: they are."""
        reason = self.unexpected or ("PLANNED_LATER" if year < self.plan_year else "")
        counts = {"PLANNED_LATER": policy.count_before_plan, "VERTICAL": policy.count_vertical}
        return "" if counts.get(reason) else reason


@dataclass(frozen=True, slots=True)
class Span:
    """What stands from one day to another, both inclusive; None: open."""

    standing: Standing
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What is sent of an item, and what stands of it.

    Parameters
    ----------
    suffix
        What the registry's name of the item has behind the name that its cases give.
    """

    story: str
    rows: tuple[Row[Standing], ...] = ()
    spans: tuple[Span, ...] = ()
    suffix: str = ""

    def on(self, day: int) -> Standing | None:
        """What stands on a day."""
        for span in self.spans:
            if (span.first or day) <= day <= (span.last or day):
                return span.standing
        return None


@dataclass(frozen=True, slots=True)
class _Year:
    """What registrations are made of: the kinds of items in a year, and days on which something changes."""

    year: int

    @property
    def online(self) -> Standing:
        return Standing("SELF_BUILT", "ONLINE", self.year)

    @property
    def later(self) -> Standing:
        return Standing("SELF_BUILT", "ONLINE", self.year + 1)

    @property
    def offline(self) -> Standing:
        return Standing("SELF_BUILT", "OFFLINE", self.year, "OFFLINE")

    @property
    def april(self) -> int:
        return day_number(dt.date(self.year, 4, 1))

    @property
    def october(self) -> int:
        return day_number(dt.date(self.year, 10, 1))


_PROVINCIAL, _MUNICIPAL = Standing("PROVINCIAL"), Standing("MUNICIPAL")


def register(story: str, year: int) -> Registration:
    """Make the registration of a story."""
    return STORIES[story][1](story, _Year(year))


def _one(make: Callable[[_Year], Standing], suffix: str = "") -> Callable[[str, _Year], Registration]:
    return lambda story, year: Registration(story, (Row(make(year)),), (Span(make(year)),), suffix)


def _corrected(wrong: Callable[[_Year], Standing], right: Callable[[_Year], Standing]) -> Callable[[str, _Year], Registration]:
    """Entered wrong; the second revision holds for the past too."""
    return lambda story, year: Registration(story, (Row(wrong(year)), Row(right(year), 2)), (Span(right(year)),))


def _never(story: str, _year: _Year) -> Registration:
    return Registration(story)


def _removed(story: str, _year: _Year) -> Registration:
    """Taken back as if it had never been."""
    return Registration(story, (Row(_MUNICIPAL), Row(_MUNICIPAL, 2, deleted=True)))


def _removed_from_a_day(story: str, year: _Year) -> Registration:
    rows = (Row(_MUNICIPAL), Row(_MUNICIPAL, 2, first=year.october, deleted=True))
    return Registration(story, rows, (Span(_MUNICIPAL, last=year.october - 1),))


def _ends(story: str, year: _Year) -> Registration:
    return Registration(story, (Row(_PROVINCIAL, last=year.october - 1),), (Span(_PROVINCIAL, last=year.october - 1),))


def _begins(story: str, year: _Year) -> Registration:
    return Registration(story, (Row(_MUNICIPAL, first=year.april),), (Span(_MUNICIPAL, first=year.april),))


def _online_from_a_day(story: str, year: _Year) -> Registration:
    spans = (Span(year.offline, last=year.april - 1), Span(year.online, first=year.april))
    return Registration(story, tuple(Row(span.standing, first=span.first, last=span.last) for span in spans), spans)


STORIES: Mapping[str, tuple[float, Callable[[str, _Year], Registration]]] = {
    "provincial": (45, _one(lambda _: _PROVINCIAL)),
    "municipal": (30, _one(lambda _: _MUNICIPAL)),
    "self-built, online": (8, _one(lambda year: year.online)),
    "self-built, online, no plan": (1, _one(lambda _: Standing("SELF_BUILT", "ONLINE"))),
    "self-built, offline": (3, _one(lambda year: year.offline)),
    "self-built, planned later": (2, _one(lambda year: year.later)),
    "self-built, mode unknown": (0.5, _one(lambda year: Standing("SELF_BUILT", "UNKNOWN", year.year, "MODE_UNKNOWN"))),
    "vertical": (2, _one(lambda _: Standing("VERTICAL", unexpected="VERTICAL"))),
    "build mode unknown": (0.5, _one(lambda _: Standing("UNKNOWN"))),
    "registered under another name": (1, _one(lambda _: _MUNICIPAL, suffix="事项")),
    "not registered": (2, _never),
    "removed": (0.5, _removed),
    "removed from a day": (0.5, _removed_from_a_day),
    "registered until a day": (0.5, _ends),
    "registered from a day": (1, _begins),
    "online from a day": (1, _online_from_a_day),
    "corrected to online": (1.5, _corrected(lambda year: year.offline, lambda year: year.online)),
    "corrected to this year": (1, _corrected(lambda year: year.later, lambda year: year.online)),
    "corrected to vertical": (0.5, _corrected(lambda _: _MUNICIPAL, lambda _: Standing("VERTICAL", unexpected="VERTICAL"))),
}
"""Story -> its weight, and what makes it."""
PLAIN = frozenset({"provincial", "municipal", "self-built, online"})
"""Stories of items that are registered and expected online all the time."""
