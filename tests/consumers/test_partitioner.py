"""ClickHouse and producers agree on which partition a case number belongs to."""

from __future__ import annotations

import pytest

from consumers.clickhouse import Client
from streams.partitioner import CLICKHOUSE_NAMES, PARTITIONERS

pytestmark = pytest.mark.clickhouse

KEYS = ["a", "ab", "abc", "abcd", "浙A-2018-000001", "办件号", "|", " ", "0" * 100, *(f"case-{number:06d}" for number in range(1_000))]


@pytest.mark.parametrize("name", PARTITIONERS)
def test_clickhouse_finds_the_partition_of_a_key(client: Client, name: str) -> None:
    """Whatever its length and letters, for either arithmetic and any number of partitions."""
    for partitions in (1, 7, 8, 64):
        sql = f"SELECT arrayJoin({{keys:Array(String)}}) AS key, {CLICKHOUSE_NAMES[name]}(key) % {partitions}"
        found = dict(client.query(sql, parameters={"keys": KEYS}).result_rows)
        assert found == {key: PARTITIONERS[name](key.encode(), partitions) for key in KEYS}
