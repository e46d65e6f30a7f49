"""The end of one case, put together from what was made of it: nothing is merged or ordered here, all that stands is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.simulate.archives import Arrivals
from ops.simulate.calendar import day_at
from ops.simulate.closings import Content
from ops.simulate.items import year_of
from ops.simulate.papers import Paper
from ops.simulate.quality import case_flags, quality_findings
from ops.simulate.truth import Accepted, CaseTruth
from ops.simulate.units import Feed, Unit
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED
from streams.domain.policy import Policy

_UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Fate:
    """What was made of one case number.

    Parameters
    ----------
    content
        Whose archives these are: unit and item of its packages.
    final
        The closing that stands; None: nobody told of one.
    numbers
        Archive numbers by their place within the case.
    papers
        What the archive of each place says.
    """

    case_no: str
    content: Content
    final: Content | None
    arrivals: Arrivals
    numbers: Mapping[int, str]
    papers: Mapping[int, Paper]
    collision: bool
    story: str

    @property
    def received_at(self) -> int | None:
        """Earliest acceptance that stands."""
        return min(self.arrivals.accepted.values(), default=None)

    @property
    def spoken(self) -> list[Paper]:
        """What the archives say that were accepted."""
        return [self.papers[place] for place in self.arrivals.accepted]

    @property
    def refused(self) -> bool:
        """A refusal stands, and no acceptance."""
        return self.arrivals.refused and not self.arrivals.accepted


def outcome(fate: Fate, heard: Mapping[Feed, int], due_ms: Callable[[Content], int], policy: Policy, now_ms: int) -> CaseTruth:
    """Tell the truth about one case.

    Parameters
    ----------
    heard
        Through when a feed was said to be complete; feeds of which nothing is said are not in it.
    """
    truth = _closed(fate, fate.final, heard, due_ms, policy, now_ms) if fate.final else _unclosed(fate, heard, policy, now_ms)
    truth.anomalies = _anomalies(truth, fate) + _quality(truth, fate)
    if fate.final and truth.due_at is not None:
        truth.flags = case_flags(fate.final, fate.spoken)
    archive_unit = fate.content.unit
    for place, received_at in fate.arrivals.accepted.items():
        district = _listed_district(archive_unit, fate.final.closed_at if fate.final else received_at)
        if not district and fate.final and fate.final.unit == archive_unit:
            district = truth.district_code
        truth.archives.append(Accepted(fate.numbers[place], received_at, archive_unit.code, district or _UNKNOWN))
    return truth


def _unclosed(fate: Fate, heard: Mapping[Feed, int], policy: Policy, now_ms: int) -> CaseTruth:
    received_at, unit, item = fate.received_at, fate.content.unit, fate.content.item
    truth = CaseTruth(fate.case_no, "NOT_CLOSED", received_at=received_at, refused=fate.refused, story=fate.story)
    if received_at is None:
        return truth
    grace_ends = received_at + policy.orphan_grace_ms
    if now_ms >= grace_ends and heard.get((unit.source_system, CASE_CLOSED), grace_ends) >= grace_ends:
        truth.status = "ORPHAN"
    truth.unit_code, truth.district_code = unit.code, _listed_district(unit, received_at) or _UNKNOWN
    truth.item_code, truth.main_item_code, truth.item_type = item.code, item.main_code, item.kind
    return truth


def _closed(
    fate: Fate, final: Content, heard: Mapping[Feed, int], due_ms: Callable[[Content], int], policy: Policy, now_ms: int
) -> CaseTruth:
    unit, item = final.unit, final.item
    truth = CaseTruth(
        case_no=fate.case_no,
        status="EXCLUDED",
        reason=_exclusion(final, policy),
        unit_code=unit.code,
        district_code=_listed_district(unit, final.closed_at) or unit.district_code or _UNKNOWN,
        item_code=item.code,
        main_item_code=item.main_code,
        item_type=item.kind,
        closed_at=final.closed_at,
        received_at=fate.received_at,
        refused=fate.refused,
        deleted=final.deleted,
        story=fate.story,
    )
    if not truth.reason:
        truth.due_at = due_ms(final)
        silent = heard.get((unit.source_system, ARCHIVE_RECEIVED), truth.due_at) < truth.due_at
        truth.status, truth.reason = _counted_status(truth, truth.due_at, silent=silent, now_ms=now_ms)
    return truth


def _counted_status(truth: CaseTruth, due_at: int, *, silent: bool, now_ms: int) -> tuple[str, str]:
    if truth.received_at is not None:
        return ("ARCHIVED" if truth.received_at <= due_at else "ARCHIVED_LATE"), ""
    if now_ms < due_at:
        return "AWAITING", ""
    if silent:
        return "AWAITING", "SOURCE_SILENT"
    return "UNARCHIVED", "REFUSED" if truth.refused else "NONE_RECEIVED"


def _exclusion(final: Content, policy: Policy) -> str:
    if final.deleted:
        return "DELETED"
    if final.state == "VOIDED":
        return "VOIDED"
    if final.state == "FORWARDED" and not policy.count_forwarded:
        return "FORWARDED"
    if final.state == "UNKNOWN" and not policy.count_unknown_closing:
        return "UNKNOWN_STATE"
    if final.is_test:
        return "TEST_CASE"
    return _not_expected(final, policy) if final.item.kind else "OUTSIDE_TYPES"


def _not_expected(final: Content, policy: Policy) -> str:
    day = day_at(final.closed_at)
    standing = final.item.standing(final.unit, day)
    if standing is None:
        return "" if policy.count_unregistered else "UNREGISTERED_ITEM"
    return standing.unexpected_in(year_of(day), policy)


def _quality(truth: CaseTruth, fate: Fate) -> list[str]:
    if fate.final and truth.due_at is not None:
        return quality_findings(fate.final, fate.spoken, fate.received_at)
    is_test = fate.final is not None and fate.final.is_test and not fate.final.deleted
    return ["TEST_CASE"] if is_test and fate.arrivals.accepted else []


def _anomalies(truth: CaseTruth, fate: Fate) -> list[str]:
    counted = truth.due_at is not None
    possible = {
        "CASE_NO_COLLISION": fate.collision and truth.status != "EXCLUDED",
        "DUPLICATE_ARCHIVE": len(fate.arrivals.accepted) > 1 and truth.status != "EXCLUDED",
        "ORPHAN_ARCHIVE": truth.status == "ORPHAN",
        "REFUSED": counted and truth.refused,
        "UNARCHIVED": truth.status == "UNARCHIVED",
    }
    return [kind for kind, holds in possible.items() if holds]


def _listed_district(unit: Unit, moment_ms: int) -> str:
    return unit.district_on(day_at(moment_ms)) if unit.listed else ""
