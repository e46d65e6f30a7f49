"""What is judged, and what medians and ratios come to."""

from __future__ import annotations

import pytest

from ops.bench.figures import Back, Delays, Sample, Spread, back, best, delays, judge, spread


def steady(reads: list[int], *, first_s: float = 1000.0, cpu_s: float = 0.5) -> list[Sample]:
    """A look each second, with the same CPU time used between two."""
    return [Sample(first_s + number, read, number * cpu_s, number * cpu_s / 10) for number, read in enumerate(reads)]


def test_the_second_half_is_judged_whatever_the_first_was_like() -> None:
    """A slow beginning does not count."""
    samples = steady([0, 0, 0, 10, 500, 600, 700, 800, 900, 1000])
    judged = judge(samples)
    assert judged is not None
    assert judged.records_per_s == pytest.approx(100)
    assert judged.window_s == pytest.approx(5)
    assert judged.cpu_s_per_million == pytest.approx(5 * 0.5 / 500 * 1e6)
    assert judged.broker_cpu_s_per_million == pytest.approx(5 * 0.05 / 500 * 1e6)


def test_between_commits_the_outputs_tell_when_half_was_read() -> None:
    """Who commits at 40 % and at 90 % was at half a fifth of the way between: as many records and seconds are judged as of anybody."""
    outputs_s = [1000.0 + number / 100 for number in range(1000)]
    steadily, seldom = (
        judge(steady([100 * number for number in range(11)]), outputs_s),
        judge(steady([0, 0, 0, 0, 400, 400, 400, 400, 400, 900, 1000]), outputs_s),
    )
    assert steadily is not None
    assert seldom is not None
    assert seldom.window_s == pytest.approx(steadily.window_s, abs=0.02)
    assert seldom.records_per_s == pytest.approx(100, rel=0.01)


def test_outputs_that_come_late_do_not_make_the_records_before_them_cheap() -> None:
    """Who reads one topic ahead of the other has half of the outputs behind it when three quarters of the records are."""
    reads = [100 * number for number in range(11)]
    late_s = [1005.0 + number / 200 for number in range(1, 1001)]
    judged = judge(steady(reads), late_s)
    assert judged is not None
    assert judged.records_per_s == pytest.approx(100, rel=0.01)


def test_waiting_for_the_last_commit_is_told_and_not_counted() -> None:
    """Who commits seldom had written everything long before."""
    samples = steady([0, 600, 600, 600, 600, 600, 600, 1000])
    whole, early = judge(samples), judge(samples, [1003.0])
    assert whole is not None
    assert early is not None
    assert early.records_per_s == pytest.approx(200)
    assert early.settled_records_per_s == whole.settled_records_per_s == whole.records_per_s


def test_what_is_written_after_the_last_commit_does_not_prolong_it_and_is_told() -> None:
    """Deadlines that fire later are no part of catching up; what they cost is in the figures to the end."""
    samples = steady([0, 500, 750, 1000, 1000, 1000])
    judged = judge(samples, [1010.0])
    assert judged is not None
    assert judged == judge(samples)
    assert judged.records_per_s == pytest.approx(250)
    assert judged.settled_records_per_s == pytest.approx(125)
    assert judged.settled_cpu_s_per_million == pytest.approx(2 * judged.cpu_s_per_million)


@pytest.mark.parametrize("reads", [[], [0, 0], [0, 1000], [1000, 1000]])
def test_too_short_a_run_is_not_judged(reads: list[int]) -> None:
    """No commit was seen on the way."""
    assert judge(steady(reads)) is None


def test_nothing_written_behind_half_is_not_judged() -> None:
    """The outputs were all there before the first commit that counts."""
    assert judge(steady([0, 600, 1000]), [1001.0]) is None


def test_less_than_a_second_is_not_judged() -> None:
    """A look more or less would change the figure by more than a tenth."""
    assert judge(steady([0, 600, 600, 1000]), [1001.9]) is None
    assert judge(steady([0, 600, 600, 1000]), [1002.0]) is not None


def test_time_that_ran_out_is_judged_by_what_was_read() -> None:
    """Up to the last commit, not up to when it was stopped or wrote last; it never came to rest."""
    judged = judge(steady([0, 100, 200, 300, 400, 400, 400, 400]), [1006.5], complete=False)
    assert judged is not None
    assert judged.records_per_s == pytest.approx(100)
    assert judged.settled_records_per_s is None


def test_a_spread_is_median_least_and_most() -> None:
    """Of an even number, the middle between two."""
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)
    assert spread([]) is None


def test_the_best_is_the_fastest_if_all_have_a_figure() -> None:
    """Whoever has none might be faster still."""
    assert best({"a": 1.0, "b": 3.0, "c": 9.0}, ("a", "b")) == "b"
    assert best({"a": 1.0, "b": 3.0}, ("a", "b", "d")) is None
    assert best({"a": 1.0}, ()) is None


def test_percentiles_are_by_nearest_rank() -> None:
    """Of a thousand delays of 1 to 1,000 ms."""
    found = delays(dict.fromkeys(range(1_000), 0.0), {number: (number + 1) / 1_000 for number in range(1_000)})
    assert found == Delays(1_000, 0.5, 0.99, 0.999, 1.0)


def test_a_percentile_beyond_which_nothing_lies_is_not_known() -> None:
    """Of a hundred, one lies beyond p99, none beyond p99.9."""
    found = delays(dict.fromkeys(range(100), 0.0), dict.fromkeys(range(100), 1.0))
    assert found == Delays(100, 1.0, 1.0, None, 1.0)


def test_delays_are_of_what_was_sent_since_and_was_seen() -> None:
    """What is still warming up does not count, nor what never came."""
    assert delays({1: 0.0, 2: 5.0, 3: 6.0}, {1: 9.0, 2: 5.5}, since=5.0) == Delays(1, 0.5, None, None, 0.5)
    assert delays({1: 0.0}, {}) is None


def test_a_restart_is_over_when_every_partition_has_told_of_something_newer() -> None:
    """What was sent before it, and is seen after it, says nothing of new events."""
    sent, partition_of = {1: 9.0, 2: 10.5, 3: 11.0, 4: 12.0}, {1: 1, 2: 0, 3: 0, 4: 1}
    seen = {1: 12.5, 2: 13.0, 3: 12.9, 4: 15.0}
    assert back(10.0, sent, seen, partition_of, 2) == Back(pytest.approx(2.9), pytest.approx(5.0))  # type: ignore[arg-type]
    assert back(10.0, sent, seen, partition_of, 3).all_s is None
    assert back(10.0, sent, {1: 12.5}, partition_of, 2) == Back(None, None)
