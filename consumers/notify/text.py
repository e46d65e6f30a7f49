"""Pieces of text for people: cut to bytes, made harmless, times and durations."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from streams.domain.time import iso

_MARKUP: Final = str.maketrans({"[": "［", "]": "］", "<": "＜", ">": "＞", "`": "'", "*": "＊", "\\": "＼", "|": "｜"})
_BLANK: Final = re.compile(r"\s+")
_DAY_SECONDS, _HOUR_SECONDS, _MINUTE_SECONDS = 86_400, 3_600, 60


def size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text.encode())


def clip(text: str, most_bytes: int, mark: str = "…") -> str:
    """The text, or as much of its beginning as fits into ``most_bytes`` together with ``mark``; a character is never parted.

    Where not even the mark fits, the beginning of the text alone.
    """
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    if size(mark) > most_bytes:
        mark = ""
    return encoded[: most_bytes - size(mark)].decode(errors="ignore") + mark


def plain(text: str) -> str:
    """On one line, without control characters; what would be markup, a link or a mention in a robot's Markdown becomes full-width."""
    one_line = _BLANK.sub(" ", text).strip()
    return "".join(c for c in one_line if unicodedata.category(c) not in {"Cc", "Cf", "Cs"}).translate(_MARKUP)


def moment(epoch_ms: int) -> str:
    """A time as people read it: Asia/Shanghai, to the second, with offset."""
    return iso(epoch_ms // 1000 * 1000).replace("T", " ")


def lasting(duration_ms: int) -> str:
    """A duration in its two largest units."""
    seconds = max(0, duration_ms) // 1000
    days, hours, minutes = seconds // _DAY_SECONDS, seconds // _HOUR_SECONDS % 24, seconds // _MINUTE_SECONDS % 60
    if days:
        return f"{days} 天 {hours} 小时"
    if hours:
        return f"{hours} 小时 {minutes} 分"
    return f"{minutes} 分 {seconds % _MINUTE_SECONDS} 秒" if minutes else f"{seconds} 秒"
