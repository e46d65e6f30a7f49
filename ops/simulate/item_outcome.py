"""What is open on each item in the end: on those of the city, and on those that cases of unregistered items made known."""

from __future__ import annotations

from collections.abc import Iterable

from ops.simulate.city import City
from ops.simulate.items import Item, year_of
from ops.simulate.truth import CaseTruth, ItemTruth
from streams.domain.policy import Policy


def item_outcomes(city: City, cases: Iterable[CaseTruth], today: int, policy: Policy) -> list[ItemTruth]:
    """Tell the truth about every item that a row or an unregistered case names, by unit and item."""
    unregistered = {(case.unit_code, case.item_code) for case in cases if "UNREGISTERED_ITEM" in case.flags}
    truths = {}
    for item in city.items:
        key = item.unit.code, item.code
        if key in unregistered or item.registration.rows or item.setup.schedules or item.setup.modules:
            truths[key] = _told(city, item, today, policy)
    for key in unregistered:
        truth = truths.setdefault(key, ItemTruth(*key, expected_online=policy.count_unregistered, story="only cases name it"))
        truth.findings.append("UNREGISTERED_ITEM")
    return [truths[key] for key in sorted(truths)]


def _told(city: City, item: Item, today: int, policy: Policy) -> ItemTruth:
    standing, errors = item.registration.on(today), item.setup.errors_on(today)
    expected = policy.count_unregistered
    if standing:
        expected = not standing.unexpected_in(year_of(today), policy)
    leaf = city.is_leaf(item, today)
    return ItemTruth(
        item.unit.code,
        item.code,
        expected_online=expected,
        leaf=leaf,
        configured="NOT_CONFIGURED" not in errors,
        findings=sorted(errors) if standing and expected and leaf else [],
        story=f"{item.registration.story}; {item.setup.story}",
    )
