"""What is said of a case's closing: one or more revisions, of which the last that was sent in time stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ops.simulate import titles
from ops.simulate.calendar import DAY_MS, HOUR_MS, SHANGHAI, at_ms, office_moment
from ops.simulate.city import City
from ops.simulate.items import Item
from ops.simulate.titles import Title
from ops.simulate.units import Unit


@dataclass(frozen=True, slots=True)
class Content:
    """What one revision of a closing says."""

    item: Item
    unit: Unit
    title: Title
    accepted_at: int
    closed_at: int
    state: str = "CLOSED"
    is_test: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said of one closing.

    Parameters
    ----------
    revisions
        In order; all but the first are corrections that come days later.
    collision
        A second first revision: another case that was given the same number. Its event id is the larger one, so it stands.
    test_copy
        The event was sent again under its id, as a test case: of two contents the larger one stands.
    """

    revisions: tuple[Content, ...]
    collision: Content | None = None
    test_copy: bool = False


Hazard = Callable[[Random, City, Content, int], Telling]


def tell(rng: Random, city: City, content: Content, until_ms: int) -> tuple[str, Telling]:
    """Choose what happens to a closing; return its name and what is said."""
    name = rng.choices(_NAMES, cum_weights=_WEIGHTS)[0]
    return name, _HAZARDS[name][1](rng, city, content, until_ms)


def err(rng: Random, content: Content) -> tuple[str, Content]:
    """Make a mistake in what is said of a case; return its name too."""
    name = rng.choice(list(_MISTAKES))
    return name, replace(content, **_MISTAKES[name](rng, content))


def _plain(_rng: Random, _city: City, content: Content, _until: int) -> Telling:
    return Telling((content,))


def _stays(**more: str | bool) -> Hazard:
    return lambda _rng, _city, content, _until: Telling((replace(content, **more),))  # type: ignore[arg-type]


def _becomes(**more: str | bool) -> Hazard:
    return lambda _rng, _city, content, _until: Telling((content, replace(content, **more)))  # type: ignore[arg-type]


def _taken_back(**more: str | bool) -> Hazard:
    return lambda _rng, _city, content, _until: Telling((replace(content, **more), content))  # type: ignore[arg-type]


def _unit_corrected(rng: Random, city: City, content: Content, _until: int) -> Telling:
    return Telling((replace(content, unit=rng.choice(city.units)), content))


def _item_corrected(rng: Random, city: City, content: Content, _until: int) -> Telling:
    return Telling((replace(content, item=rng.choice(city.items)), content))


def _day_corrected(rng: Random, _city: City, content: Content, until_ms: int) -> Telling:
    wrong = min(content.closed_at + rng.randint(-40, 40) * DAY_MS, until_ms)
    return Telling((replace(content, closed_at=wrong), content))


def _minutes_as_month(_rng: Random, _city: City, content: Content, until_ms: int) -> Telling:
    """``yyyy-mm`` where ``yyyy-MM`` was meant: the minutes stand in the month."""
    said = dt.datetime.fromtimestamp(content.closed_at / 1000, SHANGHAI)
    if not 1 <= said.minute <= 12 or said.day > 28:  # noqa: PLR2004  no such date: the sender would have seen it
        return Telling((content,))
    wrong = round(said.replace(month=said.minute).timestamp() * 1000)
    return Telling((replace(content, closed_at=wrong if wrong <= until_ms else content.closed_at),))


def _twelve_hour_clock(_rng: Random, _city: City, content: Content, _until: int) -> Telling:
    afternoon = dt.datetime.fromtimestamp(content.closed_at / 1000, SHANGHAI).hour > 12  # noqa: PLR2004
    return Telling((replace(content, closed_at=content.closed_at - 12 * HOUR_MS * afternoon),))


def _time_copied(_rng: Random, _city: City, content: Content, _until: int) -> Telling:
    if not 0 <= content.closed_at - content.accepted_at <= 60 * DAY_MS:  # a closing at no time would be refused
        return Telling((content,))
    return Telling((replace(content, closed_at=content.accepted_at),))


def _number_collides(rng: Random, city: City, content: Content, until_ms: int) -> Telling:
    """Numbers built from unpadded dates: 1月11日 and 11月1日 are the same."""
    other_day = (content.closed_at // DAY_MS) - rng.randint(1, 30)
    others = [item for item in city.items[:40] if item.main_code != content.item.main_code]
    if not others:
        return Telling((content,))
    closed_at = min(office_moment(rng, other_day), until_ms)
    item = rng.choice(others)
    title = titles.of_applicant(rng, item.name)
    return Telling((content,), collision=Content(item, item.unit, title, content.accepted_at - DAY_MS - 1, closed_at))


def _test_deleted(_rng: Random, _city: City, content: Content, _until: int) -> Telling:
    test = replace(content, is_test=True)
    return Telling((test, replace(test, deleted=True)))


def _sent_again_as_test(_rng: Random, _city: City, content: Content, _until: int) -> Telling:
    return Telling((content,), test_copy=True)


_HAZARDS: dict[str, tuple[float, Hazard]] = {
    "plain": (90.0, _plain),
    "voided": (0.8, _stays(state="VOIDED")),
    "voided later": (0.5, _becomes(state="VOIDED")),
    "voided by mistake": (0.3, _taken_back(state="VOIDED")),
    "forwarded": (0.7, _stays(state="FORWARDED")),
    "state unknown": (0.6, _stays(state="UNKNOWN")),
    "test case": (0.6, _stays(is_test=True)),
    "test case by id": (0.2, _sent_again_as_test),
    "test case deleted": (0.2, _test_deleted),
    "deleted": (0.7, _becomes(deleted=True)),
    "deleted by mistake": (0.3, _taken_back(deleted=True)),
    "unit corrected": (1.0, _unit_corrected),
    "item corrected": (0.7, _item_corrected),
    "day corrected": (0.8, _day_corrected),
    "minutes as month": (1.0, _minutes_as_month),
    "twelve-hour clock": (0.4, _twelve_hour_clock),
    "time copied": (0.5, _time_copied),
    "number collides": (0.3, _number_collides),
}
_NAMES = list(_HAZARDS)
_WEIGHTS = [sum(weight for weight, _ in list(_HAZARDS.values())[: place + 1]) for place in range(len(_HAZARDS))]

_MISTAKES: Mapping[str, Callable[[Random, Content], dict[str, Any]]] = {
    "titled as its item": lambda rng, case: {"title": titles.of_item(rng, case.item.name)},
    "titled as its unit and item": lambda rng, case: {"title": titles.of_unit_and_item(rng, case.item.name, case.unit.name)},
    "titled as its item in the registry": lambda rng, case: {"title": titles.of_item(rng, case.item.registered_name)},
    "titled as a test": lambda rng, case: {"title": titles.of_test(rng, case.item.name)},
    "without a title": lambda _rng, _case: {"title": titles.EMPTY},
    "accepted after closing": lambda rng, case: {"accepted_at": case.closed_at + rng.randint(1, 9 * HOUR_MS)},
    "accepted at no time": lambda _rng, _case: {"accepted_at": 0},
    "accepted in another century": lambda rng, _case: {"accepted_at": at_ms(dt.date(rng.choice((1918, 2108)), 1, 8))},
}
