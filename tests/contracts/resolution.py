"""May a reader's schema read what a writer's wrote? The rules of the Avro specification, schema resolution, on parsed JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = Any
_PROMOTED = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"}}
_NAMED = ("record", "enum", "fixed")


def obstacles(writer: Schema, reader: Schema, path: str = "") -> Iterator[str]:
    """Say what stands in the way of reading; nothing does when nothing is said.

    Schemas define each named type where it is used; references by name alone are not followed.
    """
    if isinstance(writer, list):
        for branch in writer:
            yield from obstacles(branch, reader, path)
        return
    if isinstance(reader, list):
        if all(list(obstacles(writer, branch, path)) for branch in reader):
            yield f"{path}: no branch of the reader takes {_kind(writer)}"
        return
    wrote, reads = _kind(writer), _kind(reader)
    if wrote != reads:
        if reads not in _PROMOTED.get(wrote, set()):
            yield f"{path}: {wrote} is not read as {reads}"
        return
    if wrote in _NAMED and _short(writer) != _short(reader):
        yield f"{path}: {writer['name']} is not {reader['name']}"
        return
    yield from _INSIDE.get(wrote, _nothing_inside)(writer, reader, path)


def _nothing_inside(_writer: Schema, _reader: Schema, _path: str) -> Iterator[str]:
    yield from ()


def _enum_obstacles(writer: Schema, reader: Schema, path: str) -> Iterator[str]:
    if not reader.get("default"):
        yield from (
            f"{path}: symbol {symbol} is unknown, without a default" for symbol in writer["symbols"] if symbol not in reader["symbols"]
        )


def _record_obstacles(writer: Schema, reader: Schema, path: str) -> Iterator[str]:
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        names = (field["name"], *field.get("aliases", ()))
        source = next((written[name] for name in names if name in written), None)
        if source is not None:
            yield from obstacles(source["type"], field["type"], f"{path}.{field['name']}")
        elif "default" not in field:
            yield f"{path}.{field['name']}: not written, and without a default"


_INSIDE = {
    "record": _record_obstacles,
    "enum": _enum_obstacles,
    "array": lambda writer, reader, path: obstacles(writer["items"], reader["items"], f"{path}[]"),
    "map": lambda writer, reader, path: obstacles(writer["values"], reader["values"], f"{path}{{}}"),
}


def _kind(schema: Schema) -> str:
    if isinstance(schema, dict):
        return str(schema["type"]) if isinstance(schema["type"], str) else _kind(schema["type"])
    return "union" if isinstance(schema, list) else str(schema)


def _short(schema: Schema) -> str:
    return str(schema["name"]).rpartition(".")[2]
