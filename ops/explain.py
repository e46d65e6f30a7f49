"""The timeline of one case: every event and where it came from, its state, its findings, and the rule behind the verdict."""

from __future__ import annotations

from functools import cache
from typing import Any

from consumers.dead_letters import dead_letter_row
from ops.reading import read_topic
from ops.recompute import InputReader, Tell
from streams.agents.intake import keyed_digest
from streams.agents.outcomes import ORIGIN
from streams.contracts import (
    ANOMALY_QUALITY,
    ANOMALY_UNARCHIVED,
    ARCHIVE_RECEIVED,
    CASE_CLOSED,
    CASE_INPUTS,
    CASE_STATE,
    DEAD_LETTER,
    codec,
    names_of_logical_type,
)
from streams.domain.rules import KINDS
from streams.domain.time import iso, iso_day
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.settings import Settings

_TIME_OF = {CASE_CLOSED: "closed_at", ARCHIVE_RECEIVED: "received_at"}
_HIDDEN = ("title_hash", "title_core", "title_test", "materials", "materials_digest", "facts", "findings", "case_no")
_FINDINGS = (ANOMALY_UNARCHIVED, ANOMALY_QUALITY)
_SHOWN = (*CASE_INPUTS, CASE_STATE, *_FINDINGS)


def explain(settings: Settings, case_no: str, tell: Tell) -> dict[str, Any] | None:
    """Everything there is about a case, as plain data; ``None`` when nothing is."""
    partition = PARTITIONERS[settings.kafka.partitioner](case_no.encode(), settings.kafka.partitions)
    found = {topic: _records(settings, topic, case_no, partition, tell) for topic in _SHOWN}
    dead = _records(settings, DEAD_LETTER, case_no, partition, tell)
    states = [codec(CASE_STATE).decode(message.value()) for message in found[CASE_STATE]]
    if not any(found.values()) and not dead:
        return None
    reader = InputReader(settings, keyed_digest(b""))  # which records are taken hangs on no key
    events = [_event(reader, topic, message) for topic in CASE_INPUTS for message in found[topic]]
    state = states[-1] if states else None
    return {
        "case_no": case_no,
        "events": sorted(events, key=lambda event: event["time"] or ""),
        "dead_letters": [_dead(message) for message in dead],
        "state": _readable(state) if state else None,
        "anomalies": [_anomaly(topic, message) for topic in _FINDINGS for message in found[topic]],
        "rule": rule(state, str(settings.domain_policy().deadline_for(state["item_code"], state["main_item_code"]))) if state else None,
    }


def rule(state: dict[str, Any], deadline: str) -> dict[str, str]:
    """Why the status is what it is: the rule in words, and the clause it rests on."""
    status, reason = state["status"], state["reason"]
    due = f"归档期限 due {iso(state['due_at'])}（{deadline}{'，暂定' if state['due_provisional'] else ''}）" if state["due_at"] else ""
    text = {
        "ARCHIVED": f"电子归档在期限内被接收 accepted by the due date；{due}",
        "ARCHIVED_LATE": f"电子归档被接收，但晚于期限 accepted after the due date；{due}",
        "AWAITING": f"尚未到期或尚不能断定未归档 not due yet, or absence not established；{due}",
        "UNARCHIVED": f"到期仍无被接收的归档包 nothing accepted by the due date；{due}",
        "ORPHAN": "有被接收的归档包而始终没有办结事件 an accepted archive, and no closing at all",
        "NOT_CLOSED": "没有办结事件 no closing yet",
        "EXCLUDED": _EXCLUSIONS.get(reason, reason),
    }[status]
    if status == "AWAITING" and reason == "SOURCE_SILENT":
        text += "；来源系统未声明数据已发全 its source has not declared its data complete"
    if status == "UNARCHIVED":
        text += {"REFUSED": "；归档包曾被退回 a package was refused", "NONE_RECEIVED": "；从未收到归档包 none was received"}[reason]
    return {"text": text, "clause": _CLAUSES.get(status, "")}


