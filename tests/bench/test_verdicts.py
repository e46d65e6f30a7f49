"""The check of verdicts finds whatever is not the truth."""

from __future__ import annotations

from typing import Any

import pytest

from ops.bench.dataset import DataSet, case_no
from ops.bench.events import verdict
from ops.bench.verdicts import Check, Verdict, check
from streams.partitioner import PARTITIONERS

DATA = DataSet("d", cases=200, partitions=4)
HOME = PARTITIONERS["murmur2"]


def sent(number: int, delay_ms: int) -> Verdict:
    """A verdict where its case is, taken by the broker at a time of its own."""
    key = case_no(number).encode()
    return Verdict(key, verdict(case_no(number), 0, delay_ms), HOME(key, DATA.partitions), number)


SENT = [sent(number, delay) for number in range(DATA.cases) if (delay := DATA.delay_ms(number))]


def faults(found: Check, *, exactly_once: bool = True, complete: bool = True) -> tuple[str, ...]:
    """What must not be."""
    return found.faults(exactly_once=exactly_once, complete=complete)


def test_the_truth_in_any_order_is_right() -> None:
    """And the time of each is known."""
    found = check(DATA, reversed(SENT))
    assert faults(found) == ()
    assert (found.verdicts, sorted(found.at_ms)) == (DATA.verdicts, sorted(each.at_ms for each in SENT))


def test_a_missing_verdict_is_found_unless_time_ran_out() -> None:
    """Who was stopped half-way may lack some, and no more than that."""
    found = check(DATA, SENT[1:])
    assert found.missing == 1
    assert faults(found)
    assert faults(found, complete=False) == ()


def test_a_verdict_on_a_case_without_an_archive_is_found() -> None:
    """Case 33 has none."""
    assert check(DATA, [*SENT, sent(33, 34)]).wrong == 1


def test_a_verdict_on_a_case_that_does_not_exist_is_found() -> None:
    """By its number."""
    assert faults(check(DATA, [*SENT, sent(200, 201)]))


def test_a_verdict_that_says_something_else_is_found_and_the_right_one_missed() -> None:
    """The count alone would not tell."""
    found = check(DATA, [*SENT[1:], sent(1, 3)])
    assert (found.verdicts, found.wrong, found.missing) == (DATA.verdicts, 1, 1)
    assert faults(found, complete=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"partition": (SENT[0].partition + 1) % DATA.partitions},
        {"key": b""},
        {"key": SENT[1].key},
        {"value": b"not JSON"},
        {"value": b"[]"},
        {"value": b'{"case_no":1,"delay":2}'},
        {"value": b'{"case_no":"3301000000000001"}'},
    ],
)
def test_a_verdict_that_is_not_where_its_case_is_or_is_none_is_wrong(changed: dict[str, Any]) -> None:
    """Who reads it by its key would miss it, and what cannot be read is no reason to check no further."""
    found = check(DATA, [SENT[0]._replace(**changed), *SENT[1:]])
    assert (found.wrong, found.missing) == (1, 1)


def test_a_verdict_given_twice_is_a_fault_of_exactly_once_alone() -> None:
    """At least once promises no more."""
    found = check(DATA, [*SENT, SENT[0]])
    assert found.doubled == 1
    assert faults(found)
    assert faults(found, exactly_once=False) == ()


def test_no_verdict_at_all_is_all_missing() -> None:
    """And no time."""
    found = check(DATA, [])
    assert (found.missing, list(found.at_ms)) == (DATA.verdicts, [])
