"""One column of a file -> the value its Avro field takes.

The readers are made from the topic's schema, so that a new field needs no word here. CSV gives text, JSON gives values of its own types;
times become epoch milliseconds and dates days since 1970, as :class:`streams.contracts.Codec` takes them. What workers check beside that,
:mod:`ops.judge` does; checked here as well is what is told better by its column.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ops.publish.json_text import BadJson, load_json
from streams.contracts import topic_contract
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.time import EARLIEST_MS, LATEST_MS

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_BOUNDED = frozenset({"closed_at", "received_at"})
_PLAN_YEAR = "plan_year"
_BITS = {"int": 31, "long": 63}
_SHOWN = 40
_LONGEST_HEADING = 20
_NUMBERED = re.compile(r"\d{7}")

Reader = Callable[[Any], Any]


class Unreadable(Exception):
    """A value that is not what its column holds.

    Parameters
    ----------
    found, expected
        Safe to print: see :func:`shown`.
    inside
        Where in a nested value, such as ``[2].byte_size``.
    """

    def __init__(self, found: str, expected: str, inside: str = "") -> None:
        super().__init__(f"{inside}: {found}, expected {expected}")
        self.found = found
        self.expected = expected
        self.inside = inside


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Parameters
    ----------
    required
        The schema gives no default.
    from_text
        Reads what a CSV holds; None where the text is the value.
    from_json
        Reads what a JSON object holds.
    filled
        Empty text is refused: the record could not be told from others, or found again.
    """

    name: str
    required: bool
    from_text: Reader | None
    from_json: Reader
    filled: bool


def fields_of(topic: str) -> dict[str, Field]:
    """Columns of an input topic, by name, in the order of its latest schema."""
    contract = topic_contract(topic)
    schema = list(contract.versions.values())[-1]
    filled = {"event_id", *contract.key_fields}
    return {field["name"]: _field(field, filled=field["name"] in filled) for field in schema["fields"]}


def shown(value: Any) -> str:
    """Name a value without naming an applicant: a row whose columns slipped has a title where a time belongs.

    Short values of Latin letters, digits and signs are shown as they are (full-width ones too); of others, only the length, and of
    those with so many digits in a row as a telephone or an identity card has.
    """
    if value == "":
        return "空 nothing"
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value[: _SHOWN + 1])  # that can only be longer, where it is ASCII
        harmless = plain.isascii() and plain.isprintable() and len(plain) <= _SHOWN and not _NUMBERED.search(plain)
        return repr(value) if harmless else f"{len(value)} 个字符 characters"
    if isinstance(value, (int, float)) and _NUMBERED.search(str(value)):
        return f"{len(str(value))} 位的数 a number of so many digits"
    if isinstance(value, bool | int | float) or value is None:
        return orjson.dumps(value).decode() if not isinstance(value, int) or abs(value) < 1 << 63 else "a huge number"
    return {"list": "一个数组 an array", "dict": "一个对象 an object"}.get(type(value).__name__, type(value).__name__)


def heading_shown(name: str) -> str:
    """Name a column as its file does, in Chinese too; what is no heading, such as what a quotation mark took in, is shown as any value."""
    is_heading = len(name) <= _LONGEST_HEADING and name.isprintable() and not _NUMBERED.search(name)
    return repr(name) if is_heading else shown(name)


def _field(declared: Mapping[str, Any], *, filled: bool) -> Field:
    name, schema = declared["name"], declared["type"]
    from_text, from_json = _text_reader(schema), _json_reader(schema)
    if name in _BOUNDED:
        from_text, from_json = _bounded(from_text), _bounded(from_json)
    if name == _PLAN_YEAR:
        from_text, from_json = _planned(from_text), _planned(from_json)
    if filled:
        from_text, from_json = _nonempty(from_text), _nonempty(from_json)
    plain = schema == "string" and not filled and declared.get("default", "") == ""
    return Field(name, "default" not in declared, None if plain else from_text, from_json, filled)


def _text_reader(schema: Any) -> Reader:
    if isinstance(schema, list):
        inner = _text_reader(next(branch for branch in schema if branch != "null"))
        return lambda text: inner(text) if text else None
    kind, logical = _kind(schema)
    simple: Mapping[str, Reader] = {
        "timestamp-millis": _instant,
        "date": _day,
        "int": lambda text: _whole_number(text, 31),
        "long": lambda text: _whole_number(text, 63),
        "boolean": _truth,
        "string": lambda text: text,
        "enum": lambda text: _symbol(text, schema["symbols"]),
    }
    return simple.get(logical or kind) or _nested(_json_reader(schema))


