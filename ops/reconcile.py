"""Recomputes every verdict in one batch from the inputs, and compares with what the stream has said.

These must agree: the published states of cases and items with the recomputed ones, the coverage counts with the fold of the states,
the open findings told on the anomaly topics with those of the states, and ClickHouse with the topics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from consumers.clickhouse import Client, connect, reaching
from ops.monitor.canary import CASE_PREFIX
from ops.reading import read_topic
from ops.recompute import Inputs, Tell, judged, published_states, read_inputs
from streams.app import build_assessor
from streams.contracts import ANOMALY_TOPICS, COVERAGE_PARTIAL, ITEM_STATE, codec
from streams.domain.configuration import Auditor
from streams.domain.coverage import COUNTS, UNREGISTERED, apply, contributions
from streams.domain.reference import item_key
from streams.domain.verdict import FLAG_UNREGISTERED_ITEM, State
from streams.settings import Settings

_OF_CASES = ("status", "reason", "unit_code", "district_code", "item_code", "due_passed")
_TIMES_OF_CASES = ("closed_at", "due_at", "received_at")
States = dict[str, tuple[int, State]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it ought to be.

    Parameters
    ----------
    where
        ``case-state``, ``item-state``, ``coverage-partial``, ``anomaly`` or ``clickhouse``.
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

    What changes with time alone while this runs may have either verdict: that of ``since_ms`` and that of the end are both right. Canaries,
    which may fly meanwhile, are left out; a figure that rested on one would be a difference.
    """
    inputs = read_inputs(settings, tell)
    states = published_states(settings, tell)
    for cases in (inputs.facts, states):
        for case_no in [case_no for case_no in cases if case_no.startswith(CASE_PREFIX)]:
            del cases[case_no]
    items = {f"{state['unit_code']}|{state['item_code']}": state for state in _last(settings, ITEM_STATE, tell).values()}
    moments = since_ms, settings.make_clock().now_ms()
    findings = {
        **{(case_no, each["kind"]): each for case_no, (_, state) in states.items() for each in state["findings"]},
        **{(key, each["kind"]): each for key, state in items.items() for each in state["findings"]},
    }
    with reaching(settings):
        client = connect(settings)
        differences = [
            *_cases(settings, inputs, states, moments),
            *_items(settings, inputs, items, states, moments),
            *_coverage(settings, states, client, tell),
            *_anomalies(settings, findings, client, tell),
            *_case_rows(client, states),
        ]
    return Reconciliation(len(inputs.facts), inputs.refused, differences)


def _cases(settings: Settings, inputs: Inputs, states: States, moments: tuple[int, int]) -> Iterator[Difference]:
    assessor = build_assessor(settings, inputs.reference)
    for case_no, facts in inputs.facts.items():
        expected = judged(assessor, case_no, facts, moments[0])
        _, found = states.get(case_no, (0, None))
        if found is None:
            yield Difference("case-state", case_no, "status", expected["status"], None)
            continue
        different = _different(expected, found)
        if different and _different(judged(assessor, case_no, facts, moments[1]), found):
            yield from (Difference("case-state", case_no, name, _shown(expected[name]), _shown(found[name])) for name in different)
    for case_no in states.keys() - inputs.facts.keys():
        yield Difference("case-state", case_no, "status", None, states[case_no][1]["status"])


def _items(
    settings: Settings, inputs: Inputs, items: Mapping[str, State], states: States, moments: tuple[int, int]
) -> Iterator[Difference]:
    auditor = Auditor(inputs.reference, settings.domain_policy())
    unregistered: dict[str, set[int]] = {}
    places: dict[str, tuple[str, str]] = {}
    for partition, state in states.values():
        if FLAG_UNREGISTERED_ITEM in state["flags"]:
            key = item_key(state["unit_code"], state["item_code"])
            unregistered.setdefault(key, set()).add(partition)
            places[key] = state["unit_code"], state["item_code"]
    for key in sorted(inputs.reference.subjects() | unregistered.keys() | items.keys()):
        found = items.get(key)
        place = places.get(key) or inputs.reference.place_of(key) or (found and (found["unit_code"], found["item_code"]))
        if found is None or place is None:
            yield Difference("item-state", key, "item_code", key, None)
            continue
        unit, item = place
        expected, later = (auditor.audit(unit, item, sorted(unregistered.get(key, ())), moment) for moment in moments)
        if _different(later, found):
            yield from (Difference("item-state", key, name, expected[name], found[name]) for name in _different(expected, found))


