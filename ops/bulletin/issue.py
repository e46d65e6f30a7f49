"""From figures to files: a draft, or a published edition."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.bulletin.build import STEPS, Built, build
from ops.bulletin.contents import content_of
from ops.bulletin.difference import changes, difference_table, difference_text
from ops.bulletin.document import bulletin_document
from ops.bulletin.editions import Edition, editions, one_at_a_time, publish, write_draft
from ops.bulletin.figures import Figures
from ops.bulletin.model import dump, load
from ops.bulletin.page import page
from ops.bulletin.paper import paper
from ops.bulletin.period import Period
from ops.bulletin.tables import Table
from ops.bulletin.unit_list import unit_document
from ops.bulletin.workbook import workbook

DATA = "data.json"
_FORMATS = (("bulletin.xlsx", workbook), ("bulletin.html", page), ("bulletin.pdf", paper))
_LONGEST_NAME = 120
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes, and when (ISO time).

    Parameters
    ----------
    revisions
        Reference topics to end offsets of their partitions: the figures rest on what lies before them, and maybe on more.
    """

    name: str
    at: str
    revisions: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Issued:
    """What was written.

    Parameters
    ----------
    edition
        Number; ``None`` for a draft.
    new
        Not set: the last edition says the same already, nothing was written.
    changed
        Figures that differ from the edition before.
    """

    folder: Path
    edition: int | None
    new: bool
    changed: int
    files: tuple[str, ...]


def issue(figures: Figures, period: Period, out: Path, publisher: Publisher | None, tell: Tell = lambda _done, _total: None) -> Issued:
    """Write the bulletin of a period: a draft, or, with a publisher, the next edition unless the last one says the same.

    Raises
    ------
    ConfigurationError
        The period lies in the future, or the folder cannot be written.
    DependencyError
        The figures cannot be had, or no Chinese font is installed.
    TamperedEdition
        An earlier edition is not what was published.
    """
    folder = out / period.text
    with one_at_a_time(folder):
        before = editions(folder)
        built = build(figures, period, tell)
        if publisher is None:
            files = render(built, "草稿，未经发布", tell=tell)
            return Issued(write_draft(folder, files), None, new=True, changed=0, files=tuple(files))
        last = before[-1] if before else None
        content = content_of(built.bulletin)
        if last and content_of(load(last.read(DATA))) == content:
            return Issued(last.folder, last.number, new=False, changed=0, files=tuple(last.record["files"]))
        record: dict[str, object] = {
            "period": period.text,
            "as_of": built.bulletin.as_of,
            "published_by": publisher.name,
            "published_at": publisher.at,
            "policy": figures.policy(),
            "reference_revisions": publisher.revisions,
            "content": content,
        }
        return _publish(built, folder, last, record, tell)


def render(built: Built, edition: str, difference: Table | None = None, tell: Tell = lambda _done, _total: None) -> dict[str, bytes]:
    """All files of a bulletin by name: the same data and the same edition make the same bytes."""
    bulletin = built.bulletin
    document = bulletin_document(bulletin, edition, difference)
    total = STEPS + len(_FORMATS) + len(built.todos)
    files = {DATA: dump(bulletin)}
    for name, write in _FORMATS:
        files[name] = write(document)
        tell(STEPS + len(files) - 1, total)
    names = {todo.unit_code: todo.unit_name for todo in bulletin.todos}
    for unit, todos in built.todos.items():
        listed = unit_document(unit, names[unit], todos, bulletin.assumptions, period=bulletin.label, as_of=bulletin.as_of, edition=edition)
        files[f"units/{file_name(unit)}.xlsx"] = workbook(listed)
        tell(STEPS + len(files) - 1, total)
    return files


def file_name(unit: str) -> str:
    """Name of a unit's file: codes come from outside, and may hold anything that a code should not."""
    name = quote(unit, safe="") or "_"
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(unit.encode()).hexdigest()


def _publish(built: Built, folder: Path, last: Edition | None, record: Mapping[str, object], tell: Tell) -> Issued:
    bulletin = built.bulletin
    number = last.number + 1 if last else 1
    found = changes(load(last.read(DATA)), bulletin) if last else []
    files = render(built, f"第 {number} 版", difference_table(found, last.number) if last else None, tell)
    if last:
        files["difference.md"] = difference_text(found, bulletin.label, last.number, number)
    edition = publish(folder, number, files, {**record, "previous": last.mark if last else None})
    return Issued(edition.folder, number, new=True, changed=len(found), files=tuple(files))
