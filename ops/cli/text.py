"""Language of texts for people: Chinese, or English where the locale asks for it."""

from __future__ import annotations

import os
from functools import cache


@cache
def english() -> bool:
    """Whether the locale is an English one; C, POSIX, none and all others read Chinese."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return locale.lower().startswith("en")


def t(zh: str, en: str) -> str:
    """Return the text in the language of the locale."""
    return en if english() else zh
