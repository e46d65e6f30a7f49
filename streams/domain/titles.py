"""Titles and names, made comparable. Only keyed hashes of what comes out of here are ever kept: titles hold applicants' names."""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"\s+")
_NO_LETTER = re.compile(r"[\W_]+")
EMPTY_WORDS = ("办理",)
"""Words around an item's name that say nothing of the case."""
_TEST_MARKS = re.compile(
    r"""测\s*试 | test | 1{5,}
    | (?<![a-z]) t\s*e\s*s\s*t (?![a-z]) | (?<![0-9]) 1(?:\s*1){4,} (?![0-9])""",
    re.VERBOSE,
)
"""Blanks part words of Latin letters and numbers: with blanks in it, a mark must stand by itself. ``late st`` bears none."""


def plain(text: str) -> str:
    """Compatibility forms (full-width letters and digits) made one, blanks taken out."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text))


def core(text: str) -> str:
    """What is left of a title without brackets, punctuation, blanks, case and empty words."""
    letters = _NO_LETTER.sub("", unicodedata.normalize("NFKC", text)).casefold()
    for word in EMPTY_WORDS:
        letters = letters.replace(word, "")
    return letters


def looks_like_a_test(title: str) -> bool:
    """Whether a title bears the marks of a test: a suspicion, no finding (domain: *a title saying 测试 is only a suspicion*)."""
    return _TEST_MARKS.search(unicodedata.normalize("NFKC", title).casefold()) is not None
