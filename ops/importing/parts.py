"""The XML parts of a workbook, read one element at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from defusedxml.ElementTree import iterparse


def elements(part: IO[bytes], *tags: str) -> Iterator[tuple[str, Any]]:
    """Yield the elements of these tags as they end, each whole and with the tag of the one around it.

    What was yielded is held no longer, and what has another tag never is: people draw the lines of a form down to the last row there is,
    and a parser would hold a million empty rows.
    """
    around: list[Any] = []
    whole = 0
    for event, element in iterparse(part, events=("start", "end")):
        if event == "start":
            around.append(element)
            whole += element.tag in tags
            continue
        around.pop()
        if element.tag in tags:
            whole -= 1
            yield around[-1].tag if around else "", element
        if around and not whole:
            around[-1].clear()
