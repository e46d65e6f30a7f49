"""A bench that was broken off is gone on with, and never mixed with another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.bench.contender import Reduced
from ops.bench.dataset import DataSet
from ops.bench.figures import Back, Delays, Judged
from ops.bench.live import LatencyRun, Phase, Point, RecoveryRun
from ops.bench.live_report import as_json as live_json
from ops.bench.report import as_json
from ops.bench.resume import check_same, code_digest, resume
from ops.bench.run import Record, Run
from ops.cli.bench_sitting import check_writable, write
from streams.errors import ConfigurationError

SETTINGS = {"measured": "speed", "code": "c0de", "cases": 100, "rounds": 1}
A, B = (Reduced(name, name, "none", lambda _place, _worker: []) for name in "ab")
RUN = Run(1, Judged(100.0, 10.0, 2.0, 30.0, None, None), 200, 200, 97, ("缺 missing: 1",), 10, 20, 30, 40)
DELAYS = Delays(1_000, 0.01, 0.02, None, 0.04)
LATENCY = LatencyRun(1, 1_000.0, 2.0, (Point("50%", 500.0, 499.0, 0.002, DELAYS, None, 7, 0, 0),), ())
RECOVERY = RecoveryRun(1, (Phase("warm", DELAYS, 0, Back(1.0, None), None, 10),), ())


def file_of(runs: list[Any], settings: dict[str, Any] = SETTINGS) -> dict[str, Any]:
    """As it is read back."""
    records: list[Record[Any, Any]] = [Record(A, runs=runs)]
    made = as_json(DataSet("d", 100, 4), records, settings) if runs and isinstance(runs[0], Run) else live_json(settings, [], records)
    read: dict[str, Any] = orjson.loads(orjson.dumps(made))
    return read


@pytest.mark.parametrize("run", [RUN, LATENCY, RECOVERY])
def test_what_was_measured_is_read_back_as_it_was(run: Any) -> None:
    """Of each kind, wrong outputs and what is not known included."""
    record: Record[Any, Any] = Record(A)
    assert resume(file_of([run]), [A, B], [record], type(run)) == [record]
    assert record.runs == [run]


def test_contenders_that_are_not_chosen_this_time_stay_in_the_file() -> None:
    """In the order of all; who has nothing and is not chosen does not appear."""
    record: Record[Any, Any] = Record(B)
    everything = resume(file_of([RUN]), [A, B, Reduced("c", "c", "none", lambda _place, _worker: [])], [record], Run)
    assert [(each.contender.name, each.runs) for each in everything] == [("a", [RUN]), ("b", [])]
    assert everything[1] is record


@pytest.mark.parametrize("other", [{"cases": 200}, {"code": "0ther"}, {"measured": "latency"}])
def test_another_bench_is_not_gone_on_with(other: dict[str, Any]) -> None:
    """Of other data, of other code, of something else: its figures and new ones are not to be compared. More rounds are the same."""
    with pytest.raises(ConfigurationError, match=str(next(iter(other.values())))):
        check_same(file_of([RUN], SETTINGS | other), SETTINGS)
    check_same(file_of([RUN]), SETTINGS | {"rounds": 3})


def test_the_code_that_is_measured_has_a_name() -> None:
    """The same each time."""
    assert code_digest() == code_digest() != ""


def test_a_file_is_tried_without_a_loss_and_written_whole(tmp_path: Path) -> None:
    """Hours of an earlier sitting are in it."""
    there = tmp_path / "new" / "bench.json"
    check_writable(there)
    assert not list(there.parent.iterdir())
    write(there, b"old")
    check_writable(there)
    assert there.read_bytes() == b"old"
    write(there, b"new")
    assert [(file.name, file.read_bytes()) for file in there.parent.iterdir()] == [("bench.json", b"new")]
    with pytest.raises(ConfigurationError, match=r"bench\.json"):
        check_writable(there / "below")
