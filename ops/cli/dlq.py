"""``guidang dlq list | show | redrive``: dead letters looked at, and sent back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.options import Json, moment_ms
from ops.cli.output import emit_object, progress, reading_topics, say
from ops.cli.text import t
from streams.settings import Settings, load_settings

if TYPE_CHECKING:
    from ops.dlq.letter import Place
    from ops.dlq.query import Query

FAILURE, FINDINGS = 1, 6
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
    from ops.cli.dlq_output import print_list, print_summary  # noqa: PLC0415 - so that --help is fast
    from ops.dlq.redrive import list_letters  # noqa: PLC0415

    settings = load_settings()
    query = _query(settings, reason, topic, source_key, since, until)
    with reading_topics() as tell:
        found = list_letters(settings, query, limit, tell)
    if summary:
        print_summary(settings, found, json=json)
        return
    print_list(settings, found, json=json)


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
    from ops.cli.dlq_output import print_told, told_of, write_raw  # noqa: PLC0415
    from ops.dlq.redrive import show_letter  # noqa: PLC0415

    settings, at = load_settings(), _place(place)
    with reading_topics() as tell:
        found = show_letter(settings, at, tell)
    if found is None:
        say(t(f"没有死信 {at}", f"there is no dead letter {at}"))
        if json:
            emit_object({"place": str(at), "found": False})
        return FINDINGS
    told = told_of(settings, found, whole=value)
    if json:
        emit_object(told)
    else:
        print_told(told)
    if raw is not None:
        return write_raw(raw, found)
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
    yes: Annotated[
        bool, typer.Option("--yes", help=t("不再询问（没有终端时本来不问）", "do not ask; without a terminal nothing is asked"))
    ] = False,
    json: Json = False,
) -> int | None:
    """Send dead letters back."""
    from ops.cli.dlq_output import print_decisions  # noqa: PLC0415
    from ops.dlq.plan import UNDONE, Outcome  # noqa: PLC0415
    from ops.dlq.redrive import Redrive  # noqa: PLC0415
    from ops.dlq.sender import Sender  # noqa: PLC0415

    if places and (reason or topic or source_key is not None or since or until or limit):
        raise typer.BadParameter(t("给了位置就不要再给筛选条件", "places and filters exclude each other"))
    settings = load_settings()
    query = _query(settings, reason, topic, source_key, since, until, frozenset(map(_place, places or ())))
    run = Redrive(settings, None if dry_run else Sender(settings))
    with reading_topics() as tell:
        decisions = run.plan(query, limit, max_redrives=max_redrives, force=force, tell=tell)
    sending = sum(each.outcome is Outcome.SEND for each in decisions)
    if not dry_run and sending:
        # Without a terminal there is nobody to ask; and what a script sends twice goes once.
        asks = sys.stdin.isatty() and not yes
        if asks and not _agreed(t(f"把 {sending} 条死信发回来源主题？", f"Send {sending} dead letters back?")):
            say(t("没有发送任何记录", "nothing was sent"))
            return FAILURE
        with progress(t("重投", "sending back"), sending) as advance:
            decisions = run.send(decisions, lambda _topic, done, total: advance(done, total))
    print_decisions(settings, decisions, dry_run=dry_run, json=json)
    return FINDINGS if any(each.outcome in UNDONE for each in decisions) else None


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
        since_ms=None if since is None else moment_ms(since),
        until_ms=None if until is None else moment_ms(until),
        places=places,
    )


def _place(text: str) -> Place:
    from ops.dlq.letter import Place  # noqa: PLC0415

    found = Place.parse(text)
    if found is None:
        raise typer.BadParameter(t(f"不是位置（分区:位移）：{text}", f"not a place (partition:offset): {text}"))
    return found
