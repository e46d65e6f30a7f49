"""What a spreadsheet shows of a value: ``1`` in the format ``00`` is 01, and a text with a line through it is no longer meant."""

from __future__ import annotations

import re
from typing import IO, Any, NamedTuple

from openpyxl.styles.numbers import builtin_format_code

from ops.importing.parts import elements
from ops.importing.sheet import Value

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
GENERAL = "General"
_FALSE = frozenset({"0", "false"})
_DATE = "yyyy-mm-dd"
_CHINESE_DATES = frozenset({*range(27, 37), *range(50, 59)})
"""Built-in formats that only exist in East Asian versions of Excel, such as 2018年5月1日 (31) and 2018年5月 (57)."""
_MOST_SHOWN, _LONGEST = 10**11, 12
"""Without a format, a spreadsheet shows eleven digits and a point; longer numbers become ``1.2E+11``."""
_LONGEST_FORMAT = 255
"""Characters, in Excel; the rest of what is longer is not looked at, once for each number."""
_DIGITS = re.compile(r"(0+)(?:\.(0+))?(?:_.)?(?:;.*)?")
"""``0``, ``000``, ``0.00``, with what only negative numbers are shown by, and the blank that keeps them in line with those."""


class Style(NamedTuple):
    """What is read of a cell's style.

    Parameters
    ----------
    code
        Format of its numbers.
    is_struck
        Whether a line goes through all of its text.
    """

    code: str = GENERAL
    is_struck: bool = False


def cell_styles(styles: IO[bytes]) -> list[Style]:
    """Each cell style, in their order. Of fonts and colours, which writers other than Excel often get wrong, no more is looked at."""
    own: dict[int, str] = {}
    struck: list[bool] = []
    used: list[tuple[int, str]] = []
    shared: dict[tuple[int, str], tuple[int, str]] = {}
    for around, element in elements(styles, f"{_MAIN}numFmt", f"{_MAIN}font", f"{_MAIN}xf"):
        if around == f"{_MAIN}numFmts":
            own[int(element.get("numFmtId", 0))] = element.get("formatCode", "")[:_LONGEST_FORMAT]
        elif around == f"{_MAIN}fonts":
            struck.append(is_struck(element))
        elif around == f"{_MAIN}cellXfs":
            style = int(element.get("numFmtId", 0)), element.get("fontId", "")
            used.append(shared.setdefault(style, style))
    fonts = {str(font) for font, has_line in enumerate(struck) if has_line}
    return [
        Style(own.get(number) or (_DATE if number in _CHINESE_DATES else builtin_format_code(number)) or GENERAL, font in fonts)
        for number, font in used
    ]


def is_struck(font: Any) -> bool:
    """Whether a font, of a style or of a run of text, has a line through it."""
    line = font.find(f"{_MAIN}strike")
    return line is not None and line.get("val", "1") not in _FALSE


def as_shown(number: float, code: str) -> Value:
    """The text that a format shows of a number; the number itself where the format is of another kind, or rounds it."""
    digits = _DIGITS.fullmatch(code)
    if not 0 <= number < _MOST_SHOWN or not (digits or code in {GENERAL, "@"}):
        return number
    if digits:
        decimals = len(digits[2] or "")
        text = f"{number:0{len(digits[1]) + bool(decimals) + decimals}.{decimals}f}"
    else:
        text = str(int(number)) if float(number).is_integer() else repr(number)
    return text if len(text) <= _LONGEST and float(text) == number else number
