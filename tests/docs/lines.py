"""Commands as the documents name them: in fenced blocks, and in code within a sentence or a table."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_OTHER_LANGUAGES = {"toml", "yaml", "json", "sql", "python", "ini", "java", "avro", "text", "promql", "xml"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_AND_THEN = re.compile(r"\s(?:\||\|\||&&|;|>|>>|<)\s")
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
_PREFIXES = {"$", "sudo", "timeout", "env"}


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a document.

    Parameters
    ----------
    program
        ``guidang``, ``pytest``, ``make``, ``python``, …: the last part of its path.
    whole
        It stands in a block, to be copied: nothing may be missing. Within a sentence a command may be named by its name alone.
    """

    page: str
    number: int
    program: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.number}: {self.program} {' '.join(self.words)}"


def lines(*programs: str) -> list[Line]:
    """All commands of the documents whose program is one of these."""
    return [line for page in PAGES for line in _lines_of(page) if line.program in programs]


def _lines_of(page: Path) -> Iterator[Line]:
    text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
    for block in _FENCE.finditer(text):
        if block[1] not in _OTHER_LANGUAGES:
            first = text.count("\n", 0, block.start(2)) + 1
            for offset, line in enumerate(block[2].replace("\\\n", "  ").splitlines()):
                yield from _commands(name, first + offset, line, whole=True)
    prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        for code in _INLINE.findall(line.replace("\\|", "|")):
            yield from _commands(name, number, code, whole=False)


def _commands(page: str, number: int, text: str, *, whole: bool) -> Iterator[Line]:
    for part in _AND_THEN.split(text):
        words = _words(part)
        while words and (words[0] in _PREFIXES or _ASSIGNMENT.fullmatch(words[0])):
            del words[0]
        if words:
            program = "python" if re.fullmatch(r"python[\d.]*", Path(words[0]).name) else Path(words[0]).name
            yield Line(page, number, program, tuple(words[1:]), whole)


def _words(text: str) -> list[str]:
    """Words as a shell takes them; brackets around what may be left out, and dots for what follows, are not there."""
    text = re.sub(r"\[([^\]]*)\]", r"\1", text.removeprefix("$ "))
    try:
        return [word for word in shlex.split(text, comments=True) if word not in {"…", "..."}]
    except ValueError:  # no closing quotation: prose, or a formula
        return []
