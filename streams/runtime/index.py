"""Layout: of (term, key) pairs, so that a byte-ordered store returns them in term order, then key order; and of a value with its terms.

A term is escaped (``00`` becomes ``00 FF``) and ended by ``00 01``, so that no term's end can be read as another's middle and
a term sorts before every longer one that it begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_END: Final = b"\x00\x01"
_LENGTH: Final = 4


def bound(term: bytes) -> bytes:
    """Return the position of the first pair whose term is at or above ``term``."""
    return term.replace(b"\x00", b"\x00\xff")


def join(term: bytes, key: bytes) -> bytes:
    """Return the position of a pair."""
    return bound(term) + _END + key


def split(position: bytes) -> tuple[bytes, bytes]:
    """Return the pair at a position; the inverse of :func:`join`."""
    end = position.index(_END)
    return _term(position[:end]), position[end + 2 :]


def entry(value: bytes, terms: Iterable[bytes]) -> bytes:
    """Return a value with the terms it is found by: the length of the terms in four bytes, the terms, the value."""
    listed = b"".join([bound(term) + _END for term in terms])
    return len(listed).to_bytes(_LENGTH) + listed + value


def value_of(kept: bytes) -> bytes:
    """Return the value of an :func:`entry`."""
    return kept[_value_start(kept) :]


def terms_of(kept: bytes) -> list[bytes]:
    """Return the terms of an :func:`entry`."""
    return [_term(escaped) for escaped in _listed(kept)]


def positions_of(kept: bytes, key: bytes) -> list[bytes]:
    """Return the positions (:func:`join`) of the pairs that an :func:`entry` of a key has in the index."""
    return [escaped + _END + key for escaped in _listed(kept)]


def same_terms(kept: bytes, other: bytes) -> bool:
    """Whether two entries have the same terms in the same order."""
    return kept.startswith(other[: _value_start(other)])


def _listed(kept: bytes) -> list[bytes]:
    return kept[_LENGTH : _value_start(kept)].split(_END)[:-1]


def _value_start(kept: bytes) -> int:
    return _LENGTH + int.from_bytes(kept[:_LENGTH])


def _term(escaped: bytes) -> bytes:
    return escaped.replace(b"\x00\xff", b"\x00")
