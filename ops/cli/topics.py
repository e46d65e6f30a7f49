"""``guidang topics``: what ``up`` does for the topics of a local system, for any Kafka."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ops.cli.options import Json
from ops.cli.output import Column, emit_rows, say
from ops.cli.text import t
from ops.topic_layout import wanted_topics
from ops.topics import ensure_topics
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=t("建立缺少的主题，核对已有的主题，并列出。", "Create missing topics, check existing ones, and list them."))(topics)


def topics(json: Json = False) -> None:
    """Create and check the topics."""
    settings = load_settings()
    changes = ensure_topics(settings)
    for deviation in changes.corrected:
        say(t("已更正 ", "corrected ") + str(deviation))
    for deviation in changes.left:
        say(t("保留更久，未改动 ", "kept longer, left alone ") + str(deviation))
    rows = [
        {**asdict(topic), "created": topic.name in changes.created, "cleanup": topic.config["cleanup.policy"]}
        | {"retention_ms": int(topic.config["retention.ms"])}
        for topic in wanted_topics(settings)
    ]
    columns = [
        Column("name", t("主题", "topic")),
        Column("partitions", t("分区", "partitions"), right=True),
        Column("cleanup", t("清理", "cleanup")),
        Column("retention_ms", t("保留（毫秒）", "retention (ms)"), right=True),
        Column("created", t("新建", "created")),
    ]
    emit_rows(rows, json=json, columns=columns)
