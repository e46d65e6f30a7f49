"""Recomputes every verdict in one batch from the inputs, and compares with what the stream has said.

Four things must agree: the published states with the recomputed ones, the coverage counts with the fold of the states,
the open findings told on the anomaly topic with those of the states, and ClickHouse with the topics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from consumers.clickhouse import connect, reaching
from ops.reading import read_topic
from ops.recompute import Inputs, Tell, judged, published_states, read_inputs
from streams.app import build_judge
from streams.contracts import ANOMALY_UNARCHIVED, COVERAGE_PARTIAL, codec
from streams.domain.coverage import COUNTS, apply, contributions
from streams.domain.verdict import State
from streams.settings import Settings

_IN_CLICKHOUSE = ("status", "reason", "unit_code", "district_code", "item_code", "due_passed")
_TIMES_IN_CLICKHOUSE = ("closed_at", "due_at", "received_at")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it ought to be.

    Parameters
    ----------
    where
        ``case-state``, ``coverage-partial``, ``anomaly`` or ``clickhouse``.
    """

    where: str
    key: str
    field: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome.

    Parameters
    ----------
    cases
        Recomputed.
    not_taken
        Input records that are no events, by reason: they are in ``dead-letter``.
    """

    cases: int
    not_taken: dict[str, int]
    differences: list[Difference]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"cases": self.cases, "not_taken": self.not_taken, "differences": [asdict(one) for one in self.differences]}


def reconcile(settings: Settings, since_ms: int, tell: Tell) -> Reconciliation:
    """Compare everything; the system must have caught up with ``since_ms``.

    A case whose time comes while this runs may have either verdict: that of ``since_ms`` and that of the end are both right.
    """
    inputs = read_inputs(settings, tell)
    states = published_states(settings, tell)
    until_ms = settings.make_clock().now_ms()
    judge = build_judge(settings, inputs.reference)
    differences = [
        *_cases(inputs, judge, states, since_ms, until_ms),
        *_coverage(settings, states, tell),
        *_anomalies(settings, states, tell),
        *_clickhouse(settings, states),
    ]
    return Reconciliation(len(inputs.facts), inputs.refused, differences)


def _cases(inputs: Inputs, judge: Any, states: dict[str, tuple[int, State]], since_ms: int, until_ms: int) -> Iterator[Difference]:
    for case_no, facts in inputs.facts.items():
        expected = judged(judge, case_no, facts, since_ms)
        _, found = states.get(case_no, (0, None))
        if found is None:
            yield Difference("case-state", case_no, "status", expected["status"], None)
            continue
        different = _different(expected, found)
        if different and _different(judged(judge, case_no, facts, until_ms), found):
            yield from (Difference("case-state", case_no, name, _shown(expected[name]), _shown(found[name])) for name in different)
    for case_no in states.keys() - inputs.facts.keys():
        yield Difference("case-state", case_no, "status", None, states[case_no][1]["status"])


def _different(expected: State, found: State) -> list[str]:
    return [name for name, value in expected.items() if found[name] != value]


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _coverage(settings: Settings, states: dict[str, tuple[int, State]], tell: Tell) -> Iterator[Difference]:
    expected: dict[bytes, dict[str, Any]] = {}
    for partition, state in states.values():
        for (bucket, name), count in contributions(state).items():
            key = bucket.key(partition)
            expected[key] = apply(expected.get(key), partition, bucket, {name: count})
    found: dict[bytes, dict[str, Any]] = {}
    for message in read_topic(settings, COVERAGE_PARTIAL, tell=lambda done, total: tell(COVERAGE_PARTIAL, done, total)):
        found[message.key()] = codec(COVERAGE_PARTIAL).decode(message.value())
    for key in sorted(expected.keys() | found.keys()):
        ought, is_ = _figures(expected.get(key)), _figures(found.get(key))
        for name in sorted(ought.keys() | is_.keys()):
            if ought.get(name, 0) != is_.get(name, 0):
                yield Difference("coverage-partial", key.decode(), name, ought.get(name, 0), is_.get(name, 0))


def _figures(record: dict[str, Any] | None) -> dict[str, int]:
    if record is None:
        return {}
    return {name: record[name] for name in COUNTS} | {f"excluded.{reason}": count for reason, count in record["excluded"].items()}


def _anomalies(settings: Settings, states: dict[str, tuple[int, State]], tell: Tell) -> Iterator[Difference]:
    last: dict[tuple[str, str], str] = {}
    for message in read_topic(settings, ANOMALY_UNARCHIVED, tell=lambda done, total: tell(ANOMALY_UNARCHIVED, done, total)):
        anomaly = codec(ANOMALY_UNARCHIVED).decode(message.value())
        last[anomaly["subject"], anomaly["kind"]] = anomaly["state"]
    told = {key for key, state in last.items() if state == "OPENED"}
    ought = {(case_no, kind) for case_no, (_, state) in states.items() for kind in state["open_anomalies"]}
    for case_no, kind in sorted(told ^ ought):
        word = {True: "OPENED", False: "RESOLVED"}
        yield Difference("anomaly", case_no, kind, word[(case_no, kind) in ought], word[(case_no, kind) in told])


def _clickhouse(settings: Settings, states: dict[str, tuple[int, State]]) -> Iterator[Difference]:
    columns = ", ".join([*_IN_CLICKHOUSE, *(f"toUnixTimestamp64Milli({name})" for name in _TIMES_IN_CLICKHOUSE)])
    with reaching(settings):
        client = connect(settings)
        rows = client.query(f"SELECT case_no, {columns} FROM case_state FINAL").result_rows  # noqa: S608 - our own names
    names = (*_IN_CLICKHOUSE, *_TIMES_IN_CLICKHOUSE)
    found = {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}
    for case_no in sorted(states.keys() | found.keys()):
        _, state = states.get(case_no, (0, None))
        row = found.get(case_no)
        if state is None or row is None:
            yield Difference("clickhouse", case_no, "status", state and state["status"], row and row["status"])
            continue
        yield from (Difference("clickhouse", case_no, name, state[name], row[name]) for name in names if state[name] != row[name])
