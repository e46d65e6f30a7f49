"""Quality findings (数据质量) of the oracle: a closing beside its accepted archives."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from string import ascii_lowercase, digits

from tests.oracle.calendar import day_of, day_start_ms, shanghai_day
from tests.oracle.events import Event, item_key
from tests.oracle.items import normalise
from tests.oracle.reference import Reference

INACCURATE = frozenset({"TITLE_IS_ITEM_NAME", "TEST_CASE", "CASE_INFO_MISMATCH", "TIME_INVALID"})
MISSING = frozenset({"MISSING_EVIDENCE", "MISSING_PROCEDURE", "MISSING_RESULT"})
_EARLIEST_MS = day_start_ms(day_of(dt.date(1992, 1, 1)))
_LATEST_MS = day_start_ms(day_of(dt.date(2100, 1, 1)))


def findings(closing: Event, accepted: Sequence[Event], reference: Reference) -> frozenset[str]:
    """Kinds found on a counted case, TEST_CASE apart.

    Parameters
    ----------
    accepted
        The earliest acceptance of each archive number that stands.
    """
    found = set(_missing(closing, accepted, reference))
    if _names_only_the_item(closing, accepted, reference):
        found.add("TITLE_IS_ITEM_NAME")
    if any(_differs(closing, archive) for archive in accepted):
        found.add("CASE_INFO_MISMATCH")
    if _time_is_invalid(closing, accepted):
        found.add("TIME_INVALID")
    return frozenset(found)


def is_suspected_test(titles: Iterable[str]) -> bool:
    """A title says that it is a test."""
    return any(map(_says_test, titles))


@lru_cache(maxsize=1024)
def _says_test(title: str) -> bool:
    """测试, test or five ones; with blanks between, test and ones only where no letter, or digit, goes before or on behind."""
    text = unicodedata.normalize("NFKC", title).casefold()
    if "测试" in plain(text) or "test" in text or "11111" in text:
        return True
    if not {"test", "11111"} & {plain(text)[at : at + size] for at in range(len(text)) for size in (4, 5)}:
        return False
    for start, end in combinations(range(len(text) + 1), 2):
        said, around = plain(text[start:end]), {*text[:start][-1:], *text[end : end + 1]}
        if said == "test" and not around & set(ascii_lowercase):
            return True
        if len(said) >= len("11111") and set(said) == {"1"} and not around & set(digits):
            return True
    return False


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """NFKC without blanks."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@lru_cache(maxsize=1024)
def _bare(text: str) -> str:
    """Letters and digits only, 办理 taken out."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum()).casefold().replace("办理", "")


def _names_only_the_item(closing: Event, accepted: Sequence[Event], reference: Reference) -> bool:
    unit, day = closing["unit_code"], shanghai_day(closing["closed_at"])
    row = reference.registry.on(item_key(closing), day) or {}
    items = {name for name in (closing.get("item_name", ""), row.get("item_name", "")) if _bare(name)}
    units = {closing.get("unit_name", ""), reference.unit_name(unit, day)}
    around = [(before, after) for unit in units for word in ("", "办理") for before, after in ((unit + word, ""), ("", word + unit))]
    names = {_bare(item) for item in items} | {_bare(before + item + after) for item in items for before, after in around}
    return any(_bare(event.get("title", "")) in names for event in (closing, *accepted))


def _differs(closing: Event, archive: Event) -> bool:
    titles = plain(closing.get("title", "")), plain(archive.get("title", ""))
    return normalise(closing["item_code"]) != normalise(archive["item_code"]) or (all(titles) and titles[0] != titles[1])


def _time_is_invalid(closing: Event, accepted: Sequence[Event]) -> bool:
    at = closing["accepted_at"]
    early = any(archive["received_at"] < at for archive in accepted)
    return at > closing["closed_at"] or not _EARLIEST_MS <= at < _LATEST_MS or early


def _missing(closing: Event, accepted: Sequence[Event], reference: Reference) -> Iterator[str]:
    """Without an archive there is nothing that a material could be missing from."""
    schedule = reference.approved_schedule(item_key(closing), shanghai_day(closing["closed_at"]))
    if schedule is None or not accepted:
        return
    there = [filled(material) for archive in accepted for material in archive.get("materials", ())]
    for asked in map(filled, schedule.get("materials", ())):
        if asked["required"] and asked["electronic"] and asked["kind"] != "UNKNOWN" and not any(_is(asked, one) for one in there):
            yield f"MISSING_{asked['kind']}"


def filled(material: Event) -> Event:
    """A material with what may be left out."""
    return {"kind": "UNKNOWN", "code": "", "required": True, "electronic": True, **material}


def _is(asked: Event, material: Event) -> bool:
    """An empty code is none, and an empty name is a name only of what has no code either."""
    name, code = plain(asked["name"]), plain(asked["code"])
    if code and code == plain(material["code"]):
        return True
    if code and not name:
        return False
    return name == plain(material["name"]) and material["kind"] in {asked["kind"], "UNKNOWN"}
