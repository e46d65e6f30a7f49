"""Titles of cases and archives: what they say, known when they are made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡"
_GIVEN = ("伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀兰", "霞", "平")
_OF_ITEM = ("{item}", "办理{item}", "{item}办理", "《{item}》", "{item}。", "- {item} -")
_OF_UNIT_AND_ITEM = ("{unit}{item}", "{unit}办理{item}", "{item}({unit})", "{unit}：{item}")
_FULL_WIDTH = str.maketrans("()-", "（）－")


@dataclass(frozen=True, slots=True)
class Title:
    """A title.

    Parameters
    ----------
    item_name, unit_name
        It says these and nothing else; both empty: it says more, or nothing.
    suspect
        It says that it is a test.
    """

    text: str = ""
    item_name: str = ""
    unit_name: str = ""
    suspect: bool = False

    def only_names(self, item_names: Collection[str], unit_name: str) -> bool:
        """It is the name of an item that has these names, with or without the name of the unit."""
        return self.item_name in item_names and self.unit_name in {"", unit_name}

    def differs(self, other: Title) -> bool:
        """Both say something, and not the same."""
        return "" not in {self.text, other.text} and self.text != other.text

    def spelled(self, rng: Random) -> str:
        """The text with blanks and full-width signs that change nothing."""
        place = rng.randint(0, len(self.text))
        return f"{self.text[:place]} {self.text[place:]}\u3000".translate(_FULL_WIDTH) if self.text else ""


EMPTY = Title()


def of_applicant(rng: Random, item_name: str) -> Title:
    """Who applied for what."""
    return Title(f"{rng.choice(_SURNAMES)}{rng.choice(_GIVEN)}申请{item_name}")


def of_item(rng: Random, item_name: str) -> Title:
    """What was applied for, and nobody who did."""
    return Title(rng.choice(_OF_ITEM).format(item=item_name), item_name)


def of_unit_and_item(rng: Random, item_name: str, unit_name: str) -> Title:
    """What was applied for, and where."""
    return Title(rng.choice(_OF_UNIT_AND_ITEM).format(item=item_name, unit=unit_name), item_name, unit_name)


def of_test(rng: Random, item_name: str) -> Title:
    """It says that it is a test, whatever it is."""
    return Title(of_applicant(rng, item_name).text + rng.choice(("测试", "TEST", "11111")), suspect=True)
