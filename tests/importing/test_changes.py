"""What is published is what changes something, and the same file gives the same events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.importing.changes import Changes, Known, changes
from ops.importing.faults import Draft
from streams.contracts import ITEM_REGISTRY, LAST_REVISION, codec
from tests.importing.test_form import MAIN_CONTENT, SUB_CONTENT

Record = dict[str, Any]


def drafts(*contents: Record) -> list[Draft]:
    """Items of a file."""
    return [Draft("s", f"C{row}", content) for row, content in enumerate(contents, 6)]


def stored(*found: Changes) -> list[Record]:
    """What the topic holds after imports, as it is read back."""
    every = [change.record for each in found for change in (*each.publish, *each.delete)]
    return [codec(ITEM_REGISTRY).decode(codec(ITEM_REGISTRY).encode(record)) for record in every]


def known(records: list[Record], unit_code: str = "U") -> Known:
    """What there is of a unit."""
    of_unit = Known(unit_code)
    for record in records:
        of_unit.add(record)
    return of_unit


def compare(contents: list[Record], records: list[Record], *, valid_from: int | None = None, replace: bool = False) -> Changes:
    """One import into a topic with these records."""
    return changes(drafts(*contents), known(records), valid_from=valid_from, replace=replace)


FIRST = compare([MAIN_CONTENT, SUB_CONTENT], [])
CHANGED = MAIN_CONTENT | {"case_count_2017": 20}


def test_a_new_item_is_its_first_revision():
    """With an open validity, and where it comes from."""
    record = stored(FIRST)[0]
    assert (record["revision"], record["deleted"], record["valid_from"], record["valid_to"]) == (1, False, None, None)
    assert (record["unit_code"], record["item_code"]) == ("U", "许可-00387-000")
    assert FIRST.publish[0].cell == "C6"


def test_the_same_file_again_changes_nothing():
    """Nor does it twice at once: the events are the same."""
    assert compare([MAIN_CONTENT, SUB_CONTENT], stored(FIRST)) == Changes(unchanged=2)
    assert compare([MAIN_CONTENT, SUB_CONTENT], []) == FIRST


def test_a_changed_row_is_the_next_revision():
    """Above the highest known, whoever published it; back again is a revision of its own."""
    second = compare([CHANGED, SUB_CONTENT], stored(FIRST))
    assert [change.record["revision"] for change in second.publish] == [2]
    assert second.unchanged == 1
    third = compare([MAIN_CONTENT], stored(FIRST, second))
    assert [change.record["revision"] for change in third.publish] == [3]
    assert third.publish[0].record["event_id"] != FIRST.publish[0].record["event_id"]
    by_hand = {**stored(FIRST)[0], "event_id": "by-hand", "revision": 7}
    assert compare([CHANGED], [by_hand]).publish[0].record["revision"] == 8


@pytest.mark.parametrize(
    ("was_from", "was_to", "valid_from", "is_there"),
    [
        (None, None, None, True),
        (None, None, 17_600, True),
        (17_600, None, 17_600, True),
        (17_600, None, 17_700, True),
        (17_600, None, 17_500, False),
        (17_600, None, None, False),
        (0, None, None, False),
        (None, 17_900, None, False),
        (None, 17_900, 17_600, False),
    ],
)
def test_a_row_is_there_when_the_one_that_overrides_it_covers_all_its_days(
    was_from: int | None, was_to: int | None, valid_from: int | None, *, is_there: bool
):
    """A monthly import with the day of each month publishes nothing that has not changed."""
    row = {**stored(FIRST)[0], "valid_from": was_from, "valid_to": was_to}
    found = compare([MAIN_CONTENT], [row], valid_from=valid_from)
    assert (found.unchanged, len(found.publish)) == ((1, 0) if is_there else (0, 1))


def test_what_the_file_lacks_is_taken_back_only_when_asked():
    """Once; and it comes back when the file has it again."""
    assert compare([MAIN_CONTENT], stored(FIRST)).delete == []
    second = compare([MAIN_CONTENT], stored(FIRST), replace=True)
    (deletion,) = second.delete
    assert (deletion.record["item_code"], deletion.record["revision"], deletion.record["deleted"]) == ("许可-00385-001", 2, True)
    assert compare([MAIN_CONTENT], stored(FIRST, second), replace=True) == Changes(unchanged=1)
    third = compare([MAIN_CONTENT, SUB_CONTENT], stored(FIRST, second))
    assert [(change.record["revision"], change.record["deleted"]) for change in third.publish] == [(3, False)]


def test_other_units_are_left_alone():
    """Neither compared with, nor taken back."""
    assert changes(drafts(MAIN_CONTENT), known(stored(FIRST), "V"), valid_from=None, replace=True).delete == []


def test_a_code_published_in_another_spelling_is_the_same_item():
    """Its revision counts; the new row has the plain spelling."""
    row = {**stored(FIRST)[0], "item_code": "许可－００３８７－０００", "revision": 4}
    (change,) = compare([MAIN_CONTENT], [row], replace=True).publish
    assert (change.record["item_code"], change.record["revision"]) == ("许可-00387-000", 5)


def test_what_the_topic_has_with_the_last_revision_there_is_can_neither_be_changed_nor_taken_back():
    """It is named by its cell, or by its code where the file lacks it; what it says already it may go on saying."""
    last = [{**record, "event_id": "by-hand", "revision": LAST_REVISION} for record in stored(FIRST)]
    assert compare([MAIN_CONTENT, SUB_CONTENT], last, replace=True) == Changes(unchanged=2)
    found = compare([CHANGED], last, replace=True)
    assert (found.publish, found.delete, found.unchanged) == ([], [], 0)
    assert [(fault.sheet, fault.cell) for fault in found.faults] == [("s", "C6"), ("", "")]
    assert ["许可-00387-000" in found.faults[0].found, "许可-00385-001" in found.faults[1].found] == [True, True]
    almost = [{**record, "revision": LAST_REVISION - 1} for record in stored(FIRST)]
    assert [record["revision"] for record in stored(compare([CHANGED], almost))] == [LAST_REVISION]


@given(st.permutations(stored(FIRST, compare([CHANGED], stored(FIRST)), compare([], stored(FIRST), replace=True))), st.integers(1, 3))
def test_what_is_known_does_not_depend_on_order_or_repetition(records: list[Record], times: int):
    """The topic is read as it comes."""
    assert known(records * times).rows == known(records[::-1]).rows
