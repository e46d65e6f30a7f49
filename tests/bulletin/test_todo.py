"""What a unit has to do."""

from __future__ import annotations

from ops.bulletin.kinds import SECTIONS, TASKS, label_of
from ops.bulletin.todo import digest_of, todo_rows, todos_by_unit
from streams.domain.rules import KINDS
from tests.bulletin.figures import MadeUp, finding, item_code, unit_code


def test_every_kind_has_a_label_a_section_and_a_remedy() -> None:
    """No code of ours reaches a reader."""
    assert TASKS.keys() == KINDS.keys()
    for kind, task in TASKS.items():
        assert not label_of(kind).isascii()
        assert task.section in SECTIONS
        assert task.what_to_do


def test_a_kind_that_is_not_known_yet_is_shown_as_its_code() -> None:
    """Better odd than hidden."""
    assert label_of("BRAND_NEW") == "BRAND_NEW"
    (row,) = todo_rows([finding("BRAND_NEW", "c1")], [])
    assert (row.label, row.section) == ("BRAND_NEW", SECTIONS[-1])


def test_cases_to_archive_come_by_due_date() -> None:
    """The one that is due first stands first."""
    rows = [finding("UNARCHIVED", f"c{day}", due_at=f"2018-03-{day:02}T23:59:59+08:00") for day in (9, 2, 5)]
    assert [row.subject for row in todo_rows(rows, [])] == ["c2", "c5", "c9"]


def test_a_refused_case_is_listed_once_with_the_reason_in_words() -> None:
    """Under the refusal, not again among those to archive."""
    rows = [finding("UNARCHIVED", "c1", reason="REFUSED"), finding("REFUSED", "c1", reason="INSPECTION_FAILED", detail="A1")]
    (row,) = todo_rows(rows, [])
    assert (row.kind, row.detail) == ("REFUSED", "检测不合格；A1")


def test_a_waived_finding_is_not_asked_for_as_long_as_the_waiver_holds() -> None:
    """Whether it holds today, the finding itself says."""
    assert todo_rows([finding("TIME_INVALID", "c1", waived=True)], []) == []
    assert len(todo_rows([finding("TIME_INVALID", "c1", waived_until="2018-04-09")], [])) == 1


def test_a_configuration_says_how_many_cases_hang_on_it() -> None:
    """The registry knows the item's name and its cases of 2017."""
    city = MadeUp(units=1)
    (row,) = todo_rows([finding("NOT_CONFIGURED", f"{unit_code(0)}|{item_code(0)}")], city.items())
    assert (row.item_name, row.detail) == (city.items()[0]["item_name"], "2017年办件量 14")


def test_lists_by_unit_hold_every_unwaived_finding_once() -> None:
    """Nothing is lost between the city's findings and the units' lists."""
    city = MadeUp(findings_count=200)
    lists = todos_by_unit(city.findings(), city.items())
    waived = sum(row["waived"] for row in city.findings())
    assert sum(map(len, lists.values())) == len(city.findings()) - waived
    for unit, rows in lists.items():
        assert rows == todo_rows(city.findings(unit), city.items(unit))


def test_lists_that_differ_have_different_marks() -> None:
    """The mark on a unit's file and in the bulletin tells whether they belong together."""
    one, other = (todo_rows([finding("REFUSED", "c1", detail=detail)], []) for detail in ("A1", "A2"))
    assert digest_of(one) != digest_of(other)
