"""The job on hand-made events: what each rule of the notice comes to, from records in to records out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from streams.agents.metrics import DEAD_LETTERS, JobCollector
from streams.contracts import (
    ANOMALY_UNARCHIVED,
    ARCHIVE_RECEIVED,
    ARCHIVING_SCHEDULE,
    CASE_CLOSED,
    FEED_HEARTBEAT,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    UNIT_REGISTRY,
    codec,
)
from streams.domain.coverage import HOUR
from streams.domain.facts import MAX_FACTS_BYTES, CaseFacts, TooManyEvents
from streams.domain.policy import Deadline, Policy
from streams.domain.time import DAY_MS, HOUR_MS
from streams.settings import instant_ms
from tests.agents.pipeline import Pipeline
from tests.strategies import MONDAY_MS

CLOSED_MS = MONDAY_MS + 10 * HOUR_MS
DUE_MS = MONDAY_MS + 4 * DAY_MS - 1  # 3 workdays after Monday: the end of Thursday


def closing(**given: Any) -> dict[str, Any]:
    """A closing on Monday 2018-06-04 10:00."""
    return {
        "event_id": "e1",
        "case_no": "c",
        "item_code": "许可-00387-000",
        "item_name": "中医医疗广告审查",
        "unit_code": "U1",
        "unit_name": "卫健委",
        "district_code": "330106",
        "title": "张三的申请",
        "accepted_at": CLOSED_MS - DAY_MS,
        "closed_at": CLOSED_MS,
        "closing_state": "CLOSED",
        "revision": 1,
        "deleted": False,
        "is_test": False,
        "source_system": "",
        **given,
    }


def archive(**given: Any) -> dict[str, Any]:
    """An acceptance on Tuesday 10:00."""
    return {
        "event_id": "a1",
        "archive_no": "A-1",
        "case_no": "c",
        "item_code": "许可-00387-000",
        "unit_code": "U1",
        "title": "张三的申请",
        "received_at": CLOSED_MS + DAY_MS,
        "receipt": "ACCEPTED",
        "revision": 1,
        "deleted": False,
        "retention": "UNKNOWN",
        "schedule_version": "",
        "batch_no": "",
        "source_system": "",
        "materials": [],
        **given,
    }


def register(pipeline: Pipeline, unit: str, *items: str) -> None:
    """Put items into the registry, configured as approved: their cases are counted, and nothing is remarked."""
    for item in items:
        row = {
            "event_id": "r",
            "unit_code": unit,
            "item_code": item,
            "item_name": "事项名称",
            "schedule_version": "1",
            "retention": "YEARS_10",
        }
        for topic in (ITEM_REGISTRY, ARCHIVING_SCHEDULE, MODULE_CONFIG):
            pipeline.reference_record(topic, {**row, "build_mode": "MUNICIPAL", "archiving_mode": "ONLINE", "materials": []})


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """A partition at the moment of closing."""
    with Pipeline(now_ms=CLOSED_MS) as made:
        register(made, "U1", "许可-00387-000", "确认-00001-000")
        yield made


def verdict(pipeline: Pipeline, case_no: str = "c") -> tuple[str, str]:
    """Status and reason of a case."""
    state = pipeline.state(case_no)
    return state["status"], state["reason"]


def test_a_closed_case_awaits_its_archive_until_the_end_of_the_third_workday(pipeline: Pipeline) -> None:
    """Domain: due_at, default 3 workdays."""
    pipeline.closings(closing())
    assert pipeline.state("c")["due_at"] == DUE_MS
    pipeline.tick(DUE_MS - 1)
    assert verdict(pipeline) == ("AWAITING", "")
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    assert pipeline.told() == [("UNARCHIVED", "OPENED", "")]


@pytest.mark.parametrize(
    ("received_at", "status"), [(DUE_MS, "ARCHIVED"), (DUE_MS + 1, "ARCHIVED_LATE"), (CLOSED_MS - 5 * DAY_MS, "ARCHIVED")]
)
def test_received_at_decides_lateness_not_arrival(pipeline: Pipeline, received_at: int, status: str) -> None:
    """An archive that arrives in Kafka long after it was received is as late as it was received."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS + 30 * DAY_MS)
    pipeline.archives(archive(received_at=received_at))
    assert verdict(pipeline)[0] == status
    assert pipeline.state("c")["delay_ms"] == received_at - CLOSED_MS


