"""Item codes (权力事项编码) of the oracle."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

EIGHT_TYPES = frozenset({"许可", "确认", "给付", "征收", "裁决", "强制", "奖励", "其他"})
_CODE = re.compile(r"([^-]+)-([0-9]+)-[0-9]+(-[0-9]+)?")
_DASHES = "‐‑‒–—―−─﹣－"


def normalise(code: str) -> str:
    """One spelling of each code, half-width with plain dashes and no blanks; what does not parse is kept as it is."""
    plain = _plain(code)
    return plain if _CODE.fullmatch(plain) else code


def type_of(code: str) -> str:
    """Item type; empty where it is none of the eight."""
    before = _plain(code).split("-", maxsplit=1)[0]
    return before if before in EIGHT_TYPES else ""


def main_item_of(code: str) -> str:
    """主项: third segment 000, fourth dropped; a code that does not parse is its own."""
    found = _CODE.fullmatch(_plain(code))
    return f"{found[1]}-{found[2]}-000" if found else code


@lru_cache(maxsize=1024)
def _plain(code: str) -> str:
    for dash in _DASHES:
        code = code.replace(dash, "-")
    code = unicodedata.normalize("NFKC", code)
    for dash in _DASHES:
        code = code.replace(dash, "-")
    return "".join(code.split())
