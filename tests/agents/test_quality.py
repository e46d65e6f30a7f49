"""Quality of archived data: each rule of the notice on hand-made cases, one finding each, and what takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from streams.contracts import ANOMALY_QUALITY, ARCHIVING_SCHEDULE, CASE_STATE, ITEM_REGISTRY, UNIT_REGISTRY, codec
from streams.domain.time import DAY_MS, HOUR_MS
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, archive, closing
from tests.agents.test_items import registered, scheduled

Event = dict[str, Any]
HELD = [
    {"kind": "EVIDENCE", "name": "申请表", "code": "E-01", "byte_size": 1, "sha256": ""},
    {"kind": "RESULT", "name": "批准文件", "code": "R-01", "byte_size": 1, "sha256": ""},
]


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """A partition with a registered item and its approved schedule, which asks for 申请表 and 批准文件."""
    with Pipeline(now_ms=CLOSED_MS) as made:
        made.reference_record(ITEM_REGISTRY, registered())
        made.reference_record(ARCHIVING_SCHEDULE, scheduled())
        yield made


def quality(pipeline: Pipeline) -> list[str]:
    """Open quality findings of the case."""
    return sorted(kind for subject, kind in pipeline.open_anomalies() if subject == "c")


@pytest.mark.parametrize(
    "title",
    [
        "中医医疗广告审查",
        "【中医医疗广告审查】",
        "中医医疗广告审查（办理）",
        "办理中医医疗广告审查",
        "卫健委-中医医疗广告审查",
        "卫健委办理：中医医疗 广告审查。",
        "中医医疗广告审查——卫健委",
        "杭州市卫生健康委员会中医医疗广告审查",
    ],
)
def test_a_title_that_is_the_items_name_is_found_whatever_stands_around_it(pipeline: Pipeline, title: str) -> None:
    """以权力事项名称拟写办件名称; the unit under its name of the event or of the registry."""
    row = {"event_id": "u1", "unit_code": "U1", "unit_name": "杭州市卫生健康委员会", "district_code": "330106", "district_name": ""}
    pipeline.reference_record(UNIT_REGISTRY, row)
    pipeline.closings(closing(title=title))
    assert quality(pipeline) == ["TITLE_IS_ITEM_NAME"]
    pipeline.closings(closing(event_id="e2", revision=2))
    assert pipeline.told(ANOMALY_QUALITY)[-1] == ("TITLE_IS_ITEM_NAME", "RESOLVED", "CORRECTED")


@pytest.mark.parametrize(
    "title", ["区监管办理发店卫生许可", "区监管办（理发店卫生许可）", "区监管办办理理发店卫生许可", "理发店卫生许可区监管办"]
)
def test_unit_and_item_may_meet_in_a_word_that_says_nothing(pipeline: Pipeline, title: str) -> None:
    """区监管办 and 理发店: 办|理 is of their names, and is taken out of the title all the same."""
    pipeline.closings(closing(unit_name="区监管办", item_name="理发店卫生许可", title=title))
    assert quality(pipeline) == ["TITLE_IS_ITEM_NAME"]


@pytest.mark.parametrize("title", ["张三中医医疗广告审查", "中医医疗广告审查（张三）", "", "（）", "卫健委"])
def test_a_title_that_says_more_or_nothing_is_no_finding(pipeline: Pipeline, title: str) -> None:
    """A wrong accusation costs two points."""
    pipeline.closings(closing(title=title))
    assert quality(pipeline) == []


def test_the_archives_title_counts_as_well(pipeline: Pipeline) -> None:
    """归档数据办件信息不准确: and it is not the case's, which is a finding of its own."""
    pipeline.closings(closing())
    pipeline.archives(archive(title="中医医疗广告审查", materials=HELD))
    assert quality(pipeline) == ["CASE_INFO_MISMATCH", "TITLE_IS_ITEM_NAME"]


def test_an_archived_test_case_is_the_one_finding_of_an_excluded_case(pipeline: Pipeline) -> None:
    """包含测试件; a deletion takes it back."""
    pipeline.closings(closing(is_test=True, title="中医医疗广告审查"))
    assert quality(pipeline) == []
    pipeline.archives(archive())
    assert quality(pipeline) == ["TEST_CASE"]
    pipeline.closings(closing(event_id="e2", revision=2, is_test=True, deleted=True))
    assert quality(pipeline) == []