def test_a_late_archive_withdraws_the_finding_and_says_how_late(pipeline: Pipeline) -> None:
    """Domain: a late archive resolves UNARCHIVED."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    pipeline.archives(archive(received_at=DUE_MS + HOUR_MS))
    assert pipeline.told() == [("UNARCHIVED", "OPENED", ""), ("UNARCHIVED", "RESOLVED", "ARCHIVED_LATE")]
    opened, resolved = pipeline.anomalies()
    assert resolved["late_ms"] == HOUR_MS
    assert opened["anomaly_id"] == resolved["anomaly_id"]


def test_a_lagging_reader_states_nothing(pipeline: Pipeline) -> None:
    """However late it is on the clock, what has not been read cannot be absent."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS + 9 * DAY_MS, archives_read_ms=DUE_MS - 1)
    assert verdict(pipeline) == ("AWAITING", "")


def test_a_silent_source_leaves_its_cases_awaiting_until_it_speaks(pipeline: Pipeline) -> None:
    """Domain: absence is established only when the source says that it is complete."""
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s1", DUE_MS - 1))
    pipeline.closings(closing(source_system="s1"), closing(case_no="d", source_system="s2"))
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("AWAITING", "SOURCE_SILENT")
    assert verdict(pipeline, "d") == ("UNARCHIVED", "NONE_RECEIVED")
    assert (total(pipeline, "due"), total(pipeline, "due_awaiting")) == (2, 1)  # of the one we know, of the other we cannot
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s1", DUE_MS), seen_at_ms=DUE_MS + 5)
    pipeline.tick(DUE_MS + 4)
    assert verdict(pipeline) == ("AWAITING", "SOURCE_SILENT")  # the archives it speaks of may lie ahead of the reader
    pipeline.tick(DUE_MS + 5)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    assert (total(pipeline, "due"), total(pipeline, "due_awaiting")) == (2, 0)


def total(pipeline: Pipeline, count: str) -> int:
    """Sum of a count over all hours."""
    return sum(record[count] for record in pipeline.buckets(HOUR))


def test_what_was_found_stands_while_its_source_does_not_speak_against_it(pipeline: Pipeline) -> None:
    """A first heartbeat that vouches for the absence takes nothing back until it can be used, one that does not vouch for it does."""
    pipeline.closings(closing(source_system="s1"))
    pipeline.tick(DUE_MS)
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s1", DUE_MS), seen_at_ms=DUE_MS + 5)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    pipeline.closings(closing(case_no="new", source_system="s1"))
    assert pipeline.state("new")["reason"] == "SOURCE_SILENT"  # nothing new rests on it yet: archives sent before it may still be unread
    pipeline.tick(DUE_MS + 5)
    assert pipeline.told() == [("UNARCHIVED", "OPENED", "")] * 2
    pipeline.closings(closing(event_id="e2", revision=2, source_system="s2"))
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s2", DUE_MS - 1))
    assert verdict(pipeline) == ("AWAITING", "SOURCE_SILENT")


