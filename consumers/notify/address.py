"""Which addresses may be posted to: those of the settings, encrypted unless they do not leave this machine."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_LEAST_SECRET_CHARACTERS: Final = 6


class BadAddress(Exception):
    """It may not be posted to; the text says why, and does not repeat it: it may hold a token."""


def checked(url: str) -> str:
    """The address itself.

    Raises
    ------
    BadAddress
        It is not http(s), not encrypted though it leaves this machine, or holds a user name, a fragment, blanks or other than ASCII.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise BadAddress("不是网址 not an address") from None
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadAddress("含有空白或非 ASCII 字符，或不止一行 it holds blanks or other than ASCII, or more than one line")
    if parts.scheme not in {"http", "https"} or not host:
        raise BadAddress("不是 http(s) 网址 not an http(s) address")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadAddress("离开本机的地址须为 https an address beyond this machine must be https")
    if "@" in parts.netloc or parts.fragment:
        raise BadAddress("不可含用户名或 # it must not hold a user name or #")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secrets_in(url: str) -> tuple[str, ...]:
    """What of an address must not be shown: the values in its query, its path's last part, and the whole."""
    parts = urlsplit(url)
    as_sent = [pair.partition("=")[2] for pair in parts.query.split("&")]
    found = [url, parts.query, *as_sent, *(value for _, value in parse_qsl(parts.query)), parts.path.rpartition("/")[2]]
    return tuple(sorted((text for text in found if len(text) >= _LEAST_SECRET_CHARACTERS), key=len, reverse=True))
