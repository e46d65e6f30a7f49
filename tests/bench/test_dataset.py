"""The data set is a function of its parameters, and says itself what follows from it."""

from __future__ import annotations

import pytest

from ops.bench.dataset import DataSet
from ops.bench.events import decode, encode, take

DATA = DataSet("d", cases=100, partitions=4)


def events(data: DataSet) -> list[dict[str, object]]:
    """All of them, closings first."""
    made = [data.event(number, closing=closing) for closing in (True, False) for number in range(data.cases)]
    return [event for event in made if event is not None]


def test_the_same_parameters_give_the_same_bytes() -> None:
    """Whoever measures again measures the same."""
    assert [encode(event) for event in events(DATA)] == [encode(event) for event in events(DataSet("d", 100, 4))]


@pytest.mark.parametrize("cases", [1, 32, 33, 34, 100, 1000])
def test_its_counts_are_those_of_its_events(cases: int) -> None:
    """Of records, and of cases with both sides."""
    data = DataSet("d", cases, 4)
    assert data.records == len(events(data))
    assert data.verdicts == sum(data.delay_ms(number) is not None for number in range(cases))


def test_a_wider_gap_leaves_more_cases_open_and_is_in_the_truth() -> None:
    """Of the last case, late by as many cases as there are, to the millisecond."""
    wide = DataSet("d", cases=100, partitions=4, gap=100)
    closing, archive = wide.event(98, closing=True), wide.event(98, closing=False)
    assert closing
    assert archive
    assert archive["at"] - closing["at"] == wide.delay_ms(98) == 99
    assert DataSet("d", 100, 4, gap=10).delay_ms(98) == 9


def test_its_truth_is_what_the_join_says_in_either_order() -> None:
    """The verdict that the shared join gives is the one that the number of the case foretells."""
    for number in range(DATA.cases):
        sides = {closing: event for closing in (True, False) if (event := DATA.event(number, closing=closing))}
        for order in ((True, False), (False, True)):
            state: dict[str, object] = {}
            said = [found for side in order if side in sides and (found := take(state, decode(encode(sides[side])), closing=side))]
            delay_ms = DATA.delay_ms(number)
            assert len(said) == (delay_ms is not None)
            assert not said or b'"delay":%d}' % delay_ms in said[0]


def test_an_event_that_comes_again_gives_no_second_verdict() -> None:
    """At least once is what inputs are delivered."""
    closing, archive = DATA.event(1, closing=True), DATA.event(1, closing=False)
    state: dict[str, object] = {}
    assert closing
    assert archive
    assert [take(state, event, closing=event is closing) is not None for event in (closing, archive, archive, closing)] == [
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("case_no", ["", "3301", "330100000000010x", "3301000000000100", "330200000000000001", "33011"])
def test_a_number_that_is_not_of_the_data_set_is_told(case_no: str) -> None:
    """Of another form, or beyond its end; the last but two would be case 100 of 100."""
    number = DATA.number_of(case_no)
    assert number < 0 or DATA.delay_ms(number) is None
