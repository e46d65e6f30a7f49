"""Hypothesis strategies: events as the records on the wire, from small worlds in which everything collides."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from streams.domain.finding import anomaly_id
from streams.domain.time import DAY_MS, HOUR_MS, OFFSET_MS

Event = dict[str, Any]

MONDAY_MS = round(dt.datetime(2018, 6, 4, tzinfo=dt.timezone(dt.timedelta(milliseconds=OFFSET_MS))).timestamp() * 1000)
"""Midnight in Asia/Shanghai, a Monday with two plain working weeks ahead and 端午 after them."""

ITEMS = ("许可-00387-000", "许可-00385-001", "许可－００３８５－００１", "确认-00001-002-03", "服务-00001-000", "看不懂")
UNITS = ("U1", "U2")
SOURCES = ("", "s1", "s2")
CASES = st.sampled_from(["c1", "c2", "c3"])
TITLES = st.sampled_from(["张三的申请", "李四的申请", "【事项】办理", "单位事项", "测 试件", ""])
MATERIALS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["EVIDENCE", "RESULT", "UNKNOWN"]),
        "name": st.sampled_from(["甲", "乙", ""]),
        "code": st.sampled_from(["", "01"]),
    }
)

times = st.one_of(
    st.integers(0, 20 * 24).map(lambda hours: MONDAY_MS + hours * HOUR_MS),
    st.sampled_from([MONDAY_MS - 1, MONDAY_MS + 4 * DAY_MS - 1, MONDAY_MS + 4 * DAY_MS]),
)
event_ids = st.sampled_from(["e1", "e2", "e3", "e4"])
revisions = st.integers(1, 3)


def closings(case_nos: st.SearchStrategy[str] = CASES) -> st.SearchStrategy[Event]:
    """CaseClosed records."""
    return st.fixed_dictionaries(
        {
            "event_id": event_ids,
            "case_no": case_nos,
            "item_code": st.sampled_from(ITEMS),
            "item_name": st.sampled_from(["事项", "另一事项"]),
            "unit_code": st.sampled_from(UNITS),
            "unit_name": st.sampled_from(["单位", "另一单位"]),
            "district_code": st.sampled_from(["330100", "330106", ""]),
            "title": TITLES,
            "accepted_at": st.sampled_from([MONDAY_MS - DAY_MS, MONDAY_MS - 2 * DAY_MS, MONDAY_MS + 3 * DAY_MS]),
            "closed_at": times,
            "closing_state": st.sampled_from(["CLOSED", "CLOSED", "CLOSED", "FORWARDED", "VOIDED", "UNKNOWN"]),
            "revision": revisions,
            "deleted": st.sampled_from([False, False, False, True]),
            "is_test": st.sampled_from([False, False, False, True]),
            "source_system": st.sampled_from(SOURCES),
        }
    )


def archives(case_nos: st.SearchStrategy[str] = CASES) -> st.SearchStrategy[Event]:
    """ArchiveReceived records."""
    return st.fixed_dictionaries(
        {
            "event_id": event_ids,
            "archive_no": st.sampled_from(["a1", "a2", ""]),
            "case_no": case_nos,
            "item_code": st.sampled_from(ITEMS),
            "unit_code": st.sampled_from(UNITS),
            "title": TITLES,
            "received_at": times,
            "receipt": st.sampled_from(["ACCEPTED", "ACCEPTED", "UNPACK_FAILED", "DIGEST_MISMATCH", "UNKNOWN"]),
            "revision": revisions,
            "deleted": st.sampled_from([False, False, False, True]),
            "retention": st.just("UNKNOWN"),
            "schedule_version": st.just(""),
            "batch_no": st.just(""),
            "source_system": st.sampled_from(SOURCES),
            "materials": st.lists(MATERIALS.map(lambda each: {**each, "byte_size": 1, "sha256": ""}), max_size=2),
        }
    )


def unit_rows() -> st.SearchStrategy[Event]:
    """UnitRegistered records; days as numbers since 1970."""
    first = (MONDAY_MS + OFFSET_MS) // DAY_MS
    return st.fixed_dictionaries(
        {
            "event_id": event_ids,
            "revision": revisions,
            "deleted": st.sampled_from([False, False, True]),
            "valid_from": st.one_of(st.none(), st.integers(first, first + 20)),
            "valid_to": st.one_of(st.none(), st.integers(first, first + 20)),
            "unit_code": st.sampled_from(UNITS),
            "unit_name": st.sampled_from(["单位", "另一单位"]),
            "district_code": st.sampled_from(["330106", "330108"]),
            "district_name": st.just(""),
        }
    )


_FIRST_DAY = (MONDAY_MS + OFFSET_MS) // DAY_MS
_VERSIONED = {
    "event_id": event_ids,
    "revision": revisions,
    "deleted": st.sampled_from([False, False, False, True]),
    "valid_from": st.one_of(st.none(), st.integers(_FIRST_DAY, _FIRST_DAY + 20)),
    "valid_to": st.one_of(st.none(), st.none(), st.integers(_FIRST_DAY, _FIRST_DAY + 20)),
}
_OF_ITEM = {
    **_VERSIONED,
    "unit_code": st.sampled_from(UNITS),
    "item_code": st.sampled_from(["许可-00387-000", "许可-00385-000", "许可－００３８５－００１"]),
    "item_name": st.sampled_from(["事项", "另一事项"]),
}
_SCHEDULED = {
    **_OF_ITEM,
    "schedule_version": st.sampled_from(["1", "2"]),
    "retention": st.sampled_from(["YEARS_10", "YEARS_30"]),
    "materials": st.lists(
        st.builds(
            lambda each, required, electronic: {**each, "required": required, "electronic": electronic},
            MATERIALS,
            st.booleans(),
            st.booleans(),
        ),
        max_size=2,
    ),
}


def item_rows() -> st.SearchStrategy[Event]:
    """ItemRegistered records."""
    return st.fixed_dictionaries(
        {
            **_OF_ITEM,
            "main_item_code": st.sampled_from(["", "许可-00385-000"]),
            "main_item_name": st.just(""),
            "build_mode": st.sampled_from(["MUNICIPAL", "SELF_BUILT", "SELF_BUILT", "VERTICAL", "UNKNOWN"]),
            "plan_year": st.sampled_from([0, 2018, 2019]),
            "archiving_mode": st.sampled_from(["ONLINE", "OFFLINE", "UNKNOWN"]),
            "case_count_2017": st.just(0),
            "note": st.just(""),
        }
    )


def schedule_rows() -> st.SearchStrategy[Event]:
    """ScheduleApproved records."""
    return st.fixed_dictionaries({**_SCHEDULED, "approved": st.sampled_from([True, True, False])})


def config_rows() -> st.SearchStrategy[Event]:
    """ModuleConfigured records."""
    return st.fixed_dictionaries({**_SCHEDULED, "archiving_mode": st.sampled_from(["ONLINE", "ONLINE", "OFFLINE"])})


def waiver_rows() -> st.SearchStrategy[Event]:
    """FindingWaived records, of findings that may well be open."""
    kinds = ["UNARCHIVED", "REFUSED", "TITLE_IS_ITEM_NAME", "TIME_INVALID"]
    of_cases = st.builds(anomaly_id, st.sampled_from(kinds), CASES)
    of_items = st.builds(anomaly_id, st.sampled_from(["NOT_CONFIGURED", "UNREGISTERED_ITEM"]), st.just("U1|许可-00387-000"))
    return st.fixed_dictionaries(
        {
            **_VERSIONED,
            "anomaly_id": st.one_of(of_cases, of_items),
            "author": st.just("市档案局"),
            "reason": st.just("系统升级"),
            "until": st.integers(_FIRST_DAY, _FIRST_DAY + 20),
        }
    )


REFERENCE_ROWS = {
    "unit-registry": unit_rows,
    "item-registry": item_rows,
    "archiving-schedule": schedule_rows,
    "module-config": config_rows,
    "waiver": waiver_rows,
}
"""Strategies of the reference topics that are no heartbeats."""


def heartbeats() -> st.SearchStrategy[Event]:
    """FeedHeartbeat records."""
    return st.fixed_dictionaries(
        {
            "event_id": event_ids,
            "source_system": st.sampled_from(["s1", "s2"]),
            "topic": st.sampled_from(["archive-received", "case-closed"]),
            "complete_through": times,
        }
    )
