"""The check of verdicts finds whatever is not the truth."""

from __future__ import annotations

from ops.bench.dataset import DataSet
from ops.bench.events import verdict
from ops.bench.verdicts import Check, check

DATA = DataSet("d", cases=200, partitions=4)
SENT = [(verdict(f"3301{number:012d}", 0, delay), number) for number in range(DATA.cases) if (delay := DATA.delay_ms(number))]


def faults(found: Check, *, exactly_once: bool = True, complete: bool = True) -> tuple[str, ...]:
    """What must not be."""
    return found.faults(exactly_once=exactly_once, complete=complete)


def test_the_truth_in_any_order_is_right() -> None:
    """And the time of each is known."""
    found = check(DATA, reversed(SENT))
    assert faults(found) == ()
    assert (found.verdicts, sorted(found.at_ms)) == (DATA.verdicts, sorted(at for _, at in SENT))


def test_a_missing_verdict_is_found_unless_time_ran_out() -> None:
    """Who was stopped half-way may lack some, and no more than that."""
    found = check(DATA, SENT[1:])
    assert found.missing == 1
    assert faults(found)
    assert faults(found, complete=False) == ()


def test_a_verdict_on_a_case_without_an_archive_is_found() -> None:
    """Case 33 has none."""
    assert check(DATA, [*SENT, (verdict("3301000000000033", 0, 34), 9)]).wrong == 1


def test_a_verdict_on_a_case_that_does_not_exist_is_found() -> None:
    """By its number."""
    assert faults(check(DATA, [*SENT, (verdict("3301000000000200", 0, 201), 9)]))


def test_a_verdict_that_says_something_else_is_found_and_the_right_one_missed() -> None:
    """The count alone would not tell."""
    found = check(DATA, [*SENT[1:], (verdict("3301000000000001", 0, 3), 9)])
    assert (found.verdicts, found.wrong, found.missing) == (DATA.verdicts, 1, 1)
    assert faults(found, complete=False)


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
