"""Item codes (权力事项编码) in cells."""

from __future__ import annotations

import re

from ops.importing.cells import is_none, text_of
from ops.importing.characters import LONGEST_WORD, compact, visible
from ops.importing.sheet import Value
from ops.publish.fields import Unreadable, shown
from streams.domain.items import ITEM_TYPES, Item, parse_item

_TYPE = re.compile(f"(?:{'|'.join(ITEM_TYPES)})(?=.)")
_LIKE_CODE = re.compile(rf"(?:行政)?(?:{'|'.join(ITEM_TYPES)})(?=\D*\d)(?:一|[^一-鿿])*")
"""One of the eight types and a number, with no other Chinese character than the one that is taken for a dash."""


def item_code(value: Value) -> Item:
    """A code, normalised as :func:`streams.domain.items.parse_item` does.

    Raises
    ------
    Unreadable
        It is none.
    """
    text = "" if is_none(value) else text_of(value)
    if len(text) > LONGEST_WORD or not (item := parse_item(text)).readable:
        raise Unreadable(code_shown(text), "事项编码，如 an item code such as 许可-00385-001")
    return item


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