def test_what_was_found_by_an_earlier_deadline_rests_on_no_word_just_heard(pipeline: Pipeline) -> None:
    """A closing that is corrected to a later time falls due later: the archive that its source vouches for may still be unread."""
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s1", DUE_MS))
    pipeline.closings(closing(source_system="s1"))
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    later = {"event_id": "e2", "revision": 2, "source_system": "s1", "closed_at": CLOSED_MS + DAY_MS}
    pipeline.tick(DUE_MS + 9 * DAY_MS)
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("s1", DUE_MS + 5 * DAY_MS), seen_at_ms=DUE_MS + 10 * DAY_MS)
    pipeline.closings(closing(**later))
    assert verdict(pipeline) == ("AWAITING", "SOURCE_SILENT")
    pipeline.tick(DUE_MS + 10 * DAY_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")


def test_a_finding_that_opens_under_a_policy_that_came_back_is_a_new_event(pipeline: Pipeline) -> None:
    """Whoever keeps the ids he has seen must not take it for a repetition."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    for deadline in (30, 3, 30, 3):
        pipeline.follow(Policy(deadline=Deadline(workdays=deadline)))
    assert [state for _, state, _ in pipeline.told()] == ["OPENED", "RESOLVED", "OPENED", "RESOLVED", "OPENED"]
    ids = {dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_UNARCHIVED}
    assert len(ids) == 5


def heartbeat(source: str, through_ms: int, topic: str = ARCHIVE_RECEIVED) -> dict[str, Any]:
    """A claim of completeness."""
    return {"event_id": f"h{through_ms}", "source_system": source, "topic": topic, "complete_through": through_ms}


def test_a_refusal_is_told_at_once_and_is_the_reason_when_due(pipeline: Pipeline) -> None:
    """Domain: REFUSED is told at once, not at due_at."""
    pipeline.closings(closing())
    pipeline.archives(archive(receipt="DIGEST_MISMATCH"))
    assert verdict(pipeline) == ("AWAITING", "")
    assert pipeline.told() == [("REFUSED", "OPENED", "")]
    assert pipeline.anomalies()[0]["reason"] == "DIGEST_MISMATCH"
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "REFUSED")
    pipeline.archives(archive(event_id="a2", received_at=CLOSED_MS + 2 * DAY_MS))
    assert verdict(pipeline) == ("ARCHIVED", "")
    assert pipeline.open_anomalies() == set()


def test_an_unknown_receipt_neither_accepts_nor_refuses(pipeline: Pipeline) -> None:
    """Domain: receipt UNKNOWN is flagged."""
    pipeline.closings(closing())
    pipeline.archives(archive(receipt="UNKNOWN"))
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    assert pipeline.state("c")["flags"] == ["UNKNOWN_RECEIPT"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"deleted": True}, "DELETED"),
        ({"closing_state": "VOIDED"}, "VOIDED"),
        ({"closing_state": "FORWARDED"}, "FORWARDED"),
        ({"is_test": True}, "TEST_CASE"),
        ({"item_code": "服务-00001-000"}, "OUTSIDE_TYPES"),
    ],
)
def test_a_case_that_is_not_counted_has_its_reason_and_no_finding(pipeline: Pipeline, change: dict[str, Any], reason: str) -> None:
    """Exclusion by a correction resolves at once what was open."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    pipeline.closings(closing(event_id="e2", revision=2, **change))
    assert verdict(pipeline) == ("EXCLUDED", reason)
    assert pipeline.told()[-1] == ("UNARCHIVED", "RESOLVED", "EXCLUDED")
    assert [record["excluded"] for record in pipeline.buckets(HOUR)] == [{reason: 1}]


def test_what_is_forwarded_or_unknown_counts_as_the_policy_says() -> None:
    """Assumptions (A) are settings."""
    with Pipeline(Policy(count_forwarded=True, count_unknown_closing=False), now_ms=CLOSED_MS) as pipeline:
        pipeline.closings(closing(closing_state="FORWARDED"), closing(case_no="d", closing_state="UNKNOWN"))
        assert verdict(pipeline) == ("AWAITING", "")
        assert verdict(pipeline, "d") == ("EXCLUDED", "UNKNOWN_STATE")


def test_a_deadline_may_be_hours_or_an_items_own() -> None:
    """Per-item override, by the item or its main item."""
    policy = Policy(deadline=Deadline(hours=72), deadline_by_item={"许可-00385-000": Deadline(hours=1)})
    with Pipeline(policy, now_ms=CLOSED_MS) as other:
        other.closings(closing(), closing(case_no="d", item_code="许可-00385-002"))
        assert other.state("c")["due_at"] == CLOSED_MS + 72 * HOUR_MS
        assert other.state("d")["due_at"] == CLOSED_MS + HOUR_MS


def test_an_accepted_archive_without_a_closing_becomes_an_orphan_after_the_grace(pipeline: Pipeline) -> None:
    """Domain: ORPHAN, 24 h after received_at; any closing resolves it, even a deleted one."""
    pipeline.archives(archive())
    received_ms = CLOSED_MS + DAY_MS
    pipeline.tick(received_ms + DAY_MS - 1)
    assert verdict(pipeline) == ("NOT_CLOSED", "")
    pipeline.tick(received_ms + DAY_MS)
    assert verdict(pipeline) == ("ORPHAN", "")
    pipeline.closings(closing(deleted=True))
    assert verdict(pipeline) == ("EXCLUDED", "DELETED")
    assert [told[:2] for told in pipeline.told()] == [("ORPHAN_ARCHIVE", "OPENED"), ("ORPHAN_ARCHIVE", "RESOLVED")]


def test_an_archive_moved_to_another_case_leaves_the_first_unarchived(pipeline: Pipeline) -> None:
    """A move is a deletion under the old number and an event under the new."""
    pipeline.closings(closing(), closing(case_no="d"))
    pipeline.archives(archive())
    pipeline.archives(archive(event_id="a2", revision=2, deleted=True), archive(event_id="a3", case_no="d", revision=2))
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    assert verdict(pipeline, "d") == ("ARCHIVED", "")


def test_two_accepted_archive_numbers_are_a_duplicate(pipeline: Pipeline) -> None:
    """Coverage counts the case once; the official figure counts both numbers."""
    pipeline.closings(closing())
    pipeline.archives(archive(), archive(event_id="a2", archive_no="A-2"))
    assert pipeline.open_anomalies() == {("c", "DUPLICATE_ARCHIVE")}
    assert total(pipeline, "archived") == 1
    assert total(pipeline, "official_archived") == 2


def test_closings_that_differ_in_accepting_time_and_item_collide(pipeline: Pipeline) -> None:
    """Case numbers built from unpadded dates name two cases."""
    pipeline.closings(closing(), closing(event_id="e2", revision=2, accepted_at=CLOSED_MS - 2 * DAY_MS))
    assert pipeline.open_anomalies() == set()
    pipeline.closings(closing(event_id="e3", revision=3, accepted_at=CLOSED_MS, item_code="确认-00001-000"))
    assert pipeline.open_anomalies() == {("c", "CASE_NO_COLLISION")}


def test_a_case_that_moves_keeps_its_finding_id_and_leaves_no_ghost_in_any_count(pipeline: Pipeline) -> None:
    """Another unit, another day: what one bucket loses the other gains."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    pipeline.closings(closing(event_id="e2", revision=2, unit_code="U2", district_code="330108", closed_at=CLOSED_MS - DAY_MS))
    opened, again = pipeline.anomalies()
    assert (opened["anomaly_id"], opened["unit_code"], again["unit_code"]) == (again["anomaly_id"], "U1", "U2")
    assert {record["unit_code"] for record in pipeline.buckets()} == {"U2"}
    assert total(pipeline, "unarchived") == 1


NEW_YEARS_EVE_MS, NEW_YEAR_MS, FROM_NEW_YEAR_DUE_MS = map(
    instant_ms, ("2018-12-31T16:00:00+08:00", "2019-01-01T09:00:00+08:00", "2019-01-04T23:59:59.999+08:00")
)


@pytest.mark.parametrize(
    "change",
    [{"closed_at": NEW_YEAR_MS}, {"unit_name": "卫生健康委"}, {"item_name": "医疗广告审查"}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("corrected_after", [True, False])
def test_what_is_told_of_an_open_finding_is_what_the_case_says_now_whatever_was_corrected(
    pipeline: Pipeline, change: dict[str, Any], corrected_after: bool
) -> None:
    """Over a holiday the due date stays though the year is another: points must be deducted in the year of the case, in any order."""
    first = closing(closed_at=NEW_YEARS_EVE_MS)
    second = first | {"event_id": "e2", "revision": 2} | change
    pipeline.closings(*((first,) if corrected_after else (first, second)))
    pipeline.tick(FROM_NEW_YEAR_DUE_MS)
    pipeline.closings(second)
    told = pipeline.anomalies()
    assert [anomaly["state"] for anomaly in told] == ["OPENED"] * (2 if corrected_after else 1)
    assert {name: told[-1][name] for name in change} == change
    assert {anomaly["due_at"] for anomaly in told} == {FROM_NEW_YEAR_DUE_MS}
    ids = [dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_UNARCHIVED]
    assert len(set(ids)) == len(told)


def test_a_finding_that_opens_again_is_a_new_event_and_a_repetition_is_none(pipeline: Pipeline) -> None:
    """ce_id: from the finding, its state, and what brought it about."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    pipeline.archives(archive())
    pipeline.archives(archive())
    pipeline.archives(archive(event_id="a2", revision=2, deleted=True))
    ids = [dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_UNARCHIVED]
    assert [told[1] for told in pipeline.told()] == ["OPENED", "RESOLVED", "OPENED"]
    assert len(set(ids)) == 3


def test_a_finding_that_is_again_as_it_was_is_told_with_an_id_of_its_own(pipeline: Pipeline) -> None:
    """Refused for one reason, for another, and for the first again: who leaves out ids that were seen must not stay with the second."""
    pipeline.closings(closing())
    for number, receipt in enumerate(("UNPACK_FAILED", "DIGEST_MISMATCH", "UNPACK_FAILED")):
        pipeline.archives(archive(event_id=f"a{number}", receipt=receipt, received_at=CLOSED_MS + number * HOUR_MS))
    told = [message for message in pipeline.messages if message.topic == ANOMALY_UNARCHIVED]
    reasons = [codec(ANOMALY_UNARCHIVED).decode(message.value)["reason"] for message in told]
    assert reasons == ["UNPACK_FAILED", "DIGEST_MISMATCH", "UNPACK_FAILED"]
    assert len({dict(message.headers)["ce_id"] for message in told}) == len(told)


def test_history_is_marked_as_backfill(pipeline: Pipeline) -> None:
    """Older than policy.backfill_age when found: pages nobody."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS + DAY_MS)
    assert [anomaly["backfill"] for anomaly in pipeline.anomalies()] == [False]
    pipeline.tick(DUE_MS + DAY_MS + 1)
    pipeline.closings(closing(case_no="d"))
    assert [anomaly["backfill"] for anomaly in pipeline.anomalies()] == [False, True]


@pytest.mark.parametrize("found_ms", [DUE_MS, DUE_MS + DAY_MS + 1])
def test_what_was_news_when_it_was_found_stays_news_until_it_is_resolved(pipeline: Pipeline, found_ms: int) -> None:
    """A unit's open findings page on when it moves to another district; and who passes history over sees them resolved."""
    pipeline.closings(closing())
    pipeline.tick(found_ms)
    pipeline.tick(DUE_MS + 30 * DAY_MS)
    row = {"event_id": "r1", "unit_code": "U1", "unit_name": "", "district_code": "330114", "district_name": ""}
    pipeline.reference_record(UNIT_REGISTRY, row)
    pipeline.closings(closing(event_id="e2", revision=2, deleted=True))
    told = pipeline.anomalies()
    assert [(anomaly["state"], anomaly["district_code"]) for anomaly in told] == [
        ("OPENED", "330106"),
        ("OPENED", "330114"),
        ("RESOLVED", "330114"),
    ]
    assert {anomaly["backfill"] for anomaly in told} == {found_ms > DUE_MS + DAY_MS}


@pytest.mark.parametrize("late_ms", [0, 1])
def test_an_orphan_is_news_for_as_long_after_its_grace_as_any_finding(pipeline: Pipeline, late_ms: int) -> None:
    """Nobody can find it before: the grace is no delay of ours."""
    pipeline.archives(archive(received_at=CLOSED_MS))
    pipeline.tick(CLOSED_MS + 2 * DAY_MS + late_ms)
    (orphan,) = pipeline.anomalies()
    assert (orphan["kind"], orphan["since"], orphan["backfill"]) == ("ORPHAN_ARCHIVE", CLOSED_MS, late_ms > 0)


def test_a_package_refused_days_before_its_case_closes_is_news_when_the_case_closes(pipeline: Pipeline) -> None:
    """Only then is it owed."""
    pipeline.archives(archive(receipt="UNPACK_FAILED", received_at=CLOSED_MS - 5 * DAY_MS))
    pipeline.closings(closing())
    (refused,) = pipeline.anomalies()
    assert (refused["kind"], refused["since"], refused["backfill"]) == ("REFUSED", CLOSED_MS, False)


def test_a_finding_that_opens_again_is_found_anew(pipeline: Pipeline) -> None:
    """Whether it is news is asked each time it is found."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    pipeline.closings(closing(event_id="e2", revision=2, deleted=True))
    pipeline.tick(DUE_MS + 2 * DAY_MS)
    pipeline.closings(closing(event_id="e3", revision=3))
    assert [(anomaly["state"], anomaly["backfill"]) for anomaly in pipeline.anomalies()] == [
        ("OPENED", False),
        ("RESOLVED", False),
        ("OPENED", True),
    ]


def test_the_district_is_that_of_the_unit_on_the_closing_day(pipeline: Pipeline) -> None:
    """A row of unit-registry corrects the past too; without one the event's district holds, and without that UNKNOWN."""
    pipeline.closings(closing(), closing(case_no="d", unit_code="U9", district_code=""))
    assert (pipeline.state("c")["district_code"], pipeline.state("d")["district_code"]) == ("330106", "UNKNOWN")
    row = {"event_id": "r1", "revision": 1, "deleted": False, "unit_code": "U1", "unit_name": "", "district_code": "330114"}
    pipeline.reference_record(UNIT_REGISTRY, {**row, "district_name": "钱塘区", "valid_from": None, "valid_to": None})
    assert pipeline.state("c")["district_code"] == "330114"
    assert "330106" not in {record["district_code"] for record in pipeline.buckets()}


def test_a_correction_of_the_title_alone_changes_no_verdict_but_is_a_conflict_under_one_identity(pipeline: Pipeline) -> None:
    """Same event_id, other content: the larger canonical bytes win, and it is flagged."""
    pipeline.closings(closing(), closing(title="李四的申请"))
    assert pipeline.state("c")["flags"] == ["CLOSING_CONFLICT"]


def test_no_title_leaves_the_intake(pipeline: Pipeline) -> None:
    """Titles hold applicants' names."""
    pipeline.closings(closing(title="王小明的申请"))
    pipeline.archives(archive(title="王小明的申请", receipt="UNPACK_FAILED"))
    pipeline.tick(DUE_MS)
    assert not any("王小明".encode() in (message.value or b"") for message in pipeline.messages)
    assert "王小明".encode() not in pipeline.state("c")["facts"]


def test_an_unknown_receipt_is_flagged_whatever_else_the_archive_was_told(pipeline: Pipeline) -> None:
    """Domain: it neither accepts nor refuses, and is flagged."""
    pipeline.closings(closing())
    pipeline.archives(archive(receipt="INSPECTION_FAILED"), archive(event_id="a2", receipt="UNKNOWN", received_at=CLOSED_MS + 1))
    assert (verdict(pipeline), pipeline.state("c")["flags"]) == (("AWAITING", ""), ["UNKNOWN_RECEIPT"])
    pipeline.archives(archive(event_id="a3"))
    assert (verdict(pipeline)[0], pipeline.state("c")["flags"]) == ("ARCHIVED", ["UNKNOWN_RECEIPT"])


def test_of_two_refusals_at_one_time_the_larger_event_id_is_the_last(pipeline: Pipeline) -> None:
    """Domain: the last refusal is the one with the largest (received_at, event_id), whatever its archive number."""
    pipeline.closings(closing())
    pipeline.archives(archive(event_id="z", receipt="UNPACK_FAILED"), archive(event_id="a", archive_no="A-2", receipt="DIGEST_MISMATCH"))
    (finding,) = pipeline.state("c")["findings"]
    assert (finding["kind"], finding["reason"], finding["detail"]) == ("REFUSED", "UNPACK_FAILED", "A-1")


def test_a_finding_that_opens_again_after_its_row_was_taken_back_is_a_new_message(pipeline: Pipeline) -> None:
    """A row that was deleted is another ground than a row that never was: subscribers drop a ce_id that they have seen."""
    pipeline.closings(closing(item_code="许可-00999-000"))
    pipeline.tick(DUE_MS)
    for revision in (1, 2, 3):
        row = {"event_id": "i1", "unit_code": "U1", "item_code": "许可-00999-000", "item_name": "", "build_mode": "VERTICAL", "note": ""}
        pipeline.reference_record(ITEM_REGISTRY, {**row, "revision": revision, "deleted": revision == 2})
    words = [word for kind, word, _ in pipeline.told() if kind == "UNARCHIVED"]
    assert words == ["OPENED", "RESOLVED", "OPENED", "RESOLVED"]
    ids = [dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_UNARCHIVED]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize(("through_ms", "is_taken"), [(0, True), (-2, True), (-(2**63), True), (2**63 - 1, False)])
def test_a_source_may_have_nothing_yet_and_cannot_have_all_of_the_future(pipeline: Pipeline, through_ms: int, is_taken: bool) -> None:
    """Whatever it claims, no worker ends; what is claimed too late could never be taken back."""
    pipeline.closings(closing(source_system="s"))
    claim = {"event_id": "h", "source_system": "s", "topic": ARCHIVE_RECEIVED, "complete_through": through_ms}
    pipeline.reference_record(FEED_HEARTBEAT, claim)
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == (("AWAITING", "SOURCE_SILENT") if is_taken else ("UNARCHIVED", "NONE_RECEIVED"))
    assert [dict(dead.headers)["guidang-reason"] for dead in pipeline.dead_letters()] == [b"TIME_OUT_OF_RANGE"] * (not is_taken)


def test_a_heartbeat_that_names_no_source_speaks_for_no_case(pipeline: Pipeline) -> None:
    """Cases that name none wait for none; and whoever reads the claims themselves finds none of nobody's."""
    pipeline.closings(closing())
    pipeline.reference_record(FEED_HEARTBEAT, heartbeat("", CLOSED_MS))
    pipeline.tick(DUE_MS)
    assert verdict(pipeline) == ("UNARCHIVED", "NONE_RECEIVED")
    assert [dict(dead.headers)["guidang-reason"] for dead in pipeline.dead_letters()] == [b"EMPTY_SOURCE_SYSTEM"]
    assert pipeline.reference.feeds.sources(ARCHIVE_RECEIVED) == []


MATERIAL = {"kind": "EVIDENCE", "name": "a", "code": "", "byte_size": 1, "sha256": ""}


def test_whatever_a_case_gets_its_state_fits_into_a_message(pipeline: Pipeline) -> None:
    """Many long lists of materials, one that is too long, and a number that hundreds of closings share."""
    pipeline.closings(closing())
    for number in range(30):
        pipeline.archives(archive(event_id=f"a{number}", archive_no=f"A-{number}", materials=[MATERIAL] * 3_000))
    pipeline.archives(archive(event_id="b", archive_no="B", materials=[MATERIAL] * 150_000))
    for number in range(300):
        pipeline.closings(closing(event_id=f"c{number}", revision=2 + number, accepted_at=CLOSED_MS - number))
    reasons = Counter(dict(dead.headers)["guidang-reason"] for dead in pipeline.dead_letters())
    assert reasons.keys() == {b"TOO_MANY_EVENTS", b"RECORD_TOO_LARGE"}
    assert (verdict(pipeline)[0], pipeline.state("c")["flags"]) == ("ARCHIVED", ["CASE_NO_COLLISION"])
    assert len(pipeline.changelogs["cases"][b"c"]) < 2_000_000


def test_an_event_that_comes_again_with_more_in_it_is_weighed_too() -> None:
    """Small events, each sent once more under its id with a long list: what would not fit into a message is not taken in."""
    facts, refused = CaseFacts(), 0
    small = [{**archive(event_id=f"a{number}", archive_no=f"A-{number}"), "materials": ""} for number in range(30)]
    for event in (*small, *({**event, "materials": "x" * 200_000} for event in small)):
        try:
            facts.add_archive(event)
        except TooManyEvents:
            refused += 1
    assert 0 < refused < 30
    assert len(facts.dump()) <= MAX_FACTS_BYTES
    assert not any(event["materials"] for no in range(30 - refused, 30) for event in facts.archives[f"A-{no}"].events.values())


GOOD = codec(CASE_CLOSED).encode(closing())


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"c", None, "NULL_VALUE"),
        (b"c", b"", "NOT_FRAMED"),
        (b"c", b'{"case_no": "c"}', "NOT_FRAMED"),
        (b"c", b"\0\0\0\0\x63" + GOOD[5:], "UNKNOWN_SCHEMA"),
        (b"c", codec(ARCHIVE_RECEIVED).encode(archive()), "UNKNOWN_SCHEMA"),
        (b"c", GOOD[:20], "BROKEN_AVRO"),
        (b"c", GOOD + b"!", "TRAILING_BYTES"),
        (b"", GOOD, "EMPTY_KEY"),
        (None, GOOD, "EMPTY_KEY"),
        (b"d", GOOD, "KEY_MISMATCH"),
        (b"c", codec(CASE_CLOSED).encode(closing(event_id="")), "EMPTY_EVENT_ID"),
        (b"c", codec(CASE_CLOSED).encode(closing(closed_at=0)), "TIME_OUT_OF_RANGE"),
        (b"c", codec(CASE_CLOSED).encode(closing(closed_at=2**62)), "TIME_OUT_OF_RANGE"),
        (b"c", codec(CASE_CLOSED).encode(closing(unit_name="长" * 2000)), "FIELD_TOO_LONG"),
    ],
)
def test_what_cannot_be_taken_goes_to_dead_letter_whole_with_origin_and_reason(
    pipeline: Pipeline, key: bytes | None, value: bytes | None, reason: str
) -> None:
    """Its bytes, key and headers as they were, between good neighbours that are taken; counted from zero on, or it has no rate."""
    assert counted(pipeline, reason) == 0
    pipeline.raw(CASE_CLOSED, (b"c", GOOD), (key, value), (b"c", GOOD))
    (dead,) = pipeline.dead_letters()
    headers = dict(dead.headers)
    assert (dead.key, dead.value, headers["own"]) == (key, value, b"header")
    assert (headers["guidang-reason"], headers["guidang-topic"], headers["guidang-offset"]) == (reason.encode(), b"case-closed", b"1")
    assert verdict(pipeline) == ("AWAITING", "")
    assert counted(pipeline, reason) == 1


