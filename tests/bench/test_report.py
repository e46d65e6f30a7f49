"""What the rounds come to: states, ratios, the chart."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import orjson
import pytest

from ops.bench.chart import draw
from ops.bench.contender import Reduced
from ops.bench.contenders import AT_LEAST_ONCE_PEERS, EXACTLY_ONCE_PEERS, contenders
from ops.bench.dataset import DataSet
from ops.bench.figures import Judged
from ops.bench.report import against_fastest, as_json, ratios, row
from ops.bench.run import Record, Run

RUN = Run(1, Judged(100.0, 10.0, 2.0, 30.0, 90.0, 11.0), 200, 200, 97, (), 10, 20, 30, 40)


def record(name: str, rate: float = 100.0, cpu: float = 10.0) -> Record[Reduced, Run]:
    """One contender with a run of this rate, and of ten times the rate for half of a second one."""
    runs = [replace(RUN, judged=Judged(each, cpu, 2.0, 30.0, each, cpu)) for each in (rate, 0.9 * rate, 1.1 * rate)]
    return Record(Reduced(name, name, "exactly-once", lambda _place, _worker: []), runs=runs)


def test_ratios_are_of_medians_and_against_the_best_kafka_streams() -> None:
    """The goals of the field: rate over rate, CPU over CPU."""
    rivals = dict.fromkeys((*EXACTLY_ONCE_PEERS, *AT_LEAST_ONCE_PEERS), (60.0, 11.0))
    rivals |= {"ks-eos-memory-2": (100.0, 10.0), "ks-alo-memory-1": (150.0, 10.0), "loop": (100.0, 10.0)}
    ours = {"guidang-1": (90.0, 6.0), "guidang-2": (240.0, 4.0), "product-2": (120.0, 10.0)}
    rows = [row(record(name, *figures)) for name, figures in (ours | rivals).items()]
    found = {(each.over, each.under): each for each in ratios(rows) if "CPU" not in each.what}
    assert found["guidang-2", "ks-eos-memory-2"].value == pytest.approx(2.4)
    assert found["guidang-2", "ks-alo-memory-1"].value == pytest.approx(1.6)
    assert found["guidang-1", "loop"].value == pytest.approx(0.9)
    assert found["product-2", "guidang-2"].met is False
    cpu, with_broker = (each for each in ratios(rows) if "CPU" in each.what)
    assert (cpu.value, cpu.met) == (pytest.approx(0.4), True)
    assert (with_broker.value, with_broker.goal, with_broker.met) == (pytest.approx(6 / 12), "", None)
    assert {each.over for each in against_fastest(rows)} == {each.name for each in rows} - {"ks-eos-memory-2"}


def test_a_goal_is_not_judged_while_a_rival_has_no_figure() -> None:
    """The one that failed might have been the fastest."""
    rows = [row(record(name, 100.0)) for name in ("guidang-2", *EXACTLY_ONCE_PEERS[1:])]
    rows.append(row(Record(record(EXACTLY_ONCE_PEERS[0]).contender, failures=["ended"])))
    assert {(each.value, each.met, each.missing) for each in ratios(rows)} == {(None, None, EXACTLY_ONCE_PEERS[:1])}
    assert against_fastest(rows) == []


def test_without_rivals_there_is_nothing_to_compare_with() -> None:
    """And nothing is made up."""
    rows = [row(record("guidang-2"))]
    assert ratios(rows) == against_fastest(rows) == []


@pytest.mark.parametrize(
    ("changed", "state", "has_rate"),
    [
        ({}, "measured", True),
        ({"read": 100}, "unfinished", True),
        ({"read": 100, "checked": False}, "unchecked", False),
        ({"judged": None}, "short", False),
        ({"faults": ("缺 missing: 1",)}, "wrong", False),
    ],
)
def test_a_state_says_what_a_figure_is_worth(changed: dict[str, object], state: str, *, has_rate: bool) -> None:
    """Speed without outputs that are known to be right is no figure."""
    found = row(Record(record("x").contender, runs=[replace(RUN, **changed)]))  # type: ignore[arg-type]
    assert (found.state, found.records_per_s is not None) == (state, has_rate)


def test_who_was_skipped_or_failed_is_listed_with_the_reason() -> None:
    """Nobody vanishes in silence."""
    skipped = row(Record(record("x").contender, skipped="no Java"))
    failed = row(Record(record("x").contender, failures=["ended", "ended"]))
    assert (skipped.state, skipped.reason) == ("skipped", "no Java")
    assert (failed.state, failed.reason) == ("failed", "ended")


def test_everything_is_in_the_json_and_the_chart_is_one_xml_document() -> None:
    """Each run, and each name; what has no figure has no bar."""
    records = [record("guidang-1"), Record(record("a<b").contender, skipped="no Java"), record("x&y")]
    said = orjson.loads(orjson.dumps(as_json(DataSet("d", 100, 4), records, {"limit_s": 60.0})))
    assert [len(each["each_run"]) for each in said["contenders"]] == [3, 0, 3]
    assert (said["data"]["records"], said["settings"]) == (196, {"limit_s": 60.0})
    texts = [element.text for element in ET.fromstring(draw([row(each) for each in records], "A & B")).iter()]  # noqa: S314 - our own
    assert {"guidang-1", "x&y", "A & B"} <= set(texts)
    assert "a<b" not in texts


def test_every_contender_has_a_name_of_its_own() -> None:
    """By which it can be chosen."""
    names = [each.name for each in contenders([1, 2, 4], 10)]
    assert len(names) == len(set(names))
    assert {
        "guidang-4",
        "product-4",
        "ks-eos-rocksdb-2",
        "ks-eos-1s-memory-1",
        "ks-alo-memory-1",
        "flink-heap-1",
        "faust-rocksdb",
        "quix",
        "loop",
    } <= set(names)
    assert not [each.name for each in contenders([1], 0) if each.name.startswith("product")]
