"""``guidang dlq list | show | redrive``: dead letters looked at, and sent back."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.options import Json
from ops.cli.output import Column, emit_object, emit_rows, progress, reading_topics, say
from ops.cli.text import t
from streams.settings import Settings, instant_ms, load_settings

if TYPE_CHECKING:
    from ops.dlq.letter import Entry, Headers, Place
    from ops.dlq.plan import Decision
    from ops.dlq.query import Query
    from ops.dlq.redrive import Listed, Shown

_FAILURE, _FINDINGS = 1, 6
_MAX_REDRIVES = 3

Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help=t("原因，如 MISROUTED；可写多次", "reason; may be given several times"))
]
Topic = Annotated[str, typer.Option(help=t("来源主题", "source topic"))]
SourceKey = Annotated[
    str | None, typer.Option("--source-key", help=t("原记录的 key，如办件号", "key of the record, such as a case number"))
]
Since = Annotated[
    str | None, typer.Option(help=t("成为死信的时间不早于（带时区的 ISO 时间）", "became a dead letter at or after, ISO with offset"))
]
Until = Annotated[
    str | None, typer.Option(help=t("成为死信的时间早于（带时区的 ISO 时间）", "became a dead letter before, ISO with offset"))
]
Limit = Annotated[int, typer.Option(min=0, help=t("只看最新的几条；0：全部", "the newest ones only; 0: all"))]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help=t(
            "死信：收不下的记录，原始字节在 dead-letter 主题里。列出、细看、重投。",
            "Dead letters: records that could not be taken in, their bytes in the topic dead-letter. List, look, send back.",
        ),
    )
    group.command(
        "list",
        help=t(
            "列出死信：位置、来处、key、原因、是否已重投。直接读 Kafka，不需要 ClickHouse。",
            "List dead letters: place, source, key, reason, whether sent back. Reads Kafka; needs no ClickHouse.",
        ),
    )(list_)
    group.command(
        help=t(
            "细看一条死信：来处、原因、规则与办法、现在会不会被采用、各字段。不显示文字内容（标题里有申请人姓名），除非加 --value。",
            "Everything about one dead letter. Texts are left out, since titles name applicants, unless --value asks for them.",
        ),
    )(show)
    group.command(
        help=t(
            "重投：把原始字节、key 与消息头发回来源主题，按 key 定分区。已重投过的不再发；现在仍会被拒的不发，除非 --force。"
            "有未发出的退出码为 6。",
            "Send the untouched bytes, key and headers back into the source topic, to the key's partition. What was sent back before is "
            "not sent again; what would be refused again is not sent without --force. Exit 6 if any was held back.",
        ),
    )(redrive)
    app.add_typer(group, name="dlq")


def list_(
    reason: Reasons = None,
    topic: Topic = "",
    source_key: SourceKey = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 0,
    summary: Annotated[bool, typer.Option("--summary", help=t("按来源主题与原因计数", "count by source topic and reason"))] = False,
    json: Json = False,
) -> None:
    """Print dead letters."""
    from ops.dlq.redrive import list_letters  # noqa: PLC0415 - so that --help is fast

    settings = load_settings()
    query = _query(settings, reason, topic, source_key, since, until)
    with reading_topics() as tell:
        found = list_letters(settings, query, limit, tell)
    if summary:
        _print_summary(settings, found, json=json)
        return
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
    emit_rows([_row(settings, each) for each in found], json=json, columns=columns)


def show(
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help=t("死信的位置，即 list 的第一列：分区:位移", "partition:offset, as list has it"))
    ],
    value: Annotated[
        bool,
        typer.Option(
            "--value", help=t("显示内容：字节、文字与各字段的值；可能有申请人姓名", "show the contents: they may name applicants")
        ),
    ] = False,
    raw: Annotated[
        Path | None, typer.Option(help=t("把原始字节写入这个文件（仅本人可读）", "write the untouched bytes to this file (mode 0600)"))
    ] = None,
    json: Json = False,
) -> int | None:
    """Print one dead letter."""
    from ops.dlq.redrive import show_letter  # noqa: PLC0415

    settings, at = load_settings(), _place(place)
    with reading_topics() as tell:
        found = show_letter(settings, at, tell)
    if found is None:
        say(t(f"没有死信 {at}", f"there is no dead letter {at}"))
        return _FINDINGS
    told = _told(settings, found, whole=value)
    if json:
        emit_object(told)
    else:
        _print_told(told)
    if raw is not None:
        return _write_raw(raw, found.letter.value)
    return None


def redrive(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="PLACE", help=t("死信的位置，可写多个；不与筛选条件并用", "places, instead of filters"))
    ] = None,
    reason: Reasons = None,
    topic: Topic = "",
    source_key: SourceKey = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 0,
    max_redrives: Annotated[
        int, typer.Option(min=1, help=t("一条记录至多重投几次", "a record is sent back so often at most"))
    ] = _MAX_REDRIVES,
    force: Annotated[bool, typer.Option("--force", help=t("现在仍会被拒的也发", "send what would be refused again, too"))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=t("只说会发什么，不发", "say what would be sent, send nothing"))] = False,
    yes: Annotated[bool, typer.Option("--yes", help=t("不再询问", "do not ask"))] = False,
    json: Json = False,
) -> int | None:
    """Send dead letters back."""
    from ops.dlq.plan import UNDONE, Outcome  # noqa: PLC0415
    from ops.dlq.redrive import Redrive  # noqa: PLC0415
    from ops.dlq.sender import Sender  # noqa: PLC0415

    if places and (reason or topic or source_key is not None or since or until or limit):
        raise typer.BadParameter(t("给了位置就不要再给筛选条件", "places and filters exclude each other"))
    if not (yes or dry_run or sys.stdin.isatty()):
        raise typer.BadParameter(t("没有终端可以询问：加 --yes 或 --dry-run", "there is no terminal to ask on: add --yes or --dry-run"))
    settings = load_settings()
    query = _query(settings, reason, topic, source_key, since, until, frozenset(map(_place, places or ())))
    run = Redrive(settings, None if dry_run else Sender(settings))
    with reading_topics() as tell:
        decisions = run.plan(query, limit, max_redrives=max_redrives, force=force, tell=tell)
    sending = sum(each.outcome is Outcome.SEND for each in decisions)
    if not dry_run and sending:
        if not yes and not _agreed(t(f"把 {sending} 条死信发回来源主题？", f"Send {sending} dead letters back?")):
            say(t("没有发送任何记录", "nothing was sent"))
            return _FAILURE
        with progress(t("重投", "sending back"), sending) as advance:
            decisions = run.send(decisions, lambda _topic, done, total: advance(done, total))
    _print_decisions(settings, decisions, dry_run=dry_run, json=json)
    return _FINDINGS if any(each.outcome in UNDONE for each in decisions) else None


def _agreed(question: str) -> bool:
    """Ask on stderr: the library's own prompt leaves a blank on stdout, which is data."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes", "是"}