def _nested(of_value: Reader) -> Reader:
    def read(text: str) -> Any:
        try:
            value = load_json(text)
        except BadJson as error:
            raise Unreadable(f"JSON: {error}", "JSON 文本 JSON text") from error
        return of_value(value)

    return read


def _json_reader(schema: Any) -> Reader:
    if isinstance(schema, list):
        inner = _json_reader(next(branch for branch in schema if branch != "null"))
        return lambda value: None if value is None else inner(value)
    kind, logical = _kind(schema)
    if kind == "array":
        return _array(_json_reader(schema["items"]))
    if kind == "record":
        return _record({part["name"]: _field(part, filled=False) for part in schema["fields"]})
    if kind == "boolean":
        return lambda value: _typed(value, bool, "true / false")
    if kind in _BITS and not logical:
        return lambda value: _fits(_typed(value, int, "整数 a whole number"), _BITS[kind])
    of_text = _text_reader(schema)
    return lambda value: of_text(_typed(value, str, "文本 text"))


def _kind(schema: Any) -> tuple[str, str]:
    return (schema["type"], schema.get("logicalType", "")) if isinstance(schema, dict) else (schema, "")


def _typed(value: Any, kind: type, expected: str) -> Any:
    if type(value) is not kind:  # a JSON true is no number
        raise Unreadable(shown(value), expected)
    return value


def _instant(text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(shown(text), "ISO-8601 时间 an ISO-8601 time, 2018-03-05T10:07:00+08:00") from error
    if moment.tzinfo is None:
        raise Unreadable(shown(text), "带时区的时间 a time with its offset, 2018-03-05T10:07:00+08:00")
    return (moment - _EPOCH) // _MILLISECOND


def _day(text: str) -> int:
    try:
        return dt.date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise Unreadable(shown(text), "日期 a date, 2018-03-05") from error


def _whole_number(text: str, bits: int) -> int:
    if not text.removeprefix("-").isdecimal():  # int() takes "1_0" and blanks too
        raise Unreadable(shown(text), "整数 a whole number")
    return _fits(int(text), bits) if len(text) <= 20 else _fits(1 << 64, bits)  # noqa: PLR2004  no long has more digits


def _fits(number: int, bits: int) -> int:
    if not -(1 << bits) <= number < 1 << bits:
        raise Unreadable("超出范围的数 a number out of range", f"{bits + 1} 位整数 a whole number of {bits + 1} bits")
    return number


def _truth(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError as error:
        raise Unreadable(shown(text), "true / false") from error


def _symbol(text: str, symbols: list[str]) -> str:
    if text not in symbols:
        raise Unreadable(shown(text), " / ".join(symbols))
    return text


def _array(item: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        read_items = []
        for place, each in enumerate(_typed(value, list, "数组 an array")):
            try:
                read_items.append(item(each))
            except Unreadable as error:
                raise Unreadable(error.found, error.expected, f"[{place}]{error.inside}") from error
        return read_items

    return read


def _record(parts: Mapping[str, Field]) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        return read_object(_typed(value, dict, "对象 an object"), parts, joint=".")

    return read


def read_object(value: Mapping[str, Any], fields: Mapping[str, Field], joint: str = "") -> dict[str, Any]:
    """Read a JSON object; fields with a default may be absent.

    Raises
    ------
    Unreadable
        ``inside`` names the field: unknown, missing, or not what it should hold.
    """
    for name in value:
        if name not in fields:
            raise Unreadable("未知的列 an unknown column", " / ".join(fields), joint + shown(name).strip("'"))
    record = {}
    for name, field in fields.items():
        if name not in value:
            if field.required:
                raise Unreadable("缺少 missing", "必填 required", joint + name)
            continue
        try:
            record[name] = field.from_json(value[name])
        except Unreadable as error:
            raise Unreadable(error.found, error.expected, joint + name + error.inside) from error
    return record


def _bounded(inner: Reader) -> Reader:
    def read(value: Any) -> int:
        moment_ms = inner(value)
        if not EARLIEST_MS <= moment_ms < LATEST_MS:
            raise Unreadable(shown(value), "1992 年至 2099 年之间的时间 a time from 1992 to 2099")
        return int(moment_ms)

    return read


def _planned(inner: Reader) -> Reader:
    def read(value: Any) -> int:
        year = inner(value)
        if year and not FIRST_PLAN_YEAR <= year <= LAST_PLAN_YEAR:
            raise Unreadable(shown(value), f"0（无 none）或 {FIRST_PLAN_YEAR} 至 {LAST_PLAN_YEAR} 的年份 or a year in this range")
        return int(year)

    return read


def _nonempty(inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        if value == "":
            raise Unreadable(shown(value), "不能为空 not empty")
        return inner(value)

    return read
