"""Byte order: how (term, key) pairs are laid out so that a byte-ordered store returns them in term order, then key order.

A term is escaped (``00`` becomes ``00 FF``) and ended by ``00 01``, so that no term's end can be read as another's middle and
a term sorts before every longer one that it begins.
"""

from __future__ import annotations

from typing import Final

_END: Final = b"\x00\x01"


def bound(term: bytes) -> bytes:
    """Return the position of the first pair whose term is at or above ``term``."""
    return term.replace(b"\x00", b"\x00\xff")


def join(term: bytes, key: bytes) -> bytes:
    """Return the position of a pair."""
    return bound(term) + _END + key


def split(position: bytes) -> tuple[bytes, bytes]:
    """Return the pair at a position; the inverse of :func:`join`."""
    end = position.index(_END)
    return position[:end].replace(b"\x00\xff", b"\x00"), position[end + 2 :]