def _query(
    settings: Settings,
    reasons: list[str] | None,
    topic: str,
    source_key: str | None,
    since: str | None,
    until: str | None,
    places: frozenset[Place] = frozenset(),
) -> Query:
    from ops.dlq.query import Query  # noqa: PLC0415
    from ops.dlq.reasons import REASONS  # noqa: PLC0415
    from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS  # noqa: PLC0415

    if strange := sorted(set(reasons or ()) - set(REASONS)):
        raise typer.BadParameter(t(f"没有这种原因：{strange[0]}", f"no such reason: {strange[0]}") + f" ({', '.join(REASONS)})")
    name = topic.removeprefix(settings.kafka.topic_prefix)
    if topic and name not in {*CASE_INPUTS, *REFERENCE_INPUTS}:
        inputs = " / ".join((*CASE_INPUTS, *REFERENCE_INPUTS))
        raise typer.BadParameter(t(f"{topic} 不是输入主题", f"{topic} is no input topic") + f": {inputs}")
    return Query(
        reasons=frozenset(reasons or ()),
        topic=settings.topic(name) if topic else "",
        key=None if source_key is None else source_key.encode(),
        since_ms=None if since is None else instant_ms(since),
        until_ms=None if until is None else instant_ms(until),
        places=places,
    )