SET_RIGHT: dict[str, tuple[Event, Event, str]] = {
    "the archive is deleted": ({}, {"deleted": True}, "CORRECTED"),
    "the archive was refused": ({}, {"receipt": "UNPACK_FAILED"}, "CORRECTED"),
    "it is no test, but void": ({"is_test": False, "closing_state": "VOIDED"}, {}, "CORRECTED"),
    "it is no test": ({"is_test": False}, {}, "CORRECTED"),
    "the case is deleted": ({"deleted": True}, {}, "EXCLUDED"),
}


@pytest.mark.parametrize(("closed", "received", "resolution"), SET_RIGHT.values(), ids=SET_RIGHT)
def test_an_archived_test_case_is_corrected_unless_it_is_deleted(
    pipeline: Pipeline, closed: Event, received: Event, resolution: str
) -> None:
    """It was excluded all the time: exclusion resolves a case's findings, TEST_CASE apart."""
    pipeline.closings(closing(is_test=True))
    pipeline.archives(archive())
    if closed:
        pipeline.closings(closing(**{"event_id": "e2", "revision": 2, "is_test": True, **closed}))
    else:
        pipeline.archives(archive(event_id="a2", revision=2, **received))
    told = [each for each in pipeline.told(ANOMALY_QUALITY) if each[0] == "TEST_CASE"]
    assert told == [("TEST_CASE", "OPENED", ""), ("TEST_CASE", "RESOLVED", resolution)]


def test_a_test_case_that_is_void_as_well_is_a_finding_still(pipeline: Pipeline) -> None:
    """Another reason of the exclusion takes no test back out of the archives."""
    pipeline.closings(closing(is_test=True))
    pipeline.archives(archive())
    pipeline.closings(closing(event_id="e2", revision=2, is_test=True, closing_state="VOIDED"))
    assert pipeline.state("c")["reason"] == "VOIDED"
    assert quality(pipeline) == ["TEST_CASE"]


@pytest.mark.parametrize(
    "title",
    [
        *("测试件", "Test 3", "１１１１１", "张三的测试", "latest", "测 试件", "测\u3000试", "申请T EST", "t e s t"),
        *("1 1 1 1 1", "第1 1111次", "1 1 1 1 1 12"),
    ],
)
def test_a_title_with_the_marks_of_a_test_is_a_suspicion_and_no_finding(pipeline: Pipeline, title: str) -> None:
    """Domain: a title saying 测试 is only a suspicion. Blanks in it change nothing."""
    pipeline.closings(closing(title=title))
    assert quality(pipeline) == []
    assert "SUSPECTED_TEST" in pipeline.state("c")["flags"]


@pytest.mark.parametrize("title", ["late st", "best est", "t ester", "111 112", "2111 11", "1 1 1 1", "测量考试"])
def test_a_blank_between_words_or_numbers_makes_no_mark_of_a_test(pipeline: Pipeline, title: str) -> None:
    """Only where a mark stands by itself are the blanks in it of no account."""
    pipeline.closings(closing(title=title))
    assert "SUSPECTED_TEST" not in pipeline.state("c")["flags"]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (HELD, []),
        (HELD[:1], ["MISSING_RESULT"]),
        (HELD[1:], ["MISSING_EVIDENCE"]),
        ([], ["MISSING_EVIDENCE", "MISSING_RESULT"]),
        ([{**HELD[0], "code": ""}, {**HELD[1], "name": "别名"}], []),
        ([{**HELD[0], "code": "", "kind": "UNKNOWN"}, HELD[1]], []),
        ([{**HELD[0], "code": "", "kind": "RESULT"}, HELD[1]], ["MISSING_EVIDENCE"]),
        ([{**HELD[0], "code": "", "name": "申 请 表"}, HELD[1]], []),
    ],
)
def test_a_required_electronic_material_that_no_accepted_archive_holds_is_missing(
    pipeline: Pipeline, held: list[Event], found: list[str]
) -> None:
    """应归未归; by code, or by name under its kind."""
    pipeline.closings(closing())
    assert quality(pipeline) == []
    pipeline.archives(archive(materials=held))
    assert quality(pipeline) == found


