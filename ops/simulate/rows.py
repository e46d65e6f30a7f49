"""Rows of reference data as they are sent, and the dealing of what is to happen to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """One row as it is sent; those of revision 1 before the year, corrections during it.

    Parameters
    ----------
    first, last
        Days since 1970 on which it is valid, inclusive; None: open.
    """

    content: T
    revision: int = 1
    first: int | None = None
    last: int | None = None
    deleted: bool = False


def deal(rng: Random, weights: Mapping[str, float], number: int) -> list[str]:
    """So many names in random order, by weight, but each at least once while the number allows it."""
    names = list(weights)
    hand = names[:number] + rng.choices(names, list(weights.values()), k=max(0, number - len(names)))
    rng.shuffle(hand)
    return hand
