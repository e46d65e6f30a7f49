"""``guidang doctor``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ops.cli.options import Json
from ops.cli.output import Column, emit_object, emit_rows, say
from ops.cli.text import t
from ops.doctor import Finding, examine_machine, examine_system
from ops.settings_report import Setting, settings_in_force
from streams.errors import ConfigurationError
from streams.settings import load_settings

_FINDINGS = 6


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "检查机器、设置、Kafka、主题与 ClickHouse，并说明该怎么办；有不合格项时退出码 6，设置有误时 3。",
            "Check machine, settings, Kafka, topics and ClickHouse, and say what to do; exit 6 when something fails, 3 for wrong settings.",
        )
    )(doctor)


def doctor(json: Json = False) -> int:
    """Diagnose."""
    findings = list(examine_machine())
    settings: list[Setting] = []
    code = 0
    try:
        loaded = load_settings()
        settings = settings_in_force(loaded)
        findings += examine_system(loaded)
    except ConfigurationError as error:
        findings.append(Finding("settings", "fail", str(error)))
        code = error.exit_code
    if json:
        emit_object({"checks": [asdict(finding) for finding in findings], "settings": [asdict(setting) for setting in settings]})
    else:
        _show(findings, settings)
    failed = [finding for finding in findings if finding.state == "fail"]
    say(t(f"{len(failed)} 项不合格", f"{len(failed)} failed") if failed else t("没有不合格项", "nothing failed"))
    return code or (_FINDINGS if failed else 0)


def _show(findings: list[Finding], settings: list[Setting]) -> None:
    words = {"ok": t("正常", "ok"), "warn": t("注意", "warn"), "fail": t("不合格", "FAIL")}
    columns = [
        Column("check", t("检查", "check")),
        Column("state", t("结果", "state")),
        Column("found", t("实际", "found")),
        Column("remedy", t("办法", "remedy")),
    ]
    emit_rows(({**asdict(finding), "state": words[finding.state]} for finding in findings), json=False, columns=columns)
    if settings:
        named = [Column("name", t("设置", "setting")), Column("value", t("值", "value")), Column("source", t("来源", "source"))]
        emit_rows((asdict(setting) for setting in settings), json=False, columns=named)
