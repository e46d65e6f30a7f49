"""One cell -> one value, or :class:`Unreadable` with what was found and what was expected."""

from __future__ import annotations

import re
import unicodedata

from ops.importing.choices import INVISIBLE, Choice
from ops.importing.sheet import NotAValue, Value
from ops.publish.fields import Unreadable, shown
from streams.domain.items import ITEM_TYPES, Item, parse_item

BUILD_MODE = Choice({"省统建": "PROVINCIAL", "市统建": "MUNICIPAL", "自建": "SELF_BUILT", "垂建": "VERTICAL"})
PLAN_YEAR = Choice({"2018": "2018", "2019": "2019"}, suffix="年")
ARCHIVING_MODE = Choice({"在线": "ONLINE", "离线": "OFFLINE"}, suffix="归档")

_NONE = re.compile(r"[-—–―/\\.]*|[(]?无(?:子项)?[)]?|N/?A", re.IGNORECASE)
_LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")
_COUNT = re.compile(r"(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:件|件次)?")
_TYPE = re.compile(f"(?:{'|'.join(ITEM_TYPES)})(?=.)")
_YES = frozenset({"是", "√", "✓", "✔", "☑", "true", "1", "yes", "y", "必需", "必须", "电子", "已审定", "审定"})
_NO = frozenset({"否", "×", "false", "0", "no", "n", "非必需", "非必须", "纸质", "未审定"})


def text_of(value: Value) -> str:
    """Text of a cell, without the line breaks that only fit it into its column; numbers as a person writes them.

    Raises
    ------
    Unreadable
        A formula, a date, an error value, or a NUL that no consumer could hold.
    """
    if isinstance(value, NotAValue):
        raise Unreadable(value.what, "值 a value")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    if "\0" in text:
        raise Unreadable("NUL 字符 a NUL character", "文本 text")
    return _LINE_BREAK.sub("", text.translate(INVISIBLE).strip())


def is_none(value: Value) -> bool:
    """Whether a cell says that there is nothing: empty, 无, a dash, a stroke."""
    return not isinstance(value, NotAValue) and _NONE.fullmatch(_compact(str(value))) is not None


def filled(value: Value) -> str:
    """Text that must be there, such as a name.

    Raises
    ------
    Unreadable
        There is none.
    """
    if is_none(value):
        raise Unreadable(_seen(value), "不能为空 not empty")
    return text_of(value)


def item_code(value: Value) -> Item:
    """A code, normalised as :func:`streams.domain.items.parse_item` does.

    Raises
    ------
    Unreadable
        It is none.
    """
    text = "" if is_none(value) else text_of(value)
    item = parse_item(text)
    if not item.readable:
        raise Unreadable(code_shown(text), "事项编码，如 an item code such as 许可-00385-001")
    return item


def code_shown(text: str) -> str:
    """What messages may show of a code: one of the eight types is no name, the rest is shown as any value is."""
    kind = _TYPE.match(text)
    rest = shown(text[kind.end() :]) if kind else ""
    return f"'{kind[0]}{rest[1:]}" if kind and rest.startswith("'") else shown(text)


def is_item_code(value: Value) -> bool:
    """Whether a cell holds a code of one of the eight types, and nothing else."""
    item = parse_item(value) if isinstance(value, str) else None
    return item is not None and item.readable and bool(item.type)


def says_build_mode(value: Value) -> bool:
    """Whether a cell holds a build mode, ticked or alone."""
    try:
        return isinstance(value, str) and len(BUILD_MODE.ticked(value)) > 0
    except Unreadable:
        return False


def count(value: Value) -> int:
    """A number of cases: ``19``, ``１９``, ``1,234``, ``19件``; nothing is 0.

    Raises
    ------
    Unreadable
        Anything else, and numbers of more than nine digits.
    """
    if is_none(value):
        return 0
    found = _COUNT.fullmatch(_compact(text_of(value)))
    if not found:
        raise Unreadable(_seen(value), "件数，如 a whole number such as 1234")
    return int(found[1].replace(",", ""))


def choice_text(value: Value) -> str:
    """Text of a cell with boxes; line breaks keep words apart there.

    Raises
    ------
    Unreadable
        A formula, a date, an error value.
    """
    return value if isinstance(value, str) else text_of(value)


def truth(value: Value, *, default: bool) -> bool:
    """``是``, ``否`` and what else people write for them; the default where nothing is said.

    Raises
    ------
    Unreadable
        Anything else.
    """
    if isinstance(value, bool):
        return value
    if value == "":
        return default
    word = _compact(text_of(value)).lower()
    if word not in _YES | _NO:
        raise Unreadable(_seen(value), "是 / 否 (true / false)")
    return word in _YES


def symbol(value: Value, words: dict[str, str]) -> str:
    """The Avro symbol for a word; the symbol itself is taken too.

    Raises
    ------
    Unreadable
        Another word, or none.
    """
    word = _compact(text_of(value))
    found = words.get(word) or (word.upper() if word.upper() in {*words.values(), "UNKNOWN"} else None)
    if found is None:
        raise Unreadable(_seen(value), " / ".join(words))
    return found


def _compact(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text.translate(INVISIBLE)).split())


def _seen(value: Value) -> str:
    return value.what if isinstance(value, NotAValue) else shown(value)
