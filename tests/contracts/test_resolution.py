"""The check itself: what each change of a schema does to its readers, held against what a real Avro library then reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest

from tests.contracts.resolution import losses, obstacles


def record(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A record with these fields."""
    return {"type": "record", "name": "R", "fields": list(fields)} | more


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    """A field."""
    return {"name": name, "type": kind} | more


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    """An enum."""
    return {"type": "enum", "name": "E", "symbols": list(symbols)} | more


def fixed(size: int) -> dict[str, Any]:
    """A fixed."""
    return {"type": "fixed", "name": "F", "size": size}


def part(*fields: dict[str, Any]) -> dict[str, Any]:
    """A record within another."""
    return {"type": "record", "name": "P", "fields": list(fields)}


TIME = {"type": "long", "logicalType": "timestamp-millis"}
OLD = record(field("a", "string"))
X, XY, XU, XUY = enum("X"), enum("X", "Y"), enum("X", "U", default="U"), enum("X", "U", "Y", default="U")
A, AB = record(field("a", "string")), record(field("a", "string"), field("b", "int", default=0))
EVOLUTIONS: dict[str, tuple[Any, Any, bool, bool]] = {
    "nothing": (OLD, OLD, True, True),
    "a field more, with a default": (A, AB, True, True),
    "a field more, without": (A, record(field("a", "string"), field("b", "int")), False, True),
    "a field less that had a default": (AB, A, True, True),
    "a field less that had none": (record(field("a", "string"), field("b", "int")), A, True, False),
    "a field renamed": (OLD, record(field("z", "string")), False, False),
    "a field renamed, the old name an alias": (OLD, record(field("z", "string", aliases=["a"])), True, False),
    "fields in another order": (AB, record(*reversed(AB["fields"])), True, True),
    "a default changed": (AB, record(field("a", "string"), field("b", "int", default=9)), True, True),
    "int to long": (record(field("a", "int")), record(field("a", "long")), True, False),
    "int to double": (record(field("a", "int")), record(field("a", "double")), True, False),
    "long to float": (record(field("a", "long")), record(field("a", "float")), True, False),
    "float to double": (record(field("a", "float")), record(field("a", "double")), True, False),
    "string to bytes": (record(field("a", "string")), record(field("a", "bytes")), True, True),
    "int to string": (record(field("a", "int")), record(field("a", "string")), False, False),
    "boolean to int": (record(field("a", "boolean")), record(field("a", "int")), False, False),
    "a field that may be null": (record(field("a", "long")), record(field("a", ["null", "long"], default=None)), True, False),
    "a branch more": (record(field("a", ["null", "int"])), record(field("a", ["null", "int", "string"])), True, False),
    "a branch less": (record(field("a", ["null", "int", "string"])), record(field("a", ["null", "int"])), False, True),
    "a symbol more": (record(field("a", X)), record(field("a", XY)), True, False),
    "a symbol more, with a default": (record(field("a", XU)), record(field("a", XUY)), True, True),
    "a symbol less": (record(field("a", XY)), record(field("a", X)), False, True),
    "a symbol less, with a default": (record(field("a", XUY)), record(field("a", XU)), True, True),
    "a field's default does not stand for a symbol": (record(field("a", XY)), record(field("a", X, default="X")), False, True),
    "items widened": (
        record(field("a", {"type": "array", "items": "int"})),
        record(field("a", {"type": "array", "items": "long"})),
        True,
        False,
    ),
    "values of another type": (
        record(field("a", {"type": "map", "values": "int"})),
        record(field("a", {"type": "map", "values": "string"})),
        False,
        False,
    ),
    "an array instead of a map": (
        record(field("a", {"type": "map", "values": "int"})),
        record(field("a", {"type": "array", "items": "int"})),
        False,
        False,
    ),
    "a logical type gone": (record(field("a", TIME)), record(field("a", "long")), True, True),
    "a fixed of another size": (record(field("a", fixed(4))), record(field("a", fixed(5))), False, False),
    "another record": (record(field("a", "int")), record(field("a", "int"), name="Q"), False, False),
    "a field more within a part": (
        record(field("p", part(field("a", "int")))),
        record(field("p", part(field("a", "int"), field("b", "int")))),
        False,
        True,
    ),
    "a field more within a part that is named a second time": (
        record(field("n", ["null", part(field("a", "int"))], default=None), field("p", "P")),
        record(field("n", ["null", part(field("a", "int"), field("b", "int"))], default=None), field("p", "P")),
        False,
        True,
    ),
    "a part within an array that became wider": (
        record(field("p", {"type": "array", "items": part(field("a", "int"))})),
        record(field("p", {"type": "array", "items": part(field("a", "long"))})),
        True,
        False,
    ),
}


