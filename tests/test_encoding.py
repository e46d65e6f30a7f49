"""What is written is what the specification says, byte for byte, and a value of another schema is refused by its path."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts import topic_contract, topic_names, without_logical_types
from streams.encoding import NotInSchema, encoder

SCHEMAS = [without_logical_types(schema) for name in topic_names() for schema in topic_contract(name).versions.values()]
EDGES = st.sampled_from([sign * (1 << bits) + by for bits in range(62) for sign in (1, -1) for by in (-1, 0, 1)])


def whole(bits: int) -> st.SearchStrategy[int]:
    """Numbers of so many bits, most of them where the number of bytes changes."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return EDGES.filter(lambda number: low <= number <= high) | st.integers(low, high) | st.sampled_from([low, high])


SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": whole(32),
    "long": whole(64),
    "bytes": st.binary(),
    "string": st.text() | st.integers(8180, 8200).map("x".__mul__),
}


def values(schema: Any, named: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Values of a schema; of a record, fields with a default may be missing."""
    if isinstance(schema, list):
        return st.one_of([values(branch, named) for branch in schema])
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "array":
        return st.lists(values(schema["items"], named), max_size=3)
    if kind == "map":
        return st.dictionaries(st.text(), values(schema["values"], named), max_size=3)
    if kind == "enum":
        named[schema["name"]] = st.sampled_from(schema["symbols"])
    elif kind == "record":
        fields = {field["name"]: (values(field["type"], named), "default" in field) for field in schema["fields"]}
        named[schema["name"]] = st.fixed_dictionaries(
            {name: of for name, (of, optional) in fields.items() if not optional},
            optional={name: of for name, (of, optional) in fields.items() if optional},
        )
    return SIMPLE[kind] if kind in SIMPLE else named[schema["name"] if isinstance(schema, dict) else schema]


def by_library(schema: Any, value: Any) -> bytes:
    """As fastavro writes it."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema, named_schemas={}), value)
    return body.getvalue()


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["name"].rpartition(".")[2])
@given(st.data())
def test_every_schema_is_written_as_a_general_library_writes_it(schema: Any, data: st.DataObject):
    """The library has the schema from the same file, and none of this code."""
    value = data.draw(values(schema, {}))
    assert encoder(schema)(value) == by_library(schema, value)


@given(whole(64))
def test_a_number_is_as_long_as_it_must_be(number: int):
    """Each way through the writing of numbers: one or two bytes, a time, all others."""
    assert encoder("long")(number) == by_library("long", number)


@pytest.mark.parametrize(("kind", "bits"), [("int", 32), ("long", 64)])
@pytest.mark.parametrize("beyond", [0, 1, 1 << 70])
def test_a_number_beyond_its_type_is_refused(kind: str, bits: int, beyond: int):
    """A reader would take it for another one."""
    write = encoder({"type": "record", "name": "R", "fields": [{"name": "n", "type": kind}]})
    for number in ((1 << bits - 1) + beyond, -(1 << bits - 1) - 1 - beyond):
        with pytest.raises(NotInSchema, match=f"n: int 不合 is none of {kind}"):
            write({"n": number})


WRONG: dict[str, list[Any]] = {
    "null": [0, "", False],
    "boolean": [None, 2, "true", []],
    "int": [None, "1", 1.0, 1e12, 1.5e30, []],
    "long": [None, "1", 1.0, 1e12, 1.5e30, []],
    "bytes": [None, "b", 7, []],
    "string": [None, b"s", 7, ["s"], "\ud800"],
    "array": [None, "ab", b"", "", 0, {}, [1], ["a", None]],
    "map": [None, "", [], 0, {"a": "1"}, {1: 1}],
    "enum": [None, "", "C", 0, ["A"]],
    "record": [None, "", "s", [], ["s"], {}, {"s": None}],
}
COMPLEX: dict[str, Any] = {
    "array": {"type": "array", "items": "string"},
    "map": {"type": "map", "values": "long"},
    "enum": {"type": "enum", "name": "E", "symbols": ["A", "B"]},
    "record": {"type": "record", "name": "S", "fields": [{"name": "s", "type": "string"}]},
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, of in WRONG.items() for value in of], ids=repr)
def test_a_value_of_another_type_is_refused_by_its_path_and_stays_unsaid(kind: str, value: Any):
    """What is written instead would be read as something else; and a value may name an applicant."""
    inner = {"type": "record", "name": "I", "fields": [{"name": "f", "type": COMPLEX.get(kind, kind)}]}
    write = encoder({"type": "record", "name": "O", "fields": [{"name": "each", "type": {"type": "array", "items": inner}}]})
    with pytest.raises(NotInSchema, match=r"^each\.f(\.s)?: ") as caught:
        write({"each": [{"f": value}]})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_field_without_value_and_default_is_named():
    """And one with a default has it."""
    fields = [{"name": "a", "type": "string", "default": "x"}, {"name": "b", "type": ["null", "long"]}]
    write = encoder({"type": "record", "name": "R", "fields": fields})
    assert write({"b": None}) == b"\x02x\x00"
    with pytest.raises(NotInSchema, match=r"^b: 没有值"):
        write({"a": "x"})


@pytest.mark.parametrize(
    "schema",
    ["double", {"type": "fixed", "name": "F", "size": 4}, ["null", "long", "string"], ["long", "null"], ["null", "Unknown"]],
    ids=repr,
)
def test_a_type_that_is_not_written_is_refused_before_anything_is(schema: Any):
    """When the function is made: when the process starts."""
    with pytest.raises(NotImplementedError, match="not written here"):
        encoder({"type": "record", "name": "R", "fields": [{"name": "f", "type": schema}]})
