"""What is wrong with the files of a case, put together from what was made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from ops.simulate.calendar import at_ms, day_at
from ops.simulate.closings import Content
from ops.simulate.items import Item
from ops.simulate.papers import Paper
from ops.simulate.units import Unit

_EARLIEST_MS, _LATEST_MS = at_ms(dt.date(1992, 1, 1)), at_ms(dt.date(2100, 1, 1))


def quality_findings(final: Content, papers: Collection[Paper], received_at: int | None) -> list[str]:
    """Findings of a counted case.

    Parameters
    ----------
    papers
        Of the archive numbers that were accepted.
    received_at
        Earliest acceptance.
    """
    day = day_at(final.closed_at)
    names = _names(final.item, final.unit, day)
    carried = {material for paper in papers for material in paper.carried}
    missing = {material.kind for material in final.item.asked(final.unit, day) - carried} if papers else set()
    early = received_at is not None and received_at < final.accepted_at
    possible = {
        "TITLE_IS_ITEM_NAME": any(title.only_names(names, final.unit.name) for title in (final.title, *(each.title for each in papers))),
        "CASE_INFO_MISMATCH": any(paper.item.code != final.item.code or paper.title.differs(final.title) for paper in papers),
        "TIME_INVALID": early or final.accepted_at > final.closed_at or not _EARLIEST_MS <= final.accepted_at < _LATEST_MS,
        **{f"MISSING_{kind}": True for kind in missing},
    }
    return [kind for kind, holds in possible.items() if holds]


def case_flags(final: Content, papers: Collection[Paper]) -> list[str]:
    """What is remarkable about a counted case, and no finding of its own."""
    standing = final.item.standing(final.unit, day_at(final.closed_at))
    possible = {
        "SUSPECTED_TEST": final.title.suspect or any(paper.title.suspect for paper in papers),
        "UNKNOWN_BUILD_MODE": standing is not None and standing.build_mode == "UNKNOWN",
        "UNREGISTERED_ITEM": standing is None,
    }
    return [flag for flag, holds in possible.items() if holds]


def _names(item: Item, unit: Unit, day: int) -> set[str]:
    """Names of the item: that of its cases, and that of the registry on that day."""
    return {item.name} | ({item.registered_name} if item.standing(unit, day) else set())
