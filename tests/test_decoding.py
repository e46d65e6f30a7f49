"""What is read is what a general library reads, to the last byte; what is not as one would write it is left to that library."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts import codec
from streams.decoding import Doubtful, decoder
from streams.encoding import encoder
from tests.test_encoding import SCHEMAS, values, whole

FRAME = b"frame"


def by_library(schema: Any, data: bytes) -> tuple[Any, int]:
    """The value, and where it ends."""
    body = io.BytesIO(data)
    return fastavro.schemaless_reader(body, schema, None), body.tell()


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["name"].rpartition(".")[2])
@given(st.data())
def test_every_schema_is_read_as_a_general_library_reads_it(schema: Any, data: st.DataObject) -> None:
    """From behind the frame on; nobody gives up on what was written by the book."""
    written = encoder(schema)(data.draw(values(schema, {})))
    assert (decoder(schema)(FRAME + written, len(FRAME)), len(written)) == by_library(schema, written)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["name"].rpartition(".")[2])
@given(st.data())
def test_damaged_bytes_are_read_as_the_library_reads_them_or_not_at_all(schema: Any, data: st.DataObject) -> None:
    """A byte changed, bytes cut out, put in or cut off."""
    written = encoder(schema)(data.draw(values(schema, {})))
    at, until = sorted(data.draw(st.tuples(st.integers(0, len(written)), st.integers(0, len(written)))))
    damaged = written[:at] + data.draw(st.binary(max_size=3)) + written[until:]
    try:
        found = decoder(schema)(damaged, 0)
    except Doubtful:
        return
    assert (found, len(damaged)) == by_library(schema, damaged)


@given(whole(64))
def test_a_number_is_read_whatever_its_length(number: int) -> None:
    """From one byte to ten."""
    assert decoder("long")(encoder("long")(number), 0) == number


@pytest.mark.parametrize("size", [0, 1, 63, 64, 10_000])
def test_a_list_is_read_whatever_its_length(size: int) -> None:
    """Where the count takes one byte, two, three."""
    schema = {"type": "array", "items": {"type": "map", "values": ["null", "bytes"]}}
    items = [{"": None, str(number): b"x" * (number % 100)} for number in range(size)]
    assert decoder(schema)(encoder(schema)(items), 0) == items


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ("long", b""),
        ("long", b"\x80"),
        ("long", b"\x80" * 10 + b"\x01"),
        ("long", b"\xff" * 9 + b"\x7f"),
        ("long", b"\x02\x02"),
        ("boolean", b"\x02"),
        ("string", b"\x01"),
        ("string", b"\x04a"),
        ("string", b"\x02\xff"),
        ("bytes", b"\x04a"),
        (["null", "long"], b"\x04\x02"),
        (["null", "long"], b"\x01\x02"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01"),
        ({"type": "array", "items": "long"}, b"\x01\x02\x02\x00"),
        ({"type": "array", "items": "long"}, b"\x02\x02"),
        ({"type": "record", "name": "R", "fields": [{"name": "s", "type": "string"}, {"name": "b", "type": "boolean"}]}, b"\x06ab"),
    ],
    ids=repr,
)
def test_at_the_first_doubt_nothing_is_read(schema: Any, data: bytes) -> None:
    """Cut off, too long, below zero, out of range; and a count with a size before it, which is right, and nobody here writes."""
    with pytest.raises(Doubtful):
        decoder(schema)(data, 0)


@pytest.mark.parametrize(
    "schema", ["float", ["long", "null"], ["null", "long", "string"], {"type": "fixed", "name": "F", "size": 2}], ids=repr
)
def test_a_type_that_is_not_read_here_is_told_when_the_function_is_made(schema: Any) -> None:
    """And not with the first record that has one."""
    with pytest.raises(NotImplementedError, match="not read here"):
        decoder(schema)


def test_a_block_with_its_size_is_read_by_the_codec() -> None:
    """As the Avro library of Java writes long lists: what is doubtful is not refused."""
    topic = codec("archive-received")
    texts = dict.fromkeys(("event_id", "archive_no", "case_no", "item_code", "unit_code", "title"), "x")
    written = topic.encode({**texts, "received_at": 1, "receipt": "ACCEPTED", "materials": []})
    material = b"".join([encoder("long")(2), *map(encoder("string"), ("n", "c")), encoder("long")(1), encoder("string")("")])
    assert written.endswith(b"\x00")
    sized = written[:-1] + b"\x01" + encoder("long")(len(material)) + material + b"\x00"
    assert [each["name"] for each in topic.decode(sized)["materials"]] == ["n"]
