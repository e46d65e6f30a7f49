"""Item codes (权力事项编码): ``许可-00385-001`` is a sub-item (子项) of the main item ``许可-00385-000``."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

ITEM_TYPES = ("许可", "确认", "给付", "征收", "裁决", "强制", "奖励", "其他")
"""八类行政事项, the eight types that are assessed (notice 二(四))."""

_DASHES = re.compile("[‐‑‒–—―−─﹘﹣－]")
_BLANKS = re.compile(r"\s+")
_CODE = re.compile(r"([^-\d]+)-(\d+)-\d+(?:-\d+)?")


class Item(NamedTuple):
    """What a code says.

    Parameters
    ----------
    code
        Normalised; the code as given where it cannot be read.
    main_code
        Code of the main item; the code itself where it cannot be read.
    type
        One of :data:`ITEM_TYPES`; empty when outside the assessment.
    readable
        Whether the code has the form of one.
    """

    code: str
    main_code: str
    type: str
    readable: bool


@lru_cache(maxsize=65_536)
def parse_item(code: str) -> Item:
    """Read a code: full-width digits, dashes of any kind and blanks are made plain first (Unicode NFKC)."""
    plain = _BLANKS.sub("", _DASHES.sub("-", unicodedata.normalize("NFKC", code)))
    kind = plain.split("-", 1)[0]
    type_ = kind if kind in ITEM_TYPES else ""
    read = _CODE.fullmatch(plain)
    if not read:
        return Item(code, code, type_, readable=False)
    return Item(plain, f"{read[1]}-{read[2]}-000", type_, readable=True)