_EXCLUSIONS = {
    "DELETED": "办结已被撤销，不计入 the closing was deleted",
    "VOIDED": "办件作废，不计入 the case was voided",
    "FORWARDED": "转报，不计入（假设 policy.count_forwarded） forwarded (assumption)",
    "UNKNOWN_STATE": "办结状态不明，不计入（假设 policy.count_unknown_closing） unknown closing state (assumption)",
    "TEST_CASE": "测试件，不计入 a test case",
    "OUTSIDE_TYPES": "不属八类行政事项，不计入 not one of the eight item types",
    "OFFLINE": "自建系统、离线归档，另行列示 a unit's own system, archived offline",
    "MODE_UNKNOWN": "自建系统、归档方式未填，另行列示 a unit's own system, its mode not stated",
    "PLANNED_LATER": "自建系统、归档计划在办结年份之后，另行列示（假设 policy.count_before_plan） planned for a later year (assumption)",
    "VERTICAL": "垂建：在上级系统办理，不计入（假设 policy.count_vertical） a superior's system (assumption)",
    "UNREGISTERED_ITEM": "事项未登记，不计入（假设 policy.count_unregistered） the item is not registered (assumption)",
}
_CLAUSES = {
    "ARCHIVED": "附件2 完成性指标：办件未归档，按 50×（未归档数/办结数）扣分",
    "ARCHIVED_LATE": "附件2 完成性指标；逾期不扣分（假设） lateness costs nothing (assumption)",
    "AWAITING": "附件2 完成性指标；归档期限为假设 policy.deadline（通知未规定）",
    "UNARCHIVED": "附件2 完成性指标：办件未归档，按 50×（未归档数/办结数）扣分",
    "ORPHAN": "四（二）谁产生，谁归档；宽限为假设 policy.orphan_grace",
    "EXCLUDED": "二（四）八类行政事项；附件1 建设模式、归档计划、归档方式，填报说明 3 去除测试办件",
}


def _records(settings: Settings, topic: str, case_no: str, partition: int, tell: Tell) -> list[Any]:
    key = case_no.encode()
    here = None if topic in (*CASE_INPUTS, DEAD_LETTER) else partition  # a misrouted record lies elsewhere
    reading = read_topic(settings, topic, partition=here, tell=lambda done, total: tell(topic, done, total))
    return [message for message in reading if message.key() == key]


def _event(reader: InputReader, topic: str, message: Any) -> dict[str, Any]:
    origin = {"topic": topic, "partition": message.partition(), "offset": message.offset()}
    try:
        event = reader.event(topic, message)
    except InvalidRecord as error:
        return {"time": None, "origin": origin, "not_taken": error.reason, "event": None}
    return {"time": iso(event[_TIME_OF[topic]]), "origin": origin, "not_taken": None, "event": _readable(event)}


def _anomaly(topic: str, message: Any) -> dict[str, Any]:
    record = codec(topic).decode(message.value())
    return _readable(record) | {"label": KINDS[record["kind"]].label, "clause": KINDS[record["kind"]].clause}


def _dead(message: Any) -> dict[str, Any]:
    headers = {name: value.decode(errors="replace") for name, value in message.headers() or [] if name.startswith(ORIGIN)}
    at_ms = dead_letter_row(message, 0)["source_timestamp"]
    times = {} if at_ms is None else {f"{ORIGIN}timestamp": iso(at_ms)}
    return {"partition": message.partition(), "offset": message.offset(), **headers, **times}


def _readable(record: dict[str, Any]) -> dict[str, Any]:
    return {name: _told(name, value) for name, value in record.items() if name not in _HIDDEN}


def _told(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(item) if isinstance(item, dict) else item for item in value]
    if isinstance(value, int):
        if name in _named("timestamp-millis"):
            return iso(value)
        if name in _named("date"):
            return iso_day(value)
    return value


@cache
def _named(logical_type: str) -> frozenset[str]:
    """Names of the fields that hold times, or days, in whatever is shown: as the schemas say, so that none can be forgotten."""
    return frozenset().union(*(names_of_logical_type(topic, logical_type) for topic in _SHOWN))
