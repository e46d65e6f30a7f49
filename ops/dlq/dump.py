"""A dead letter's bytes and fields for people. Free text goes by its length unless it is asked for: titles hold applicants' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.terminal import printable
from streams.contracts import topic_contract

SHOWN_BYTES = 512
_PER_LINE = 16


def hex_dump(data: bytes, limit: int = SHOWN_BYTES) -> list[str]:
    """Lines of offset, hexadecimal and printable ASCII, of the first ``limit`` bytes."""
    lines = []
    for start in range(0, min(len(data), limit), _PER_LINE):
        part = data[start : min(start + _PER_LINE, limit)]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        lines.append(f"{start:06x}  {part.hex(' '):<{_PER_LINE * 3 - 1}}  {shown}")
    return lines


def text_of(data: bytes, limit: int = SHOWN_BYTES) -> str:
    """The first ``limit`` bytes as UTF-8, what is none, or not printable, replaced."""
    return printable(data[:limit].decode(errors="replace"))


def field_shapes(topic: str, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name of each field with its value, or of free text and lists with their length.

    Numbers, times, dates, truths and symbols of an enumeration cannot name anybody. Any text can, in a record that was refused:
    columns that slipped are among the reasons.
    """
    (*_, schema) = topic_contract(topic).versions.values()
    symbols = {field["name"] for field in schema["fields"] if _is_enum(field["type"])}
    return [_shape(name, value, symbol=name in symbols) for name, value in record.items()]


def _is_enum(declared: Any) -> bool:
    return isinstance(declared, dict) and declared.get("type") == "enum"


def _shape(name: str, value: Any, *, symbol: bool) -> dict[str, Any]:
    if isinstance(value, str) and not symbol:
        return {"field": name, "bytes": len(value.encode())}
    if isinstance(value, list):
        return {"field": name, "entries": len(value)}
    return {"field": name, "value": value}
