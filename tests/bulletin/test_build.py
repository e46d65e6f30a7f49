"""What a bulletin says about given figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from consumers.coverage import TOTALS, Scope
from consumers.score_sql import By
from consumers.windows import Window
from ops.bulletin.build import STEPS, TREND, build
from ops.bulletin.contents import content_of, tables
from ops.bulletin.difference import changes
from ops.bulletin.figures import Row
from ops.bulletin.findings import LISTED
from ops.bulletin.model import Bulletin, dump, load
from ops.bulletin.period import parse_period
from ops.bulletin.ranking import standings
from ops.bulletin.tables import Column
from streams.domain.districts import CITY
from streams.domain.rules import ASSUMED
from streams.errors import ConfigurationError
from streams.settings import instant_ms
from tests.bulletin.figures import MadeUp, finding, item_name, unit_code, unit_name

PERIOD = parse_period("2018-Q1")


def built(**fields: Any) -> Bulletin:
    """The bulletin of a made-up city."""
    return build(MadeUp(**fields), PERIOD).bulletin


def row(scope: str, coverage: float | None, closed: int = 100) -> dict[str, Any]:
    """A coverage row."""
    counts = dict.fromkeys(("archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due", *TOTALS), 0)
    ratios = {"coverage": coverage, "coverage_due": coverage, "official": coverage, "divergence": 0.0}
    return {"scope": scope, "name": scope, "closed": closed, **counts, **ratios, "excluded": {"VOIDED": 2, "DELETED": 1}}


def test_equal_coverages_share_a_rank_and_nothing_closed_has_none() -> None:
    """1, 1, 3: and a unit without cases is neither first nor last."""
    found = standings([row("a", 0.9), row("b", None, 0), row("c", 1.0), row("d", 1.0, 7)], [])
    assert [(one.scope, one.rank) for one in found] == [("c", 1), ("d", 1), ("a", 3), ("b", None)]


def test_cases_of_no_known_district_are_shown_without_a_rank() -> None:
    """They are nobody's merit."""
    found = standings([row("UNKNOWN", 1.0), row("330106", 0.9)], [])
    assert [(one.scope, one.rank) for one in found] == [("330106", 1), ("UNKNOWN", None)]


def test_changes_are_against_the_period_before_and_absent_where_it_had_nothing() -> None:
    """Gained ranks are positive; what was not there before has no change, not a change from zero."""
    found = standings([row("a", 0.9), row("b", 0.8), row("new", 0.7)], [row("a", 0.5), row("b", 0.6), row("c", None, 0)])
    assert [(one.rank_change, one.coverage_change) for one in found] == [(1, pytest.approx(0.4)), (-1, pytest.approx(0.2)), (None, None)]


def test_reasons_of_exclusion_are_summed_in_a_standing() -> None:
    """One figure in the ranking; the reasons are in a table of their own."""
    assert standings([row("a", 0.9)], [])[0].excluded == 3


def test_items_are_ordered_by_counts() -> None:
    """One of 3 cases unarchived is less than five of 80."""
    unarchived = [item.unarchived for item in built().items]
    assert unarchived == sorted(unarchived, reverse=True)


def test_findings_of_cases_of_other_periods_are_left_out_and_what_is_carried_over_is_counted() -> None:
    """Quality goes by the closing day; cases of earlier periods that are still not archived are one figure of the summary."""
    extra = [
        finding("TIME_INVALID", "in", closed_at="2018-03-31T23:59:59.999+08:00"),
        finding("TIME_INVALID", "out", closed_at="2018-04-01T00:00:00+08:00"),
        finding("UNARCHIVED", "old", closed_at="2017-12-31T23:59:59+08:00"),
    ]
    bulletin = built(findings_count=0, extra_findings=extra)
    assert {one.kind: one.findings for one in bulletin.quality if one.findings} == {"TIME_INVALID": 1}
    assert next(one.value for one in bulletin.summary if one.name == "往期遗留未归档") == 1


