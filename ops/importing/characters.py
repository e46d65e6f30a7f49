"""Characters as a person sees them: forms are copied out of pages, chats and other forms, and bring along what nobody sees."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_VARIATIONS = range(0xFE00, 0xFE10)
_UNSEEN = "Cf"
"""Characters without width: zero-width blanks, soft hyphens, marks of direction."""
_NO_TEXT = frozenset({"Cc", "Cs"})
"""Control characters and halves of characters, which terminals obey and no consumer can hold."""
_NOTHING = re.compile(r"[-—–―─/\\]*|[(]?暂?[无無](?:子项)?[)]?。?|没有|不适用|N/?A", re.IGNORECASE)


def visible(text: str) -> str:
    """The text without characters that have no width."""
    if text.isascii():
        return text
    return "".join(each for each in text if unicodedata.category(each) != _UNSEEN and ord(each) not in _VARIATIONS)


@lru_cache(maxsize=4096)
def compact(text: str) -> str:
    """Half width, without blanks: how words are compared."""
    return "".join(unicodedata.normalize("NFKC", visible(text)).split())


def says_nothing(text: str) -> bool:
    """Whether a text says that there is nothing: empty, 无, a dash, a stroke."""
    return _NOTHING.fullmatch(compact(text)) is not None


def is_text(text: str) -> bool:
    """Whether a text can be kept as it is."""
    return not any(unicodedata.category(each) in _NO_TEXT for each in text)
