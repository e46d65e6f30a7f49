"""JSON text -> its value, where the text says each thing once: of a name given twice, parsers keep the last, and say nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_FIELD = re.compile(r"[A-Za-z_]{1,40}\d{0,6}")
"""What messages may show of a name: no applicant's, and no number of one."""


class BadJson(ValueError):
    """What is wrong with a text; quotes nothing of its values."""


def load_json(text: str) -> Any:
    """Read a JSON text.

    Raises
    ------
    BadJson
        It is none, or an object in it, however deep, has a name twice: which of the two holds, only its author knows.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:  # its message quotes nothing of the text
        raise BadJson(error.msg) from error
    most = _most_names(text)
    if not (isinstance(value, dict) and len(value) == most) and _names(value) != most:
        _check_names(text)
    return value


def _most_names(text: str) -> int:
    """How many names a text can have: a quotation mark or a blank stands before the colon of each. Texts may hold the same."""
    return sum(map(text.count, ('":', " :", "\t:", "\r:", "\n:")))


def _names(value: Any) -> int:
    """How many names are left in a value."""
    names, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            names += len(each)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return names


def _check_names(text: str) -> None:
    """Look at each name: slow, and only needed where some could have gone."""
    try:
        json.loads(text, object_pairs_hook=_each_once, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise BadJson("嵌套过深 nested too deeply") from error


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise BadJson("字段重复 a field given twice" + (f": {name}" if _FIELD.fullmatch(name) else ""))
        seen.add(name)
