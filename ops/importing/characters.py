"""Characters as a person sees them: forms are copied out of pages, chats and other forms, and bring along what nobody sees."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST_WORD = 200
"""Characters: no heading, code or choice has more. What does is not looked at in full: a small file may say it in a million cells."""
_VARIATIONS = range(0xFE00, 0xFE10)
_UNSEEN = "Cf"
"""Characters without width: zero-width blanks, soft hyphens, marks of direction."""
_NO_TEXT = frozenset({"Cc", "Cs"})
"""Control characters and halves of characters, which terminals obey and no consumer can hold."""
_NOTHING = re.compile(r"[-—–―─/\\]*|[(]?暂?[无無](?:子项)?[)]?。?|没有|不适用|不涉及|N/?A", re.IGNORECASE)


def visible(text: str) -> str:
    """The text without characters that have no width."""
    if text.isascii():
        return text
    unseen = [each for each in map(ord, set(text)) if unicodedata.category(chr(each)) == _UNSEEN or each in _VARIATIONS]
    return text.translate(dict.fromkeys(unseen)) if unseen else text


def compact(text: str) -> str:
    """Half width, without blanks: how words are compared.

    Of a text longer than any word, this is only the beginning, by which notes are known, and an ellipsis, which no half-width text has.
    """
    return _compact(text) if len(text) <= LONGEST_WORD else f"{_compact(text[:LONGEST_WORD])}…"


@lru_cache(maxsize=4096)
def _compact(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", visible(text)).split())


def says_nothing(text: str) -> bool:
    """Whether a text says that there is nothing: empty, 无, a dash, a stroke."""
    return _NOTHING.fullmatch(compact(text)) is not None


@lru_cache(maxsize=4096)
def is_text(text: str) -> bool:
    """Whether a text can be kept as it is."""
    return not any(unicodedata.category(each) in _NO_TEXT for each in set(text))