def counted(pipeline: Pipeline, reason: str) -> float:
    """Dead letters of a reason, as Prometheus is told."""
    (sample,) = [
        sample
        for family in JobCollector(pipeline.job).collect()
        for sample in family.samples
        if sample.name == DEAD_LETTERS.name and sample.labels == {"reason": reason}
    ]
    return sample.value


def test_a_title_may_be_of_any_length(pipeline: Pipeline) -> None:
    """Only its hash is kept."""
    pipeline.closings(closing(title="长" * 700_000))
    assert verdict(pipeline) == ("AWAITING", "")
    assert not pipeline.dead_letters()


def test_a_record_in_a_foreign_partition_is_misrouted() -> None:
    """The producer's partitioner is not ours: librdkafka's own default is CRC-32."""
    with Pipeline(now_ms=CLOSED_MS, partitions=8) as pipeline:
        pipeline.closings(*(closing(case_no=f"c{number}") for number in range(64)))
        home = set(pipeline.states())
        assert len(home) + len(pipeline.dead_letters()) == 64
        assert {dict(dead.headers)["guidang-reason"] for dead in pipeline.dead_letters()} == {b"MISROUTED"}
        assert 0 < len(home) < 30


def test_a_case_with_a_thousand_refusals_takes_no_more() -> None:
    """A source that sends the same package for ever must not make a state that no record can hold."""
    with Pipeline(now_ms=CLOSED_MS) as pipeline:
        pipeline.archives(*(archive(event_id=f"a{n}", archive_no=f"A-{n}", receipt="UNPACK_FAILED") for n in range(1_002)))
        assert {dict(dead.headers)["guidang-reason"] for dead in pipeline.dead_letters()} == {b"TOO_MANY_EVENTS"}
        assert len(pipeline.state("c")["archives"]) == 1_000