def _place(text: str) -> Place:
    from ops.dlq.letter import Place  # noqa: PLC0415

    found = Place.parse(text)
    if found is None:
        raise typer.BadParameter(t(f"不是位置（分区:位移）：{text}", f"not a place (partition:offset): {text}"))
    return found


def _source(settings: Settings, topic: str, partition: int, offset: int) -> str:
    name = topic.removeprefix(settings.kafka.topic_prefix)
    return f"{name}/{partition}@{offset}" if topic else "–"


def _row(settings: Settings, listed: Listed) -> dict[str, Any]:
    from ops.dlq.letter import shown_key  # noqa: PLC0415
    from streams.domain.time import iso  # noqa: PLC0415

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
        "written_at": iso(entry.written_at_ms),
        "redrives": entry.redrives,
        "redriven_to": listed.sent_to,
    }


def _print_summary(settings: Settings, found: list[Listed], *, json: bool) -> None:
    from streams.domain.time import iso  # noqa: PLC0415

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


def _told(settings: Settings, shown: Shown, *, whole: bool) -> dict[str, Any]:
    from ops.dlq.dump import SHOWN_BYTES, field_shapes, hex_dump, text_of  # noqa: PLC0415
    from ops.dlq.reasons import REASONS  # noqa: PLC0415
    from ops.dlq.redrive import Listed  # noqa: PLC0415
    from streams.domain.time import iso  # noqa: PLC0415

    letter, entry = shown.letter, shown.letter.entry
    key, value, advice = entry.key or b"", letter.value or b"", REASONS.get(entry.reason)
    told = _row(settings, Listed(entry, shown.sent_to)) | {
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
    from ops.dlq.dump import text_of  # noqa: PLC0415
    from ops.dlq.letter import printable  # noqa: PLC0415

    said: list[dict[str, Any]] = [{"header": printable(name), "bytes": None if value is None else len(value)} for name, value in headers]
    if whole:
        return [each | {"text": text_of(value or b"")} for each, (_, value) in zip(said, headers, strict=True)]
    return said


def _print_told(told: dict[str, Any]) -> None:
    from ops.dlq.letter import printable  # noqa: PLC0415

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
    }
    for name, title in titles.items():
        print(f"{title}: {'–' if told[name] in (None, '') else told[name]}")
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


def _write_raw(path: Path, value: bytes | None) -> int | None:
    if value is None:
        say(t(f"这条记录没有内容，没有写 {path}", f"the record has no value, {path} was not written"))
        return _FINDINGS
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(value)
    except OSError as error:
        say(t(f"写不了 {path}：", f"cannot write {path}: ") + str(error.strerror))
        return _FAILURE
    say(t(f"{len(value)} 字节已写入 {path}", f"{len(value)} bytes written to {path}"))
    return None


def _added(entry: Entry) -> dict[str, str]:
    from ops.dlq.letter import added_headers  # noqa: PLC0415

    return {name: value.decode() for name, value in added_headers(entry)}


def _print_decisions(settings: Settings, decisions: list[Decision], *, dry_run: bool, json: bool) -> None:
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
    from ops.dlq.letter import shown_key  # noqa: PLC0415
    from ops.dlq.plan import Outcome  # noqa: PLC0415

    entry, detail = decision.entry, decision.detail
    what = {
        Outcome.SEND: t("会发出", "would be sent") if dry_run else t("已发出", "sent"),
        Outcome.SENT_BEFORE: t(f"早已重投到 {detail}", f"sent before, to {detail}"),
        Outcome.TOO_OFTEN: t(f"已重投 {detail} 次，不再发（--max-redrives）", f"sent back {detail} times already (--max-redrives)"),
        Outcome.REFUSED_AGAIN: t(f"会再次被拒：{detail}", f"would be refused again: {detail}"),
        Outcome.NO_SOURCE: t("来源不是输入主题，无处可发", "its source is no input topic: there is nowhere to send it"),
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
