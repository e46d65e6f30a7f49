"""What may be put on a terminal: texts come from outside, and a terminal obeys what is in them."""

from __future__ import annotations

import unicodedata

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control characters, with which control sequences begin, what turns the direction of writing, and what ends a line."""


def printable(text: str) -> str:
    """A text on one line that commands nothing: what a terminal would obey is replaced."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(character) in _OBEYED else character for character in text)


def printable_lines(text: str) -> str:
    """The same of several lines."""
    return "\n".join(map(printable, text.split("\n")))
