"""The resolver itself: what each change of a schema does to its readers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.resolution import obstacles


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    """A record with these fields."""
    return {"type": "record", "name": "R", "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    """A field."""
    return {"name": name, "type": kind} | more


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    """An enum."""
    return {"type": "enum", "name": "E", "symbols": list(symbols)} | more


OLD = record(field("a", "string"))


@pytest.mark.parametrize(
    ("old", "new", "new_reads_old", "old_reads_new"),
    [
        (OLD, OLD, True, True),
        (OLD, record(field("a", "string"), field("b", "int", default=0)), True, True),
        (OLD, record(field("a", "string"), field("b", "int")), False, True),
        (record(field("a", "string"), field("b", "int", default=0)), OLD, True, True),
        (record(field("a", "string"), field("b", "int")), OLD, True, False),
        (OLD, record(field("z", "string", aliases=["a"])), True, False),
        (record(field("a", "int")), record(field("a", "long")), True, False),
        (record(field("a", "int")), record(field("a", "string")), False, False),
        (record(field("a", "long")), record(field("a", ["null", "long"], default=None)), True, False),
        (record(field("a", enum("X"))), record(field("a", enum("X", "Y"))), True, False),
        (record(field("a", enum("X", "U", default="U"))), record(field("a", enum("X", "U", "Y", default="U"))), True, True),
        (record(field("a", {"type": "array", "items": "int"})), record(field("a", {"type": "array", "items": "long"})), True, False),
        (record(field("a", {"type": "map", "values": "int"})), record(field("a", {"type": "map", "values": "string"})), False, False),
        (record(field("a", {"type": "long", "logicalType": "timestamp-millis"})), record(field("a", "long")), True, True),
    ],
)
def test_each_change_is_readable_in_the_directions_of_the_specification(old: Any, new: Any, new_reads_old: bool, old_reads_new: bool):
    """Backward: the new schema reads old data; forward: the old one reads new data."""
    assert (not list(obstacles(old, new)), not list(obstacles(new, old))) == (new_reads_old, old_reads_new)
