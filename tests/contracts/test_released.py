"""A released schema is for ever: its file is never edited, withdrawn or renumbered, and none is used that was not released."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.released import broken_promises, declared, release, released
from streams.contracts import FOLDER


def test_every_schema_is_released_and_none_was_touched_since():
    """``python -m ops.released`` enters a new one; an old one is not to be mended, but followed by a new version."""
    assert broken_promises() == []
    assert released() == declared()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the contracts, to be spoilt."""
    return Path(shutil.copytree(FOLDER, tmp_path / "avro"))


def edit(folder: Path) -> None:
    """One word in a comment."""
    path = folder / "case-state" / "v1.avsc"
    path.write_text(path.read_text(encoding="utf-8").replace("earliest acceptance", "first acceptance"), encoding="utf-8")


def withdraw(folder: Path) -> None:
    """The topic says nothing of the version any more."""
    path = folder / "case-state" / "topic.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  - {id: 5, file: v1.avsc}\n", "  []\n"), encoding="utf-8")


def renumber(folder: Path) -> None:
    """The same file under another id."""
    path = folder / "case-state" / "topic.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("id: 5", "id: 99"), encoding="utf-8")


@pytest.mark.parametrize("spoil", [edit, withdraw, renumber])
def test_a_released_schema_that_was_edited_withdrawn_or_renumbered_is_told(spoil, folder: Path):
    """By its id and file."""
    spoil(folder)
    (told,) = broken_promises(folder)
    assert told.startswith("schema id 5 (case-state/v1.avsc)")


def test_a_new_version_is_entered_beside_the_old_ones(folder: Path):
    """And changes nothing about them."""
    before = released(folder)
    (folder / "case-state" / "v2.avsc").write_bytes((folder / "case-state" / "v1.avsc").read_bytes())
    path = folder / "case-state" / "topic.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "  - {id: 99, file: v2.avsc}\n", encoding="utf-8")
    assert broken_promises(folder) == []
    assert release(folder) == [99]
    assert released(folder) == {**before, 99: {**before[5], "file": "case-state/v2.avsc"}}
