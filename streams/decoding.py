"""Reading Avro (specification 1.12, *Binary encoding*): a function for each schema, written out once.

A general reader looks at the schema again for every field of every record. Here what it says becomes Python, field after field, which reads
a state in half the time and an event in three quarters (docs/measurements.md). It reads what is well-formed, and nothing else: at the first
doubt it gives up, and the general reader, which also resolves older schemas, says what is wrong. There is what ``avro/`` uses, as in
:mod:`streams.encoding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

Decode = Callable[[bytes, int], Any]

_MORE = 0x80
"""The bit of a byte of a number that says that another follows."""


class Doubtful(ValueError):
    """Something is not as one would write it: it may be wrong, or merely unusual."""


def decoder(schema: Any) -> Decode:
    """Make the function that reads what :func:`streams.encoding.encoder` of the same schema writes.

    It takes bytes, and where in them the value begins, which ends with them, and raises :class:`Doubtful` where it cannot tell what they
    are. Raises :class:`NotImplementedError` for a schema with a type that is not read here.
    """
    scope: dict[str, Any] = {"long_": _long, "Doubtful": Doubtful}
    lines = _Writer(scope).value(schema, "value")
    text = "".join(f"{line}\n" for line in ("def read(data, at):", *_indented((*lines, "return value, at"))))
    exec(text, scope)  # noqa: S102 - made of a schema of ours
    read = scope["read"]

    def decode(data: bytes, at: int) -> Any:
        try:
            value, end = read(data, at)
        except (LookupError, ValueError) as error:
            raise Doubtful from error
        if end != len(data):  # behind it, too: a text that is cut off has ended there
            raise Doubtful
        return value

    return decode


def _long(data: bytes, at: int, bits: int) -> tuple[int, int]:
    """The number whose first byte, ``bits``, says that more follow, from ``at`` on; not yet out of zigzag form."""
    bits &= 0x7F
    second = data[at]
    if second < _MORE:  # the size of a text of 64 bytes and more
        return bits | second << 7, at + 1
    if at + 4 < len(data):
        third, fourth, fifth, last = data[at + 1], data[at + 2], data[at + 3], data[at + 4]
        if last < _MORE <= min(third, fourth, fifth):  # epoch milliseconds from 1970 to 2039
            bits |= (second & 0x7F) << 7 | (third & 0x7F) << 14 | (fourth & 0x7F) << 21 | (fifth & 0x7F) << 28
            return bits | last << 35, at + 5
    shift = 7
    for byte in data[at : at + 9]:
        at += 1
        if byte < _MORE:
            bits |= byte << shift
            if bits >> 64:
                break
            return bits, at
        bits |= (byte & 0x7F) << shift
        shift += 7
    raise Doubtful


class _Writer:
    """Writes the lines that read a value into a variable.

    Parameters
    ----------
    scope
        Where the lines will find the symbols of enums.
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self._scope = scope
        self._named: dict[str, Any] = {}
        self._numbers = count()

    def value(self, schema: Any, into: str) -> Iterable[str]:
        """Of any type."""
        if isinstance(schema, list):
            return self._optional(schema, into)
        if not isinstance(schema, dict):
            schema = self._named.get(schema, {"type": schema})
        if "name" in schema:
            self._named[schema["name"]] = schema
        kind = schema["type"]
        if kind in _SIMPLE:
            return [line.format(into=into) for line in _SIMPLE[kind]]
        of = {"enum": self._enum, "array": self._array, "map": self._map, "record": self._record}.get(kind)
        if of is None:
            raise _not_read(schema)
        return of(schema, into)

    def _enum(self, schema: Mapping[str, Any], into: str) -> Iterable[str]:
        symbols = self._new("symbols")
        self._scope[symbols] = {number << 1: symbol for number, symbol in enumerate(schema["symbols"])}
        return [*_BITS, f"{into} = {symbols}[bits]"]

    def _array(self, schema: Mapping[str, Any], into: str) -> Iterable[str]:
        item = self._new("item")
        return self._blocks(into, "[]", [*self.value(schema["items"], item), f"{into}.append({item})"])

    def _map(self, schema: Mapping[str, Any], into: str) -> Iterable[str]:
        key, item = self._new("key"), self._new("item")
        return self._blocks(into, "{}", [*self.value("string", key), *self.value(schema["values"], item), f"{into}[{key}] = {item}"])

    def _record(self, schema: Mapping[str, Any], into: str) -> Iterator[str]:
        values = {field["name"]: self._new("value") for field in schema["fields"]}
        for field in schema["fields"]:
            yield from self.value(field["type"], values[field["name"]])
        yield f"{into} = {{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}}"

    def _optional(self, branches: list[Any], into: str) -> Iterator[str]:
        null, *others = branches
        if null != "null" or len(others) != 1:
            raise _not_read(branches)
        yield from ("bits = data[at]", "at += 1", f"if not bits: {into} = None", "elif bits == 2:")
        yield from _indented(self.value(others[0], into))
        yield "else: raise Doubtful"

    def _blocks(self, into: str, empty: str, item: Iterable[str]) -> Iterator[str]:
        yield from (f"{into} = {empty}", "while True:")
        yield from _indented((*_COUNT, "if not bits: break", "for _ in range(bits >> 1):", *_indented(item)))

    def _new(self, name: str) -> str:
        return f"{name}{next(self._numbers)}"


_BITS = ("bits = data[at]", "at += 1", "if bits > 127: bits, at = long_(data, at, bits)")
_COUNT = (*_BITS, "if bits & 1: raise Doubtful")
"""Not below zero."""
_SIZE = (*_COUNT, "end = at + (bits >> 1)")
_NUMBER = (*_BITS, "{into} = bits >> 1 ^ -(bits & 1)")
_SIMPLE = {
    "null": ("{into} = None",),
    "boolean": ("bits = data[at]", "at += 1", "if bits > 1: raise Doubtful", "{into} = bits == 1"),
    "int": _NUMBER,
    "long": _NUMBER,
    "string": (*_SIZE, "{into} = data[at:end].decode()", "at = end"),
    "bytes": (*_SIZE, "{into} = data[at:end]", "at = end"),
}


def _not_read(schema: Any) -> NotImplementedError:
    return NotImplementedError(f"此处不读 not read here: Avro {schema}")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
