"""Item codes (权力事项编码) in cells."""

from __future__ import annotations

import re
import unicodedata

from ops.importing.cells import is_none, text_of
from ops.importing.characters import LONGEST_WORD, compact, visible
from ops.importing.sheet import Value
from ops.publish.fields import Unreadable, shown
from streams.domain.items import ITEM_TYPES, Item, parse_item

_SIMPLIFIED = str.maketrans("許確給徵決強獎勵", "许确给征决强奖励")
_KINDS = frozenset(f"{said}{kind}" for said in ("", "行政", "非行政") for kind in ITEM_TYPES)
"""What may stand before the first dash and end in one of the eight types: behind anything else, a name has run into the code."""
_TWO_NUMBERS = re.compile(r"\d\s+\d")
_FOOTNOTE = "No"
"""Category of ``²`` and ``①``, which NFKC makes digits."""
_TYPE = re.compile(f"(?:{'|'.join(ITEM_TYPES)})(?=.)")
_LIKE_CODE = re.compile(rf"(?:行政)?(?:{'|'.join(ITEM_TYPES)})(?=\D*\d)(?:一|[^一-鿿])*")
"""One of the eight types and a number, with no other Chinese character than the one that is taken for a dash."""


def item_code(value: Value) -> Item:
    """A code, normalised as :func:`streams.domain.items.parse_item` does.

    Raises
    ------
    Unreadable
        It is none, there is more in the cell, or it may be two.
    """
    text = "" if is_none(value) else text_of(value)
    if len(text) > LONGEST_WORD or not (item := parse_item(text)).readable or not _is_kind(item.code.partition("-")[0]):
        raise Unreadable(code_shown(text), "事项编码，前后没有别的 an item code and nothing else, such as 许可-00385-001")
    if isinstance(value, str) and _may_be_two(visible(value).strip()):
        raise Unreadable(code_shown(text), "一个事项编码，数字之间没有空格、换行、角标 one item code, unbroken, such as 许可-00385-001")
    return item


def _is_kind(text: str) -> bool:
    """Whether what stands before the first dash of a code is a word, and no misspelt one of the eight types."""
    return text.isalpha() and (text in _KINDS or not text.translate(_SIMPLIFIED).endswith(ITEM_TYPES))


def _may_be_two(text: str) -> bool:
    """Whether blanks, a line break or a raised digit stand where joining would make another code."""
    first, *more = text.splitlines()
    goes_on = bool(more) and parse_item(first).readable
    return goes_on or _TWO_NUMBERS.search(text) is not None or any(unicodedata.category(each) == _FOOTNOTE for each in text)


def is_like_code(value: Value) -> bool:
    """Whether a cell holds a code of one of the eight types, be it misspelt (``许可00385-000``)."""
    return isinstance(value, str) and _LIKE_CODE.fullmatch(compact(value)) is not None


def code_shown(text: str) -> str:
    """What messages may show of a code: one of the eight types is no name, the rest is shown as any value is."""
    kind = _TYPE.match(text)
    rest = shown(text[kind.end() :]) if kind else ""
    return f"'{kind[0]}{rest[1:]}" if kind and rest.startswith("'") else shown(text)


def is_item_code(value: Value) -> bool:
    """Whether a cell holds a code, and nothing else."""
    return isinstance(value, str) and len(value) <= LONGEST_WORD and parse_item(visible(value)).readable


def is_assessed_code(value: Value) -> bool:
    """Whether it is one of the eight types."""
    return is_item_code(value) and parse_item(visible(str(value))).type != ""
