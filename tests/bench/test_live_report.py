"""What the rounds of latency and recovery come to."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
import typer

from ops.bench.contender import Reduced
from ops.bench.contenders import recovering, timed
from ops.bench.figures import Back, Delays
from ops.bench.live import LatencyRun, Phase, Point, Rate, RecoveryRun
from ops.bench.live_report import as_json, latency_rows, recovery_rows
from ops.bench.run import Record
from ops.cli.bench_live import rates

SOON, LATE = Delays(1_000, 0.01, 0.02, 0.03, 0.04), Delays(1_000, 0.03, 0.06, None, 0.09)
POINT = Point("50%", 500.0, 499.0, 0.002, SOON, None, 7, 0, 0)
CONTENDER = Reduced("x", "X", "exactly-once", lambda _place, _worker: [])


def latency_of(*points: Point, faults: tuple[str, ...] = ()) -> LatencyRun:
    """One run."""
    return LatencyRun(1, 1_000.0, 2.0, points, faults)


def test_a_rate_is_a_number_or_a_share_of_what_a_contender_is_capable_of() -> None:
    """As it is asked for on the command line."""
    assert [rate.per_s(8_000) for rate in (Rate(5_000), Rate(0.5, of_capacity=True))] == [5_000, 4_000]
    assert [str(rate) for rate in (Rate(5_000), Rate(0.5, of_capacity=True))] == ["5000", "50%"]


def test_rates_are_asked_for_with_commas_and_a_share_with_its_sign() -> None:
    """What is none, is refused before anything is started."""
    assert rates("1000,50%") == [Rate(1_000), Rate(0.5, of_capacity=True)]
    for words in ("", "fast", "1000,,50%", "0", "-5%"):
        with pytest.raises(typer.BadParameter, match="--latency"):
            rates(words)


def test_a_row_has_the_medians_of_its_rounds_and_the_longest_of_all() -> None:
    """A percentile that one round does not know is not known; the rate that a share came to is the median, too."""
    later = Point("50%", 700.0, 699.0, 0.009, LATE, None, 5, 1, 3)
    (row,) = latency_rows([Record(CONTENDER, runs=[latency_of(POINT), latency_of(later)])])
    assert (row.asked, row.per_s, row.kept, row.unseen, row.rounds) == ("50%", 600.0, True, 1, 2)
    assert (row.late_s, row.behind, row.rows_unseen) == (0.009, 7, 3)
    assert row.outputs == Delays(2_000, pytest.approx(0.02), pytest.approx(0.04), None, 0.09)  # type: ignore[arg-type]
    assert row.rows is None


def test_a_rate_that_the_producer_did_not_keep_is_told() -> None:
    """In one round is enough."""
    slow = replace(POINT, sent_per_s=450.0)
    (row,) = latency_rows([Record(CONTENDER, runs=[latency_of(POINT), latency_of(slow)])])
    assert not row.kept


def test_a_run_with_wrong_outputs_gives_no_figure() -> None:
    """However soon they came."""
    assert latency_rows([Record(CONTENDER, runs=[latency_of(POINT, faults=("缺 missing: 1",))])]) == []
    phases = (Phase("dies", SOON, 0),)
    assert recovery_rows([Record(CONTENDER, runs=[RecoveryRun(1, phases, ("重复 doubled: 1",))])]) == []


def test_who_was_not_back_in_some_round_has_no_time_for_it() -> None:
    """A median of those that were would be a flattering one."""
    runs = [RecoveryRun(1, (Phase("cold", SOON, 0, back),), ()) for back in (Back(1.0, 2.0), Back(3.0, None))]
    (row,) = recovery_rows([Record(CONTENDER, runs=runs)])
    assert row.back == Back(2.0, None)
    (steady,) = recovery_rows([Record(CONTENDER, runs=[RecoveryRun(1, (Phase("steady", SOON, 0),), ())])])
    assert steady.back is None


def test_a_phase_without_a_handover_in_some_round_has_no_figure() -> None:
    """Of who was given nothing, nothing could be taken away: the other round would flatter."""
    runs = [RecoveryRun(1, (phase,), ()) for phase in (Phase("dies", SOON, 0, moved_s=9.0), Phase("dies", None, 0))]
    (row,) = recovery_rows([Record(CONTENDER, runs=runs)])
    assert (row.delays, row.moved_s) == (None, None)
    (both,) = recovery_rows([Record(CONTENDER, runs=runs[:1] * 2)])
    assert (both.delays and both.delays.longest_s, both.moved_s) == (SOON.longest_s, 9.0)


def test_everything_is_in_the_json_and_who_failed_with_the_reason() -> None:
    """Each run of each contender."""
    records = [Record(CONTENDER, runs=[latency_of(POINT)]), Record(CONTENDER, skipped="no Java"), Record(CONTENDER, failures=["ended"])]
    said = orjson.loads(orjson.dumps(as_json({"seconds": 5.0}, latency_rows(records), records)))
    assert said["settings"]["seconds"] == 5.0
    assert [(len(each["each_run"]), each["skipped"], each["failures"]) for each in said["contenders"]] == [
        (1, "", []),
        (0, "no Java", []),
        (0, "", ["ended"]),
    ]
    assert said["rows"][0]["outputs"]["p99_s"] == 0.02


def test_the_contenders_of_latency_and_recovery_have_names_of_their_own() -> None:
    """Ours first, Kafka Streams beside it."""
    assert [each.name for each in timed(2)] == ["product-2", "guidang-2", "ks-eos-2", "ks-eos-hasty-2", "ks-alo-2"]
    assert [each.name for each in recovering(2)] == ["guidang-2", "ks-eos-2", "ks-eos-standby-2"]
