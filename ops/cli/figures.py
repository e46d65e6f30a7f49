"""``guidang coverage | anomalies``: what is in ClickHouse, with the assumptions it rests on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from ops.cli.options import AsOf, Json, UnitFilter, moment_ms
from ops.cli.output import Column, emit_rows, progress, say
from ops.cli.text import t
from ops.rounding import percent
from streams.domain.time import iso
from streams.errors import ConfigurationError
from streams.settings import Settings, load_settings


class By(StrEnum):
    """Scopes of coverage."""

    CITY = "city"
    DISTRICT = "district"
    UNIT = "unit"
    TYPE = "type"
    MAIN_ITEM = "main-item"
    ITEM = "item"


class State(StrEnum):
    """States of a finding."""

    OPEN = "open"
    RESOLVED = "resolved"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=t("归档覆盖率", "Coverage: archived out of closed"))(coverage)
    app.command(help=t("异常：未归档、退回、孤立归档等", "Findings: not archived, refused, orphaned, …"))(anomalies)


def coverage(
    by: Annotated[By, typer.Option(help=t("统计口径", "scope"))],
    window: Annotated[
        str, typer.Option(help=t("区间：1h 24h 7d 30d ytd 或 起..止（日期，含首尾）", "1h 24h 7d 30d ytd or FROM..TO (dates, inclusive)"))
    ] = "ytd",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Print coverage."""
    from consumers.clickhouse import connect, reaching  # noqa: PLC0415 - so that --help is fast
    from consumers.coverage import coverage_rows  # noqa: PLC0415
    from consumers.windows import parse_window  # noqa: PLC0415
    from ops.moment import heartbeats, judged  # noqa: PLC0415

    settings = load_settings()
    now_ms = moment_ms(as_of) if as_of else settings.make_clock().now_ms()
    try:
        span = parse_window(window, now_ms)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
    with reaching(settings), progress(t("计算覆盖率", "computing coverage"), wanted=as_of is not None):
        then = judged(settings, now_ms, heartbeats(settings)) if as_of else None
        rows = coverage_rows(connect(settings), by.value, span, now_ms=now_ms, as_of=then)
    say(t(f"区间 {iso(span.start_ms)} 至 {iso(span.end_ms - 1)}", f"window {iso(span.start_ms)} to {iso(span.end_ms - 1)}"))
    if as_of:
        say(
            t(
                f"时点 {iso(now_ms)}；按现在的更正、参照数据与口径",
                f"as of {iso(now_ms)}, under today's corrections, reference data and policy",
            )
        )
    say(assumptions(settings))
    emit_rows(rows if json else map(_shown, rows), json=json, columns=_coverage_columns())


def anomalies(
    kind: Annotated[str, typer.Option(help=t("种类，如 UNARCHIVED", "kind, such as UNARCHIVED"))] = "",
    state: Annotated[State | None, typer.Option(help=t("未解除或已解除", "open or resolved"))] = None,
    unit: UnitFilter = "",
    json: Json = False,
) -> None:
    """Print findings."""
    from consumers.anomalies import anomaly_rows  # noqa: PLC0415 - so that --help is fast
    from consumers.clickhouse import connect, reaching  # noqa: PLC0415
    from streams.domain.rules import KINDS  # noqa: PLC0415

    if kind and kind not in KINDS:  # an empty list would say that nothing of the kind was found
        raise typer.BadParameter(t(f"没有这种异常：{kind}", f"no such kind: {kind}") + f" ({', '.join(KINDS)})")
    settings = load_settings()
    with reaching(settings):
        rows = anomaly_rows(connect(settings), kind=kind, state=state.value if state else None, unit=unit)
    say(assumptions(settings))
    columns = [
        Column("kind", t("种类", "kind")),
        Column("state", t("状态", "state")),
        Column("subject", t("办件号", "subject")),
        Column("unit_code", t("单位", "unit")),
        Column("unit_name", t("单位名称", "unit name")),
        Column("item_code", t("事项", "item")),
        Column("reason", t("原因", "reason")),
        Column("since", t("起于", "since")),
        Column("due_at", t("归档时限", "due")),
        Column("resolution", t("解除", "resolution")),
    ]
    emit_rows(rows, json=json, columns=columns)


def assumptions(settings: Settings) -> str:
    """One line with every assumption that the figures rest on, for stderr."""
    policy = settings.policy
    own = t(f"，另有 {len(policy.deadline_by_item)} 个事项单列", f", {len(policy.deadline_by_item)} items on their own")
    parts = [
        t("归档时限", "deadline") + f" {policy.deadline}" + (own if policy.deadline_by_item else ""),
        t("孤立归档宽限", "orphan grace") + f" {policy.orphan_grace}",
        t("办结状态不明", "closing UNKNOWN")
        + t(" 计入" if policy.count_unknown_closing else " 不计", f" counted={policy.count_unknown_closing}"),
        t("转办", "FORWARDED") + t(" 计入" if policy.count_forwarded else " 不计", f" counted={policy.count_forwarded}"),
        t("未登记事项", "unregistered items")
        + t(" 计入" if policy.count_unregistered else " 不计", f" counted={policy.count_unregistered}"),
        t("垂建事项", "items on a superior's system")
        + t(" 计入" if policy.count_vertical else " 不计", f" counted={policy.count_vertical}"),
        t("归档计划年度之前的自建事项", "items of a unit's own system before the year of their plan")
        + t(" 计入" if policy.count_before_plan else " 不计", f" counted={policy.count_before_plan}"),
    ]
    return t("假定（A）：", "assumptions (A): ") + t("；", "; ").join(parts)


def _coverage_columns() -> list[Column]:
    return [
        Column("scope", t("代码", "scope")),
        Column("name", t("名称", "name")),
        *(
            Column(key, title, right=True)
            for key, title in (
                ("closed", t("办结", "closed")),
                ("archived", t("已归档", "archived")),
                ("archived_late", t("其中逾期", "late")),
                ("unarchived", t("未归档", "unarchived")),
                ("awaiting", t("待归档", "awaiting")),
                ("refused", t("被退回", "refused")),
                ("orphan", t("孤立归档", "orphan")),
                ("excluded", t("不计入", "excluded")),
                ("due", t("已到期", "due")),
                ("coverage", t("覆盖率", "coverage")),
                ("coverage_due", t("到期覆盖率", "of due")),
                ("official", t("通报口径", "official")),
                ("divergence", t("差异", "divergence")),
            )
        ),
    ]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """The row as people read it: ratios in percent, reasons of exclusion in one cell."""
    ratios = {name: None if row[name] is None else percent(row[name]) for name in ("coverage", "coverage_due", "official", "divergence")}
    return {**row, **ratios, "excluded": ", ".join(f"{reason} {count}" for reason, count in row["excluded"].items())}
