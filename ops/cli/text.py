"""Language of texts for people: Chinese, or English where the locale asks for it."""

from __future__ import annotations

import os
from functools import cache


@cache
def english() -> bool:
    """Whether the locale is an English one; none and all others read Chinese. C and POSIX say nothing of a language."""
    locales = (os.environ.get(name, "").partition(".")[0] for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next((locale for locale in locales if locale not in {"", "C", "POSIX"}), "").lower().startswith("en")


def t(zh: str, en: str) -> str:
    """Return the text in the language of the locale."""
    return en if english() else zh
