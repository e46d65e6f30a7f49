"""What settings are made of: sections, durations, secrets in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from streams.domain.policy import Deadline
from streams.errors import ConfigurationError

_DURATION = re.compile(r"^(\d+)\s*(ms|s|m|h|d)$")
_LEAST_PERIOD_MS = 1_000
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_DAYS = 36_500
LONGEST_MS = _LONGEST_DAYS * _UNIT_MS["d"]
"""A hundred years: a time with the longest duration added to it is still one that state, calendars and brokers can hold."""


def _deadline(text: str) -> str:
    Deadline.parse(text)
    return text


def _duration(text: str) -> str:
    duration_ms(text)
    return text


def duration_ms(text: str) -> int:
    """Milliseconds of ``24h``, ``400d``, ``90s``, ``15m``, ``250ms``.

    Raises
    ------
    ValueError
        Anything else, or more than :data:`LONGEST_MS`.
    """
    found = _DURATION.match(text.strip())
    if not found:
        raise ValueError(f"不是时长 not a duration: {text!r} (例 e.g. 24h, 400d, 90s)")
    given_ms = int(found[1]) * _UNIT_MS[found[2]]
    if given_ms > LONGEST_MS:
        raise ValueError(f"时长太长 too long a duration: {text!r} (≤ {_LONGEST_DAYS}d)")
    return given_ms


def _duration_or_none(text: str) -> str:
    if text and duration_ms(text) < _LEAST_PERIOD_MS:
        raise ValueError(f"周期太短 too short a period: {text!r} (≥ 1s)")
    return text


def _address(text: str) -> str:
    if "@" in text:
        raise ValueError("不可含用户名与密码，密码放在文件里 must hold no user and no password: that belongs into a file")
    if text and not _of_a_server(text):
        raise ValueError("应为 should be http(s)://host:port")
    return text


def _of_a_server(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


AddressText = Annotated[str, AfterValidator(_address)]
"""The address of a server: it is shown in messages, so nobody's password may be in it."""
DeadlineText = Annotated[str, AfterValidator(_deadline)]
DurationText = Annotated[str, AfterValidator(_duration)]
PeriodText = Annotated[str, AfterValidator(_duration_or_none)]
"""A duration of at least a second, or empty: never."""


class Section(BaseModel):
    """A group of settings; a name that is not one of them is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def secret_in(path: Path | None) -> str:
    """What a file holds; empty when none is set.

    Raises
    ------
    ConfigurationError
        It cannot be read.
    """
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"密钥文件读不出 secret file cannot be read: {path}: {error.strerror}") from error
    except UnicodeDecodeError:  # it holds the bytes: not to be chained
        raise ConfigurationError(f"密钥文件不是 UTF-8 文本 secret file is no UTF-8 text: {path}") from None


def filled_secret(path: Path | None) -> str:
    """As :func:`secret_in`, on one line; an empty file is an error: no token must not pass for "no token needed"."""
    found = secret_in(path)
    if path is not None and not found:
        raise ConfigurationError(f"密钥文件是空的 secret file is empty: {path}")
    if not (found.isascii() and found.isprintable()):
        raise ConfigurationError(f"密钥文件应只有一行 ASCII 字符 secret file must hold one line of ASCII: {path}")
    return found
