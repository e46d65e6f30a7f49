"""Pieces of text for people: cut to bytes, made harmless, times and durations."""

from __future__ import annotations

import unicodedata
from typing import Final

from streams.domain.time import iso

_MARKUP: Final = str.maketrans({"[": "［", "]": "］", "<": "＜", ">": "＞", "`": "'", "*": "＊", "\\": "＼", "|": "｜"})
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
    shown = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return " ".join(shown.split()).translate(_MARKUP)


def short(text: str, most_bytes: int) -> str:
    """The beginning of a text, plain, that fits; of an endless one only as much is looked at as could be shown."""
    return clip(plain(text[: most_bytes + 1]), most_bytes)


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
