"""The configuration of a real ClickHouse server: the engine understands the statements in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from defusedxml.ElementTree import parse

from consumers.clickhouse import Client

FOLDER = Path(__file__).resolve().parents[2] / "ops" / "clickhouse"
pytestmark = pytest.mark.clickhouse


def test_the_engine_understands_grants_and_settings(client: Client) -> None:
    """Each grant is parsed (in the file it needs no grantee) and comes back as it was; each setting of a profile is one."""
    users = parse(FOLDER / "users.xml").getroot()
    grants = [f"{query.text} TO somebody" for query in users.iter("query")]
    assert len(grants) == 2
    for grant in grants:
        assert client.query("SELECT formatQuerySingleLine({text:String})", parameters={"text": grant}).first_row == (grant,)
    known = {name for (name,) in client.query("SELECT name FROM system.settings").result_rows}
    assert {setting.tag for profile in users.find("profiles") for setting in profile} - {"constraints"} <= known


def test_the_engine_understands_how_long_a_log_is_kept(client: Client) -> None:
    """The expressions of ``ttl``."""
    expressions = [element.text for element in parse(FOLDER / "server.xml").getroot().iter("ttl")]
    assert len(expressions) == 2
    for expression in expressions:
        client.command(f"CREATE TABLE kept (event_date Date) ENGINE = MergeTree ORDER BY event_date TTL {expression}")
        client.command("DROP TABLE kept SYNC")