def test_a_waived_finding_is_named_and_not_counted() -> None:
    """With author, reason and end; and no longer once the waiver has ended."""
    words = {"waived_by": "市档案局", "waived_reason": "已报备", "closed_at": "2018-02-01T10:00:00+08:00"}
    extra = [
        finding("TIME_INVALID", "c1", waived=True, waived_until="2018-04-10", **words),
        finding("TIME_INVALID", "c2", waived_until="2018-04-09", **words),
    ]
    bulletin = built(findings_count=0, extra_findings=extra)
    assert [(one.subject, one.waived_by, one.waived_reason, one.waived_until) for one in bulletin.waived] == [
        ("c1", "市档案局", "已报备", "2018-04-10")
    ]
    (counted,) = (one for one in bulletin.quality if one.kind == "TIME_INVALID")
    assert (counted.findings, counted.waived) == (1, 1)


def test_late_and_orphan_archives_are_the_worst_and_not_too_many() -> None:
    """A burst of a hundred thousand orphans must not become a hundred thousand lines."""
    extra = [finding("ORPHAN_ARCHIVE", f"c{n}", received_at=f"2018-03-{n % 28 + 1:02}T10:00:00+08:00") for n in range(LISTED + 50)]
    bulletin = built(findings_count=0, extra_findings=extra)
    received = [one.received_at or "" for one in bulletin.orphans]
    assert len(received) == LISTED
    assert received == sorted(received)
    late = [one.days_late or 0 for one in bulletin.late]
    assert late == sorted(late, reverse=True)
    assert late[-1] > 0


def test_an_orphan_is_told_with_the_names_of_its_unit_and_item() -> None:
    """Its finding has only codes: no closing told the names."""
    bulletin = built(findings_count=0, extra_findings=[finding("ORPHAN_ARCHIVE", "c1", received_at="2018-03-01T10:00:00+08:00")])
    assert [(one.unit_name, one.item_name) for one in bulletin.orphans] == [(unit_name(0), item_name(0))]


def test_every_assumption_in_force_is_printed() -> None:
    """Settings with name and value, whatever its type; and what no setting changes."""
    printed = built().assumptions
    assert {one.value for one in printed} > {said for said, _ in ASSUMED}
    said = {one.name: one.value for one in printed if one.name.startswith("policy.")}
    assert said == {"policy.deadline": "3 workdays", "policy.count_forwarded": "false", "policy.deadline_by_item": "{}"}


def test_the_trend_ends_with_the_period_and_shows_the_ones_before() -> None:
    """The newest last, as one reads a trend."""
    assert [point.period for point in built().trend] == ["2016-Q4", "2017-Q1", "2017-Q2", "2017-Q3", "2017-Q4", "2018-Q1"]
    assert len(built().trend) == TREND


def test_data_json_is_the_model() -> None:
    """Read back it is equal, floats to the last bit, and prints the same."""
    bulletin = built()
    assert load(dump(bulletin)) == bulletin
    assert dump(load(dump(bulletin))) == dump(bulletin)
    assert changes(load(dump(bulletin)), bulletin) == []


def test_content_does_not_depend_on_the_moment_alone() -> None:
    """The same figures a minute later are the same content; another figure is not."""
    assert content_of(built()) == content_of(built(now_ms=MadeUp().now_ms + 60_000))
    assert content_of(built()) != content_of(built(overrides={("unit", "U0000"): {"unarchived": 999}}))


@pytest.mark.parametrize("figure", ["due", "refused", "orphan"])
def test_content_is_what_is_printed(figure: str) -> None:
    """More cases fall due with every day: an edition for what no table shows of a unit would differ from the last one in nothing."""
    other = built(overrides={("unit", "U0000"): {figure: 999}})
    assert (changes(built(), other), content_of(other)) == ([], content_of(built()))


def test_content_is_what_is_printed_of_a_ratio() -> None:
    """What is too small to be seen is none of it."""
    other, seen = (built(overrides={("unit", "U0000"): {"coverage_due": ratio}}) for ratio in (0.912341, 0.91244))
    assert content_of(built(overrides={("unit", "U0000"): {"coverage_due": 0.912342}})) == content_of(other) != content_of(seen)


def test_every_printed_figure_is_in_the_difference_what_follows_from_others_too() -> None:
    """Rounded, it may change where those do not."""
    ratios = ({"official": 0.12344, "coverage": 0.1, "divergence": moved} for moved in (0.02344, 0.02346))
    one, other = (built(overrides={("city", CITY): fields}) for fields in ratios)
    assert [(each.table, each.column, each.before, each.after) for each in changes(one, other)] == [
        ("官方口径与匹配口径", "差（百分点）", "+2.34", "+2.35")
    ]