def values(schema: Any, types: dict[str, Any]) -> Iterator[Any]:
    """Values that between them take every symbol and every branch of a schema."""
    if isinstance(schema, list):
        for branch in schema:
            yield from values(branch, types)
        return
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        types[schema["name"]] = schema
        choices = [list(values(each["type"], types)) for each in schema["fields"]]
        for number in range(max(map(len, choices), default=0)):
            yield {each["name"]: of[number % len(of)] for each, of in zip(schema["fields"], choices, strict=True)}
    elif kind == "enum":
        yield from schema["symbols"]
    elif kind == "array":
        yield from ([value] for value in values(schema["items"], types))
    elif kind == "map":
        yield from ({"k": value} for value in values(schema["values"], types))
    elif kind == "fixed":
        yield bytes(schema["size"])
    elif kind in types:
        yield from values(types[kind], types)
    else:
        yield {"string": "s", "bytes": b"b", "boolean": True, "null": None, "float": 1.5, "double": 1.5}.get(kind, 7)


def library_reads(old: Any, new: Any) -> bool:
    """Whether fastavro reads, with one schema, everything that the other can write."""
    writer, reader = (fastavro.parse_schema(schema, named_schemas={}) for schema in (old, new))
    for value in values(old, {}):
        body = io.BytesIO()
        fastavro.schemaless_writer(body, writer, value)
        body.seek(0)
        try:
            fastavro.schemaless_reader(body, writer, reader)
        except Exception:  # noqa: BLE001 - it raises whatever the difference leads it to
            return False
    return True


@pytest.mark.parametrize(("old", "new", "new_reads_old", "old_reads_new"), EVOLUTIONS.values(), ids=EVOLUTIONS)
def test_each_change_is_readable_in_the_directions_of_the_specification(old: Any, new: Any, new_reads_old: bool, old_reads_new: bool):
    """Backward: the new schema reads old data; forward: the old one reads new data."""
    assert (not list(obstacles(old, new)), not list(obstacles(new, old))) == (new_reads_old, old_reads_new)


@pytest.mark.parametrize(("old", "new", "new_reads_old", "old_reads_new"), EVOLUTIONS.values(), ids=EVOLUTIONS)
def test_a_real_library_reads_what_the_check_allows_and_no_more(old: Any, new: Any, new_reads_old: bool, old_reads_new: bool):
    """So the expectations above are those of Avro, not ours."""
    assert (library_reads(old, new), library_reads(new, old)) == (new_reads_old, old_reads_new)


def test_a_type_that_holds_itself_is_compared_once():
    """A tree, its leaves widened."""
    old, new = (record(field("of", kind), field("left", ["null", "R"], default=None)) for kind in ("int", "long"))
    assert list(obstacles(old, new)) == []
    assert list(obstacles(new, old)) == [".of: long is not read as int"]
    assert losses(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (AB, A, [".b: there is now gone"]),
        (AB, record(field("a", "string"), field("c", "int", default=0, aliases=["b"])), [".b: there is now gone"]),
        (record(field("a", XUY)), record(field("a", XU)), [".a=Y: there is now gone"]),
        (record(field("a", TIME)), record(field("a", "long")), [".a#: timestamp-millis is now gone"]),
        (
            record(field("a", ["null", TIME], default=None)),
            record(field("a", ["null", {"type": "long", "logicalType": "timestamp-micros"}], default=None)),
            [".a#: timestamp-millis is now timestamp-micros"],
        ),
        (
            record(field("n", ["null", part(field("a", "int"), field("b", "int", default=0))], default=None), field("p", "P")),
            record(field("n", ["null", part(field("a", "int"))], default=None), field("p", "P")),
            [".n.b: there is now gone", ".p.b: there is now gone"],
        ),
        (A, AB, []),
        (record(field("a", XU)), record(field("a", XUY)), []),
    ],
)
def test_what_avro_lets_pass_and_a_subscriber_would_miss_is_a_loss(old: Any, new: Any, lost: list[str]):
    """Each of these reads without an error, and means something else."""
    assert list(obstacles(old, new)) == []
    assert losses(old, new) == lost