def _different(expected: State, found: State) -> list[str]:
    return [name for name, value in expected.items() if found[name] != value]


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _coverage(settings: Settings, states: States, client: Client, tell: Tell) -> Iterator[Difference]:
    expected: dict[bytes, dict[str, Any]] = {}
    for partition, state in states.values():
        for bucket, name in contributions(state):
            key = bucket.key(partition)
            expected[key] = apply(expected.get(key), partition, bucket, {name: 1})
    found = _last(settings, COVERAGE_PARTIAL, tell)
    for key in sorted(expected.keys() | found.keys()):
        ought, is_ = _figures(expected.get(key)), _figures(found.get(key))
        yield from _parted("coverage-partial", key.decode(), ought, is_)
    totals: dict[str, int] = {}
    for record in found.values():
        for name, count in _figures(record).items():
            totals[name] = totals.get(name, 0) + count
    sums = ", ".join(f"sum(c.{name}) AS {name}" for name in (*COUNTS, UNREGISTERED))
    (row,) = client.query(f"SELECT {sums}, sumMap(excluded) AS excluded FROM coverage_partial AS c FINAL").named_results()  # noqa: S608 - our own names
    yield from _parted("clickhouse", "coverage_partial", totals, _figures(row))


def _parted(where: str, key: str, ought: Mapping[str, int], is_: Mapping[str, int]) -> Iterator[Difference]:
    for name in sorted(ought.keys() | is_.keys()):
        if ought.get(name, 0) != is_.get(name, 0):
            yield Difference(where, key, name, ought.get(name, 0), is_.get(name, 0))


def _figures(record: Mapping[str, Any] | None) -> dict[str, int]:
    if record is None:
        return {}
    return {name: record[name] for name in (*COUNTS, UNREGISTERED)} | {f"excluded.{reason}": n for reason, n in record["excluded"].items()}


def _anomalies(
    settings: Settings, findings: Mapping[tuple[str, str], Mapping[str, Any]], client: Client, tell: Tell
) -> Iterator[Difference]:
    """What subscribers and ClickHouse take to be open, with its waiver, against the states."""
    ought = {key: bool(finding["waived"]) for key, finding in findings.items()}
    last = {
        (each["subject"], each["kind"]): each for topic in ANOMALY_TOPICS for each in _last(settings, topic, tell, by_kind=True).values()
    }
    told = {key: each["waived"] for key, each in last.items() if each["state"] == "OPENED"}
    rows = client.query("SELECT subject, kind, waived FROM anomaly FINAL WHERE state = 'OPENED'").result_rows
    stored = {(subject, kind): bool(waived) for subject, kind, waived in rows}
    for where, found in (("anomaly", told), ("clickhouse", stored)):
        for subject, kind in sorted(ought.keys() | found.keys()):
            wanted, given = ought.get((subject, kind)), found.get((subject, kind))
            if wanted != given:
                yield Difference(where, subject, kind, _word(wanted), _word(given))


def _word(waived: bool | None) -> str:
    return {None: "RESOLVED", False: "OPENED", True: "OPENED, waived"}[waived]


def _case_rows(client: Client, states: States) -> Iterator[Difference]:
    columns = ", ".join([*_OF_CASES, *(f"toUnixTimestamp64Milli({name})" for name in _TIMES_OF_CASES)])
    sql = f"SELECT case_no, {columns} FROM case_state FINAL WHERE NOT startsWith(case_no, {{canaries:String}})"  # noqa: S608 - our own names
    rows = client.query(sql, parameters={"canaries": CASE_PREFIX}).result_rows
    names = (*_OF_CASES, *_TIMES_OF_CASES)
    found = {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}
    for case_no in sorted(states.keys() | found.keys()):
        _, state = states.get(case_no, (0, None))
        row = found.get(case_no)
        if state is None or row is None:
            yield Difference("clickhouse", case_no, "status", state and state["status"], row and row["status"])
            continue
        yield from (Difference("clickhouse", case_no, name, state[name], row[name]) for name in names if state[name] != row[name])


def _last(settings: Settings, topic: str, tell: Tell, *, by_kind: bool = False) -> dict[Any, dict[str, Any]]:
    """The last record of each key, or of each key and kind."""
    found: dict[Any, dict[str, Any]] = {}
    for message in read_topic(settings, topic, tell=lambda done, total: tell(topic, done, total)):
        record = codec(topic).decode(message.value())
        found[(message.key(), record["kind"]) if by_kind else message.key()] = record
    return found
