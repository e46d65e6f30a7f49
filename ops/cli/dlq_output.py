"""What ``guidang dlq`` shows: dead letters as rows, one of them whole, and what became of each."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from ops.cli.dlq import FAILURE, FINDINGS
from ops.cli.output import Column, emit_object, emit_rows, say
from ops.cli.text import t
from ops.dlq.dump import SHOWN_BYTES, field_shapes, hex_dump, text_of
from ops.dlq.letter import Entry, Headers, added_headers, shown_key
from ops.dlq.plan import Decision, Outcome
from ops.dlq.reasons import REASONS
from ops.dlq.redrive import Listed, Shown
from ops.terminal import printable
from streams.contracts import DEAD_LETTER
from streams.domain.time import iso
from streams.settings import Settings


def _gone() -> str:
    return t("内容太大，没有抄进死信，来处也不再是这条记录", "its value was too large to be copied, and is not any more where it came from")


def _source(settings: Settings, topic: str, partition: int, offset: int) -> str:
    name = topic.removeprefix(settings.kafka.topic_prefix)
    return f"{name}/{partition}@{offset}" if topic else "–"


def row_of(settings: Settings, listed: Listed) -> dict[str, Any]:
    """A letter as ``list`` has it."""
    entry = listed.entry
    return {
        "place": str(entry.place),
        "source": _source(settings, entry.topic, entry.partition, entry.offset),
        "topic": entry.topic.removeprefix(settings.kafka.topic_prefix),
        "partition": entry.partition,
        "offset": entry.offset,
        "key": shown_key(entry.key),
        "reason": entry.reason,
        "detail": entry.detail,
        "bytes": entry.size,
        "sha256": entry.sha256 or None,
        "written_at": iso(entry.written_at_ms),
        "redrives": entry.redrives,
        "redriven_to": listed.sent_to,
    }


def print_list(settings: Settings, found: list[Listed], *, json: bool) -> None:
    """One row a letter."""
    columns = [
        Column("place", t("位置", "place")),
        Column("source", t("来处", "source")),
        Column("key", "key"),
        Column("reason", t("原因", "reason")),
        Column("detail", t("说明", "detail")),
        Column("bytes", t("字节", "bytes"), right=True),
        Column("written_at", t("成为死信", "written at")),
        Column("redrives", t("此前重投次数", "redrives before"), right=True),
        Column("redriven_to", t("已重投到", "redriven to")),
    ]
    emit_rows([row_of(settings, each) for each in found], json=json, columns=columns)


def print_summary(settings: Settings, found: list[Listed], *, json: bool) -> None:
    """Count by source topic and reason."""
    groups: dict[tuple[str, str], list[Listed]] = {}
    for each in found:
        groups.setdefault((each.entry.topic.removeprefix(settings.kafka.topic_prefix), each.entry.reason), []).append(each)
    rows = [
        {
            "topic": topic,
            "reason": reason,
            "count": len(of),
            "redriven": sum(each.sent_to is not None for each in of),
            "first_at": iso(of[0].entry.written_at_ms),
            "last_at": iso(of[-1].entry.written_at_ms),
        }
        for (topic, reason), of in sorted(groups.items())
    ]
    columns = [
        Column("topic", t("来源主题", "source topic")),
        Column("reason", t("原因", "reason")),
        Column("count", t("条数", "count"), right=True),
        Column("redriven", t("其中已重投", "redriven"), right=True),
        Column("first_at", t("最早", "first")),
        Column("last_at", t("最晚", "last")),
    ]
    emit_rows(rows, json=json, columns=columns)


def told_of(settings: Settings, shown: Shown, *, whole: bool) -> dict[str, Any]:
    """Everything about one letter; texts of its contents with ``whole`` alone."""
    letter, entry = shown.letter, shown.letter.entry
    key, value, advice = entry.key or b"", letter.value or b"", REASONS.get(entry.reason)
    source = _source(settings, entry.topic, entry.partition, entry.offset)
    told = row_of(settings, Listed(entry, shown.sent_to)) | {
        "found": True,
        "value_in": None if shown.is_gone else source if entry.sha256 else DEAD_LETTER,
        "timestamp": None if entry.timestamp_ms is None else iso(entry.timestamp_ms),
        "key_bytes": None if entry.key is None else len(entry.key),
        "key_hex": hex_dump(key),
        "rule": advice and t(advice.zh, advice.en),
        "advice": advice and t(advice.do_zh, advice.do_en),
        "target": None if shown.target is None else str(shown.target),
        "refused_now": None if shown.refusal is None else str(shown.refusal),
        "headers": _headers(letter.own_headers, whole=whole),
        "fields": None if shown.record is None or shown.target is None else field_shapes(shown.target.topic, shown.record),
    }
    if whole:
        told |= {
            "value_hex": hex_dump(value),
            "value_text": text_of(value),
            "shown_bytes": min(len(value), SHOWN_BYTES),
            "record": shown.record,
        }
    return told


def _headers(headers: Headers, *, whole: bool) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = [{"header": printable(name), "bytes": None if value is None else len(value)} for name, value in headers]
    if whole:
        return [each | {"text": text_of(value or b"")} for each, (_, value) in zip(said, headers, strict=True)]
    return said


def print_told(told: dict[str, Any]) -> None:
    """One letter for people."""
    titles = {
        "place": t("位置", "place"),
        "written_at": t("成为死信", "written at"),
        "source": t("来处", "source"),
        "timestamp": t("原记录时间", "record's time"),
        "reason": t("原因", "reason"),
        "detail": t("说明", "detail"),
        "rule": t("规则", "rule"),
        "advice": t("怎么办", "what to do"),
        "target": t("重投到", "redriven it goes to"),
        "refused_now": t("现在会被拒", "refused now"),
        "redrives": t("此前重投次数", "redrives before"),
        "redriven_to": t("已重投到", "redriven to"),
        "key": "key",
        "bytes": t("内容字节", "bytes of value"),
        "value_in": t("内容在", "the value is in"),
    }
    for name, title in titles.items():
        print(f"{title}: {'–' if told[name] in (None, '') else printable(str(told[name]))}")
    for title, lines in (("key", told["key_hex"]), (t("内容", "value"), told.get("value_hex", ()))):
        for line in lines:
            print(f"  {title} {line}")
    if "value_text" in told:
        print(f"{t('内容文字', 'value as text')} ({told['shown_bytes']} / {told['bytes'] or 0} B): {told['value_text']}")
    for header in told["headers"]:
        print(f"{t('消息头', 'header')} {header['header']}: " + header.get("text", f"{header['bytes']} B"))
    if "record" in told:
        for name, value in (told["record"] or {}).items():
            print(f"  {name} = {printable(str(value))}")
    else:
        for each in told["fields"] or ():
            print(
                f"  {each['field']}: "
                + ", ".join(f"{value} {name}" if name != "value" else f"{value}" for name, value in each.items() if name != "field")
            )


def write_raw(path: Path, shown: Shown) -> int | None:
    """Write untouched bytes into a new file that only its owner reads; the exit code, ``None``: written."""
    value = shown.letter.value
    if shown.is_gone:
        say(_gone() + t(f"；没有写 {path}", f"; {path} was not written"))
        return FINDINGS
    if value is None:
        say(t(f"这条记录没有内容，没有写 {path}", f"the record has no value, {path} was not written"))
        return FINDINGS
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(value)
    except OSError as error:
        say(t(f"写不了 {path}：", f"cannot write {path}: ") + str(error.strerror))
        return FAILURE
    say(t(f"{len(value)} 字节已写入 {path}", f"{len(value)} bytes written to {path}"))
    return None


def _added(entry: Entry) -> dict[str, str]:
    return {name: value.decode() for name, value in added_headers(entry)}


def print_decisions(settings: Settings, decisions: list[Decision], *, dry_run: bool, json: bool) -> None:
    """What became of each letter."""
    rows = [_decision_row(settings, each, dry_run=dry_run) for each in decisions]
    if json:
        emit_object({"dry_run": dry_run, "outcomes": dict(Counter(row["outcome"] for row in rows)), "letters": rows})
    else:
        columns = [
            Column("place", t("位置", "place")),
            Column("what", t("处理", "what becomes of it")),
            Column("target", t("发往", "to")),
            Column("key", "key"),
            Column("reason", t("原因", "reason")),
            Column("bytes", t("字节", "bytes"), right=True),
            Column("redrives", t("此前重投次数", "redrives before"), right=True),
        ]
        emit_rows(rows, json=False, columns=columns)
    counts = Counter(row["outcome"] for row in rows)
    sent = counts["would_send"] if dry_run else counts["sent"]
    held = len(rows) - sent - counts["sent_before"]
    say(
        t(
            f"{'会重投' if dry_run else '已重投'} {sent} 条，早已重投 {counts['sent_before']} 条，未发 {held} 条",
            f"{sent} {'would be ' if dry_run else ''}sent back, {counts['sent_before']} had been before, {held} held back",
        )
    )


def _decision_row(settings: Settings, decision: Decision, *, dry_run: bool) -> dict[str, Any]:
    entry, detail = decision.entry, decision.detail
    what = {
        Outcome.SEND: t("会发出", "would be sent") if dry_run else t("已发出", "sent"),
        Outcome.SENT_BEFORE: t(f"早已重投到 {detail}", f"sent before, to {detail}"),
        Outcome.TOO_OFTEN: t(f"已重投 {detail} 次，不再发（--max-redrives）", f"sent back {detail} times already (--max-redrives)"),
        Outcome.REFUSED_AGAIN: t(f"会再次被拒：{detail}", f"would be refused again: {detail}"),
        Outcome.NO_SOURCE: t("来源不是输入主题，无处可发", "its source is no input topic: there is nowhere to send it"),
        Outcome.VALUE_GONE: _gone(),
        Outcome.ABSENT: t("没有这条死信", "there is no such dead letter"),
        Outcome.NOT_TAKEN: t(f"broker 不收：{detail}", f"the broker does not take it: {detail}"),
    }[decision.outcome]
    outcome = {Outcome.SEND: "would_send" if dry_run else "sent"}.get(decision.outcome, decision.outcome.value)
    return {
        "place": str(decision.place),
        "outcome": outcome,
        "what": what,
        "detail": detail,
        "target": None if decision.target is None else str(decision.target),
        "source": None if entry is None else _source(settings, entry.topic, entry.partition, entry.offset),
        "key": None if entry is None else shown_key(entry.key),
        "reason": None if entry is None else entry.reason,
        "bytes": None if entry is None else entry.size,
        "redrives": None if entry is None else entry.redrives,
        "headers": [] if entry is None else list(entry.headers),
        "added_headers": _added(entry) if decision.outcome is Outcome.SEND and entry is not None else {},
    }
