"""What an archive says: its item, its title, and the materials in it, right or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from random import Random

from ops.simulate import titles
from ops.simulate.closings import Content
from ops.simulate.items import Item
from ops.simulate.schedules import Material, Table
from ops.simulate.titles import Title

_ODD_FORM = 0.04
_LOOK_ALIKE = 0.3


class Form(Enum):
    """How a material is in an archive; by all but the last it is there."""

    AS_SCHEDULED = 0
    BY_CODE = 1
    """Its code, under another name and kind."""
    BY_NAME = 2
    """Its name and kind, without a code."""
    OF_UNKNOWN_KIND = 3
    """Its name, without a code."""
    LOOK_ALIKE = 4
    """Its name under another kind, without a code: that is another material."""


_THERE = tuple(form for form in Form if form is not Form.LOOK_ALIKE)
Sheet = tuple[Material, Form]


@dataclass(frozen=True, slots=True)
class Paper:
    """What the accepted package of an archive number says."""

    item: Item
    title: Title
    sheets: tuple[Sheet, ...]

    @property
    def carried(self) -> frozenset[Material]:
        """Materials that are there."""
        return frozenset(material for material, form in self.sheets if form is not Form.LOOK_ALIKE)

    def without(self, rng: Random, kinds: frozenset[str]) -> Paper:
        """The same without materials of some kinds; of some of these something else has the name."""
        sheets = [sheet for sheet in self.sheets if sheet[0].kind not in kinds]
        left_out = (material for material, _ in self.sheets if material.kind in kinds)
        return replace(self, sheets=(*sheets, *((each, Form.LOOK_ALIKE) for each in left_out if rng.random() < _LOOK_ALIKE)))


def right_paper(rng: Random, content: Content, table: Table | None) -> Paper:
    """All that is asked for by a schedule, and some of the rest."""
    materials = table.materials if table else ()
    return Paper(content.item, content.title, tuple((each, _form(rng)) for each in materials if _is_sent(rng, each)))


def spoilt_paper(rng: Random, paper: Paper) -> Paper:
    """What a package says that does not speak for its archive: all of it is wrong."""
    return Paper(paper.item, titles.of_applicant(rng, paper.item.name), ())


def err(rng: Random, paper: Paper, content: Content, others: list[Item]) -> tuple[str, Paper]:
    """Make a mistake in an archive; return its name too."""
    name = rng.choice(list(_MISTAKES))
    return name, _MISTAKES[name](rng, paper, content, others)


def _is_sent(rng: Random, material: Material) -> bool:
    return material.electronic and (material.required or rng.random() < 0.5)  # noqa: PLR2004


def _form(rng: Random) -> Form:
    return rng.choice(_THERE) if rng.random() < _ODD_FORM else Form.AS_SCHEDULED


Mistake = Callable[[Random, Paper, Content, list[Item]], Paper]


def _another_title(rng: Random, paper: Paper, content: Content, _others: list[Item]) -> Paper:
    return replace(paper, title=titles.of_applicant(rng, content.item.name))


def _item_name_for_title(rng: Random, paper: Paper, content: Content, _others: list[Item]) -> Paper:
    return replace(paper, title=titles.of_unit_and_item(rng, content.item.registered_name, content.unit.name))


def _another_item(rng: Random, paper: Paper, _content: Content, others: list[Item]) -> Paper:
    return replace(paper, item=rng.choice(others))


def _without(*kinds: str) -> Mistake:
    return lambda rng, paper, _content, _others: paper.without(rng, frozenset(kinds))


_MISTAKES: Mapping[str, Mistake] = {
    "archive of another title": _another_title,
    "archive without a title": lambda _rng, paper, _content, _others: replace(paper, title=titles.EMPTY),
    "archive titled as its item": _item_name_for_title,
    "archive of another item": _another_item,
    "no evidence": _without("EVIDENCE"),
    "no procedure": _without("PROCEDURE"),
    "no result": _without("RESULT"),
    "no materials": _without("EVIDENCE", "PROCEDURE", "RESULT"),
}
