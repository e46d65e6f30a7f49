"""``guidang items | score | suggest``: the assessment of the notice (考核细则), with its evidence."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.figures import assumptions
from ops.cli.options import AsOf, Json, UnitFilter, moment_ms
from ops.cli.output import Column, emit_rows, reading_topics, say
from ops.cli.text import t
from ops.rounding import percent, rounded
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.rules import ASSUMED
from streams.settings import Settings, load_settings

if TYPE_CHECKING:
    from consumers.clickhouse import Client
    from consumers.score_as_of import AsOf as Moment


class By(StrEnum):
    """Who is assessed."""

    UNIT = "unit"
    DISTRICT = "district"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=t("事项：登记、是否应在线归档、是否已配置、配置问题", "Items: registered, expected online, configured, what is wrong")
    )(items)
    app.command(help=t("考核得分（60／30／10），按单位或区县", "The score (60/30/10), by unit or district"))(score)
    app.command(
        help=t("孤立归档可能属于哪个办件：仅供核对，从不自动关联", "Which case an orphan may belong to: suggestions, never applied")
    )(suggest)


def items(unit: UnitFilter = "", json: Json = False) -> None:
    """Print items."""
    from consumers.clickhouse import connect, reaching  # noqa: PLC0415 - so that --help is fast
    from consumers.items import COLUMNS, item_rows  # noqa: PLC0415

    settings = load_settings()
    with reaching(settings):
        rows = [{name: row[name] for name in COLUMNS} for row in item_rows(connect(settings), unit)]
    say(assumptions(settings))
    columns = [
        Column("unit_code", t("单位", "unit")),
        Column("item_code", t("事项", "item")),
        Column("item_name", t("名称", "name")),
        Column("build_mode", t("建设模式", "build mode")),
        Column("plan_year", t("计划", "plan"), right=True),
        Column("archiving_mode", t("方式", "mode")),
        Column("expected_online", t("应在线", "expected")),
        Column("configured", t("已配置", "configured")),
        Column("findings", t("问题", "findings")),
    ]
    emit_rows(rows, json=json, columns=columns)


def score(
    year: Annotated[int, typer.Option(help=t("年份", "year"), min=FIRST_PLAN_YEAR, max=LAST_PLAN_YEAR)],
    by: Annotated[By, typer.Option(help=t("统计口径", "scope"))] = By.UNIT,
    evidence: Annotated[bool, typer.Option("--evidence", help=t("列出每项扣分的依据", "list what every deduction rests on"))] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Print the score."""
    from consumers.anomalies import anomaly_rows  # noqa: PLC0415 - so that --help is fast
    from consumers.clickhouse import connect, reaching  # noqa: PLC0415
    from consumers.evidence import evidence_rows  # noqa: PLC0415
    from consumers.score import homes, score_rows  # noqa: PLC0415

    settings = load_settings()
    as_of_ms = moment_ms(as_of) if as_of else None
    with reaching(settings):
        client = connect(settings)
        then = None if as_of_ms is None else _then(settings, client, as_of_ms)
        now_ms = settings.make_clock().now_ms() if as_of_ms is None else as_of_ms
        rows = score_rows(client, year=year, by=by.value, now_ms=now_ms, place=settings.policy.score.place, as_of=then)
        if evidence:
            findings = then.findings if then else anomaly_rows(client, state="open")
            held = evidence_rows(findings, year=year, by=by.value, homes=homes(client, year=year, as_of=then))
            rows = [{**row, "evidence": held.get(row["scope"], [])} for row in rows]
    say(assumptions(settings))
    say(_reading(settings))
    emit_rows(rows if json else map(_shown, rows), json=json, columns=_score_columns())
    if evidence and not json:
        _tell_evidence(rows)


def _then(settings: Settings, client: Client, as_of_ms: int) -> Moment:
    from ops.findings_then import as_of_moment  # noqa: PLC0415 - so that --help is fast

    with reading_topics() as tell:
        return as_of_moment(settings, client, as_of_ms, tell)


def suggest(
    case_no: Annotated[str, typer.Argument(help=t("孤立归档的办件号；省略则全部", "case number of the orphan; all if left out"))] = "",
    unit: UnitFilter = "",
    json: Json = False,
) -> None:
    """Print candidates for orphans."""
    from consumers.clickhouse import connect, reaching  # noqa: PLC0415 - so that --help is fast
    from consumers.suggestions import suggestion_rows  # noqa: PLC0415

    settings = load_settings()
    with reaching(settings):
        rows = suggestion_rows(connect(settings), case_no=case_no, unit=unit)
    columns = [
        Column("orphan", t("孤立归档", "orphan")),
        Column("case_no", t("可能的办件", "candidate")),
        Column("unit_code", t("单位", "unit")),
        Column("item_code", t("事项", "item")),
        Column("closed_at", t("办结", "closed")),
        Column("received_at", t("接收", "received")),
        Column("reasons", t("理由", "reasons")),
    ]
    emit_rows(rows, json=json, columns=columns)


def _reading(settings: Settings) -> str:
    place = settings.policy.score.place
    parts = [
        t(
            f"处按{'事项' if place == 'item' else '办件'}计（policy.score.place = {place}），另一种读法并列",
            f"a place is one per {place} and kind (policy.score.place), the other reading beside it",
        ),
        *(t(*assumed) for assumed in ASSUMED),
    ]
    return t("得分的假定（A）：", "assumptions of the score (A): ") + t("；", "; ").join(parts)


def _score_columns() -> list[Column]:
    titles = {
        "config_errors": t("配置错误", "config errors"),
        "unconfigured": t("未配置", "unconfigured"),
        "unarchived": t("未归档", "unarchived"),
        "closed": t("办结", "closed"),
        "completeness": t("完成性 60", "completeness 60"),
        "inaccurate": t("不准确", "inaccurate"),
        "missing_material": t("缺材料", "missing"),
        "quality": t("质量 30", "quality 30"),
        "systems": t("系统", "systems"),
        "bonus": t("加分 10", "bonus 10"),
        "total": t("总分", "total"),
        "total_by_item": t("总分（按事项）", "total by item"),
        "total_by_case": t("总分（按办件）", "total by case"),
        "official": t("通报口径", "official"),
        "divergence": t("差异", "divergence"),
    }
    return [
        Column("scope", t("代码", "scope")),
        Column("name", t("名称", "name")),
        *(Column(name, title, right=True) for name, title in titles.items()),
    ]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    points = ("completeness", "quality", "bonus", "total", "total_by_item", "total_by_case")
    ratios = {name: None if row[name] is None else percent(row[name]) for name in ("official", "divergence")}
    return {**row, **{name: str(rounded(row[name], 2)) for name in points}, **ratios}


def _tell_evidence(rows: list[dict[str, Any]]) -> None:
    columns = [
        Column("scope", t("代码", "scope")),
        Column("kind", t("种类", "kind")),
        Column("subject", t("对象", "subject")),
        Column("item_code", t("事项", "item")),
        Column("detail", t("内容", "detail")),
        Column("waived", t("豁免", "waived")),
        Column("clause", t("依据", "clause")),
    ]
    emit_rows(({"scope": row["scope"], **each} for row in rows for each in row["evidence"]), json=False, columns=columns)