def test_a_unit_that_is_called_otherwise_is_the_same_unit_in_the_difference() -> None:
    """Else each of its figures would be gone and another's come, and none that changed would be told."""
    renamed = {("unit", unit_code(1)): {"name": "新名单位", "unarchived": 77}}
    found = [each for each in changes(built(), built(overrides=renamed)) if each.table == "单位排名"]
    assert {"名称", "未归档"} <= {each.column for each in found} <= {column.title for column in _columns("单位排名")}
    assert {each.row for each in found} == {f"{unit_code(1)} 新名单位"}


def _columns(title: str) -> Sequence[Column]:
    (table,) = [each for each in tables(built()) if each.title == title]
    return table.columns


def test_each_assumption_is_a_row_of_its_own_in_the_difference() -> None:
    """All of them are printed, and a change of any is told."""
    names = [each.name for each in built().assumptions]
    assert len(set(names)) == len(names)


def test_both_readings_of_a_place_are_printed_whichever_is_set() -> None:
    """The literal one is what counts where policy.score.place says so."""

    class Literal(MadeUp):
        def score(self, year: int) -> Mapping[By, Sequence[Row]]:
            return {by: [{**row, "total": row["total_by_case"]} for row in rows] for by, rows in super().score(year).items()}

    by_item, by_case = built(), build(Literal(), PERIOD).bulletin
    for bulletin in (by_item, by_case):
        assert any(one.total_by_item != one.total_by_case for one in bulletin.unit_scores)
        for one in bulletin.unit_scores:
            assert one.total == (one.total_by_item if bulletin is by_item else one.total_by_case)
    printed = {(one.scope, one.total_by_item, one.total_by_case) for one in by_item.unit_scores}
    assert printed == {(one.scope, one.total_by_item, one.total_by_case) for one in by_case.unit_scores}


def test_a_corrected_period_before_is_a_difference_of_what_is_compared_to_it() -> None:
    """Its figures are printed of the city alone: who gained ranks on them would otherwise change without a word."""
    before = PERIOD.previous().window(MadeUp().now_ms)

    class Corrected(MadeUp):
        def coverage(self, window: Window) -> Mapping[Scope, Sequence[Row]]:
            rows = super().coverage(window)
            first, *others = rows["unit"]
            return {**rows, "unit": [{**first, "coverage": 0.01}, *others]} if window == before else rows

    corrected = build(Corrected(), PERIOD).bulletin
    assert {(one.table, one.column) for one in changes(built(), corrected)} == {("单位排名", "升降"), ("单位排名", "较上期（百分点）")}


@pytest.mark.parametrize(("now", "year"), [("2018-12-31T12:00:00+08:00", 2018), ("2019-01-01T00:00:00+08:00", 2019)])
def test_a_period_in_progress_over_new_year_has_the_score_of_the_year_that_is(now: str, year: int) -> None:
    """On its first day, the last of a year, nothing has been assessed of the next."""
    bulletin = build(MadeUp(now_ms=instant_ms(now)), parse_period("2019-W01")).bulletin
    assert bulletin.score_year == year
    assert {one.scope: one.total for one in bulletin.unit_scores} == {row["scope"]: row["total"] for row in MadeUp().score(year)["unit"]}


def test_items_outside_the_eight_types_are_none_that_should_be_archived_online() -> None:
    """Their cases are never counted, and nothing is asked of them that costs."""

    class Outside(MadeUp):
        def items(self, unit: str = "") -> Sequence[Row]:
            return [{**row, "item_code": row["item_code"].replace("许可", "服务")} for row in super().items(unit)]

    def said(figures: MadeUp) -> list[Any]:
        return [one.value for one in build(figures, PERIOD).bulletin.summary if one.name in {"应在线归档事项", "其中已配置"}]

    assert (said(MadeUp()), said(Outside())) == ([16, 11], [0, 0])


def test_sheet_names_are_what_a_spreadsheet_takes() -> None:
    """At most 31 characters, all different."""
    names = [table.name for table in tables(built())]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 31


def test_progress_counts_to_the_end() -> None:
    """The last question is the last of those announced."""
    told: list[tuple[int, int]] = []
    build(MadeUp(), PERIOD, lambda done, total: told.append((done, total)))
    assert told == [(done, STEPS) for done in range(1, STEPS + 1)]


def test_a_period_to_come_is_refused() -> None:
    """There is nothing to say about it."""
    with pytest.raises(ConfigurationError):
        build(MadeUp(), parse_period("2019"))
