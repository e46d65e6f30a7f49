"""One cell -> one value, or :class:`Unreadable` with what was found and what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ops.importing.characters import compact, is_text, says_nothing, visible
from ops.importing.sheet import NotAValue, Value
from ops.importing.words import BUILD_MODE, PLAN_YEAR, YES_OR_NO
from ops.publish.fields import Unreadable, shown

_LINE_BREAK = re.compile(r"[\r\n\v\f]")
_COUNT = re.compile(r"([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.0+)?\s*(?:件\s*次?|\(件\s*次?\))?")
_HALF_WIDTH = str.maketrans("０１２３４５６７８９，．（）", "0123456789,.()")
"""Not NFKC, which makes a digit of a footnote's mark: ``19①`` would be 191."""
_DITTO = re.compile(r"\(?[同仝](?:[上前左右下]|主项)[行栏列项]?\)?。?|\W+")
"""What refers to another cell, in words or by signs alone, such as ``〃``."""
_LEFT_BEHIND = re.compile(r"=|#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!)")
_LOST = "\ufffd"
"""What stands in the place of a character that an encoding had not."""
_DAY = re.compile(r"(\d{4})-\d\d-\d\d")
_TICKS = frozenset({"√", "✓", "✔", "☑"})
_YES = _TICKS | {"是", "true", "1", "yes", "y"}
_NO = frozenset({"否", "×", "false", "0", "no", "n"})


def text_of(value: Value) -> str:
    """Text of a cell, without the line breaks that only fit it into its column.

    Raises
    ------
    Unreadable
        A formula, a date, an error value, control characters, or a number: what it looks like is not in its value.
    """
    if isinstance(value, NotAValue):
        raise Unreadable(value.what, "值 a value")
    if not isinstance(value, str):
        raise Unreadable(shown(value), "文本；在 Excel 中先设为文本格式再填写 text: in Excel, format the cell as text first")
    text = _on_one_line(value)
    if not is_text(text):
        raise Unreadable("控制字符 a control character", "文本 text")
    return text


@lru_cache(maxsize=4096)
def _on_one_line(text: str) -> str:
    """Line by line: a pattern for breaks and the blanks around them tries each of a million blanks in a row with all behind it."""
    return "".join(map(str.strip, _LINE_BREAK.split(visible(text)))).replace("\t", " ")


def is_none(value: Value) -> bool:
    """Whether a cell says that there is nothing: empty, 无, a dash, a stroke."""
    return isinstance(value, str) and says_nothing(value)


def filled(value: Value) -> str:
    """Text that must be there, such as a name.

    Raises
    ------
    Unreadable
        There is none, or it says "as above": of which cell, nobody may guess. Or it is what a formula or an encoding left behind.
    """
    if is_none(value):
        raise Unreadable(seen(value), "不能为空 not empty")
    text = text_of(value)
    if _DITTO.fullmatch(compact(text)):
        raise Unreadable(seen(value), "写出内容，不写“同上”、〃 written out, not 'as above'")
    if _LEFT_BEHIND.match(compact(text)) or _LOST in text:
        raise Unreadable(seen(value), "写出内容，不是公式、错误值、乱码 written out: no formula, error value or lost character")
    return text


def names_build_mode(value: Value) -> bool:
    """Whether a cell has a build mode in it, ticked or not."""
    return isinstance(value, str) and any(mode in compact(value) for mode in BUILD_MODE.words)


def says_build_mode(value: Value) -> bool:
    """Whether a build mode is filled in, readable or not: the boxes of the empty form say none."""
    try:
        return isinstance(value, str) and len(BUILD_MODE.ticked(value)) > 0
    except Unreadable:
        return names_build_mode(value)


def ticks_build_mode(value: Value) -> bool:
    """Whether a cell has boxes of build modes in it, and one of them is ticked: only rows of the form do."""
    try:
        return isinstance(value, str) and compact(value) not in BUILD_MODE.words and len(BUILD_MODE.ticked(value)) > 0
    except Unreadable:
        return False


def is_count(value: Value) -> bool:
    """Whether a number of cases is filled in, be it in two pieces, which :func:`count` refuses."""
    return not is_none(value) and _COUNT.fullmatch("" if isinstance(value, NotAValue) else compact(choice_text(value))) is not None


def count(value: Value) -> int:
    """A number of cases: ``19``, ``１９``, ``1,234``, ``19 件``; nothing is 0.

    Raises
    ------
    Unreadable
        Anything else: numbers of more than nine digits, and digits with a blank or a line break between, which may be two numbers.
    """
    if is_none(value):
        return 0
    found = _COUNT.fullmatch(visible(choice_text(value)).translate(_HALF_WIDTH).strip())
    if not found:
        raise Unreadable(seen(value), "一个件数，如 one whole number such as 1234")
    return int(found[1].replace(",", ""))


def choice_text(value: Value) -> str:
    """What is written or chosen in a cell; line breaks keep words apart there, and a number stands for its digits.

    Raises
    ------
    Unreadable
        A formula, a date, an error value.
    """
    if isinstance(value, NotAValue):
        raise Unreadable(value.what, "值 a value")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def plan_year(value: Value) -> int:
    """The year that is ticked, written or, as a day, within it.

    Raises
    ------
    Unreadable
        None is, or several are, or it cannot be told.
    """
    day = _DAY.fullmatch(value.text) if isinstance(value, NotAValue) else None
    return int(PLAN_YEAR.one(day[1] if day else choice_text(value)))


def truth(value: Value, *, default: bool, words: Mapping[str, bool]) -> bool:
    """``是``, ``否`` and what else people write for them; the default where nothing is said.

    Parameters
    ----------
    words
        What else says so in this column.

    Raises
    ------
    Unreadable
        Anything else.
    """
    if isinstance(value, bool):
        return value
    if value == "":
        return default
    text = choice_text(value)
    word = compact(text).lower()
    if word in _YES | _NO:
        return word in _YES
    if word in words:
        return words[word]
    try:
        return YES_OR_NO.one(text) == "true"
    except Unreadable as error:
        raise Unreadable(seen(value), "是 / 否 (true / false)") from error


def is_tick(value: Value) -> bool:
    """Whether a tick is all that a cell holds."""
    return isinstance(value, str) and compact(value) in _TICKS


def symbol(value: Value, words: dict[str, str]) -> str:
    """The Avro symbol for a word; the symbol itself is taken too.

    Raises
    ------
    Unreadable
        Another word, or none.
    """
    word = compact(choice_text(value))
    found = words.get(word) or (word.upper() if word.upper() in words.values() else None)
    if found is None:
        first_words = {symbol: word for word, symbol in reversed(words.items())}
        raise Unreadable(seen(value), " / ".join(reversed(first_words.values())))
    return found


def seen(value: Value) -> str:
    """What a cell holds, safe to print."""
    return value.what if isinstance(value, NotAValue) else shown(value)
