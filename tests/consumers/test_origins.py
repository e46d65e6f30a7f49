"""Lives of topics, as the database counts them."""

from __future__ import annotations

import pytest

from consumers.clickhouse import Client
from consumers.origins import _ENTER, _ordinal

pytestmark = pytest.mark.clickhouse


def test_two_sinks_that_enter_a_life_at_once_enter_the_same_number(client: Client) -> None:
    """Both have found nothing, and one comes second: an older row would win if the later number counted after a merge."""
    assert _ordinal(client, "case-state", "first") == 1
    for _ in range(2):
        client.command(_ENTER, parameters={"topic": "case-state", "id": "second"})
    assert _ordinal(client, "case-state", "second") == 2
    client.command("OPTIMIZE TABLE topic_incarnation FINAL")
    found = client.query("SELECT topic_id, ordinal FROM topic_incarnation ORDER BY ordinal").result_rows
    assert found == [("first", 1), ("second", 2)]
    assert _ordinal(client, "case-state", "third") == 3
