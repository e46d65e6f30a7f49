"""Whether a reader's schema reads what a writer's wrote, and whether a later schema still says all that an earlier one said.

:func:`obstacles` follows the Avro specification, *Schema Resolution*, on parsed JSON. :func:`losses` asks for more than the specification:
it lets a renamed or removed field pass when there is a default, and never looks at logical types, so that a subscriber would read
defaults, or seconds for milliseconds, without an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Any
_PROMOTED = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"}}
_NAMED = ("record", "enum", "fixed")


def obstacles(writer: Schema, reader: Schema) -> Iterator[str]:
    """Say what stands in the way of reading; nothing does when nothing is said."""
    yield from _Reading(_definitions(writer), _definitions(reader)).obstacles(writer, reader, "")


def losses(earlier: Schema, later: Schema) -> list[str]:
    """Fields, enum symbols and logical types of an earlier schema that a later one has not, or has otherwise."""
    old, new = dict(_statements(earlier, "", _definitions(earlier), ())), dict(_statements(later, "", _definitions(later), ()))
    return [f"{path}: {said} is now {new.get(path, 'gone')}" for path, said in old.items() if new.get(path) != said]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One writer against one reader; a pair of named types that is being looked at is not looked at again (a type may hold itself)."""

    writer_types: Mapping[str, Schema]
    reader_types: Mapping[str, Schema]
    _open: set[tuple[str, str]] = field(default_factory=set)

    def obstacles(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        writer, reader = _resolved(writer, self.writer_types), _resolved(reader, self.reader_types)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.obstacles(branch, reader, path)
        elif isinstance(reader, list):
            if all(list(self.obstacles(writer, branch, path)) for branch in reader):
                yield f"{path}: no branch of the reader takes {_kind(writer)}"
        elif (wrote := _kind(writer)) != (reads := _kind(reader)):
            if reads not in _PROMOTED.get(wrote, set()):
                yield f"{path}: {wrote} is not read as {reads}"
        elif wrote in _NAMED:
            yield from self._of_named(writer, reader, path)
        elif wrote in {"array", "map"}:
            inside = "items" if wrote == "array" else "values"
            yield from self.obstacles(writer[inside], reader[inside], f"{path}[]")

    def _of_named(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        pair = writer["name"], reader["name"]
        if _short(writer["name"]) not in {_short(name) for name in (reader["name"], *reader.get("aliases", ()))}:
            yield f"{path}: {writer['name']} is not {reader['name']}"
        elif pair not in self._open:
            self._open.add(pair)
            yield from {"record": self._of_record, "enum": self._of_enum, "fixed": self._of_fixed}[_kind(writer)](writer, reader, path)
            self._open.remove(pair)

    def _of_record(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        written = {each["name"]: each for each in writer["fields"]}
        for each in reader["fields"]:
            names = (each["name"], *each.get("aliases", ()))
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self.obstacles(source["type"], each["type"], f"{path}.{each['name']}")
            elif "default" not in each:
                yield f"{path}.{each['name']}: not written, and without a default"

    def _of_enum(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        if not reader.get("default"):
            unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            yield from (f"{path}: symbol {symbol} is unknown, without a default" for symbol in unknown)

    def _of_fixed(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        if writer["size"] != reader["size"]:
            yield f"{path}: {writer['size']} bytes are not read as {reader['size']}"


def _statements(schema: Schema, path: str, types: Mapping[str, Schema], within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What a schema says, by path: which fields there are, of which logical type, and which symbols."""
    schema = _resolved(schema, types)
    if isinstance(schema, list):
        for branch in schema:
            yield from _statements(branch, path, types, within)
        return
    kind = _kind(schema)
    if kind in _NAMED and schema["name"] in within:
        return
    if isinstance(schema, dict) and "logicalType" in schema:
        yield f"{path}#", schema["logicalType"]
    if kind == "enum":
        yield from ((f"{path}={symbol}", "there") for symbol in schema["symbols"])
    elif kind == "record":
        for each in schema["fields"]:
            yield f"{path}.{each['name']}", "there"
            yield from _statements(each["type"], f"{path}.{each['name']}", types, (*within, schema["name"]))
    elif kind in {"array", "map"}:
        yield from _statements(schema["items" if kind == "array" else "values"], f"{path}[]", types, within)


def _definitions(schema: Schema) -> dict[str, Schema]:
    """Every named type that is defined within a schema."""
    found: dict[str, Schema] = {}
    if isinstance(schema, list):
        for branch in schema:
            found |= _definitions(branch)
    elif isinstance(schema, dict):
        if schema.get("type") in _NAMED:
            found[schema["name"]] = schema
        for part in ("type", "items", "values"):
            found |= _definitions(schema.get(part))
        for each in schema.get("fields", ()):
            found |= _definitions(each["type"])
    return found


def _resolved(schema: Schema, types: Mapping[str, Schema]) -> Schema:
    """The type itself, where it is named only, or wrapped as ``{"type": {…}}``."""
    if isinstance(schema, dict) and isinstance(schema["type"], (dict, list)):
        return _resolved(schema["type"], types)
    return types.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Schema) -> str:
    return "union" if isinstance(schema, list) else str(schema["type"] if isinstance(schema, dict) else schema)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
