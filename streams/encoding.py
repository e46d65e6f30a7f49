"""Writing Avro (specification 1.12, *Binary encoding*): a function for each type of a schema, put together once.

Most of what a worker publishes are states of thirty fields and more. A general writer looks up each in the schema, record after record;
here that is done once, when the function is made. There is what ``avro/`` uses: no float, double or fixed, no type within itself, and
unions of null and one other type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import call
from typing import Any

Encode = Callable[[Any], bytes]

_FURTHER = tuple(bytes((bits & 0x7F | 0x80, bits >> 7 | 0x80)) for bits in range(1 << 14))
"""The two bytes of fourteen bits, with more to come."""
_LAST = tuple(bytes((bits,)) if bits < 1 << 7 else bytes((bits & 0x7F | 0x80, bits >> 7)) for bits in range(1 << 14))
"""The last byte or two of a number."""
_SMALL = _LAST[::2]
"""The numbers from 0, whole: their zigzag form is their double."""


class NotInSchema(ValueError):
    """A value is none of its schema's; says where and what belongs there, and not the value, which may name an applicant."""


def encoder(schema: Any) -> Encode:
    """Make the function that writes the values of a schema.

    Parameters
    ----------
    schema
        As ``fastavro.parse_schema`` gives it; logical types are not looked at: times are the integers they are on the wire.

    Returns
    -------
    Encode
        A value to its bytes. Fields of a record that have a default may be left out. Raises :class:`NotInSchema`.

    Raises
    ------
    NotImplementedError
        The schema has a type that is not written here.
    """
    return _encoder(schema, {})


def _encoder(schema: Any, named: dict[str, Encode]) -> Encode:
    if isinstance(schema, list):
        return _optional(schema, named)
    if not isinstance(schema, dict):
        schema = {"type": schema}
    match schema["type"]:
        case str(kind) if encode := _SIMPLE.get(kind) or named.get(kind):
            return encode
        case "array":
            return _array(_encoder(schema["items"], named))
        case "map":
            return _map(_encoder(schema["values"], named))
        case "enum":
            encode = named[schema["name"]] = {symbol: _long(number) for number, symbol in enumerate(schema["symbols"])}.__getitem__
            return encode
        case "record":
            encode = named[schema["name"]] = _record(schema["fields"], named)
            return encode
    raise _not_written(schema)


def _whole(bits: int) -> Encode:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    six_bytes_below = min(1 << 41, high)

    def encode(number: int) -> bytes:
        if 0 <= number < 1 << 13:
            return _SMALL[number]
        rest = number << 1
        if 1 << 27 <= number < six_bytes_below:  # epoch milliseconds until 2039, without a loop
            return _FURTHER[rest & (1 << 14) - 1] + _FURTHER[rest >> 14 & (1 << 14) - 1] + _LAST[rest >> 28]
        if not low <= number <= high:
            raise OverflowError
        if number < 0:
            rest = ~rest
        further = b""
        while rest >= 1 << 14:
            further += _FURTHER[rest & (1 << 14) - 1]
            rest >>= 14
        return further + _LAST[rest]

    return encode


_int, _long = _whole(32), _whole(64)


def _bytes(value: bytes) -> bytes:
    return _long(len(value)) + value


def _string(text: str) -> bytes:
    value = text.encode()
    size = len(value)
    return (_SMALL[size] if size < 1 << 13 else _long(size)) + value


_SIMPLE: dict[str, Encode] = {
    "null": {None: b""}.__getitem__,
    "boolean": {False: b"\x00", True: b"\x01"}.__getitem__,
    "int": _int,
    "long": _long,
    "bytes": _bytes,
    "string": _string,
}


def _optional(branches: Sequence[Any], named: dict[str, Encode]) -> Encode:
    null, *others = branches
    if null != "null" or len(others) != 1:
        raise _not_written(branches)
    of = _encoder(others[0], named)
    return lambda value: b"\x00" if value is None else b"\x02" + of(value)


def _array(of: Encode) -> Encode:
    def encode(items: Sequence[Any]) -> bytes:
        if not isinstance(items, (list, tuple)):
            raise TypeError
        if not items:
            return b"\x00"
        return b"".join([_long(len(items)), *map(of, items), b"\x00"])

    return encode


def _map(of: Encode) -> Encode:
    def encode(entries: Mapping[str, Any]) -> bytes:
        if not isinstance(entries, dict):
            raise TypeError
        if not entries:
            return b"\x00"
        return b"".join([_long(len(entries)), *(_string(key) + of(value) for key, value in entries.items()), b"\x00"])

    return encode


def _record(fields: Sequence[Mapping[str, Any]], named: dict[str, Encode]) -> Encode:
    encoders = {field["name"]: _encoder(field["type"], named) for field in fields}
    defaults = {field["name"]: field["default"] for field in fields if "default" in field}
    types = {field["name"]: field["type"] for field in fields}
    names, every = tuple(encoders), tuple(encoders.values())

    def encode(record: Mapping[str, Any]) -> bytes:
        try:
            return b"".join(map(call, every, map(record.__getitem__, names)))
        except Exception:  # noqa: BLE001 - a default is wanted, or a value is wrong: one by one shows which
            return b"".join([one(name, record) for name in encoders])

    def one(name: str, record: Mapping[str, Any]) -> bytes:
        if name not in record and name not in defaults:
            raise NotInSchema(f"{name}: 没有值，也没有默认值 no value, and no default")
        value = record[name] if name in record else defaults[name]
        try:
            return encoders[name](value)
        except NotInSchema as error:
            raise NotInSchema(f"{name}.{error}") from None
        except Exception:  # noqa: BLE001 - whatever a wrong value leads to, which may be in the error's own words
            raise NotInSchema(f"{name}: {type(value).__name__} 不合 is none of {_said(types[name])}") from None

    return encode


def _not_written(schema: Any) -> NotImplementedError:
    return NotImplementedError(f"此处不写 not written here: Avro {schema}")


def _said(schema: Any) -> str:
    """A type in a few words."""
    if isinstance(schema, list):
        return " | ".join(map(_said, schema))
    if isinstance(schema, str):
        return schema
    return f"enum ({', '.join(schema['symbols'])})" if schema["type"] == "enum" else _said(schema["type"])