@pytest.mark.parametrize(
    ("wanted", "held", "is_missing"),
    [
        (("", ""), ("EVIDENCE", "", ""), False),
        (("", ""), ("EVIDENCE", "\u3000", "E-07"), False),
        (("", ""), ("UNKNOWN", "", ""), False),
        (("", ""), ("RESULT", "", ""), True),
        (("", ""), ("EVIDENCE", "申请表", ""), True),
        (("", "E-01"), ("EVIDENCE", "", ""), True),
        (("", "E-01"), ("EVIDENCE", "", "E-02"), True),
        (("", "E-01"), ("RESULT", "", "E-01"), False),
        (("申请表", ""), ("EVIDENCE", "", ""), True),
    ],
)
def test_a_material_without_name_and_code_is_there_where_the_archive_has_such_a_one(
    pipeline: Pipeline, wanted: tuple[str, str], held: tuple[str, str, str], is_missing: bool
) -> None:
    """Equal is equal; where the schedule gives a code, an empty name stands for nothing."""
    asked = {**scheduled()["materials"][0], "kind": "EVIDENCE", "name": wanted[0], "code": wanted[1]}
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=2, materials=[asked]))
    pipeline.closings(closing())
    pipeline.archives(archive(materials=[{**HELD[0], "kind": held[0], "name": held[1], "code": held[2]}]))
    assert quality(pipeline) == (["MISSING_EVIDENCE"] if is_missing else [])


def test_a_second_accepted_archive_may_bring_what_the_first_lacks(pipeline: Pipeline) -> None:
    """Absent from every accepted archive; a refused one brings nothing."""
    pipeline.closings(closing())
    pipeline.archives(archive(materials=HELD[:1]))
    pipeline.archives(archive(event_id="a2", archive_no="A-2", receipt="UNPACK_FAILED", materials=HELD))
    assert quality(pipeline) == ["MISSING_RESULT"]
    pipeline.archives(archive(event_id="a3", archive_no="A-3", materials=HELD))
    assert quality(pipeline) == ["DUPLICATE_ARCHIVE"]


def test_paper_and_optional_materials_are_not_asked_for_and_an_approval_asks_for_the_past_too(pipeline: Pipeline) -> None:
    """The schedule of the closing day, as it stands now."""
    pipeline.closings(closing())
    pipeline.archives(archive(materials=HELD[:1]))
    wanted = scheduled()["materials"]
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=2, materials=[wanted[0], {**wanted[1], "electronic": False}]))
    assert quality(pipeline) == []
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=3, materials=[wanted[0], {**wanted[1], "required": False}]))
    assert quality(pipeline) == []
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=4, approved=False))
    assert quality(pipeline) == []
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=5))
    assert quality(pipeline) == ["MISSING_RESULT"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"item_code": "许可-00388-000"}, True),
        ({"title": "李四的申请"}, True),
        ({"title": ""}, False),
        ({"title": "张三 的申请"}, False),
        ({"item_code": "许可－００３８７－０００"}, False),
        ({"unit_code": "U2"}, False),
    ],
)
def test_an_archive_that_names_another_item_or_title_disagrees_and_another_unit_does_not(
    pipeline: Pipeline, change: Event, found: bool
) -> None:
    """Never the unit: corrections move cases."""
    pipeline.closings(closing())
    pipeline.archives(archive(materials=HELD, **change))
    assert quality(pipeline) == (["CASE_INFO_MISMATCH"] if found else [])


@pytest.mark.parametrize(
    "change", [{"accepted_at": CLOSED_MS + 1}, {"accepted_at": 0}, {"accepted_at": 4_102_416_000_000}], ids=["after", "1970", "2100"]
)
def test_times_that_cannot_be_are_found(pipeline: Pipeline, change: Event) -> None:
    """And corrected, they are not."""
    pipeline.closings(closing(**change))
    assert quality(pipeline) == ["TIME_INVALID"]
    pipeline.closings(closing(event_id="e2", revision=2, accepted_at=CLOSED_MS))
    assert quality(pipeline) == []


def test_an_archive_received_before_its_case_was_accepted_cannot_be(pipeline: Pipeline) -> None:
    """Before its closing it may."""
    pipeline.closings(closing())
    pipeline.archives(archive(materials=HELD, received_at=CLOSED_MS - HOUR_MS))
    assert quality(pipeline) == []
    pipeline.archives(archive(event_id="a2", revision=2, materials=HELD, received_at=CLOSED_MS - 2 * DAY_MS))
    assert quality(pipeline) == ["TIME_INVALID"]


def test_no_title_and_no_name_of_a_material_is_in_what_is_written(pipeline: Pipeline) -> None:
    """Only keyed hashes of them: a sender may put an applicant's name anywhere."""
    pipeline.closings(closing(title="王小明的申请"))
    pipeline.archives(archive(title="王小明的申请", materials=[{**HELD[0], "name": "王小明身份证", "code": "330106199001011234"}]))
    written = b"".join(message.value or b"" for message in pipeline.messages) + codec(CASE_STATE).encode(pipeline.state("c"))
    assert "王小明".encode() not in written
    assert b"330106199001011234" not in written
